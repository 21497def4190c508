//! Many redeliveries to one hook: what is left is looked up by reading, a step
//! is made by writing.

use rusqlite::{OptionalExtension, Row, params};

use super::Session;
use super::archive::Reader;
use super::rows::{self, state_number};
use crate::domain::delivery::State;
use crate::domain::id::{DeliveryId, HookId, ReplayId, Seq};
use crate::domain::replay::{NewReplay, Replay, ReplayState, Stretch};
use crate::domain::time::Timestamp;
use crate::store::{Begun, Redelivered, ReplayArchive, Replays, Result, Step};

const ADD: &str = "
    INSERT INTO replays (hook_id, state, wanted, next_seq, end_seq, total, done, created_at)
    VALUES (?1, 0, ?2, ?3, ?4, ?5, 0, ?6)
    RETURNING *";

const BY_ID: &str = "SELECT * FROM replays WHERE id = ?1";

const RUNNING: &str = "SELECT * FROM replays WHERE state = 0 ORDER BY id";

const RUNNING_OF_HOOK: &str = "SELECT id FROM replays WHERE hook_id = ?1 AND state = 0";

const LIVES: &str = "SELECT EXISTS (SELECT 1 FROM hooks WHERE id = ?1 AND removed_at IS NULL)";

/// The replay moves on only from where the step begins, so that no step counts twice.
const MOVE_ON: &str = "
    UPDATE replays SET next_seq = ?3
    WHERE id = ?1 AND state = 0 AND next_seq = ?2";

const COUNT_DONE: &str = "UPDATE replays SET done = done + ?2 WHERE id = ?1";

const FINISH: &str = "UPDATE replays SET state = ?2, finished_at = ?3 WHERE id = ?1 AND state = 0";

const EXISTS: &str = "SELECT EXISTS (SELECT 1 FROM replays WHERE id = ?1)";

const LAST_SEQ: &str = "SELECT seq FROM counter";

/// What finished after a replay began is left out of count and steps alike, so
/// that what it does follows from when it was asked for and not from its pace.
const COUNT_DEAD: &str = "
    SELECT count(*) FROM deliveries
    WHERE hook_id = ?1 AND state = 3 AND redelivered_by IS NULL
      AND seq >= ?2 AND seq < ?3 AND finished_at <= ?4";

const COUNT_IN_STATE: &str = "
    SELECT count(*) FROM deliveries
    WHERE hook_id = ?1 AND state = ?5 AND redelivered_by IS NULL
      AND seq >= ?2 AND seq < ?3 AND finished_at <= ?4";

const COUNT_FINISHED: &str = "
    SELECT count(*) FROM deliveries
    WHERE hook_id = ?1 AND state IN (2, 3, 4) AND redelivers IS NULL
      AND seq >= ?2 AND seq < ?3 AND finished_at <= ?4";

/// The same, some at a time.
const DEAD: &str = "
    SELECT seq FROM deliveries
    WHERE hook_id = ?1 AND state = 3 AND redelivered_by IS NULL
      AND seq >= ?2 AND seq < ?3 AND finished_at <= ?4
    ORDER BY seq
    LIMIT ?6";

const IN_STATE: &str = "
    SELECT seq FROM deliveries
    WHERE hook_id = ?1 AND state = ?5 AND redelivered_by IS NULL
      AND seq >= ?2 AND seq < ?3 AND finished_at <= ?4
    ORDER BY seq
    LIMIT ?6";

const FINISHED: &str = "
    SELECT seq FROM deliveries
    WHERE hook_id = ?1 AND state IN (2, 3, 4) AND redelivers IS NULL
      AND seq >= ?2 AND seq < ?3 AND finished_at <= ?4
    ORDER BY seq
    LIMIT ?6";

impl Replays for Session {
    fn redeliver(&mut self, now: Timestamp, id: DeliveryId) -> Result<Redelivered> {
        self.do_again(now, id)
    }

    fn begin_replay(&mut self, now: Timestamp, new: &NewReplay, stretch: Stretch) -> Result<Begun> {
        if !self.lives(new.hook)? {
            return Ok(Begun::NoHook);
        }
        let running = self.sql(RUNNING_OF_HOOK)?.query_row([new.hook.0], |row| row.get(0).map(ReplayId)).optional()?;
        if let Some(id) = running {
            return Ok(Begun::Running(id));
        }
        let wanted = new.wanted.map(state_number);
        let columns = params![new.hook.0, wanted, stretch.from.0, stretch.end.0, stretch.total, now.millis()];
        self.batch.rows += 1;
        Ok(Begun::New(self.sql(ADD)?.query_row(columns, replay)?))
    }

