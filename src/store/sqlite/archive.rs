//! Everything by reading, through a pool of connections that cannot write.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use r2d2::{Pool, PooledConnection};
use r2d2_sqlite::SqliteConnectionManager;
use rusqlite::{CachedStatement, OptionalExtension, Row, params};
use ulid::Ulid;

use super::rows::{self, state_number};
use super::{hooks, open};
use crate::domain::delivery::{Attempt, Delivery, State};
use crate::domain::event::Event;
use crate::domain::headers::HeaderLines;
use crate::domain::hook::{Dialect, Hook, HookState};
use crate::domain::id::{DeliveryId, EventId, HookId, Seq};
use crate::domain::outcome::{Answer, Outcome};
use crate::domain::time::Timestamp;
use crate::store::page::{Cursor, Page, Paged};
use crate::store::{Archive, DeliveryFilter, EventSummary, HookFilter, Result, StoreError};

/// Oldest first, after the last one of the page before. The look among filters
/// does not depend on the hook, so that it is taken once a page.
const HOOKS: &str = "
    SELECT * FROM living_hooks
    WHERE id > ?1
      AND dialect = coalesce(?3, dialect)
      AND (?4 IS NULL OR instr(casefold(url || ' ' || coalesce(description, '')), casefold(?4)) > 0)
      AND (coalesce(?5, ?6) IS NULL OR id IN (
          SELECT hook_id FROM hook_filters
          WHERE (?5 IS NULL OR event IN (?5, '*'))
            AND (?6 IS NULL OR application IN (?6, '*'))))
      AND (?7 IS NULL OR ?7 = CASE
          WHEN paused_at IS NOT NULL THEN 'paused'
          WHEN probe_at IS NOT NULL THEN 'failing'
          ELSE 'active' END)
    ORDER BY id
    LIMIT ?2";

/// Both counts are of small partial indexes, however long the history is.
const OWED: &str = "
    SELECT (SELECT count(*) FROM deliveries WHERE state = 0 AND hook_id = ?1)
         + (SELECT count(*) FROM deliveries WHERE state = 1 AND hook_id = ?1)";

const EVENT: &str = "SELECT * FROM events WHERE id = ?1";

/// All but the payloads, which may be large.
const EVENTS: &str = "
    SELECT seq, id, type, applications, x'' AS payload, deliveries, published_at, length(payload) AS bytes
    FROM events
    WHERE seq < ?1
    ORDER BY seq DESC
    LIMIT ?2";

const DELIVERY: &str = "SELECT * FROM delivery_history WHERE seq = ?1";

const ATTEMPTS: &str = "SELECT * FROM attempts WHERE delivery = ?1 ORDER BY number";

const DELIVERIES: &str = "
    SELECT * FROM delivery_history
    WHERE seq < ?1 AND state = coalesce(?2, state)
    ORDER BY seq DESC
    LIMIT ?3";

/// Has its own index: this is what people ask for when something went wrong.
const DEAD: &str = "
    SELECT * FROM delivery_history
    WHERE state = 3 AND seq < ?1
    ORDER BY seq DESC
    LIMIT ?2";

const DELIVERIES_OF_HOOK: &str = "
    SELECT * FROM delivery_history
    WHERE hook_id = ?1 AND seq < ?2 AND state = coalesce(?3, state)
    ORDER BY seq DESC
    LIMIT ?4";

/// An event's deliveries follow it in the store's order: no index is needed.
const DELIVERIES_OF_EVENT: &str = "
    SELECT * FROM delivery_history
    WHERE seq > (SELECT seq FROM events WHERE id = ?1)
      AND seq <= (SELECT seq + deliveries FROM events WHERE id = ?1)
      AND seq < ?2 AND state = coalesce(?3, state) AND hook_id = coalesce(?4, hook_id)
    ORDER BY seq DESC
    LIMIT ?5";

/// The connections; cheap to clone.
#[derive(Clone)]
pub struct Readers(Pool<SqliteConnectionManager>);

