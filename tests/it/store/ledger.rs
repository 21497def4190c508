//! Clauses about attempts and what follows from them.

use std::time::Duration;

use nyala::domain::delivery::{Attempt, Next, State};
use nyala::domain::headers::HeaderLines;
use nyala::domain::outcome::{Answer, Outcome};
use nyala::store::room::Room;
use nyala::store::{Leased, Record, Recorded};

use super::{Store, at, on_record, record, start, to_url};

fn leased(store: &mut Store) -> Leased {
    store.publish("E", &Room::new(1)).leased.remove(0)
}

fn recorded(store: &mut Store, record: &Record) -> Recorded {
    store.write(|store| store.record(start(), record))
}

/// A 410 from the URL at which hooks of this name are.
fn gone(leased: &Leased, name: &str) -> Record {
    let url = to_url(&format!("http://receiver/{name}")).url.expect("a URL").0;
    Record { url, ..record(leased, 410, Next::DropHook) }
}

pub(super) fn a_record_says_what_follows(store: &mut Store) {
    store.hook("a", "*");
    let table = [
        (Next::Done, 200, State::Delivered),
        (Next::RetryAt(at(7)), 500, State::Pending),
        (Next::GiveUp, 500, State::Dead),
    ];

    for (next, status, state) in table {
        let leased = leased(store);
        let due_at = (state == State::Pending).then_some(at(7));
        assert_eq!(recorded(store, &record(&leased, status, next)), on_record(due_at));
        let (delivery, attempts) = store.delivery(leased.seq);
        assert_eq!((delivery.state, delivery.attempts, delivery.due_at), (state, 1, due_at));
        assert_eq!(delivery.finished_at.is_some(), due_at.is_none());
        assert_eq!(attempts.len(), 1);
    }
}

pub(super) fn a_record_with_a_foreign_lease_is_not_ours(store: &mut Store) {
    let hook = store.hook("a", "*");
    let first = leased(store);
    store.write(|store| store.take_back(start(), true));
    let second = store.claim(start(), &Room::new(1)).leased.remove(0);

    for next in [Next::Done, Next::RetryAt(at(7)), Next::GiveUp, Next::DropHook] {
        assert_eq!(recorded(store, &record(&first, 500, next)), Recorded::NotOurs);
    }
    assert!(store.delivery(first.seq).1.is_empty(), "no attempt is on record");
    assert!(store.living(hook).expect("the hook").last.is_none(), "nor a result");

    assert_eq!(recorded(store, &record(&second, 200, Next::Done)), on_record(None));
    assert_eq!(recorded(store, &record(&second, 200, Next::Done)), Recorded::NotOurs, "once is enough");
}

/// Headers that are hard to keep.
fn headers(name: &str) -> HeaderLines {
    let mut headers = HeaderLines::default();
    headers.push(name, "\u{fffd} \"quoted\": yes");
    headers.push(name, "");
    headers
}

pub(super) fn attempts_are_on_record_with_all_that_was_said(store: &mut Store) {
    store.hook("a", "*");
    let answer = Answer {
        cut: false,
        status: 599,
        reason: "Odd".into(),
        headers: headers("x-answer"),
        body: vec![0, 255, b'a'].into(),
        retry_after: None,
    };
    let outcomes = [
        Outcome::Failed("nobody there".into()),
        Outcome::Refused("not allowed".into()),
        Outcome::Answered(answer.clone()),
        Outcome::Answered(Answer { status: 204, ..answer }),
    ];
    let mut leased = leased(store);
    for (outcome, number) in outcomes.iter().zip(1..) {
        let request_headers = headers("x-request");
        let duration = Duration::from_micros(1234);
        let attempt = Attempt { number, started_at: at(3), duration, request_headers, outcome: outcome.clone() };
        let next = if number == 4 { Next::Done } else { Next::RetryAt(start()) };
        recorded(store, &Record { attempt, ..record(&leased, 0, next) });
        leased = store.claim(start(), &Room::new(1)).leased.pop().unwrap_or(leased);
    }

    let (delivery, attempts) = store.delivery(leased.seq);

    assert_eq!((delivery.state, delivery.attempts), (State::Delivered, 4));
    for ((attempt, outcome), number) in attempts.iter().zip(&outcomes).zip(1..) {
        assert_eq!(format!("{:?}", attempt.outcome), format!("{outcome:?}"));
        assert_eq!(
            (attempt.number, attempt.started_at, attempt.duration),
            (number, at(3), Duration::from_micros(1234))
        );
        assert_eq!(attempt.request_headers, headers("x-request"));
    }
}

pub(super) fn the_result_of_the_newest_event_is_the_hooks_last(store: &mut Store) {
    let hook = store.hook("a", "*");
    let status = |store: &Store| store.living(hook).expect("the hook").last.expect("a result").status;
    let [old, new] = [leased(store), leased(store)];
    let [old_failed, new_arrived] = [record(&old, 500, Next::RetryAt(start())), record(&new, 200, Next::Done)];

    recorded(store, &new_arrived);
    recorded(store, &old_failed);
    assert_eq!(status(store), Some(200), "one after the other");

    let [old, new] = [leased(store), leased(store)];
    let together = [record(&new, 201, Next::Done), record(&old, 500, Next::GiveUp)];
    store.write(|store| together.iter().try_for_each(|record| store.record(start(), record).map(drop)));
    assert_eq!(status(store), Some(201), "in one transaction");

    let [old, new] = [leased(store), leased(store)];
    let together = [record(&old, 200, Next::Done), record(&new, 500, Next::RetryAt(at(5)))];
    store.write(|store| together.iter().try_for_each(|record| store.record(start(), record).map(drop)));
    assert_eq!(status(store), Some(500), "in the other order");

    let again = store.claim(at(5), &Room::new(9)).leased.into_iter().find(|leased| leased.seq == new.seq);
    recorded(store, &record(&again.expect("the newest"), 204, Next::Done));
    assert_eq!(status(store), Some(204), "its own retry");
}

pub(super) fn a_410_removes_the_hook(store: &mut Store) {
    let hook = store.hook("a", "*");
    let answered = leased(store);
    let owed = leased(store);
    store.write(|store| store.release(start(), &[(owed.seq, owed.lease)]));

    assert_eq!(recorded(store, &gone(&answered, "a")), on_record(None));

    assert!(store.living(hook).is_none() && store.targets.get(hook).is_none());
    assert!(store.claim(start(), &Room::new(1)).leased.is_empty());
    while store.write(|store| store.cancel_owed(start(), 10)).more {}
    assert_eq!((store.state(answered.seq), store.state(owed.seq)), (State::Dead, State::Cancelled));
}

pub(super) fn a_410_from_an_old_url_removes_nothing(store: &mut Store) {
    let hook = store.hook("a", "*");
    let leased = leased(store);
    store.write(|store| store.change(start(), hook, &to_url("http://receiver/b")));

    assert_eq!(recorded(store, &gone(&leased, "a")), on_record(Some(start())));

    assert!(store.living(hook).is_some());
    let claimed = store.claim(start(), &Room::new(1)).leased.remove(0);
    assert_eq!((claimed.seq, claimed.attempts), (leased.seq, 1));
}
