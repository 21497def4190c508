//! The largest that the database may become.
//!
//! SQLite keeps the limit. Publishes stop somewhat earlier: what is owed at that
//! time must still be delivered, and its outcomes need room.

use super::Session;
use crate::store::{Result, StoreError};

/// This part of the limit is kept for outcomes.
const RESERVED_PART: u64 = 8;

/// And no more than this.
const MOST_RESERVED: u64 = 64 << 20;

/// How many bytes of pages publishes may fill.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit {
    bytes: u64,
    for_publishes: u64,
    page: u64,
}

impl Session {
    /// From now on the database does not become larger than this. One that is
    /// larger already only stops growing.
    pub(in crate::store) fn limit_to(&mut self, bytes: u64) -> Result<()> {
        let page: i64 = self.conn.pragma_query_value(None, "page_size", |row| row.get(0))?;
        let page = u64::try_from(page).unwrap_or(4096);
        let most = i64::try_from(bytes / page).unwrap_or(i64::MAX);
        // Answers the limit; it may be higher, if the file is larger.
        self.conn.pragma_update_and_check(None, "max_page_count", most, |_| Ok(()))?;
        let reserved = (bytes / RESERVED_PART).min(MOST_RESERVED);
        self.limit = Some(Limit { bytes, for_publishes: bytes - reserved, page });
        Ok(())
    }

    /// Refuses a publish for which there is no room. SQLite would refuse it, too,
    /// but undo the outcomes that stand in the same transaction.
    pub(super) fn room_for(&self, payload: usize) -> Result<()> {
        let Some(limit) = self.limit else { return Ok(()) };
        let used = self.pages("PRAGMA page_count")?.saturating_sub(self.pages("PRAGMA freelist_count")?);
        if used * limit.page + payload as u64 <= limit.for_publishes {
            return Ok(());
        }
        Err(StoreError::Full(format!(
            "the database has reached its limit of {} bytes: raise --database-limit, or try again once older events \
             are removed",
            limit.bytes
        )))
    }

    fn pages(&self, pragma: &'static str) -> Result<u64> {
        let pages: i64 = self.sql(pragma)?.query_row([], |row| row.get(0))?;
        Ok(u64::try_from(pages).unwrap_or(0))
    }
}
