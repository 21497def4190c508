//! The proof of who is asking, and what they may do.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::application::Application;
use super::id::TokenId;
use super::time::Timestamp;
use super::{Invalid, name};

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// See everything.
    Read,
    /// Publish events.
    Publish,
    /// Make hooks, and manage those that were made with it.
    Subscribe,
    /// Everything.
    Admin,
}

impl Scope {
    /// All there are.
    pub const ALL: [Self; 4] = [Self::Read, Self::Publish, Self::Subscribe, Self::Admin];

    /// How the store, the API and the command line spell it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Publish => "publish",
            Self::Subscribe => "subscribe",
            Self::Admin => "admin",
        }
    }
}

/// A text that names no scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is none of read, publish, subscribe, admin")]
pub struct NotAScope;

impl FromStr for Scope {
    type Err = NotAScope;

    fn from_str(text: &str) -> Result<Self, NotAScope> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text).ok_or(NotAScope)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// With what every token begins.
pub const PREFIX: &str = "nyala_";

/// The secret itself: `nyala_` and 32 random bytes. Shown once, kept nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenSecret(String);

impl TokenSecret {
    /// Makes one of random bytes.
    #[must_use]
    pub fn of(random: [u8; 32]) -> Self {
        Self(format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(random)))
    }

    /// The text that a client sends.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for TokenSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenSecret(***)")
    }
}

/// What is kept of a token: SHA-256 of its text. A slow hash is for passwords that
/// people choose; there are 2^256 tokens to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenHash(pub [u8; 32]);

impl TokenHash {
    /// The hash of what somebody sent.
    #[must_use]
    pub fn of(text: &[u8]) -> Self {
        Self(Sha256::digest(text).into())
    }
}

/// A token that somebody asks for.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// What people call it; no two that are in use have the same.
    pub name: String,
    /// What it is for; at least one thing.
    pub scopes: Vec<Scope>,
    /// It sees and touches only these; empty means all.
    pub applications: Vec<Application>,
    /// From when on it is good for nothing.
    pub expires_at: Option<Timestamp>,
}

/// The longest name of a token, in bytes.
const MAX_NAME: usize = 64;

impl NewToken {
    /// Reads a name from outside.
    ///
    /// # Errors
    /// Names the field `name` where it is empty, longer than 64 bytes or has
    /// control characters.
    pub fn name(text: &str) -> Result<String, Invalid> {
        let name = name("name", text, "ci")?;
        if name.len() > MAX_NAME {
            return Err(Invalid::new("name", format!("is {} bytes long: at most {MAX_NAME} are allowed", name.len())));
        }
        Ok(name)
    }
}

/// What it is good for, in words.
impl fmt::Display for NewToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scopes: Vec<_> = self.scopes.iter().map(|scope| scope.as_str()).collect();
        write!(f, "scopes: {}", scopes.join(", "))?;
        if !self.applications.is_empty() {
            let names: Vec<_> = self.applications.iter().map(Application::as_str).collect();
            write!(f, "; applications: {}", names.join(", "))?;
        }
        match self.expires_at {
            Some(at) => write!(f, "; until {}", at.rfc3339()),
            None => Ok(()),
        }
    }
}

/// A token as it stands on disk.
#[derive(Debug, Clone)]
pub struct Token {
    /// Its number.
    pub id: TokenId,
    /// What people call it.
    pub name: String,
    /// What is kept of it.
    pub hash: TokenHash,
    /// What it is for.
    pub scopes: Vec<Scope>,
    /// It sees and touches only these; empty means all.
    pub applications: Vec<Application>,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is good for nothing.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
}

impl Token {
    /// Whether it is good for anything now.
    #[must_use]
    pub fn state(&self, now: Timestamp) -> TokenState {
        match (self.revoked_at, self.expires_at) {
            (Some(_), _) => TokenState::Revoked,
            (None, Some(expires_at)) if expires_at <= now => TokenState::Expired,
            _ => TokenState::Active,
        }
    }
}

/// Whether a token is good for anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenState {
    /// It is.
    Active,
    /// Its time is over.
    Expired,
    /// Somebody took it back.
    Revoked,
}

impl TokenState {
    /// How the command line spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_shows_itself_only_when_it_is_asked_to() {
        let secret = TokenSecret::of([7; 32]);
        assert_eq!(secret.text(), "nyala_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc");
        assert_eq!(format!("{secret:?}"), "TokenSecret(***)");
    }

    #[test]
    fn a_scope_reads_as_it_was_written() {
        for scope in Scope::ALL {
            assert_eq!(scope.as_str().parse(), Ok(scope));
        }
        assert_eq!("root".parse::<Scope>(), Err(NotAScope));
    }

    #[test]
    fn a_token_ends_when_it_expires_or_is_revoked() {
        let at = Timestamp::from_millis;
        let token = |expires_at, revoked_at| Token {
            id: TokenId(1),
            name: "ci".into(),
            hash: TokenHash([0; 32]),
            scopes: vec![Scope::Publish],
            applications: vec![],
            created_at: at(0),
            expires_at,
            revoked_at,
            last_used_at: None,
        };
        assert_eq!(token(None, None).state(at(i64::MAX)), TokenState::Active);
        assert_eq!(token(Some(at(10)), None).state(at(9)), TokenState::Active);
        assert_eq!(token(Some(at(10)), None).state(at(10)), TokenState::Expired);
        assert_eq!(token(Some(at(10)), Some(at(5))).state(at(11)), TokenState::Revoked);
    }
}
