//! Triggers and their executions, by reading.

use super::Result;
use super::page::{Page, Paged};
use crate::domain::access::Bounds;
use crate::domain::id::{EventId, Seq, TriggerId};
use crate::domain::time::Timestamp;
use crate::domain::trigger::{Execution, Kind, Trigger};

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

/// Triggers, by reading.
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

/// Executions, by reading.
pub trait ExecutionArchive {
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
}
