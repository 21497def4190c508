//! A database looked at from outside, beside the server that may have it open.

use std::path::Path;

use serde::Serialize;

use super::Result;
use super::vault::Vault;
use crate::domain::time::Timestamp;

/// Something about a database that must not be so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trouble {
    /// What is wrong, in one line.
    pub what: String,
    /// How often.
    pub count: u64,
    /// What to do about it.
    pub remedy: &'static str,
}

/// How much a database holds, all of one moment.
#[derive(Debug, Clone, Serialize)]
pub struct Stats {
    /// The schema's number.
    pub schema: i32,
    /// How large it is, in bytes.
    pub bytes: Bytes,
    /// Hooks.
    pub hooks: HookCount,
    /// Events that are kept.
    pub events: u64,
    /// Deliveries by state.
    pub deliveries: DeliveryCount,
    /// Attempts on record, but for first ones that arrived: those are part of their delivery.
    pub attempts: u64,
    /// When the oldest event that is kept was published.
    pub oldest_event: Option<Timestamp>,
    /// When the oldest event was published of which something is owed.
    pub oldest_owed: Option<Timestamp>,
}

/// Sizes in bytes.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Bytes {
    /// The database file.
    pub file: u64,
    /// The write-ahead log beside it.
    pub log: u64,
    /// What of the database holds something.
    pub used: u64,
    /// What of it is empty, for what comes next.
    pub free: u64,
}

/// How many hooks there are.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct HookCount {
    /// Living ones, paused ones too.
    pub living: u64,
    /// Of those, the ones that get nothing for now.
    pub paused: u64,
    /// Those that were removed and are kept for their history.
    pub removed: u64,
}

/// How many deliveries there are.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct DeliveryCount {
    /// In all.
    pub all: u64,
    /// Pending and leased ones.
    pub owed: u64,
    /// Waiting until they are due.
    pub pending: u64,
    /// Being attempted, or about to be.
    pub leased: u64,
    /// Those that arrived.
    pub delivered: u64,
    /// Given up.
    pub dead: u64,
    /// Whose hook was removed.
    pub cancelled: u64,
}

/// A database looked at from outside.
pub trait Inspect {
    /// What is wrong with it now; nothing, if all is well. Reads everything.
    ///
    /// # Errors
    /// It cannot be read at all.
    fn troubles(&self, now: Timestamp) -> Result<Vec<Trouble>>;

    /// What of its secrets does not open, which without their key is all of them;
    /// nothing, if all is well.
    ///
    /// # Errors
    /// Trouble of the database.
    fn unsealed(&self, vault: &Vault) -> Result<Vec<Trouble>>;

    /// Whether it has secrets, which this vault has the key of; false where nothing is
    /// sealed yet.
    ///
    /// # Errors
    /// [`super::StoreError::Unusable`] where the key is not to be had.
    fn unlocks(&self, vault: &Vault) -> Result<bool>;

    /// How much it holds.
    ///
    /// # Errors
    /// Trouble of the database.
    fn stats(&self) -> Result<Stats>;

    /// How many bytes of it hold something.
    ///
    /// # Errors
    /// Trouble of the database.
    fn size(&self) -> Result<u64>;

    /// Copies it, as it is at one moment, into an empty file.
    ///
    /// # Errors
    /// Trouble of the database or the disk.
    fn copy_into(&self, file: &Path) -> Result<()>;
}
