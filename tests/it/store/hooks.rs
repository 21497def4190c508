//! Clauses about hooks.

use nyala::domain::delivery::{Next, State};
use nyala::domain::hook::{Dialect, HookPatch, NewHook, Owner};
use nyala::domain::id::{HookId, Seq};
use nyala::store::room::Room;
use nyala::store::{Added, Changed};

use super::{Store, at, new_hook, on_record, record, start, to_url};

fn add(store: &mut Store, new: &NewHook) -> Added {
    store.write(|store| store.add(start(), new))
}

fn added(store: &mut Store, new: &NewHook) -> HookId {
    match add(store, new) {
        Added::New(hook) => hook.id,
        other => panic!("not new: {other:?}"),
    }
}

fn remove(store: &mut Store, id: HookId) -> bool {
    store.write(|store| store.remove(start(), id, None))
}

/// Cancels in steps of two until there is no more; answers the events that were never tried.
fn cancel_all(store: &mut Store) -> Vec<Seq> {
    let mut untried = vec![];
    loop {
        let step = store.write(|store| store.cancel_owed(at(9), 2));
        assert!(step.untried.len() <= 2, "a step is no longer than it was told");
        untried.extend(step.untried.into_iter().map(|(event, _)| event));
        if !step.more {
            return untried;
        }
    }
}

pub(super) fn a_url_stands_once_among_one_owners_kudu_hooks(store: &mut Store) {
    let first = added(store, &new_hook("http://Receiver/Path", &["E", "F"]));

    let same = add(store, &new_hook("HTTP://receiver/path", &["f", "e"]));
    let with_user_info = add(store, &new_hook("http://me:word@receiver/path", &["E", "F"]));
    let other_events = add(store, &new_hook("http://receiver/path", &["E"]));

    assert!(matches!(same, Added::Existing(hook) if hook.id == first && hook.url.as_str() == "http://Receiver/Path"));
    assert!(matches!(with_user_info, Added::Existing(hook) if hook.id == first));
    assert!(matches!(other_events, Added::Conflict(hook) if hook.id == first));
    assert_eq!(store.living(first).expect("the hook").filter.events(), ["E", "F"], "unchanged");
}

pub(super) fn hooks_of_another_owner_or_dialect_may_have_the_same_url(store: &mut Store) {
    let kudu = new_hook("http://receiver/path", &["E"]);
    let other_owner = NewHook { owner: Owner(7), ..kudu.clone() };
    let v1 = NewHook { dialect: Dialect::V1, ..kudu.clone() };

    let ids = [&kudu, &other_owner, &v1, &v1].map(|new| added(store, new));

    let published = store.publish("E", &Room::new(1));
    assert_eq!(published.deliveries, 4);
    assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
}

pub(super) fn a_url_is_free_again_once_its_hook_was_removed(store: &mut Store) {
    let new = new_hook("http://receiver/path", &["E"]);
    let first = added(store, &new);

    assert!(remove(store, first));

    assert_ne!(added(store, &new), first);
}

pub(super) fn a_hook_cannot_be_changed_to_a_url_that_another_has(store: &mut Store) {
    let (one, other) = (store.hook("one", "E"), store.hook("other", "E"));
    let patch = HookPatch { events: Some(vec!["F".into()]), ..to_url("http://RECEIVER/other") };

    let changed = store.write(|store| store.change(start(), one, &patch));

    assert!(matches!(changed, Changed::Conflict), "{changed:?}");
    let unchanged = store.living(one).expect("the hook");
    assert_eq!((unchanged.url.as_str(), unchanged.filter.events()), ("http://receiver/one", vec!["E".to_owned()]));
    assert!(remove(store, other));
    let changed = store.write(|store| store.change(start(), one, &patch));
    assert!(matches!(changed, Changed::To(hook) if hook.url.as_str() == "http://RECEIVER/other"));
}

pub(super) fn ids_are_never_used_again(store: &mut Store) {
    let mut last = HookId(0);
    for round in 0..4 {
        let id = store.hook(&format!("hook-{round}"), "E");
        assert!(id > last, "{id:?} after {last:?}");
        assert!(remove(store, id));
        store.forget(|store| store.add(start(), &new_hook("http://receiver/forgotten", &["E"])));
        store.open_again();
        last = id;
    }
    assert_eq!(store.archive().hook(last).expect("an answer").map(|hook| hook.id), None);
}

