//! Gates, by reading.

use rusqlite::{OptionalExtension, Row, ToSql, params};
use ulid::Ulid;

use super::archive::Reader;
use super::bound::look_through;
use super::gates::{decisions_of, gate, state_number, whole_gate};
use super::rows;
use crate::domain::access::Bounds;
use crate::domain::event::EventType;
use crate::domain::gate::{Gate, Named};
use crate::domain::hook::Owner;
use crate::domain::id::{EventId, GateId, Seq};
use crate::domain::time::Timestamp;
use crate::domain::token::TokenHash;
use crate::store::page::{Cursor, Page, Paged};
use crate::store::{GateArchive, GateFilter, Result};

const BY_ID: &str = "SELECT * FROM gates WHERE id = ?1";

const ID_OF: &str = "SELECT id FROM gates WHERE seq = ?1";

/// All but the payloads. Each tells whether it `fits`, so that [`look_through`] knows how
/// far it came where few do.
const LIST: &str = "
    SELECT seq, id, type, applications, x'' AS payload, owner, asker, state, reason, asked_at, expires_at, closed_at,
        state = coalesce(?2, state)
        AND (?3 IS NULL OR casefold(type) = ?3)
        AND (?4 IS NULL OR EXISTS (SELECT 1 FROM json_each(applications) WHERE value = ?4))
        AND (?5 IS NULL OR EXISTS (
            SELECT 1 FROM json_each(applications) WHERE value IN (SELECT value FROM json_each(?5))))
        AND asked_at >= ?6 AND asked_at < ?7 AS fits
    FROM gates
    WHERE seq < ?1
    ORDER BY seq DESC";

/// The same of open gates, which are few.
const LIST_OPEN: &str = "
    SELECT seq, id, type, applications, x'' AS payload, owner, asker, state, reason, asked_at, expires_at, closed_at,
        (?3 IS NULL OR casefold(type) = ?3)
        AND (?4 IS NULL OR EXISTS (SELECT 1 FROM json_each(applications) WHERE value = ?4))
        AND (?5 IS NULL OR EXISTS (
            SELECT 1 FROM json_each(applications) WHERE value IN (SELECT value FROM json_each(?5))))
        AND asked_at >= ?6 AND asked_at < ?7 AND ?2 = 0 AS fits
    FROM gates INDEXED BY gates_open
    WHERE state = 0 AND +seq < ?1
    ORDER BY +seq DESC";

const NEXT_EXPIRY: &str = "SELECT min(expires_at) FROM gates WHERE state = 0";

/// Light, because publishes wait for it: of those that a work id may mean, the newest.
const OF_WORK: &str = "
    SELECT seq, type, owner, applications, 1 AS awaited FROM decisions JOIN gates ON gates.seq = decisions.gate
    WHERE work_id = ?1
    ORDER BY decisions.gate DESC
    LIMIT 1000";

/// Likewise of those that are about something; whether each was approved and nothing has
/// followed it yet.
const ABOUT: &str = "
    SELECT seq, type, owner, applications,
           state = 1 AND NOT EXISTS (SELECT 1 FROM events WHERE events.gate = gates.seq) AS awaited
    FROM gates
    WHERE subject = ?1
    ORDER BY seq DESC
    LIMIT 1000";

const OF_ID: &str = "SELECT seq, type, owner, applications, 1 AS awaited FROM gates WHERE id = ?1";

const HAS_TOKEN: &str = "
    SELECT EXISTS (SELECT 1 FROM decisions WHERE gate = (SELECT seq FROM gates WHERE id = ?1) AND token = ?2)";

/// Those that concern one of some applications, or all.
const EVENTS: &str = "
    SELECT id, type, published_at FROM events
    WHERE gate = ?1
      AND (?2 IS NULL OR EXISTS (
          SELECT 1 FROM json_each(applications) WHERE value IN (SELECT value FROM json_each(?2))))
    ORDER BY seq
    LIMIT ?3";

impl GateArchive for Reader {
    fn gate(&self, id: GateId) -> Result<Option<Gate>> {
        // One snapshot: a decision must not appear between the two readings.
        let snapshot = self.0.unchecked_transaction()?;
        let gate = whole_gate(&mut self.sql(BY_ID)?, &self.0, id.0.to_bytes())?;
        snapshot.commit()?;
        Ok(gate)
    }

    fn gate_id(&self, seq: Seq) -> Result<Option<GateId>> {
        let id = self.sql(ID_OF)?.query_row([seq.0], |row| row.get(0));
        Ok(id.optional()?.map(|id| GateId(Ulid::from_bytes(id))))
    }

