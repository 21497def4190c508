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
    WHERE trigger_id = ?1 AND status = 0 AND lane = 2
    ORDER BY seq DESC LIMIT 1";

/// The latest that a trigger did by itself, among its newest executions; but for what it did,
/// and was to do, by a clock that was wrong.
const LATEST: &str = "
    SELECT max(at)
    FROM (SELECT at, processed_at, status, lane FROM executions WHERE trigger_id = ?1 ORDER BY seq DESC LIMIT 1000)
    WHERE status = 3 AND lane = 2 AND (at <= ?2 OR processed_at <= ?2)";

const MOVE: &str = "UPDATE executions SET at = ?2, due_at = ?2 WHERE seq = ?1 AND status = 0";

const SCHEDULERS: &str = "
    SELECT id FROM triggers
    WHERE id > ?1 AND removed_at IS NULL AND stopped_at IS NULL AND settings ->> 'kind' = 'scheduler'
    ORDER BY id LIMIT ?2";

/// What fired so much later than it is now did so by a clock that was wrong.
const WRONG_BY: Duration = Duration::from_hours(1);

/// All but what a schedule says: that keeps to it.
const EARLIER: &str = "
    UPDATE executions SET due_at = max(?1, due_at - ?2)
    WHERE lane IN (0, 1) AND due_at > ?1 AND due_at IS NOT NULL";

impl Session {
    /// The clock was set back by `by`: what waits for a time is due as much earlier.
    pub(super) fn earlier_executions(&mut self, now: Timestamp, by: Duration) -> Result<()> {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        let moved = self.sql(EARLIER)?.execute(params![now.millis(), by])?;
        self.batch.rows += moved;
        Ok(())
    }

    /// Sees to it that a trigger that is started fires next when its settings say so, if it
    /// fires by itself. What is due already stays.
    pub(super) fn schedule(&mut self, now: Timestamp, trigger: &Trigger) -> Result<()> {
        if !trigger.fires_by_itself() {
            return Ok(());
        }
        let columns = params![trigger.id.0, now.plus(WRONG_BY).millis()];
        let done: Option<i64> = self.sql(LATEST)?.query_row(columns, |row| row.get(0))?;
        let done = done.map(Timestamp::from_millis);
        // What it has done is not done again, should the clock have been set back a little.
        let Some(next) = trigger.next_after(done.map_or(now, |done| done.max(now))) else {
            return Ok(());
        };
        match self.scheduled(trigger.id)? {
            None => self.add_scheduled(trigger.id, next),
            Some((_, at)) if at <= now || at == next => Ok(()),
            Some((seq, _)) => {
                self.sql(MOVE)?.execute([seq.0, next.millis()])?;
                self.batch.rows += 1;
                Ok(())
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

    /// Likewise for a step of all triggers that are started.
    pub(super) fn schedule_step(
        &mut self,
        now: Timestamp,
        after: TriggerId,
        limit: usize,
    ) -> Result<Option<TriggerId>> {
        let most = i64::try_from(limit).unwrap_or(i64::MAX);
        let ids: Vec<_> = {
            let mut statement = self.sql(SCHEDULERS)?;
            let rows = statement.query_map([after.0, most], |row| row.get(0).map(TriggerId))?;
            rows.collect::<rusqlite::Result<_>>()?
        };
        for id in &ids {
            if let Some(trigger) = self.trigger_by_id(*id)? {
                self.schedule(now, &trigger)?;
            }
        }
        Ok(ids.last().copied().filter(|_| ids.len() == limit))
    }
}
