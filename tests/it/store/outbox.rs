//! Clauses about publishing, claiming and leases.

use std::collections::HashSet;
use std::time::Duration;

use nyala::domain::application::Application;
use nyala::domain::delivery::{Next, State};
use nyala::domain::event::NewEvent;
use nyala::domain::filter::Filter;
use nyala::domain::hook::{NewHook, Owner};
use nyala::domain::id::{HookId, Lease, Seq};
use nyala::domain::pace::Showing;
use nyala::domain::time::Timestamp;
use nyala::store::room::Room;
use nyala::store::{Errand, Leased, Recorded};

use super::{LEASE, Store, at, new_event, new_hook, on_record, prompt_room, published, record, start};

fn seqs(leased: &[Leased]) -> Vec<Seq> {
    leased.iter().map(|leased| leased.seq).collect()
}

fn taken_back(store: &mut Store, now: Timestamp, all: bool) -> usize {
    store.write(|store| store.take_back(now, all))
}

/// A room in which so many deliveries have room, whoever's they are.
fn room_for(places: usize) -> Room {
    let room = Room::new(1);
    let mut other = HookId(1_000_000);
    assert!(room.take(other, 0));
    room.finished(other, 0, Showing::Prompt, false);
    while room.free() > places {
        if !room.take(other, 0) {
            other = HookId(other.0 + 1);
            assert!(room.take(other, 0));
            room.finished(other, 0, Showing::Prompt, false);
        }
    }
    room
}

/// A hook that wants events of these types and applications.
fn picky(url: &str, events: &[&str], applications: &[&str]) -> NewHook {
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    let filter = Filter::product(&names(events), &names(applications)).expect("a filter");
    NewHook { filter, ..new_hook(url, &["*"]) }
}

pub(super) fn a_publish_reaches_the_hooks_that_want_it_each_once(store: &mut Store) {
    let any = store.hook("any", "*");
    let exact = store.hook("exact", "deployed");
    store.hook("other", "Other");
    let both = picky("http://receiver/both", &["*", "Deployed"], &["*", "shop", "blog"]);
    let blog = picky("http://receiver/blog", &["Deployed"], &["blog"]);
    store.write(|store| store.add(start(), &both).and_then(|_| store.add(start(), &blog)));
    let shop = vec![Application::parse("shop").expect("a name")];
    let event = NewEvent { applications: shop, ..new_event("DEPLOYED") };

    let room = Room::new(1);
    let kept = store.write(|store| published(store.publish(start(), at(9), Owner::ADMIN, &event, &room)));

    assert_eq!((kept.deliveries, kept.untried, kept.leased.len(), kept.overflow), (3, 3, 3, false));
    let hooks: Vec<_> = kept.leased.iter().map(|leased| leased.hook).collect();
    assert_eq!(hooks, [any, exact, HookId(both_id(store))]);
    assert_eq!(seqs(&kept.leased), [1, 2, 3].map(|n| Seq(kept.seq.0 + n)), "they follow their event");
    for leased in &kept.leased {
        assert_eq!((leased.until, leased.attempts, leased.event.id), (at(9), 0, kept.id));
    }
}

fn both_id(store: &Store) -> i64 {
    let filter = nyala::store::HookFilter { text: Some("/both".into()), ..nyala::store::HookFilter::default() };
    store.archive().hooks(nyala::store::page::Page::default(), &filter).expect("hooks").items[0].id.0
}

pub(super) fn a_publish_is_leased_as_far_as_there_is_room(store: &mut Store) {
    let (one, other) = (store.hook("one", "*"), store.hook("other", "F"));
    let room = Room::new(1);
    let places = room.free_for(one);
    for _ in 0..places {
        assert!(!store.publish("E", &room).overflow);
    }

    let kept = store.publish("F", &room);

    assert!(kept.overflow);
    assert_eq!(kept.leased.iter().map(|leased| leased.hook).collect::<Vec<_>>(), [other]);
    assert_eq!((store.state(Seq(kept.seq.0 + 1)), store.state(Seq(kept.seq.0 + 2))), (State::Pending, State::Leased));
    assert_eq!((room.held_by(one), room.held_by(other)), (places, 1));
}

