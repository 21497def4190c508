//! Triggers and their executions.

use std::time::Duration;

use super::room::Room;
use super::{Published, Result};
use crate::domain::id::{Seq, TriggerId};
use crate::domain::time::Timestamp;
use crate::domain::trigger::incoming::Incoming;
use crate::domain::trigger::{Ended, Execution, NewTrigger, SecretChange, Trigger};

/// A request that fires a trigger, on its way in.
#[derive(Debug, Clone)]
pub struct Firing {
    /// What it fires.
    pub trigger: TriggerId,
    /// Whether it is carried out by a request of ours.
    pub calls: bool,
    /// The request, without what is secret about it; none: a person fires it.
    pub incoming: Option<Incoming>,
    /// The sender's own name for it.
    pub key: Option<String>,
    /// How many triggers what came in has passed through.
    pub hops: u32,
}

/// How an execution was carried out.
#[derive(Debug, Clone)]
pub struct Carry {
    /// Which one.
    pub execution: Seq,
    /// Its trigger, as it was when that was decided.
    pub trigger: TriggerId,
    /// Likewise.
    pub revision: i64,
    /// How it ended.
    pub ended: Ended,
    /// If it failed: when it is tried again, if ever.
    pub again_at: Option<Timestamp>,
    /// When the trigger fires next by itself.
    pub next: Option<Timestamp>,
}

/// What came of that.
#[derive(Debug, Clone)]
pub enum CarriedOut {
    /// It is on record; with it, what it published.
    Done(Vec<Published>),
    /// Somebody else was faster: nothing was done.
    Over,
    /// The trigger was changed or removed meanwhile, or nothing is carried out for now: nothing
    /// was done.
    Changed,
}

/// Triggers, by writing.
pub trait Triggers {
    /// One living trigger, as this transaction sees it.
    ///
    /// # Errors
    /// Trouble of the database.
    fn trigger(&mut self, uuid: &str) -> Result<Option<Trigger>>;

    /// Keeps a trigger and when it fires next; none if another one has its name to the world.
    ///
    /// # Errors
    /// Trouble of the database.
    fn add_trigger(&mut self, now: Timestamp, new: &NewTrigger) -> Result<Option<Trigger>>;

    /// Keeps a trigger as it is now, and when it fires next.
    ///
    /// # Errors
    /// Trouble of the database.
    fn keep_trigger(&mut self, now: Timestamp, trigger: &Trigger, secret: &SecretChange) -> Result<Trigger>;

    /// Takes back what a trigger was to do by itself, also what it is late for; it fires next when
    /// its settings say so from now on.
    ///
    /// # Errors
    /// Trouble of the database.
    fn schedule_afresh(&mut self, now: Timestamp, trigger: &Trigger) -> Result<()>;

    /// Removes a trigger; what is left of it goes in steps.
    ///
    /// # Errors
    /// Trouble of the database.
    fn remove_trigger(&mut self, now: Timestamp, id: TriggerId) -> Result<bool>;

    /// Removes at most `limit` rows of what removed triggers left; answers how many.
    ///
    /// # Errors
    /// Trouble of the database.
    fn forget_triggers(&mut self, limit: usize) -> Result<usize>;

    /// From now on nothing is carried out, or everything again; false if it was so before.
    ///
    /// # Errors
    /// Trouble of the database.
    fn set_maintenance(&mut self, now: Timestamp, on: bool) -> Result<bool>;
}

/// Executions, by writing.
pub trait Executions {
    /// Keeps what fires a trigger; none if that is not there.
    ///
    /// # Errors
    /// Trouble of the database.
    fn fire(&mut self, now: Timestamp, firing: &Firing) -> Result<Option<Execution>>;

    /// An execution that is due is under way from now on; false if somebody else was faster.
    ///
    /// # Errors
    /// Trouble of the database.
    fn begin_execution(&mut self, now: Timestamp, execution: Seq) -> Result<bool>;

    /// An execution that is under way could not be tried: it is due again then, and not charged
    /// with that. False if it is not under way any more.
    ///
    /// # Errors
    /// Trouble of the database.
    fn give_back_execution(&mut self, due_at: Timestamp, execution: Seq, why: &str) -> Result<bool>;

    /// Ends an execution: publishes, and keeps when its trigger fires next, all in one.
    ///
    /// # Errors
    /// Trouble of the database: nothing was kept.
    fn carry_out(&mut self, now: Timestamp, until: Timestamp, carry: &Carry, room: &Room) -> Result<CarriedOut>;

    /// Ends an execution of a trigger that is not over, so that it publishes nothing, as if it had
    /// failed so often; false if it is over. What a schedule has lost is followed by what comes
    /// next.
    ///
    /// # Errors
    /// Trouble of the database.
    fn stop_execution(
        &mut self,
        now: Timestamp,
        trigger: &Trigger,
        execution: &Execution,
        errors: u32,
        why: &str,
    ) -> Result<bool>;

    /// What was under way when the former process ended is to be carried out again; answers
    /// how much.
    ///
    /// # Errors
    /// Trouble of the database.
    fn take_back_executions(&mut self, now: Timestamp) -> Result<usize>;

    /// Removes these executions.
    ///
    /// # Errors
    /// Trouble of the database.
    fn remove_executions(&mut self, executions: &[Seq]) -> Result<()>;

    /// Forgets at most `limit` senders' names that are older than `before`; answers how many.
    ///
    /// # Errors
    /// Trouble of the database.
    fn forget_execution_keys(&mut self, before: Timestamp, limit: usize) -> Result<usize>;

    /// The clock was set back by `by`: what waits to be carried out or tried again is due as much
    /// earlier.
    ///
    /// # Errors
    /// Trouble of the database.
    fn make_executions_due_earlier(&mut self, now: Timestamp, by: Duration) -> Result<()>;

    /// Sees to it that triggers after this one, at most `limit`, fire next when their schedules
    /// say so; answers after which the next step begins, none if this was the last.
    ///
    /// # Errors
    /// Trouble of the database.
    fn schedule_anew(&mut self, now: Timestamp, after: TriggerId, limit: usize) -> Result<Option<TriggerId>>;
}
