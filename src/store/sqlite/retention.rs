//! What has grown old, by writing: small steps, each child before its parent.

use rusqlite::{OptionalExtension, params};

use super::Session;
use crate::domain::id::Seq;
use crate::domain::time::Timestamp;
use crate::store::{Finished, GivenUp, Result, Retention};

/// Why a delivery is dead that no attempt gave up.
const OWED_TOO_LONG: &str = "owed longer than owed-retention allows";

/// What follows an event in the store's order never becomes owed again once it is
/// finished; only a redelivery can be new.
const OWED_AGAIN: &str = "
    SELECT EXISTS (SELECT 1 FROM deliveries WHERE event_seq = ?1 AND redelivers IS NOT NULL AND state < 2)";

/// An event's deliveries, first the ones that follow it, then its redeliveries.
const FINISHED_OF_EVENT: &str = "
    SELECT d.seq FROM events JOIN deliveries AS d ON d.seq > events.seq AND d.seq <= events.seq + events.deliveries
    WHERE events.seq = ?1 AND d.state >= 2
    UNION ALL
    SELECT seq FROM deliveries WHERE event_seq = ?1 AND redelivers IS NOT NULL AND state >= 2
    LIMIT ?2";

const REMOVE_ATTEMPTS: &str = "DELETE FROM attempts WHERE delivery = ?1";

const REMOVE_DELIVERY: &str = "DELETE FROM deliveries WHERE seq = ?1";

/// Whatever went before: never while a delivery of it is there.
const REMOVE_EVENT: &str = "
    DELETE FROM events
    WHERE seq = ?1
      AND NOT EXISTS (SELECT 1 FROM deliveries AS d WHERE d.seq > events.seq AND d.seq <= events.seq + events.deliveries)
      AND NOT EXISTS (SELECT 1 FROM deliveries AS d WHERE d.event_seq = events.seq AND d.redelivers IS NOT NULL)";

/// Says why in the column that holds the reason of an attempt at first hand: with
/// no status, no such attempt is there.
const GIVE_UP: &str = "
    UPDATE deliveries SET state = 3, due_at = NULL, finished_at = ?2, reason = ?3
    WHERE seq = ?1 AND state = 0
    RETURNING event_seq, attempts";

/// Removing so many bytes of a payload takes as long as removing a row.
const BYTES_A_ROW: u64 = 8192;

impl Retention for Session {
    fn remove_events(&mut self, events: &[Finished], limit: usize) -> Result<usize> {
        let mut left = limit;
        for (done, event) in events.iter().enumerate() {
            if left == 0 || !self.remove_event(event, &mut left)? {
                return Ok(done);
            }
        }
        Ok(events.len())
    }

    fn give_up(&mut self, now: Timestamp, deliveries: &[Seq]) -> Result<GivenUp> {
        let mut given_up = GivenUp::default();
        for &delivery in deliveries {
            let columns = params![delivery.0, now.millis(), OWED_TOO_LONG];
            let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
            let found: Option<(i64, u32)> = self.sql(GIVE_UP)?.query_row(columns, row).optional()?;
            let Some((event, attempts)) = found else { continue };
            // Whoever stood behind it is found by the sweeper's next round.
            self.end_turn(now, delivery)?;
            given_up.count += 1;
            if attempts == 0 {
                given_up.untried.push((Seq(event), delivery));
            }
        }
        self.batch.rows += given_up.count;
        Ok(given_up)
    }

    fn give_back(&mut self, pages: usize) -> Result<()> {
        let pages = i64::try_from(pages).unwrap_or(i64::MAX);
        self.conn.pragma(None, "incremental_vacuum", pages, |_| Ok(()))?;
        self.batch.rows += 1;
        Ok(())
    }
}

impl Session {
    /// Removes an event as far as `left` goes; answers whether it is done with.
    fn remove_event(&mut self, event: &Finished, left: &mut usize) -> Result<bool> {
        if self.sql(OWED_AGAIN)?.query_row([event.seq.0], |row| row.get(0))? {
            return Ok(true);
        }
        for delivery in self.finished_of(event.seq, *left)? {
            if *left == 0 {
                return Ok(false);
            }
            let attempts = self.sql(REMOVE_ATTEMPTS)?.execute([delivery])?;
            self.sql(REMOVE_DELIVERY)?.execute([delivery])?;
            self.took(attempts + 1, left);
        }
        if *left == 0 {
            return Ok(false);
        }
        let removed = self.sql(REMOVE_EVENT)?.execute([event.seq.0])?;
        let payload = usize::try_from(event.bytes / BYTES_A_ROW).unwrap_or(usize::MAX);
        self.took(removed * payload.saturating_add(1), left);
        Ok(true)
    }

    fn finished_of(&self, event: Seq, limit: usize) -> Result<Vec<i64>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut statement = self.sql(FINISHED_OF_EVENT)?;
        let rows = statement.query_map([event.0, limit], |row| row.get(0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    fn took(&mut self, rows: usize, left: &mut usize) {
        self.batch.rows += rows;
        *left = left.saturating_sub(rows);
    }
}
