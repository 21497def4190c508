//! Clauses about what has grown old.

use std::collections::BTreeSet;

use nyala::domain::delivery::{Next, State};
use nyala::domain::event::NewEvent;
use nyala::domain::hook::Owner;
use nyala::domain::id::Seq;
use nyala::domain::time::Timestamp;
use nyala::store::{Finished, Published};

use super::{LEASE, Store, at, new_event, prompt_room, published, record, start};

const ALL: Seq = Seq(i64::MAX);

/// A publish at this time.
fn publish_at(store: &mut Store, now: Timestamp, event: &NewEvent) -> Published {
    let room = prompt_room(1000);
    store.write(|store| published(store.publish(now, now.plus(LEASE), Owner::ADMIN, event, &room)))
}

/// Ends all deliveries of a publish, each by one attempt.
fn finish(store: &mut Store, published: &Published, next: Next) {
    let status = if next == Next::Done { 200 } else { 500 };
    for leased in &published.leased {
        store.write(|store| store.record(start(), &record(leased, status, next)));
    }
}

/// What a whole walk finds.
fn found(store: &Store, end: Seq, before: Timestamp) -> Vec<Finished> {
    let (archive, mut after, mut found) = (store.archive(), Seq(0), vec![]);
    loop {
        let stretch = archive.finished(after, end, before).expect("a stretch");
        found.extend(stretch.finished);
        let Some(last) = stretch.last else { return found };
        after = last;
    }
}

fn seqs(found: &[Finished]) -> Vec<Seq> {
    found.iter().map(|finished| finished.seq).collect()
}

pub(super) fn only_events_of_which_nothing_is_owed_are_finished(store: &mut Store) {
    store.hook("a", "*");
    store.hook("b", "*");
    let kinds: Vec<_> = (0..5).map(|_| publish_at(store, start(), &new_event("E"))).collect();
    finish(store, &kinds[0], Next::Done);
    finish(store, &kinds[1], Next::GiveUp);
    finish(store, &kinds[2], Next::RetryAt(at(5)));
    store.write(|store| store.record(start(), &record(&kinds[3].leased[0], 200, Next::Done)));
    let unwanted = publish_at(store, start(), &NewEvent { payload: "[1,2]".into(), ..new_event("E") });
    finish(store, &unwanted, Next::Done);

    let finished = found(store, ALL, at(1));

    assert_eq!(seqs(&finished), [kinds[0].seq, kinds[1].seq, unwanted.seq]);
    assert_eq!(finished[2].bytes, 5);
}

pub(super) fn only_events_older_than_asked_are_finished(store: &mut Store) {
    let events: Vec<_> = [0, 10, 20].map(|millis| publish_at(store, at(millis), &new_event("E"))).into();
    let end = |store: &Store, millis| store.archive().end_of(at(millis)).expect("an end");

    assert_eq!(end(store, 0), Seq(0));
    assert_eq!((end(store, 1), end(store, 10)), (events[0].seq, events[0].seq));
    assert_eq!(end(store, 11), events[1].seq);
    assert_eq!(seqs(&found(store, end(store, 11), at(11))), [events[0].seq, events[1].seq]);
    assert_eq!(seqs(&found(store, ALL, at(11))), [events[0].seq, events[1].seq], "each event's own time counts, too");
}

pub(super) fn the_end_of_what_is_old_includes_its_deliveries(store: &mut Store) {
    store.hook("a", "*");
    store.hook("b", "*");
    let event = publish_at(store, start(), &new_event("E"));

    let end = store.archive().end_of(at(1)).expect("an end");

    assert_eq!(end, Seq(event.seq.0 + 2));
}

pub(super) fn an_event_goes_with_all_that_belongs_to_it(store: &mut Store) {
    let hook = store.hook("a", "*");
    let (old, kept) = (publish_at(store, start(), &new_event("E")), publish_at(store, start(), &new_event("E")));
    store.write(|store| store.record(start(), &record(&old.leased[0], 500, Next::GiveUp)));

    let finished = found(store, ALL, at(1));
    let done = store.write(|store| store.remove_events(&finished, 100));

    assert_eq!((seqs(&finished), done), (vec![old.seq], 1));
    assert!(!store.has_event(old.id) && store.has_event(kept.id));
    assert_eq!(store.deliveries().keys().copied().collect::<Vec<_>>(), [kept.leased[0].seq]);
    let last = store.living(hook).expect("the hook").last.expect("a result");
    assert_eq!((last.delivery, last.status, last.context), (old.leased[0].seq, Some(500), None));
}

