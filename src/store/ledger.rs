//! Attempts, by writing.

use super::{Errand, Result};
use crate::domain::delivery::{Attempt, Next};
use crate::domain::id::{HookId, Lease, Seq};
use crate::domain::time::Timestamp;
use crate::domain::url::HookUrl;

/// An attempt that has ended and what follows from it.
#[derive(Debug, Clone)]
pub struct Record {
    /// Which delivery.
    pub seq: Seq,
    /// The proof that it is ours.
    pub lease: Lease,
    /// To whom.
    pub hook: HookId,
    /// Of which event.
    pub event: Seq,
    /// Where the request went: a 410 removes the hook only if that is still its URL.
    pub url: HookUrl,
    /// What was done and what came of it.
    pub attempt: Attempt,
    /// What follows.
    pub next: Next,
    /// What it went out for.
    pub errand: Errand,
    /// From 0 up to 1: scatters the probes of failing hooks.
    pub dice: f64,
}

/// What came of recording an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// It is on record.
    Kept {
        /// When the store should be looked at again for something that is due by this.
        due_at: Option<Timestamp>,
        /// Whether it closed the hook's breaker.
        closed: bool,
    },
    /// The lease was no longer ours: nothing was recorded.
    NotOurs,
}

/// Attempts.
pub trait Ledger {
    /// Records an attempt, the delivery's new state and the hook's last result.
    ///
    /// # Errors
    /// Trouble of the database.
    fn record(&mut self, now: Timestamp, record: &Record) -> Result<Recorded>;
}
