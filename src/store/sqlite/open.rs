//! Opening the file: pragmas, and the schema's numbered migrations.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use super::{Session, damage, sealing, wal};
use crate::domain::breaker::BreakerRules;
use crate::domain::url::HookUrl;
use crate::store::lock::{self, Lock};
use crate::store::targets::Targets;
use crate::store::vault::Vault;
use crate::store::{Result, StoreError};

/// Each brings the schema from its index to the next number. Never edited once released.
const MIGRATIONS: [&str; 8] = [
    include_str!("schema/0001_start.sql"),
    include_str!("schema/0002_engine.sql"),
    include_str!("schema/0003_access.sql"),
    include_str!("schema/0004_secrets.sql"),
    include_str!("schema/0005_certificates.sql"),
    include_str!("schema/0006_webhooks.sql"),
    include_str!("schema/0007_gates.sql"),
    include_str!("schema/0008_triggers.sql"),
];

/// The newest schema that this program knows.
#[expect(clippy::cast_possible_wrap, clippy::cast_possible_truncation, reason = "there are few migrations")]
pub const SCHEMA_VERSION: i32 = MIGRATIONS.len() as i32;

/// Says in the file's header whose it is: `NYAL`.
const APPLICATION_ID: i32 = 0x4e59_414c;

/// How long to wait for another process that holds the database: less than
/// people and pipelines wait for an answer.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// Set before the first table is made: freed pages can be given back to the disk
/// later without rewriting the file.
const NEW_FILE: &str = "PRAGMA auto_vacuum = INCREMENTAL;";

/// WAL and FULL: a commit is one fsync and survives the loss of power. 16 MB of
/// pages in memory, and checkpoints every 10,000 pages (40 MB): with SQLite's
/// own defaults the random writes of a checkpoint take a third of the time once
/// the file is large.
const PRAGMAS: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA foreign_keys = ON;
    PRAGMA temp_store = MEMORY;
    PRAGMA cache_size = -16384;
    PRAGMA wal_autocheckpoint = 10000;
    PRAGMA journal_size_limit = 67108864;
";

/// Opens (or makes) the database for writing and brings its schema up to date.
///
/// # Errors
/// [`StoreError::Unusable`] where the file is no database, is damaged, is one of a
/// newer Nyala, or has secrets that are sealed with a key that is not to be had.
pub fn open(path: &Path, targets: Arc<Targets>, rules: BreakerRules, vault: Arc<Vault>) -> Result<Session> {
    // Held until the file is open for writing: then the log is read but once.
    let _looked = examine(path)?;
    let mut conn = Connection::open(path).map_err(|e| unusable(path, &e))?;
    conn.busy_timeout(BUSY_TIMEOUT)?;
    conn.set_prepared_statement_cache_capacity(64);
    conn.execute_batch(NEW_FILE).map_err(|e| unusable(path, &e))?;
    conn.execute_batch(PRAGMAS).map_err(|e| unusable(path, &e))?;
    sealing::unlock(&conn, &vault)?;
    conn.execute_batch(sealing::THOROUGH)?;
    migrate(&mut conn)?;
    sealing::seal_all(&mut conn, &vault)?;
    conn.execute_batch(sealing::USUAL)?;
    let session = Session::new(conn, targets, rules, vault)?;
    wal::lengthen(path, session.closing.clone());
    Ok(session)
}

/// Opens (or makes) the database for a command that writes a little; brings its
/// schema up to date only if no server has it. A server may start meanwhile: its
/// lock is taken for nothing but that.
///
/// # Errors
/// As [`open`], and where the schema is older and may not be changed.
pub(super) fn beside(path: &Path) -> Result<Connection> {
    let looked = examine(path)?;
    let version = looked.as_ref().map_or(Ok(0), |conn| check(conn, path))?;
    let mut conn = Connection::open(path).map_err(|e| unusable(path, &e))?;
    conn.busy_timeout(BUSY_TIMEOUT)?;
    if version == SCHEMA_VERSION {
        conn.execute_batch(PRAGMAS).map_err(|e| unusable(path, &e))?;
        return Ok(conn);
    }
    let _lock = lock_for_migration(path)?;
    conn.execute_batch(NEW_FILE).map_err(|e| unusable(path, &e))?;
    conn.execute_batch(PRAGMAS).map_err(|e| unusable(path, &e))?;
    // What is to be sealed, the next server seals.
    conn.execute_batch(sealing::THOROUGH)?;
    migrate(&mut conn)?;
    conn.execute_batch(sealing::USUAL)?;
    Ok(conn)
}

/// # Errors
/// A server has the database.
fn lock_for_migration(path: &Path) -> Result<Lock> {
    let fail = |e| StoreError::Unusable(format!("cannot lock {} ({e}): check its folder", path.display()));
    let taken = lock::take(path).map_err(fail)?;
    taken.ok_or_else(|| {
        StoreError::Unusable(format!(
            "a server that starts, or one of an older Nyala, has {} open: try again, or stop that one and start this \
             version",
            path.display()
        ))
    })
}

