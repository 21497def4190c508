//! Clauses about events that many hooks want.

use std::collections::BTreeSet;

use nyala::domain::delivery::{Next, State};
use nyala::domain::hook::{HookPatch, Order};
use nyala::domain::id::{HookId, Seq};
use nyala::store::{FannedOut, Published};

use super::{LEASE, Store, at, new_hook, on_record, prompt_room, record, start};

/// More than are made at once, twice over.
const MANY: usize = 600;

fn many_hooks(store: &mut Store) -> Vec<HookId> {
    store.write(|store| {
        let add = |n: usize| store.add(start(), &new_hook(&format!("http://receiver/{n}"), &["E"]));
        let added: Vec<_> = (0..MANY).map(add).collect::<nyala::store::Result<_>>()?;
        Ok(added
            .into_iter()
            .map(|added| match added {
                nyala::store::Added::New(hook) => hook.id,
                other => panic!("not new: {other:?}"),
            })
            .collect())
    })
}

fn step(store: &mut Store) -> FannedOut {
    let room = prompt_room(1);
    store.write(|store| store.fan_out(at(1), at(1).plus(LEASE), &room))
}

/// Goes on until all are made; answers how many steps that took.
fn finish(store: &mut Store) -> usize {
    (0..MANY).take_while(|_| step(store).more).count()
}

/// The hooks that are owed the event, and all places of its deliveries.
fn assert_each_once(store: &Store, kept: &Published, hooks: &[HookId]) {
    let deliveries = store.deliveries();
    let owed: BTreeSet<_> = deliveries.values().filter(|d| d.event == kept.id).map(|d| d.hook).collect();
    assert_eq!(owed, hooks.iter().copied().collect());
    let places: Vec<_> = deliveries.values().filter(|d| d.event == kept.id).map(|d| d.seq).collect();
    let expected: Vec<_> = (1..=MANY).map(|n| Seq(kept.seq.0 + i64::try_from(n).expect("a number"))).collect();
    assert_eq!(places, expected, "they follow their event, each in its place");
}

pub(super) fn what_many_hooks_want_is_made_in_steps(store: &mut Store) {
    let hooks = many_hooks(store);
    let kept = store.publish("E", &prompt_room(1));
    assert_eq!((kept.deliveries, kept.untried, kept.more), (600, 600, true));
    assert!(store.deliveries().len() < MANY, "not all at once");
    let between = store.publish("F", &prompt_room(1));

    assert!(finish(store) >= 2);

    assert!(between.seq.0 > kept.seq.0 + 600, "its places are taken already");
    assert_each_once(store, &kept, &hooks);
    assert!(!step(store).more);
}

pub(super) fn a_crash_between_the_steps_loses_none(store: &mut Store) {
    let hooks = many_hooks(store);
    let kept = store.publish("E", &prompt_room(1));
    store.open_again();
    step(store);
    store.open_again();

    finish(store);

    assert_each_once(store, &kept, &hooks);
    store.write(|store| store.take_back(at(1), true));
    let found: usize = (0..3).map(|_| store.claim(at(2), &prompt_room(9)).leased.len()).sum();
    assert_eq!(found, MANY);
}

pub(super) fn a_hook_that_is_removed_between_the_steps_is_owed_nothing(store: &mut Store) {
    let hooks = many_hooks(store);
    let kept = store.publish("E", &prompt_room(1));
    let last = hooks[MANY - 1];
    assert!(store.write(|store| store.remove(at(1), last, None)));

    let mut untried = vec![];
    loop {
        let made = step(store);
        untried.extend(made.untried);
        if !made.more {
            break;
        }
    }

    let delivery = Seq(kept.seq.0 + 600);
    assert_eq!(untried, [(kept.seq, delivery)], "nobody waits for it");
    assert_eq!(store.state(delivery), State::Cancelled);
    assert_each_once(store, &kept, &hooks);
}

pub(super) fn an_ordered_hook_gets_such_an_event_before_the_next(store: &mut Store) {
    let hooks = many_hooks(store);
    let last = hooks[MANY - 1];
    let ordered = HookPatch { order: Some(Order::Hook), ..HookPatch::default() };
    store.write(|store| store.change(start(), last, &ordered));
    let first = store.publish("E", &prompt_room(1));
    let second = store.publish("E", &prompt_room(1));
    let of_last = |kept: &Published| kept.leased.iter().find(|leased| leased.hook == last).cloned();

    let leased = of_last(&first).expect("its delivery is among the first");
    assert!(of_last(&second).is_none(), "one at a time");
    let recorded = store.write(|store| store.record(at(1), &record(&leased, 200, Next::Done)));

    assert_eq!(recorded, on_record(Some(at(1))), "the next one is due");
}

pub(super) fn a_repeat_waits_for_what_is_not_made_yet(store: &mut Store) {
    many_hooks(store);
    let event = super::keys::keyed("E", "{}", "k");
    let publish = |store: &mut Store| {
        let room = prompt_room(1);
        store.write(|store| {
            super::published(store.publish(start(), at(9), nyala::domain::hook::Owner::ADMIN, &event, &room))
        })
    };
    let first = publish(store);

    let repeat = publish(store);

    assert_eq!((repeat.id, repeat.untried), (first.id, 600));
}
