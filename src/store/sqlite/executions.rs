//! Executions, by writing.

use std::time::Duration;

use rusqlite::{OptionalExtension, Row, params};

use super::Session;
use crate::domain::headers::HeaderLines;
use crate::domain::id::{ExecutionId, Seq, TriggerId};
use crate::domain::time::Timestamp;
use crate::domain::trigger::incoming::Incoming;
use crate::domain::trigger::{Conclusion, Ended, Execution, Status, Trigger};
use crate::store::room::Room;
use crate::store::{CarriedOut, Carry, Executions, Firing, Outbox, Published, Publishing, Result, StoreError};

const ADD: &str = "
    INSERT INTO executions (seq, trigger_id, calls, status, at, due_at, errors, hops, key, method, query, headers,
                            body)
    VALUES (?1, ?2, ?3, 0, ?4, ?4, 0, ?5, ?6, ?7, ?8, ?9, ?10)";

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

/// What is not over.
const OPEN: &str = "
    SELECT trigger_id, errors, key FROM executions
    WHERE seq = ?1 AND (due_at IS NOT NULL OR status = 2)";

const BEGIN: &str = "
    UPDATE executions SET status = 2, due_at = NULL, processed_at = ?2, last_error = NULL
    WHERE seq = ?1 AND due_at <= ?2 AND due_at IS NOT NULL AND status <> 2";

/// It is as it was before it began, and says why: what was never processed still was not.
const GIVE_BACK: &str = "
    UPDATE executions
    SET status = 0, due_at = ?2, last_error = ?3, processed_at = CASE WHEN errors > 0 THEN processed_at END
    WHERE seq = ?1 AND status = 2";

const END: &str = "
    UPDATE executions
    SET status = 3, due_at = ?2, errors = ?3, last_error = ?4, conclusion = ?5, processed_at = ?6
    WHERE seq = ?1 AND (due_at IS NOT NULL OR status = 2)";

const TAKE_BACK: &str = "UPDATE executions SET status = 0, due_at = ?1 WHERE status = 2";

const REMOVE: &str = "DELETE FROM executions WHERE seq = ?1";

const TAKE_KEY: &str = "
    INSERT OR IGNORE INTO execution_keys (trigger_id, key, execution, created_at) VALUES (?1, ?2, ?3, ?4)";

const WHO_HAS_KEY: &str = "SELECT execution FROM execution_keys WHERE trigger_id = ?1 AND key = ?2";

const FORGET_KEYS: &str = "
    DELETE FROM execution_keys
    WHERE (trigger_id, key) IN
        (SELECT trigger_id, key FROM execution_keys WHERE created_at < ?1 ORDER BY created_at LIMIT ?2)";

const SCHEDULERS: &str = "
    SELECT id FROM triggers
    WHERE removed_at IS NULL AND stopped_at IS NULL AND settings ->> 'kind' = 'scheduler'";

/// What fired so much later than it is now did so by a clock that was wrong.
const WRONG_BY: Duration = Duration::from_hours(1);

/// What stands in a column for each, and is not over.
struct Open {
    trigger: TriggerId,
    errors: u32,
    key: Option<String>,
}

impl Executions for Session {
    fn fire(&mut self, now: Timestamp, firing: &Firing) -> Result<Execution> {
        self.room_for(firing.incoming.as_ref().map_or(0, |incoming| incoming.body.len()))?;
        self.add_execution(now, firing)
    }

    fn begin_execution(&mut self, now: Timestamp, execution: Seq) -> Result<bool> {
        self.batch.rows += 1;
        Ok(self.sql(BEGIN)?.execute(params![execution.0, now.millis()])? > 0)
    }

    fn give_back_execution(&mut self, due_at: Timestamp, execution: Seq, why: &str) -> Result<bool> {
        self.batch.rows += 1;
        Ok(self.sql(GIVE_BACK)?.execute(params![execution.0, due_at.millis(), why])? > 0)
    }

