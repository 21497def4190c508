//! Tokens. The functions take any connection, because tokens are made and revoked
//! by a command beside the server that looks them up.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{Session, applications, rows};
use crate::domain::application::Application;
use crate::domain::id::{HookId, TokenId};
use crate::domain::time::Timestamp;
use crate::domain::token::{NewToken, Scope, Token, TokenHash};
use crate::store::{Made, Result, Revoked};

const NAME_TAKEN: &str = "SELECT EXISTS (SELECT 1 FROM tokens WHERE name = ?1 AND revoked_at IS NULL)";

const ADD: &str = "
    INSERT INTO tokens (name, hash, scopes, applications, created_at, expires_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6)
    RETURNING id";

/// A name in use before a number, before a name that was in use.
const FIND: &str = "
    SELECT * FROM tokens
    WHERE name = ?1 OR id = ?2
    ORDER BY name = ?1 AND revoked_at IS NULL DESC, id = ?2 DESC, id DESC
    LIMIT 1";

const REVOKE: &str = "UPDATE tokens SET revoked_at = ?2 WHERE id = ?1 RETURNING *";

const ALL: &str = "SELECT * FROM tokens ORDER BY id";

/// They are not many enough for an index, and asked for once in a token's life.
const HOOKS: &str = "SELECT id FROM hooks WHERE owner = ?1 AND removed_at IS NULL ORDER BY id";

/// What a running server looks at, to see that its tokens are not the newest.
const CHANGED: &str = "UPDATE token_changes SET count = count + 1";

const CHANGES: &str = "SELECT count FROM token_changes";

/// Never backwards: the clock may be.
const USED: &str = "UPDATE tokens SET last_used_at = max(coalesce(last_used_at, 0), ?2) WHERE id = ?1";

pub(super) fn create(conn: &Connection, now: Timestamp, new: &NewToken, hash: TokenHash) -> Result<Made> {
    if conn.query_row(NAME_TAKEN, [&new.name], |row| row.get(0))? {
        return Ok(Made::NameTaken);
    }
    let scopes: Vec<_> = new.scopes.iter().map(|scope| scope.as_str()).collect();
    let bound_to: Vec<_> = new.applications.iter().map(Application::as_str).collect();
    let columns = params![
        new.name,
        hash.0,
        rows::list(&scopes).unwrap_or_default(),
        rows::list(&bound_to),
        now.millis(),
        new.expires_at.map(Timestamp::millis),
    ];
    let id = conn.query_row(ADD, columns, |row| row.get(0).map(TokenId))?;
    for application in &new.applications {
        applications::add(conn, now, application)?;
    }
    conn.execute(CHANGED, [])?;
    Ok(Made::New(id))
}

pub(super) fn revoke(conn: &Connection, now: Timestamp, which: &str) -> Result<Revoked> {
    let number: Option<i64> = which.parse().ok();
    let Some(found) = conn.query_row(FIND, params![which, number], token).optional()? else {
        return Ok(Revoked::Absent);
    };
    if found.revoked_at.is_some() {
        return Ok(Revoked::Before(found));
    }
    let revoked = conn.query_row(REVOKE, params![found.id.0, now.millis()], token)?;
    conn.execute(CHANGED, [])?;
    Ok(Revoked::Now(revoked))
}

pub(super) fn all(conn: &Connection) -> Result<Vec<Token>> {
    let mut statement = conn.prepare_cached(ALL)?;
    let tokens = statement.query_map([], token)?;
    Ok(tokens.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn hooks(conn: &Connection, token: TokenId) -> Result<Vec<HookId>> {
    let mut statement = conn.prepare_cached(HOOKS)?;
    let hooks = statement.query_map([token.0], |row| row.get(0).map(HookId))?;
    Ok(hooks.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn changes(conn: &Connection) -> Result<i64> {
    Ok(conn.prepare_cached(CHANGES)?.query_row([], |row| row.get(0))?)
}

impl Session {
    pub(super) fn note_uses(&mut self, used: &[(TokenId, Timestamp)]) -> Result<()> {
        for (id, at) in used {
            self.sql(USED)?.execute(params![id.0, at.millis()])?;
        }
        self.batch.rows += used.len();
        Ok(())
    }
}

fn token(row: &Row<'_>) -> rusqlite::Result<Token> {
    let time = |column| row.get::<_, Option<i64>>(column).map(|millis| millis.map(Timestamp::from_millis));
    let scopes: Vec<String> = rows::from_json(&row.get::<_, String>("scopes")?);
    let applications: Option<String> = row.get("applications")?;
    let applications: Vec<String> = applications.map(|json| rows::from_json(&json)).unwrap_or_default();
    Ok(Token {
        id: TokenId(row.get("id")?),
        name: row.get("name")?,
        hash: TokenHash(row.get("hash")?),
        // What an older Nyala does not know, it does not grant.
        scopes: scopes.iter().filter_map(|scope| scope.parse::<Scope>().ok()).collect(),
        applications: applications.into_iter().map(Application::trusted).collect(),
        created_at: rows::time(row, "created_at")?,
        expires_at: time("expires_at")?,
        revoked_at: time("revoked_at")?,
        last_used_at: time("last_used_at")?,
    })
}
