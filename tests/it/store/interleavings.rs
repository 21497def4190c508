//! The clause that stands for all that nobody thought of: random operations, in
//! transactions that are kept or not, against a model.

use std::collections::HashSet;
use std::time::Duration;

use nyala::domain::delivery::{Next, State};
use nyala::domain::hook::Owner;
use nyala::domain::id::Seq;
use nyala::domain::pace::Showing;
use nyala::store::room::Room;
use nyala::store::{Leased, Recorded, Writes};
use proptest::test_runner::{Config, TestRunner};

use super::model::{Act, After, End, Model, Owed, Transaction, transactions};
use super::{Store, new_event, new_hook, prompt_room, published, record};

/// Puts store and model through the same, and compares what they answer.
struct Run<'a> {
    model: Model,
    room: &'a Room,
    /// Places that were taken in this transaction, and ones to give back once it is kept.
    taken: Vec<Leased>,
    given: Vec<Leased>,
}

impl Run<'_> {
    fn act(&mut self, store: &mut dyn Writes, act: &Act) {
        let now = self.model.now;
        match *act {
            Act::Add => self.add(store),
            Act::Remove(pick) => {
                if let Some(hook) = picked(&self.model.living, pick).copied() {
                    assert!(store.remove(now, hook, None).expect("a removal"));
                    self.model.living.retain(|living| *living != hook);
                }
            }
            Act::Pause(pick) => {
                if let Some(hook) = picked(&self.model.living, pick).copied() {
                    assert!(store.pause(now, hook).expect("a pause").is_some());
                    self.model.paused.insert(hook);
                }
            }
            Act::Resume(pick) => {
                if let Some(hook) = picked(&self.model.living, pick).copied() {
                    assert!(store.resume(now, hook).expect("a resumption").is_some());
                    self.model.paused.remove(&hook);
                }
            }
            // What was cancelled shows when the transaction is kept.
            Act::CancelOwed(limit) => drop(store.cancel_owed(now, limit).expect("a step")),
            Act::Publish => self.publish(store),
            Act::Claim => self.claim(store),
            Act::Renew(pick) => self.renew(store, pick),
            Act::Release(pick) => self.release(store, pick),
            Act::TakeBack { all } => {
                assert_eq!(store.take_back(now, all).expect("leases"), self.model.take_back(all));
            }
            Act::Record(pick, after) => {
                if !self.model.held.is_empty() {
                    let leased = self.model.held.remove(pick % self.model.held.len());
                    self.record(store, &leased, after);
                    self.let_go(leased);
                }
            }
            Act::RecordLate(pick, after) => {
                if let Some(leased) = picked(&self.model.late, pick).cloned() {
                    assert!(!self.model.is_ours(&leased));
                    self.record(store, &leased, after);
                }
            }
            Act::Wait(millis) => self.model.now = now.plus(Duration::from_millis(millis.into())),
        }
    }

    /// Every hook wants every event.
    fn add(&mut self, store: &mut dyn Writes) {
        let new = new_hook(&format!("http://receiver/{}", self.model.hooks_made), &["*"]);
        match store.add(self.model.now, &new).expect("a hook") {
            nyala::store::Added::New(hook) => self.model.living.push(hook.id),
            other => panic!("not new: {other:?}"),
        }
        self.model.hooks_made += 1;
    }

    fn publish(&mut self, store: &mut dyn Writes) {
        let (now, until) = (self.model.now, self.model.until());
        let kept = published(store.publish(now, until, Owner::ADMIN, &new_event("E"), self.room)).expect("a publish");
        assert_eq!(kept.deliveries as usize, self.model.living.len());
        let mut living = self.model.living.clone();
        living.sort_unstable();
        for (hook, seq) in living.into_iter().zip(kept.seq.0 + 1..) {
            let new = self.model.deliveries.insert(Seq(seq), (hook, Owed::Pending { due_at: now }));
            assert_eq!(new, None, "a number was used twice");
        }
        self.take(kept.leased);
    }

    fn claim(&mut self, store: &mut dyn Writes) {
        let now = self.model.now;
        let claimed = store.claim(now, self.model.until(), self.room).expect("a claim");
        for leased in &claimed.leased {
            let owed = *self.model.owed(leased.seq);
            assert!(matches!(owed, Owed::Pending { due_at } if due_at <= now), "{leased:?} was {owed:?}");
        }
        self.take(claimed.leased);
        for (hook, due_at) in self.model.pending() {
            // What is left of a hook that is behind is claimed when there is room again.
            let seen = due_at > now && claimed.next_due.is_some_and(|next_due| next_due <= due_at);
            assert!(seen || claimed.crowded || claimed.behind.contains(&hook), "{hook:?} is owed at {due_at:?}");
        }
    }

    fn take(&mut self, leased: Vec<Leased>) {
        for leased in &leased {
            self.model.give(leased);
        }
        self.taken.extend(leased);
    }

    fn renew(&mut self, store: &mut dyn Writes, pick: usize) {
        let Some(leased) = picked(&self.model.held, pick).cloned() else { return };
        let until = self.model.until();
        let ours = store.renew(leased.seq, leased.lease, until).expect("an answer");
        assert_eq!(ours, self.model.is_ours(&leased));
        if ours {
            *self.model.owed(leased.seq) = Owed::Leased { lease: leased.lease, until };
        }
    }

    fn release(&mut self, store: &mut dyn Writes, pick: usize) {
        if self.model.held.is_empty() {
            return;
        }
        let leased = self.model.held.remove(pick % self.model.held.len());
        let now = self.model.now;
        store.release(now, &[(leased.seq, leased.lease)]).expect("a release");
        if self.model.is_ours(&leased) {
            *self.model.owed(leased.seq) = Owed::Pending { due_at: now };
        }
        self.let_go(leased);
    }

    fn let_go(&mut self, leased: Leased) {
        self.model.late.push(leased.clone());
        self.given.push(leased);
    }

    fn record(&mut self, store: &mut dyn Writes, leased: &Leased, after: After) {
        let now = self.model.now;
        let retry_at = |millis: u8| now.plus(Duration::from_millis(millis.into()));
        let (status, next, owed) = match after {
            After::Done => (200, Next::Done, Owed::Finished(State::Delivered)),
            After::Retry(millis) => (500, Next::RetryAt(retry_at(millis)), Owed::Pending { due_at: retry_at(millis) }),
            After::GiveUp => (500, Next::GiveUp, Owed::Finished(State::Dead)),
            // Of another URL by now, if there is one still: to be asked there at once.
            After::Gone if self.model.living.contains(&leased.hook) => {
                (410, Next::DropHook, Owed::Pending { due_at: now })
            }
            After::Gone => (410, Next::DropHook, Owed::Finished(State::Dead)),
        };
        let recorded = store.record(now, &record(leased, status, next)).expect("an answer");
        if self.model.is_ours(leased) {
            assert!(matches!(recorded, Recorded::Kept { .. }));
            *self.model.owed(leased.seq) = owed;
        } else {
            assert_eq!(recorded, Recorded::NotOurs, "{leased:?}");
        }
    }
}