pub(super) fn what_is_new_queues_up_behind_what_waits(store: &mut Store) {
    let hook = store.hook("a", "E");
    let room = Room::new(1);
    let first = std::iter::repeat_with(|| store.publish("E", &room)).find(|kept| kept.overflow).expect("an overflow");
    room.finished(hook, 2, Showing::Prompt, false);

    let second = store.publish("E", &room);
    let claimed = store.claim(start(), &room);

    assert!(second.overflow, "though there is room now");
    assert_eq!(seqs(&claimed.leased)[0], Seq(first.seq.0 + 1), "the older one goes first");
}

pub(super) fn a_claim_takes_what_is_due_and_nothing_else(store: &mut Store) {
    store.hook("a", "*");
    let waits = store.publish("E", &Room::new(1)).leased.remove(0);
    let under_way = store.publish("E", &Room::new(1)).leased.remove(0);
    let delivered = store.publish("E", &Room::new(1)).leased.remove(0);
    store.write(|store| store.record(start(), &record(&waits, 500, Next::RetryAt(at(10)))));
    store.write(|store| store.record(start(), &record(&delivered, 200, Next::Done)));

    let too_early = store.claim(at(9), &Room::new(1));
    let in_time = store.claim(at(10), &Room::new(1));

    assert!(too_early.leased.is_empty());
    assert_eq!(seqs(&in_time.leased), [waits.seq]);
    let claimed = &in_time.leased[0];
    assert_eq!((claimed.attempts, claimed.until, claimed.event.id), (1, at(10).plus(LEASE), waits.event.id));
    assert_eq!((store.state(waits.seq), store.state(under_way.seq)), (State::Leased, State::Leased));
}

pub(super) fn a_claim_takes_the_oldest_first(store: &mut Store) {
    store.hook("a", "*");
    let events: Vec<_> = (0..6).map(|_| store.publish("E", &Room::new(0))).collect();

    let claimed = store.claim(start(), &prompt_room(1));

    let oldest: Vec<_> = events[..4].iter().map(|event| Seq(event.seq.0 + 1)).collect();
    assert_eq!(seqs(&claimed.leased), oldest);
    assert_eq!(claimed.behind, [claimed.leased[0].hook], "there is more");
}

pub(super) fn a_claim_takes_the_heads_of_all_hooks_first(store: &mut Store) {
    store.hook("busy", "Busy");
    let mut heads = vec![];
    for _ in 0..10 {
        heads.push(Seq(store.publish("Busy", &Room::new(0)).seq.0 + 1));
    }
    heads.truncate(1);
    for name in ["b", "c"] {
        store.hook(name, name);
        heads.push(Seq(store.publish(name, &Room::new(0)).seq.0 + 1));
    }

    let claimed = store.claim(start(), &room_for(3));
    let left = store.claim(start(), &room_for(0));

    assert_eq!(seqs(&claimed.leased).into_iter().collect::<HashSet<_>>(), heads.into_iter().collect());
    assert!(left.leased.is_empty() && left.crowded);
}

pub(super) fn a_claim_never_gives_a_delivery_twice(store: &mut Store) {
    store.hook("a", "*");
    for _ in 0..3 {
        store.publish("E", &Room::new(0));
    }

    let first = store.claim(start(), &prompt_room(9)).leased;
    assert!(store.claim(start(), &prompt_room(9)).leased.is_empty());
    assert!(store.claim(at(10_000_000), &prompt_room(9)).leased.is_empty(), "not until it was taken back");
    taken_back(store, start(), true);
    let second = store.claim(start(), &prompt_room(9)).leased;

    assert_eq!(seqs(&first), seqs(&second));
    let leases: HashSet<Lease> = first.iter().chain(&second).map(|leased| leased.lease).collect();
    assert_eq!(leases.len(), 6, "each lease is another");
}

pub(super) fn a_claim_says_when_the_next_is_due(store: &mut Store) {
    store.hook("a", "A");
    store.hook("b", "B");
    assert_eq!(store.claim(start(), &Room::new(1)).next_due, None);
    for (event, due_at) in [("A", 50), ("B", 60), ("B", 40)] {
        let leased = store.publish(event, &Room::new(1)).leased.remove(0);
        store.write(|store| store.record(start(), &record(&leased, 500, Next::RetryAt(at(due_at)))));
    }

    let next_due = |store: &mut Store, now| store.claim(at(now), &Room::new(1)).next_due;

    assert_eq!(next_due(store, 0), Some(at(40)));
    assert_eq!(next_due(store, 40), Some(at(50)));
    assert_eq!(next_due(store, 50), Some(at(60)));
    assert_eq!(next_due(store, 60), None);
}

