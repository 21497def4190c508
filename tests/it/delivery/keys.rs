//! `Idempotency-Key`: a publish that is safe to repeat.

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::{RequestBuilder, StatusCode};
use serde_json::Value;

use super::{publishing, sent, text};
use crate::house::House;
use crate::receiver::Receiver;

fn keyed(house: &House, event: &str, payload: &str, key: &str) -> RequestBuilder {
    publishing(house, event, payload).header("idempotency-key", key).header("prefer", "wait=60")
}

/// The event's id that a publish is answered with.
async fn id(request: RequestBuilder) -> String {
    let response = sent(request).await;
    assert_eq!(response.status(), 200);
    let event: Value = response.json().await.expect("JSON");
    text(&event["id"]).to_owned()
}

async fn house_and_receiver() -> (House, Receiver) {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    house.subscribe(&receiver.url("/cb"), "*").await;
    (house, receiver)
}

#[tokio::test]
async fn a_repeated_publish_is_one_event_and_one_delivery() {
    let (house, receiver) = house_and_receiver().await;

    let first = id(keyed(&house, "E", "{}", "k")).await;
    let again = id(keyed(&house, "e", "{}", "k")).await;
    let other = id(keyed(&house, "E", "{}", "other")).await;

    assert_eq!(first, again, "event types are compared without regard to case");
    assert_ne!(first, other);
    assert_eq!(receiver.received().len(), 2);
    house.close().await;
}

#[tokio::test]
async fn publishes_with_one_key_at_the_same_moment_are_one_event() {
    let (house, receiver) = house_and_receiver().await;

    let ids = join_all((0..20).map(|_| id(keyed(&house, "E", "{}", "k")))).await;

    assert!(ids.iter().all(|id| id == &ids[0]), "{ids:?}");
    assert_eq!(receiver.received().len(), 1);
    house.close().await;
}

#[tokio::test]
async fn a_key_that_stands_for_another_body_is_refused() {
    let (house, receiver) = house_and_receiver().await;
    id(keyed(&house, "E", r#"{"a":1}"#, "k")).await;

    let other_body = sent(keyed(&house, "E", r#"{"a": 1}"#, "k")).await;
    let other_application = keyed(&house, "E", r#"{"a":1}"#, "k").header("nyala-application", "shop");
    let other_application = sent(other_application).await;

    assert_eq!(other_application.status(), 422);
    assert_eq!(other_body.status(), StatusCode::UNPROCESSABLE_ENTITY, "bodies are compared to the byte");
    let problem: Value = other_body.json().await.expect("JSON");
    assert_eq!(problem["errors"][0]["field"], "Idempotency-Key");
    assert_eq!(receiver.received().len(), 1);
    house.close().await;
}

#[tokio::test]
async fn a_key_counts_for_its_event_type_only() {
    let (house, receiver) = house_and_receiver().await;

    let one = id(keyed(&house, "E", "{}", "k")).await;
    let other = id(keyed(&house, "F", r#"{"other": "body"}"#, "k")).await;

    assert_ne!(one, other);
    assert_eq!(receiver.received().len(), 2);
    house.close().await;
}

#[tokio::test]
async fn a_key_is_forgotten_after_a_day_and_not_before() {
    let (house, receiver) = house_and_receiver().await;
    let first = id(keyed(&house, "E", "{}", "k")).await;

    house.clock.advance(Duration::from_hours(24) - Duration::from_millis(1));
    let within_a_day = id(keyed(&house, "E", "{}", "k")).await;
    house.clock.advance(Duration::from_millis(1));
    let after_a_day = id(keyed(&house, "E", r#""another body""#, "k")).await;

    assert_eq!(first, within_a_day);
    assert_ne!(first, after_a_day);
    assert_eq!(receiver.received().len(), 2);
    house.close().await;
}

#[tokio::test]
async fn a_key_outlives_a_restart() {
    let (mut house, receiver) = house_and_receiver().await;
    let first = id(keyed(&house, "E", "{}", "k")).await;

    house.stop().await;
    house.start_again().await;
    let again = id(keyed(&house, "E", "{}", "k")).await;

    assert_eq!(first, again);
    assert_eq!(receiver.received().len(), 1);
    house.close().await;
}

#[tokio::test]
async fn a_key_holds_across_both_ways_to_publish() {
    let (house, receiver) = house_and_receiver().await;
    let kudu = id(keyed(&house, "E", r#"{"a":1}"#, "k")).await;

    let request = house.client.post(house.url("/api/v1/events")).header("idempotency-key", "k");
    let response =
        sent(request.header("content-type", "application/json").body(r#"{"type":"E","payload":{"a":1}}"#)).await;
    let v1: Value = response.json().await.expect("JSON");

    assert_eq!(v1["id"], kudu);
    assert_eq!(receiver.received().len(), 1);
    house.close().await;
}
