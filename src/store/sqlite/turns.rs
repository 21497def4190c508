//! Lines of ordered hooks: only the first in a line is due, the others have no
//! `due_at` until their turn comes. No clock has a say in it.

use rusqlite::{OptionalExtension, params};

use super::Session;
use crate::domain::event::Event;
use crate::domain::hook::Order;
use crate::domain::id::{HookId, Seq};
use crate::domain::time::Timestamp;
use crate::store::Result;

const IS_EMPTY: &str = "SELECT NOT EXISTS (SELECT 1 FROM turns WHERE hook_id = ?1 AND line = ?2)";

const STAND: &str = "INSERT INTO turns (hook_id, line, delivery) VALUES (?1, ?2, ?3)";

const LEAVE: &str = "DELETE FROM turns WHERE delivery = ?1 RETURNING hook_id, line";

const FIRST: &str = "SELECT min(delivery) FROM turns WHERE hook_id = ?1 AND line = ?2";

/// A delivery may stand in several lines and has to wait for all of them.
const STILL_WAITS: &str = "
    SELECT EXISTS (
        SELECT 1 FROM turns AS own
        JOIN turns AS earlier
          ON earlier.hook_id = own.hook_id AND earlier.line = own.line AND earlier.delivery < own.delivery
        WHERE own.delivery = ?1)";

const ITS_TURN: &str = "UPDATE deliveries SET due_at = ?2 WHERE seq = ?1 AND state = 0 AND due_at IS NULL";

/// Whether anything is in line for a hook, by a former order maybe.
pub(super) const LINED: &str = "SELECT EXISTS (SELECT 1 FROM turns WHERE hook_id = ?1)";

impl Session {
    /// Puts a new delivery, about this application alone if it is about one, at the end
    /// of its lines; answers whether its turn has come.
    pub(super) fn take_turn(
        &self,
        delivery: Seq,
        hook: HookId,
        order: Order,
        event: &Event,
        application: Option<&str>,
    ) -> Result<bool> {
        let mut first = true;
        for line in order.lines(&event.applications, application) {
            first &= self.sql(IS_EMPTY)?.query_row(params![hook.0, line], |row| row.get::<_, bool>(0))?;
            self.sql(STAND)?.execute(params![hook.0, line, delivery.0])?;
        }
        Ok(first)
    }

    /// A delivery has arrived or is given up: whoever stood behind it may be due
    /// now. Answers whether somebody is.
    pub(super) fn end_turn(&mut self, now: Timestamp, delivery: Seq) -> Result<bool> {
        let lines = self.leave(delivery)?;
        let mut due = false;
        for (hook, line) in lines {
            let first = self.sql(FIRST)?.query_row(params![hook, line], |row| row.get::<_, Option<i64>>(0))?;
            let Some(first) = first else { continue };
            let waits = self.sql(STILL_WAITS)?.query_row([first], |row| row.get::<_, bool>(0))?;
            if !waits && self.sql(ITS_TURN)?.execute(params![first, now.millis()])? > 0 {
                self.queue_up(HookId(hook), now)?;
                due = true;
            }
        }
        Ok(due)
    }

    /// A delivery to a removed hook is cancelled: nobody behind it will be due.
    pub(super) fn leave_line(&self, delivery: Seq) -> Result<()> {
        self.leave(delivery).map(drop)
    }

    fn leave(&self, delivery: Seq) -> Result<Vec<(i64, String)>> {
        let mut statement = self.sql(LEAVE)?;
        let rows = statement.query_map([delivery.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    pub(super) fn is_lined(&self, hook: HookId) -> Result<bool> {
        Ok(self.sql(LINED)?.query_row([hook.0], |row| row.get(0)).optional()?.unwrap_or(false))
    }
}
