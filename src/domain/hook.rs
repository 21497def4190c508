//! A subscription: call this URL when that happens.

use std::fmt;

use super::filter::Filter;
use super::id::{HookId, Seq};
use super::time::Timestamp;
use super::url::{Credentials, HookUrl};

/// The foreign API through which a hook was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// Kudu's hooks API.
    Kudu,
    /// Nyala's own API.
    V1,
}

impl Dialect {
    /// How the store and the API spell it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kudu => "kudu",
            Self::V1 => "v1",
        }
    }

    /// Reads the store's spelling.
    #[must_use]
    pub fn from_stored(text: &str) -> Self {
        match text {
            "kudu" => Self::Kudu,
            _ => Self::V1,
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Who made a hook: the number of a token; all admins and the open mode are one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Owner(pub i64);

impl Owner {
    /// All admin tokens and the open mode.
    pub const ADMIN: Self = Self(0);
}

/// A hook that somebody asks for.
#[derive(Debug, Clone)]
pub struct NewHook {
    /// Who asks.
    pub owner: Owner,
    /// Through which API.
    pub dialect: Dialect,
    /// Whom to call.
    pub url: HookUrl,
    /// What stood in the URL as user info.
    pub credentials: Option<Credentials>,
    /// Which events it wants.
    pub filter: Filter,
    /// Accept any certificate, for tests only.
    pub insecure_ssl: bool,
    /// A person's note.
    pub description: Option<String>,
}

/// What is to change about a hook; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct HookPatch {
    /// Another URL, with the credentials that stand in it (or none).
    pub url: Option<(HookUrl, Option<Credentials>)>,
    /// Other event types, as they came.
    pub events: Option<Vec<String>>,
    /// Other applications, as they came.
    pub applications: Option<Vec<String>>,
    /// Accept any certificate, or no longer.
    pub insecure_ssl: Option<bool>,
    /// Another note, or none.
    pub description: Option<Option<String>>,
}

/// A hook that is on disk.
#[derive(Debug, Clone)]
pub struct Hook {
    /// Its number.
    pub id: HookId,
    /// Who made it.
    pub owner: Owner,
    /// Through which API.
    pub dialect: Dialect,
    /// Whom to call.
    pub url: HookUrl,
    /// Which events it wants.
    pub filter: Filter,
    /// Accept any certificate, for tests only.
    pub insecure_ssl: bool,
    /// A person's note.
    pub description: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When a person last changed it.
    pub updated_at: Timestamp,
    /// What came of its latest delivery, once there was one.
    pub last: Option<LastResult>,
}

/// What came of the latest delivery (in the store's order) that was attempted.
#[derive(Debug, Clone)]
pub struct LastResult {
    /// Which delivery it was.
    pub delivery: Seq,
    /// When the attempt started.
    pub started_at: Timestamp,
    /// The status of the answer; `None` where there was none.
    pub status: Option<u16>,
    /// The answer's reason phrase, or why there was no answer.
    pub reason: String,
    /// The first 4 KiB of what was sent; `None` once retention took it.
    pub context: Option<String>,
}
