//! Who did what, and from where.

use std::net::IpAddr;

use super::access::Caller;
use super::id::{HookId, TokenId};
use super::time::Timestamp;

/// Something that somebody did to the house.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// A hook was made.
    HookCreated,
    /// Fields of a hook were changed.
    HookChanged,
    /// A hook gets nothing from now on.
    HookPaused,
    /// A hook gets again what it is owed.
    HookResumed,
    /// A hook was sent an event of its own.
    HookTested,
    /// A hook was removed.
    HookRemoved,
    /// A hook's secret was looked at.
    SecretRead,
    /// A hook was given another secret.
    SecretRotated,
    /// Many deliveries of a hook are made again.
    ReplayBegun,
    /// A replay was ended before its time.
    ReplayStopped,
    /// One delivery was made again.
    Redelivered,
    /// A person let something go on.
    GateApproved,
    /// A person stopped something.
    GateRefused,
    /// A trigger was made.
    TriggerCreated,
    /// Fields of a trigger were changed.
    TriggerChanged,
    /// A trigger was started.
    TriggerStarted,
    /// A trigger was stopped: what fires it is skipped.
    TriggerStopped,
    /// A person fired a trigger.
    TriggerFired,
    /// A trigger was removed.
    TriggerRemoved,
    /// Executions of a trigger were removed, or one was stopped.
    ExecutionsEnded,
    /// From then on nothing that fires triggers was carried out.
    MaintenanceBegun,
    /// It was again.
    MaintenanceEnded,
    /// An application became known.
    ApplicationCreated,
    /// A token was made.
    TokenCreated,
    /// A token was taken back.
    TokenRevoked,
    /// Everything sealed was sealed with another key.
    KeyRotated,
}

impl Action {
    /// All there are.
    pub const ALL: [Self; 26] = [
        Self::HookCreated,
        Self::HookChanged,
        Self::HookPaused,
        Self::HookResumed,
        Self::HookTested,
        Self::HookRemoved,
        Self::SecretRead,
        Self::SecretRotated,
        Self::ReplayBegun,
        Self::ReplayStopped,
        Self::Redelivered,
        Self::GateApproved,
        Self::GateRefused,
        Self::TriggerCreated,
        Self::TriggerChanged,
        Self::TriggerStarted,
        Self::TriggerStopped,
        Self::TriggerFired,
        Self::TriggerRemoved,
        Self::ExecutionsEnded,
        Self::MaintenanceBegun,
        Self::MaintenanceEnded,
        Self::ApplicationCreated,
        Self::TokenCreated,
        Self::TokenRevoked,
        Self::KeyRotated,
    ];

    /// How the store and the API spell it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HookCreated => "hook.created",
            Self::HookChanged => "hook.changed",
            Self::HookPaused => "hook.paused",
            Self::HookResumed => "hook.resumed",
            Self::HookTested => "hook.tested",
            Self::HookRemoved => "hook.removed",
            Self::SecretRead => "secret.read",
            Self::SecretRotated => "secret.rotated",
            Self::ReplayBegun => "replay.begun",
            Self::ReplayStopped => "replay.stopped",
            Self::Redelivered => "delivery.redelivered",
            Self::GateApproved => "gate.approved",
            Self::GateRefused => "gate.refused",
            Self::TriggerCreated => "trigger.created",
            Self::TriggerChanged => "trigger.changed",
            Self::TriggerStarted => "trigger.started",
            Self::TriggerStopped => "trigger.stopped",
            Self::TriggerFired => "trigger.fired",
            Self::TriggerRemoved => "trigger.removed",
            Self::ExecutionsEnded => "executions.ended",
            Self::MaintenanceBegun => "maintenance.begun",
            Self::MaintenanceEnded => "maintenance.ended",
            Self::ApplicationCreated => "application.created",
            Self::TokenCreated => "token.created",
            Self::TokenRevoked => "token.revoked",
            Self::KeyRotated => "key.rotated",
        }
    }

    /// Reads that spelling.
    #[must_use]
    pub fn named(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.as_str() == text)
    }
}

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// By which token.
    pub token: Option<TokenId>,
    /// The token's name; `open` where none was asked for, `nyala` where the server did it
    /// by itself, `command line` where somebody did it to the database.
    pub name: String,
    /// The address that the request came from.
    pub address: Option<IpAddr>,
}

impl Actor {
    /// Whoever makes a request, from this address.
    #[must_use]
    pub fn caller(caller: &Caller, address: IpAddr) -> Self {
        Self { token: caller.token, name: caller.name.to_string(), address: Some(address) }
    }

    fn named(name: &str) -> Self {
        Self { token: None, name: name.to_owned(), address: None }
    }
}

impl AuditEntry {
    /// The server did this by itself, by one of its rules.
    #[must_use]
    pub fn by_server(at: Timestamp, action: Action, hook: HookId, why: &str) -> Self {
        let (actor, object, detail) = (Actor::named("nyala"), hook.to_string(), Some(why.to_owned()));
        Self { at, actor, action, object, detail }
    }

    /// Whoever may write to the database did this, by a command.
    #[must_use]
    pub fn by_command_line(at: Timestamp, action: Action, object: String, detail: Option<String>) -> Self {
        Self { at, actor: Actor::named("command line"), action, object, detail }
    }
}

/// One line of the audit log.
#[derive(Debug, Clone)]
pub struct AuditEntry {
    /// When it was done.
    pub at: Timestamp,
    /// Who did it.
    pub actor: Actor,
    /// What was done.
    pub action: Action,
    /// To what, by its id: `3`, `dlv_17`, a token's name.
    pub object: String,
    /// More about it in words, without secrets: which fields, why.
    pub detail: Option<String>,
}
