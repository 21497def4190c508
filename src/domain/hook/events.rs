//! Events about a hook.

use super::{Hook, LastResult};
use crate::domain::event::{EventType, NewEvent};

/// The type of the event that is published when a breaker pauses a hook.
pub const HOOK_DISABLED: &str = "HookDisabled";

impl Hook {
    /// An event for this hook alone, to try it out: of the first type that it wants,
    /// in the shape of a deployment.
    #[must_use]
    pub fn sample(&self) -> NewEvent {
        let wanted = self.filter.events().into_iter().find(|name| name != "*");
        NewEvent {
            event_type: EventType::trusted(wanted.as_deref().unwrap_or("PostDeployment")),
            applications: vec![],
            payload: include_bytes!("../sample.json").as_slice().into(),
            idempotency: None,
            only: Some(self.id),
            publisher: None,
        }
    }

    /// The event that tells others that this hook was paused after nothing but
    /// failures. Without its URL, which may be a secret.
    #[must_use]
    pub fn disabled(&self) -> NewEvent {
        let payload = serde_json::json!({
            "hook": self.id,
            "description": self.description,
            "events": self.filter.events(),
            "applications": self.filter.applications(),
            "failures": self.breaker.failures,
            "failing_since": self.breaker.since,
            "last_reason": self.last.as_ref().map(LastResult::plain_reason),
        });
        NewEvent {
            event_type: EventType::trusted(HOOK_DISABLED),
            applications: vec![],
            payload: payload.to_string().into(),
            idempotency: None,
            only: None,
            publisher: None,
        }
    }
}
