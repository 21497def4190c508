//! Is the file sound? A look before anything is written to it.
//!
//! A large database cannot be read as a whole at each start. What is looked at are
//! the two edges of every table and index: from the root to the first and to the
//! last entry. There the next events will be written and the oldest removed, and a
//! file that was cut off has lost them.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode};

use crate::store::{Result, StoreError};

/// A file up to this size is read as a whole. That takes some milliseconds; one of
/// eight times the size that is not in memory took half a second on a busy disk.
const SMALL: u64 = 2 << 20;

/// The pages, and how they hang together.
const QUICK_CHECK: &str = "PRAGMA quick_check(1)";

/// What has pages of its own: views have none.
const TREES: &str = "SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_schema WHERE rootpage > 0";

/// By what a table is ordered: its key if it has no rowid.
const ORDER_OF_TABLE: &str = "
    SELECT name FROM pragma_table_info(?1)
    WHERE pk > 0 AND (SELECT wr FROM pragma_table_list WHERE name = ?1)
    ORDER BY pk";

const ORDER_OF_INDEX: &str = "SELECT name FROM pragma_index_xinfo(?1) WHERE key ORDER BY seqno";

/// How a log begins: its first word, but for the last bit.
const LOG_MAGIC: u32 = 0x377f_0682;

/// Bytes of what a log begins with.
const LOG_HEADER: usize = 32;

/// Looks whether the database and its log are sound, as far as can be seen at once.
///
/// # Errors
/// [`StoreError::Unusable`], saying what is damaged and what to do.
pub(super) fn look(conn: &Connection, path: &Path) -> Result<()> {
    let size = std::fs::metadata(path).map_or(0, |file| file.len());
    let looked = if size <= SMALL { whole(conn) } else { edges(conn) };
    looked.map_err(|what| damaged(path, &what))
}

/// Looks at the log beside the database, before SQLite does: it takes one that
/// does not begin as a log should for an empty one, and writes over it.
///
/// # Errors
/// As [`look`].
pub(super) fn look_at_log(path: &Path) -> Result<()> {
    let log = PathBuf::from(format!("{}-wal", path.display()));
    let mut header = [0; LOG_HEADER];
    // None that can be read, or one that never came to hold anything.
    if File::open(&log).and_then(|mut file| file.read_exact(&mut header)).is_err() {
        return Ok(());
    }
    let empty = std::fs::metadata(path).is_ok_and(|file| file.len() == 0);
    let what = match log_begins(&header) {
        None => return Ok(()),
        Some(true) if !empty => return Ok(()),
        Some(true) => "the database is empty, but the log beside it is not",
        Some(false) => "the log beside it, which holds what was kept last, does not begin as a log does",
    };
    Err(damaged(path, what))
}

/// What is wrong, and the remedy.
pub(super) fn damaged(path: &Path, what: &str) -> StoreError {
    StoreError::Unusable(format!(
        "the database {0} is damaged ({what}): restore {0} and {0}-wal from a backup, or name another file with \
         --database; nothing was changed",
        path.display()
    ))
}

fn whole(conn: &Connection) -> std::result::Result<(), String> {
    let found: rusqlite::Result<String> = conn.query_row(QUICK_CHECK, [], |row| row.get(0));
    match found {
        Ok(found) if found == "ok" => Ok(()),
        Ok(found) => Err(found.trim_start_matches("*** in database main ***").trim().to_owned()),
        Err(error) => damage(&error).map_or(Ok(()), Err),
    }
}

fn edges(conn: &Connection) -> std::result::Result<(), String> {
    let looks = looks(conn).or_else(|e| damage(&e).map_or(Ok(vec![]), Err))?;
    for (name, sql) in looks {
        let found = conn.query_row(&sql, [], |_| Ok(()));
        if let Some(what) = found.err().as_ref().and_then(damage) {
            return Err(format!("{name}: {what}"));
        }
    }
    Ok(())
}

/// Only what says that the file is damaged: anything else is for those to report
/// who meet it at work.
fn damage(error: &rusqlite::Error) -> Option<String> {
    let codes = [ErrorCode::DatabaseCorrupt, ErrorCode::NotADatabase, ErrorCode::SystemIoFailure];
    error.sqlite_error_code().is_some_and(|code| codes.contains(&code)).then(|| error.to_string())
}

/// For each tree its name and the statements that read its first and its last
/// entry. Put together from the schema, so that none is forgotten.
fn looks(conn: &Connection) -> rusqlite::Result<Vec<(String, String)>> {
    let mut looks = vec![];
    let mut trees = conn.prepare(TREES)?;
    let mut rows = trees.query([])?;
    while let Some(row) = rows.next()? {
        let (kind, name, table, sql): (String, String, String, String) =
            (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
        let order = order(conn, &kind, &name)?;
        let by = if kind == "table" { "NOT INDEXED".to_owned() } else { format!("INDEXED BY \"{name}\"") };
        // A partial index serves only those who repeat what it is for.
        let part = sql.rsplit_once(" WHERE ").filter(|_| kind == "index");
        let part = part.map_or(String::new(), |(_, part)| format!("WHERE {part}"));
        for direction in ["ASC", "DESC"] {
            let order: Vec<_> = order.iter().map(|column| format!("{column} {direction}")).collect();
            let order = order.join(", ");
            looks.push((name.clone(), format!("SELECT 1 FROM \"{table}\" {by} {part} ORDER BY {order} LIMIT 1")));
        }
    }
    Ok(looks)
}

fn order(conn: &Connection, kind: &str, name: &str) -> rusqlite::Result<Vec<String>> {
    let mut statement = conn.prepare(if kind == "table" { ORDER_OF_TABLE } else { ORDER_OF_INDEX })?;
    let columns = statement.query_map([name], |row| Ok(format!("\"{}\"", row.get::<_, String>(0)?)))?;
    let columns: Vec<_> = columns.collect::<rusqlite::Result<_>>()?;
    Ok(if columns.is_empty() { vec!["rowid".to_owned()] } else { columns })
}

/// Whether a log begins as it should; `None` for one that was made but never
/// written to: it holds zeros only.
fn log_begins(header: &[u8; LOG_HEADER]) -> Option<bool> {
    if header.iter().all(|&byte| byte == 0) {
        return None;
    }
    let (words, _) = header.as_chunks::<4>();
    let magic = u32::from_be_bytes(words[0]);
    // Its last bit says in which order the checksum takes the bytes of a word.
    let word = if magic & 1 == 1 { u32::from_be_bytes } else { u32::from_le_bytes };
    let (mut first, mut second) = (0_u32, 0_u32);
    for pair in words[..6].chunks_exact(2) {
        first = first.wrapping_add(word(pair[0])).wrapping_add(second);
        second = second.wrapping_add(word(pair[1])).wrapping_add(first);
    }
    let sums = (u32::from_be_bytes(words[6]), u32::from_be_bytes(words[7]));
    Some(magic & !1 == LOG_MAGIC && sums == (first, second))
}