/// One of them, for as long as it is needed.
pub struct Reader(PooledConnection<SqliteConnectionManager>);

impl Readers {
    /// Connections to the database at `path`, opened as they are needed.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn open(path: &Path) -> Result<Self> {
        let manager = SqliteConnectionManager::file(path)
            .with_flags(open::READ_ONLY)
            .with_init(|conn| open::prepare_for_reading(conn));
        let pool =
            Pool::builder().max_size(4).min_idle(Some(0)).connection_timeout(Duration::from_secs(10)).build(manager);
        Ok(Self(pool.map_err(|e| StoreError::Failed(e.to_string()))?))
    }

    /// Waits for a connection of our own.
    ///
    /// # Errors
    /// None came free in time.
    pub fn get(&self) -> Result<Reader> {
        self.0.get().map(Reader).map_err(|e| StoreError::Failed(e.to_string()))
    }
}

impl Archive for Reader {
    fn hook(&self, id: HookId) -> Result<Option<Hook>> {
        Ok(self.sql(hooks::BY_ID)?.query_row([id.0], rows::hook).optional()?)
    }

    fn owed(&self, id: HookId) -> Result<u64> {
        Ok(self.sql(OWED)?.query_row([id.0], |row| row.get::<_, u32>(0))?.into())
    }

    fn hooks(&self, page: Page, filter: &HookFilter) -> Result<Paged<Hook>> {
        let after = page.after.map_or(0, |Cursor(id)| id);
        let dialect = filter.dialect.map(Dialect::as_str);
        let event = filter.event.as_deref().map(str::to_lowercase);
        let state = filter.state.map(HookState::as_str);
        let params = params![after, page.rows(), dialect, filter.text, event, filter.application, state];
        let mut statement = self.sql(HOOKS)?;
        let rows = statement.query_map(params, rows::hook)?;
        let items = rows.collect::<rusqlite::Result<_>>()?;
        Ok(Paged::cut(items, page.limit, |hook: &Hook| hook.id.0))
    }

    fn event(&self, id: EventId) -> Result<Option<Event>> {
        Ok(self.sql(EVENT)?.query_row([id.0.to_bytes()], rows::event).optional()?)
    }

    fn events(&self, page: Page) -> Result<Paged<EventSummary>> {
        let summary =
            |row: &Row<'_>| Ok(EventSummary { event: rows::event(row)?, bytes: row.get::<_, u32>("bytes")?.into() });
        let mut statement = self.sql(EVENTS)?;
        let rows = statement.query_map(params![newest_from(page), page.rows()], summary)?;
        let items = rows.collect::<rusqlite::Result<_>>()?;
        Ok(Paged::cut(items, page.limit, |summary: &EventSummary| summary.event.seq.0))
    }

    fn delivery(&self, id: DeliveryId) -> Result<Option<(Delivery, Vec<Attempt>)>> {
        // One snapshot: an attempt must not appear between the two readings.
        let snapshot = self.0.unchecked_transaction()?;
        let both = |row: &Row<'_>| Ok((delivery(row)?, attempt_at_once(row)?));
        let found = self.sql(DELIVERY)?.query_row([id.0.0], both).optional()?;
        let Some((delivery, at_once)) = found else {
            return Ok(None);
        };
        let mut statement = self.sql(ATTEMPTS)?;
        let others = statement.query_map([id.0.0], attempt)?;
        let attempts = at_once.into_iter().map(Ok).chain(others).collect::<rusqlite::Result<_>>()?;
        drop(statement);
        snapshot.commit()?;
        Ok(Some((delivery, attempts)))
    }

    fn deliveries(&self, page: Page, filter: DeliveryFilter) -> Result<Paged<Delivery>> {
        let before = newest_from(page);
        let state = filter.state.map(state_number);
        let hook = filter.hook.map(|hook| hook.0);
        let rows = page.rows();
        let items = match (filter.event, hook, filter.state) {
            (Some(event), ..) => self.list(DELIVERIES_OF_EVENT, params![event.0.to_bytes(), before, state, hook, rows]),
            (None, Some(hook), _) => self.list(DELIVERIES_OF_HOOK, params![hook, before, state, rows]),
            (None, None, Some(State::Dead)) => self.list(DEAD, params![before, rows]),
            (None, None, _) => self.list(DELIVERIES, params![before, state, rows]),
        }?;
        Ok(Paged::cut(items, page.limit, |delivery: &Delivery| delivery.seq.0))
    }
}

