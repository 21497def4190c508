//! Upkeep in small steps, each a transaction that holds up nobody.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};

use crate::clock::Clock;
use crate::store::db::Db;
use crate::store::{KEY_RETENTION, Result};

/// How often the sweeper looks by itself.
const EVERY: Duration = Duration::from_secs(15);

/// Rows of one step.
const STEP: usize = 500;

/// The one task that keeps the store tidy.
pub struct Sweeper {
    /// The store.
    pub db: Db,
    /// How long a delivery is leased for.
    pub lease: Duration,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Says that a hook was removed.
    pub removed: Arc<Notify>,
    /// Tells the dispatcher that something became due.
    pub wake: Arc<Notify>,
}

impl Sweeper {
    /// Runs until `stop` says so.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            if let Err(error) = self.sweep(&stop).await {
                tracing::error!(%error, "the store cannot be tidied; trying again");
            }
            let next = self.clock.now().plus(EVERY);
            tokio::select! {
                // An error means that whoever could stop us is gone.
                changed = stop.changed() => if changed.is_err() { break },
                () = self.removed.notified() => {}
                () = self.clock.sleep_until(next) => {}
            }
        }
    }

    async fn sweep(&self, stop: &watch::Receiver<bool>) -> Result<()> {
        let now = self.clock.now();
        self.db.fan_out(now, now.plus(self.lease));
        while !*stop.borrow() && self.db.cancel_owed(now, STEP).await? {}
        let before = now.minus(KEY_RETENTION);
        while !*stop.borrow() && self.db.write(move |store| store.forget_keys(before, STEP)).await? == STEP {}
        if self.db.write(move |store| store.take_back(now, false)).await? > 0 {
            self.wake.notify_one();
        }
        Ok(())
    }
}
