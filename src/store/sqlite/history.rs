//! Events and deliveries in lists, newest first.
//!
//! Every list is a stretch of the store's order. A time is turned into a place
//! in it by the ids of events, which an index holds, so that no list begins by
//! looking for its beginning.

use rusqlite::{OptionalExtension, Row, params};

use super::archive::{Reader, delivery};
use super::bound::look_through;
use super::ids;
use super::rows::{self, state_number};
use crate::domain::access::Bounds;
use crate::domain::delivery::{Delivery, State};
use crate::domain::id::HookId;
use crate::domain::time::Timestamp;
use crate::store::page::{Cursor, Page, Paged};
use crate::store::{AccessArchive, DeliveryFilter, EventFilter, EventSummary, Result};

/// All but the payloads, which may be large. Each tells whether it `fits`, so that
/// [`look_through`] knows how far it came where few do.
const EVENTS: &str = "
    SELECT seq, id, type, applications, x'' AS payload, deliveries, published_at, publisher, deed, gate,
           trigger_id, execution, hops, length(payload) AS bytes,
        (?3 IS NULL OR casefold(type) = ?3)
        AND (?4 IS NULL OR EXISTS (SELECT 1 FROM json_each(applications) WHERE value = ?4))
        AND (?5 IS NULL OR EXISTS (
            SELECT 1 FROM json_each(applications) WHERE value IN (SELECT value FROM json_each(?5)))) AS fits
    FROM events
    WHERE seq > ?1 AND seq < ?2
    ORDER BY seq DESC";

/// A state that most deliveries are in, or any.
const DELIVERIES: &str = "
    SELECT * FROM delivery_history
    WHERE seq > ?1 AND seq < ?2 AND state = coalesce(?3, state)
      AND (?7 IS NULL OR hook_id IN (SELECT value FROM json_each(?7)))
    ORDER BY seq DESC
    LIMIT ?6";

const DELIVERIES_OF_HOOK: &str = "
    SELECT * FROM delivery_history
    WHERE hook_id = ?4 AND seq > ?1 AND seq < ?2 AND state = coalesce(?3, state)
      AND (?7 IS NULL OR hook_id IN (SELECT value FROM json_each(?7)))
    ORDER BY seq DESC
    LIMIT ?6";

/// An event's deliveries follow it in the store's order: no index is needed but
/// for its redeliveries, which come later.
const DELIVERIES_OF_EVENT: &str = "
    SELECT * FROM delivery_history
    WHERE event_seq = (SELECT seq FROM events WHERE id = ?5) AND redelivers IS NOT NULL
      AND seq > ?1 AND seq < ?2 AND state = coalesce(?3, state) AND hook_id = coalesce(?4, hook_id)
      AND (?7 IS NULL OR hook_id IN (SELECT value FROM json_each(?7)))
    UNION ALL
    SELECT * FROM delivery_history
    WHERE seq > (SELECT max(seq, ?1) FROM events WHERE id = ?5)
      AND seq < (SELECT min(seq + deliveries + 1, ?2) FROM events WHERE id = ?5)
      AND state = coalesce(?3, state) AND hook_id = coalesce(?4, hook_id)
      AND (?7 IS NULL OR hook_id IN (SELECT value FROM json_each(?7)))
    ORDER BY seq DESC
    LIMIT ?6";

/// The rare states have their own indexes: these are what people ask for when
/// something went wrong, and must not look through all that went well.
const DEAD: &str = "
    SELECT * FROM delivery_history
    WHERE state = 3 AND seq > ?1 AND seq < ?2
      AND (?7 IS NULL OR hook_id IN (SELECT value FROM json_each(?7)))
    ORDER BY seq DESC
    LIMIT ?6";

const DEAD_OF_HOOK: &str = "
    SELECT * FROM delivery_history
    WHERE state = 3 AND hook_id = ?4 AND seq > ?1 AND seq < ?2
      AND (?7 IS NULL OR hook_id IN (SELECT value FROM json_each(?7)))
    ORDER BY seq DESC
    LIMIT ?6";

const CANCELLED: &str = "
    SELECT * FROM delivery_history
    WHERE state = 4 AND seq > ?1 AND seq < ?2 AND hook_id = coalesce(?4, hook_id)
      AND (?7 IS NULL OR hook_id IN (SELECT value FROM json_each(?7)))
    ORDER BY seq DESC
    LIMIT ?6";

/// No more are leased than fit into memory: they are sorted. SQLite would not
/// come upon their index by itself.
const LEASED: &str = "
    SELECT * FROM delivery_history
    WHERE seq IN (
        SELECT seq FROM deliveries INDEXED BY deliveries_leased
        WHERE state = 1 AND +seq > ?1 AND +seq < ?2 AND hook_id = coalesce(?4, hook_id)
          AND (?7 IS NULL OR hook_id IN (SELECT value FROM json_each(?7)))
        ORDER BY +seq DESC
        LIMIT ?6)
    ORDER BY seq DESC";

