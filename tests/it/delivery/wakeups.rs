//! What is due is never forgotten, whichever way claims and records fall together.

use std::hint::black_box;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use nyala::clock::{Clock, ManualClock};
use nyala::delivery::Policy;
use nyala::delivery::dispatcher::Dispatcher;
use nyala::delivery::guard::Guard;
use nyala::delivery::sender::Sender;
use nyala::domain::event::{EventType, NewEvent};
use nyala::domain::filter::Filter;
use nyala::domain::gate::Gating;
use nyala::domain::headers::GivenHeaders;
use nyala::domain::hook::{Dialect, NewHook, Order, Owner};
use nyala::domain::id::HookId;
use nyala::domain::network::Network;
use nyala::domain::pace::Limits;
use nyala::domain::reach::Reach;
use nyala::domain::signature::Scheme;
use nyala::domain::time::Timestamp;
use nyala::domain::url::HookUrl;
use nyala::store::Writes;
use nyala::store::db::{Db, Handover, Publish};
use nyala::store::room::Room;
use tempfile::TempDir;
use tokio::sync::{Notify, watch};

use super::gate::Gate;
use crate::house::{START, rules, vault, within};

/// The engine without its ways in, so that a test can hold the writer.
struct Engine {
    db: Db,
    clock: ManualClock,
    wake: Arc<Notify>,
    stop: watch::Sender<bool>,
    _folder: TempDir,
}

impl Engine {
    /// An engine with one worker, and so with room for four deliveries of a
    /// hook; its dispatcher is still to be started.
    fn new() -> (Self, Handover) {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = TempDir::new().expect("a folder for the database");
        let (db, handover) =
            Db::open(&folder.path().join("nyala.db"), Arc::new(Room::new(1)), rules(), vault()).expect("a database");
        let clock = ManualClock::at(Timestamp::from_millis(START));
        (Self { db, clock, wake: Arc::default(), stop: watch::Sender::new(false), _folder: folder }, handover)
    }

    fn dispatch(&self, handover: Handover) {
        let policy = Policy {
            retry_schedule: "10s".parse().expect("a schedule"),
            timeout: Duration::from_secs(5),
            workers: 1,
            workers_per_hook: 1,
            breaker_failures: 5,
            breaker_pause_after: Duration::from_hours(1),
        };
        let reach = Reach { networks: vec![Network::Loopback], https_only: false };
        let guard = Guard::new(reach, vec![], policy.timeout);
        let sender = Arc::new(Sender::new(&guard, policy.timeout, 1));
        let clock = Arc::new(self.clock.clone());
        let (wake, removed) = (self.wake.clone(), Arc::default());
        let dispatcher = Dispatcher::new(self.db.clone(), handover, clock, sender, policy, wake, removed);
        tokio::spawn(dispatcher.run(self.stop.subscribe()));
    }

    async fn close(self) {
        self.stop.send_replace(true);
        take_turns().await;
        self.db.close();
    }

    async fn add_hook(&self, url: &str) {
        let new = NewHook {
            owner: Owner::ADMIN,
            dialect: Dialect::Kudu,
            webhook: None,
            concerns: vec![],
            url: HookUrl::parse(url).expect("a URL").0,
            credentials: None,
            filter: Filter::product(&["E".to_owned()], &[]).expect("a filter"),
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
        };
        let now = self.clock.now();
        self.db.write(move |store| store.add(now, &new)).await.expect("a hook");
    }

    async fn publish(&self) {
        let now = self.clock.now();
        let event = NewEvent {
            event_type: EventType::parse("E").expect("a type"),
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
        };
        let lease_until = now.plus(Duration::from_mins(1));
        let publish = Publish { now, lease_until, owner: Owner::ADMIN, event, wait: false };
        self.db.publish(publish).await.expect("a store").expect("a publish");
    }

    /// The writer waits in the midst of a transaction until what is returned is
    /// dropped: all that comes meanwhile joins it.
    async fn hold_the_transaction(&self) -> mpsc::Sender<()> {
        let (hold, until) = mpsc::channel::<()>();
        self.queue(move || _ = until.recv()).await;
        hold
    }

    /// The writer waits, once the transaction is on disk, before it answers those
    /// who came later, until what is returned is dropped.
    async fn hold_the_answers(&self) -> mpsc::Sender<()> {
        let (hold, until) = mpsc::channel();
        let waits = WaitsOnDrop(until);
        // It takes it along, and drops it once it has answered.
        self.queue(move || _ = black_box(&waits)).await;
        hold
    }

    /// Gives the writer something to do.
    async fn queue(&self, act: impl Fn() + Send + 'static) {
        let db = self.db.clone();
        let act = move |_: &mut dyn Writes| {
            act();
            Ok(())
        };
        tokio::spawn(async move { db.write(act).await });
        take_turns().await;
    }
}

#[tokio::test]
async fn what_had_no_room_is_claimed_even_if_its_publisher_has_gone() {
    let ((engine, handover), gate) = (Engine::new(), Gate::new().await);
    engine.add_hook(&gate.url("/")).await;
    engine.dispatch(handover);
    for _ in 0..4 {
        engine.publish().await;
    }
    gate.came(1).await;

    let hold = engine.hold_the_transaction().await;
    let mut publishing = Box::pin(engine.publish());
    tokio::select! {
        () = &mut publishing => panic!("the writer is held"),
        () = take_turns() => {}
    }
    drop((publishing, hold));
    gate.open();

    gate.answered(5).await;
    engine.close().await;
}

/// What a writer drops after it has answered.
struct WaitsOnDrop(mpsc::Receiver<()>);

impl Drop for WaitsOnDrop {
    fn drop(&mut self) {
        let _ = self.0.recv();
    }
}

/// Lets everything else that can go on do so.
async fn take_turns() {
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
}

/// Two deliveries are in memory and a third waits in the store. Its claim finds
/// no room; but before the dispatcher hears so, both are out of memory.
#[tokio::test]
async fn what_had_no_room_is_claimed_even_if_all_room_came_free_before_the_claim_was_answered() {
    let (engine, handover) = Engine::new();
    let gate = Gate::new().await;
    engine.add_hook(&gate.url("/cb")).await;
    engine.dispatch(handover);
    take_turns().await;
    for _ in 0..3 {
        engine.publish().await;
    }

    let transaction = engine.hold_the_transaction().await;
    gate.open();
    gate.answered(2).await;
    // Until both outcomes wait for the writer, on a busy machine, too.
    for _ in 0..20 {
        take_turns().await;
    }
    let answers = engine.hold_the_answers().await;
    engine.wake.notify_one();
    take_turns().await;
    drop(transaction);
    within("all room is free", async {
        while engine.db.room().held_by(HookId(1)) > 0 {
            take_turns().await;
        }
    })
    .await;
    take_turns().await;
    drop(answers);

    gate.answered(3).await;
    engine.close().await;
}
