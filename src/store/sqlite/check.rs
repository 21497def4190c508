//! What must be true of every database, whether a server has it open or not.

mod rules;

use rusqlite::types::Value;
use rusqlite::{Connection, ErrorCode, Row, Statement};

use rules::{RESTORE, RULES, Rule};

use super::{sealing, secrets, triggers};
use crate::domain::id::HookId;
use crate::domain::time::Timestamp;
use crate::store::vault::Vault;
use crate::store::{Result, StoreError, Trouble};

/// A line of SQLite's own check for each thing that is wrong with the file itself.
const INTEGRITY: &str = "PRAGMA integrity_check(20)";

const SEALED: &str = "SELECT hook_id, sealed FROM hook_secrets ORDER BY hook_id";

const SEALED_OF_TRIGGERS: &str = "SELECT trigger_id, sealed FROM trigger_secrets ORDER BY trigger_id";

/// What is wrong with the database; nothing, if all is well.
pub(super) fn troubles(conn: &Connection, now: Timestamp) -> Result<Vec<Trouble>> {
    // One snapshot: what a server does meanwhile is no trouble.
    let snapshot = conn.unchecked_transaction()?;
    let broken = integrity(conn)?;
    if !broken.is_empty() {
        return Ok(broken);
    }
    let mut troubles = vec![];
    for rule in &RULES {
        troubles.extend(broken_rule(conn, rule, now)?);
    }
    snapshot.commit()?;
    Ok(troubles)
}

/// Which sealed values do not open. Without the key that the database needs nobody can
/// tell, and no server starts on it.
pub(super) fn unsealed(conn: &Connection, vault: &Vault) -> Result<Vec<Trouble>> {
    match sealing::unlock(conn, vault) {
        Err(StoreError::Unusable(why)) => return Ok(vec![without_key(&why)]),
        unlocked => unlocked?,
    }
    let of_hook = |id, sealed: &[u8]| {
        let opened = vault.open(secrets::row(HookId(id)), sealed);
        opened.and_then(|plain| secrets::from_plain(&plain)).is_ok()
    };
    let of_trigger = |id, sealed: &[u8]| vault.open(triggers::secret_row(id), sealed).is_ok();
    let remedy = "those hooks get nothing: put back the newest backup in which they open, or remove those hooks and add \
                  them again";
    let hooks = closed(conn, SEALED, "hook", remedy, of_hook)?;
    let remedy =
        "nobody can fire those triggers: put back the newest backup in which they open, or give them secrets anew";
    Ok(hooks.into_iter().chain(closed(conn, SEALED_OF_TRIGGERS, "trigger", remedy, of_trigger)?).collect())
}

/// Which of these values do not open.
fn closed(
    conn: &Connection,
    sql: &str,
    noun: &str,
    remedy: &'static str,
    opens: impl Fn(i64, &[u8]) -> bool,
) -> Result<Option<Trouble>> {
    let mut statement = conn.prepare(sql)?;
    let mut rows = statement.query([])?;
    let mut closed = vec![];
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        if !opens(id, &row.get::<_, Vec<u8>>(1)?) {
            closed.push(id);
        }
    }
    let what = |first| match closed.len() {
        1 => format!("1 sealed value does not open (of {noun} {first})"),
        count => format!("{count} sealed values do not open (the first is of {noun} {first})"),
    };
    Ok(closed.first().map(|first| Trouble { what: what(first), count: closed.len() as u64, remedy }))
}

fn without_key(why: &str) -> Trouble {
    let what = format!("the secrets were not looked at ({why})");
    Trouble { what, count: 1, remedy: "do that and check again: without the key no server starts on this database" }
}

fn integrity(conn: &Connection) -> Result<Vec<Trouble>> {
    let trouble = |what: String| Trouble { what: format!("the file is damaged: {what}"), count: 1, remedy: RESTORE };
    let lines = |mut statement: Statement<'_>| statement.query_map([], |row| row.get(0))?.collect();
    match conn.prepare(INTEGRITY).and_then(lines) {
        Ok::<Vec<String>, _>(lines) => Ok(lines.into_iter().filter(|line| line != "ok").map(trouble).collect()),
        Err(e) if e.sqlite_error_code() == Some(ErrorCode::DatabaseCorrupt) => Ok(vec![trouble(e.to_string())]),
        Err(e) => Err(e.into()),
    }
}

fn broken_rule(conn: &Connection, rule: &Rule, now: Timestamp) -> Result<Option<Trouble>> {
    let mut statement = conn.prepare(rule.sql)?;
    if statement.parameter_count() > 0 {
        statement.raw_bind_parameter(1, now.millis())?;
    }
    let found = |row: &Row<'_>| Ok::<_, rusqlite::Error>((row.get::<_, i64>(0)?, row.get::<_, Option<Value>>(1)?));
    let (count, example) = statement.raw_query().next()?.map(found).transpose()?.unwrap_or_default();
    let Ok(count @ 1..) = u64::try_from(count) else {
        return Ok(None);
    };
    let example = match example {
        Some(Value::Integer(number)) => format!("{}{number}", rule.example),
        Some(Value::Text(name)) => format!("{}{name}", rule.example),
        _ => "nameless".to_owned(),
    };
    let what = match count {
        1 => format!("1 {} ({example})", rule.one),
        _ => format!("{count} {} (the first is {example})", rule.many),
    };
    Ok(Some(Trouble { what, count, remedy: rule.remedy }))
}
