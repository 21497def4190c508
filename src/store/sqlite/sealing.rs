//! Which key a database needs; and what older versions kept without one.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::secrets::{row, signing_key, to_plain};
use crate::domain::headers::CustomHeaders;
use crate::domain::id::HookId;
use crate::domain::secrets::HookSecrets;
use crate::domain::url::Credentials;
use crate::store::vault::{KeyId, Vault};
use crate::store::{Result, StoreError};

const KEY_ID: &str = "SELECT key_id FROM vault WHERE id = 1";

const SET_KEY_ID: &str = "
    INSERT INTO vault (id, key_id) VALUES (1, ?1)
    ON CONFLICT DO UPDATE SET key_id = excluded.key_id";

const HAS_TABLE: &str = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?1";

/// Living hooks that were made before there were secrets.
const WITHOUT_SECRETS: &str = "
    SELECT id, NULL, NULL FROM hooks
    WHERE removed_at IS NULL AND id NOT IN (SELECT hook_id FROM hook_secrets)";

/// The same, where user info still stands in a table of its own.
const WITH_USER_INFO: &str = "
    SELECT id, username, password FROM hooks LEFT JOIN hook_credentials ON hook_id = id
    WHERE removed_at IS NULL AND id NOT IN (SELECT hook_id FROM hook_secrets)";

const SEAL: &str = "INSERT INTO hook_secrets (hook_id, sealed) VALUES (?1, ?2)";

/// What is removed is written over: also in pages of which new tables are made. And
/// a whole table is emptied by its pages, not by its rows, between which something
/// may be left; with foreign keys it would be by its rows.
pub(super) const THOROUGH: &str = "PRAGMA secure_delete = ON; PRAGMA foreign_keys = OFF;";

/// How the database is used otherwise.
pub(super) const USUAL: &str = "PRAGMA secure_delete = OFF; PRAGMA foreign_keys = ON;";

const FORGET_USER_INFO: &str = "DELETE FROM hook_credentials";

/// Which key the database needs; `None` where nothing is sealed yet.
pub(super) fn key_id(conn: &Connection) -> Result<Option<KeyId>> {
    let mut statement = match conn.prepare_cached(KEY_ID) {
        Ok(statement) => statement,
        // Of a version before there were keys.
        Err(_) if !has_table(conn, "vault")? => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let id: Option<[u8; KeyId::BYTES]> = statement.query_row([], |row| row.get(0)).optional()?;
    Ok(id.map(KeyId))
}

pub(super) fn set_key_id(conn: &Connection, id: KeyId) -> Result<()> {
    conn.prepare_cached(SET_KEY_ID)?.execute([id.0])?;
    Ok(())
}

/// Looks for the key that the database needs, before anything is changed.
///
/// # Errors
/// It is not to be had.
pub(super) fn unlock(conn: &Connection, vault: &Vault) -> Result<()> {
    key_id(conn)?.map_or(Ok(()), |id| vault.unlock(id))
}

/// Sees to it that all living hooks have secrets, and that they are sealed. The
/// connection must be [`THOROUGH`].
pub(super) fn seal_all(conn: &mut Connection, vault: &Vault) -> Result<()> {
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if key_id(&transaction)?.is_none() {
        set_key_id(&transaction, vault.begin()?)?;
    }
    unlock(&transaction, vault)?;
    let user_info = has_table(&transaction, "hook_credentials")?;
    seal_new(&transaction, vault, if user_info { WITH_USER_INFO } else { WITHOUT_SECRETS })?;
    if user_info {
        transaction.execute(FORGET_USER_INFO, [])?;
    }
    transaction.commit()?;
    if user_info { wipe(conn) } else { Ok(()) }
}

/// Gives each of these hooks a signing key, and seals it with its user info.
fn seal_new(conn: &Connection, vault: &Vault, hooks: &str) -> Result<()> {
    let (mut hooks, mut seal) = (conn.prepare(hooks)?, conn.prepare(SEAL)?);
    let mut rows = hooks.query([])?;
    while let Some(hook) = rows.next()? {
        let (id, username, password) = (HookId(hook.get(0)?), hook.get(1)?, hook.get(2)?);
        let credentials = Option::zip(username, password);
        let credentials = credentials.map(|(username, password)| Credentials { username, password });
        let secrets = HookSecrets::new(credentials, CustomHeaders::default(), signing_key(None)?);
        let secrets = secrets.map_err(|invalid| StoreError::Failed(invalid.to_string()))?;
        seal.execute(params![id.0, vault.seal(row(id), &to_plain(&secrets)?)?])?;
    }
    Ok(())
}

/// Leaves nothing of what was not sealed in empty pages or in the log. The table
/// goes last: as long as it is there, the next start does all this again.
fn wipe(conn: &Connection) -> Result<()> {
    let mut statement = conn.prepare("PRAGMA incremental_vacuum")?;
    let mut pages = statement.query([])?;
    while pages.next()?.is_some() {}
    let busy: bool = conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if busy {
        tracing::warn!(
            "somebody reads the database: its old log, with user info of URLs in it, goes at the next start"
        );
        return Ok(());
    }
    Ok(conn.execute_batch("DROP TABLE hook_credentials")?)
}

fn has_table(conn: &Connection, name: &str) -> Result<bool> {
    Ok(conn.query_row(HAS_TABLE, [name], |row| row.get::<_, i64>(0))? > 0)
}
