//! What has grown old, by reading.

use rusqlite::{Row, params};
use ulid::Ulid;

use super::archive::Reader;
use crate::domain::id::Seq;
use crate::domain::time::Timestamp;
use crate::store::{Aged, Finished, Result, Size, Stretch};

/// Ids begin with the time and have an index; the time of publishing has none, as
/// every publish would pay for it. The ids' time only says where to stop: each
/// event's own time is looked at as well.
const END_OF: &str = "SELECT seq + deliveries FROM events WHERE id < ?1 ORDER BY id DESC LIMIT 1";

/// Read row by row, as far as a stretch goes.
const STRETCH: &str = "
    SELECT seq, deliveries, length(payload),
           published_at < ?3
           AND NOT EXISTS (SELECT 1 FROM deliveries AS d
                           WHERE d.seq > events.seq AND d.seq <= events.seq + events.deliveries AND d.state < 2)
           AND NOT EXISTS (SELECT 1 FROM deliveries AS d
                           WHERE d.event_seq = events.seq AND d.redelivers IS NOT NULL AND d.state < 2)
    FROM events
    WHERE seq > ?1 AND seq <= ?2
    ORDER BY seq";

/// The index of what is pending holds the numbers, too: what is younger costs little.
const OWED: &str = "
    SELECT d.seq FROM deliveries AS d
    WHERE d.state = 0 AND d.seq <= ?1
      AND (SELECT published_at FROM events WHERE events.seq = d.event_seq) < ?2
    LIMIT ?3";

const OLD_GATES: &str = "
    SELECT seq FROM gates
    WHERE state <> 0 AND closed_at < ?1 AND NOT EXISTS (SELECT 1 FROM events WHERE events.gate = gates.seq)
    ORDER BY closed_at
    LIMIT ?2";

const PAGES: &str = "
    SELECT page_count * page_size, freelist_count * page_size
    FROM pragma_page_count, pragma_freelist_count, pragma_page_size";

/// A stretch ends after so many events and deliveries: a look of milliseconds.
const STRETCH_ROWS: u64 = 2000;

impl Aged for Reader {
    fn end_of(&self, before: Timestamp) -> Result<Seq> {
        let millis = u64::try_from(before.millis()).unwrap_or(0);
        let first_id = Ulid::from_parts(millis, 0).to_bytes();
        let mut statement = self.sql(END_OF)?;
        let mut rows = statement.query([first_id])?;
        Ok(Seq(rows.next()?.map_or(Ok(0), |row| row.get(0))?))
    }

    fn finished(&self, after: Seq, end: Seq, before: Timestamp) -> Result<Stretch> {
        let mut stretch = Stretch::default();
        let mut left = STRETCH_ROWS;
        let mut statement = self.sql(STRETCH)?;
        let mut rows = statement.query(params![after.0, end.0, before.millis()])?;
        while left > 0
            && let Some(row) = rows.next()?
        {
            let seq = Seq(row.get(0)?);
            if row.get(3)? {
                stretch.finished.push(Finished { seq, bytes: count(row, 2)? });
            }
            stretch.last = Some(seq);
            left = left.saturating_sub(1 + count(row, 1)?);
        }
        Ok(stretch)
    }

    fn owed(&self, end: Seq, before: Timestamp, limit: usize) -> Result<Vec<Seq>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut statement = self.sql(OWED)?;
        let rows = statement.query_map(params![end.0, before.millis(), limit], |row| row.get(0).map(Seq))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    fn old_gates(&self, before: Timestamp, limit: usize) -> Result<Vec<Seq>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut statement = self.sql(OLD_GATES)?;
        let rows = statement.query_map(params![before.millis(), limit], |row| row.get(0).map(Seq))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    fn size(&self) -> Result<Size> {
        let pages = |row: &Row<'_>| Ok((count(row, 0)?, count(row, 1)?));
        let (all, free) = self.sql(PAGES)?.query_row([], pages)?;
        let file = self.path().and_then(|path| std::fs::metadata(path).ok()).map_or(0, |file| file.len());
        Ok(Size { used: all.saturating_sub(free), free, file })
    }
}

fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    Ok(u64::try_from(row.get::<_, i64>(column)?).unwrap_or(0))
}
