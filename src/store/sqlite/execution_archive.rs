//! Executions, by reading.

use rusqlite::{OptionalExtension, params};
use ulid::Ulid;

use super::archive::Reader;
use super::executions::execution;
use super::outbox::earlier;
use super::triggers::{BY_ID, trigger};
use crate::domain::id::{EventId, Seq, TriggerId};
use crate::domain::time::Timestamp;
use crate::domain::trigger::{Execution, Trigger};
use crate::store::page::{Cursor, Page, Paged};
use crate::store::{ExecutionArchive, Result};

const EXECUTIONS: &str = "SELECT * FROM executions WHERE trigger_id = ?1 AND seq < ?2 ORDER BY seq DESC";

/// A page ends once it has so many bytes of what came in: the next one begins there.
const PAGE_BYTES: usize = 8 << 20;

/// But for what is scheduled: whatever happens in between, the trigger fires next.
const SEQS: &str = "
    SELECT seq FROM executions
    WHERE trigger_id = ?1 AND seq <= ?2 AND NOT (lane = 2 AND status = 0)
    ORDER BY seq LIMIT ?3";

const LAST_SEQ: &str = "SELECT seq FROM executions WHERE trigger_id = ?1 ORDER BY seq DESC LIMIT 1";

const EXECUTION: &str = "SELECT * FROM executions WHERE trigger_id = ?1 AND seq = ?2";

/// Places are told apart by their last six digits.
const EXECUTION_AT: &str = "
    SELECT * FROM executions WHERE trigger_id = ?1 AND at = ?2 AND seq % 1000000 = ?3 LIMIT 1";

const EVENTS: &str = "SELECT id FROM events WHERE execution = ?1 ORDER BY seq";

/// The oldest first, and those that came at one time in the order in which they came.
const DUE: &str = "
    SELECT seq, trigger_id FROM executions INDEXED BY executions_due
    WHERE lane = ?2 AND due_at <= ?1 AND due_at IS NOT NULL
    ORDER BY due_at, seq";

const BY_SEQ: &str = "SELECT * FROM executions WHERE seq = ?1";

const NEXT_DUE: &str = "SELECT min(due_at) FROM executions WHERE lane = ?2 AND due_at > ?1 AND due_at IS NOT NULL";

const NEXT_TRIGGERS: &str = "SELECT id FROM triggers WHERE id > ?1 AND removed_at IS NULL ORDER BY id";

const OLD: &str = "
    SELECT seq FROM executions
    WHERE trigger_id = ?1 AND status = 3 AND due_at IS NULL
    ORDER BY seq DESC
    LIMIT ?2 OFFSET ?3";

impl ExecutionArchive for Reader {
    fn executions(&self, trigger: TriggerId, page: Page) -> Result<Paged<Execution>> {
        let below = page.after.map_or(i64::MAX, |Cursor(seq)| seq);
        let mut statement = self.sql(EXECUTIONS)?;
        let mut rows = statement.query(params![trigger.0, below])?;
        let (mut items, mut taken): (Vec<Execution>, usize) = (vec![], 0);
        while let Some(row) = rows.next()? {
            if items.len() == page.limit || taken >= PAGE_BYTES {
                let next = items.last().map(|last| Cursor(last.seq.0));
                return Ok(Paged { items, next });
            }
            let execution = execution(row)?;
            taken += execution.incoming.as_ref().map_or(0, |incoming| incoming.body.len());
            items.push(execution);
        }
        Ok(Paged { items, next: None })
    }

    fn last_execution(&self, trigger: TriggerId) -> Result<Option<Seq>> {
        Ok(self.sql(LAST_SEQ)?.query_row([trigger.0], |row| row.get(0).map(Seq)).optional()?)
    }