pub(super) fn a_large_event_goes_in_steps_and_its_parts_can_be_read_meanwhile(store: &mut Store) {
    for n in 0..40 {
        store.hook(&n.to_string(), "*");
    }
    let event = publish_at(store, start(), &new_event("E"));
    finish(store, &event, Next::GiveUp);
    let finished = found(store, ALL, at(1));

    let mut left = vec![];
    // An attempt and a delivery for each hook.
    while store.write(|store| store.remove_events(&finished, 10)) == 0 {
        assert!(store.has_event(event.id), "it goes last");
        left.push(store.deliveries().len());
    }

    assert_eq!(left, [35, 30, 25, 20, 15, 10, 5, 0]);
    assert!(!store.has_event(event.id));
}

pub(super) fn what_is_owed_again_is_not_removed(store: &mut Store) {
    store.hook("a", "*");
    let event = publish_at(store, start(), &new_event("E"));
    let as_if_finished = [Finished { seq: event.seq, bytes: 0 }];

    store.write(|store| store.remove_events(&as_if_finished, 100));

    assert!(store.has_event(event.id));
    assert_eq!(store.state(event.leased[0].seq), State::Leased);
}

/// Everything that `owed` finds, for all time.
fn owed(store: &Store, before: Timestamp) -> BTreeSet<Seq> {
    let owed = store.archive().owed(ALL, before, 1000).expect("what is owed");
    owed.into_iter().collect()
}

pub(super) fn what_is_pending_too_long_is_given_up_and_says_why(store: &mut Store) {
    let hook = store.hook("a", "*");
    let (old, young) = (publish_at(store, start(), &new_event("E")), publish_at(store, at(5), &new_event("E")));
    finish(store, &old, Next::RetryAt(at(1000)));
    finish(store, &young, Next::RetryAt(at(1000)));
    let delivery = old.leased[0].seq;

    let found = owed(store, at(5));
    let given_up = store.write(|store| store.give_up(at(7), &[delivery, delivery]));

    assert_eq!(found, [delivery].into());
    assert_eq!((given_up.count, given_up.untried), (1, vec![]));
    let (dead, attempts) = store.delivery(delivery);
    assert_eq!((dead.state, dead.finished_at, dead.due_at), (State::Dead, Some(at(7)), None));
    assert!(dead.reason.as_deref().is_some_and(|reason| reason.contains("owed-retention")), "{dead:?}");
    assert_eq!((dead.attempts, attempts.len()), (1, 1));
    let waits = store.delivery(young.leased[0].seq).0;
    assert_eq!((waits.state, waits.reason), (State::Pending, None));
    let claimed = store.claim(at(2000), &prompt_room(10)).leased;
    assert_eq!(claimed.iter().map(|leased| (leased.seq, leased.hook)).collect::<Vec<_>>(), [(waits.seq, hook)]);
}

pub(super) fn what_is_given_up_untried_is_named_by_its_event(store: &mut Store) {
    store.hook("a", "*");
    let event = publish_at(store, start(), &new_event("E"));
    let leased = &event.leased[0];
    store.write(|store| store.release(start(), &[(leased.seq, leased.lease)]));

    let given_up = store.write(|store| store.give_up(at(7), &[leased.seq]));

    assert_eq!((given_up.count, given_up.untried), (1, vec![(event.seq, Seq(event.seq.0 + 1))]));
}

pub(super) fn what_is_leased_or_finished_is_not_given_up(store: &mut Store) {
    store.hook("a", "*");
    let (leased, done) = (publish_at(store, start(), &new_event("E")), publish_at(store, start(), &new_event("E")));
    finish(store, &done, Next::Done);
    let deliveries = [leased.leased[0].seq, done.leased[0].seq];

    let given_up = store.write(|store| store.give_up(at(7), &deliveries));

    assert_eq!((owed(store, at(7)).len(), given_up.count), (0, 0));
    assert_eq!(deliveries.map(|seq| store.state(seq)), [State::Leased, State::Delivered]);
}

pub(super) fn room_that_is_given_back_is_gone(store: &mut Store) {
    let large = NewEvent { payload: vec![b'1'; 1 << 20].into(), ..new_event("E") };
    (0..4).for_each(|_| drop(publish_at(store, start(), &large)));
    let size = |store: &Store| store.archive().size().expect("a size");
    let full = size(store);
    let finished = found(store, ALL, at(1));
    while store.write(|store| store.remove_events(&finished, 200)) < 4 {}
    let emptied = size(store);

    store.write(|store| store.give_back(100));
    let step = size(store);
    while size(store).free > 0 {
        store.write(|store| store.give_back(500));
    }

    assert!(full.used > 4 << 20 && emptied.used < full.used - (4 << 20), "{full:?} {emptied:?}");
    assert_eq!(emptied.used + emptied.free, full.used + full.free);
    assert!(step.free < emptied.free && step.free > 0, "{step:?}");
    assert_eq!(step.used, emptied.used);
    assert!(store.deliveries().is_empty());
}
