//! Clauses about times and the store's order.

use nyala::domain::access::Bounds;
use nyala::domain::application::Application;
use nyala::domain::delivery::Next;
use nyala::domain::event::NewEvent;
use nyala::domain::id::{EventId, Seq};
use nyala::store::page::{Cursor, Page};
use nyala::store::{DeliveryFilter, EventFilter};

use super::{Store, at, new_event};

fn events(store: &Store, filter: &EventFilter) -> Vec<EventId> {
    let page = store.archive().events(Page::default(), filter).expect("a page");
    page.items.iter().map(|summary| summary.event.id).collect()
}

fn deliveries(store: &Store, filter: DeliveryFilter) -> Vec<Seq> {
    let page = store.archive().deliveries(Page::default(), filter, &Bounds::default()).expect("a page");
    page.items.iter().map(|delivery| delivery.seq).collect()
}

/// What lists from one time up to another hold, in milliseconds after the beginning.
fn between(since: Option<i64>, until: Option<i64>) -> DeliveryFilter {
    DeliveryFilter { since: since.map(at), until: until.map(at), ..DeliveryFilter::default() }
}

pub(super) fn ids_of_events_never_go_back(store: &mut Store) {
    let mut ids = vec![];
    for millis in [0, 0, 50, 20, -1000] {
        ids.push(store.publish_at(millis, &new_event("E")).id.0);
        store.open_again();
        ids.push(store.publish_at(millis, &new_event("E")).id.0);
    }

    assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
}

pub(super) fn a_list_has_what_was_made_from_one_time_up_to_another(store: &mut Store) {
    store.hook("a", "*");
    let kept: Vec<_> = [0, 10, 10, 20].map(|millis| store.publish_at(millis, &new_event("E"))).into();
    let table = [
        (None, None, 0..4),
        (Some(-5), Some(1000), 0..4),
        (Some(0), None, 0..4),
        (Some(1), None, 1..4),
        (Some(10), Some(20), 1..3),
        (Some(11), Some(20), 3..3),
        (Some(20), None, 3..4),
        (Some(21), None, 4..4),
        (None, Some(0), 0..0),
        (None, Some(10), 0..1),
        (None, Some(11), 0..3),
    ];

    for (since, until, range) in table {
        let newest_first = kept[range].iter().rev();
        let (seqs, ids): (Vec<_>, Vec<_>) = newest_first.map(|kept| (Seq(kept.seq.0 + 1), kept.id)).unzip();
        let filter = between(since, until);
        assert_eq!(deliveries(store, filter), seqs, "{since:?} {until:?}");
        let filter = EventFilter { since: filter.since, until: filter.until, ..EventFilter::default() };
        assert_eq!(events(store, &filter), ids, "{since:?} {until:?}");
    }
}

pub(super) fn a_list_of_events_has_the_types_and_applications_that_are_asked_for(store: &mut Store) {
    let of = |event: &str, names: &[&str]| {
        let applications = names.iter().map(|name| Application::parse(name).expect("a name")).collect();
        NewEvent { applications, ..new_event(event) }
    };
    let built = store.publish_at(0, &of("BÜILT", &["shop", "web"])).id;
    let other = store.publish_at(1, &of("Other", &["Shop"])).id;
    let plain = store.publish_at(2, &of("büilt", &[])).id;
    let any = EventFilter::default();
    let typed = EventFilter { event_type: Some("Büilt".into()), ..any.clone() };
    let shop = EventFilter { application: Some("shop".into()), ..any.clone() };

    assert_eq!(events(store, &any), [plain, other, built]);
    assert_eq!(events(store, &typed), [plain, built]);
    assert_eq!(events(store, &shop), [built]);
    assert_eq!(events(store, &EventFilter { since: Some(at(1)), ..typed }), [plain]);
    assert!(events(store, &EventFilter { event_type: Some("Other".into()), ..shop }).is_empty());
}

pub(super) fn redeliveries_between_two_events_have_their_own_times(store: &mut Store) {
    store.hook("a", "*");
    store.publish_at(0, &new_event("E"));
    let old = store.end_all(0, 200, Next::Done)[0];
    let again = [5, 5, 7, 9].map(|millis| store.redelivered(millis, old));
    let table = [
        (Some(5), None, &again[..]),
        (Some(6), None, &again[2..]),
        (Some(6), Some(9), &again[2..3]),
        (Some(10), None, &[]),
    ];

    for newer in [None, Some(30)] {
        // Whether an event follows or not.
        newer.map(|millis| store.publish_at(millis, &new_event("E")));
        for (since, until, expected) in &table {
            let found = deliveries(store, between(*since, until.or(Some(30))));
            let expected: Vec<_> = expected.iter().rev().copied().collect();
            assert_eq!(found, expected, "{since:?} {until:?} {newer:?}");
        }
    }
    assert_eq!(store.delivery(again[2]).0.created_at, at(7));
}

pub(super) fn pages_between_two_times_stay_correct_while_rows_arrive(store: &mut Store) {
    store.hook("a", "*");
    let owed: Vec<_> = (0..6).map(|millis| Seq(store.publish_at(millis, &new_event("E")).seq.0 + 1)).skip(1).collect();

    let (mut seen, mut after): (_, Option<Cursor>) = (vec![], None);
    for millis in 6.. {
        let filter = between(Some(1), Some(1000));
        let page = store.archive().deliveries(Page { after, limit: 2 }, filter, &Bounds::default()).expect("a page");
        seen.extend(page.items.iter().map(|delivery| delivery.seq));
        store.publish_at(millis, &new_event("E"));
        after = page.next;
        if after.is_none() {
            break;
        }
    }

    seen.reverse();
    assert_eq!(seen, owed, "none twice, none passed over, none that is new");
}