    fn execution_seqs(&self, trigger: TriggerId, until: Seq, limit: usize) -> Result<Vec<Seq>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut statement = self.sql(SEQS)?;
        let rows = statement.query_map(params![trigger.0, until.0, limit], |row| row.get(0).map(Seq))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    fn execution(&self, trigger: TriggerId, seq: Seq) -> Result<Option<Execution>> {
        Ok(self.sql(EXECUTION)?.query_row([trigger.0, seq.0], execution).optional()?)
    }

    fn execution_at(&self, trigger: TriggerId, at: Timestamp, place: i64) -> Result<Option<Execution>> {
        Ok(self.sql(EXECUTION_AT)?.query_row(params![trigger.0, at.millis(), place], execution).optional()?)
    }

    fn events_of_execution(&self, execution: Seq) -> Result<Vec<EventId>> {
        let mut statement = self.sql(EVENTS)?;
        let ids = statement.query_map([execution.0], |row| Ok(EventId(Ulid::from_bytes(row.get(0)?))))?;
        Ok(ids.collect::<rusqlite::Result<_>>()?)
    }

    fn due(&self, now: Timestamp, calls: bool, limit: usize, bytes: usize) -> Result<Vec<(Execution, Trigger)>> {
        let mut due = Due { all: vec![], limit, bytes };
        for lane in lanes(calls) {
            let mut statement = self.sql(DUE)?;
            let mut rows = statement.query(params![now.millis(), lane])?;
            while due.has_room()
                && let Some(row) = rows.next()?
            {
                // Of those of a removed trigger nothing comes.
                let Some(trigger) = self.sql(BY_ID)?.query_row([row.get::<_, i64>(1)?], trigger).optional()? else {
                    continue;
                };
                if let Some(one) = self.sql(BY_SEQ)?.query_row([row.get::<_, i64>(0)?], execution).optional()? {
                    due.push(one, trigger);
                }
            }
        }
        Ok(due.all)
    }

    fn next_due(&self, now: Timestamp, calls: bool) -> Result<Option<Timestamp>> {
        let mut next = None;
        for lane in lanes(calls) {
            let of_lane: Option<i64> = self.sql(NEXT_DUE)?.query_row(params![now.millis(), lane], |row| row.get(0))?;
            next = earlier(next, of_lane.map(Timestamp::from_millis));
        }
        Ok(next)
    }

    fn old_executions(&self, after: TriggerId, history: usize, limit: usize) -> Result<(Vec<Seq>, Option<TriggerId>)> {
        let (history, most) = (i64::try_from(history).unwrap_or(i64::MAX), i64::try_from(limit).unwrap_or(i64::MAX));
        let mut old = vec![];
        let mut statement = self.sql(NEXT_TRIGGERS)?;
        let mut triggers = statement.query([after.0])?;
        while let Some(row) = triggers.next()? {
            let id: i64 = row.get(0)?;
            let mut of_trigger = self.sql(OLD)?;
            let found = of_trigger.query_map(params![id, most, history], |row| row.get(0).map(Seq))?;
            old.extend(found.collect::<rusqlite::Result<Vec<_>>>()?);
            if old.len() >= limit {
                // This one may have more.
                return Ok((old, Some(TriggerId(id - 1))));
            }
        }
        Ok((old, None))
    }
}

/// What the time brings comes first: what came in can wait for it, but a schedule that is late
/// has missed its time.
fn lanes(calls: bool) -> &'static [i64] {
    if calls { &[1] } else { &[2, 0] }
}

/// What is due, as far as there is room for it.
struct Due {
    all: Vec<(Execution, Trigger)>,
    limit: usize,
    bytes: usize,
}

impl Due {
    fn has_room(&self) -> bool {
        self.all.len() < self.limit && self.bytes > 0
    }

    fn push(&mut self, execution: Execution, trigger: Trigger) {
        let bytes = execution.incoming.as_ref().map_or(0, |incoming| incoming.body.len());
        self.bytes = self.bytes.saturating_sub(bytes);
        self.all.push((execution, trigger));
    }
}
