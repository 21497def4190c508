//! Everything, by reading.

use super::page::{Page, Paged};
use super::{ReplayArchive, Result};
use crate::domain::access::Bounds;
use crate::domain::certificate::HookCertificates;
use crate::domain::delivery::{Attempt, Delivery, State};
use crate::domain::event::Event;
use crate::domain::hook::{Dialect, Hook, HookState, Owner};
use crate::domain::id::{DeliveryId, EventId, HookId};
use crate::domain::time::Timestamp;

/// An event in a list: all but its payload.
#[derive(Debug, Clone)]
pub struct EventSummary {
    /// All but the payload, which is empty here.
    pub event: Event,
    /// The payload's size in bytes.
    pub bytes: u64,
}

/// Which hooks are asked for; `None` means any.
#[derive(Debug, Clone, Default)]
pub struct HookFilter {
    /// Made through this API.
    pub dialect: Option<Dialect>,
    /// With this text in URL or description, whatever its case.
    pub text: Option<String>,
    /// In this state.
    pub state: Option<HookState>,
    /// Who want this event type.
    pub event: Option<String>,
    /// Who want this application.
    pub application: Option<String>,
    /// Within somebody's reach.
    pub within: Bounds,
    /// The text is looked for in the whole URLs of this one's hooks only, and in all
    /// others as they are shown shortened.
    pub urls_of: Option<Owner>,
}

/// Which events are asked for; `None` means any.
#[derive(Debug, Clone, Default)]
pub struct EventFilter {
    /// Of this type, whatever its case.
    pub event_type: Option<String>,
    /// Which concern this application.
    pub application: Option<String>,
    /// Published then or later.
    pub since: Option<Timestamp>,
    /// Published before then.
    pub until: Option<Timestamp>,
    /// Within somebody's reach.
    pub within: Bounds,
}

/// Which deliveries are asked for; `None` means any.
#[derive(Debug, Clone, Copy, Default)]
pub struct DeliveryFilter {
    /// To this hook.
    pub hook: Option<HookId>,
    /// Of this event.
    pub event: Option<EventId>,
    /// In this state.
    pub state: Option<State>,
    /// Made then or later.
    pub since: Option<Timestamp>,
    /// Made before then.
    pub until: Option<Timestamp>,
}

/// Everything by reading. Hooks come oldest first, all else newest first.
pub trait Archive: ReplayArchive {
    /// One living hook.
    ///
    /// # Errors
    /// Trouble of the database.
    fn hook(&self, id: HookId) -> Result<Option<Hook>>;

    /// How many deliveries the hook is owed.
    ///
    /// # Errors
    /// Trouble of the database.
    fn owed_to(&self, id: HookId) -> Result<u64>;

    /// Living hooks that the filter lets through.
    ///
    /// # Errors
    /// Trouble of the database.
    fn hooks(&self, page: Page, filter: &HookFilter) -> Result<Paged<Hook>>;

    /// Living hooks of which a certificate ends by then, the first one first.
    ///
    /// # Errors
    /// Trouble of the database.
    fn certificates_ending(&self, by: Timestamp) -> Result<Vec<(HookId, HookCertificates)>>;

    /// One event.
    ///
    /// # Errors
    /// Trouble of the database.
    fn event(&self, id: EventId) -> Result<Option<Event>>;

    /// Events that the filter lets through, without their payloads.
    ///
    /// # Errors
    /// Trouble of the database.
    fn events(&self, page: Page, filter: &EventFilter) -> Result<Paged<EventSummary>>;

    /// One delivery with its attempts, the first one first.
    ///
    /// # Errors
    /// Trouble of the database.
    fn delivery(&self, id: DeliveryId) -> Result<Option<(Delivery, Vec<Attempt>)>>;

    /// Deliveries within somebody's reach that the filter lets through.
    ///
    /// # Errors
    /// Trouble of the database.
    fn deliveries(&self, page: Page, filter: DeliveryFilter, within: &Bounds) -> Result<Paged<Delivery>>;
}
