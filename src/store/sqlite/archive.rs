//! Everything by reading, through a pool of connections that cannot write.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use r2d2::{Pool, PooledConnection};
use r2d2_sqlite::SqliteConnectionManager;
use rusqlite::{CachedStatement, OptionalExtension, Row, params};
use ulid::Ulid;

use super::{hooks, open, rows};
use crate::domain::access::Bounds;
use crate::domain::certificate::HookCertificates;
use crate::domain::delivery::{Attempt, Delivery, State};
use crate::domain::event::Event;
use crate::domain::headers::HeaderLines;
use crate::domain::hook::{Dialect, Hook, HookState};
use crate::domain::id::{DeliveryId, EventId, HookId, Seq};
use crate::domain::outcome::{Answer, Outcome};
use crate::domain::time::Timestamp;
use crate::store::page::{Cursor, Page, Paged};
use crate::store::{Archive, DeliveryFilter, EventFilter, EventSummary, HookFilter, Result, StoreError};

/// Oldest first, after the last one of the page before. The look among filters
/// does not depend on the hook, so that it is taken once a page.
const HOOKS: &str = "
    SELECT * FROM living_hooks
    WHERE id > ?1
      AND dialect = coalesce(?3, dialect)
      AND owner = coalesce(?8, owner)
      AND (?9 IS NULL OR (filter <> '[]' OR former_applications IS NOT NULL) AND NOT EXISTS (
          SELECT 1 FROM json_each(filter) AS pair
          WHERE json_extract(pair.value, '$[1]') NOT IN (SELECT value FROM json_each(?9))
          UNION ALL
          SELECT 1 FROM json_each(former_applications) AS former
          WHERE former.value NOT IN (SELECT value FROM json_each(?9))))
      AND (?4 IS NULL OR instr(casefold(
          CASE WHEN owner = coalesce(?10, owner) THEN url ELSE shortened(url) END || ' ' || coalesce(description, '')),
          casefold(?4)) > 0)
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

pub(super) const DELIVERY: &str = "SELECT * FROM delivery_history WHERE seq = ?1";

const ATTEMPTS: &str = "SELECT * FROM attempts WHERE delivery = ?1 ORDER BY number";

/// How many read lists at a time.
pub const LISTS: u32 = 4;

/// How many look at something small at a time.
pub const LOOKS: u32 = 2;

/// How long to wait until a connection is free.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// The connections; cheap to clone.
#[derive(Clone)]
pub struct Readers(Pool<SqliteConnectionManager>);

/// One of them, for as long as it is needed.
pub struct Reader(pub(super) PooledConnection<SqliteConnectionManager>);

impl Readers {
    /// Connections to the database at `path`, opened as they are needed.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn open(path: &Path) -> Result<Self> {
        Self::with(path, LISTS)
    }

    /// A few connections, for looks that are short and must not wait for long ones.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn open_few(path: &Path) -> Result<Self> {
        Self::with(path, LOOKS)
    }

    fn with(path: &Path, connections: u32) -> Result<Self> {
        let manager = SqliteConnectionManager::file(path)
            .with_flags(open::READ_ONLY)
            .with_init(|conn| open::prepare_for_reading(conn));
        let pool = Pool::builder().max_size(connections).min_idle(Some(0)).connection_timeout(PATIENCE).build(manager);
        Ok(Self(pool.map_err(|e| StoreError::Failed(e.to_string()))?))
    }

    /// Waits for a connection of our own.
    ///
    /// # Errors
    /// None came free in time.
    pub fn get(&self) -> Result<Reader> {
        self.0.get().map(Reader).map_err(|e| StoreError::Failed(e.to_string()))
    }

    /// Brings as much of the log into the file as can be without waiting for anybody.
    ///
    /// # Errors
    /// Trouble of the database.
    pub fn checkpoint(&self) -> Result<()> {
        match self.get()?.path() {
            Some(path) => open::checkpoint(Path::new(path)),
            None => Ok(()),
        }
    }
}

