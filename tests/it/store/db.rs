//! The async way to the store: who shares a transaction shares no trouble.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::task::Poll;

use futures_util::future::join_all;
use nyala::domain::delivery::Next;
use nyala::domain::event::{Idempotency, IdempotencyKey, NewEvent};
use nyala::domain::hook::Owner;
use nyala::domain::id::{EventId, HookId};
use nyala::domain::token::{NewToken, Scope, TokenHash, TokenState};
use nyala::store::db::{Db, Handover, Kept, Publish};
use nyala::store::known_tokens::KnownTokens;
use nyala::store::page::Page;
use nyala::store::room::Room;
use nyala::store::sqlite::Desk;
use nyala::store::{Added, EventFilter, Leased, Reads, Result, StoreError, Tokens, Writes};
use rusqlite::Connection;
use tempfile::TempDir;
use tokio::sync::oneshot::error::TryRecvError;

use super::{LEASE, new_event, new_hook, record, start};
use crate::house::{rules, vault, within};

/// A database with a server's handle to it.
struct Served {
    db: Db,
    handover: Handover,
    folder: TempDir,
}

impl Served {
    fn new() -> Self {
        let folder = TempDir::new().expect("a folder for the database");
        let (db, handover) =
            Db::open(&folder.path().join("nyala.db"), Arc::new(Room::new(1)), rules(), vault()).expect("a database");
        Self { db, handover, folder }
    }

    async fn hook(&self, name: &str) -> HookId {
        let new = new_hook(&format!("http://receiver/{name}"), &["*"]);
        match self.db.write(move |store| store.add(start(), &new)).await.expect("a hook") {
            Added::New(hook) => hook.id,
            other => panic!("not new: {other:?}"),
        }
    }

    fn publishing(&self, event: NewEvent) -> impl Future<Output = Result<Kept>> + Send + 'static {
        let publish =
            Publish { now: start(), lease_until: start().plus(LEASE), owner: Owner::ADMIN, event, wait: true };
        let db = self.db.clone();
        async move { db.publish(publish).await.map(|kept| kept.expect("no other body")) }
    }

    /// What was handed over next.
    async fn handed(&mut self) -> Leased {
        within("a delivery", self.handover.recv()).await.expect("a delivery").leased.remove(0)
    }

    async fn has_event(&self, id: EventId) -> bool {
        self.db.read(move |archive| archive.event(id)).await.expect("an answer").is_some()
    }

    /// The writer waits until what is returned is dropped: all that comes
    /// meanwhile shares a transaction.
    async fn hold_the_writer(&self) -> mpsc::Sender<()> {
        let (hold, until) = mpsc::channel::<()>();
        let (reached, there) = mpsc::channel();
        let db = self.db.clone();
        let waits = move || {
            let _ = reached.send(());
            let _ = until.recv();
        };
        tokio::spawn(async move {
            db.write(move |_| {
                waits();
                Ok(())
            })
            .await
        });
        tokio::task::spawn_blocking(move || there.recv()).await.expect("a thread").expect("a writer");
        hold
    }

    /// From now on events of type `Fail` are refused; and events of type `Poison`
    /// make the database roll back the whole transaction by itself, as it does
    /// when the disk is full, but only once they come for the second time.
    async fn poison(&self) {
        let conn = Connection::open(self.folder.path().join("nyala.db")).expect("the database");
        // What `total_changes` counts is not rolled back.
        let triggers = "
            CREATE TABLE poison (changes INTEGER);
            CREATE TRIGGER fail BEFORE INSERT ON events WHEN new.type = 'Fail'
            BEGIN SELECT RAISE(ABORT, 'fail'); END;
            CREATE TRIGGER measure BEFORE INSERT ON events WHEN new.type = 'Measure'
            BEGIN INSERT INTO poison VALUES (total_changes()); END;
            CREATE TRIGGER poison BEFORE INSERT ON events
            WHEN new.type = 'Poison' AND total_changes() > (SELECT changes FROM poison) + 20
            BEGIN SELECT RAISE(ROLLBACK, 'poison'); END;";
        conn.execute_batch(triggers).expect("triggers");
        self.publishing(new_event("Measure")).await.expect("a publish");
    }

    /// The types of all events that are kept.
    async fn kept(&self) -> Vec<String> {
        let events =
            self.db.read(|archive| archive.events(Page::default(), &EventFilter::default())).await.expect("events");
        events.items.iter().map(|summary| summary.event.event_type.as_str().to_owned()).collect()
    }
}

