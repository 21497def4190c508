//! Clauses about lists in pages.

use std::collections::BTreeSet;

use nyala::domain::access::Bounds;
use nyala::domain::delivery::{Next, State};
use nyala::domain::event::NewEvent;
use nyala::domain::hook::{Dialect, NewHook, Owner};
use nyala::domain::id::{HookId, Seq};
use nyala::store::page::{Cursor, Page};
use nyala::store::room::Room;
use nyala::store::{DeliveryFilter, EventFilter, HookFilter};

use super::{Store, new_event, new_hook, record, start};

fn page(after: Option<Cursor>, limit: usize) -> Page {
    Page { after, limit }
}

/// The deliveries that a filter lets through, all of them.
fn found(store: &Store, filter: DeliveryFilter) -> Vec<Seq> {
    let found = store.archive().deliveries(page(None, 1000), filter, &Bounds::default()).expect("a page");
    found.items.iter().map(|delivery| delivery.seq).collect()
}

/// The hooks that a filter lets through.
fn hooks(store: &Store, filter: &HookFilter) -> Vec<HookId> {
    let found = store.archive().hooks(Page::default(), filter).expect("a page");
    found.items.iter().map(|hook| hook.id).collect()
}

pub(super) fn pages_hold_all_deliveries_each_once(store: &mut Store) {
    store.hook("a", "*");
    store.hook("b", "*");
    for _ in 0..6 {
        store.publish("E", &Room::new(9));
    }

    for limit in [1, 2, 5, 12, 13] {
        let (mut seqs, mut after, mut pages) = (vec![], None, 0);
        loop {
            let page = store
                .archive()
                .deliveries(page(after, limit), DeliveryFilter::default(), &Bounds::default())
                .expect("a page");
            assert!(page.items.len() <= limit && !page.items.is_empty());
            seqs.extend(page.items.iter().map(|delivery| delivery.seq));
            pages += 1;
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert!(seqs.is_sorted_by(|a, b| a > b), "newest first: {seqs:?}");
        assert_eq!((seqs.len(), pages), (12, 12_usize.div_ceil(limit)));
    }
}

pub(super) fn pages_stay_correct_while_rows_arrive(store: &mut Store) {
    store.hook("a", "*");
    let owed: BTreeSet<_> = (0..7).map(|_| Seq(store.publish("E", &Room::new(9)).seq.0 + 1)).collect();
    let archive = store.archive();

    let (mut seen, mut after) = (vec![], None);
    loop {
        let page = archive.deliveries(page(after, 2), DeliveryFilter::default(), &Bounds::default()).expect("a page");
        seen.extend(page.items.into_iter().map(|delivery| delivery.seq));
        store.publish("E", &Room::new(9));
        after = page.next;
        if after.is_none() {
            break;
        }
    }

    assert_eq!(seen.len(), 7, "none twice");
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), owed, "none passed over, none that is new");
}

pub(super) fn pages_of_hooks_stay_correct_while_hooks_come_and_go(store: &mut Store) {
    let ids: Vec<_> = (0..6).map(|n| store.hook(&format!("{n}"), "*")).collect();
    let archive = store.archive();
    let first = archive.hooks(page(None, 2), &HookFilter::default()).expect("a page");

    store.write(|store| store.remove(start(), ids[0], None));
    store.write(|store| store.remove(start(), ids[1], None));
    store.write(|store| store.remove(start(), ids[3], None));
    let new = store.hook("new", "*");
    let rest = archive.hooks(page(first.next, 9), &HookFilter::default()).expect("a page");

    assert_eq!(first.items.iter().map(|hook| hook.id).collect::<Vec<_>>(), ids[..2]);
    assert_eq!(rest.items.iter().map(|hook| hook.id).collect::<Vec<_>>(), [ids[2], ids[4], ids[5], new]);
    assert_eq!(rest.next, None);
}