impl Archive for Reader {
    fn hook(&self, id: HookId) -> Result<Option<Hook>> {
        Ok(self.sql(hooks::BY_ID)?.query_row([id.0], rows::hook).optional()?)
    }

    fn owed_to(&self, id: HookId) -> Result<u64> {
        Ok(self.sql(OWED)?.query_row([id.0], |row| row.get::<_, u32>(0))?.into())
    }

    fn hooks(&self, page: Page, filter: &HookFilter) -> Result<Paged<Hook>> {
        let after = page.after.map_or(0, |Cursor(id)| id);
        let dialect = filter.dialect.map(Dialect::as_str);
        let event = filter.event.as_deref().map(str::to_lowercase);
        let state = filter.state.map(HookState::as_str);
        let owner = filter.within.owner.map(|owner| owner.0);
        let bound_to = filter.within.applications.as_deref().and_then(rows::list);
        let urls_of = filter.urls_of.map(|owner| owner.0);
        let (text, application) = (&filter.text, &filter.application);
        let params = params![after, page.rows(), dialect, text, event, application, state, owner, bound_to, urls_of];
        let mut statement = self.sql(HOOKS)?;
        let rows = statement.query_map(params, rows::hook)?;
        let items = rows.collect::<rusqlite::Result<_>>()?;
        Ok(Paged::cut(items, page.limit, |hook: &Hook| hook.id.0))
    }

    fn certificates_ending(&self, by: Timestamp) -> Result<Vec<(HookId, HookCertificates)>> {
        self.list_certificates_ending(by)
    }

    fn event(&self, id: EventId) -> Result<Option<Event>> {
        Ok(self.sql(EVENT)?.query_row([id.0.to_bytes()], rows::event).optional()?)
    }

    fn events(&self, page: Page, filter: &EventFilter) -> Result<Paged<EventSummary>> {
        self.list_events(page, filter)
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

    fn deliveries(&self, page: Page, filter: DeliveryFilter, within: &Bounds) -> Result<Paged<Delivery>> {
        self.list_deliveries(page, filter, within)
    }
}

impl Reader {
    pub(super) fn sql(&self, sql: &'static str) -> Result<CachedStatement<'_>> {
        Ok(self.0.prepare_cached(sql)?)
    }

    /// Where the file is.
    pub(super) fn path(&self) -> Option<&str> {
        self.0.path()
    }
}

pub(super) fn delivery(row: &Row<'_>) -> rusqlite::Result<Delivery> {
    let event: [u8; 16] = row.get("event_id")?;
    let state = rows::state(row.get("state")?);
    let due_at: Option<i64> = row.get("due_at")?;
    let finished_at: Option<i64> = row.get("finished_at")?;
    let created_at: Option<i64> = row.get("created_at")?;
    let published_at = rows::time(row, "published_at")?;
    Ok(Delivery {
        seq: Seq(row.get("seq")?),
        event: EventId(Ulid::from_bytes(event)),
        event_type: row.get("event_type")?,
        hook: HookId(row.get("hook_id")?),
        application: row.get("application")?,
        state,
        attempts: row.get("attempts")?,
        created_at: created_at.map_or(published_at, Timestamp::from_millis),
        due_at: due_at.filter(|_| state == State::Pending).map(Timestamp::from_millis),
        finished_at: finished_at.map(Timestamp::from_millis),
        redelivers: row.get::<_, Option<i64>>("redelivers")?.map(Seq),
        redelivered_by: row.get::<_, Option<i64>>("redelivered_by")?.map(Seq),
        reason: without_attempt(row)?,
    })
}

/// Why it ended, where no attempt in the delivery's own row explains it.
fn without_attempt(row: &Row<'_>) -> rusqlite::Result<Option<String>> {
    let status: Option<u16> = row.get("status")?;
    if status.is_some() { Ok(None) } else { row.get("reason") }
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
        cut: false,
        retry_after: None,
    })
}

fn headers(row: &Row<'_>, column: &str) -> rusqlite::Result<HeaderLines> {
    let lines: Option<String> = row.get(column)?;
    Ok(lines.map(HeaderLines::trusted).unwrap_or_default())
}
