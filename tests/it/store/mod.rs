//! The store's contract: a clause a function, signed by every backend.
//!
//! A backend signs by a line at the end of `contract.rs`. Clauses know the traits
//! of `nyala::store` and nothing of any database.

mod again;
mod clock_set;
mod contract;
mod db;
mod fan_out;
mod gates;
mod hooks;
mod interleavings;
mod keys;
mod ledger;
mod model;
mod outbox;
mod pages;
mod replays;
mod retention;
mod secrets;
mod sqlite;
mod steps;
mod ties;
mod times;
mod transactions;
mod triggers;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use nyala::domain::access::Bounds;
use nyala::domain::delivery::{Attempt, Delivery, Next, State};
use nyala::domain::event::{EventType, NewEvent};
use nyala::domain::filter::Filter;
use nyala::domain::gate::Gating;
use nyala::domain::headers::{GivenHeaders, HeaderLines};
use nyala::domain::hook::{Dialect, Hook, HookPatch, NewHook, Order, Owner};
use nyala::domain::id::{DeliveryId, EventId, HookId, Seq};
use nyala::domain::outcome::{Answer, Outcome};
use nyala::domain::pace::{Limits, Showing};
use nyala::domain::signature::Scheme;
use nyala::domain::time::Timestamp;
use nyala::domain::url::HookUrl;
use nyala::store::page::{MAX_LIMIT, Page};
use nyala::store::room::Room;
use nyala::store::targets::Targets;
use nyala::store::{
    Added, Backend, Claimed, DeliveryFilter, Errand, Leased, Published, Publishing, Reads, Record, Recorded,
    Redelivered, Result, Writes,
};

use crate::house::START;

/// When every clause begins.
fn start() -> Timestamp {
    at(0)
}

/// When leases run out, unless a clause says otherwise.
const LEASE: Duration = Duration::from_mins(1);

/// So many milliseconds after the beginning.
fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(START + millis)
}

/// How a clause gets at a database: a new one, the same one again, and what reads it.
trait Subject {
    /// Opens the one database of this subject, as a server does.
    fn open(&self, targets: Arc<Targets>) -> Result<Box<dyn Backend>>;

    /// Opens it for reading.
    fn archive(&self) -> Box<dyn Reads>;

    /// Another of the same kind, with nothing in it.
    fn anew(&self) -> Box<dyn Subject>;
}

/// An open database, and what a clause does with it.
struct Store {
    subject: Box<dyn Subject>,
    backend: Option<Box<dyn Backend>>,
    targets: Arc<Targets>,
}

impl Store {
    fn new(subject: Box<dyn Subject>) -> Self {
        let mut store = Self { subject, backend: None, targets: Arc::default() };
        store.open_again();
        store
    }

    /// Another store of the same kind, with nothing in it.
    fn anew(&self) -> Self {
        Self::new(self.subject.anew())
    }

    /// Closes the database and opens it again.
    fn open_again(&mut self) {
        self.backend = None;
        self.targets = Arc::default();
        self.backend = Some(self.subject.open(self.targets.clone()).expect("a database"));
    }

    fn backend(&mut self) -> &mut dyn Backend {
        self.backend.as_deref_mut().expect("an open database")
    }

    /// Does something in a transaction of its own.
    fn write<T>(&mut self, act: impl FnOnce(&mut dyn Writes) -> Result<T>) -> T {
        let backend = self.backend();
        backend.begin().expect("a transaction");
        let done = act(backend.writes()).expect("what was to be done");
        backend.commit().expect("a commit");
        done
    }

    /// Does something in a transaction that is rolled back.
    fn forget<T>(&mut self, act: impl FnOnce(&mut dyn Writes) -> Result<T>) -> T {
        let backend = self.backend();
        backend.begin().expect("a transaction");
        let done = act(backend.writes()).expect("what was to be done");
        backend.rollback();
        done
    }

    fn archive(&self) -> Box<dyn Reads> {
        self.subject.archive()
    }

    /// Adds a hook of its own URL that wants this event type.
    fn hook(&mut self, name: &str, event: &str) -> HookId {
        let new = new_hook(&format!("http://receiver/{name}"), &[event]);
        match self.write(|store| store.add(start(), &new)) {
            Added::New(hook) => hook.id,
            other => panic!("not new: {other:?}"),
        }
    }

    fn publish(&mut self, event: &str, room: &Room) -> Published {
        self.write(|store| {
            published(store.publish(start(), start().plus(LEASE), Owner::ADMIN, &new_event(event), room))
        })
    }

    /// Publishes so many milliseconds after the beginning, for others to claim.
    fn publish_at(&mut self, millis: i64, event: &NewEvent) -> Published {
        let now = at(millis);
        self.write(|store| published(store.publish(now, now.plus(LEASE), Owner::ADMIN, event, &Room::new(0))))
    }