/// Their index is in the order in which they are due: the page is picked out of
/// the index alone, before a row is looked at.
const PENDING: &str = "
    SELECT * FROM delivery_history
    WHERE seq IN (
        SELECT seq FROM deliveries
        WHERE state = 0 AND +seq > ?1 AND +seq < ?2
          AND (?7 IS NULL OR hook_id IN (SELECT value FROM json_each(?7)))
        ORDER BY +seq DESC
        LIMIT ?6)
    ORDER BY seq DESC";

const PENDING_OF_HOOK: &str = "
    SELECT * FROM delivery_history
    WHERE seq IN (
        SELECT seq FROM deliveries
        WHERE state = 0 AND hook_id = ?4 AND +seq > ?1 AND +seq < ?2
          AND (?7 IS NULL OR hook_id IN (SELECT value FROM json_each(?7)))
        ORDER BY +seq DESC
        LIMIT ?6)
    ORDER BY seq DESC";

/// Where the last event before an id ends, its deliveries included.
const END_BEFORE: &str = "SELECT seq + deliveries FROM events WHERE id < ?1 ORDER BY id DESC LIMIT 1";

const FIRST_FROM: &str = "SELECT seq FROM events WHERE id >= ?1 ORDER BY id LIMIT 1";

const FIRST_BETWEEN: &str = "
    SELECT seq, created_at FROM deliveries
    WHERE seq >= ?1 AND seq < ?2
    ORDER BY seq
    LIMIT 1";

/// The list that answers a question with the least to look through.
fn best(filter: &DeliveryFilter) -> &'static str {
    match (filter.event, filter.hook, filter.state) {
        (Some(_), ..) => DELIVERIES_OF_EVENT,
        (None, None, Some(State::Pending)) => PENDING,
        (None, Some(_), Some(State::Pending)) => PENDING_OF_HOOK,
        (None, _, Some(State::Leased)) => LEASED,
        (None, None, Some(State::Dead)) => DEAD,
        (None, Some(_), Some(State::Dead)) => DEAD_OF_HOOK,
        (None, _, Some(State::Cancelled)) => CANCELLED,
        (None, Some(_), Some(State::Delivered) | None) => DELIVERIES_OF_HOOK,
        (None, None, Some(State::Delivered) | None) => DELIVERIES,
    }
}

impl Reader {
    pub(super) fn list_events(&self, page: Page, filter: &EventFilter) -> Result<Paged<EventSummary>> {
        let (above, below) = self.stretch(page, filter.since, filter.until)?;
        let event_type = filter.event_type.as_deref().map(str::to_lowercase);
        let summary =
            |row: &Row<'_>| Ok(EventSummary { event: rows::event(row)?, bytes: row.get::<_, u32>("bytes")?.into() });
        let bound_to = filter.within.applications.as_deref().and_then(rows::list);
        let mut statement = self.sql(EVENTS)?;
        let rows = statement.query(params![above, below, event_type, filter.application, bound_to])?;
        Ok(look_through(rows, page.limit, summary)?)
    }

    pub(super) fn list_deliveries(
        &self,
        page: Page,
        filter: DeliveryFilter,
        within: &Bounds,
    ) -> Result<Paged<Delivery>> {
        let stretch = self.stretch(page, filter.since, filter.until)?;
        if within.are_none() || filter.event.is_some() {
            let ids = if within.are_none() { None } else { Some(self.hooks_within(within)?) };
            return self.stretch_of_deliveries(page, stretch, filter, ids.as_deref());
        }
        if let Some(hook) = filter.hook {
            let reached = self.reaches(within, hook)?;
            return if reached { self.stretch_of_deliveries(page, stretch, filter, None) } else { Ok(Paged::empty()) };
        }
        self.list_within(page, stretch, filter, &self.hooks_within(within)?)
    }

    /// The page by one query.
    pub(super) fn stretch_of_deliveries(
        &self,
        page: Page,
        (above, below): (i64, i64),
        filter: DeliveryFilter,
        hooks: Option<&[HookId]>,
    ) -> Result<Paged<Delivery>> {
        let state = filter.state.map(state_number);
        let hook = filter.hook.map(|hook| hook.0);
        let event = filter.event.map(|event| event.0.to_bytes());
        let mut statement = self.sql(best(&filter))?;
        let ids = hooks.map(|ids| rows::json(&ids));
        let params = params![above, below, state, hook, event, page.rows(), ids];
        let items = statement.query_map(params, delivery)?.collect::<rusqlite::Result<_>>()?;
        Ok(Paged::cut(items, page.limit, |delivery: &Delivery| delivery.seq.0))
    }

