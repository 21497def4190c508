//! Keeps the newest executions of each trigger, and forgets the others in small steps.

use std::time::Duration;

use tokio::sync::watch;

use super::Runner;
use crate::domain::id::TriggerId;
use crate::store::Result;

/// How often, by the clock that nobody can set.
const EVERY: Duration = Duration::from_mins(1);

/// Rows of one step.
const STEP: usize = 500;

/// How long a sender's name for what it sent is remembered: forges let people deliver again for
/// three days.
const KEY_RETENTION: Duration = Duration::from_hours(7 * 24);

/// Runs until `stop` says so.
pub(super) async fn tidy(runner: &Runner, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        let next = runner.clock.sleep(EVERY);
        if let Err(error) = sweep(runner, &stop).await {
            tracing::error!(%error, "old executions cannot be forgotten; trying again");
        }
        tokio::select! {
            // An error means that whoever could stop us is gone.
            changed = stop.changed() => if changed.is_err() { break },
            () = runner.removed.notified() => {}
            () = next => {}
        }
    }
}

async fn sweep(runner: &Runner, stop: &watch::Receiver<bool>) -> Result<()> {
    let (db, history) = (&runner.db, runner.policy.history);
    let mut after = Some(TriggerId(0));
    while let Some(from) = after
        && !*stop.borrow()
    {
        let (old, next) = db.read(move |archive| archive.old_executions(from, history, STEP)).await?;
        for step in old.chunks(STEP) {
            let these = step.to_vec();
            db.write(move |store| store.remove_executions(&these)).await?;
        }
        after = next;
    }
    while !*stop.borrow() && db.write(move |store| store.forget_triggers(STEP)).await? > 0 {}
    let before = runner.clock.now().minus(KEY_RETENTION);
    while !*stop.borrow() && db.write(move |store| store.forget_execution_keys(before, STEP)).await? == STEP {}
    Ok(())
}
