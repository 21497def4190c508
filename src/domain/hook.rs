//! A subscription: call this URL when that happens.

mod state;

mod events;

use std::fmt;

use super::breaker::Breaker;
use super::certificate::{CaCertificate, ClientCertificate, HookCertificates};
use super::filter::Filter;
use super::gate::{Gating, OnSilence};
use super::headers::GivenHeaders;
use super::id::{HookId, Seq};
use super::outcome::usual_reason;
use super::pace::Limits;
use super::signature::{Scheme, Secret};
use super::time::Timestamp;
use super::url::{Credentials, HookUrl};
use super::webhook::{Keys, Webhook};

pub use events::HOOK_DISABLED;

pub use state::{HookState, PausedBy};

/// The foreign API through which a hook was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// Kudu's hooks API.
    Kudu,
    /// Huskar's webhook API.
    Huskar,
    /// Nyala's own API.
    V1,
}

impl Dialect {
    /// How the store and the API spell it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kudu => "kudu",
            Self::Huskar => "huskar",
            Self::V1 => "v1",
        }
    }

    /// Reads the store's spelling.
    #[must_use]
    pub fn from_stored(text: &str) -> Self {
        match text {
            "kudu" => Self::Kudu,
            "huskar" => Self::Huskar,
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

/// In which order a hook gets its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// As they come, many at a time.
    #[default]
    None,
    /// One at a time, as the store took them.
    Hook,
    /// Likewise those of one application; applications beside each other.
    Application,
}

impl Order {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::None, Self::Hook, Self::Application];

    /// How the store and the API spell it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Hook => "hook",
            Self::Application => "application",
        }
    }

    /// Reads that spelling.
    #[must_use]
    pub fn named(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|order| order.as_str() == text)
    }

    /// The lines in which an event of these applications, or what is said of it to one
    /// of them, has to wait its turn.
    #[must_use]
    pub fn lines<'a>(self, applications: &'a [String], apart: Option<&'a str>) -> Vec<&'a str> {
        match self {
            Self::None => vec![],
            Self::Application if apart.is_some() => apart.into_iter().collect(),
            Self::Application if !applications.is_empty() => applications.iter().map(String::as_str).collect(),
            Self::Hook | Self::Application => vec![""],
        }
    }
}

/// A hook that somebody asks for.
#[derive(Debug, Clone)]
pub struct NewHook {
    /// Who asks.
    pub owner: Owner,
    /// Through which API.
    pub dialect: Dialect,
    /// What makes it one of Huskar's.
    pub webhook: Option<Webhook>,
    /// Whom to call.
    pub url: HookUrl,
    /// What stood in the URL as user info.
    pub credentials: Option<Credentials>,
    /// Which events it wants.
    pub filter: Filter,
    /// Applications that it is made for, whether or not it wants anything of them yet.
    pub concerns: Vec<String>,
    /// Accept any certificate, for tests only.
    pub insecure_ssl: bool,
    /// A person's note.
    pub description: Option<String>,
    /// Whether it is asked before something happens.
    pub gating: Gating,
    /// How much it may get at a time.
    pub limits: Limits,
    /// In which order it gets its events.
    pub order: Order,
    /// With what it signs; `None`: with a secret that the store makes.
    pub secret: Option<Secret>,
    /// In which ways it signs.
    pub signatures: Vec<Scheme>,
    /// What its requests carry besides the usual headers.
    pub headers: GivenHeaders,
    /// The only one that may vouch for its server; `None`: those that this machine trusts.
    pub ca_certificate: Option<CaCertificate>,
    /// What we show to its server.
    pub client_certificate: Option<ClientCertificate>,
}