    /// Claims all that is due by then, and records that it ended so.
    fn end_all(&mut self, millis: i64, status: u16, next: Next) -> Vec<Seq> {
        let leased = self.claim(at(millis), &Room::new(1000)).leased;
        for leased in &leased {
            self.write(|store| store.record(at(millis), &record(leased, status, next)));
        }
        leased.iter().map(|leased| leased.seq).collect()
    }

    fn redeliver(&mut self, millis: i64, seq: Seq) -> Redelivered {
        self.write(|store| store.redeliver(at(millis), DeliveryId(seq)))
    }

    /// Redelivers what must have finished; answers the new delivery.
    fn redelivered(&mut self, millis: i64, seq: Seq) -> Seq {
        match self.redeliver(millis, seq) {
            Redelivered::By(DeliveryId(new)) => new,
            other => panic!("{other:?}"),
        }
    }

    fn claim(&mut self, now: Timestamp, room: &Room) -> Claimed {
        self.write(|store| store.claim(now, now.plus(LEASE), room))
    }

    fn living(&self, id: HookId) -> Option<Hook> {
        self.archive().hook(id).expect("an answer")
    }

    fn delivery(&self, seq: Seq) -> (Delivery, Vec<Attempt>) {
        self.archive().delivery(DeliveryId(seq)).expect("an answer").expect("a delivery")
    }

    fn state(&self, seq: Seq) -> State {
        self.delivery(seq).0.state
    }

    /// All deliveries there are.
    fn deliveries(&self) -> BTreeMap<Seq, Delivery> {
        let (archive, mut all, mut after) = (self.archive(), BTreeMap::new(), None);
        loop {
            let page = Page { after, limit: MAX_LIMIT };
            let page = archive.deliveries(page, DeliveryFilter::default(), &Bounds::default()).expect("an answer");
            all.extend(page.items.into_iter().map(|delivery| (delivery.seq, delivery)));
            after = page.next;
            if after.is_none() {
                return all;
            }
        }
    }

    fn has_event(&self, id: EventId) -> bool {
        self.archive().event(id).expect("an answer").is_some()
    }
}

fn new_hook(url: &str, events: &[&str]) -> NewHook {
    let events: Vec<_> = events.iter().map(ToString::to_string).collect();
    let (url, credentials) = HookUrl::parse(url).expect("a URL");
    NewHook {
        owner: Owner::ADMIN,
        dialect: Dialect::Kudu,
        webhook: None,
        concerns: vec![],
        url,
        credentials,
        filter: Filter::product(&events, &[]).expect("a filter"),
        insecure_ssl: false,
        gating: Gating::default(),
        description: None,
        limits: Limits::default(),
        order: Order::None,
        secret: None,
        signatures: vec![Scheme::V1],
        headers: GivenHeaders::default(),
        ca_certificate: None,
        client_certificate: None,
    }
}

fn new_event(event: &str) -> NewEvent {
    let event_type = EventType::parse(event).expect("a type");
    NewEvent {
        event_type,
        applications: vec![],
        payload: "{}".into(),
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

/// A patch to this URL.
fn to_url(url: &str) -> HookPatch {
    HookPatch { url: Some(HookUrl::parse(url).expect("a URL")), ..HookPatch::default() }
}

fn published(publishing: Result<Publishing>) -> Result<Published> {
    match publishing? {
        Publishing::Kept(published) => Ok(published),
        Publishing::KeyReused => panic!("no key was used"),
        Publishing::NoSuchHook => panic!("it was for no hook alone"),
    }
}

/// A room in which all hooks have shown themselves prompt: four places a share for each.
fn prompt_room(share: usize) -> Room {
    let room = Room::new(share);
    for hook in (1..=200).map(HookId) {
        assert!(room.take(hook, 0));
        room.finished(hook, 0, Showing::Prompt, false);
    }
    room
}

/// It is on record, and no breaker was closed by it.
fn on_record(due_at: Option<Timestamp>) -> Recorded {
    Recorded::Kept { due_at, closed: false }
}

/// An attempt that was answered with this status, and what follows.
fn record(leased: &Leased, status: u16, next: Next) -> Record {
    let answer = Answer { status, reason: format!("Said {status}"), ..Answer::default() };
    Record {
        seq: leased.seq,
        lease: leased.lease,
        hook: leased.hook,
        event: leased.event.seq,
        url: HookUrl::parse("http://receiver/any").expect("a URL").0,
        attempt: Attempt {
            number: leased.attempts + 1,
            started_at: start(),
            duration: Duration::from_millis(5),
            request_headers: HeaderLines::default(),
            outcome: Outcome::Answered(answer),
        },
        next,
        errand: Errand::Usual,
        dice: 0.5,
    }
}