pub(super) fn a_change_takes_effect_at_once(store: &mut Store) {
    let id = store.hook("a", "E");
    let patch = HookPatch {
        events: Some(vec!["F".into()]),
        description: Some(Some("moved".into())),
        ..to_url("http://me:word@receiver/b")
    };

    let changed = store.write(|store| store.change(at(5), id, &patch));

    assert!(matches!(changed, Changed::To(_)));
    let room = Room::new(1);
    assert_eq!((store.publish("E", &room).deliveries, store.publish("f", &room).deliveries), (0, 1));
    let target = store.targets.get(id).expect("a target");
    assert_eq!(target.url.as_str(), "http://receiver/b");
    let secrets = target.secrets.as_ref().expect("secrets that open");
    assert_eq!(secrets.credentials.as_ref().map(|credentials| credentials.password.as_str()), Some("word"));
    let hook = store.living(id).expect("the hook");
    assert_eq!((hook.created_at, hook.updated_at, hook.description.as_deref()), (start(), at(5), Some("moved")));
}

pub(super) fn a_removed_hook_gets_and_owes_nothing(store: &mut Store) {
    let id = store.hook("a", "E");
    let leased = store.publish("E", &Room::new(1)).leased.remove(0);
    store.publish("E", &Room::new(0));

    assert!(remove(store, id));

    assert!(!remove(store, id), "it is gone");
    assert!(store.living(id).is_none() && store.targets.get(id).is_none());
    assert_eq!(store.publish("E", &Room::new(1)).deliveries, 0);
    store.write(|store| store.release(start(), &[(leased.seq, leased.lease)]));
    assert!(store.claim(at(1_000_000), &Room::new(9)).leased.is_empty());
    assert_eq!(cancel_all(store).len(), 2);
}

pub(super) fn what_removed_hooks_owe_is_cancelled_in_steps(store: &mut Store) {
    let (one, other, kept) = (store.hook("one", "E"), store.hook("other", "E"), store.hook("kept", "E"));
    let mut events: Vec<_> = (0..5).map(|_| store.publish("E", &Room::new(0)).seq).collect();
    assert!(remove(store, one) && remove(store, other));

    let mut untried = cancel_all(store);

    events = events.iter().flat_map(|&event| [event, event]).collect();
    untried.sort_unstable();
    assert_eq!(untried, events, "each event's delivery to both");
    for delivery in store.deliveries().into_values() {
        let gone = delivery.hook != kept;
        assert_eq!(delivery.state, if gone { State::Cancelled } else { State::Pending });
        assert_eq!(delivery.finished_at, gone.then_some(at(9)));
    }
    assert!(cancel_all(store).is_empty(), "nothing is cancelled twice");
}

pub(super) fn a_removal_waits_for_the_attempts_that_are_under_way(store: &mut Store) {
    let id = store.hook("a", "E");
    let leased = store.publish("E", &Room::new(1)).leased.remove(0);
    assert!(remove(store, id));
    assert!(cancel_all(store).is_empty());
    assert_eq!(store.state(leased.seq), State::Leased);

    let recorded = store.write(|store| store.record(start(), &record(&leased, 500, Next::RetryAt(at(10)))));

    assert_eq!(recorded, on_record(Some(at(10))));
    assert!(store.claim(at(10), &Room::new(1)).leased.is_empty());
    assert!(cancel_all(store).is_empty(), "it was tried");
    assert_eq!(store.state(leased.seq), State::Cancelled);
}

pub(super) fn a_removal_that_waits_holds_up_no_other(store: &mut Store) {
    let waits = store.hook("waits", "E");
    let leased = store.publish("E", &Room::new(1)).leased.remove(0);
    let other = store.hook("other", "F");
    store.publish("F", &Room::new(0));

    assert!(remove(store, waits) && remove(store, other));

    assert_eq!(cancel_all(store).len(), 1);
    assert_eq!(store.state(leased.seq), State::Leased);
}

pub(super) fn only_a_hook_of_the_dialect_that_asks_is_removed(store: &mut Store) {
    let id = store.hook("a", "E");

    let by_v1 = store.write(|store| store.remove(start(), id, Some(Dialect::V1)));
    assert!(!by_v1 && store.living(id).is_some());
    assert_eq!(store.publish("E", &Room::new(0)).deliveries, 1);

    assert!(store.write(|store| store.remove(start(), id, Some(Dialect::Kudu))));
    assert!(store.living(id).is_none());
}
