//! What is kept in the clock's time, moved when somebody sets the clock.

use std::time::Duration;

use rusqlite::params;

use super::Session;
use crate::domain::breaker::Breaker;
use crate::domain::id::{HookId, Seq};
use crate::domain::time::Timestamp;
use crate::store::{Place, Result};

/// One statement: there are never more leases than there are places in memory.
const LENGTHEN_LEASES: &str = "UPDATE deliveries SET due_at = due_at + ?2 WHERE state = 1 AND due_at <= ?1";

/// What removed hooks owe has no queue, and is cancelled whenever it is due.
const NEXT_QUEUE: &str = "SELECT min(hook_id) FROM hook_queues WHERE hook_id > ?1";

/// In the order of the index. A row that was made due earlier stands before
/// those that are still to come, so none is met twice.
const DUE_LATER: &str = "
    SELECT due_at, seq FROM deliveries
    WHERE hook_id = ?1 AND state = 0 AND (due_at, seq) > (?2, ?3)
    ORDER BY due_at, seq
    LIMIT ?4";

/// Not that of a paused hook, which is held for ever.
const EARLIER_QUEUE: &str = "
    UPDATE hook_queues SET due_at = due_at - ?3, not_before = max(0, not_before - ?3)
    WHERE hook_id = ?1 AND due_at > ?2 AND due_at < ?4";

const SET_DUE: &str = "UPDATE deliveries SET due_at = ?2 WHERE seq = ?1";

impl Session {
    pub(super) fn later_leases(&mut self, up_to: Timestamp, by: Duration) -> Result<usize> {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        let lengthened = self.sql(LENGTHEN_LEASES)?.execute([up_to.millis(), by])?;
        self.batch.rows += lengthened;
        Ok(lengthened)
    }

    /// Each hook and each row counts as one: a step that meets only hooks that
    /// owe nothing must end as well.
    pub(super) fn earlier_step(&mut self, mut place: Place, by: Duration, limit: usize) -> Result<Option<Place>> {
        let mut left = limit;
        while left > 0 {
            let moved = self.earlier_of_hook(&mut place, by, left)?;
            self.batch.rows += moved;
            if moved == left {
                break;
            }
            left -= moved + 1;
            let next: Option<i64> = self.sql(NEXT_QUEUE)?.query_row([place.hook.0], |row| row.get(0))?;
            let Some(hook) = next else { return Ok(None) };
            place = Place::of(place.now, HookId(hook));
            self.earlier_queue(place.hook, place.now, by)?;
        }
        Ok(Some(place))
    }

    /// When a hook is looked at next, and when it is probed if it is failing.
    fn earlier_queue(&mut self, hook: HookId, now: Timestamp, by: Duration) -> Result<()> {
        let by_millis = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.sql(EARLIER_QUEUE)?.execute(params![hook.0, now.millis(), by_millis, Timestamp::MAX.millis()])?;
        let Some(target) = self.target(hook)? else {
            return Ok(());
        };
        if let Some(probe_at) = target.breaker.probe_at.filter(|probe_at| *probe_at > now) {
            let breaker = Breaker { probe_at: Some(probe_at.minus(by)), ..target.breaker };
            self.keep_breaker(hook, breaker, &target)?;
        }
        Ok(())
    }

    /// Moves up to `limit` rows of one hook, and the head of its queue with them:
    /// between two transactions no queue says later than what stands in it.
    fn earlier_of_hook(&mut self, place: &mut Place, by: Duration, limit: usize) -> Result<usize> {
        let rows = self.due_later(*place, limit)?;
        if let Some(&(first, _)) = rows.first() {
            self.queue_up(place.hook, first.minus(by))?;
        }
        for &(due_at, seq) in &rows {
            self.sql(SET_DUE)?.execute([seq.0, due_at.minus(by).millis()])?;
            (place.due_at, place.seq) = (due_at, seq);
        }
        Ok(rows.len())
    }

    fn due_later(&self, place: Place, limit: usize) -> Result<Vec<(Timestamp, Seq)>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut statement = self.sql(DUE_LATER)?;
        let after = params![place.hook.0, place.due_at.millis(), place.seq.0, limit];
        let rows = statement.query_map(after, |row| Ok((Timestamp::from_millis(row.get(0)?), Seq(row.get(1)?))))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}
