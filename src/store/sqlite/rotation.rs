//! Another key for what is sealed, also beside a server that has the database open.

use std::ops::AddAssign;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Row, TransactionBehavior, params};

use super::{audit, open, sealing, secrets, triggers};
use crate::domain::audit::{Action, AuditEntry};
use crate::domain::id::HookId;
use crate::domain::time::Timestamp;
use crate::store::vault::{self, Key, KeyFile, KeyId, Vault};
use crate::store::{Result, StoreError, lock};

/// Rows that are sealed anew in one transaction beside a server.
const STEP: usize = 100;

/// How long a server has the database for itself between two steps: more than it
/// sleeps between two looks whether it can write.
const PAUSE: Duration = Duration::from_millis(120);

/// How long to wait for a server's transactions: it has many, all of them short.
const PATIENCE: Duration = Duration::from_secs(30);

/// A table with sealed values.
struct Sealed {
    /// What is sealed with another key than this one; the eight bytes after the first
    /// say with which.
    others: &'static str,
    /// Unless a server has sealed it anew meanwhile.
    reseal: &'static str,
    row: fn(i64) -> vault::Row,
}

const ALL: [Sealed; 2] = [
    Sealed {
        others: "
            SELECT hook_id, sealed FROM hook_secrets
            WHERE hook_id > ?1 AND substr(sealed, 2, 8) <> ?2
            ORDER BY hook_id
            LIMIT ?3",
        reseal: "UPDATE hook_secrets SET sealed = ?3 WHERE hook_id = ?1 AND sealed = ?2",
        row: |id| secrets::row(HookId(id)),
    },
    Sealed {
        others: "
            SELECT trigger_id, sealed FROM trigger_secrets
            WHERE trigger_id > ?1 AND substr(sealed, 2, 8) <> ?2
            ORDER BY trigger_id
            LIMIT ?3",
        reseal: "UPDATE trigger_secrets SET sealed = ?3 WHERE trigger_id = ?1 AND sealed = ?2",
        row: triggers::secret_row,
    },
];

/// A database that is given another key.
pub struct Rotation {
    conn: Connection,
    file: KeyFile,
    /// The key that it needs now.
    key_id: KeyId,
}

/// What came of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rotated {
    /// Values that are sealed anew.
    pub sealed: usize,
    /// Values that do not open with any key that there is: they stay as they are.
    pub left: usize,
}

impl AddAssign for Rotated {
    fn add_assign(&mut self, more: Self) {
        self.sealed += more.sealed;
        self.left += more.left;
    }
}

