//! Events about a hook.

use super::{Hook, LastResult};
use crate::domain::application::Application;
use crate::domain::catalogue::{self, Family};
use crate::domain::event::{EventType, NewEvent};
use crate::domain::filter::ANY;

/// The type of the event that is published when a breaker pauses a hook.
pub const HOOK_DISABLED: &str = "HookDisabled";

impl Hook {
    /// An event for this hook alone, to try it out: of the first type that it wants,
    /// in the shape of that action, that hook of CCX or of a deployment.
    #[must_use]
    pub fn sample(&self) -> NewEvent {
        let wanted = self.filter.events().into_iter().find(|name| name != ANY);
        let event_type = EventType::trusted(wanted.as_deref().unwrap_or("PostDeployment"));
        let known = catalogue::find(&event_type).filter(|known| known.family != Family::Kudu);
        let sample = known.map_or(include_str!("../sample.json"), |known| known.sample.get());
        // Webhooks of an application are told which.
        let applications = self.webhook.and_then(|_| self.filter.applications().into_iter().find(|name| name != ANY));
        NewEvent {
            event_type,
            applications: applications.map(Application::trusted).into_iter().collect(),
            payload: sample.into(),
            idempotency: None,
            only: Some(self.id),
            publisher: None,
            deed: None,
            introduces: false,
            gate: None,
            origin: None,
            hops: 0,
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
            deed: None,
            introduces: false,
            gate: None,
            origin: None,
            hops: 0,
        }
    }
}
