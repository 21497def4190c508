//! Gates, by writing: who is asked, and keeping that.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use rusqlite::{CachedStatement, Connection, OptionalExtension, Row, params};
use ulid::Ulid;

use super::rows;
use super::{Session, decisions};
use crate::domain::ccx;
use crate::domain::event::EventType;
use crate::domain::filter::wanted_by;
use crate::domain::gate::{Answered, Decision, DecisionState, Gate, GateState, Gating, NewGate, conclude, may_refuse};
use crate::domain::hook::{Owner, PausedBy};
use crate::domain::id::{GateId, HookId, Seq, TokenId};
use crate::domain::time::Timestamp;
use crate::domain::token::TokenHash;
use crate::store::vault::random;
use crate::store::{Asked, DecideToken, KEY_RETENTION, Result};

/// The most hooks that are asked at once.
const MOST: usize = 256;

/// An exact look-up, in an index of only those who are asked.
const ASKED_BY: &str = "SELECT hook_id FROM hook_filters WHERE asked = 1 AND event = ?1 AND application = ?2";

const HOOK: &str = "
    SELECT gate, on_silence, paused_at, paused_by FROM hooks
    WHERE id = ?1 AND removed_at IS NULL";

/// Of all types: SQLite knows the lower case of ASCII alone.
const BY_KEY: &str = "
    SELECT seq, type, fingerprint FROM gates
    WHERE owner = ?1 AND key = ?2 AND asked_at > ?3
    ORDER BY seq DESC";

const ADD: &str = "
    INSERT INTO gates (seq, id, type, applications, payload, subject, owner, asker, key, fingerprint, state,
                       asked_at, expires_at, closed_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)";

const BY_SEQ: &str = "SELECT * FROM gates WHERE seq = ?1";

const DECISIONS: &str = "SELECT * FROM decisions WHERE gate = ?1 ORDER BY hook_id";

impl Session {
    /// Keeps a gate, and a decision to come of each hook that is to be asked.
    pub(super) fn begin_gate(&mut self, now: Timestamp, new: &NewGate) -> Result<Asked> {
        if let Some(earlier) = self.earlier_gate(now, new)? {
            return Ok(earlier);
        }
        self.room_for(new.payload.len())?;
        let hooks = self.asked_by(new)?;
        if hooks.len() > MOST {
            return Ok(Asked::TooMany(MOST));
        }
        let mut gate = self.new_gate(now, new);
        for hook in hooks {
            gate.decisions.extend(self.decision_to_come(now, hook)?);
        }
        gate.state = conclude(&gate.decisions, may_refuse(&gate.event_type));
        gate.closed_at = (gate.state != GateState::Open).then_some(now);
        self.keep_gate(&gate, new)?;
        let mut tokens = vec![];
        for decision in &gate.decisions {
            let token =
                DecideToken(format!("{}{}", DecideToken::PREFIX, BASE64_URL_SAFE_NO_PAD.encode(random::<32>()?)));
            self.add_decision(gate.seq, decision, TokenHash::of(token.0.as_bytes()))?;
            if decision.state == DecisionState::Asked {
                // What is asked goes by the target, which is looked for in memory alone.
                self.target(decision.hook)?;
                tokens.push((decision.hook, token));
            }
        }
        self.batch.rows += 1 + gate.decisions.len();
        Ok(Asked::New(gate, tokens))
    }

    /// What an earlier ask under the same key came to.
    fn earlier_gate(&self, now: Timestamp, new: &NewGate) -> Result<Option<Asked>> {
        let Some(idempotency) = &new.idempotency else { return Ok(None) };
        let since = now.minus(KEY_RETENTION).millis();
        let mut statement = self.sql(BY_KEY)?;
        let mut rows = statement.query(params![new.owner.0, idempotency.key.as_str(), since])?;
        while let Some(row) = rows.next()? {
            if EventType::trusted(&row.get::<_, String>(1)?).key() != new.event_type.key() {
                continue;
            }
            if row.get::<_, Vec<u8>>(2)? != idempotency.fingerprint {
                return Ok(Some(Asked::KeyReused));
            }
            return Ok(self.gate_by_seq(Seq(row.get(0)?))?.map(Asked::Existing));
        }
        Ok(None)
    }

    /// The hooks that are to be asked, in the order in which they were made.
    fn asked_by(&self, new: &NewGate) -> Result<Vec<HookId>> {
        let mut hooks = vec![];
        let mut statement = self.sql(ASKED_BY)?;
        for (event, application) in wanted_by(&new.event_type, &new.applications) {
            let found = statement.query_map([event, application], |row| row.get(0).map(HookId))?;
            hooks.extend(found.collect::<rusqlite::Result<Vec<_>>>()?);
        }
        hooks.sort_unstable();
        hooks.dedup();
        Ok(hooks)
    }

