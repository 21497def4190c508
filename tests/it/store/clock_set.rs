//! Clauses about a clock that somebody sets.

use std::time::Duration;

use nyala::domain::id::Seq;
use nyala::domain::time::Timestamp;
use nyala::store::Place;
use nyala::store::room::Room;

use super::{LEASE, Store, prompt_room, start};

const HOUR: Duration = Duration::from_hours(1);

/// Runs all steps of so many rows; answers how many it took.
fn make_due_earlier(store: &mut Store, now: Timestamp, limit: usize) -> usize {
    let (mut place, mut steps) = (Some(Place::first(now)), 0);
    while let Some(from) = place {
        place = store.write(|store| store.make_due_earlier(from, HOUR, limit));
        steps += 1;
    }
    steps
}

/// Two hooks that owe five each, due ten minutes apart from an hour and ten minutes on.
fn owed(store: &mut Store) -> Vec<Seq> {
    let (room, none) = (prompt_room(5), Room::new(0));
    for name in ["a", "b"] {
        store.hook(name, "E");
    }
    for _ in 0..5 {
        store.publish("E", &none);
    }
    let leased = store.claim(start(), &room).leased;
    for (leased, n) in leased.iter().zip(1..) {
        let due = start().plus(HOUR + Duration::from_mins(10 * n));
        store.write(|store| store.release(due, &[(leased.seq, leased.lease)]));
    }
    leased.iter().map(|leased| leased.seq).collect()
}

pub(super) fn what_is_pending_is_made_due_earlier_in_steps_and_each_once(store: &mut Store) {
    for limit in [1, 2, 3, 100] {
        let mut store = store.anew();
        let owed = owed(&mut store);
        let due_at = |store: &Store| owed.iter().map(|&seq| store.delivery(seq).0.due_at).collect::<Vec<_>>();
        let before = due_at(&store);

        let steps = make_due_earlier(&mut store, start(), limit);

        let earlier: Vec<_> = before.iter().map(|due_at| due_at.map(|due_at| due_at.minus(HOUR))).collect();
        assert_eq!((owed.len(), due_at(&store)), (10, earlier));
        assert!(steps <= 10usize.div_ceil(limit) + 3, "{steps} steps of {limit}");
        let claimed = store.claim(start().plus(HOUR + HOUR), &prompt_room(5));
        assert_eq!(claimed.leased.len(), 10, "their queues know");
    }
}

pub(super) fn what_is_due_stays_due_when_the_clock_was_set_back(store: &mut Store) {
    store.hook("a", "E");
    let published = store.publish("E", &Room::new(0));

    make_due_earlier(store, start(), 10);

    let seq = Seq(published.seq.0 + 1);
    assert_eq!(store.delivery(seq).0.due_at, Some(start()));
    assert_eq!(store.claim(start(), &Room::new(1)).leased[0].seq, seq);
}

pub(super) fn leases_that_were_given_before_the_clock_was_set_last_longer(store: &mut Store) {
    let room = prompt_room(5);
    store.hook("a", "E");
    store.publish("E", &room);
    let later = start().plus(HOUR);
    store.hook("b", "F");
    store.publish("F", &Room::new(0));
    store.claim(later, &room);

    let lengthened = store.write(|store| store.lengthen_leases(start().plus(LEASE), HOUR));

    assert_eq!(lengthened, 1, "the other was given after");
    let taken_back = |store: &mut Store, now| store.write(|store| store.take_back(now, false));
    assert_eq!(taken_back(store, later.plus(LEASE).minus(Duration::from_millis(1))), 0);
    assert_eq!(taken_back(store, later.plus(LEASE)), 2);
}