/// What is to change about a hook; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct HookPatch {
    /// Another URL, with the credentials that stand in it (or none).
    pub url: Option<(HookUrl, Option<Credentials>)>,
    /// Exactly these pairs.
    pub filter: Option<Filter>,
    /// Other keys in the bodies of one of Huskar's.
    pub keys: Option<Keys>,
    /// Other event types, as they came.
    pub events: Option<Vec<String>>,
    /// Other applications, as they came.
    pub applications: Option<Vec<String>>,
    /// Accept any certificate, or no longer.
    pub insecure_ssl: Option<bool>,
    /// Another note, or none.
    pub description: Option<Option<String>>,
    /// Be asked, or not, or as its events are called.
    pub gate: Option<Option<bool>>,
    /// Mean something else by silence.
    pub on_silence: Option<OnSilence>,
    /// Other attempts in flight, or what the server allows.
    pub max_in_flight: Option<Option<u32>>,
    /// Other attempts a second, or any number.
    pub rate_limit: Option<Option<u32>>,
    /// Another order, for events from now on.
    pub order: Option<Order>,
    /// Other ways to sign.
    pub signatures: Option<Vec<Scheme>>,
    /// Other headers, all of them.
    pub headers: Option<GivenHeaders>,
    /// Another that alone may vouch for its server, or those that this machine trusts.
    pub ca_certificate: Option<Option<CaCertificate>>,
    /// Another that we show to its server, or none.
    pub client_certificate: Option<Option<ClientCertificate>>,
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
    /// What makes it one of Huskar's.
    pub webhook: Option<Webhook>,
    /// Whom to call.
    pub url: HookUrl,
    /// Which events it wants.
    pub filter: Filter,
    /// Accept any certificate, for tests only.
    pub insecure_ssl: bool,
    /// A person's note.
    pub description: Option<String>,
    /// Whether it is asked before something happens.
    pub gating: Gating,
    /// How much it may get at a time.
    pub limits: Limits,
    /// In which order it gets its events.
    pub order: Order,
    /// In which ways it signs.
    pub signatures: Vec<Scheme>,
    /// The names of the headers that its requests carry besides the usual ones; the
    /// values are secret.
    pub header_names: Vec<String>,
    /// Applications that it was made for or wanted once, and does not want now: its
    /// history is of them, too.
    pub former_applications: Vec<String>,
    /// What may be shown of its certificates.
    pub certificates: HookCertificates,
    /// Since when it is paused, and by whom.
    pub paused: Option<(Timestamp, PausedBy)>,
    /// How its latest attempts went.
    pub breaker: Breaker,
    /// When it was made.
    pub created_at: Timestamp,
    /// When a person last changed it.
    pub updated_at: Timestamp,
    /// What came of its latest delivery, once there was one.
    pub last: Option<LastResult>,
}

impl Hook {
    /// Whether it gets what it is owed.
    #[must_use]
    pub fn state(&self) -> HookState {
        match self.paused {
            Some(_) => HookState::Paused,
            None if self.breaker.is_failing() => HookState::Failing,
            None => HookState::Active,
        }
    }

    /// Whether it is asked for anything that it wants.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.webhook.is_none() && self.filter.pairs().iter().any(|pair| self.gating.is_for(&pair.event))
    }

    /// What its owner should know about its certificates.
    #[must_use]
    pub fn warnings(&self, now: Timestamp) -> Vec<String> {
        self.certificates.warnings(now, self.url.is_https(), self.insecure_ssl)
    }

    /// Keeps in mind what it wanted before, as far as it no longer does.
    pub fn remember_applications_of(&mut self, former: &Filter) {
        let wanted = self.filter.applications();
        let former = former.applications().into_iter().chain(std::mem::take(&mut self.former_applications));
        let mut kept: Vec<_> = former.filter(|name| !wanted.contains(name)).collect();
        kept.sort();
        kept.dedup();
        self.former_applications = kept;
    }
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

impl LastResult {
    /// The reason in nobody's words but ours: receivers may repeat what they were sent.
    #[must_use]
    pub fn plain_reason(&self) -> &str {
        match self.status {
            Some(status) => usual_reason(status),
            None => &self.reason,
        }
    }
}
