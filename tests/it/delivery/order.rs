//! Ordered hooks: one at a time, as the store took them.

use std::sync::OnceLock;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::gate::Gate;
use super::{prove, something_else_arrives, text};
use crate::house::House;
use crate::receiver::{Receiver, status};

async fn ordered(house: &House, url: &str, order: &str) -> Value {
    let body = json!({"url": url, "event": "E", "order": order}).to_string();
    let response = house.send(Method::POST, "/api/v1/hooks", &body).await;
    assert_eq!(response.status(), 201);
    response.json().await.expect("a hook")
}

async fn published(house: &House, applications: &[&str]) -> String {
    let body = json!({"type": "E", "applications": applications}).to_string();
    let response = house.send(Method::POST, "/api/v1/events", &body).await;
    assert_eq!(response.status(), 201);
    let event: Value = response.json().await.expect("an event");
    text(&event["id"]).to_owned()
}

fn events(receiver: &Receiver) -> Vec<String> {
    receiver.received().iter().map(|request| request.header("webhook-id").to_owned()).collect()
}

#[tokio::test]
async fn an_ordered_hook_gets_one_at_a_time_in_the_order_of_the_store() {
    let (house, gate) = (House::new().await, Gate::new().await);
    ordered(&house, &gate.url("/cb"), "hook").await;
    prove(&house, &gate, 1, 4).await;
    for _ in 0..10 {
        house.publish("E", "{}").await;
    }
    gate.came(4 + 1).await;
    something_else_arrives(&house).await;
    assert_eq!(gate.traffic().in_flight, 1);

    gate.open();
    gate.answered(4 + 10).await;

    assert_eq!(gate.traffic().most, 1);
    house.close().await;
}

#[tokio::test]
async fn what_failed_arrives_before_what_came_after_it() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    ordered(&house, &receiver.url("/cb"), "hook").await;
    receiver.answer(|_| status(503));
    let first = published(&house, &[]).await;
    let mut expected = vec![first.clone(), first];
    for _ in 0..3 {
        expected.push(published(&house, &[]).await);
    }
    receiver.wait_for(1).await;
    something_else_arrives(&house).await;
    assert_eq!(receiver.received().len(), 1, "the others wait for their turn");

    receiver.answer(|_| status(200));
    house.clock.advance(Duration::from_secs(11));
    receiver.wait_for(5).await;

    assert_eq!(events(&receiver), expected);
    house.close().await;
}

#[tokio::test]
async fn what_is_given_up_lets_the_next_one_go() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    ordered(&house, &receiver.url("/cb"), "hook").await;
    let first = OnceLock::new();
    receiver.answer(move |request| {
        let id = request.header("webhook-id");
        status(if first.get_or_init(|| id.to_owned()) == id { 500 } else { 200 })
    });
    let dead = published(&house, &[]).await;
    let next = published(&house, &[]).await;

    for requests in 1..=3 {
        receiver.wait_for(requests).await;
        let delivery = format!("/api/v1/deliveries?event={dead}");
        house.until(&delivery, |list| list["items"][0]["attempt_count"] == requests).await;
        house.clock.advance(Duration::from_secs(70));
    }
    receiver.wait_for(4).await;

    assert_eq!(events(&receiver)[3], next);
    house.close().await;
}

#[tokio::test]
async fn applications_are_ordered_each_for_itself() {
    let (house, gate, receiver) = (House::new().await, Gate::new().await, Receiver::new().await);
    let hook = ordered(&house, &gate.url("/cb"), "application").await;
    prove(&house, &gate, 1, 4).await;
    let shop = [published(&house, &["shop"]).await, published(&house, &["shop"]).await];
    let blog = [published(&house, &["blog"]).await, published(&house, &["blog"]).await];
    gate.came(4 + 2).await;
    something_else_arrives(&house).await;
    assert_eq!(gate.traffic().in_flight, 2, "one of each application");

    super::point(&house, &hook, &receiver.url("/cb")).await;
    gate.open();
    receiver.wait_for(2).await;

    let mut then = events(&receiver);
    then.sort();
    assert_eq!(then, [shop[1].clone(), blog[1].clone()]);
    house.close().await;
}

