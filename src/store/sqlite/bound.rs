//! Lists of which little is wanted: what a page looks through is bounded, however much
//! there is.

use rusqlite::{Row, Rows, params};

use super::archive::{DELIVERY, Reader, delivery};
use super::rows::{self, state_number};
use crate::domain::delivery::{Delivery, State};
use crate::domain::id::HookId;
use crate::store::page::{Cursor, Page, Paged};
use crate::store::{DeliveryFilter, Result};

/// Of all hooks, of which these are wanted; whether each fits, for [`look_through`].
pub(super) const SCAN: &str = "
    SELECT seq, state = coalesce(?3, state) AND hook_id IN (SELECT value FROM json_each(?4)) AS fits
    FROM deliveries
    WHERE seq > ?1 AND seq < ?2
    ORDER BY seq DESC";

/// The same, of a rare state.
pub(super) const DEAD_SCAN: &str = "
    SELECT seq, state = ?3 AND hook_id IN (SELECT value FROM json_each(?4)) AS fits
    FROM deliveries
    WHERE state = 3 AND seq > ?1 AND seq < ?2
    ORDER BY seq DESC";

pub(super) const CANCELLED_SCAN: &str = "
    SELECT seq, state = ?3 AND hook_id IN (SELECT value FROM json_each(?4)) AS fits
    FROM deliveries
    WHERE state = 4 AND seq > ?1 AND seq < ?2
    ORDER BY seq DESC";

/// The most hooks that are asked one by one.
const FEW: usize = 100;

/// The most rows that are looked through for a page: who wants more asks for the next.
const MOST_ROWS: usize = 50_000;

/// A page of the rows that fit. It ends, however few those are, once so many were
/// looked through: the next page begins there.
pub(super) fn look_through<T>(
    mut rows: Rows<'_>,
    limit: usize,
    read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Paged<T>> {
    let (mut items, mut looked, mut last) = (vec![], 0, None);
    while let Some(row) = rows.next()? {
        let fits: bool = row.get("fits")?;
        if looked == MOST_ROWS || (fits && items.len() == limit) {
            return Ok(Paged { items, next: last.map(Cursor) });
        }
        looked += 1;
        last = Some(row.get("seq")?);
        if fits {
            items.push(read(row)?);
        }
    }
    Ok(Paged { items, next: None })
}

impl Reader {
    /// The deliveries to these hooks, and no others, between two places.
    pub(super) fn list_within(
        &self,
        page: Page,
        stretch: (i64, i64),
        filter: DeliveryFilter,
        hooks: &[HookId],
    ) -> Result<Paged<Delivery>> {
        match filter.state {
            _ if hooks.is_empty() => Ok(Paged::empty()),
            // What is in these states is small, and is sorted for anybody.
            Some(State::Pending | State::Leased) => self.stretch_of_deliveries(page, stretch, filter, Some(hooks)),
            Some(State::Cancelled) => self.scan(CANCELLED_SCAN, page, stretch, filter, hooks),
            _ if hooks.len() <= FEW => self.of_each(page, stretch, filter, hooks),
            Some(State::Dead) => self.scan(DEAD_SCAN, page, stretch, filter, hooks),
            Some(State::Delivered) | None => self.scan(SCAN, page, stretch, filter, hooks),
        }
    }

    /// The page of a few hooks: each has its own order in an index, which is looked
    /// into no deeper than the page may come to reach.
    fn of_each(
        &self,
        page: Page,
        (mut above, below): (i64, i64),
        filter: DeliveryFilter,
        hooks: &[HookId],
    ) -> Result<Paged<Delivery>> {
        let snapshot = self.0.unchecked_transaction()?;
        let mut items = vec![];
        for &hook in hooks {
            let filter = DeliveryFilter { hook: Some(hook), ..filter };
            // One more than the page holds tells whether there is another.
            let more = Page { limit: page.limit + 1, ..page };
            items.append(&mut self.stretch_of_deliveries(more, (above, below), filter, None)?.items);
            items.sort_unstable_by_key(|delivery: &Delivery| std::cmp::Reverse(delivery.seq.0));
            items.truncate(page.limit + 1);
            if items.len() > page.limit {
                above = items.last().map_or(above, |last| last.seq.0);
            }
        }
        snapshot.commit()?;
        Ok(Paged::cut(items, page.limit, |delivery: &Delivery| delivery.seq.0))
    }

    /// The page of many hooks: as much of what all hooks have as is looked through at once.
    fn scan(
        &self,
        sql: &'static str,
        page: Page,
        (above, below): (i64, i64),
        filter: DeliveryFilter,
        hooks: &[HookId],
    ) -> Result<Paged<Delivery>> {
        let snapshot = self.0.unchecked_transaction()?;
        let mut statement = self.sql(sql)?;
        let rows = statement.query(params![above, below, filter.state.map(state_number), rows::json(&hooks)])?;
        let found = look_through(rows, page.limit, |row| row.get::<_, i64>("seq"))?;
        let mut one = self.sql(DELIVERY)?;
        let items = found.items.iter().map(|seq| one.query_row([seq], delivery));
        let items = items.collect::<rusqlite::Result<_>>()?;
        drop((statement, one));
        snapshot.commit()?;
        Ok(Paged { items, next: found.next })
    }
}
