//! Makes the redeliveries of replays, a step at a time.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};

use crate::clock::Clock;
use crate::domain::replay::Replay;
use crate::store::Result;
use crate::store::db::Db;

/// Redeliveries of one step: few enough that publishes which share its
/// transaction hardly wait.
const STEP: usize = 200;

/// How long to wait before a step that failed is tried again.
const STEP_AGAIN: Duration = Duration::from_secs(1);

/// The one task that moves replays on.
pub struct Replayer {
    /// The store.
    pub db: Db,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Says that a replay began.
    pub replays: Arc<Notify>,
    /// Tells the dispatcher that something became due.
    pub wake: Arc<Notify>,
}

impl Replayer {
    /// Runs until `stop` says so; what is left then goes on after the next start.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            let failed = match self.replay(&stop).await {
                Ok(()) => false,
                Err(error) => {
                    tracing::error!(%error, "a replay cannot go on; trying again");
                    true
                }
            };
            let again = self.clock.now().plus(STEP_AGAIN);
            tokio::select! {
                // An error means that whoever could stop us is gone.
                changed = stop.changed() => if changed.is_err() { break },
                () = self.replays.notified() => {}
                () = self.clock.sleep_until(again), if failed => {}
            }
        }
    }

    /// A step of each replay that runs, in turn, until none does: a short one does
    /// not wait for the end of a long one.
    async fn replay(&self, stop: &watch::Receiver<bool>) -> Result<()> {
        loop {
            let running = self.db.read(|archive| archive.running_replays()).await?;
            if running.is_empty() {
                return Ok(());
            }
            for replay in running {
                if *stop.borrow() {
                    return Ok(());
                }
                self.step(replay).await?;
            }
        }
    }

    /// What a step is made of is looked up by reading, which may take long; the
    /// writer only has the step itself to do, and publishes go in between.
    async fn step(&self, replay: Replay) -> Result<()> {
        let step = self.db.read(move |archive| archive.next_step(&replay, STEP)).await?;
        let now = self.clock.now();
        if self.db.write(move |store| store.step(now, &step)).await? > 0 {
            self.wake.notify_one();
        }
        Ok(())
    }
}
