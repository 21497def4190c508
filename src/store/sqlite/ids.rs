//! The ids of events: in the store's order, whatever the clock does.

use std::time::{Duration, UNIX_EPOCH};

use rusqlite::{Connection, OptionalExtension};
use ulid::Ulid;

use crate::domain::id::EventId;
use crate::domain::time::Timestamp;
use crate::store::Result;

const NEWEST: &str = "SELECT id FROM events ORDER BY id DESC LIMIT 1";

/// The last millisecond that a ULID can tell: its time has 48 bits.
const LAST_MILLI: u64 = (1 << Ulid::TIME_BITS) - 1;

/// Gives ids that only ever grow, across restarts, too: a clock that was set back
/// stands still here until it has caught up. So the index of ids grows at its
/// end, and what was published since some time is one stretch of the order.
pub(super) struct Ids {
    last: Ulid,
}

impl Ids {
    /// Goes on after the newest id that is kept.
    pub(super) fn after_newest(conn: &Connection) -> Result<Self> {
        let newest = conn.query_row(NEWEST, [], |row| row.get(0)).optional()?;
        Ok(Self { last: newest.map_or(Ulid::nil(), Ulid::from_bytes) })
    }

    /// An id that is larger than all before it.
    pub(super) fn next(&mut self, now: Timestamp) -> EventId {
        let drawn = Ulid::from_datetime(UNIX_EPOCH + Duration::from_millis(milli(now)));
        // Equal times go on from the last id; it has no successor once in 2^80.
        let after = || self.last.increment().unwrap_or_else(|| Ulid::from_parts(self.last.timestamp_ms() + 1, 0));
        self.last = if drawn.timestamp_ms() > self.last.timestamp_ms() { drawn } else { after() };
        EventId(self.last)
    }
}

/// No event that was published at this time or later has a smaller id.
pub(super) fn first_at(time: Timestamp) -> EventId {
    EventId(Ulid::from_parts(milli(time), 0))
}

fn milli(time: Timestamp) -> u64 {
    u64::try_from(time.millis()).unwrap_or(0).min(LAST_MILLI)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_grow_whatever_the_clock_does() {
        let mut ids = Ids { last: Ulid::nil() };
        let times = [5, 5, 9, 2, 9, i64::MAX, 0, i64::MIN, i64::MAX];

        let given: Vec<_> = times.iter().map(|&millis| ids.next(Timestamp::from_millis(millis)).0).collect();

        assert!(given.is_sorted_by(|a, b| a < b), "{given:?}");
    }

    #[test]
    fn an_id_without_successor_is_followed_by_the_next_millisecond() {
        let mut ids = Ids { last: Ulid::from_parts(7, u128::MAX) };

        let next = ids.next(Timestamp::from_millis(3)).0;

        assert_eq!((next.timestamp_ms(), next.random()), (8, 0));
    }

    #[test]
    fn an_id_is_never_smaller_than_the_first_of_its_time() {
        let now = Timestamp::from_millis(1_700_000_000_000);
        let mut ids = Ids { last: Ulid::nil() };

        let (first, second) = (ids.next(now).0, ids.next(now).0);

        assert!(first_at(now).0 <= first && second < first_at(Timestamp::from_millis(now.millis() + 1)).0);
    }
}
