//! Gates, by reading.

use rusqlite::{OptionalExtension, Row, params};
use ulid::Ulid;

use super::archive::Reader;
use super::bound::look_through;
use super::gates::{BY_SEQ, decisions_of, gate, state_number, whole_gate};
use super::rows;
use crate::domain::access::Bounds;
use crate::domain::event::EventType;
use crate::domain::gate::{Gate, Named};
use crate::domain::hook::Owner;
use crate::domain::id::{EventId, GateId, Seq};
use crate::domain::time::Timestamp;
use crate::store::page::{Cursor, Page, Paged};
use crate::store::{GateArchive, GateFilter, Result};

const BY_ID: &str = "SELECT * FROM gates WHERE id = ?1";

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

/// The newest of a work id, by which two hooks may call two things.
const OF_WORK: &str = "
    SELECT gates.* FROM decisions JOIN gates ON gates.seq = decisions.gate
    WHERE work_id = ?1 AND (?2 IS NULL OR lower(type) = ?2)
    ORDER BY decisions.gate DESC
    LIMIT 100";

/// The newest that was approved and that nothing has followed yet; if there is none, the
/// newest.
const ABOUT: &str = "
    SELECT gates.* FROM gates
    WHERE subject = ?1 AND lower(type) = ?2
    ORDER BY state = 1 AND NOT EXISTS (SELECT 1 FROM events WHERE events.gate = gates.seq) DESC, seq DESC
    LIMIT 100";

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
        Ok(self.sql(BY_SEQ)?.query_row([seq.0], gate).optional()?.map(|gate| gate.id))
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

    fn named_gate(&self, named: &Named, owner: Owner, within: &Bounds) -> Result<Option<Seq>> {
        let read = |gate: &Gate| within.owner.is_none() && within.hold_one_of(&gate.applications);
        let reached = |gate: &Gate| gate.owner == owner || read(gate);
        let candidates = match named {
            Named::Id(id) => self.sql(BY_ID)?.query_row([id.0.to_bytes()], gate).optional()?.into_iter().collect(),
            Named::WorkId { work_id, asked_as } => self.candidates(OF_WORK, work_id, *asked_as)?,
            Named::Subject(asked_as, subject) => self.candidates(ABOUT, subject, Some(asked_as))?,
        };
        Ok(candidates.iter().find(|gate| reached(gate)).map(|gate| gate.seq))
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

impl Reader {
    fn candidates(&self, sql: &'static str, key: &str, event_type: Option<&str>) -> Result<Vec<Gate>> {
        let mut statement = self.sql(sql)?;
        Ok(statement.query_map(params![key, event_type], gate)?.collect::<rusqlite::Result<_>>()?)
    }
}
