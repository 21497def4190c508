//! Carries out what fired a trigger: from an execution to the events that it publishes.
//!
//! Each execution ends in one transaction with what it publishes and with when its trigger
//! fires next: nothing is lost and nothing comes twice, whenever the process dies.

mod history;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::{Notify, watch};

use crate::clock::{Clock, Drift, Set};
use crate::domain::time::Timestamp;
use crate::domain::trigger::{Ended, Execution, Policy, Trigger, carry};
use crate::store::db::Db;
use crate::store::{Carry, Reads, Result, StoreError};

/// Executions that are carried out together, and about so many bytes of what came in.
const BATCH: usize = 256;
const BATCH_BYTES: usize = 16 << 20;

/// They are handed to the writer once what they publish comes to so much: one may come to more
/// than what came in.
const DECIDED_BYTES: usize = 16 << 20;

/// How often it looks by itself, by the clock that nobody can set.
const EVERY: Duration = Duration::from_secs(15);

/// How long to leave the store alone when it is in trouble, and when it is only busy.
const AGAIN: Duration = Duration::from_secs(1);
const BUSY: Duration = Duration::from_millis(20);

/// The one task that carries out executions.
pub struct Runner {
    /// The store.
    pub db: Db,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Says that something was fired.
    pub fired: Arc<Notify>,
    /// Says that a trigger was removed.
    pub removed: Arc<Notify>,
    /// How long deliveries are leased for.
    pub lease: Duration,
    /// How triggers are carried out.
    pub policy: Policy,
}

/// Executions, each with its trigger, and whether an event that a trigger had published fired it.
type Due = VecDeque<(Execution, Trigger, bool)>;

/// What there is to do.
enum Work {
    /// This.
    Due(Due),
    /// Nothing until then.
    Until(Option<Timestamp>),
}

impl Runner {
    /// Runs until `stop` says so. What is over is tidied beside it.
    pub async fn run(self, stop: watch::Receiver<bool>) {
        tokio::join!(self.carry(stop.clone()), history::tidy(&self, stop));
    }

    async fn carry(&self, mut stop: watch::Receiver<bool>) {
        let mut drift = Drift::new(&*self.clock);
        while !*stop.borrow() {
            let turned = tokio::select! {
                turned = self.turn(&mut drift) => turned,
                // An error means that whoever could stop us is gone.
                changed = stop.changed() => if changed.is_err() { break } else { continue },
            };
            match turned {
                Ok(()) => {}
                Err(StoreError::Busy) => tokio::time::sleep(BUSY).await,
                Err(error) => {
                    tracing::error!(%error, "what fired triggers cannot be carried out; trying again");
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
    }

    /// Carries out what is due, or waits for something to be.
    async fn turn(&self, drift: &mut Drift) -> Result<()> {
        // Before looking, so that nothing is missed that comes meanwhile.
        let (fired, again) = (self.fired.notified(), self.clock.sleep(EVERY));
        let (now, set) = drift.look(&*self.clock);
        if let Some(Set::Back(by)) = set {
            tracing::warn!(?by, "the clock was set back: what it had reached too early is scheduled anew");
            self.db.write(move |store| store.make_executions_due_earlier(now, by)).await?;
            self.db.schedule_anew(now).await?;
        }
        match self.db.look(move |archive| work(archive, now)).await? {
            Work::Due(due) => self.carry_all(now, due).await,
            Work::Until(next) => {
                tokio::select! {
                    () = fired => {}
                    () = self.clock.sleep_until(next.unwrap_or(Timestamp::MAX)), if next.is_some() => {}
                    () = again => {}
                }
                Ok(())
            }
        }
    }

    /// In the order of the executions, so many at a time as they come to bytes.
    async fn carry_all(&self, now: Timestamp, mut due: Due) -> Result<()> {
        let (policy, until) = (self.policy, now.plus(self.lease));
        let (mut went_through, mut failed) = (false, None);
        while !due.is_empty() {
            // Off the async threads, for bodies may be large.
            let deciding = tokio::task::spawn_blocking(move || decide_some(policy, now, due));
            let (decided, rest) = deciding.await.map_err(|e| StoreError::Failed(format!("a decision died: {e}")))?;
            // The writer puts them into few transactions.
            let carried: Vec<_> = decided.into_iter().map(|carry| self.db.carry_out(now, until, carry)).collect();
            for carried in join_all(carried).await {
                match carried {
                    // One that was changed meanwhile is found again.
                    Ok(_) => went_through = true,
                    Err(error) => failed = Some(error),
                }
            }
            due = rest;
        }
        // One that does not fit must not hold up the others.
        failed.filter(|_| !went_through).map_or(Ok(()), Err)
    }
}

/// Decides until what is to be published comes to so much; answers what is left.
fn decide_some(policy: Policy, now: Timestamp, mut due: Due) -> (Vec<Carry>, Due) {
    let (mut decided, mut bytes) = (vec![], 0);
    while bytes < DECIDED_BYTES
        && let Some((execution, trigger, back)) = due.pop_front()
    {
        let carry = decide(policy, now, &execution, &trigger, back);
        bytes += carry.ended.events().iter().map(|event| event.payload.len()).sum::<usize>();
        decided.push(carry);
    }
    (decided, due)
}

/// What is to be carried out by now.
fn work(archive: &dyn Reads, now: Timestamp) -> Result<Work> {
    if archive.maintenance()?.is_some() {
        return Ok(Work::Until(None));
    }
    let due = archive.due(now, false, BATCH, BATCH_BYTES)?;
    if due.is_empty() {
        return Ok(Work::Until(archive.next_due(now, false)?));
    }
    let with_loops = |(execution, trigger): (Execution, Trigger)| {
        let back = comes_back(archive, &execution)?;
        Ok((execution, trigger, back))
    };
    Ok(Work::Due(due.into_iter().map(with_loops).collect::<Result<_>>()?))
}

/// Whether an event that a trigger had published fired this.
fn comes_back(archive: &dyn Reads, execution: &Execution) -> Result<bool> {
    let message_id = execution.incoming.as_ref().and_then(|incoming| incoming.header("webhook-id"));
    let Some(event) = message_id.and_then(carry::event_of) else { return Ok(false) };
    Ok(archive.event(event)?.is_some_and(|event| event.origin.is_some()))
}

fn decide(policy: Policy, now: Timestamp, execution: &Execution, trigger: &Trigger, comes_back: bool) -> Carry {
    let ended = carry::ended(trigger, execution, now, comes_back);
    let again_at = match ended {
        Ended::Failed(_) => policy.again_at(execution.errors, now),
        Ended::Published(_) | Ended::Skipped(_) | Ended::GaveUp { .. } => None,
    };
    let next = carry::next(trigger, execution, now);
    Carry { execution: execution.seq, trigger: trigger.id, revision: trigger.revision, ended, again_at, next }
}
