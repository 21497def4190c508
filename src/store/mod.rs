//! What is remembered: the seam between the works and a database.
//!
//! Each trait is one noun of the store. All are synchronous, are handed the
//! time, and run inside a transaction that [`db::Db`] opens and ends: what they
//! return is true only once it has committed. A conflict is a value, not an error.

mod access;
mod applications;
mod archive;
pub mod db;
mod gate_waits;
mod gates;
mod hooks;
pub mod inspect;
pub mod known_tokens;
mod ledger;
pub mod lock;
mod ops;
mod outbox;
pub mod page;
mod replays;
mod retention;
pub mod room;
mod secrets;
pub mod sqlite;
pub mod targets;
mod trigger_archive;
mod triggers;
pub mod vault;
mod waits;
mod writer;

use std::time::Duration;

use crate::domain::id::{HookId, Seq};
use crate::domain::time::Timestamp;

pub use access::{AccessArchive, Audit, AuditFilter, Made, Revoked, Tokens};
pub use applications::{ApplicationArchive, Applications};
pub use archive::{Archive, DeliveryFilter, EventFilter, EventSummary, HookFilter};
pub use gates::{Asked, DecideToken, Decided, GateArchive, GateFilter, Gates, Reply, Verdict};
pub use hooks::{Added, Cancelled, Changed, Hooks};
pub use inspect::{Inspect, Stats, Trouble};
pub use ledger::{Ledger, Record, Recorded};
pub use outbox::{Claimed, Errand, FannedOut, Leased, Outbox, Published, Publishing};
pub use replays::{Begun, Redelivered, ReplayArchive, Replays, Step};
pub use retention::{Aged, Finished, GivenUp, Reads, Retention, Size, Stretch};
pub use secrets::{Secrets, SigningKeys};
pub use trigger_archive::{Counted, ExecutionArchive, TriggerArchive, TriggerCounts, TriggerFilter};
pub use triggers::{CarriedOut, Carry, Executions, Firing, Triggers};

/// Trouble of our own with keeping things.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// More publishes wait than are let in; try again in a moment.
    #[error("too many publishes are waiting to be written")]
    Busy,
    /// There is no room on the disk, or the database has reached its limit: which
    /// and what to do.
    #[error("{0}")]
    Full(String),
    /// The file cannot be used: what is wrong and what to do.
    #[error("{0}")]
    Unusable(String),
    /// The database said no.
    #[error("the database failed: {0}")]
    Failed(String),
    /// The store is shut.
    #[error("the store is closed")]
    Closed,
}

/// What the store's operations answer.
pub type Result<T> = std::result::Result<T, StoreError>;

/// How long an idempotency key is remembered.
pub const KEY_RETENTION: Duration = Duration::from_hours(24);

/// What keeps the store in shape.
pub trait Upkeep {
    /// Forgets at most `limit` idempotency keys older than `before`; answers how many.
    ///
    /// # Errors
    /// Trouble of the database.
    fn forget_keys(&mut self, before: Timestamp, limit: usize) -> Result<usize>;

    /// Writes something, to see that it can.
    ///
    /// # Errors
    /// Trouble of the database.
    fn touch(&mut self) -> Result<()>;

    /// The clock was set forward by `by`: leases until `up_to` at the latest, so
    /// those that were given before, last as much longer. Answers how many.
    ///
    /// # Errors
    /// Trouble of the database.
    fn lengthen_leases(&mut self, up_to: Timestamp, by: Duration) -> Result<usize>;

    /// The clock was set back by `by`: what is pending after `place` is due as
    /// much earlier, in a step of at most about `limit` rows. Answers where the
    /// next step begins; none if this was the last.
    ///
    /// # Errors
    /// Trouble of the database.
    fn make_due_earlier(&mut self, place: Place, by: Duration, limit: usize) -> Result<Option<Place>>;
}

/// A place in the queues of all hooks: behind whatever of this hook is due at
/// `due_at` with a number up to `seq`.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// The clock when it was found to have been set: what was due by then is due
    /// still, and needs no change.
    pub now: Timestamp,
    /// The hook.
    pub hook: HookId,
    /// The last that is done was due then.
    pub due_at: Timestamp,
    /// The last that is done.
    pub seq: Seq,
}

impl Place {
    /// Before all hooks.
    #[must_use]
    pub fn first(now: Timestamp) -> Self {
        Self::of(now, HookId(0))
    }

    /// In a hook's queue, behind what is due.
    #[must_use]
    pub fn of(now: Timestamp, hook: HookId) -> Self {
        Self { now, hook, due_at: now, seq: Seq(i64::MAX) }
    }
}

/// All that can be done inside a writing transaction.
pub trait Writes:
    Hooks + Applications + Secrets + Gates + Triggers + Executions + Outbox + Ledger + Replays + Retention + Upkeep + Audit
{
}

impl<T> Writes for T where
    T: Hooks
        + Applications
        + Secrets
        + Gates
        + Triggers
        + Executions
        + Outbox
        + Ledger
        + Replays
        + Retention
        + Upkeep
        + Audit
{
}

/// The transactions of the one writer.
pub trait Transactions {
    /// Begins one.
    ///
    /// # Errors
    /// Trouble of the database.
    fn begin(&mut self) -> Result<()>;

    /// Ends it; when this returns, all is on disk.
    ///
    /// # Errors
    /// Trouble of the database; nothing was kept.
    fn commit(&mut self) -> Result<()>;

    /// Forgets all since [`Transactions::begin`]; harmless if the database has done so already.
    fn rollback(&mut self);

    /// Marks a point inside the transaction.
    ///
    /// # Errors
    /// Trouble of the database.
    fn mark(&mut self) -> Result<()>;

    /// Ends the marked stretch, forgetting it if `keep` is false. False if the
    /// database has forgotten the whole transaction by itself.
    fn unmark(&mut self, keep: bool) -> bool;

    /// How many rows the transaction has written so far.
    fn rows(&self) -> usize;
}

/// A database that can be written to.
pub trait Backend: Writes + Transactions + Send {
    /// The same as something that operations may use.
    fn writes(&mut self) -> &mut dyn Writes;
}