    fn step(&mut self, now: Timestamp, step: &Step) -> Result<u32> {
        if !self.lives(step.hook)? {
            self.finish_replay(now, step.replay, ReplayState::Stopped)?;
            return Ok(0);
        }
        let next = step.next.unwrap_or(step.from);
        if self.sql(MOVE_ON)?.execute([step.replay.0, step.from.0, next.0])? == 0 {
            return Ok(0);
        }
        let mut made = 0;
        for &seq in &step.deliveries {
            made += u32::from(matches!(self.do_again(now, DeliveryId(seq))?, Redelivered::By(_)));
        }
        self.sql(COUNT_DONE)?.execute(params![step.replay.0, made])?;
        if step.next.is_none() {
            self.finish_replay(now, step.replay, ReplayState::Done)?;
        }
        Ok(made)
    }

    fn stop_replay(&mut self, now: Timestamp, id: ReplayId) -> Result<bool> {
        self.finish_replay(now, id, ReplayState::Stopped)?;
        Ok(self.sql(EXISTS)?.query_row([id.0], |row| row.get(0))?)
    }
}

impl Session {
    fn lives(&self, hook: HookId) -> Result<bool> {
        Ok(self.sql(LIVES)?.query_row([hook.0], |row| row.get(0))?)
    }

    fn finish_replay(&mut self, now: Timestamp, id: ReplayId, state: ReplayState) -> Result<()> {
        self.sql(FINISH)?.execute(params![id.0, number(state), now.millis()])?;
        self.batch.rows += 1;
        Ok(())
    }
}

impl ReplayArchive for Reader {
    fn replay(&self, id: ReplayId) -> Result<Option<Replay>> {
        Ok(self.sql(BY_ID)?.query_row([id.0], replay).optional()?)
    }

    fn running_replays(&self) -> Result<Vec<Replay>> {
        let mut statement = self.sql(RUNNING)?;
        Ok(statement.query_map([], replay)?.collect::<rusqlite::Result<_>>()?)
    }

    fn survey(&self, now: Timestamp, new: &NewReplay) -> Result<Stretch> {
        let behind_all = self.sql(LAST_SEQ)?.query_row([], |row| row.get::<_, i64>(0))? + 1;
        let from = new.since.map(|since| self.place(since)).transpose()?.unwrap_or(1);
        let end = new.until.map(|until| self.place(until)).transpose()?.unwrap_or(i64::MAX).min(behind_all);
        let (hook, by, state) = (new.hook.0, now.millis(), new.wanted.map(state_number));
        let total = match new.wanted {
            Some(State::Dead) => self.sql(COUNT_DEAD)?.query_row(params![hook, from, end, by], |row| row.get(0)),
            Some(_) => self.sql(COUNT_IN_STATE)?.query_row(params![hook, from, end, by, state], |row| row.get(0)),
            None => self.sql(COUNT_FINISHED)?.query_row(params![hook, from, end, by], |row| row.get(0)),
        };
        Ok(Stretch { from: Seq(from), end: Seq(end), total: total? })
    }

    fn next_step(&self, replay: &Replay, limit: usize) -> Result<Step> {
        let sql = match replay.wanted {
            Some(State::Dead) => DEAD,
            Some(_) => IN_STATE,
            None => FINISHED,
        };
        let rows = i64::try_from(limit).unwrap_or(i64::MAX);
        let (hook, by, state) = (replay.hook.0, replay.created_at.millis(), replay.wanted.map(state_number));
        let params = params![hook, replay.next.0, replay.end.0, by, state, rows];
        let mut statement = self.sql(sql)?;
        let found = statement.query_map(params, |row| row.get(0).map(Seq))?;
        let deliveries: Vec<_> = found.collect::<rusqlite::Result<_>>()?;
        let full = deliveries.last().filter(|_| deliveries.len() >= limit);
        let next = full.map(|last| Seq(last.0 + 1));
        Ok(Step { replay: replay.id, hook: replay.hook, from: replay.next, next, deliveries })
    }
}

fn replay(row: &Row<'_>) -> rusqlite::Result<Replay> {
    Ok(Replay {
        id: ReplayId(row.get("id")?),
        hook: HookId(row.get("hook_id")?),
        state: replay_state(row.get("state")?),
        wanted: row.get::<_, Option<i64>>("wanted")?.map(rows::state),
        next: Seq(row.get("next_seq")?),
        end: Seq(row.get("end_seq")?),
        total: row.get("total")?,
        done: row.get("done")?,
        created_at: rows::time(row, "created_at")?,
        finished_at: row.get::<_, Option<i64>>("finished_at")?.map(Timestamp::from_millis),
    })
}

fn replay_state(number: i64) -> ReplayState {
    let index = usize::try_from(number).unwrap_or(usize::MAX);
    ReplayState::ALL.get(index).copied().unwrap_or(ReplayState::Stopped)
}

fn number(state: ReplayState) -> i64 {
    match state {
        ReplayState::Running => 0,
        ReplayState::Done => 1,
        ReplayState::Stopped => 2,
    }
}