fn picked<T>(items: &[T], pick: usize) -> Option<&T> {
    items.get(pick.checked_rem(items.len())?)
}

/// Does one transaction; the model follows if it is kept.
fn transact(store: &mut Store, model: Model, room: &Room, (acts, end): &Transaction) -> Model {
    let before = model.clone();
    let mut run = Run { model, room, taken: vec![], given: vec![] };
    let backend = store.backend();
    backend.begin().expect("a transaction");
    backend.mark().expect("a mark");
    for act in acts {
        run.act(backend.writes(), act);
    }
    match end {
        End::Kept => assert!(backend.unmark(true)),
        End::Unmarked => assert!(backend.unmark(false)),
        End::RolledBack => backend.rollback(),
        End::Crashed => {}
    }
    if matches!(end, End::Kept | End::Unmarked) {
        backend.commit().expect("a commit");
    }
    if *end == End::Kept {
        run.given
            .iter()
            .for_each(|leased| room.finished(leased.hook, leased.event.payload.len(), Showing::Prompt, false));
        return run.model;
    }
    room.give_back_all(&run.taken);
    // Only time is not taken back.
    let model = Model { now: run.model.now, ..before };
    if *end == End::Crashed { crash(store, model, room) } else { model }
}

/// What was in memory is gone; the next process takes back what this one had.
fn crash(store: &mut Store, mut model: Model, room: &Room) -> Model {
    store.open_again();
    let taken_back = store.write(|store| store.take_back(model.now, true));
    assert_eq!(taken_back, model.take_back(true));
    room.give_back_all(&model.held);
    let held = std::mem::take(&mut model.held);
    model.late.extend(held);
    model
}

/// What the store shows must be what the model holds, but for what removed hooks
/// owe: that may be cancelled.
fn compare(store: &Store, model: &mut Model) {
    let shown = store.deliveries();
    assert_eq!(shown.len(), model.deliveries.len());
    for (seq, (hook, owed)) in &mut model.deliveries {
        let delivery = &shown[seq];
        let pending = matches!(owed, Owed::Pending { .. });
        if delivery.state == State::Cancelled && pending && !model.living.contains(hook) {
            *owed = Owed::Finished(State::Cancelled);
        }
        let (state, due_at) = match *owed {
            Owed::Pending { due_at } => (State::Pending, Some(due_at)),
            Owed::Leased { .. } => (State::Leased, None),
            Owed::Finished(state) => (state, None),
        };
        assert_eq!((delivery.state, delivery.due_at, delivery.hook), (state, due_at, *hook), "{seq:?}");
    }
}

/// Everything that is still owed is found once no hook is paused: by a claim, or by
/// cancelling.
fn find_all(store: &mut Store, mut model: Model) {
    for &hook in &model.paused {
        store.write(|store| store.resume(model.now, hook));
    }
    store.write(|store| store.take_back(model.now, true));
    model.take_back(true);
    while store.write(|store| store.cancel_owed(model.now, 3)).more {}
    let late = model.now.plus(Duration::from_hours(1));
    let found =
        store.claim(late, &prompt_room(1000)).leased.into_iter().map(|leased| leased.seq).collect::<HashSet<_>>();
    for (seq, (hook, owed)) in &model.deliveries {
        let pending = matches!(owed, Owed::Pending { .. });
        let living = model.living.contains(hook);
        assert_eq!(found.contains(seq), pending && living, "{seq:?}");
        if pending && !living {
            assert_eq!(store.state(*seq), State::Cancelled, "{seq:?}");
        }
    }
}

pub(super) fn each_delivery_has_one_owner_at_most_and_none_is_ever_lost(store: &mut Store) {
    let config = Config { cases: 96, failure_persistence: None, ..Config::default() };
    let _ = store;
    TestRunner::new(config)
        .run(&transactions(), |transactions| {
            let mut store = store.anew();
            let (mut model, room) = (Model::new(), Room::new(1));
            for transaction in &transactions {
                model = transact(&mut store, model, &room, transaction);
                compare(&store, &mut model);
            }
            find_all(&mut store, model);
            Ok(())
        })
        .expect("what holds of every run");
}
