//! Where each hook's requests go, and whether they may, as it stands on disk now.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::Errand;
use crate::domain::breaker::Breaker;
use crate::domain::certificate::{CaCertificate, TlsIdentity};
use crate::domain::headers::CustomHeaders;
use crate::domain::hook::{NewHook, Order};
use crate::domain::id::HookId;
use crate::domain::mask::Mask;
use crate::domain::pace::Limits;
use crate::domain::secrets::{HookSecrets, Signing};
use crate::domain::signature::Scheme;
use crate::domain::time::Timestamp;
use crate::domain::url::{Credentials, HookUrl};
use crate::domain::webhook::Webhook;

/// What an attempt needs to know of its hook.
#[derive(Debug, Clone)]
pub struct Target {
    /// Whom to call.
    pub url: HookUrl,
    /// What its requests carry that is secret; why not, if that does not open.
    pub secrets: std::result::Result<Arc<OpenSecrets>, String>,
    /// What makes it one of Huskar's.
    pub webhook: Option<Webhook>,
    /// Accept any certificate.
    pub insecure_ssl: bool,
    /// How much it may get at a time.
    pub limits: Limits,
    /// In which order it gets its events.
    pub order: Order,
    /// Whether deliveries to it may stand in line, by this order or a former one.
    pub lined: bool,
    /// Whether it gets nothing for now.
    pub paused: bool,
    /// How its latest attempts went.
    pub breaker: Breaker,
}

/// What the requests to a hook carry that is secret, made ready once.
#[derive(Debug, Default)]
pub struct OpenSecrets {
    /// Sent as `Authorization: Basic`, at once.
    pub credentials: Option<Credentials>,
    /// Sent as they are.
    pub headers: CustomHeaders,
    /// Signs what is sent.
    pub signing: Signing,
    /// Whom to trust, and what to show, where that is not as usual.
    pub identity: Option<Arc<TlsIdentity>>,
    /// Takes all of these out of answers.
    pub mask: Mask,
}

impl OpenSecrets {
    /// Makes a hook's secrets ready to sign in these ways, and to call a server for
    /// which this CA vouches.
    #[must_use]
    pub fn new(secrets: HookSecrets, schemes: &[Scheme], ca: Option<CaCertificate>) -> Self {
        let (signing, mask) = (Signing::new(&secrets.keys, schemes), Mask::of(&secrets));
        let identity = TlsIdentity::of(ca, secrets.client_certificate).map(Arc::new);
        Self { credentials: secrets.credentials, headers: secrets.headers, signing, identity, mask }
    }
}

impl Target {
    /// That of a new hook.
    #[must_use]
    pub fn new(hook: &NewHook, secrets: HookSecrets) -> Self {
        Self {
            url: hook.url.clone(),
            secrets: Ok(Arc::new(OpenSecrets::new(secrets, &hook.signatures, hook.ca_certificate.clone()))),
            webhook: hook.webhook,
            insecure_ssl: hook.insecure_ssl,
            limits: hook.limits,
            order: hook.order,
            lined: hook.order != Order::None,
            paused: false,
            breaker: Breaker::default(),
        }
    }

    /// How much it may get at a time; an ordered hook never two, whatever became of
    /// the first one's lease.
    #[must_use]
    pub fn limits(&self) -> Limits {
        let one = (self.order == Order::Hook).then_some(1);
        Limits { max_in_flight: one.or(self.limits.max_in_flight), ..self.limits }
    }

    /// Whether an attempt on this errand may be made.
    #[must_use]
    pub fn lets_out(&self, errand: Errand) -> bool {
        match errand {
            Errand::Usual => self.held_until().is_none(),
            Errand::Probe => !self.paused,
            Errand::Test => true,
        }
    }

    /// Until when what it is owed waits in the store; `None` if it may go out.
    #[must_use]
    pub fn held_until(&self) -> Option<Timestamp> {
        if self.paused { Some(Timestamp::MAX) } else { self.breaker.probe_at }
    }
}

/// The targets of all hooks that have had a delivery in memory. The store sets
/// them when a change has committed, so that an attempt that starts after a
/// change was answered sees it.
#[derive(Debug, Default)]
pub struct Targets(RwLock<HashMap<HookId, Arc<Target>>>);

impl Targets {
    /// The hook's target; `None` if it was removed.
    #[must_use]
    pub fn get(&self, hook: HookId) -> Option<Arc<Target>> {
        let targets = self.0.read().unwrap_or_else(PoisonError::into_inner);
        targets.get(&hook).cloned()
    }

    pub(super) fn set(&self, hook: HookId, target: Option<Arc<Target>>) {
        let mut targets = self.0.write().unwrap_or_else(PoisonError::into_inner);
        match target {
            Some(target) => targets.insert(hook, target),
            None => targets.remove(&hook),
        };
    }
}
