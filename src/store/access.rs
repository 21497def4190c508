//! Who may come in, and what they did.

use super::Result;
use super::page::{Page, Paged};
use crate::domain::access::Bounds;
use crate::domain::audit::{Action, AuditEntry};
use crate::domain::id::{HookId, TokenId};
use crate::domain::time::Timestamp;
use crate::domain::token::{NewToken, Token, TokenHash};

/// What came of making a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// It is good from now on.
    New(TokenId),
    /// Another one in use has the name.
    NameTaken,
}

/// What came of revoking a token.
#[derive(Debug, Clone)]
pub enum Revoked {
    /// It was good, and is no more.
    Now(Token),
    /// It was revoked before.
    Before(Token),
    /// There is none of that name or number.
    Absent,
}

/// Tokens: made and revoked beside the server that asks for them.
pub trait Tokens {
    /// Makes a token.
    ///
    /// # Errors
    /// Trouble of the database.
    fn create_token(&mut self, now: Timestamp, new: &NewToken, hash: TokenHash) -> Result<Made>;

    /// Revokes the token of this name, or else of this number.
    ///
    /// # Errors
    /// Trouble of the database.
    fn revoke_token(&mut self, now: Timestamp, which: &str) -> Result<Revoked>;

    /// All tokens that were ever made, the first one first.
    ///
    /// # Errors
    /// Trouble of the database.
    fn tokens(&self) -> Result<Vec<Token>>;

    /// The living hooks that belong to this token alone, the first one first. Those of
    /// admins belong to all of them, and are not among these.
    ///
    /// # Errors
    /// Trouble of the database.
    fn hooks_of_token(&self, token: TokenId) -> Result<Vec<HookId>>;
}

/// What is on record about who did what.
pub trait Audit {
    /// Puts something on record.
    ///
    /// # Errors
    /// Trouble of the database.
    fn note(&mut self, entry: &AuditEntry) -> Result<()>;

    /// Forgets at most `limit` entries older than `before`; answers how many.
    ///
    /// # Errors
    /// Trouble of the database.
    fn forget_audit(&mut self, before: Timestamp, limit: usize) -> Result<usize>;

    /// These tokens were last used then.
    ///
    /// # Errors
    /// Trouble of the database.
    fn tokens_used(&mut self, used: &[(TokenId, Timestamp)]) -> Result<()>;
}

/// Which entries of the audit log are asked for; `None` means any.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Of this kind.
    pub action: Option<Action>,
    /// About this object.
    pub object: Option<String>,
    /// By a token of this name.
    pub actor: Option<String>,
    /// Done then or later.
    pub since: Option<Timestamp>,
    /// Done before then.
    pub until: Option<Timestamp>,
}

/// Who may come in and what they did, by reading.
pub trait AccessArchive {
    /// Goes up with each token that is made or revoked.
    ///
    /// # Errors
    /// Trouble of the database.
    fn token_changes(&self) -> Result<i64>;

    /// All tokens that were ever made, the first one first.
    ///
    /// # Errors
    /// Trouble of the database.
    fn known_tokens(&self) -> Result<Vec<Token>>;

    /// The hooks within somebody's reach, removed ones too.
    ///
    /// # Errors
    /// Trouble of the database.
    fn hooks_within(&self, bounds: &Bounds) -> Result<Vec<HookId>>;

    /// Whether this hook, which may have been removed, is within somebody's reach.
    ///
    /// # Errors
    /// Trouble of the database.
    fn reaches(&self, bounds: &Bounds, hook: HookId) -> Result<bool>;

    /// Entries of the audit log that the filter lets through, newest first.
    ///
    /// # Errors
    /// Trouble of the database.
    fn audit(&self, page: Page, filter: &AuditFilter) -> Result<Paged<AuditEntry>>;
}
