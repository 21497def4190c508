//! What removed hooks still owe, cancelled in steps.

use rusqlite::{OptionalExtension, params};

use super::Session;
use crate::domain::id::Seq;
use crate::domain::time::Timestamp;
use crate::store::{Cancelled, Result};

/// A removed hook that still owes something which no attempt is being made at.
const NEXT_REMOVAL: &str = "
    SELECT hook_id FROM removals
    WHERE EXISTS (SELECT 1 FROM deliveries AS d WHERE d.hook_id = removals.hook_id AND d.state = 0)
    LIMIT 1";

const OWED_BY_REMOVED: &str = "
    SELECT seq, event_seq, attempts FROM deliveries
    WHERE hook_id = ?1 AND state = 0
    LIMIT ?2";

const CANCEL: &str = "UPDATE deliveries SET state = 4, due_at = NULL, finished_at = ?2 WHERE seq = ?1";

/// A removal is over once nothing of the hook is pending or can become so again.
const END_REMOVALS: &str = "
    DELETE FROM removals
    WHERE NOT EXISTS (SELECT 1 FROM deliveries AS d WHERE d.hook_id = removals.hook_id AND d.state = 0)
      AND hook_id NOT IN (SELECT hook_id FROM deliveries WHERE state = 1)";

impl Session {
    /// Cancels at most `limit` deliveries that removed hooks still owe.
    pub(super) fn cancel_a_step(&mut self, now: Timestamp, limit: usize) -> Result<Cancelled> {
        let removal = self.sql(NEXT_REMOVAL)?.query_row([], |row| row.get::<_, i64>(0)).optional()?;
        let Some(hook) = removal else {
            self.sql(END_REMOVALS)?.execute([])?;
            return Ok(Cancelled::default());
        };
        let owed = self.owed_by_removed(hook, limit)?;
        for &(seq, ..) in &owed {
            self.sql(CANCEL)?.execute(params![seq, now.millis()])?;
            self.leave_line(Seq(seq))?;
        }
        self.batch.rows += owed.len();
        let untried =
            owed.iter().filter(|(.., attempts)| *attempts == 0).map(|&(seq, event, _)| (Seq(event), Seq(seq)));
        Ok(Cancelled { untried: untried.collect(), more: true })
    }

    fn owed_by_removed(&self, hook: i64, limit: usize) -> Result<Vec<(i64, i64, i64)>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut statement = self.sql(OWED_BY_REMOVED)?;
        let rows = statement.query_map([hook, limit], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}
