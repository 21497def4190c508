//! Clauses about what is kept together, and what is not kept.

use std::collections::HashSet;

use nyala::domain::delivery::{Next, State};
use nyala::domain::hook::Owner;
use nyala::domain::id::{HookId, Seq};
use nyala::store::room::Room;
use nyala::store::{Backend, Recorded, Result, Writes};

use super::{LEASE, Store, at, new_event, new_hook, on_record, prompt_room, published, record, start, to_url};

/// Does something that is marked and then not kept, in a transaction that is.
fn marked_and_not_kept<T>(store: &mut Store, act: impl FnOnce(&mut dyn Writes) -> Result<T>) {
    let backend = store.backend();
    backend.begin().expect("a transaction");
    backend.mark().expect("a mark");
    act(backend.writes()).expect("what was to be done");
    assert!(backend.unmark(false), "the transaction goes on");
    backend.commit().expect("a commit");
}

/// All of the store that can be seen.
fn sight(store: &Store, hooks: &[HookId]) -> String {
    let hooks: Vec<_> = hooks.iter().map(|&hook| store.living(hook)).collect();
    format!("{hooks:?} {:?}", store.deliveries())
}

fn target(store: &Store, hook: HookId) -> String {
    store.targets.get(hook).expect("a target").url.as_str().to_owned()
}

pub(super) fn what_was_rolled_back_leaves_nothing(store: &mut Store) {
    let hooks = [store.hook("a", "*"), store.hook("b", "*"), HookId(3)];
    let leased = store.publish("E", &Room::new(1)).leased;
    store.publish("E", &Room::new(0));
    let before = sight(store, &hooks);

    let room = Room::new(1);
    let (first, second) = (&leased[0], &leased[1]);
    let kept = store.forget(|store| {
        store.add(start(), &new_hook("http://receiver/c", &["*"]))?;
        store.change(start(), hooks[0], &to_url("http://receiver/d"))?;
        store.record(start(), &record(first, 200, Next::Done))?;
        store.claim(start(), at(99), &room)?;
        store.renew(second.seq, second.lease, at(99))?;
        store.release(start(), &[(second.seq, second.lease)])?;
        store.remove(start(), hooks[1], None)?;
        store.cancel_owed(start(), 10)?;
        store.take_back(start(), true)?;
        published(store.publish(start(), at(99), Owner::ADMIN, &new_event("E"), &room))
    });

    assert_eq!(sight(store, &hooks), before);
    assert!(!store.has_event(kept.id));
    assert_eq!(
        (target(store, hooks[0]), target(store, hooks[1])),
        ("http://receiver/a".into(), "http://receiver/b".into())
    );
    assert!(store.targets.get(hooks[2]).is_none());
    assert_eq!(store.write(|store| store.record(start(), &record(first, 200, Next::Done))), on_record(None));
}

pub(super) fn numbers_are_never_used_again(store: &mut Store) {
    store.hook("a", "*");
    let (mut last, mut leases) = (Seq(0), HashSet::new());
    for _ in 0..4 {
        let kept = store.publish("E", &Room::new(1));
        assert!(kept.seq > last, "{:?} after {last:?}", kept.seq);
        last = kept.leased[0].seq;
        assert!(leases.insert(kept.leased[0].lease));

        store.forget(|store| store.publish(start(), at(99), Owner::ADMIN, &new_event("E"), &Room::new(1)));
        store.open_again();
        store.write(|store| store.take_back(start(), true));
        for leased in store.claim(start(), &Room::new(9)).leased {
            assert!(leases.insert(leased.lease), "{:?} was given before", leased.lease);
        }
    }
}

