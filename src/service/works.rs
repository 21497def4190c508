//! What works in a service, and what it shares.

use std::sync::Arc;

use tokio::sync::{Notify, watch};

use super::StartError;
use crate::api::bodies::Bodies;
use crate::api::health::Readiness;
use crate::api::{App, Auth, Callers, Fired};
use crate::clock::Clock;
use crate::config::Settings;
use crate::delivery::asker::Asker;
use crate::delivery::dispatcher::Dispatcher;
use crate::delivery::gatekeeper::Gatekeeper;
use crate::delivery::outgoing::Outgoing;
use crate::delivery::replayer::Replayer;
use crate::delivery::sender::Sender;
use crate::delivery::sweeper::Sweeper;
use crate::domain::time::Timestamp;
use crate::publish::Publisher;
use crate::publish::triggers::Runner;
use crate::store::db::{Db, Handover};
use crate::store::known_tokens::KnownTokens;

/// What the works share.
pub(super) struct Works {
    db: Db,
    clock: Arc<dyn Clock>,
    wake: Arc<Notify>,
    replays: Arc<Notify>,
    removed: Arc<Notify>,
    opened: Arc<Notify>,
    fired: Fired,
    tokens: Arc<KnownTokens>,
}

impl Works {
    pub(super) fn new(db: Db, clock: Arc<dyn Clock>, tokens: Arc<KnownTokens>) -> Self {
        let (wake, replays, removed, opened) = Default::default();
        let fired = Fired::default();
        Self { db, clock, wake, replays, removed, opened, fired, tokens }
    }

    pub(super) fn app(&self, settings: &Settings, sender: Arc<Sender>, stop: watch::Receiver<bool>) -> Arc<App> {
        let lease = settings.policy.lease();
        Arc::new(App {
            publisher: Publisher::new(self.db.clone(), self.clock.clone(), lease, stop.clone()),
            asker: Asker::new(self.db.clone(), self.clock.clone(), sender, self.opened.clone()),
            stop,
            db: self.db.clone(),
            clock: self.clock.clone(),
            wake: self.wake.clone(),
            replays: self.replays.clone(),
            removed: self.removed.clone(),
            fired: self.fired.clone(),
            trigger_retries: settings.triggers.retries,
            callers: Callers::new(settings.triggers.rate_limit),
            public_url: settings.public_url.clone(),
            auth: Auth::new(self.tokens.clone(), self.clock.clone()),
            ready: Readiness::default(),
            reach: settings.reach(),
            max_body: settings.max_body,
            bodies: Bodies::new(&settings.limits),
            publish_wait: settings.publish_wait,
            secret_overlap: settings.secret_overlap,
        })
    }

    pub(super) fn dispatcher(&self, handover: Handover, sender: Arc<Sender>, settings: &Settings) -> Dispatcher {
        let (policy, wake, removed) = (settings.policy.clone(), self.wake.clone(), self.removed.clone());
        Dispatcher::new(self.db.clone(), handover, self.clock.clone(), sender, policy, wake, removed)
    }

    pub(super) fn gatekeeper(&self) -> Gatekeeper {
        Gatekeeper { db: self.db.clone(), clock: self.clock.clone(), opened: self.opened.clone() }
    }

    pub(super) fn runner(&self, settings: &Settings) -> Runner {
        Runner {
            db: self.db.clone(),
            clock: self.clock.clone(),
            fired: self.fired.runner.clone(),
            removed: self.fired.removed.clone(),
            lease: settings.policy.lease(),
            policy: settings.triggers,
        }
    }

    pub(super) fn outgoing(&self, sender: Arc<Sender>, settings: &Settings) -> Outgoing {
        Outgoing {
            db: self.db.clone(),
            clock: self.clock.clone(),
            sender,
            fired: self.fired.outgoing.clone(),
            lease: settings.policy.lease(),
            policy: settings.triggers,
        }
    }

    pub(super) fn replayer(&self) -> Replayer {
        Replayer {
            db: self.db.clone(),
            clock: self.clock.clone(),
            replays: self.replays.clone(),
            wake: self.wake.clone(),
        }
    }

    pub(super) fn sweeper(&self, settings: &Settings) -> Sweeper {
        Sweeper {
            db: self.db.clone(),
            clock: self.clock.clone(),
            lease: settings.policy.lease(),
            removed: self.removed.clone(),
            wake: self.wake.clone(),
            retention: settings.retention,
        }
    }
}

/// Takes up what a former process left in the middle.
pub(super) async fn take_up(db: &Db, now: Timestamp) -> Result<(), StartError> {
    db.write(move |store| store.take_back(now, true)).await?;
    db.write(move |store| store.take_back_executions(now)).await?;
    // The clock may have been wrong then; and another version may know other zones.
    db.schedule_anew(now).await?;
    let abandoned = db.write(move |store| store.abandon(now)).await?;
    if abandoned > 0 {
        tracing::warn!(gates = abandoned, "expired: the server stopped while their hooks were being asked");
    }
    Ok(())
}
