//! Clauses about redeliveries.

use nyala::domain::access::Bounds;
use nyala::domain::delivery::{Next, State};
use nyala::domain::id::Seq;
use nyala::store::page::Page;
use nyala::store::room::Room;
use nyala::store::{DeliveryFilter, Redelivered};

use super::{Store, at, new_event, prompt_room};

/// A hook and a delivery to it, which arrived.
fn delivered(store: &mut Store) -> Seq {
    store.hook("a", "*");
    store.publish_at(0, &new_event("E"));
    store.end_all(0, 200, Next::Done)[0]
}

pub(super) fn what_has_finished_is_owed_again_by_a_new_delivery(store: &mut Store) {
    let old = delivered(store);
    store.publish_at(1, &new_event("E"));

    let new = store.redelivered(5, old);
    let twice = store.redelivered(6, old);

    let (old, new) = (store.delivery(old).0, store.delivery(new).0);
    assert_eq!((old.state, old.redelivered_by, old.redelivers), (State::Delivered, Some(twice), None));
    assert_eq!((new.state, new.redelivers, new.redelivered_by), (State::Pending, Some(old.seq), None));
    assert_eq!((new.event, new.hook, new.attempts), (old.event, old.hook, 0));
    assert_eq!((new.created_at, new.due_at, old.created_at), (at(5), Some(at(5)), at(0)));
    let claimed = store.claim(at(6), &prompt_room(9)).leased;
    let order: Vec<_> = claimed.iter().map(|leased| leased.seq).collect();
    assert_eq!(order[1..], [new.seq, twice], "what was owed before goes first");
    assert_eq!(claimed[1].event.id, old.event);
}

pub(super) fn what_is_still_owed_is_not_owed_again(store: &mut Store) {
    store.hook("a", "*");
    let pending = Seq(store.publish_at(0, &new_event("E")).seq.0 + 1);

    let first = store.redeliver(0, pending);
    store.claim(at(0), &Room::new(1));
    let second = store.redeliver(0, pending);
    let unknown = store.redeliver(0, Seq(99));

    assert_eq!([first, second, unknown], [Redelivered::Owed, Redelivered::Owed, Redelivered::Absent]);
    assert_eq!(store.deliveries().len(), 1);
}

pub(super) fn nothing_is_owed_again_to_a_hook_that_was_removed(store: &mut Store) {
    let old = delivered(store);
    let hook = store.delivery(old).0.hook;

    store.write(|store| store.remove(at(1), hook, None));

    assert_eq!(store.redeliver(2, old), Redelivered::HookRemoved);
    assert_eq!((store.deliveries().len(), store.delivery(old).0.redelivered_by), (1, None));
}

pub(super) fn redeliveries_are_found_with_their_event(store: &mut Store) {
    let hooks = [store.hook("a", "*"), store.hook("b", "*")];
    let event = store.publish_at(0, &new_event("E"));
    let [old, other] = [1, 2].map(|place| Seq(event.seq.0 + place));
    store.end_all(0, 200, Next::Done);
    let first = store.redelivered(1, old);
    let later = store.publish_at(2, &new_event("E"));
    store.end_all(2, 500, Next::GiveUp);
    let second = store.redelivered(3, first);
    let of_event = DeliveryFilter { event: Some(event.id), ..DeliveryFilter::default() };

    for limit in [1, 2, 9] {
        assert_eq!(found(store, of_event, limit), [second, first, other, old], "{limit}");
    }
    assert_eq!(found(store, DeliveryFilter { state: Some(State::Dead), ..of_event }, 9), [first]);
    assert_eq!(found(store, DeliveryFilter { hook: Some(hooks[1]), ..of_event }, 9), [other]);
    assert_eq!(found(store, DeliveryFilter { since: Some(at(1)), until: Some(at(3)), ..of_event }, 9), [first]);
    assert_eq!(found(store, DeliveryFilter { event: Some(later.id), ..of_event }, 9).len(), 2);
}

/// What a filter lets through, in pages of so many.
fn found(store: &Store, filter: DeliveryFilter, limit: usize) -> Vec<Seq> {
    let (mut seqs, mut page) = (vec![], Page { after: None, limit });
    loop {
        let paged = store.archive().deliveries(page, filter, &Bounds::default()).expect("a page");
        seqs.extend(paged.items.iter().map(|delivery| delivery.seq));
        page.after = paged.next;
        if page.after.is_none() {
            return seqs;
        }
    }
}

pub(super) fn a_removed_hook_does_not_owe_its_redeliveries(store: &mut Store) {
    let old = delivered(store);
    let new = store.redelivered(1, old);
    let hook = store.delivery(old).0.hook;

    store.write(|store| store.remove(at(2), hook, None));
    while store.write(|store| store.cancel_owed(at(2), 9)).more {}

    assert_eq!((store.state(old), store.state(new)), (State::Delivered, State::Cancelled));
}
