//! A database written to by a command, beside the server that may have it open.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::{audit, open, tokens};
use crate::domain::audit::{Action, Actor, AuditEntry};
use crate::domain::time::Timestamp;
use crate::domain::token::{NewToken, Token, TokenHash};
use crate::store::{Made, Result, Revoked, StoreError, Tokens, lock};

/// An open database of which a command changes a little; what it changes, a server
/// sees at its next look.
pub struct Desk {
    conn: Connection,
}

impl Desk {
    /// Opens (or makes) the database at `path`, and brings its schema up to date if
    /// no server has it.
    ///
    /// # Errors
    /// [`StoreError::Unusable`] where the file is no database of ours, or a server of
    /// another version has it.
    pub fn open(path: &Path) -> Result<Self> {
        let fail = |e| StoreError::Unusable(format!("cannot lock {} ({e}): check its folder", path.display()));
        let free = lock::take(path).map_err(fail)?;
        let conn = open::beside(path, free.is_some())?;
        Ok(Self { conn })
    }

    /// Does something in a transaction of its own.
    fn whole<T>(&mut self, act: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let transaction = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done = act(&transaction)?;
        transaction.commit()?;
        Ok(done)
    }
}

impl Tokens for Desk {
    fn create_token(&mut self, now: Timestamp, new: &NewToken, hash: TokenHash) -> Result<Made> {
        self.whole(|conn| {
            let made = tokens::create(conn, now, new, hash)?;
            if matches!(made, Made::New(_)) {
                audit::note(conn, &entry(now, Action::TokenCreated, &new.name, Some(new.to_string())))?;
            }
            Ok(made)
        })
    }

    fn revoke_token(&mut self, now: Timestamp, which: &str) -> Result<Revoked> {
        self.whole(|conn| {
            let revoked = tokens::revoke(conn, now, which)?;
            if let Revoked::Now(token) = &revoked {
                audit::note(conn, &entry(now, Action::TokenRevoked, &token.name, None))?;
            }
            Ok(revoked)
        })
    }

    fn tokens(&self) -> Result<Vec<Token>> {
        tokens::all(&self.conn)
    }
}

fn entry(at: Timestamp, action: Action, object: &str, detail: Option<String>) -> AuditEntry {
    AuditEntry { at, actor: Actor::command_line(), action, object: object.to_owned(), detail }
}
