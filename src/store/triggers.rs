//! Triggers and their executions.

use std::time::Duration;

use super::page::{Page, Paged};
use super::room::Room;
use super::{Published, Result};
use crate::domain::access::Bounds;
use crate::domain::id::{EventId, Seq, TriggerId};
use crate::domain::time::Timestamp;
use crate::domain::trigger::incoming::Incoming;
use crate::domain::trigger::{Ended, Execution, Kind, NewTrigger, SecretChange, Trigger};

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

/// Which triggers are asked for; `None` means any.
#[derive(Debug, Clone, Default)]
pub struct TriggerFilter {
    /// Of this kind.
    pub kind: Option<Kind>,
    /// With this text in the name, whatever its case.
    pub text: Option<String>,
    /// Stopped, or started.
    pub stopped: Option<bool>,
    /// Within somebody's reach.
    pub within: Bounds,
}

/// A trigger in a list.
#[derive(Debug, Clone)]
pub struct Counted {
    /// The trigger.
    pub trigger: Trigger,
    /// How many of its executions are kept.
    pub total: u64,
    /// How many of those were never processed.
    pub todo: u64,
    /// When it fires next by itself, or is to be carried out next.
    pub next_at: Option<Timestamp>,
}

/// How it goes with all triggers, each number up to a bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TriggerCounts {
    /// Triggers that are started.
    pub started: u64,
    /// Triggers that are stopped.
    pub stopped: u64,
    /// Executions that are due and wait for their turn.
    pub due: u64,
    /// Executions that are under way.
    pub doing: u64,
    /// Of the latest thousand executions, those whose time has come.
    pub fired: u64,
    /// Those of them that were processed.
    pub processed: u64,
}

/// Triggers and executions, by reading.
pub trait TriggerArchive {
    /// One living trigger.
    ///
    /// # Errors
    /// Trouble of the database.
    fn trigger_named(&self, uuid: &str) -> Result<Option<Trigger>>;

    /// The same, with what is kept of its executions.
    ///
    /// # Errors
    /// Trouble of the database.
    fn counted_trigger(&self, uuid: &str) -> Result<Option<Counted>>;

    /// What its secret is sealed to.
    ///
    /// # Errors
    /// Trouble of the database.
    fn sealed_secret(&self, id: TriggerId) -> Result<Option<Vec<u8>>>;

    /// Living triggers that the filter lets through, the oldest first.
    ///
    /// # Errors
    /// Trouble of the database.
    fn triggers(&self, page: Page, filter: &TriggerFilter) -> Result<Paged<Counted>>;

    /// The executions of a trigger, the newest first.
    ///
    /// # Errors
    /// Trouble of the database.
    fn executions(&self, trigger: TriggerId, page: Page) -> Result<Paged<Execution>>;

    /// The place of the newest of them in the store's order.
    ///
    /// # Errors
    /// Trouble of the database.
    fn last_execution(&self, trigger: TriggerId) -> Result<Option<Seq>>;

    /// Those up to a place, the oldest first, at most `limit`; but for what is scheduled.
    ///
    /// # Errors
    /// Trouble of the database.
    fn execution_seqs(&self, trigger: TriggerId, until: Seq, limit: usize) -> Result<Vec<Seq>>;

    /// One of them.
    ///
    /// # Errors
    /// Trouble of the database.
    fn execution(&self, trigger: TriggerId, seq: Seq) -> Result<Option<Execution>>;

    /// The one that came in, or was scheduled for, then; told apart by what `Execution::of_nanos`
    /// answers.
    ///
    /// # Errors
    /// Trouble of the database.
    fn execution_at(&self, trigger: TriggerId, at: Timestamp, place: i64) -> Result<Option<Execution>>;

    /// The events that an execution published, in their order.
    ///
    /// # Errors
    /// Trouble of the database.
    fn events_of_execution(&self, execution: Seq) -> Result<Vec<EventId>>;

    /// What is to be carried out by now, the oldest first: calls, or all but those. At most
    /// `limit`, and no more than about `bytes` of what came in.
    ///
    /// # Errors
    /// Trouble of the database.
    fn due(&self, now: Timestamp, calls: bool, limit: usize, bytes: usize) -> Result<Vec<(Execution, Trigger)>>;

    /// When the next one of those is due that is not due by now.
    ///
    /// # Errors
    /// Trouble of the database.
    fn next_due(&self, now: Timestamp, calls: bool) -> Result<Option<Timestamp>>;

    /// Executions of triggers after this one that are over, and not among the newest `history`
    /// of theirs, about `limit` of them; and after which trigger the next look begins.
    ///
    /// # Errors
    /// Trouble of the database.
    fn old_executions(&self, after: TriggerId, history: usize, limit: usize) -> Result<(Vec<Seq>, Option<TriggerId>)>;

    /// How it goes, in a moment, however many there are.
    ///
    /// # Errors
    /// Trouble of the database.
    fn trigger_counts(&self, now: Timestamp) -> Result<TriggerCounts>;

    /// Since when nothing is carried out.
    ///
    /// # Errors
    /// Trouble of the database.
    fn maintenance(&self) -> Result<Option<Timestamp>>;
}