/// Brings as much of the log into the file as can be without waiting for anybody,
/// over a connection of its own: the writer's would keep the writer from its work.
///
/// # Errors
/// Trouble of the database.
pub(super) fn checkpoint(path: &Path) -> Result<()> {
    let conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    Ok(conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?)
}

/// How readers open the file.
pub(super) const READ_ONLY: OpenFlags = OpenFlags::SQLITE_OPEN_READ_ONLY.union(OpenFlags::SQLITE_OPEN_NO_MUTEX);

/// Makes a connection ready for reading.
pub(super) fn prepare_for_reading(conn: &Connection) -> rusqlite::Result<()> {
    conn.busy_timeout(BUSY_TIMEOUT)?;
    conn.execute_batch("PRAGMA query_only = ON; PRAGMA cache_size = -2048;")?;
    // SQLite's own lower() knows only the letters of ASCII.
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    conn.create_scalar_function("shortened", 1, flags, |row| Ok(HookUrl::trusted(row.get(0)?).shortened()))?;
    conn.create_scalar_function("casefold", 1, flags, |row| {
        Ok(row.get::<Option<String>>(0)?.map(|text| text.to_lowercase()))
    })
}

/// Looks whose database it is and whether it is sound, through a connection that
/// changes nothing, not even as it closes. `None` where there is nothing yet.
fn examine(path: &Path) -> Result<Option<Connection>> {
    damage::look_at_log(path)?;
    if std::fs::metadata(path).map_or(0, |file| file.len()) == 0 {
        return Ok(None);
    }
    let conn = Connection::open_with_flags(path, READ_ONLY).map_err(|e| unusable(path, &e))?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(|e| unusable(path, &e))?;
    conn.busy_timeout(BUSY_TIMEOUT)?;
    check(&conn, path)?;
    damage::look(&conn, path)?;
    Ok(Some(conn))
}

/// Looks whose database it is, before anything about it is changed; answers the
/// number of its schema, which is 0 where nothing is in it yet.
fn check(conn: &Connection, path: &Path) -> Result<i32> {
    let number = |sql| conn.query_row(sql, [], |row| row.get::<_, i32>(0)).map_err(|e| unusable(path, &e));
    let version = number("PRAGMA user_version")?;
    let ours = number("PRAGMA application_id")? == APPLICATION_ID;
    let empty = !ours && number("SELECT count(*) FROM sqlite_schema")? == 0;
    let why = match (ours, empty) {
        (false, false) => "is the database of another program: leave it alone".to_owned(),
        (false, true) => return Ok(0),
        _ if version > SCHEMA_VERSION => {
            format!(
                "was written by a newer Nyala (schema {version}, this one knows {SCHEMA_VERSION}): run that version"
            )
        }
        _ => return Ok(version),
    };
    Err(StoreError::Unusable(format!("{} {why}, or name another file with --database", path.display())))
}

/// The number of a database's schema, for who only looks.
pub(super) fn schema_of(conn: &Connection, path: &Path) -> Result<i32> {
    match check(conn, path)? {
        0 => Err(StoreError::Unusable(format!(
            "{} is empty: no Nyala has used it yet; name the server's database with --database",
            path.display()
        ))),
        version => Ok(version),
    }
}

fn migrate(conn: &mut Connection) -> Result<()> {
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version: i32 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    for migration in MIGRATIONS.iter().skip(usize::try_from(version).unwrap_or(0)) {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    Ok(transaction.commit()?)
}

pub(super) fn unusable(path: &Path, error: &rusqlite::Error) -> StoreError {
    if error.sqlite_error_code() == Some(ErrorCode::DatabaseCorrupt) {
        return damage::damaged(path, &error.to_string());
    }
    StoreError::Unusable(format!(
        "cannot use {} as the database ({error}): check that it is a database of Nyala and that this user may \
         write to it and its folder; if it was one, restore it from a backup; or name another file with --database",
        path.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};

    #[test]
    fn migrations_that_databases_have_been_through_are_as_they_were() {
        // How the SHA-256 of each begins.
        let released: [u64; 7] = [
            0xdb80_9e1f_d30e_2b91,
            0x149c_031f_a17f_dd8a,
            0x860c_e164_5b7b_4b14,
            0xbd66_fbde_59f9_0843,
            0x8060_cf37_a8ce_da6e,
            0x74b7_d485_125d_a7c2,
            0x9738_ffec_c27c_982f,
        ];
        for (migration, expected) in MIGRATIONS.iter().zip(released) {
            let hash = Sha256::digest(migration);
            assert!(hash.starts_with(&expected.to_be_bytes()), "add a new migration instead of editing {migration}");
        }
    }
}