    fn carry_out(&mut self, now: Timestamp, until: Timestamp, carry: &Carry, room: &Room) -> Result<CarriedOut> {
        let open = |row: &Row<'_>| Ok(Open { trigger: TriggerId(row.get(0)?), errors: row.get(1)?, key: row.get(2)? });
        let Some(open) = self.sql(OPEN)?.query_row([carry.execution.0], open).optional()? else {
            return Ok(CarriedOut::Over);
        };
        let Some(trigger) = self.trigger_by_id(open.trigger)?.filter(|trigger| trigger.revision == carry.revision)
        else {
            return Ok(CarriedOut::Changed);
        };
        let (conclusion, errors, why) = self.concluded_as(now, &open, carry)?;
        self.end(now, carry, errors, conclusion, why.as_deref())?;
        let published = match conclusion {
            Conclusion::Published | Conclusion::Failed => self.publish_all(now, until, &trigger, carry, room)?,
            Conclusion::Skipped => vec![],
        };
        Ok(CarriedOut::Done(published))
    }

    fn stop_execution(&mut self, now: Timestamp, execution: Seq, errors: u32, why: &str) -> Result<bool> {
        let columns = params![execution.0, None::<i64>, errors, why, number(Conclusion::Skipped), now.millis()];
        let stopped = self.sql(END)?.execute(columns)? > 0;
        self.batch.rows += 1;
        Ok(stopped)
    }

    fn take_back_executions(&mut self, now: Timestamp) -> Result<usize> {
        let taken = self.sql(TAKE_BACK)?.execute([now.millis()])?;
        self.batch.rows += taken;
        Ok(taken)
    }

    fn remove_executions(&mut self, executions: &[Seq]) -> Result<()> {
        for execution in executions {
            self.sql(REMOVE)?.execute([execution.0])?;
        }
        self.batch.rows += executions.len();
        Ok(())
    }