#[tokio::test]
async fn an_event_of_two_applications_waits_for_both_and_both_wait_for_it() {
    let (house, gate) = (House::new().await, Gate::new().await);
    ordered(&house, &gate.url("/cb"), "application").await;
    prove(&house, &gate, 1, 4).await;
    for applications in [&["shop"][..], &["blog"], &["shop", "blog"], &["blog"], &["shop"]] {
        published(&house, applications).await;
    }

    for (came, in_flight) in [(2, 2), (2, 1), (3, 1), (5, 2)] {
        gate.came(4 + came).await;
        something_else_arrives(&house).await;
        assert_eq!((gate.traffic().came, gate.traffic().in_flight), (4 + came, in_flight));
        gate.let_through(1);
        gate.answered(4 + came - in_flight + 1).await;
    }
    gate.open();
    gate.answered(4 + 5).await;
    house.close().await;
}

#[tokio::test]
async fn the_order_outlives_restarts_and_a_clock_that_is_set() {
    let (mut house, gate, receiver) = (House::new().await, Gate::new().await, Receiver::new().await);
    let hook = ordered(&house, &gate.url("/cb"), "hook").await;
    let mut expected = vec![published(&house, &[]).await, published(&house, &[]).await];
    gate.came(1).await;
    house.clock.set_back(Duration::from_hours(1));
    expected.push(published(&house, &[]).await);
    house.clock.set_forward(Duration::from_hours(2));
    expected.push(published(&house, &[]).await);

    house.stop().await;
    house.start_again().await;
    super::point(&house, &hook, &receiver.url("/cb")).await;
    expected.push(published(&house, &[]).await);
    house.clock.advance(Duration::from_secs(70));
    receiver.wait_for(5).await;

    assert_eq!(events(&receiver), expected);
    house.close().await;
}

#[tokio::test]
async fn a_redelivery_joins_the_end_of_its_line() {
    let (house, gate, receiver) = (House::new().await, Gate::new().await, Receiver::new().await);
    let hook = ordered(&house, &receiver.url("/cb"), "hook").await;
    let first = published(&house, &[]).await;
    let list = format!("/api/v1/deliveries?event={first}");
    let delivered = house.until(&list, |list| list["items"][0]["state"] == "delivered").await;
    super::point(&house, &hook, &gate.url("/cb")).await;
    published(&house, &[]).await;
    gate.came(1).await;

    let again = format!("/api/v1/deliveries/{}/redeliver", text(&delivered["items"][0]["id"]));
    assert_eq!(house.send(Method::POST, &again, "").await.status(), 201);
    let newest = published(&house, &[]).await;
    something_else_arrives(&house).await;
    assert_eq!(gate.traffic().came, 1);
    super::point(&house, &hook, &receiver.url("/cb")).await;
    gate.open();
    receiver.wait_for(3).await;

    assert_eq!(events(&receiver), [first.clone(), first, newest]);
    house.close().await;
}

#[tokio::test]
async fn another_order_holds_for_events_from_then_on() {
    let (house, gate) = (House::new().await, Gate::new().await);
    let hook = ordered(&house, &gate.url("/cb"), "hook").await;
    prove(&house, &gate, 1, 4).await;
    for _ in 0..3 {
        house.publish("E", "{}").await;
    }
    gate.came(4 + 1).await;

    let path = format!("/api/v1/hooks/{}", hook["id"]);
    assert_eq!(house.send(Method::PATCH, &path, r#"{"order":"none"}"#).await.status(), 200);
    for _ in 0..3 {
        house.publish("E", "{}").await;
    }

    gate.came(4 + 4).await;
    something_else_arrives(&house).await;
    assert_eq!(gate.traffic().in_flight, 4, "three of the new ones beside the first of the old");
    gate.open();
    gate.answered(4 + 6).await;
    house.close().await;
}
