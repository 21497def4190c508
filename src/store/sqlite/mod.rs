//! The store in a SQLite file.

mod again;
mod aged;
mod applications;
mod archive;
mod audit;
mod bound;
mod breakers;
mod carrying;
mod certificates;
mod check;
mod claims;
mod clock_set;
mod closing;
mod damage;
mod decisions;
mod desk;
mod events;
mod execution_archive;
mod executions;
mod fan_out;
mod gate_archive;
mod gates;
mod history;
mod hooks;
mod ids;
mod inspect;
mod ledger;
mod limit;
mod open;
mod outbox;
mod queues;
mod recipient;
mod remembered;
mod removals;
mod replays;
mod retention;
mod rotation;
mod rows;
mod scheduling;
mod sealing;
mod secrets;
mod taken;
mod targets;
mod tokens;
mod transactions;
mod trigger_archive;
mod triggers;
mod turns;
mod upkeep;
mod wal;
mod work_ids;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Instant;

use rusqlite::{CachedStatement, Connection, ErrorCode};

use super::targets::{Target, Targets};
use super::vault::{KeyId, Vault};
use super::{Result, StoreError};
use crate::domain::breaker::BreakerRules;
use crate::domain::event::Event;
use crate::domain::id::{HookId, Seq};

use ids::Ids;
use remembered::Remembered;
use work_ids::WorkIds;

pub use archive::{LISTS, LOOKS, PATIENCE, Readers};
pub use desk::Desk;
pub use inspect::Inspector;
pub use open::{SCHEMA_VERSION, open};
pub use rotation::{Rotated, Rotation};
pub(super) use triggers::open_secret as open_trigger_secret;

/// The one writing connection, and what it has decided but not yet committed.
pub struct Session {
    conn: Connection,
    /// The counter as it will be on disk once this transaction commits.
    seq: i64,
    ids: Ids,
    targets: Arc<Targets>,
    vault: Arc<Vault>,
    rules: BreakerRules,
    limit: Option<limit::Limit>,
    /// Events of which a delivery was claimed, while one of them is in memory.
    events: HashMap<i64, Weak<Event>>,
    /// Hooks whose secrets did not open: when that was tried, with which key current.
    unopened: HashMap<HookId, (Instant, Option<KeyId>)>,
    remembered: Remembered,
    batch: Batch,
    /// What had been gathered at the mark.
    marked: Option<Batch>,
    closing: Arc<AtomicBool>,
}

/// What one transaction gathers, to be written or made known once at its end.
#[derive(Clone, Default)]
struct Batch {
    /// The counter as it was at the beginning.
    first_seq: i64,
    rows: usize,
    /// Targets as they will be; `None` where the hook was removed.
    targets: HashMap<HookId, Option<Arc<Target>>>,
    /// The latest result of each hook.
    results: HashMap<HookId, ledger::Latest>,
    /// Whether it changes what is remembered.
    forgot: bool,
    /// What hooks call the gates of which events were looked at.
    work_ids: HashMap<Seq, Arc<WorkIds>>,
}

impl Session {
    fn new(conn: Connection, targets: Arc<Targets>, rules: BreakerRules, vault: Arc<Vault>) -> Result<Self> {
        let seq = conn.query_row("SELECT seq FROM counter", [], |row| row.get(0))?;
        let ids = Ids::after_newest(&conn)?;
        let (batch, closing) = (Batch::default(), Arc::default());
        let (events, unopened) = (HashMap::new(), HashMap::new());
        let (limit, marked, remembered) = (None, None, Remembered::default());
        Ok(Self { conn, seq, ids, targets, vault, rules, limit, events, unopened, remembered, batch, marked, closing })
    }

    /// A statement that is prepared once and kept.
    fn sql(&self, sql: &'static str) -> Result<CachedStatement<'_>> {
        Ok(self.conn.prepare_cached(sql)?)
    }

    /// Takes the next numbers of the store's order for one purpose.
    fn reserve(&mut self, numbers: usize) {
        self.seq += i64::try_from(numbers).unwrap_or(i64::MAX);
    }

    /// The next number of the store's order.
    fn next_seq(&mut self) -> Seq {
        self.seq += 1;
        Seq(self.seq)
    }
}

/// Brings the log into the database, so that a service that was stopped leaves
/// everything in one file, which can be copied; what stays beside it is empty.
impl Drop for Session {
    fn drop(&mut self) {
        self.closing.store(true, Ordering::Relaxed);
        if let Err(error) = self.conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())) {
            tracing::warn!(%error, "the log stays beside the database; the next start takes it in");
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full(format!(
                "the disk is full, or the database has reached --database-limit ({error}): make room on the disk, or \
                 raise the limit"
            )),
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => Self::Unusable(format!(
                "the database cannot be read ({error}): restore it from a backup, or name another file with --database"
            )),
            _ => Self::Failed(error.to_string()),
        }
    }
}
