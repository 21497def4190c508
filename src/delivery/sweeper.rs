//! Upkeep in small steps, each a transaction that holds up nobody.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};

use super::clock_set::ClockSet;
use super::expiry::Expiry;
use super::retention::Rotation;
use crate::clock::Clock;
use crate::domain::retention::Retention;
use crate::store::db::Db;
use crate::store::{KEY_RETENTION, Result};

/// How often the sweeper looks by itself, by the clock that nobody can set.
const EVERY: Duration = Duration::from_secs(15);

/// Rows of one step.
const STEP: usize = 500;

/// The one task that keeps the store tidy.
pub struct Sweeper {
    /// The store.
    pub db: Db,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// How long deliveries are leased for.
    pub lease: Duration,
    /// Says that a hook was removed.
    pub removed: Arc<Notify>,
    /// Tells the dispatcher that something became due.
    pub wake: Arc<Notify>,
    /// How long things are kept, and how much of them.
    pub retention: Retention,
}

impl Sweeper {
    /// Runs until `stop` says so. What has grown old may take minutes to put away:
    /// that goes on beside the rest.
    pub async fn run(self, stop: watch::Receiver<bool>) {
        let rotation = Rotation::new(self.db.clone(), self.clock.clone(), self.retention, stop.clone());
        tokio::join!(self.tidy(stop), rotation.run());
    }

    async fn tidy(&self, mut stop: watch::Receiver<bool>) {
        let mut clock_set = ClockSet::new(&*self.clock, self.lease);
        let mut expiry = Expiry::default();
        while !*stop.borrow() {
            let next = self.clock.sleep(EVERY);
            if let Err(error) = self.sweep(&mut clock_set, &stop).await {
                tracing::error!(%error, "the store cannot be tidied; trying again");
            }
            if let Err(error) = expiry.look(&self.db, &*self.clock).await {
                tracing::error!(%error, "hooks' certificates cannot be looked at; trying again");
            }
            tokio::select! {
                // An error means that whoever could stop us is gone.
                changed = stop.changed() => if changed.is_err() { break },
                () = self.removed.notified() => {}
                () = next => {}
            }
        }
    }

    async fn sweep(&self, clock_set: &mut ClockSet, stop: &watch::Receiver<bool>) -> Result<()> {
        // Before any lease is found to have run out.
        let now = clock_set.look(&*self.clock);
        while !*stop.borrow() && clock_set.step(&self.db, STEP).await? {
            self.wake.notify_one();
        }
        self.db.fan_out(now, now.plus(self.lease));
        while !*stop.borrow() && self.db.cancel_owed(now, STEP).await? {}
        let before = now.minus(KEY_RETENTION);
        while !*stop.borrow() && self.db.write(move |store| store.forget_keys(before, STEP)).await? == STEP {}
        if let Some(before) = self.retention.audit.before(now) {
            while !*stop.borrow() && self.db.write(move |store| store.forget_audit(before, STEP)).await? == STEP {}
        }
        while !*stop.borrow() && self.db.write(move |store| store.forget_former(now, STEP)).await? == STEP {}
        // A stop takes all back at its end; what is in flight may end until then.
        if !*stop.borrow() {
            self.db.write(move |store| store.take_back(now, false)).await?;
        }
        // A claim that finds nothing costs next to nothing, and with it nothing that is
        // due can wait for longer than this round, whoever should have told of it.
        self.wake.notify_one();
        Ok(())
    }
}
