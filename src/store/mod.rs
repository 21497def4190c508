//! What is remembered: the seam between the works and a database.
//!
//! Each trait is one noun of the store. All are synchronous, are handed the
//! time, and run inside a transaction that [`db::Db`] opens and ends: what they
//! return is true only once it has committed. A conflict is a value, not an error.

pub mod db;
pub mod page;
pub mod room;
pub mod sqlite;
pub mod targets;
mod waits;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use crate::domain::delivery::{Attempt, Delivery, Next, State};
use crate::domain::event::{Event, EventType, NewEvent};
use crate::domain::hook::{Dialect, Hook, HookPatch, NewHook, Owner};
use crate::domain::id::{DeliveryId, EventId, HookId, Lease, Seq};
use crate::domain::time::Timestamp;
use crate::domain::url::HookUrl;
use page::{Page, Paged};
use room::Room;

/// Trouble of our own with keeping things.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// More publishes wait than are let in; try again in a moment.
    #[error("too many publishes are waiting to be written")]
    Busy,
    /// There is no room on the disk, or the database has reached its largest size.
    #[error("the disk is full: {0}")]
    Full(String),
    /// The file cannot be used: what is wrong and what to do.
    #[error("{0}")]
    Unusable(String),
    /// The database said no.
    #[error("the database failed: {0}")]
    Failed(String),
    /// The store is shut.
    #[error("the store is closed")]
    Closed,
}

/// What the store's operations answer.
pub type Result<T> = std::result::Result<T, StoreError>;

/// How long an idempotency key is remembered.
pub const KEY_RETENTION: Duration = Duration::from_hours(24);

/// What came of adding a hook.
#[derive(Debug, Clone)]
pub enum Added {
    /// It is new.
    New(Hook),
    /// The same URL wants the same events already: unchanged.
    Existing(Hook),
    /// The same URL wants other events: nothing was added.
    Conflict(Hook),
}

/// What came of changing a hook.
#[derive(Debug, Clone)]
pub enum Changed {
    /// It is now like this.
    To(Hook),
    /// Another hook has the URL: nothing was changed.
    Conflict(HookId),
    /// No such hook.
    Absent,
    /// The new filter cannot be taken.
    Invalid(crate::domain::Invalid),
}

/// Hooks, by writing.
pub trait Hooks {
    /// Adds a hook, unless Kudu's rule of one URL forbids it.
    ///
    /// # Errors
    /// Trouble of the database.
    fn add(&mut self, now: Timestamp, hook: &NewHook) -> Result<Added>;

    /// Changes what the patch names.
    ///
    /// # Errors
    /// Trouble of the database.
    fn change(&mut self, now: Timestamp, id: HookId, patch: &HookPatch) -> Result<Changed>;

    /// Makes a tombstone of a hook (of one dialect only, if one is given); what
    /// it owes is cancelled by [`Hooks::cancel_owed`]. False if there is none.
    ///
    /// # Errors
    /// Trouble of the database.
    fn remove(&mut self, now: Timestamp, id: HookId, dialect: Option<Dialect>) -> Result<bool>;

    /// Cancels at most `limit` deliveries that removed hooks still owe.
    ///
    /// # Errors
    /// Trouble of the database.
    fn cancel_owed(&mut self, now: Timestamp, limit: usize) -> Result<Cancelled>;
}

/// What one step of cancelling did.
#[derive(Debug, Clone, Default)]
pub struct Cancelled {
    /// For each delivery that was cancelled before its first attempt, its event.
    pub untried: Vec<Seq>,
    /// Whether there may be more to cancel now.
    pub more: bool,
}

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
    /// How many attempts have ended.
    pub attempts: u32,
    /// What is owed; shared by all deliveries of one publish.
    pub event: Arc<Event>,
}

/// What came of a publish.
#[derive(Debug, Clone)]
pub enum Publishing {
    /// It is kept, now or by an earlier publish with the same key.
    Kept(Published),
    /// The idempotency key stands for another body.
    KeyReused,
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
    /// ours stay as they are.
    ///
    /// # Errors
    /// Trouble of the database.
    fn release(&mut self, now: Timestamp, leases: &[(Seq, Lease)]) -> Result<()>;