pub(super) fn events_come_newest_first_without_their_payloads(store: &mut Store) {
    let mut ids = vec![];
    for payload in ["1", "\"two\"", "[3, 3, 3]"] {
        let event = NewEvent { payload: payload.into(), ..new_event("E") };
        let kept =
            store.write(|store| super::published(store.publish(start(), start(), Owner::ADMIN, &event, &Room::new(1))));
        ids.push(kept.id);
    }
    let archive = store.archive();

    let first = archive.events(page(None, 2), &EventFilter::default()).expect("a page");
    store.publish("E", &Room::new(1));
    let rest = archive.events(page(first.next, 2), &EventFilter::default()).expect("a page");

    let all: Vec<_> = first.items.iter().chain(&rest.items).collect();
    assert_eq!(all.iter().map(|summary| summary.event.id).collect::<Vec<_>>(), [ids[2], ids[1], ids[0]]);
    assert_eq!(all.iter().map(|summary| summary.bytes).collect::<Vec<_>>(), [9, 5, 1]);
    assert!(all.iter().all(|summary| summary.event.payload.is_empty()));
    assert_eq!(archive.event(ids[2]).expect("an answer").expect("an event").payload, "[3, 3, 3]");
}

pub(super) fn deliveries_are_found_by_hook_event_and_state(store: &mut Store) {
    let (one, other) = (store.hook("one", "*"), store.hook("other", "*"));
    let first = store.publish("E", &Room::new(9));
    let second = store.publish("E", &Room::new(9));
    store.write(|store| store.record(start(), &record(&first.leased[0], 200, Next::Done)));
    store.write(|store| store.record(start(), &record(&second.leased[1], 500, Next::GiveUp)));
    let seqs = [&first.leased[0], &first.leased[1], &second.leased[0], &second.leased[1]].map(|leased| leased.seq);
    let any = DeliveryFilter::default();
    let of_first = DeliveryFilter { event: Some(first.id), ..any };
    let dead = DeliveryFilter { state: Some(State::Dead), ..any };

    assert_eq!(found(store, DeliveryFilter { hook: Some(one), ..any }), [seqs[2], seqs[0]]);
    assert_eq!(found(store, of_first), [seqs[1], seqs[0]]);
    assert_eq!(found(store, dead), [seqs[3]]);
    assert_eq!(found(store, DeliveryFilter { state: Some(State::Leased), ..any }), [seqs[2], seqs[1]]);
    assert_eq!(found(store, DeliveryFilter { hook: Some(other), ..of_first }), [seqs[1]]);
    assert_eq!(found(store, DeliveryFilter { state: Some(State::Delivered), ..of_first }), [seqs[0]]);
    assert_eq!(found(store, DeliveryFilter { hook: Some(other), ..dead }), [seqs[3]]);
    assert!(found(store, DeliveryFilter { hook: Some(one), ..dead }).is_empty());
}

pub(super) fn hooks_are_found_by_what_they_want_and_where_they_point(store: &mut Store) {
    let (any, exact) = (store.hook("Any", "*"), store.hook("exact", "Deployed"));
    let note =
        NewHook { description: Some("For the Shop".into()), dialect: Dialect::V1, ..new_hook("http://x/", &["F"]) };
    store.write(|store| store.add(start(), &note));
    let noted = HookId(exact.0 + 1);
    let all = HookFilter::default();
    let text = |text: &str| HookFilter { text: Some(text.into()), ..HookFilter::default() };
    let event = |event: &str| HookFilter { event: Some(event.into()), ..HookFilter::default() };

    assert_eq!(hooks(store, &all), [any, exact, noted]);
    assert_eq!(hooks(store, &HookFilter { dialect: Some(Dialect::V1), ..all }), [noted]);
    assert_eq!(hooks(store, &text("RECEIVER/a")), [any]);
    assert_eq!(hooks(store, &text("shop")), [noted]);
    assert!(hooks(store, &text("100%")).is_empty());
    assert_eq!(hooks(store, &event("DEPLOYED")), [any, exact]);
    assert_eq!(hooks(store, &event("f")), [any, noted]);
}
