//! What hooks that were asked came to, and what follows for their gate: each decides
//! once, and a gate closes once.

use std::time::Duration;

use rusqlite::{OptionalExtension, Row, params};

use super::Session;
use super::gates::{decisions_of, state_number};
use crate::domain::access::Bounds;
use crate::domain::gate::{
    Answered, Decision, DecisionState, Gate, GateState, NewGate, OnSilence, conclude, conclude_late, may_refuse,
};
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

/// How the request went of one that decided while it was under way.
const NOTED: &str = "
    UPDATE decisions SET status = ?3, answered_at = ?4, duration_us = ?5
    WHERE gate = ?1 AND hook_id = ?2 AND answered_at IS NULL";

const SEQ_OF: &str = "SELECT seq FROM gates WHERE id = ?1";

const OF_TOKEN: &str = "SELECT hook_id FROM decisions WHERE gate = ?1 AND token = ?2";

const DECIDE: &str = "
    UPDATE decisions
    SET state = ?3, reason = coalesce(?4, reason), work_id = coalesce(?5, work_id), decided_at = ?6, decided_by = ?7
    WHERE gate = ?1 AND hook_id = ?2 AND state IN (0, 1)";

const CLOSE: &str =
    "UPDATE gates SET state = ?2, closed_at = ?3, reason = coalesce(?4, reason) WHERE seq = ?1 AND state = 0";

const SAY_WHY: &str = "UPDATE gates SET reason = ?2 WHERE seq = ?1 AND state = 0";

const OVERDUE: &str = "SELECT seq FROM gates WHERE state = 0 AND expires_at <= ?1 LIMIT ?2";

const ABANDONED: &str = "
    SELECT seq FROM gates
    WHERE state = 0 AND EXISTS (SELECT 1 FROM decisions WHERE gate = gates.seq AND state = 0)";

const OLD: &str = "
    SELECT seq FROM gates
    WHERE state <> 0 AND closed_at < ?1 AND NOT EXISTS (SELECT 1 FROM events WHERE events.gate = gates.seq)
    ORDER BY closed_at
    LIMIT ?2";

impl Gates for Session {
    fn ask(&mut self, now: Timestamp, new: &NewGate) -> Result<Asked> {
        self.begin_gate(now, new)
    }

    fn replied(&mut self, now: Timestamp, reply: &Reply) -> Result<Option<Gate>> {
        let duration = i64::try_from(reply.duration.as_micros()).unwrap_or(i64::MAX);
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
            duration,
        ];
        self.batch.rows += 1;
        if self.sql(REPLIED)?.execute(columns)? == 0 {
            let columns = params![reply.gate.0, reply.hook.0, reply.status, now.millis(), duration];
            self.sql(NOTED)?.execute(columns)?;
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
        if gate.state != GateState::Open || gate.expires_at <= now {
            return Ok(Decided::TooLate);
        }
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
        if gate.state != GateState::Open || gate.expires_at <= now {
            return Ok(Decided::TooLate);
        }
        let state = if verdict.approved { DecisionState::Approved } else { DecisionState::Refused };
        for decision in gate.decisions.iter().filter(|decision| decision.state.is_open()) {
            let (hook, number, none) = (decision.hook.0, decision_number(state), None::<String>);
            let columns = params![gate.seq.0, hook, number, verdict.reason, none, now.millis(), verdict.by];
            self.sql(DECIDE)?.execute(columns)?;
            self.batch.rows += 1;
        }
        if let Some(reason) = &verdict.reason {
            self.sql(SAY_WHY)?.execute(params![gate.seq.0, reason])?;
        }
        let stands = self.concluded(now, gate.seq)?;
        Ok(Decided::Done { gate: gate.seq, hook: None, state, now: stands })
    }

    fn expire(&mut self, now: Timestamp, limit: usize) -> Result<Vec<Seq>> {
        let overdue = self.some_gates(OVERDUE, now, limit)?;
        for &seq in &overdue {
            let Some(gate) = self.gate_by_seq(seq)? else { continue };
            let late = self.silence(now, &gate, |state| match state {
                DecisionState::Asked => "no answer before the gate expired",
                _ => "it said that it would decide later, and did not before the gate expired",
            })?;
            let decisions = decisions_of(&self.conn, seq)?;
            let state = conclude_late(&decisions, may_refuse(&gate.event_type), &late);
            self.close_gate(now, seq, state, None)?;
        }
        Ok(overdue)
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

    fn forget_gates(&mut self, before: Timestamp, limit: usize) -> Result<usize> {
        let old = self.some_gates(OLD, before, limit)?;
        let (mut left, mut gone) = (limit, 0);
        for seq in old {
            if left == 0 {
                break;
            }
            let decisions = self.sql("DELETE FROM decisions WHERE gate = ?1")?.execute([seq.0])?;
            self.sql("DELETE FROM gates WHERE seq = ?1")?.execute([seq.0])?;
            self.batch.rows += decisions + 1;
            left = left.saturating_sub(decisions + 1);
            gone += 1;
        }
        Ok(gone)
    }
}

impl Session {
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

    /// Closes the gate if its decisions are enough; answers how it stands.
    fn concluded(&mut self, now: Timestamp, seq: Seq) -> Result<GateState> {
        let gate = self.gate_by_seq(seq)?;
        gate.map_or(Ok(GateState::Open), |gate| self.conclude(now, &gate))
    }

    fn conclude(&mut self, now: Timestamp, gate: &Gate) -> Result<GateState> {
        let state = conclude(&gate.decisions, may_refuse(&gate.event_type));
        if state != GateState::Open {
            // Who would still decide is told that it is over.
            self.silence(now, gate, |_| "it said that it would decide later, and was not waited for")?;
            self.close_gate(now, gate.seq, state, None)?;
        }
        Ok(state)
    }

    /// Whoever has not decided is silent now, for this reason; answers who that is.
    fn silence(
        &mut self,
        now: Timestamp,
        gate: &Gate,
        why: impl Fn(DecisionState) -> &'static str,
    ) -> Result<Vec<HookId>> {
        let mut late = vec![];
        for decision in gate.decisions.iter().filter(|decision| decision.state.is_open()) {
            let (hook, silent, none) = (decision.hook, decision_number(DecisionState::Silent), None::<String>);
            let columns = params![gate.seq.0, hook.0, silent, why(decision.state), none, now.millis(), none];
            self.sql(DECIDE)?.execute(columns)?;
            self.batch.rows += 1;
            late.push(hook);
        }
        Ok(late)
    }

    fn close_gate(&mut self, now: Timestamp, seq: Seq, state: GateState, why: Option<&str>) -> Result<()> {
        self.sql(CLOSE)?.execute(params![seq.0, state_number(state), now.millis(), why])?;
        self.batch.rows += 1;
        Ok(())
    }
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

fn decision_number(state: DecisionState) -> i64 {
    match state {
        DecisionState::Asked => 0,
        DecisionState::Pending => 1,
        DecisionState::Approved => 2,
        DecisionState::Refused => 3,
        DecisionState::Silent => 4,
    }
}
