//! Events on their way in and deliveries on their way out.

use std::sync::Arc;

use super::Result;
use super::room::Room;
use crate::domain::event::{Event, EventType, NewEvent};
use crate::domain::hook::Owner;
use crate::domain::id::{EventId, HookId, Lease, Seq};
use crate::domain::time::Timestamp;

/// A delivery that this node may attempt, with all that an attempt needs but
/// the hook's target (which may change until it starts).
#[derive(Debug, Clone)]
pub struct Leased {
    /// Which delivery.
    pub seq: Seq,
    /// The proof that it is ours.
    pub lease: Lease,
    /// Until when.
    pub until: Timestamp,
    /// To whom.
    pub hook: HookId,
    /// The application that it is about, where the hook gets each apart.
    pub application: Option<Arc<str>>,
    /// What the hook calls what the event tells of, where that is tied to a gate; empty: it
    /// has no name for it. `None`: the payload goes out as it is.
    pub work_id: Option<Arc<str>>,
    /// How many attempts have ended.
    pub attempts: u32,
    /// What it goes out for.
    pub errand: Errand,
    /// What is owed; shared by all deliveries of one publish.
    pub event: Arc<Event>,
}

/// What an attempt is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Errand {
    /// To deliver, unless the hook is held back.
    #[default]
    Usual,
    /// To see whether a failing hook works again.
    Probe,
    /// Because a person wants to see what happens, whatever the hook's state.
    Test,
}

/// What came of a publish.
#[derive(Debug, Clone)]
pub enum Publishing {
    /// It is kept, now or by an earlier publish with the same key.
    Kept(Published),
    /// The idempotency key stands for another body.
    KeyReused,
    /// It was for one hook alone, and that is not there.
    NoSuchHook,
}

/// A publish that is kept.
#[derive(Debug, Clone)]
pub struct Published {
    /// The event's place in the store's order.
    pub seq: Seq,
    /// The event's name to the world.
    pub id: EventId,
    /// Its type as it was first published.
    pub event_type: EventType,
    /// How many hooks wanted it.
    pub deliveries: u32,
    /// How many of its deliveries no attempt has ended for.
    pub untried: u32,
    /// Whether some wait in the store because there was no room in memory.
    pub overflow: bool,
    /// What this node may attempt at once.
    pub leased: Vec<Leased>,
    /// Whether more deliveries have to be made of it, by [`Outbox::fan_out`].
    pub more: bool,
}

/// Deliveries that were made of an event.
#[derive(Debug, Clone, Default)]
pub struct FannedOut {
    /// What this node may attempt at once.
    pub leased: Vec<Leased>,
    /// Whether some wait in the store because there was no room in memory.
    pub overflow: bool,
    /// Each delivery that was cancelled as it was made, because its hook was removed
    /// meanwhile, after its event.
    pub untried: Vec<(Seq, Seq)>,
    /// Whether more have to be made, of this event or another, by
    /// [`Outbox::fan_out`].
    pub more: bool,
}

/// Deliveries claimed from the store.
#[derive(Debug, Clone, Default)]
pub struct Claimed {
    /// What this node may attempt, the heads of all hooks' queues first.
    pub leased: Vec<Leased>,
    /// Hooks of which more is due than there was room for.
    pub behind: Vec<HookId>,
    /// Whether room in all ran out before all that is due was looked at.
    pub crowded: bool,
    /// When the next pending delivery that is not due yet will be.
    pub next_due: Option<Timestamp>,
}

/// Events on their way in and deliveries on their way out.
pub trait Outbox {
    /// Keeps an event and a delivery for each hook whose filter matches, leased
    /// until `until` as far as there is room.
    ///
    /// # Errors
    /// Trouble of the database.
    fn publish(
        &mut self,
        now: Timestamp,
        until: Timestamp,
        owner: Owner,
        event: &NewEvent,
        room: &Room,
    ) -> Result<Publishing>;

    /// Makes some more deliveries of an event that many hooks want.
    ///
    /// # Errors
    /// Trouble of the database.
    fn fan_out(&mut self, now: Timestamp, until: Timestamp, room: &Room) -> Result<FannedOut>;

    /// Leases what is due until `until`, fairly between hooks, as far as there is room.
    ///
    /// # Errors
    /// Trouble of the database.
    fn claim(&mut self, now: Timestamp, until: Timestamp, room: &Room) -> Result<Claimed>;

    /// Makes a lease longer. False if it is no longer ours.
    ///
    /// # Errors
    /// Trouble of the database.
    fn renew(&mut self, seq: Seq, lease: Lease, until: Timestamp) -> Result<bool>;

    /// Gives deliveries back unattempted, due at once; those that are no longer
    /// ours stay as they are. Answers when one of their hooks is to be looked at.
    ///
    /// # Errors
    /// Trouble of the database.
    fn release(&mut self, now: Timestamp, leases: &[(Seq, Lease)]) -> Result<Option<Timestamp>>;

    /// Takes back leases that ran out by `now`, or all of them (at start, when
    /// whoever held them is dead); answers how many.
    ///
    /// # Errors
    /// Trouble of the database.
    fn take_back(&mut self, now: Timestamp, all: bool) -> Result<usize>;
}
