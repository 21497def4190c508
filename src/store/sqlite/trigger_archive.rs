//! Triggers and executions, by reading.

use rusqlite::{OptionalExtension, Row, params};

use super::archive::Reader;
use super::rows;
use super::triggers::{BY_UUID, trigger};
use crate::domain::id::TriggerId;
use crate::domain::time::Timestamp;
use crate::domain::trigger::{Kind, Trigger};
use crate::store::page::{Cursor, Page, Paged};
use crate::store::{Counted, Result, TriggerArchive, TriggerCounts, TriggerFilter};

const SEALED: &str = "SELECT sealed FROM trigger_secrets WHERE trigger_id = ?1";

const LIST: &str = "
    SELECT * FROM known_triggers
    WHERE id > ?1 AND removed_at IS NULL
      AND (?3 IS NULL OR settings ->> 'kind' = ?3)
      AND (?4 IS NULL OR instr(casefold(name), casefold(?4)) > 0)
      AND (?5 IS NULL OR (stopped_at IS NOT NULL) = ?5)
      AND owner = coalesce(?6, owner)
      AND (?7 IS NULL OR applications IS NOT NULL AND NOT EXISTS (
          SELECT 1 FROM json_each(applications) WHERE value NOT IN (SELECT value FROM json_each(?7))))
    ORDER BY id
    LIMIT ?2";

const COUNTS: &str = "
    SELECT count(*), count(*) - count(processed_at), min(due_at) FROM executions
    WHERE trigger_id = ?1";

const MAINTENANCE: &str = "SELECT since FROM maintenance";

/// Anybody may ask for these numbers: each is looked for in a bounded stretch of an index or of
/// a table.
const COUNT_TRIGGERS: &str = "
    SELECT count(*) - count(stopped_at), count(stopped_at)
    FROM (SELECT stopped_at FROM triggers WHERE removed_at IS NULL LIMIT 100000)";

const COUNT_DUE: &str = "
    SELECT count(*) FROM
        (SELECT 1 FROM executions INDEXED BY executions_due
         WHERE lane IN (0, 1, 2) AND due_at <= ?1 AND due_at IS NOT NULL
         LIMIT 100000)";

const COUNT_DOING: &str = "SELECT count(*) FROM (SELECT 1 FROM executions WHERE status = 2 LIMIT 100000)";

/// What was scheduled for later has not come yet.
const COUNT_LATEST: &str = "
    SELECT count(*), count(processed_at)
    FROM (SELECT at, processed_at FROM executions ORDER BY seq DESC LIMIT 1000)
    WHERE at <= ?1 OR processed_at IS NOT NULL";

impl TriggerArchive for Reader {
    fn trigger_named(&self, uuid: &str) -> Result<Option<Trigger>> {
        Ok(self.sql(BY_UUID)?.query_row([uuid], trigger).optional()?)
    }

    fn counted_trigger(&self, uuid: &str) -> Result<Option<Counted>> {
        self.trigger_named(uuid)?.map(|trigger| self.counted(trigger)).transpose()
    }

    fn sealed_secret(&self, id: TriggerId) -> Result<Option<Vec<u8>>> {
        Ok(self.sql(SEALED)?.query_row([id.0], |row| row.get(0)).optional()?)
    }

    fn triggers(&self, page: Page, filter: &TriggerFilter) -> Result<Paged<Counted>> {
        let after = page.after.map_or(0, |Cursor(id)| id);
        let kind = filter.kind.map(Kind::as_str);
        let owner = filter.within.owner.map(|owner| owner.0);
        let bound_to = filter.within.applications.as_deref().and_then(rows::list);
        let mut statement = self.sql(LIST)?;
        let columns = params![after, page.rows(), kind, filter.text, filter.stopped, owner, bound_to];
        let found = statement.query_map(columns, trigger)?.collect::<rusqlite::Result<Vec<_>>>()?;
        let Paged { items, next } = Paged::cut(found, page.limit, |trigger| trigger.id.0);
        let items = items.into_iter().map(|trigger| self.counted(trigger)).collect::<Result<_>>()?;
        Ok(Paged { items, next })
    }

    fn trigger_counts(&self, now: Timestamp) -> Result<TriggerCounts> {
        let two = |row: &Row<'_>| Ok((row.get::<_, u32>(0)?.into(), row.get::<_, u32>(1)?.into()));
        let (started, stopped) = self.sql(COUNT_TRIGGERS)?.query_row([], two)?;
        let (fired, processed) = self.sql(COUNT_LATEST)?.query_row([now.millis()], two)?;
        let due: u32 = self.sql(COUNT_DUE)?.query_row([now.millis()], |row| row.get(0))?;
        let doing: u32 = self.sql(COUNT_DOING)?.query_row([], |row| row.get(0))?;
        Ok(TriggerCounts { started, stopped, due: due.into(), doing: doing.into(), fired, processed })
    }

    fn maintenance(&self) -> Result<Option<Timestamp>> {
        let since: Option<i64> = self.sql(MAINTENANCE)?.query_row([], |row| row.get(0)).optional()?;
        Ok(since.map(Timestamp::from_millis))
    }
}

impl Reader {
    fn counted(&self, trigger: Trigger) -> Result<Counted> {
        let counts = |row: &Row<'_>| Ok((row.get::<_, u32>(0)?, row.get::<_, u32>(1)?, row.get::<_, Option<i64>>(2)?));
        let (total, todo, next_at) = self.sql(COUNTS)?.query_row([trigger.id.0], counts)?;
        let next_at = next_at.map(Timestamp::from_millis);
        Ok(Counted { trigger, total: total.into(), todo: todo.into(), next_at })
    }
}