impl Rotation {
    /// Opens the database at `path`, where it really is.
    ///
    /// # Errors
    /// [`StoreError::Unusable`] where there is none, or one that no server of this
    /// version has used yet.
    pub fn open(path: &Path) -> Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Connection::open_with_flags(path, flags).map_err(|e| open::unusable(path, &e))?;
        conn.busy_timeout(PATIENCE)?;
        open::schema_of(&conn, path)?;
        // A server looks after its log itself, and that log is long: here each commit would copy all of it.
        conn.execute_batch("PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; PRAGMA wal_autocheckpoint = 0;")?;
        let unused = || {
            let why = "holds nothing that is sealed: start this version's server on it once, which does that";
            StoreError::Unusable(format!("{} {why}", path.display()))
        };
        let key_id = sealing::key_id(&conn)?.ok_or_else(unused)?;
        Ok(Self { conn, file: KeyFile::beside(path), key_id })
    }

    /// The key file of the database.
    #[must_use]
    pub fn file(&self) -> &KeyFile {
        &self.file
    }

    /// Gives the database a new key, in its file. A crash at any point leaves a file
    /// with all the keys that are needed; the next rotation takes up from there.
    ///
    /// # Errors
    /// The key is not in its file, somebody else is at it, or trouble of the database.
    pub fn in_file(&mut self, now: Timestamp) -> Result<Rotated> {
        let _lock = self.file.lock()?;
        let former = self.file.read()?;
        if former.is_empty() {
            return Err(self.file.missing(self.key_id));
        }
        if former.iter().all(|key| key.id() != self.key_id) {
            return Err(self.file.foreign(self.key_id));
        }
        let new = Key::random()?;
        let all: Vec<_> = std::iter::once(&new).chain(&former).collect();
        self.file.replace(&all)?;
        let rotated = self.seal_all(&Vault::of(all.into_iter().cloned().collect()), new.id(), false)?;
        self.file.former().add(&former)?;
        self.file.replace(&[&new])?;
        self.note(now, new.id())?;
        Ok(rotated)
    }

    /// Whether the database needs this key.
    ///
    /// # Errors
    /// It needs another one.
    pub fn check(&self, key: &Key) -> Result<()> {
        Vault::given(key.clone()).unlock(self.key_id)
    }

    /// Gives the database this new key instead of that former one, all at once: no
    /// server may run, because it could not learn of the new key.
    ///
    /// # Errors
    /// The database needs another key, or trouble of the database: nothing was changed.
    pub fn to(&mut self, now: Timestamp, new: &Key, former: &Key) -> Result<Rotated> {
        self.check(former)?;
        let rotated = self.seal_all(&Vault::of(vec![new.clone(), former.clone()]), new.id(), true)?;
        self.note(now, new.id())?;
        Ok(rotated)
    }

    /// Puts it on record which key is in use from now on.
    fn note(&self, at: Timestamp, key: KeyId) -> Result<()> {
        audit::note(&self.conn, &AuditEntry::by_command_line(at, Action::KeyRotated, key.to_string(), None))
    }

    /// All at once where no server has the database, for we are `alone`.
    fn seal_all(&mut self, vault: &Vault, new: KeyId, alone: bool) -> Result<Rotated> {
        let rotated = if alone { self.seal_at_once(vault, new)? } else { self.seal_beside(vault, new)? };
        self.checkpoint(alone)?;
        Ok(rotated)
    }

    fn seal_at_once(&mut self, vault: &Vault, new: KeyId) -> Result<Rotated> {
        let transaction = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        sealing::set_key_id(&transaction, new)?;
        let mut rotated = Rotated::default();
        for table in &ALL {
            let others = others(&transaction, table, new, 0, usize::MAX)?;
            let anew = seal_anew(vault, table, &others)?;
            anew.put(&transaction)?;
            rotated += anew.rotated();
        }
        transaction.commit()?;
        Ok(rotated)
    }

    /// Servers seal with the new key from the first moment on. They wait for a step
    /// that is written, not for one that is sealed.
    fn seal_beside(&mut self, vault: &Vault, new: KeyId) -> Result<Rotated> {
        sealing::set_key_id(&self.conn, new)?;
        let mut rotated = Rotated::default();
        for table in &ALL {
            rotated += self.seal_table_beside(table, vault, new)?;
        }
        Ok(rotated)
    }

    fn seal_table_beside(&mut self, table: &Sealed, vault: &Vault, new: KeyId) -> Result<Rotated> {
        let (mut rotated, mut after) = (Rotated::default(), 0);
        loop {
            let others = others(&self.conn, table, new, after, STEP)?;
            let Some((last, _)) = others.last() else {
                return Ok(rotated);
            };
            after = *last;
            let anew = seal_anew(vault, table, &others)?;
            let transaction = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
            anew.put(&transaction)?;
            transaction.commit()?;
            rotated += anew.rotated();
            std::thread::sleep(PAUSE);
        }
    }

    /// What the log holds of before is no use to anybody; whoever reads may keep it
    /// for a while. Emptying it keeps writers out until the last reader has gone, so
    /// it is left to the server where one has the database.
    fn checkpoint(&self, alone: bool) -> Result<()> {
        let free = self.conn.path().and_then(|path| lock::take(Path::new(path)).ok().flatten());
        let how = if free.is_some() || alone { "TRUNCATE" } else { "PASSIVE" };
        self.conn.busy_timeout(open::BUSY_TIMEOUT / 2)?;
        self.conn.query_row(&format!("PRAGMA wal_checkpoint({how})"), [], |_| Ok(()))?;
        Ok(self.conn.busy_timeout(PATIENCE)?)
    }
}

/// What is sealed with the new key, and not yet written.
struct Anew<'a> {
    table: &'a Sealed,
    rows: Vec<(i64, &'a [u8], Vec<u8>)>,
    left: usize,
}

impl Anew<'_> {
    fn put(&self, conn: &Connection) -> Result<()> {
        let mut reseal = conn.prepare_cached(self.table.reseal)?;
        for (id, former, sealed) in &self.rows {
            reseal.execute(params![id, former, sealed])?;
        }
        Ok(())
    }

    fn rotated(&self) -> Rotated {
        Rotated { sealed: self.rows.len(), left: self.left }
    }
}

fn seal_anew<'a>(vault: &Vault, table: &'a Sealed, others: &'a [(i64, Vec<u8>)]) -> Result<Anew<'a>> {
    let mut anew = Anew { table, rows: vec![], left: 0 };
    for (id, former) in others {
        let row = (table.row)(*id);
        match vault.open(row, former) {
            Ok(plain) => anew.rows.push((*id, former, vault.seal(row, &plain)?)),
            Err(StoreError::Unusable(_)) => anew.left += 1,
            Err(error) => return Err(error),
        }
    }
    Ok(anew)
}

fn others(conn: &Connection, table: &Sealed, new: KeyId, after: i64, limit: usize) -> Result<Vec<(i64, Vec<u8>)>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut statement = conn.prepare_cached(table.others)?;
    let other = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let rows = statement.query_map(params![after, new.0, limit], other)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