fn keyed(payload: &'static str) -> NewEvent {
    let key = IdempotencyKey::parse("k").expect("a key");
    let idempotency = Some(Idempotency::of(key, &[], payload.as_bytes(), None));
    NewEvent { payload: payload.into(), idempotency, ..new_event("E") }
}

#[tokio::test]
async fn the_failure_of_one_does_not_undo_anothers_write() {
    let mut served = Served::new();
    served.hook("a").await;
    let hold = served.hold_the_writer().await;
    let failing = tokio::spawn({
        let db = served.db.clone();
        async move {
            let new = new_hook("http://receiver/b", &["*"]);
            let fails = move |store: &mut dyn Writes| {
                store.add(start(), &new)?;
                Err::<(), _>(StoreError::Failed("on purpose".into()))
            };
            db.write(fails).await
        }
    });
    let publishes = [tokio::spawn(served.publishing(new_event("E"))), tokio::spawn(served.publishing(new_event("E")))];
    tokio::task::yield_now().await;
    drop(hold);

    assert!(matches!(failing.await.expect("an answer"), Err(StoreError::Failed(why)) if why == "on purpose"));
    for publish in publishes {
        let kept = publish.await.expect("an answer").expect("a publish").published;
        assert_eq!(kept.deliveries, 1, "only the first hook was kept");
        assert!(served.has_event(kept.id).await);
        assert_eq!(served.handed().await.event.id, kept.id);
    }
    served.db.close();
}

/// Publishes so that the database rolls back by itself in the midst of it;
/// answers the types of what was acknowledged.
async fn publish_poison(served: &Served, hold: mpsc::Sender<()>) -> Vec<String> {
    let others = (0..15).map(|n| format!("Other{n}"));
    let types = ["One".to_owned(), "Poison".to_owned()].into_iter().chain(others).chain(["Fail".to_owned()]);
    let publish = |event: String| {
        let publishing = served.publishing(new_event(&event));
        async move { publishing.await.is_ok().then_some(event) }
    };
    let publishes: Vec<_> = types.map(|event| tokio::spawn(publish(event))).collect();
    take_turns().await;
    drop(hold);
    join_all(publishes).await.into_iter().filter_map(|answer| answer.expect("an answer")).collect()
}

async fn take_turns() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn when_the_database_rolls_back_by_itself_exactly_what_is_kept_is_acknowledged() {
    let served = Served::new();
    served.hook("a").await;
    served.poison().await;

    let hold = served.hold_the_writer().await;
    let mut acknowledged = publish_poison(&served, hold).await;

    acknowledged.insert(0, "Measure".to_owned());
    acknowledged.reverse();
    assert_eq!(served.kept().await, acknowledged);
    served.db.close();
}

#[tokio::test]
async fn after_the_database_rolled_back_by_itself_the_next_publish_is_kept() {
    let served = Served::new();
    served.hook("a").await;
    served.poison().await;
    let hold = served.hold_the_writer().await;
    publish_poison(&served, hold).await;

    let next = within("a publish", served.publishing(new_event("Next"))).await;

    assert!(next.is_ok(), "{:?}", next.map(|kept| kept.published));
    assert_eq!(served.kept().await[0], "Next");
    served.db.close();
}

#[tokio::test]
async fn when_the_database_rolls_back_by_itself_no_result_is_left_of_an_attempt_that_is_not_on_record() {
    let mut served = Served::new();
    let hook = served.hook("a").await;
    served.poison().await;
    let leased = served.handed().await;

    let hold = served.hold_the_writer().await;
    let (db, attempt) = (served.db.clone(), Arc::new(record(&leased, 500, Next::GiveUp)));
    let recording = tokio::spawn(async move { db.record(start(), attempt).await });
    take_turns().await;
    publish_poison(&served, hold).await;

    let recorded = recording.await.expect("an answer");
    let shown = served.db.read(move |archive| archive.hook(hook)).await.expect("an answer").expect("the hook");
    assert_eq!(shown.last.is_some(), recorded.is_ok(), "{recorded:?}: {:?}", shown.last);
    served.db.close();
}

#[tokio::test]
async fn a_publish_that_makes_the_database_roll_back_by_itself_undoes_no_outcome() {
    let mut served = Served::new();
    served.hook("a").await;
    served.poison().await;
    let leased = served.handed().await;

    let hold = served.hold_the_writer().await;
    let (db, attempt) = (served.db.clone(), Arc::new(record(&leased, 200, Next::Done)));
    let recording = tokio::spawn(async move { db.record(start(), attempt).await });
    take_turns().await;
    let acknowledged = publish_poison(&served, hold).await;

    assert!(!acknowledged.contains(&"One".to_owned()), "it was undone: {acknowledged:?}");
    recording.await.expect("an answer").expect("a record");
    served.db.close();
}

