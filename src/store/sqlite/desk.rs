//! A database written to by a command, beside the server that may have it open.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::{audit, open, tokens};
use crate::domain::audit::{Action, AuditEntry};
use crate::domain::id::{HookId, TokenId};
use crate::domain::time::Timestamp;
use crate::domain::token::{NewToken, Token, TokenHash};
use crate::store::{Made, Result, Revoked, StoreError, Tokens};

/// An open database of which a command changes a little; what it changes, a server
/// sees at its next look.
pub struct Desk {
    conn: Connection,
}

impl Desk {
    /// Opens the database at `path`, and brings its schema up to date if no server
    /// has it. Where there is none, nothing is made.
    ///
    /// # Errors
    /// [`StoreError::Unusable`] where there is no database of ours, or a server of
    /// another version has it.
    pub fn open(path: &Path) -> Result<Self> {
        if std::fs::metadata(path).map_or(0, |file| file.len()) == 0 {
            return Err(StoreError::Unusable(format!(
                "there is no database at {}: name the server's with --database",
                path.display()
            )));
        }
        Self::create(path)
    }

    /// The same, but makes the database where there is none.
    ///
    /// # Errors
    /// As [`Desk::open`].
    pub fn create(path: &Path) -> Result<Self> {
        Ok(Self { conn: open::beside(path)? })
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
                let (name, detail) = (new.name.clone(), Some(new.to_string()));
                audit::note(conn, &AuditEntry::by_command_line(now, Action::TokenCreated, name, detail))?;
            }
            Ok(made)
        })
    }

    fn revoke_token(&mut self, now: Timestamp, which: &str) -> Result<Revoked> {
        self.whole(|conn| {
            let revoked = tokens::revoke(conn, now, which)?;
            if let Revoked::Now(token) = &revoked {
                let name = token.name.clone();
                audit::note(conn, &AuditEntry::by_command_line(now, Action::TokenRevoked, name, None))?;
            }
            Ok(revoked)
        })
    }

    fn tokens(&self) -> Result<Vec<Token>> {
        tokens::all(&self.conn)
    }

    fn hooks_of_token(&self, token: TokenId) -> Result<Vec<HookId>> {
        tokens::hooks(&self.conn, token)
    }
}
