//! One firing of a trigger.

use super::incoming::Incoming;
use crate::domain::event::NewEvent;
use crate::domain::id::{ExecutionId, Seq, TriggerId};
use crate::domain::time::Timestamp;

/// How far an execution is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Its time has not come.
    Scheduled,
    /// It is to be carried out.
    Enqueued,
    /// It is being carried out.
    Doing,
    /// It is over, or failed and is tried again.
    Done,
}

impl Status {
    /// All there are.
    pub const ALL: [Self; 4] = [Self::Scheduled, Self::Enqueued, Self::Doing, Self::Done];

    /// How every API spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "SCHEDULED",
            Self::Enqueued => "ENQUEUED",
            Self::Doing => "DOING",
            Self::Done => "DONE",
        }
    }
}

/// What an execution came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conclusion {
    /// Its events are published.
    Published,
    /// Nothing was to be published: the reason is said.
    Skipped,
    /// It could not be carried out.
    Failed,
}

impl Conclusion {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::Published, Self::Skipped, Self::Failed];

    /// How the API spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
        }
    }
}

/// An execution as it is kept.
#[derive(Debug, Clone)]
pub struct Execution {
    /// Its place in the store's order.
    pub seq: Seq,
    /// Of which trigger.
    pub trigger: TriggerId,
    /// How far it is.
    pub status: Status,
    /// When it came in, or the time that it was scheduled for.
    pub at: Timestamp,
    /// When it is carried out, or tried again; none: it is over, or under way.
    pub due_at: Option<Timestamp>,
    /// How often it failed.
    pub errors: u32,
    /// Why it failed last, or was skipped.
    pub last_error: Option<String>,
    /// What it came to.
    pub conclusion: Option<Conclusion>,
    /// When that was.
    pub processed_at: Option<Timestamp>,
    /// What came in; none: nothing did.
    pub incoming: Option<Incoming>,
    /// How many triggers what came in had passed through before.
    pub hops: u32,
    /// The sender's own name for what came in, the same where it is sent again.
    pub key: Option<String>,
}

impl Execution {
    /// Whether something may still come of it.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.due_at.is_some() || self.status == Status::Doing
    }

    /// Its name to the world.
    #[must_use]
    pub fn id(&self) -> ExecutionId {
        ExecutionId(self.seq)
    }

    /// Its name to CDS: nanoseconds since 1970 when it came in, told apart by its place in the
    /// store's order.
    #[must_use]
    pub fn nanos(&self) -> i64 {
        self.at.millis().saturating_mul(NANOS).saturating_add(self.seq.0.rem_euclid(NANOS))
    }

    /// The time in milliseconds, and what tells apart, of such a name.
    #[must_use]
    pub fn of_nanos(nanos: i64) -> (Timestamp, i64) {
        (Timestamp::from_millis(nanos.div_euclid(NANOS)), nanos.rem_euclid(NANOS))
    }
}

/// Of a millisecond.
const NANOS: i64 = 1_000_000;

/// How carrying out an execution ended.
#[derive(Debug, Clone)]
pub enum Ended {
    /// These are to be published, all or none.
    Published(Vec<NewEvent>),
    /// Nothing is to be published: why.
    Skipped(String),
    /// It could not be carried out: why.
    Failed(String),
    /// It failed and is not tried again: why, and events that tell of that.
    GaveUp {
        /// As of [`Ended::Failed`].
        why: String,
        /// As of [`Ended::Published`].
        events: Vec<NewEvent>,
    },
}

impl Ended {
    /// What is published, in this order.
    #[must_use]
    pub fn events(&self) -> &[NewEvent] {
        match self {
            Self::Published(events) | Self::GaveUp { events, .. } => events,
            Self::Skipped(_) | Self::Failed(_) => &[],
        }
    }
}

/// Where an event comes from that nobody published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The trigger.
    pub trigger: TriggerId,
    /// The execution.
    pub execution: Seq,
}