/// An outcome is on record, but whoever recorded it has not gone on; meanwhile
/// the publish is repeated. What was counted as tried is not counted again.
#[tokio::test]
async fn a_repeat_does_not_take_a_first_attempt_that_was_on_record_for_one_that_it_waits_for() {
    let mut served = Served::new();
    served.hook("a").await;
    served.hook("b").await;
    let first = served.publishing(keyed("1")).await.expect("a publish");
    let handed = within("deliveries", served.handover.recv()).await.expect("deliveries");
    assert_eq!(handed.leased.len(), 2);

    let mut recording = pin!(served.db.record(start(), Arc::new(record(&handed.leased[0], 200, Next::Done))));
    let begun = poll_fn(|context| Poll::Ready(recording.as_mut().poll(context).is_pending())).await;
    assert!(begun);
    // Done after it: so it is on record.
    served.db.write(|_| Ok(())).await.expect("a turn of the writer");
    let repeat = served.publishing(keyed("1")).await.expect("a publish");
    recording.await.expect("a record");

    assert_eq!((first.published.id, repeat.published.untried), (repeat.published.id, 1));
    let mut waits = repeat.first_attempts.expect("a wait");
    assert_eq!(waits.try_recv(), Err(TryRecvError::Empty), "the other first attempt has not ended");

    served.db.record(start(), Arc::new(record(&handed.leased[1], 200, Next::Done))).await.expect("a record");
    assert_eq!(waits.try_recv(), Err(TryRecvError::Closed), "now both have");
    served.db.close();
}

#[tokio::test]
async fn a_first_attempt_that_is_given_up_is_not_waited_for() {
    let mut served = Served::new();
    served.hook("a").await;
    let mut waits = served.publishing(new_event("E")).await.expect("a publish").first_attempts.expect("a wait");
    let leased = served.handed().await;
    let lease = (leased.seq, leased.lease);
    served.db.write(move |store| store.release(start(), &[lease])).await.expect("a release");
    assert_eq!(waits.try_recv(), Err(TryRecvError::Empty));

    let given_up = served.db.give_up(start(), vec![leased.seq]).await.expect("a step").done;

    assert_eq!((given_up, waits.try_recv()), (1, Err(TryRecvError::Closed)));
    served.db.close();
}

#[tokio::test]
async fn a_token_is_seen_as_made_and_as_revoked_though_lists_hold_all_readers() {
    let served = Served::new();
    let tokens = KnownTokens::of(served.db.clone()).await.expect("tokens");
    let (held, holding) = mpsc::channel();
    let (release, shared) = (Arc::new(AtomicBool::new(false)), served.db.clone());
    let lists: Vec<_> = (0..20)
        .map(|_| {
            let (db, held, release) = (shared.clone(), held.clone(), release.clone());
            tokio::spawn(async move {
                let list = move |_: &dyn Reads| {
                    // Who comes after the first four is not waited for.
                    let _ = held.send(());
                    while !release.load(Ordering::Relaxed) {
                        std::thread::yield_now();
                    }
                    Ok(())
                };
                within("a list", db.read(list)).await
            })
        })
        .collect();
    let all = tokio::task::spawn_blocking(move || (0..4).for_each(|_| holding.recv().expect("a list")));
    within("all readers are held", all).await.expect("the lists");

    let mut desk = Desk::open(&served.folder.path().join("nyala.db")).expect("a desk");
    let hash = TokenHash::of(b"nyala_x");
    let new = NewToken { name: "ci".into(), scopes: vec![Scope::Read], applications: vec![], expires_at: None };
    desk.create_token(start(), &new, hash).expect("a token");
    within("a look", tokens.look()).await.expect("a look");
    let made = tokens.find(&hash).expect("it is known").token.state(start());
    desk.revoke_token(start(), "ci").expect("revoked");
    within("a look", tokens.look()).await.expect("a look");
    let revoked = tokens.find(&hash).expect("it is known").token.state(start());

    let waiting = lists.iter().filter(|list| !list.is_finished()).count();
    release.store(true, Ordering::Relaxed);
    for list in lists {
        list.await.expect("a task").expect("an answer");
    }
    assert_eq!((made, revoked, waiting), (TokenState::Active, TokenState::Revoked, 20));
}