impl Reader {
    fn sql(&self, sql: &'static str) -> Result<CachedStatement<'_>> {
        Ok(self.0.prepare_cached(sql)?)
    }

    fn list(&self, sql: &'static str, params: &[&dyn rusqlite::ToSql]) -> Result<Vec<Delivery>> {
        let mut statement = self.sql(sql)?;
        let rows = statement.query_map(params, delivery)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

fn newest_from(page: Page) -> i64 {
    page.after.map_or(i64::MAX, |Cursor(seq)| seq)
}

fn delivery(row: &Row<'_>) -> rusqlite::Result<Delivery> {
    let event: [u8; 16] = row.get("event_id")?;
    let state = rows::state(row.get("state")?);
    let due_at: Option<i64> = row.get("due_at")?;
    let finished_at: Option<i64> = row.get("finished_at")?;
    Ok(Delivery {
        seq: Seq(row.get("seq")?),
        event: EventId(Ulid::from_bytes(event)),
        event_type: row.get("event_type")?,
        hook: HookId(row.get("hook_id")?),
        state,
        attempts: row.get("attempts")?,
        created_at: rows::time(row, "published_at")?,
        due_at: due_at.filter(|_| state == State::Pending).map(Timestamp::from_millis),
        finished_at: finished_at.map(Timestamp::from_millis),
    })
}

/// The attempt that lives in the delivery's own row, if it does.
fn attempt_at_once(row: &Row<'_>) -> rusqlite::Result<Option<Attempt>> {
    let Some(status) = row.get::<_, Option<u16>>("status")? else {
        return Ok(None);
    };
    let reason: Option<String> = row.get("reason")?;
    let usual = || http::StatusCode::from_u16(status).ok().and_then(|s| s.canonical_reason()).unwrap_or_default();
    let reason = reason.unwrap_or_else(|| usual().to_owned());
    Ok(Some(Attempt { number: 1, outcome: Outcome::Answered(answer(row, status, reason)?), ..timing(row)? }))
}

fn attempt(row: &Row<'_>) -> rusqlite::Result<Attempt> {
    let reason: String = row.get("reason")?;
    let outcome = match row.get::<_, i64>("outcome")? {
        0 => Outcome::Answered(answer(row, row.get("status")?, reason)?),
        1 => Outcome::Failed(reason),
        2 => Outcome::Refused(reason),
        _ => Outcome::Hindered(reason),
    };
    Ok(Attempt { number: row.get("number")?, outcome, ..timing(row)? })
}

/// What both kinds of attempt rows have in common, with an outcome to be replaced.
fn timing(row: &Row<'_>) -> rusqlite::Result<Attempt> {
    let micros: i64 = row.get("duration_us")?;
    Ok(Attempt {
        number: 0,
        started_at: rows::time(row, "started_at")?,
        duration: Duration::from_micros(u64::try_from(micros).unwrap_or(0)),
        request_headers: headers(row, "request_headers")?,
        outcome: Outcome::Refused(String::new()),
    })
}

fn answer(row: &Row<'_>, status: u16, reason: String) -> rusqlite::Result<Answer> {
    let body: Option<Vec<u8>> = row.get("answer_body")?;
    Ok(Answer {
        status,
        reason,
        headers: headers(row, "answer_headers")?,
        body: body.map(Bytes::from).unwrap_or_default(),
        retry_after: None,
    })
}

fn headers(row: &Row<'_>, column: &str) -> rusqlite::Result<HeaderLines> {
    let lines: Option<String> = row.get(column)?;
    Ok(lines.map(HeaderLines::trusted).unwrap_or_default())
}
