//! What has grown old: looked for by reading, put away by writing.
//!
//! Looking may be long and disturbs nobody; so the one writer is handed exactly
//! what is to go, in steps.

use super::{AccessArchive, ApplicationArchive, Archive, ExecutionArchive, GateArchive, Result, TriggerArchive};
use crate::domain::id::Seq;
use crate::domain::time::Timestamp;

/// An event of which nothing is owed any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finished {
    /// Its place in the store's order.
    pub seq: Seq,
    /// Its payload's size in bytes.
    pub bytes: u64,
}

/// A stretch of a walk over events, the oldest first.
#[derive(Debug, Clone, Default)]
pub struct Stretch {
    /// Those of which nothing is owed any more.
    pub finished: Vec<Finished>,
    /// The last one that was looked at; `None` if the walk has come to its end.
    pub last: Option<Seq>,
}

/// How large the database is, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// What holds something.
    pub used: u64,
    /// What holds nothing and can be given back.
    pub free: u64,
    /// The file on the disk, which follows the database at the next checkpoint.
    pub file: u64,
}

/// What one step of giving up did.
#[derive(Debug, Clone, Default)]
pub struct GivenUp {
    /// How many deliveries are dead now.
    pub count: usize,
    /// Each of them that was given up before its first attempt, after its event.
    pub untried: Vec<(Seq, Seq)>,
}

/// What has grown old, by reading.
pub trait Aged {
    /// The end of what was published before then: all that follows in the store's
    /// order, redeliveries too, is younger.
    ///
    /// # Errors
    /// Trouble of the database.
    fn end_of(&self, before: Timestamp) -> Result<Seq>;

    /// Looks at some of the events after `after` up to `end`, for those that were
    /// published before `before` and of which nothing is owed.
    ///
    /// # Errors
    /// Trouble of the database.
    fn finished(&self, after: Seq, end: Seq, before: Timestamp) -> Result<Stretch>;

    /// At most `limit` gates that were closed before then and to which no event is tied, the
    /// first to close first.
    ///
    /// # Errors
    /// Trouble of the database.
    fn old_gates(&self, before: Timestamp, limit: usize) -> Result<Vec<Seq>>;

    /// At most `limit` deliveries up to `end` that are owed and no attempt is being
    /// made at, of events that were published before `before`.
    ///
    /// # Errors
    /// Trouble of the database.
    fn owed(&self, end: Seq, before: Timestamp, limit: usize) -> Result<Vec<Seq>>;

    /// How large the database is.
    ///
    /// # Errors
    /// Trouble of the database.
    fn size(&self) -> Result<Size>;
}

/// What has grown old, by writing.
pub trait Retention {
    /// Removes events with their deliveries and attempts, the first ones first, until
    /// about `limit` rows (or pages of payload) are gone; answers how many events
    /// are done with. The one after those may have lost some of its deliveries. What
    /// is owed again stays.
    ///
    /// # Errors
    /// Trouble of the database.
    fn remove_events(&mut self, events: &[Finished], limit: usize) -> Result<usize>;

    /// Makes these deliveries dead, unless an attempt is being made or they are
    /// finished already.
    ///
    /// # Errors
    /// Trouble of the database.
    fn give_up(&mut self, now: Timestamp, deliveries: &[Seq]) -> Result<GivenUp>;

    /// Takes at most so many empty pages from the end of the database; its file
    /// follows at the next checkpoint.
    ///
    /// # Errors
    /// Trouble of the database.
    fn give_back(&mut self, pages: usize) -> Result<()>;
}

/// All that can be done by reading.
pub trait Reads:
    Archive + ApplicationArchive + GateArchive + TriggerArchive + ExecutionArchive + Aged + AccessArchive
{
}

impl<T: Archive + ApplicationArchive + GateArchive + TriggerArchive + ExecutionArchive + Aged + AccessArchive> Reads
    for T
{
}