    /// Takes back leases that ran out by `now`, or all of them (at start, when
    /// whoever held them is dead); answers how many.
    ///
    /// # Errors
    /// Trouble of the database.
    fn take_back(&mut self, now: Timestamp, all: bool) -> Result<usize>;
}

/// An attempt that has ended and what follows from it.
#[derive(Debug, Clone)]
pub struct Record {
    /// Which delivery.
    pub seq: Seq,
    /// The proof that it is ours.
    pub lease: Lease,
    /// To whom.
    pub hook: HookId,
    /// Of which event.
    pub event: Seq,
    /// Where the request went: a 410 removes the hook only if that is still its URL.
    pub url: HookUrl,
    /// What was done and what came of it.
    pub attempt: Attempt,
    /// What follows.
    pub next: Next,
}

/// What came of recording an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// It is on record; if it is to be tried again, not before then.
    Kept(Option<Timestamp>),
    /// The lease was no longer ours: nothing was recorded.
    NotOurs,
}

/// Attempts.
pub trait Ledger {
    /// Records an attempt, the delivery's new state and the hook's last result.
    ///
    /// # Errors
    /// Trouble of the database.
    fn record(&mut self, now: Timestamp, record: &Record) -> Result<Recorded>;
}

/// What keeps the store in shape.
pub trait Upkeep {
    /// Forgets at most `limit` idempotency keys older than `before`; answers how many.
    ///
    /// # Errors
    /// Trouble of the database.
    fn forget_keys(&mut self, before: Timestamp, limit: usize) -> Result<usize>;

    /// Writes something, to see that it can.
    ///
    /// # Errors
    /// Trouble of the database.
    fn touch(&mut self) -> Result<()>;
}

/// All that can be done inside a writing transaction.
pub trait Writes: Hooks + Outbox + Ledger + Upkeep {}

impl<T: Hooks + Outbox + Ledger + Upkeep> Writes for T {}

/// The transactions of the one writer.
pub trait Transactions {
    /// Begins one.
    ///
    /// # Errors
    /// Trouble of the database.
    fn begin(&mut self) -> Result<()>;

    /// Ends it; when this returns, all is on disk.
    ///
    /// # Errors
    /// Trouble of the database; nothing was kept.
    fn commit(&mut self) -> Result<()>;

    /// Forgets all since [`Transactions::begin`]; harmless if the database has done so already.
    fn rollback(&mut self);

    /// Marks a point inside the transaction.
    ///
    /// # Errors
    /// Trouble of the database.
    fn mark(&mut self) -> Result<()>;

    /// Ends the marked stretch, forgetting it if `keep` is false. False if the
    /// database has forgotten the whole transaction by itself.
    fn unmark(&mut self, keep: bool) -> bool;

    /// How many rows the transaction has written so far.
    fn rows(&self) -> usize;
}

/// A database that can be written to.
pub trait Backend: Writes + Transactions + Send {
    /// The same as something that operations may use.
    fn writes(&mut self) -> &mut dyn Writes;
}

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
    /// Who want this event type.
    pub event: Option<String>,
    /// Who want this application.
    pub application: Option<String>,
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
}

/// Everything by reading. Hooks come oldest first, all else newest first.
pub trait Archive {
    /// One living hook.
    ///
    /// # Errors
    /// Trouble of the database.
    fn hook(&self, id: HookId) -> Result<Option<Hook>>;

    /// Living hooks that the filter lets through.
    ///
    /// # Errors
    /// Trouble of the database.
    fn hooks(&self, page: Page, filter: &HookFilter) -> Result<Paged<Hook>>;

    /// One event.
    ///
    /// # Errors
    /// Trouble of the database.
    fn event(&self, id: EventId) -> Result<Option<Event>>;

    /// Events without their payloads.
    ///
    /// # Errors
    /// Trouble of the database.
    fn events(&self, page: Page) -> Result<Paged<EventSummary>>;

    /// One delivery with its attempts, the first one first.
    ///
    /// # Errors
    /// Trouble of the database.
    fn delivery(&self, id: DeliveryId) -> Result<Option<(Delivery, Vec<Attempt>)>>;

    /// Deliveries that the filter lets through.
    ///
    /// # Errors
    /// Trouble of the database.
    fn deliveries(&self, page: Page, filter: DeliveryFilter) -> Result<Paged<Delivery>>;
}