pub(super) fn a_lease_from_what_was_rolled_back_proves_nothing(store: &mut Store) {
    store.hook("a", "*");
    store.publish("E", &Room::new(0));

    let rolled_back = store.forget(|store| store.claim(start(), start().plus(LEASE), &Room::new(1))).leased.remove(0);
    let ours = store.claim(start(), &Room::new(1)).leased.remove(0);

    assert_eq!(rolled_back.seq, ours.seq);
    assert_ne!(rolled_back.lease, ours.lease, "a lease is never given twice");
    let recorded = store.write(|store| store.record(start(), &record(&rolled_back, 500, Next::GiveUp)));
    assert_eq!(recorded, Recorded::NotOurs);
}

pub(super) fn what_was_marked_and_not_kept_leaves_nothing(store: &mut Store) {
    let hook = store.hook("a", "*");
    let leased = store.publish("E", &Room::new(1)).leased.remove(0);
    let before = sight(store, &[hook]);

    marked_and_not_kept(store, |store| {
        store.release(start(), &[(leased.seq, leased.lease)])?;
        store.publish(start(), at(99), Owner::ADMIN, &new_event("E"), &Room::new(1))?;
        store.add(start(), &new_hook("http://receiver/b", &["*"]))
    });
    assert_eq!(sight(store, &[hook]), before);

    let kept = store.publish("E", &Room::new(1));
    assert_eq!((kept.deliveries, store.state(kept.leased[0].seq)), (1, State::Leased), "the store goes on");
}

pub(super) fn a_target_that_was_marked_and_not_kept_is_not_made_known(store: &mut Store) {
    let hook = store.hook("a", "*");

    marked_and_not_kept(store, |store| store.change(start(), hook, &to_url("http://receiver/b")));
    assert_eq!(target(store, hook), "http://receiver/a", "as on disk");

    marked_and_not_kept(store, |store| store.remove(start(), hook, None));
    assert!(store.targets.get(hook).is_some(), "as on disk");
}

pub(super) fn a_result_that_was_marked_and_not_kept_is_not_shown(store: &mut Store) {
    let hook = store.hook("a", "*");
    let leased = store.publish("E", &Room::new(1)).leased.remove(0);

    marked_and_not_kept(store, |store| store.record(start(), &record(&leased, 500, Next::GiveUp)));

    assert_eq!(store.state(leased.seq), State::Leased);
    assert!(store.living(hook).expect("the hook").last.is_none(), "no attempt is on record");
}

pub(super) fn targets_are_made_known_by_the_commit_and_not_before(store: &mut Store) {
    let hook = store.hook("a", "*");
    let targets = store.targets.clone();
    let url = || targets.get(hook).map(|target| target.url.as_str().to_owned());

    let backend: &mut dyn Backend = store.backend();
    backend.begin().expect("a transaction");
    backend.change(start(), hook, &to_url("http://receiver/b")).expect("a change");
    assert_eq!(url().as_deref(), Some("http://receiver/a"));
    backend.commit().expect("a commit");
    assert_eq!(url().as_deref(), Some("http://receiver/b"));

    backend.begin().expect("a transaction");
    backend.remove(start(), hook, None).expect("a removal");
    assert_eq!(url().as_deref(), Some("http://receiver/b"));
    backend.commit().expect("a commit");
    assert_eq!(url(), None);
}

pub(super) fn what_was_committed_is_there_when_it_is_opened_again(store: &mut Store) {
    let hooks = [store.hook("a", "*"), store.hook("b", "E")];
    let kept = store.publish("E", &Room::new(1));
    store.write(|store| store.record(start(), &record(&kept.leased[0], 500, Next::RetryAt(at(7)))));
    store.publish("E", &Room::new(0));
    let before = sight(store, &hooks);

    store.open_again();

    assert_eq!(sight(store, &hooks), before);
    assert!(store.has_event(kept.id));
    let due: Vec<_> = store.claim(at(7), &prompt_room(9)).leased.iter().map(|leased| leased.hook).collect();
    assert_eq!(due.len(), 3, "{due:?}");
    assert_eq!(target(store, hooks[0]), "http://receiver/a", "what was claimed has its target");
}
