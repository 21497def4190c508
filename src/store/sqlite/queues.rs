//! The heads of the hooks' queues: when to look at which.

use rusqlite::{OptionalExtension, params};

use super::Session;
use crate::domain::id::HookId;
use crate::domain::time::Timestamp;
use crate::store::Result;

/// The head of a queue only ever becomes earlier here; a claim makes it later, where
/// that is true. A removed hook gets no queue: its deliveries are cancelled.
const QUEUE_UP: &str = "
    INSERT INTO hook_queues (hook_id, due_at, not_before)
    SELECT ?1, max(?2, ?3), ?3 WHERE NOT EXISTS (SELECT 1 FROM removals WHERE hook_id = ?1)
    ON CONFLICT DO UPDATE SET due_at = max(not_before, min(due_at, ?2))
    RETURNING due_at";

const HOLD: &str = "UPDATE hook_queues SET due_at = ?2, not_before = ?2 WHERE hook_id = ?1";

const LET_GO: &str = "UPDATE hook_queues SET due_at = ?2, not_before = 0 WHERE hook_id = ?1";

/// Without those that are blocked, which have no `due_at`.
const HEAD: &str = "
    SELECT due_at FROM deliveries
    WHERE hook_id = ?1 AND state = 0 AND due_at IS NOT NULL
    ORDER BY due_at LIMIT 1";

const MOVE_HEAD: &str = "UPDATE hook_queues SET due_at = max(not_before, ?2) WHERE hook_id = ?1";

const END_QUEUE: &str = "DELETE FROM hook_queues WHERE hook_id = ?1";

const NEXT_DUE: &str = "SELECT min(due_at) FROM hook_queues WHERE due_at > ?1";

impl Session {
    /// Sees to it that the hook is looked at when the delivery is due, or when the
    /// hook is no longer held back; answers when that will be.
    pub(super) fn queue_up(&mut self, hook: HookId, due_at: Timestamp) -> Result<Option<Timestamp>> {
        let target = self.target(hook)?;
        let not_before = target.and_then(|target| target.held_until()).map_or(0, Timestamp::millis);
        let columns = params![hook.0, due_at.millis(), not_before];
        let head = self.sql(QUEUE_UP)?.query_row(columns, |row| row.get(0)).optional()?;
        Ok(head.map(Timestamp::from_millis))
    }

    /// Nobody looks at the hook's queue until then.
    pub(super) fn hold_queue(&self, hook: HookId, until: Timestamp) -> Result<()> {
        self.sql(HOLD)?.execute(params![hook.0, until.millis()])?;
        Ok(())
    }

    /// The hook's queue is looked at from now on.
    pub(super) fn let_queue_go(&self, hook: HookId, now: Timestamp) -> Result<()> {
        self.sql(LET_GO)?.execute(params![hook.0, now.millis()])?;
        Ok(())
    }

    /// After a claim: sets the head to what is true now. A hook of which more is due
    /// goes to the end of the line instead, so that all are served in turn. Answers
    /// whether more is due.
    pub(super) fn move_head(&self, hook: HookId, now: Timestamp) -> Result<bool> {
        let head: Option<i64> = self.sql(HEAD)?.query_row([hook.0], |row| row.get(0)).optional()?;
        match head {
            Some(due_at) => self.sql(MOVE_HEAD)?.execute(params![hook.0, due_at.max(now.millis())])?,
            None => self.end_queue(hook)?,
        };
        Ok(head.is_some_and(|due_at| due_at <= now.millis()))
    }

    pub(super) fn end_queue(&self, hook: HookId) -> Result<usize> {
        Ok(self.sql(END_QUEUE)?.execute([hook.0])?)
    }

    /// When the next queue that is not due yet will be.
    pub(super) fn next_due(&self, now: Timestamp) -> Result<Option<Timestamp>> {
        let next: Option<i64> = self.sql(NEXT_DUE)?.query_row([now.millis()], |row| row.get(0))?;
        Ok(next.map(Timestamp::from_millis))
    }
}
