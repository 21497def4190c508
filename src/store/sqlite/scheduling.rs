//! When triggers fire next by themselves.

use std::time::Duration;

use rusqlite::{OptionalExtension, Row, params};

use super::Session;
use crate::domain::id::{Seq, TriggerId};
use crate::domain::time::Timestamp;
use crate::domain::trigger::Trigger;
use crate::store::{Firing, Result};

/// What a trigger was to do by itself, and has not begun.
const SCHEDULED: &str = "
    SELECT seq, at FROM executions
    WHERE trigger_id = ?1 AND status = 0 AND method IS NULL
    ORDER BY seq DESC LIMIT 1";

/// The latest that a trigger did by itself.
const LATEST: &str = "
    SELECT max(at) FROM executions
    WHERE trigger_id = ?1 AND status = 3 AND method IS NULL";

const MOVE: &str = "UPDATE executions SET at = ?2, due_at = ?2 WHERE seq = ?1 AND status = 0";

const SCHEDULERS: &str = "
    SELECT id FROM triggers
    WHERE removed_at IS NULL AND stopped_at IS NULL AND settings ->> 'kind' = 'scheduler'";

/// What fired so much later than it is now did so by a clock that was wrong.
const WRONG_BY: Duration = Duration::from_hours(1);

/// All but what a schedule says: that keeps to it.
const EARLIER: &str = "
    UPDATE executions SET due_at = max(?1, due_at - ?2)
    WHERE due_at > ?1 AND due_at IS NOT NULL AND NOT (status = 0 AND method IS NULL AND calls = 0)";

impl Session {
    /// The clock was set back by `by`: what waits for a time is due as much earlier.
    pub(super) fn make_executions_due_earlier(&mut self, now: Timestamp, by: Duration) -> Result<()> {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        let moved = self.sql(EARLIER)?.execute(params![now.millis(), by])?;
        self.batch.rows += moved;
        Ok(())
    }

    /// Sees to it that a trigger that is started fires next when its settings say so, if it
    /// fires by itself; answers whether that was otherwise. What is due already stays.
    pub(super) fn schedule(&mut self, now: Timestamp, trigger: &Trigger) -> Result<bool> {
        let done: Option<i64> = self.sql(LATEST)?.query_row([trigger.id.0], |row| row.get(0))?;
        let done = done.map(Timestamp::from_millis).filter(|done| *done <= now.plus(WRONG_BY));
        // What it has done is not done again, should the clock have been set back a little.
        let Some(next) = trigger.next_after(done.map_or(now, |done| done.max(now))) else {
            return Ok(false);
        };
        match self.scheduled(trigger.id)? {
            None => self.add_scheduled(trigger.id, next).map(|()| true),
            Some((_, at)) if at <= now || at == next => Ok(false),
            Some((seq, _)) => {
                self.sql(MOVE)?.execute([seq.0, next.millis()])?;
                self.batch.rows += 1;
                Ok(true)
            }
        }
    }

    /// Schedules what a trigger does next by itself, unless that is so already.
    pub(super) fn schedule_next(&mut self, trigger: TriggerId, next: Option<Timestamp>) -> Result<()> {
        match next {
            Some(next) if self.scheduled(trigger)?.is_none() => self.add_scheduled(trigger, next),
            _ => Ok(()),
        }
    }

    fn scheduled(&self, trigger: TriggerId) -> Result<Option<(Seq, Timestamp)>> {
        let row = |row: &Row<'_>| Ok((Seq(row.get(0)?), Timestamp::from_millis(row.get(1)?)));
        Ok(self.sql(SCHEDULED)?.query_row([trigger.0], row).optional()?)
    }

    fn add_scheduled(&mut self, trigger: TriggerId, at: Timestamp) -> Result<()> {
        self.add_execution(at, &Firing { trigger, calls: false, incoming: None, key: None, hops: 0 }).map(|_| ())
    }

    /// Likewise for all triggers that are started; answers for how many that was otherwise.
    pub(super) fn schedule_all(&mut self, now: Timestamp) -> Result<usize> {
        let ids: Vec<i64> = {
            let mut statement = self.sql(SCHEDULERS)?;
            statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?
        };
        let mut changed = 0;
        for id in ids {
            if let Some(trigger) = self.trigger_by_id(TriggerId(id))?
                && self.schedule(now, &trigger)?
            {
                changed += 1;
            }
        }
        Ok(changed)
    }
}
