//! A database looked at from outside, beside the server that may have it open.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, OptionalExtension};

use super::{check, open, sealing};
use crate::domain::time::Timestamp;
use crate::store::inspect::{Bytes, DeliveryCount, HookCount};
use crate::store::vault::Vault;
use crate::store::{Inspect, Result, Stats, StoreError, Trouble};

const HOOKS: &str = "
    SELECT count(*) FILTER (WHERE removed_at IS NULL),
           count(*) FILTER (WHERE removed_at IS NULL AND paused_at IS NOT NULL),
           count(*) FILTER (WHERE removed_at IS NOT NULL)
    FROM hooks";

/// Each count is of a whole index, whose pages are few: exact, and a matter of
/// seconds with a hundred million rows. Delivered ones have no index; they are what
/// is left.
const DELIVERIES: &str = "
    SELECT (SELECT count(*) FROM deliveries),
           (SELECT count(*) FROM deliveries WHERE state = 0),
           (SELECT count(*) FROM deliveries WHERE state = 1),
           (SELECT count(*) FROM deliveries WHERE state = 3),
           (SELECT count(*) FROM deliveries WHERE state = 4)";

const OLDEST_EVENT: &str = "SELECT published_at FROM events ORDER BY seq LIMIT 1";

const OLDEST_OWED: &str = "
    SELECT published_at FROM events
    WHERE seq = (SELECT event_seq FROM deliveries
                 WHERE seq = (SELECT min(seq) FROM (SELECT min(seq) AS seq FROM deliveries WHERE state = 0
                                                    UNION ALL
                                                    SELECT min(seq) FROM deliveries WHERE state = 1)))";

const PAGES: &str = "
    SELECT page_count * page_size, freelist_count * page_size
    FROM pragma_page_count, pragma_freelist_count, pragma_page_size";

/// One snapshot, into a file of which every page is written once. SQLite's backup
/// interface begins anew whenever somebody writes, which under load is always.
const COPY: &str = "VACUUM INTO ?1";

/// An open database of which nothing is changed.
pub struct Inspector {
    path: PathBuf,
    conn: Connection,
    schema: i32,
}

impl Inspector {
    /// Opens the database at `path` for looking, whether a server has it open or not.
    ///
    /// # Errors
    /// [`StoreError::Unusable`] where there is none, or one that is not ours, not of
    /// this version, or not to be read by this user.
    pub fn open(path: &Path) -> Result<Self> {
        // Asked without opening it: whoever closes a file lets go of all locks that
        // this process has on it.
        let found = std::fs::metadata(path).map_err(|e| absent(path, &e))?;
        if !found.is_file() {
            return Err(absent(path, &"it is no file"));
        }
        let conn = Connection::open_with_flags(path, flags(path)).map_err(|e| open::unusable(path, &e))?;
        conn.busy_timeout(open::BUSY_TIMEOUT)?;
        let schema = open::schema_of(&conn, path)?;
        Ok(Self { path: path.to_owned(), conn, schema })
    }

    /// Questions are asked of the newest schema only; a copy may be made of any.
    fn is_current(&self) -> Result<()> {
        if self.schema == open::SCHEMA_VERSION {
            return Ok(());
        }
        Err(StoreError::Unusable(format!(
            "{} is of an older Nyala (schema {}, this one knows {}): start this version's server on it once, \
             which brings it up to date",
            self.path.display(),
            self.schema,
            open::SCHEMA_VERSION
        )))
    }

    fn count(&self, sql: &str) -> Result<u64> {
        let count: i64 = self.conn.query_row(sql, [], |row| row.get(0))?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    fn time(&self, sql: &str) -> Result<Option<Timestamp>> {
        let millis: Option<i64> = self.conn.query_row(sql, [], |row| row.get(0)).optional()?;
        Ok(millis.map(Timestamp::from_millis))
    }

    fn counts<const N: usize>(&self, sql: &str) -> Result<[u64; N]> {
        let mut counts = [0; N];
        self.conn.query_row(sql, [], |row| {
            for (column, count) in counts.iter_mut().enumerate() {
                *count = u64::try_from(row.get::<_, i64>(column)?).unwrap_or(0);
            }
            Ok(())
        })?;
        Ok(counts)
    }

    fn bytes(&self) -> Result<Bytes> {
        let length = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
        let [all, free] = self.counts(PAGES)?;
        Ok(Bytes { file: length(&self.path), log: length(&log(&self.path)), used: all - free.min(all), free })
    }

    fn deliveries(&self) -> Result<DeliveryCount> {
        let [all, pending, leased, dead, cancelled] = self.counts(DELIVERIES)?;
        let owed = pending + leased;
        let delivered = all.saturating_sub(owed + dead + cancelled);
        Ok(DeliveryCount { all, owed, pending, leased, delivered, dead, cancelled })
    }
}

impl Inspect for Inspector {
    fn troubles(&self, now: Timestamp) -> Result<Vec<Trouble>> {
        self.is_current()?;
        check::troubles(&self.conn, now)
    }

    fn unsealed(&self, vault: &Vault) -> Result<Vec<Trouble>> {
        self.is_current()?;
        check::unsealed(&self.conn, vault)
    }

    fn unlocks(&self, vault: &Vault) -> Result<bool> {
        sealing::unlock(&self.conn, vault)?;
        Ok(sealing::key_id(&self.conn)?.is_some())
    }

    fn stats(&self) -> Result<Stats> {
        self.is_current()?;
        // One snapshot: the numbers must fit together.
        let snapshot = self.conn.unchecked_transaction()?;
        let [living, paused, removed] = self.counts(HOOKS)?;
        let stats = Stats {
            schema: self.schema,
            bytes: self.bytes()?,
            hooks: HookCount { living, paused, removed },
            events: self.count("SELECT count(*) FROM events")?,
            deliveries: self.deliveries()?,
            attempts: self.count("SELECT count(*) FROM attempts")?,
            oldest_event: self.time(OLDEST_EVENT)?,
            oldest_owed: self.time(OLDEST_OWED)?,
        };
        snapshot.commit()?;
        Ok(stats)
    }

    fn size(&self) -> Result<u64> {
        Ok(self.bytes()?.used)
    }

    fn copy_into(&self, file: &Path) -> Result<()> {
        let name = file.to_str().ok_or_else(|| StoreError::Failed(format!("{} is no text", file.display())))?;
        self.conn.execute(COPY, [name])?;
        Ok(())
    }
}

/// Beside a log, for reading only: what a server left there is for the next one to
/// take in. Without one, SQLite would make a log and leave it; one who may write
/// takes it away again.
fn flags(path: &Path) -> OpenFlags {
    let how = if log(path).exists() { OpenFlags::SQLITE_OPEN_READ_ONLY } else { OpenFlags::SQLITE_OPEN_READ_WRITE };
    how | OpenFlags::SQLITE_OPEN_NO_MUTEX
}

fn log(path: &Path) -> PathBuf {
    PathBuf::from(format!("{}-wal", path.display()))
}

fn absent(path: &Path, why: &dyn std::fmt::Display) -> StoreError {
    StoreError::Unusable(format!("cannot read {} ({why}): name the server's database with --database", path.display()))
}
