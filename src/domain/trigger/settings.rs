//! What fires a trigger, and what its events tell.

use serde::{Deserialize, Serialize};

use super::mapping::Values;
use super::proof::Proof;
use super::schedule::{Fields, Schedule};
use crate::domain::Invalid;
use crate::domain::time::Timestamp;

/// Of which kind a trigger is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Somebody calls its URL.
    Webhook,
    /// A forge calls its URL.
    Repository,
    /// The time has come.
    Scheduler,
    /// Once, now: it calls a URL itself, and publishes what came of that.
    Outgoing,
}

impl Kind {
    /// All there are.
    pub const ALL: [Self; 4] = [Self::Webhook, Self::Repository, Self::Scheduler, Self::Outgoing];

    /// How the store and the API spell it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Repository => "repository",
            Self::Scheduler => "scheduler",
            Self::Outgoing => "outgoing",
        }
    }

    /// Reads that spelling.
    #[must_use]
    pub fn named(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// What a trigger of each kind is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Settings {
    /// Of a webhook.
    Webhook(Webhook),
    /// Of a forge's webhook.
    Repository(RepositoryHook),
    /// Of a schedule.
    Scheduler(Scheduler),
    /// Of a call.
    Outgoing(OutgoingCall),
}

impl Settings {
    /// Of which kind they are.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Webhook(_) => Kind::Webhook,
            Self::Repository(_) => Kind::Repository,
            Self::Scheduler(_) => Kind::Scheduler,
            Self::Outgoing(_) => Kind::Outgoing,
        }
    }

    /// The method that a request must have to fire it; none: requests cannot.
    #[must_use]
    pub fn method(&self) -> Option<InboundMethod> {
        match self {
            Self::Webhook(webhook) => Some(webhook.method),
            Self::Repository(_) => Some(InboundMethod::Post),
            Self::Scheduler(_) | Self::Outgoing(_) => None,
        }
    }

    /// How senders prove who they are, where a scheme is named.
    #[must_use]
    pub fn proof(&self) -> Option<&Proof> {
        match self {
            Self::Webhook(webhook) => webhook.proof.as_ref(),
            Self::Repository(repository) => repository.proof.as_ref(),
            Self::Scheduler(_) | Self::Outgoing(_) => None,
        }
    }

    /// How many requests a second may fire it; none: as many as the server lets.
    #[must_use]
    pub fn rate_limit(&self) -> Option<u32> {
        match self {
            Self::Webhook(webhook) => webhook.rate_limit,
            Self::Repository(repository) => repository.rate_limit,
            Self::Scheduler(_) | Self::Outgoing(_) => None,
        }
    }
}

/// How a webhook is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum InboundMethod {
    /// With all that it says in the query.
    Get,
    /// The usual one.
    #[default]
    Post,
    /// Likewise.
    Put,
    /// Likewise.
    Delete,
}

impl InboundMethod {
    /// All there are.
    pub const ALL: [Self; 4] = [Self::Get, Self::Post, Self::Put, Self::Delete];

    /// As HTTP has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }

    /// Reads it, whatever its case.
    ///
    /// # Errors
    /// Names the field `method`.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let found = Self::ALL.into_iter().find(|method| method.as_str().eq_ignore_ascii_case(text.trim()));
        found.ok_or_else(|| Invalid::new("method", "is none of GET, POST, PUT, DELETE"))
    }
}

/// A webhook: whoever calls its URL fires it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Webhook {
    /// The only method that fires it.
    pub method: InboundMethod,
    /// How senders prove who they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proof: Option<Proof>,
    /// Requests a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<u32>,
    /// What each event tells besides.
    #[serde(skip_serializing_if = "Values::is_empty")]
    pub values: Values,
}

/// A forge's webhook: pushes and pull requests fire it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RepositoryHook {
    /// The forge's names of the events that fire it; none: pushes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<String>,
    /// How the forge proves who it is; none: as that forge usually does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proof: Option<Proof>,
    /// Requests a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<u32>,
    /// What each event tells besides.
    #[serde(skip_serializing_if = "Values::is_empty")]
    pub values: Values,
}

/// What becomes of firings that were missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missed {
    /// One is made for all of them.
    #[default]
    Once,
    /// Each is made.
    All,
    /// None is made.
    Skip,
}

impl Missed {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::Once, Self::All, Self::Skip];

    /// How the store and the API spell it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Once => "once",
            Self::All => "all",
            Self::Skip => "skip",
        }
    }

    /// Reads that spelling.
    #[must_use]
    pub fn named(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|missed| missed.as_str() == text)
    }
}

/// A schedule.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Scheduler {
    /// The schedule itself, such as `*/5 * * * *`.
    pub cron: String,
    /// Where it is read, such as `Europe/Paris`; empty: UTC.
    pub timezone: String,
    /// Whether the first of six fields is the second; otherwise the sixth is the year.
    pub seconds: bool,
    /// What becomes of firings that were missed.
    pub missed: Missed,
    /// JSON that each event tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<String>,
    /// What each event tells besides.
    #[serde(skip_serializing_if = "Values::is_empty")]
    pub values: Values,
}

impl Scheduler {
    /// The schedule, read.
    ///
    /// # Errors
    /// Names `cron` or `timezone`.
    pub fn schedule(&self) -> Result<Schedule, Invalid> {
        Schedule::parse(&self.cron, &self.timezone, if self.seconds { Fields::Seconds } else { Fields::Minutes })
    }

    /// The first firing that is later than this.
    #[must_use]
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        self.schedule().ok()?.next_after(after)
    }
}

/// One request that is made until it succeeds or has failed often enough.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct OutgoingCall {
    /// Such as `POST`.
    pub method: String,
    /// Absolute.
    pub url: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// What is sent.
    pub body: String,
    /// What the event tells besides what came of it.
    pub values: Values,
}
