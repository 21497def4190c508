//! A trigger: something that publishes by itself. One firing is an execution.

pub mod calling;
pub mod carry;
mod execution;
pub mod forge;
pub mod incoming;
pub mod mapping;
mod policy;
pub mod proof;
pub mod schedule;
mod settings;

use super::access::Bounds;
use super::event::EventType;
use super::hook::Owner;
use super::id::TriggerId;
use super::time::Timestamp;
use super::{Invalid, name};

pub use execution::{Conclusion, Ended, Execution, Origin, Status};
pub use mapping::Values;
pub use policy::Policy;
pub use settings::{InboundMethod, Kind, Missed, OutgoingCall, RepositoryHook, Scheduler, Settings, Webhook};

/// What a trigger publishes, unless it is told otherwise.
pub const USUAL_EVENT: &str = "TriggerFired";

/// The most bytes of a request that fires a trigger.
pub const MAX_INCOMING: usize = 1 << 20;

/// A trigger as it is kept.
#[derive(Debug, Clone)]
pub struct Trigger {
    /// Its number.
    pub id: TriggerId,
    /// Goes up with each change: who has read one is told that it is not so any more.
    pub revision: i64,
    /// Its name to the world. Who knows that of one without a secret may fire it.
    pub uuid: String,
    /// What people call it.
    pub name: String,
    /// The type of what it publishes.
    pub event_type: EventType,
    /// The applications that its events concern; none means that only hooks of any application
    /// want them.
    pub applications: Vec<String>,
    /// When it fires, and what its events tell.
    pub settings: Settings,
    /// Whether requests have to be signed.
    pub has_secret: bool,
    /// What CDS calls it, as JSON; `None`: it was made through another API.
    pub task: Option<String>,
    /// Whose it is.
    pub owner: Owner,
    /// Since when what fires it is skipped.
    pub stopped_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Trigger {
    /// Whether it fires without anybody asking, as long as its schedule has a next time.
    #[must_use]
    pub fn fires_by_itself(&self) -> bool {
        self.settings.kind() == Kind::Scheduler && self.stopped_at.is_none()
    }

    /// When it fires by itself for the first time after this.
    #[must_use]
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        match &self.settings {
            Settings::Scheduler(scheduler) if self.fires_by_itself() => scheduler.next_after(after),
            _ => None,
        }
    }

    /// Whether it lies within these bounds.
    #[must_use]
    pub fn is_within(&self, bounds: &Bounds) -> bool {
        bounds.owner.is_none_or(|owner| owner == self.owner) && bounds.hold_wholly(&self.applications)
    }
}

/// A trigger on its way in.
#[derive(Debug, Clone)]
pub struct NewTrigger {
    /// As of [`Trigger`].
    pub uuid: String,
    /// As of [`Trigger`].
    pub name: String,
    /// As of [`Trigger`].
    pub event_type: EventType,
    /// As of [`Trigger`].
    pub applications: Vec<String>,
    /// As of [`Trigger`].
    pub settings: Settings,
    /// What requests have to be signed with.
    pub secret: Option<String>,
    /// As of [`Trigger`].
    pub task: Option<String>,
    /// As of [`Trigger`].
    pub owner: Owner,
    /// Whether it begins stopped.
    pub stopped: bool,
}

/// What happens to a trigger's secret with a change.
#[derive(Debug, Clone, Default)]
pub enum SecretChange {
    /// It stays.
    #[default]
    Kept,
    /// It is this one from now on; none: requests need not be signed any more.
    To(Option<String>),
}

/// Reads what people call a trigger.
///
/// # Errors
/// Names the field `name`.
pub fn trigger_name(text: &str) -> Result<String, Invalid> {
    name("name", text, "nightly-build")
}
