//! Executions, by writing.

use std::time::Duration;

use rusqlite::{Row, params};

use super::Session;
use crate::domain::headers::HeaderLines;
use crate::domain::id::{Seq, TriggerId};
use crate::domain::time::Timestamp;
use crate::domain::trigger::incoming::Incoming;
use crate::domain::trigger::{Conclusion, Execution, Status, Trigger, carry};
use crate::store::room::Room;
use crate::store::{CarriedOut, Carry, Executions, Firing, Result};

const ADD: &str = "
    INSERT INTO executions (seq, trigger_id, lane, status, at, due_at, errors, hops, key, method, query, headers,
                            body)
    VALUES (?1, ?2, ?3, 0, ?4, ?4, 0, ?5, ?6, ?7, ?8, ?9, ?10)";

const BEGIN: &str = "
    UPDATE executions SET status = 2, due_at = NULL, processed_at = ?2, last_error = NULL, conclusion = NULL
    WHERE seq = ?1 AND due_at <= ?2 AND due_at IS NOT NULL AND status <> 2
      AND NOT EXISTS (SELECT 1 FROM maintenance)";

/// It is as it was before it began, and says why: what was never processed still was not.
const GIVE_BACK: &str = "
    UPDATE executions
    SET status = 0, due_at = ?2, last_error = ?3, processed_at = CASE WHEN errors > 0 THEN processed_at END
    WHERE seq = ?1 AND status = 2";

pub(super) const END: &str = "
    UPDATE executions
    SET status = 3, due_at = ?2, errors = ?3, last_error = ?4, conclusion = ?5, processed_at = ?6
    WHERE seq = ?1 AND (due_at IS NOT NULL OR status = 2)";

/// What was never processed still was not.
const TAKE_BACK: &str = "
    UPDATE executions
    SET status = 0, due_at = ?1, processed_at = CASE WHEN errors > 0 THEN processed_at END
    WHERE status = 2";

const LIVES: &str = "SELECT EXISTS (SELECT 1 FROM triggers WHERE id = ?1 AND removed_at IS NULL)";

const REMOVE: &str = "DELETE FROM executions WHERE seq = ?1";

const FORGET_KEYS: &str = "
    DELETE FROM execution_keys
    WHERE (trigger_id, key) IN
        (SELECT trigger_id, key FROM execution_keys WHERE created_at < ?1 ORDER BY created_at LIMIT ?2)";

impl Executions for Session {
    fn fire(&mut self, now: Timestamp, firing: &Firing) -> Result<Option<Execution>> {
        self.room_for(firing.incoming.as_ref().map_or(0, |incoming| incoming.body.len()))?;
        // It may have been removed since it was looked up: nobody would carry this out.
        let lives: bool = self.sql(LIVES)?.query_row([firing.trigger.0], |row| row.get(0))?;
        lives.then(|| self.add_execution(now, firing)).transpose()
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
        self.end_execution(now, until, carry, room)
    }

    fn stop_execution(
        &mut self,
        now: Timestamp,
        trigger: &Trigger,
        execution: &Execution,
        errors: u32,
        why: &str,
    ) -> Result<bool> {
        let columns = params![execution.seq.0, None::<i64>, errors, why, number(Conclusion::Skipped), now.millis()];
        let stopped = self.sql(END)?.execute(columns)? > 0;
        self.batch.rows += 1;
        if stopped {
            self.schedule_next(trigger.id, carry::next(trigger, execution, now))?;
        }
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

    fn make_executions_due_earlier(&mut self, now: Timestamp, by: Duration) -> Result<()> {
        self.earlier_executions(now, by)
    }

    fn schedule_anew(&mut self, now: Timestamp, after: TriggerId, limit: usize) -> Result<Option<TriggerId>> {
        self.schedule_step(now, after, limit)
    }
}

impl Session {
    pub(super) fn add_execution(&mut self, at: Timestamp, firing: &Firing) -> Result<Execution> {
        let seq = self.next_seq();
        let incoming = firing.incoming.as_ref();
        self.sql(ADD)?.execute(params![
            seq.0,
            firing.trigger.0,
            lane(firing),
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
}

/// What comes in, what goes out, and what the time brings are looked for apart.
fn lane(firing: &Firing) -> i64 {
    match (firing.calls, &firing.incoming) {
        (true, _) => 1,
        (false, Some(_)) => 0,
        (false, None) => 2,
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

pub(super) fn number(conclusion: Conclusion) -> i64 {
    match conclusion {
        Conclusion::Published => 0,
        Conclusion::Skipped => 1,
        Conclusion::Failed => 2,
    }
}
