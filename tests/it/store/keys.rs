//! Clauses about idempotency keys.

use nyala::domain::application::Application;
use nyala::domain::delivery::Next;
use nyala::domain::event::{Idempotency, IdempotencyKey, NewEvent};
use nyala::domain::hook::Owner;
use nyala::domain::time::Timestamp;
use nyala::store::room::Room;
use nyala::store::{KEY_RETENTION, Published, Publishing};

use super::{LEASE, Store, at, new_event, new_hook, record, start};

pub(super) fn keyed(event: &str, payload: &'static str, key: &str) -> NewEvent {
    let key = IdempotencyKey::parse(key).expect("a key");
    let idempotency = Some(Idempotency::of(key, &[], payload.as_bytes(), None));
    NewEvent { payload: payload.into(), idempotency, ..new_event(event) }
}

fn publishing(store: &mut Store, now: Timestamp, owner: Owner, event: &NewEvent) -> Publishing {
    store.write(|store| store.publish(now, now.plus(LEASE), owner, event, &Room::new(1)))
}

/// A publish by the admin that is kept.
fn kept(store: &mut Store, now: Timestamp, event: &NewEvent) -> Published {
    match publishing(store, now, Owner::ADMIN, event) {
        Publishing::Kept(published) => published,
        other => panic!("not kept: {other:?}"),
    }
}

pub(super) fn a_key_stands_for_one_event(store: &mut Store) {
    store.hook("a", "*");

    let first = kept(store, start(), &keyed("Deployed", "1", "k"));
    let repeat = kept(store, at(5), &keyed("DEPLOYED", "1", "k"));

    assert_eq!((repeat.id, repeat.seq, repeat.deliveries), (first.id, first.seq, 1));
    assert_eq!(repeat.event_type.as_str(), "Deployed", "as it was first published");
    assert!(repeat.leased.is_empty() && !repeat.overflow);
    assert_eq!(store.deliveries().len(), 1);
}

pub(super) fn a_key_that_stands_for_another_body_is_refused(store: &mut Store) {
    kept(store, start(), &keyed("E", "1", "k"));
    let mut for_shop = keyed("E", "1", "k");
    let shop = Application::parse("shop").expect("a name");
    for_shop.idempotency = for_shop.idempotency.map(|it| Idempotency::of(it.key, &[shop], b"1", None));

    for event in [keyed("E", "2", "k"), keyed("E", "1 ", "k"), for_shop] {
        assert!(matches!(publishing(store, start(), Owner::ADMIN, &event), Publishing::KeyReused), "{event:?}");
    }
}

pub(super) fn a_key_is_scoped_to_its_owner_and_event_type(store: &mut Store) {
    let first = kept(store, start(), &keyed("E", "1", "k"));

    let other_type = kept(store, start(), &keyed("F", "2", "k"));
    let other_key = kept(store, start(), &keyed("E", "3", "K"));
    let other_owner = publishing(store, start(), Owner(7), &keyed("E", "4", "k"));

    assert!(first.id != other_type.id && first.id != other_key.id);
    assert!(matches!(other_owner, Publishing::Kept(published) if published.id != first.id));
}

pub(super) fn a_key_expires_after_a_day(store: &mut Store) {
    let first = kept(store, at(5), &keyed("E", "1", "k"));
    let day_later = at(5).plus(KEY_RETENTION);

    let within_a_day = kept(store, Timestamp::from_millis(day_later.millis() - 1), &keyed("E", "1", "k"));
    let after_a_day = kept(store, day_later, &keyed("E", "2", "k"));
    let repeat = kept(store, day_later, &keyed("E", "2", "k"));

    assert_eq!(first.id, within_a_day.id);
    assert_ne!(first.id, after_a_day.id);
    assert_eq!(after_a_day.id, repeat.id, "and now the key stands for that one");
}

pub(super) fn keys_are_forgotten_in_steps_and_only_old_ones(store: &mut Store) {
    for (key, published_at) in [("a", 1), ("b", 2), ("c", 3), ("d", 4)] {
        kept(store, at(published_at), &keyed("E", "1", key));
    }

    let forgotten: Vec<_> = (0..3).map(|_| store.write(|store| store.forget_keys(at(4), 2))).collect();

    assert_eq!(forgotten, [2, 1, 0]);
    assert!(matches!(publishing(store, at(9), Owner::ADMIN, &keyed("E", "2", "c")), Publishing::Kept(_)));
    assert!(matches!(publishing(store, at(9), Owner::ADMIN, &keyed("E", "2", "d")), Publishing::KeyReused));
}

pub(super) fn a_repeat_says_how_many_first_attempts_are_still_to_come(store: &mut Store) {
    let hooks = ["a", "b", "c", "d"].map(|name| store.hook(name, "*"));
    let event = keyed("E", "1", "k");
    let first = kept(store, start(), &event);
    let untried = |store: &mut Store| kept(store, start(), &event).untried;
    assert_eq!((first.untried, untried(store)), (4, 4));

    store.write(|store| store.record(start(), &record(&first.leased[0], 200, Next::Done)));
    store.write(|store| store.record(start(), &record(&first.leased[1], 500, Next::RetryAt(at(9)))));
    assert_eq!(untried(store), 2);

    let released = &first.leased[2];
    store.write(|store| store.release(start(), &[(released.seq, released.lease)]));
    assert_eq!(untried(store), 2);
    store.write(|store| store.remove(start(), hooks[2], None));
    while store.write(|store| store.cancel_owed(start(), 9)).more {}
    assert_eq!(untried(store), 1);

    store.write(|store| store.add(start(), &new_hook("http://receiver/late", &["*"])));
    assert_eq!(kept(store, start(), &event).deliveries, 4, "a hook that came later is not owed it");
}
