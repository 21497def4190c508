//! Hooks, by writing.

use super::Result;
use crate::domain::Invalid;
use crate::domain::hook::{Dialect, Hook, HookPatch, NewHook};
use crate::domain::id::{HookId, Seq};
use crate::domain::time::Timestamp;

/// What came of adding a hook.
#[derive(Debug, Clone)]
pub enum Added {
    /// It is new.
    New(Hook),
    /// The same URL wants the same events already: unchanged.
    Existing(Hook),
    /// The same URL wants other events: nothing was added.
    Conflict(Hook),
}

/// What came of changing a hook.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "there is one at a time, and not for long")]
pub enum Changed {
    /// It is now like this.
    To(Hook),
    /// Another hook has the URL: nothing was changed.
    Conflict,
    /// No such hook.
    Absent,
    /// The new filter cannot be taken.
    Invalid(Invalid),
}

/// Hooks, by writing.
pub trait Hooks {
    /// One living hook, as this transaction sees it.
    ///
    /// # Errors
    /// Trouble of the database.
    fn hook(&mut self, id: HookId) -> Result<Option<Hook>>;

    /// Adds a hook, unless Kudu's rule of one URL forbids it.
    ///
    /// # Errors
    /// Trouble of the database.
    fn add(&mut self, now: Timestamp, hook: &NewHook) -> Result<Added>;

    /// Changes what the patch names.
    ///
    /// # Errors
    /// Trouble of the database.
    fn change(&mut self, now: Timestamp, id: HookId, patch: &HookPatch) -> Result<Changed>;

    /// Makes a tombstone of a hook (of one dialect only, if one is given); what
    /// it owes is cancelled by [`Hooks::cancel_owed`]. False if there is none.
    ///
    /// # Errors
    /// Trouble of the database.
    fn remove(&mut self, now: Timestamp, id: HookId, dialect: Option<Dialect>) -> Result<bool>;

    /// Holds back all that the hook is owed, from now on. `None` if there is no such hook.
    ///
    /// # Errors
    /// Trouble of the database.
    fn pause(&mut self, now: Timestamp, id: HookId) -> Result<Option<Hook>>;

    /// Lets what the hook is owed go out, whether it was paused or failing.
    /// `None` if there is no such hook.
    ///
    /// # Errors
    /// Trouble of the database.
    fn resume(&mut self, now: Timestamp, id: HookId) -> Result<Option<Hook>>;

    /// Cancels at most `limit` deliveries that removed hooks still owe.
    ///
    /// # Errors
    /// Trouble of the database.
    fn cancel_owed(&mut self, now: Timestamp, limit: usize) -> Result<Cancelled>;
}

/// What one step of cancelling did.
#[derive(Debug, Clone, Default)]
pub struct Cancelled {
    /// Each delivery that was cancelled before its first attempt, after its event.
    pub untried: Vec<(Seq, Seq)>,
    /// Whether there may be more to cancel now.
    pub more: bool,
}