pub(super) fn what_is_released_can_be_claimed_at_once(store: &mut Store) {
    store.hook("a", "*");
    let leased = store.publish("E", &Room::new(1)).leased.remove(0);

    store.write(|store| store.release(at(5), &[(leased.seq, leased.lease)]));

    assert_eq!(store.delivery(leased.seq).0.due_at, Some(at(5)));
    let claimed = store.claim(at(5), &Room::new(1)).leased;
    assert_eq!((seqs(&claimed), claimed[0].attempts), (vec![leased.seq], 0));
}

pub(super) fn a_renewed_lease_lasts_longer(store: &mut Store) {
    store.hook("a", "*");
    let leased = store.publish("E", &Room::new(1)).leased.remove(0);
    let longer = leased.until.plus(LEASE);

    assert!(store.write(|store| store.renew(leased.seq, leased.lease, longer)));

    assert_eq!(taken_back(store, leased.until, false), 0);
    assert_eq!(taken_back(store, longer, false), 1);
    assert!(!store.write(|store| store.renew(leased.seq, leased.lease, longer)), "it is ours no more");
}

pub(super) fn leases_that_ran_out_are_taken_back_and_others_are_not(store: &mut Store) {
    store.hook("a", "*");
    let early = store.publish("E", &Room::new(1)).leased.remove(0);
    let event = new_event("E");
    let late = store
        .write(|store| published(store.publish(start(), early.until.plus(LEASE), Owner::ADMIN, &event, &Room::new(1))));

    assert_eq!(taken_back(store, Timestamp::from_millis(early.until.millis() - 1), false), 0);
    assert_eq!(taken_back(store, early.until, false), 1);

    assert_eq!(seqs(&store.claim(early.until, &Room::new(1)).leased), [early.seq]);
    assert_eq!(store.state(late.leased[0].seq), State::Leased);
}

pub(super) fn at_a_start_all_leases_are_taken_back(store: &mut Store) {
    store.hook("a", "*");
    store.hook("b", "*");
    store.publish("E", &Room::new(1));
    store.open_again();

    assert_eq!(taken_back(store, start(), true), 2);

    assert_eq!(store.claim(start(), &Room::new(1)).leased.len(), 2);
}

pub(super) fn a_probe_that_is_given_back_goes_out_again(store: &mut Store) {
    store.hook("any", "*");
    let failures: Vec<_> = (0..5).flat_map(|_| store.publish("E", &prompt_room(9)).leased).collect();
    for leased in failures {
        store.write(|store| store.record(start(), &record(&leased, 500, Next::RetryAt(at(1_000_000)))));
    }
    let owed = Seq(store.publish("E", &Room::new(0)).seq.0 + 1);
    let probe_at = store.claim(start(), &Room::new(1)).next_due.expect("a probe");
    let later = probe_at.plus(Duration::from_secs(1));

    let probe = store.claim(probe_at, &Room::new(1)).leased.remove(0);
    store.write(|store| store.release(later, &[(probe.seq, probe.lease)]));
    let again = store.claim(later, &Room::new(1)).leased;
    store.open_again();
    taken_back(store, later, true);
    let after_a_crash = store.claim(later, &Room::new(1)).leased;

    for claimed in [[probe].as_slice(), &again, &after_a_crash] {
        assert_eq!((seqs(claimed), claimed[0].errand), (vec![owed], Errand::Probe));
    }
}

pub(super) fn a_lease_that_is_not_ours_changes_nothing(store: &mut Store) {
    store.hook("a", "*");
    let old = store.publish("E", &Room::new(1)).leased.remove(0);
    taken_back(store, start(), true);
    let new = store.claim(start(), &Room::new(1)).leased.remove(0);

    store.write(|store| store.release(start(), &[(old.seq, old.lease)]));
    assert!(!store.write(|store| store.renew(old.seq, old.lease, at(1_000_000))));
    let recorded = store.write(|store| store.record(start(), &record(&old, 200, Next::Done)));

    assert_eq!(recorded, Recorded::NotOurs);
    assert_eq!(store.state(old.seq), State::Leased);
    let recorded = store.write(|store| store.record(start(), &record(&new, 200, Next::Done)));
    assert_eq!(recorded, on_record(None));
}
