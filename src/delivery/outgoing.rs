//! Carries out executions that are a request of ours: each is made until it succeeds or has
//! failed often enough, and then an event tells what came of it.
//!
//! An execution is under way from before its request is sent until its end is on disk. Whatever
//! happens in between, it is made again: a receiver may see it twice, but nobody's event is lost.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tracing::Instrument;

use super::allowance::Allowance;
use super::request::{compose_call, on_record};
use super::sender::{Sender, Unsent};
use crate::clock::Clock;
use crate::domain::id::Seq;
use crate::domain::outcome::Outcome;
use crate::domain::time::Timestamp;
use crate::domain::trigger::calling::{self, Made, TIMEOUT};
use crate::domain::trigger::{Ended, Execution, Policy, Settings, Trigger, carry};
use crate::store::db::Db;
use crate::store::{CarriedOut, Carry, Reads, Result, StoreError};

/// Calls in flight; the others wait.
const PLACES: usize = 16;

/// Executions are looked at until they hold so many bytes of what came in.
const LOOK_BYTES: usize = 16 << 20;

/// How often it looks by itself, by the clock that nobody can set.
const EVERY: Duration = Duration::from_secs(15);

/// How long to leave the store alone when it is in trouble, and when it is only busy.
const AGAIN: Duration = Duration::from_secs(1);
const BUSY: Duration = Duration::from_millis(20);

/// How long after trouble of this machine's own a call is tried again.
const SOON: Duration = Duration::from_secs(10);

/// The one task that makes calls.
pub struct Outgoing {
    /// The store.
    pub db: Db,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Sends them.
    pub sender: Arc<Sender>,
    /// Says that something was fired.
    pub fired: Arc<Notify>,
    /// How long deliveries are leased for.
    pub lease: Duration,
    /// How triggers are carried out.
    pub policy: Policy,
}

/// Executions whose time has come, and their triggers.
type Due = Vec<(Execution, Trigger)>;

/// How an execution ends, by its trigger as it is then; and when it is tried again.
type Decide<'a> = &'a (dyn Fn(&Trigger) -> (Ended, Option<Timestamp>) + Sync);