    fn gates(&self, page: Page, filter: &GateFilter) -> Result<Paged<Gate>> {
        let snapshot = self.0.unchecked_transaction()?;
        let below = page.after.map_or(i64::MAX, |Cursor(seq)| seq);
        let state = filter.state.map(state_number);
        let event_type = filter.event_type.as_deref().map(str::to_lowercase);
        let bound_to = filter.within.applications.as_deref().and_then(rows::list);
        let since = filter.since.map_or(i64::MIN, Timestamp::millis);
        let until = filter.until.map_or(i64::MAX, Timestamp::millis);
        let list = if state == Some(0) { LIST_OPEN } else { LIST };
        let mut statement = self.sql(list)?;
        let rows = statement.query(params![below, state, event_type, filter.application, bound_to, since, until])?;
        let mut page = look_through(rows, page.limit, gate)?;
        for gate in &mut page.items {
            gate.decisions = decisions_of(&self.0, gate.seq)?;
        }
        drop(statement);
        snapshot.commit()?;
        Ok(page)
    }

    fn next_expiry(&self) -> Result<Option<Timestamp>> {
        let next: Option<i64> = self.sql(NEXT_EXPIRY)?.query_row([], |row| row.get(0))?;
        Ok(next.map(Timestamp::from_millis))
    }

    fn named_gate(&self, named: &Named, event: &[String], owner: Owner, within: &Bounds) -> Result<Option<Seq>> {
        let mut candidates = match named {
            Named::Id(id) => self.candidates(OF_ID, id.0.to_bytes(), None)?,
            Named::WorkId { work_id, asked_as } => self.candidates(OF_WORK, work_id, *asked_as)?,
            Named::Subject(asked_as, subject) => self.candidates(ABOUT, subject, Some(asked_as))?,
        };
        let common = |of: &[String]| of.is_empty() || event.is_empty() || of.iter().any(|name| event.contains(name));
        let explicit = matches!(named, Named::Id(_));
        candidates.retain(|gate| {
            let read = within.owner.is_none() && within.hold_one_of(&gate.applications);
            (gate.owner == owner || read) && (explicit || common(&gate.applications))
        });
        // One's own first, and of these what has not been followed; the newest of those.
        let best = candidates.iter().max_by_key(|gate| (gate.owner == owner, gate.awaited, gate.seq));
        Ok(best.map(|gate| Seq(gate.seq)))
    }

    fn has_token(&self, id: GateId, token: TokenHash) -> Result<bool> {
        Ok(self.sql(HAS_TOKEN)?.query_row(params![id.0.to_bytes(), token.0], |row| row.get(0))?)
    }

    fn events_of_gate(&self, gate: Seq, within: &Bounds, limit: usize) -> Result<Vec<(EventId, EventType, Timestamp)>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let bound_to = within.applications.as_deref().and_then(rows::list);
        let event = |row: &Row<'_>| {
            let (id, event_type): ([u8; 16], String) = (row.get(0)?, row.get(1)?);
            Ok((EventId(Ulid::from_bytes(id)), EventType::trusted(&event_type), rows::time(row, "published_at")?))
        };
        let mut statement = self.sql(EVENTS)?;
        Ok(statement.query_map(params![gate.0, bound_to, limit], event)?.collect::<rusqlite::Result<_>>()?)
    }
}

/// A gate that an event may mean.
struct Candidate {
    seq: i64,
    event_type: String,
    owner: Owner,
    applications: Vec<String>,
    awaited: bool,
}

impl Reader {
    fn candidates(&self, sql: &'static str, key: impl ToSql, asked_as: Option<&str>) -> Result<Vec<Candidate>> {
        let candidate = |row: &Row<'_>| {
            let applications: Option<String> = row.get(3)?;
            Ok(Candidate {
                seq: row.get(0)?,
                event_type: row.get(1)?,
                owner: Owner(row.get(2)?),
                applications: applications.map(|json| rows::from_json(&json)).unwrap_or_default(),
                awaited: row.get(4)?,
            })
        };
        let mut statement = self.sql(sql)?;
        let mut found: Vec<_> = statement.query_map([key], candidate)?.collect::<rusqlite::Result<_>>()?;
        found.retain(|gate| asked_as.is_none_or(|asked_as| gate.event_type.eq_ignore_ascii_case(asked_as)));
        Ok(found)
    }
}
