//! Lists from one time up to another.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::{add, ids, text};
use crate::bad_input::{check_problem, field};
use crate::house::House;
use crate::receiver::Receiver;

/// Three events, ten seconds apart from the beginning on: `2023-11-14T22:13:20Z`.
async fn three_events(house: &House) -> Vec<Value> {
    let mut events = vec![];
    for _ in 0..3 {
        events.push(house.publish_and_wait("E", "1").await["id"].clone());
        house.clock.advance(Duration::from_secs(10));
    }
    events
}

#[tokio::test]
async fn lists_begin_and_end_where_a_time_says() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    add(&house, &json!({"url": receiver.url("/"), "event": "E"})).await;
    let events = three_events(&house).await;
    let table = [
        ("since=2023-11-14T22:13:20Z", 0..3),
        ("since=2023-11-14T22:13:20.001Z", 1..3),
        ("since=2023-11-14T23:13:30%2B01:00&until=2023-11-14T22:13:40Z", 1..2),
        ("until=2023-11-14T22:13:40.001Z", 0..3),
        ("until=2023-11-14T22:13:20Z", 0..0),
        ("since=2026-01-01T00:00:00Z", 3..3),
        ("since=0001-01-01T00:00:00Z&until=9999-12-31T23:59:59Z", 0..3),
    ];

    for (query, range) in table {
        let expected: Vec<_> = events[range].iter().rev().cloned().collect();
        assert_eq!(ids(&house.json(&format!("/api/v1/events?{query}")).await), expected, "{query}");
        let page = house.json(&format!("/api/v1/deliveries?state=delivered&{query}")).await;
        let of_events: Vec<_> =
            page["items"].as_array().expect("items").iter().map(|item| item["event"].clone()).collect();
        assert_eq!(of_events, expected, "{query}");
    }
    house.close().await;
}

#[tokio::test]
async fn a_clock_that_was_set_back_keeps_the_order_across_a_restart() {
    let mut house = House::new().await;
    house.clock.advance(Duration::from_hours(1));
    let first = house.publish("E", "1").await["id"].clone();
    house.stop().await;

    house.start_again_earlier(Duration::from_hours(1)).await;
    let second = house.publish("E", "1").await["id"].clone();

    assert!(text(&second) > text(&first), "{second} after {first}");
    assert_eq!(ids(&house.json("/api/v1/events?since=2023-11-14T23:13:20Z").await), [second, first]);
    house.close().await;
}

#[tokio::test]
async fn a_time_that_cannot_be_taken_is_refused_with_what_to_do() {
    let house = House::new().await;
    let table = [
        ("since=2h", field("since", "such as 2026-01-31T23:59:59Z")),
        ("until=yesterday", field("until", "such as 2026-01-31T23:59:59Z")),
        ("since=2023-11-14T22:13:20+01:00", field("since", "write + as %2B")),
        ("since=2023-11-14T22:13:20Z&until=2023-11-14T22:13:20Z", field("until", "is not later than since")),
        ("sinse=2023-11-14T22:13:20Z", field("query", "since, until")),
    ];

    for (query, expected) in table {
        for list in ["events", "deliveries"] {
            let path = format!("/api/v1/{list}?{query}");
            check_problem(house.send(Method::GET, &path, "").await, expected, &path).await;
        }
    }
    house.close().await;
}

#[tokio::test]
async fn events_are_found_by_type_and_application() {
    let house = House::new().await;
    let built = house.publish("Built?application=shop", "1").await["id"].clone();
    let other = house.publish("Other", "1").await["id"].clone();

    let found = async |query: &str| ids(&house.json(&format!("/api/v1/events?{query}")).await);

    assert_eq!(found("type=bUILT").await, std::slice::from_ref(&built));
    assert_eq!(found("type=Other").await, [other]);
    assert_eq!(found("application=shop").await, [built]);
    assert!(found("type=Other&application=shop").await.is_empty());
    house.close().await;
}
