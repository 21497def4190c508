//! What hooks that were asked came to, and what follows for their gate: each decides
//! once, and a gate closes once.

use std::time::Duration;

use rusqlite::{OptionalExtension, Row, params};

use super::Session;
use super::gates::decisions_of;
use crate::domain::access::Bounds;
use crate::domain::gate::{Answered, Decision, DecisionState, Gate, GateState, NewGate, OnSilence};
use crate::domain::id::{GateId, HookId, Seq};
use crate::domain::time::Timestamp;
use crate::domain::token::TokenHash;
use crate::store::{Asked, Decided, Gates, Reply, Result, Verdict};

const ADD: &str = "
    INSERT INTO decisions (gate, hook_id, token, on_silence, state, reason, decided_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";

/// Only while the hook is being asked: who decided meanwhile is not asked any more.
const REPLIED: &str = "
    UPDATE decisions
    SET state = ?3, reason = ?4, work_id = ?5, answer = ?6, status = ?7, answered_at = ?8, duration_us = ?9,
        decided_at = CASE WHEN ?3 = 1 THEN NULL ELSE ?8 END
    WHERE gate = ?1 AND hook_id = ?2 AND state = 0";

/// What came of the request to one that was decided while it was under way: what it calls
/// this still counts.
const NOTED: &str = "
    UPDATE decisions
    SET work_id = coalesce(work_id, ?3), answer = coalesce(answer, ?4), status = ?5, answered_at = ?6, duration_us = ?7
    WHERE gate = ?1 AND hook_id = ?2 AND answered_at IS NULL";

const TIME_IS_UP: &str = "SELECT expires_at <= ?2 FROM gates WHERE seq = ?1";

const STILL_ASKED: &str = "SELECT EXISTS (SELECT 1 FROM decisions WHERE gate = ?1 AND state = 0)";

const SEQ_OF: &str = "SELECT seq FROM gates WHERE id = ?1";

const OF_TOKEN: &str = "SELECT hook_id FROM decisions WHERE gate = ?1 AND token = ?2";

pub(super) const DECIDE: &str = "
    UPDATE decisions
    SET state = ?3, reason = coalesce(?4, reason), work_id = coalesce(?5, work_id), decided_at = ?6, decided_by = ?7
    WHERE gate = ?1 AND hook_id = ?2 AND state IN (0, 1)";

const SAY_WHY: &str = "UPDATE gates SET reason = ?2 WHERE seq = ?1";

const LENGTHEN: &str = "UPDATE gates SET expires_at = expires_at + ?2 WHERE state = 0 AND asked_at <= ?1";

const OVERDUE: &str = "SELECT seq FROM gates WHERE state = 0 AND expires_at <= ?1 LIMIT ?2";

const ABANDONED: &str = "
    SELECT seq FROM gates
    WHERE state = 0 AND EXISTS (SELECT 1 FROM decisions WHERE gate = gates.seq AND state = 0)";

/// Whatever went before: never while it is open or an event is tied to it.
const REMOVE: &str = "
    DELETE FROM gates
    WHERE seq = ?1 AND state <> 0 AND NOT EXISTS (SELECT 1 FROM events WHERE events.gate = gates.seq)";

impl Gates for Session {
    fn ask(&mut self, now: Timestamp, new: &NewGate) -> Result<Asked> {
        self.begin_gate(now, new)
    }

    fn replied(&mut self, now: Timestamp, reply: &Reply) -> Result<Option<Gate>> {
        self.batch.rows += 1;
        self.forget_work_ids(reply.gate);
        if self.is_time_up(now, reply.gate)? || !self.keep_reply(now, reply)? {
            return self.note_reply(now, reply).map(|()| None);
        }
        // Looked at first: a gate may have hundreds of answers, which are not read for each of them.
        if self.sql(STILL_ASKED)?.query_row([reply.gate.0], |row| row.get(0))? {
            return Ok(None);
        }
        let Some(gate) = self.gate_by_seq(reply.gate)? else { return Ok(None) };
        let state = self.conclude(now, &gate)?;
        if state == GateState::Open {
            return Ok(None);
        }
        let waited = gate.decisions.iter().all(|decision| !decision.state.is_open());
        let decisions = if waited { gate.decisions } else { decisions_of(&self.conn, gate.seq)? };
        Ok(Some(Gate { state, closed_at: Some(now), decisions, ..gate }))
    }

    fn decide(&mut self, now: Timestamp, id: GateId, token: TokenHash, answered: &Answered) -> Result<Decided> {
        let Some(gate) = self.gate_by_id(id)? else { return Ok(Decided::Absent) };
        let hook = self.sql(OF_TOKEN)?.query_row(params![gate.seq.0, token.0], |row| row.get(0).map(HookId));
        let Some(hook) = hook.optional()? else { return Ok(Decided::Absent) };
        if gate.is_over(now) {
            return Ok(Decided::TooLate);
        }
        self.forget_work_ids(gate.seq);
        let Answered { state, reason, work_id, .. } = answered;
        let columns =
            params![gate.seq.0, hook.0, decision_number(*state), reason, work_id, now.millis(), None::<String>];
        if self.sql(DECIDE)?.execute(columns)? == 0 {
            return Ok(Decided::TooLate);
        }
        let stands = self.concluded(now, gate.seq)?;
        Ok(Decided::Done { gate: gate.seq, hook: Some(hook), state: *state, now: stands })
    }

    fn settle(&mut self, now: Timestamp, id: GateId, within: &Bounds, verdict: &Verdict) -> Result<Decided> {
        let gate = self.gate_by_id(id)?;
        let Some(gate) = gate.filter(|gate| within.hold_wholly(&gate.applications)) else {
            return Ok(Decided::Absent);
        };
        if gate.is_over(now) {
            return Ok(Decided::TooLate);
        }
        let state = if verdict.approved { DecisionState::Approved } else { DecisionState::Refused };
        for decision in gate.decisions.iter().filter(|decision| decision.state.is_open()) {
            let (hook, number, none) = (decision.hook.0, decision_number(state), None::<String>);
            let columns = params![gate.seq.0, hook, number, verdict.reason, none, now.millis(), verdict.by];
            self.sql(DECIDE)?.execute(columns)?;
            self.batch.rows += 1;
        }
        let stands = self.concluded(now, gate.seq)?;
        // Somebody else may have said no, or may not say it.
        if let (Some(reason), true) = (&verdict.reason, verdict.fits(stands)) {
            self.sql(SAY_WHY)?.execute(params![gate.seq.0, reason])?;
        }
        Ok(Decided::Done { gate: gate.seq, hook: None, state, now: stands })
    }

    fn expire(&mut self, now: Timestamp, limit: usize) -> Result<Vec<Seq>> {
        let overdue = self.some_gates(OVERDUE, now, limit)?;
        for &seq in &overdue {
            self.expire_gate(now, seq)?;
        }
        Ok(overdue)
    }

    fn expire_now(&mut self, now: Timestamp, gate: Seq) -> Result<Option<Gate>> {
        self.expire_gate(now, gate)?;
        self.gate_by_seq(gate)
    }

    fn lengthen_gates(&mut self, asked_by: Timestamp, by: Duration) -> Result<usize> {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        let lengthened = self.sql(LENGTHEN)?.execute(params![asked_by.millis(), by])?;
        self.batch.rows += lengthened;
        Ok(lengthened)
    }

    fn abandon(&mut self, now: Timestamp) -> Result<usize> {
        let abandoned: Vec<_> = {
            let mut statement = self.sql(ABANDONED)?;
            let rows = statement.query_map([], |row| row.get(0).map(Seq))?;
            rows.collect::<rusqlite::Result<_>>()?
        };
        for &seq in &abandoned {
            let Some(gate) = self.gate_by_seq(seq)? else { continue };
            self.silence(now, &gate, |_| "the server stopped before it had decided")?;
            let why = "the server stopped while hooks were being asked: ask again";
            self.close_gate(now, seq, GateState::Expired, Some(why))?;
        }
        Ok(abandoned.len())
    }

    fn remove_gates(&mut self, gates: &[Seq], limit: usize) -> Result<usize> {
        let (mut left, mut gone) = (limit, 0);
        for seq in gates {
            if left == 0 {
                break;
            }
            if self.sql(REMOVE)?.execute([seq.0])? > 0 {
                let decisions = self.sql("DELETE FROM decisions WHERE gate = ?1")?.execute([seq.0])?;
                self.batch.rows += decisions + 1;
                left = left.saturating_sub(decisions + 1);
                gone += 1;
            }
        }
        Ok(gone)
    }
}

impl Session {
    fn is_time_up(&self, now: Timestamp, gate: Seq) -> Result<bool> {
        let up = self.sql(TIME_IS_UP)?.query_row(params![gate.0, now.millis()], |row| row.get(0)).optional()?;
        Ok(up.unwrap_or(true))
    }

    /// False if the hook was not being asked any more.
    fn keep_reply(&self, now: Timestamp, reply: &Reply) -> Result<bool> {
        let Answered { state, reason, work_id, answer } = &reply.answered;
        let columns = params![
            reply.gate.0,
            reply.hook.0,
            decision_number(*state),
            reason,
            work_id,
            answer,
            reply.status,
            now.millis(),
            micros(reply.duration),
        ];
        Ok(self.sql(REPLIED)?.execute(columns)? > 0)
    }

    fn note_reply(&self, now: Timestamp, reply: &Reply) -> Result<()> {
        let Answered { work_id, answer, .. } = &reply.answered;
        let (gate, hook, took) = (reply.gate.0, reply.hook.0, micros(reply.duration));
        self.sql(NOTED)?.execute(params![gate, hook, work_id, answer, reply.status, now.millis(), took])?;
        Ok(())
    }

    pub(super) fn add_decision(&self, gate: Seq, decision: &Decision, token: TokenHash) -> Result<()> {
        self.sql(ADD)?.execute(params![
            gate.0,
            decision.hook.0,
            token.0,
            decision.on_silence.as_str(),
            decision_number(decision.state),
            decision.reason,
            decision.decided_at.map(Timestamp::millis),
        ])?;
        Ok(())
    }

    fn gate_by_id(&self, id: GateId) -> Result<Option<Gate>> {
        let seq = self.sql(SEQ_OF)?.query_row([id.0.to_bytes()], |row| row.get(0).map(Seq)).optional()?;
        seq.map_or(Ok(None), |seq| self.gate_by_seq(seq))
    }

    fn some_gates(&self, sql: &'static str, time: Timestamp, limit: usize) -> Result<Vec<Seq>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut statement = self.sql(sql)?;
        let rows = statement.query_map([time.millis(), limit], |row| row.get(0).map(Seq))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// A decision from the columns of `decisions`.
pub(super) fn decision(row: &Row<'_>) -> rusqlite::Result<Decision> {
    let on_silence: String = row.get("on_silence")?;
    let time = |column| row.get::<_, Option<i64>>(column).map(|millis| millis.map(Timestamp::from_millis));
    let micros: Option<i64> = row.get("duration_us")?;
    Ok(Decision {
        hook: HookId(row.get("hook_id")?),
        state: decision_state(row.get("state")?),
        on_silence: OnSilence::named(&on_silence).unwrap_or_default(),
        reason: row.get("reason")?,
        work_id: row.get("work_id")?,
        answer: row.get("answer")?,
        status: row.get("status")?,
        answered_at: time("answered_at")?,
        duration: micros.map(|micros| Duration::from_micros(u64::try_from(micros).unwrap_or(0))),
        decided_at: time("decided_at")?,
        decided_by: row.get("decided_by")?,
    })
}

fn decision_state(number: i64) -> DecisionState {
    let index = usize::try_from(number).unwrap_or(usize::MAX);
    DecisionState::ALL.get(index).copied().unwrap_or(DecisionState::Silent)
}

pub(super) fn decision_number(state: DecisionState) -> i64 {
    match state {
        DecisionState::Asked => 0,
        DecisionState::Pending => 1,
        DecisionState::Approved => 2,
        DecisionState::Refused => 3,
        DecisionState::Silent => 4,
    }
}