    /// A hook that a person has paused gets nothing: it says nothing, either.
    fn decision_to_come(&self, now: Timestamp, hook: HookId) -> Result<Option<Decision>> {
        let read = |row: &Row<'_>| Ok((rows::gating(row)?, rows::paused(row)?));
        let Some((Gating { on_silence, .. }, paused)) = self.sql(HOOK)?.query_row([hook.0], read).optional()? else {
            return Ok(None);
        };
        let asked = Decision::to_come(hook, on_silence);
        if !matches!(paused, Some((_, PausedBy::Person))) {
            return Ok(Some(asked));
        }
        let silent = Answered::silent("it is paused: resume it, or remove it, and ask again");
        Ok(Some(Decision { state: silent.state, reason: silent.reason, decided_at: Some(now), ..asked }))
    }

    fn new_gate(&mut self, now: Timestamp, new: &NewGate) -> Gate {
        Gate {
            seq: self.next_seq(),
            id: GateId(self.ids.next(now).0),
            event_type: new.event_type.clone(),
            applications: new.applications.iter().map(|application| application.as_str().to_owned()).collect(),
            payload: new.payload.clone(),
            owner: new.owner,
            asker: new.asker,
            state: GateState::Open,
            asked_at: now,
            expires_at: new.expires_at,
            closed_at: None,
            reason: None,
            decisions: vec![],
        }
    }

    fn keep_gate(&self, gate: &Gate, new: &NewGate) -> Result<()> {
        let subject = ccx::find(&gate.event_type).and_then(|hook| hook.subject(&gate.payload));
        self.sql(ADD)?.execute(params![
            gate.seq.0,
            gate.id.0.to_bytes(),
            gate.event_type.as_str(),
            rows::list(&gate.applications),
            &gate.payload[..],
            subject,
            gate.owner.0,
            gate.asker.map(|token| token.0),
            new.idempotency.as_ref().map(|idempotency| idempotency.key.as_str()),
            new.idempotency.as_ref().map(|idempotency| idempotency.fingerprint),
            state_number(gate.state),
            gate.asked_at.millis(),
            gate.expires_at.millis(),
            gate.closed_at.map(Timestamp::millis),
        ])?;
        Ok(())
    }

    pub(super) fn gate_by_seq(&self, seq: Seq) -> Result<Option<Gate>> {
        whole_gate(&mut self.sql(BY_SEQ)?, &self.conn, seq.0)
    }
}

/// A gate by whatever `statement` looks for, with its decisions.
pub(super) fn whole_gate(
    statement: &mut CachedStatement<'_>,
    conn: &Connection,
    key: impl rusqlite::ToSql,
) -> Result<Option<Gate>> {
    let gate = statement.query_row([key], gate).optional()?;
    gate.map(|gate| Ok(Gate { decisions: decisions_of(conn, gate.seq)?, ..gate })).transpose()
}

pub(super) fn decisions_of(conn: &Connection, gate: Seq) -> Result<Vec<Decision>> {
    let mut statement = conn.prepare_cached(DECISIONS)?;
    Ok(statement.query_map([gate.0], decisions::decision)?.collect::<rusqlite::Result<_>>()?)
}

/// A gate from the columns of `gates`, without decisions.
pub(super) fn gate(row: &Row<'_>) -> rusqlite::Result<Gate> {
    let (id, event_type): ([u8; 16], String) = (row.get("id")?, row.get("type")?);
    let applications: Option<String> = row.get("applications")?;
    let payload: Vec<u8> = row.get("payload")?;
    Ok(Gate {
        seq: Seq(row.get("seq")?),
        id: GateId(Ulid::from_bytes(id)),
        event_type: EventType::trusted(&event_type),
        applications: applications.map(|json| rows::from_json(&json)).unwrap_or_default(),
        payload: payload.into(),
        owner: Owner(row.get("owner")?),
        asker: row.get::<_, Option<i64>>("asker")?.map(TokenId),
        state: state(row.get("state")?),
        asked_at: rows::time(row, "asked_at")?,
        expires_at: rows::time(row, "expires_at")?,
        closed_at: row.get::<_, Option<i64>>("closed_at")?.map(Timestamp::from_millis),
        reason: row.get("reason")?,
        decisions: vec![],
    })
}

fn state(number: i64) -> GateState {
    let index = usize::try_from(number).unwrap_or(usize::MAX);
    GateState::ALL.get(index).copied().unwrap_or(GateState::Expired)
}

pub(super) fn state_number(state: GateState) -> i64 {
    match state {
        GateState::Open => 0,
        GateState::Approved => 1,
        GateState::Refused => 2,
        GateState::Expired => 3,
    }
}
