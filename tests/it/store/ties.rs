//! Clauses about what follows gates.

use nyala::domain::access::Bounds;
use nyala::domain::application::Application;
use nyala::domain::event::NewEvent;
use nyala::domain::gate::{DecisionState as State, Gate, Named, NewGate, OnSilence};
use nyala::domain::hook::Owner;
use nyala::store::page::Page;
use nyala::store::{Added, GateFilter};

use super::gates::{answered, asked, gate_hook, new_gate, on_deploy, replied};
use super::{LEASE, Store, at, new_event, new_hook, prompt_room, published, start};

/// An event that is tied to this gate.
fn tied(gate: &Gate) -> NewEvent {
    NewEvent { gate: Some(gate.seq), ..new_event("post-deploy") }
}

pub(super) fn what_follows_a_gate_carries_each_hooks_own_work_id(store: &mut Store) {
    let new = |name: &str| new_hook(&format!("http://receiver/{name}"), &["pre-deploy", "post-deploy"]);
    let (a, b) = (gate_hook(store, "a", new("a")), gate_hook(store, "b", new("b")));
    let neighbour = store.hook("c", "post-deploy");
    let stranger = match store.write(|store| store.add(start(), &new_hook("http://elsewhere/", &["post-deploy"]))) {
        Added::New(hook) => hook.id,
        other => panic!("not new: {other:?}"),
    };
    let (gate, _) = asked(store, start(), &new_gate("pre-deploy"));
    replied(store, 1, &gate, a, answered(State::Approved, Some("w")));
    replied(store, 1, &gate, b, answered(State::Approved, None));

    let room = prompt_room(1000);
    let leased = store
        .write(|store| published(store.publish(at(2), at(2).plus(LEASE), Owner::ADMIN, &tied(&gate), &room)))
        .leased;
    store.publish_at(3, &tied(&gate));
    let claimed = store.claim(at(4), &prompt_room(1000)).leased;

    for leased in [leased, claimed] {
        let mut told: Vec<_> = leased.iter().map(|leased| (leased.hook, leased.work_id.as_deref())).collect();
        told.sort_unstable();
        assert_eq!(told, [(a, Some("w")), (b, Some("")), (neighbour, Some("w")), (stranger, None)]);
    }
    let events = store.archive().events_of_gate(gate.seq, &Bounds::default(), 10).expect("an answer");
    assert_eq!(events.len(), 2);
    assert!(events[0].2 < events[1].2, "the oldest first");
}

pub(super) fn a_gate_is_found_by_what_an_event_says_of_it_within_reach(store: &mut Store) {
    let a = on_deploy(store, "a", OnSilence::Deny);
    let (first, _) = asked(store, start(), &new_gate("pre-deploy"));
    let (second, _) = asked(store, start(), &NewGate { owner: Owner(7), ..new_gate("pre-deploy") });
    for gate in [&first, &second] {
        replied(store, 1, gate, a, answered(State::Approved, Some("w")));
    }
    let found_for = |event: &[&str], named: &Named, owner, within: &Bounds| {
        let event: Vec<_> = event.iter().map(|&name| name.to_owned()).collect();
        store.archive().named_gate(named, &event, owner, within).expect("an answer")
    };
    let found = |named: &Named, owner, within: &Bounds| found_for(&["shop"], named, owner, within);
    let (all, own) = (Bounds::default(), |owner| Bounds { owner: Some(owner), ..Bounds::default() });
    let work = |work_id: &str, asked_as| Named::WorkId { work_id: work_id.into(), asked_as };

    assert_eq!(found(&Named::Id(second.id), Owner(7), &own(Owner(7))), Some(second.seq));
    assert_eq!(found(&Named::Id(first.id), Owner(7), &own(Owner(7))), None);
    assert_eq!(found(&Named::Id(first.id), Owner(7), &all), Some(first.seq), "who may read it");
    assert_eq!(found(&work("w", None), Owner(9), &all), Some(second.seq), "the newest");
    assert_eq!(found(&work("w", None), Owner::ADMIN, &all), Some(first.seq), "one's own before any newer one");
    assert_eq!(found(&work("w", None), Owner::ADMIN, &own(Owner::ADMIN)), Some(first.seq));
    assert_eq!(found(&work("w", Some("pre-add-node")), Owner::ADMIN, &all), None);
    assert_eq!(found(&work("v", None), Owner::ADMIN, &all), None);
    let shop = NewGate { applications: vec![Application::trusted("shop".into())], ..new_gate("pre-deploy") };
    let (third, _) = asked(store, start(), &shop);
    replied(store, 1, &third, a, answered(State::Approved, Some("x")));
    let of = |store: &Store, event: &str| {
        let named = work("x", None);
        store.archive().named_gate(&named, &[event.to_owned()], Owner::ADMIN, &all).expect("an answer")
    };
    assert_eq!((of(store, "shop"), of(store, "till")), (Some(third.seq), None), "of an application in common");
}

pub(super) fn old_gates_are_forgotten_in_steps_but_not_those_that_something_is_tied_to(store: &mut Store) {
    let a = on_deploy(store, "a", OnSilence::Deny);
    let mut gates = vec![];
    for millis in [1, 2, 3, 50] {
        let (gate, _) = asked(store, start(), &new_gate("pre-deploy"));
        replied(store, millis, &gate, a, answered(State::Approved, None));
        gates.push(gate);
    }
    gates.push(asked(store, start(), &new_gate("pre-deploy")).0);
    store.publish_at(4, &tied(&gates[1]));

    let mut gone = vec![];
    for _ in 0..3 {
        let old = store.archive().old_gates(at(50), 10).expect("an answer");
        gone.push(store.write(|store| store.remove_gates(&old, 1)));
    }

    assert_eq!(gone, [1, 1, 0]);
    let left = store.archive().gates(Page::default(), &GateFilter::default()).expect("an answer").items;
    let left: Vec<_> = left.iter().map(|gate| gate.id).collect();
    assert_eq!(left, [gates[4].id, gates[3].id, gates[1].id], "open, young, and one that an event names");
}