    /// The places between which a page lies, both left out.
    fn stretch(&self, page: Page, since: Option<Timestamp>, until: Option<Timestamp>) -> Result<(i64, i64)> {
        let above = since.map(|since| self.place(since)).transpose()?.map_or(0, |place| place - 1);
        let below = until.map(|until| self.place(until)).transpose()?.unwrap_or(i64::MAX);
        Ok((above, page.after.map_or(below, |Cursor(seq)| below.min(seq))))
    }

    /// A place in the store's order: what was made before `time` lies before it,
    /// all else does not.
    ///
    /// Events have an index. Between two of them lie only redeliveries, which are
    /// in the order of their times: the place among those is found by halving.
    pub(super) fn place(&self, time: Timestamp) -> Result<i64> {
        let id = ids::first_at(time).0.to_bytes();
        let end_before: Option<i64> = self.sql(END_BEFORE)?.query_row([id], |row| row.get(0)).optional()?;
        let first_from: Option<i64> = self.sql(FIRST_FROM)?.query_row([id], |row| row.get(0)).optional()?;
        let (mut before, mut place) = (end_before.unwrap_or(0), first_from.unwrap_or(i64::MAX));
        while place - before > 1 {
            let middle = before + (place - before) / 2;
            match self.first_between(middle, place)? {
                Some((seq, made)) if made < time => before = seq,
                _ => place = middle,
            }
        }
        Ok(place)
    }

    fn first_between(&self, from: i64, to: i64) -> Result<Option<(i64, Timestamp)>> {
        let made = |row: &Row<'_>| Ok((row.get(0)?, row.get::<_, Option<i64>>(1)?.unwrap_or(i64::MIN)));
        let first = self.sql(FIRST_BETWEEN)?.query_row([from, to], made).optional()?;
        Ok(first.map(|(seq, millis)| (seq, Timestamp::from_millis(millis))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::breaker::BreakerRules;
    use crate::store::sqlite::bound::{CANCELLED_SCAN, DEAD_SCAN, SCAN};
    use crate::store::sqlite::{Readers, open};
    use crate::store::vault::Vault;
    use std::sync::Arc;

    /// How SQLite goes about a list.
    fn plan(reader: &Reader, sql: &'static str) -> String {
        let mut statement = reader.0.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let count = statement.parameter_count();
        let nulls = rusqlite::params_from_iter(std::iter::repeat_n(None::<i64>, count));
        let steps = statement.query_map(nulls, |row| row.get::<_, String>("detail")).unwrap();
        steps.collect::<rusqlite::Result<Vec<_>>>().unwrap().join("\n")
    }

    #[test]
    fn no_list_of_what_is_rare_looks_through_what_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("nyala.db");
        let vault = Arc::new(Vault::beside(&path));
        let _session = open(&path, Arc::default(), BreakerRules::default(), vault).unwrap();
        let reader = Readers::open(&path).unwrap().get().unwrap();
        let table = [
            (DELIVERIES, "USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"),
            (DELIVERIES_OF_HOOK, "USING INDEX deliveries_of_hook (hook_id=? AND seq>? AND seq<?)"),
            (DELIVERIES_OF_EVENT, "USING INDEX deliveries_again (event_seq=? AND seq>? AND seq<?)"),
            (DEAD, "USING INDEX deliveries_dead ("),
            (DEAD_SCAN, "INDEX deliveries_dead ("),
            (CANCELLED_SCAN, "INDEX deliveries_cancelled ("),
            (SCAN, "USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"),
            (EVENTS, "USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"),
            (DEAD_OF_HOOK, "USING INDEX deliveries_dead_of_hook (hook_id=? AND seq>? AND seq<?)"),
            (CANCELLED, "USING INDEX deliveries_cancelled ("),
            (LEASED, "USING INDEX deliveries_leased"),
            (PENDING, "USING COVERING INDEX deliveries_pending"),
            (PENDING_OF_HOOK, "USING COVERING INDEX deliveries_pending (hook_id=?)"),
            (END_BEFORE, "INDEX sqlite_autoindex_events_1 (id<?)"),
            (FIRST_FROM, "INDEX sqlite_autoindex_events_1 (id>?)"),
        ];

        for (sql, way) in table {
            let plan = plan(&reader, sql);
            assert!(plan.contains(way), "{sql}\n{plan}");
            // The ids that are handed in are no table of ours.
            let ours = |step: &&str| !step.contains("json_each");
            let scans = plan.lines().filter(ours).filter(|step| step.starts_with("SCAN") && !step.contains("USING"));
            assert_eq!(scans.count(), 0, "{sql}\n{plan}");
        }
    }
}