    fn forget_execution_keys(&mut self, before: Timestamp, limit: usize) -> Result<usize> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let forgotten = self.sql(FORGET_KEYS)?.execute([before.millis(), limit])?;
        self.batch.rows += forgotten;
        Ok(forgotten)
    }

    fn schedule_anew(&mut self, now: Timestamp) -> Result<usize> {
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

impl Session {
    fn add_execution(&mut self, at: Timestamp, firing: &Firing) -> Result<Execution> {
        let seq = self.next_seq();
        let incoming = firing.incoming.as_ref();
        self.sql(ADD)?.execute(params![
            seq.0,
            firing.trigger.0,
            firing.calls,
            at.millis(),
            firing.hops,
            firing.key,
            incoming.map(|incoming| &incoming.method),
            incoming.map(|incoming| &incoming.query),
            incoming.map(|incoming| incoming.headers.as_str()),
            incoming.map(|incoming| &incoming.body[..]),
        ])?;
        self.batch.rows += 1;
        Ok(Execution {
            seq,
            trigger: firing.trigger,
            status: Status::Scheduled,
            at,
            due_at: Some(at),
            errors: 0,
            last_error: None,
            conclusion: None,
            processed_at: None,
            incoming: firing.incoming.clone(),
            hops: firing.hops,
            key: firing.key.clone(),
        })
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
    fn schedule_next(&mut self, trigger: TriggerId, next: Option<Timestamp>) -> Result<()> {
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

    /// What it comes to, how often it has failed with this, and why.
    fn concluded_as(
        &mut self,
        now: Timestamp,
        open: &Open,
        carry: &Carry,
    ) -> Result<(Conclusion, u32, Option<String>)> {
        Ok(match &carry.ended {
            Ended::Published(_) => match self.is_taken(now, open, carry.execution)? {
                None => (Conclusion::Published, open.errors, None),
                Some(earlier) => {
                    let why = format!("the same came before, as {earlier}: it is published once");
                    (Conclusion::Skipped, open.errors, Some(why))
                }
            },
            Ended::Skipped(why) => (Conclusion::Skipped, open.errors, Some(why.clone())),
            Ended::Failed(why) | Ended::GaveUp { why, .. } => (Conclusion::Failed, open.errors + 1, Some(why.clone())),
        })
    }

    /// Takes the sender's name of what is published, if it has one; or who has that.
    fn is_taken(&mut self, now: Timestamp, open: &Open, execution: Seq) -> Result<Option<ExecutionId>> {
        let Some(key) = &open.key else { return Ok(None) };
        let columns = params![open.trigger.0, key, execution.0, now.millis()];
        if self.sql(TAKE_KEY)?.execute(columns)? > 0 {
            return Ok(None);
        }
        let earlier: i64 = self.sql(WHO_HAS_KEY)?.query_row(params![open.trigger.0, key], |row| row.get(0))?;
        Ok(Some(ExecutionId(Seq(earlier))).filter(|earlier| earlier.0 != execution))
    }

    fn end(
        &mut self,
        now: Timestamp,
        carry: &Carry,
        errors: u32,
        conclusion: Conclusion,
        why: Option<&str>,
    ) -> Result<()> {
        let again_at = carry.again_at.filter(|_| conclusion == Conclusion::Failed).map(Timestamp::millis);
        let columns = params![carry.execution.0, again_at, errors, why, number(conclusion), now.millis()];
        self.sql(END)?.execute(columns)?;
        self.batch.rows += 1;
        self.schedule_next(carry.trigger, carry.next)
    }

    /// All or none: what was taken of the room for the first ones is given back where a later
    /// one fails.
    fn publish_all(
        &mut self,
        now: Timestamp,
        until: Timestamp,
        trigger: &Trigger,
        carry: &Carry,
        room: &Room,
    ) -> Result<Vec<Published>> {
        let mut all: Vec<Published> = vec![];
        for event in carry.ended.events() {
            match self.publish(now, until, trigger.owner, event, room) {
                Ok(Publishing::Kept(published)) => all.push(published),
                other => {
                    for published in &all {
                        room.give_back_all(&published.leased);
                    }
                    let refused = || StoreError::Failed("an execution's event was refused".into());
                    return Err(other.err().unwrap_or_else(refused));
                }
            }
        }
        Ok(all)
    }
}

/// An execution from the columns of `executions`.
pub(super) fn execution(row: &Row<'_>) -> rusqlite::Result<Execution> {
    let time = |column| row.get::<_, Option<i64>>(column).map(|millis| millis.map(Timestamp::from_millis));
    let index = |column| row.get::<_, Option<i64>>(column).map(|number| number.and_then(|n| usize::try_from(n).ok()));
    Ok(Execution {
        seq: Seq(row.get("seq")?),
        trigger: TriggerId(row.get("trigger_id")?),
        status: index("status")?.and_then(|index| Status::ALL.get(index).copied()).unwrap_or(Status::Done),
        at: Timestamp::from_millis(row.get("at")?),
        due_at: time("due_at")?,
        errors: row.get("errors")?,
        last_error: row.get("last_error")?,
        conclusion: index("conclusion")?.and_then(|index| Conclusion::ALL.get(index).copied()),
        processed_at: time("processed_at")?,
        incoming: incoming(row)?,
        hops: row.get("hops")?,
        key: row.get("key")?,
    })
}

fn incoming(row: &Row<'_>) -> rusqlite::Result<Option<Incoming>> {
    let Some(method) = row.get("method")? else { return Ok(None) };
    let body: Vec<u8> = row.get("body")?;
    let headers = HeaderLines::trusted(row.get("headers")?);
    Ok(Some(Incoming { method, query: row.get("query")?, headers, body: body.into() }))
}

fn number(conclusion: Conclusion) -> i64 {
    match conclusion {
        Conclusion::Published => 0,
        Conclusion::Skipped => 1,
        Conclusion::Failed => 2,
    }
}