impl Outgoing {
    /// Runs until `stop` says so, then waits until what is in flight is on record; whoever
    /// called decides how long.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let (ours, mut calls) = (Arc::new(self), JoinSet::new());
        while !*stop.borrow() {
            // Before looking, so that none is missed that comes meanwhile.
            let fired = ours.fired.notified();
            let next = match ours.begin_due(&mut calls).await {
                Ok(next) => next,
                Err(error) => {
                    ours.rest(&error).await;
                    continue;
                }
            };
            tokio::select! {
                // An error means that whoever could stop us is gone.
                changed = stop.changed() => if changed.is_err() { break },
                Some(_) = calls.join_next() => {}
                () = fired => {}
                () = ours.clock.sleep_until(next.unwrap_or(Timestamp::MAX)), if next.is_some() => {}
                () = ours.clock.sleep(EVERY) => {}
            }
        }
        while calls.join_next().await.is_some() {}
    }

    async fn rest(&self, error: &StoreError) {
        if matches!(error, StoreError::Busy) {
            return tokio::time::sleep(BUSY).await;
        }
        tracing::error!(%error, "what triggers call cannot be looked up; trying again");
        tokio::time::sleep(AGAIN).await;
    }

    /// Begins what is due as far as there are places; answers when the next one is due.
    async fn begin_due(self: &Arc<Self>, calls: &mut JoinSet<()>) -> Result<Option<Timestamp>> {
        let (now, free) = (self.clock.now(), PLACES.saturating_sub(calls.len()));
        if free == 0 {
            return Ok(None);
        }
        let (due, next) = self.db.look(move |archive| look(archive, now, free)).await?;
        for (execution, trigger) in due {
            if let Some(trigger) = self.begin(now, execution.seq, trigger).await? {
                let span = tracing::error_span!("call", execution = %execution.id(), trigger = trigger.id.0);
                let ours = self.clone();
                calls.spawn(async move { ours.carry(&execution, trigger).await }.instrument(span));
            }
        }
        Ok(next)
    }

    /// Marks an execution as under way; answers its trigger as it is at that moment, so that none
    /// is called for that was stopped before. None: somebody else was faster, or it is gone.
    async fn begin(&self, now: Timestamp, execution: Seq, trigger: Trigger) -> Result<Option<Trigger>> {
        let begun = self.db.write(move |store| {
            let Some(trigger) = store.trigger(&trigger.uuid)?.filter(|living| living.id == trigger.id) else {
                return Ok(None);
            };
            Ok(store.begin_execution(now, execution)?.then_some(trigger))
        });
        begun.await
    }

    /// Carries one out: call → decide → record.
    async fn carry(&self, execution: &Execution, trigger: Trigger) {
        if let Some(why) = carry::held_back(&trigger, execution) {
            return self.end(execution, trigger, &|_| (Ended::Skipped(why.clone()), None)).await;
        }
        match self.call(execution, &trigger).await {
            Ok(made) => {
                let decide = |trigger: &Trigger| calling::ended(self.policy, trigger, execution, &made);
                self.end(execution, trigger, &decide).await;
            }
            Err(why) => self.give_back(execution.seq, why).await,
        }
    }

    /// Makes the call.
    ///
    /// # Errors
    /// What hindered this machine: nobody is charged with it.
    async fn call(&self, execution: &Execution, trigger: &Trigger) -> std::result::Result<Made, String> {
        let start = self.clock.now();
        let refused = |why| Made { start, done: start, sent: String::new(), outcome: Outcome::Refused(why) };
        let Settings::Outgoing(call) = &trigger.settings else {
            return Ok(refused("there is no request in it that could be made".to_owned()));
        };
        let call = match call.read() {
            Ok(call) => call,
            Err(invalid) => return Ok(refused(invalid.to_string())),
        };
        let line = call.line();
        let request = compose_call(call, carry::hops_with(execution));
        let sent = line + on_record(&request.headers).as_str();
        let outcome = match self.sender.send(request, Allowance::of_call(TIMEOUT), || self.clock.now(), || {}).await {
            Ok(Outcome::Hindered(why)) => return Err(why),
            Ok(outcome) => outcome,
            Err(unsent @ Unsent::Unconnected(_)) => Outcome::Failed(unsent.to_string()),
            Err(shortage @ Unsent::Shortage(_)) => return Err(shortage.to_string()),
        };
        Ok(Made { start, done: self.clock.now(), sent, outcome })
    }

    /// Records until it is recorded: a call that was made is not made again because the store
    /// was in trouble, or the trigger was changed meanwhile.
    async fn end(&self, execution: &Execution, mut trigger: Trigger, decide: Decide<'_>) {
        let mut said = false;
        loop {
            match self.record(execution, &trigger, decide).await {
                Ok(None) | Err(StoreError::Closed) => return,
                Ok(Some(changed)) => trigger = changed,
                Err(error) => self.rest_recording(&error, &mut said).await,
            }
        }
    }

    /// Records once; answers the trigger as it is by now if it was changed.
    async fn record(&self, execution: &Execution, trigger: &Trigger, decide: Decide<'_>) -> Result<Option<Trigger>> {
        let now = self.clock.now();
        let (ended, again_at) = decide(trigger);
        let (seq, ended_so) = (execution.seq, ended.clone());
        let carry =
            Carry { execution: seq, trigger: trigger.id, revision: trigger.revision, ended, again_at, next: None };
        match self.db.carry_out(now, now.plus(self.lease), carry).await? {
            CarriedOut::Done(_) => log(&ended_so, again_at),
            CarriedOut::Over => tracing::info!("somebody has ended it meanwhile: nothing is published"),
            CarriedOut::Changed => {
                let (uuid, id) = (trigger.uuid.clone(), trigger.id);
                let living = self.db.look(move |archive| archive.trigger_named(&uuid)).await?;
                return Ok(living.filter(|living| living.id == id));
            }
        }
        Ok(None)
    }

    /// It was not made, for a reason that is nobody's but ours: it is due again soon.
    async fn give_back(&self, execution: Seq, why: String) {
        tracing::warn!(reason = why, "nobody is charged with it; trying again");
        let mut said = false;
        loop {
            let (due_at, why) = (self.clock.now().plus(SOON), why.clone());
            match self.db.write(move |store| store.give_back_execution(due_at, execution, &why)).await {
                Ok(_) | Err(StoreError::Closed) => return,
                Err(error) => self.rest_recording(&error, &mut said).await,
            }
        }
    }

    async fn rest_recording(&self, error: &StoreError, said: &mut bool) {
        if !std::mem::replace(said, true) {
            tracing::error!(%error, "what came of a call cannot be recorded; trying until it is");
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// What is to be called by now, at most so much, and when the next one after that is due.
fn look(archive: &dyn Reads, now: Timestamp, most: usize) -> Result<(Due, Option<Timestamp>)> {
    if archive.maintenance()?.is_some() {
        return Ok((vec![], None));
    }
    Ok((archive.due(now, true, most, LOOK_BYTES)?, archive.next_due(now, true)?))
}

/// A failure is said once, here; a success only to those who ask for details.
fn log(ended: &Ended, again_at: Option<Timestamp>) {
    match ended {
        Ended::Published(_) => tracing::debug!("called"),
        Ended::Skipped(reason) => tracing::info!(reason, "not called"),
        Ended::Failed(reason) => tracing::info!(reason, again = again_at.map(Timestamp::rfc3339), "the call failed"),
        Ended::GaveUp { why, .. } => tracing::warn!(reason = why, "the call failed; given up"),
    }
}
