//! `Prefer: wait`: a publish that is answered when every first attempt is on record.

use std::time::Duration;

use reqwest::Response;
use serde_json::Value;
use tokio::task::JoinHandle;

use super::gate::Gate;
use super::{count, publishing, receiver_that_answers, sent, something_else_arrives};
use crate::house::{House, within};

/// A publish that waits, under way.
fn waiting(house: &House, preference: &str) -> JoinHandle<Response> {
    let request = publishing(house, "E", "{}").header("prefer", preference).header("idempotency-key", "k");
    tokio::spawn(sent(request))
}

async fn answer(waiting: JoinHandle<Response>) -> Response {
    let response = within("an answer", waiting).await.expect("an answer");
    assert_eq!(response.status(), 200);
    response
}

#[tokio::test]
async fn a_publish_that_waits_is_answered_when_every_first_attempt_is_on_record() {
    let house = House::new().await;
    let (gate, failing) = (Gate::new().await, receiver_that_answers(500).await);
    let first = house.subscribe(&gate.url("/a"), "E").await;
    house.subscribe(&failing.url("/cb"), "E").await;
    house.subscribe(&gate.url("/b"), "E").await;

    let publish = waiting(&house, "wait=30");
    gate.came(2).await;
    gate.let_through(1);
    gate.answered(1).await;
    something_else_arrives(&house).await;
    assert!(!publish.is_finished(), "one has not ended");
    gate.open();
    let response = answer(publish).await;

    assert_eq!(response.headers()["preference-applied"], "wait=30");
    assert_eq!((count(&house, "state=leased").await, count(&house, "state=pending").await), (0, 1));
    let hook = house.json(&format!("/api/hooks/{}", first["id"])).await;
    assert_eq!(hook["last_status"], "OK");
    house.close().await;
}

#[tokio::test]
async fn a_publish_waits_no_longer_than_it_said() {
    let house = House::new().await;
    let gate = Gate::new().await;
    house.subscribe(&gate.url("/cb"), "E").await;
    let publish = waiting(&house, "wait=30");
    gate.came(1).await;

    house.clock.advance(Duration::from_millis(29_999));
    something_else_arrives(&house).await;
    assert!(!publish.is_finished());
    house.clock.advance(Duration::from_millis(1));
    let event: Value = answer(publish).await.json().await.expect("JSON");

    assert_eq!((&event["deliveries"], gate.traffic().answered), (&Value::from(1), 0));
    gate.open();
    house.close().await;
}

#[tokio::test]
async fn a_publish_waits_a_minute_at_most() {
    let house = House::new().await;
    let gate = Gate::new().await;
    house.subscribe(&gate.url("/cb"), "E").await;
    let publish = waiting(&house, "wait=3600");
    gate.came(1).await;

    house.clock.advance(Duration::from_mins(1));

    assert_eq!(answer(publish).await.headers()["preference-applied"], "wait=60");
    gate.open();
    house.close().await;
}

#[tokio::test]
async fn a_publish_that_does_not_ask_does_not_wait() {
    let house = House::new().await;
    let gate = Gate::new().await;
    house.subscribe(&gate.url("/cb"), "E").await;

    for preference in ["respond-async", "wait", "wait=soon", "wait=-1", "wait=0"] {
        let response = sent(publishing(&house, "E", "{}").header("prefer", preference)).await;
        assert_eq!(response.status(), 200, "{preference}");
    }

    assert_eq!(gate.traffic().answered, 0);
    gate.open();
    house.close().await;
}

#[tokio::test]
async fn a_publish_that_nobody_wants_has_nothing_to_wait_for() {
    let house = House::new().await;
    let event = house.publish_and_wait("E", "{}").await;
    assert_eq!(event["deliveries"], 0);
    house.close().await;
}

#[tokio::test]
async fn the_setting_makes_every_publish_wait_unless_it_says_otherwise() {
    let house = House::with(|settings| settings.publish_wait = Duration::from_secs(20)).await;
    let gate = Gate::new().await;
    house.subscribe(&gate.url("/cb"), "E").await;

    let publish = tokio::spawn(sent(publishing(&house, "E", "{}")));
    gate.came(1).await;
    something_else_arrives(&house).await;
    assert!(!publish.is_finished());
    let impatient = sent(publishing(&house, "E", "{}").header("prefer", "wait=0")).await;
    assert_eq!(impatient.status(), 200);

    house.clock.advance(Duration::from_secs(20));
    answer(publish).await;
    gate.open();
    house.close().await;
}

#[tokio::test]
async fn a_repeated_publish_waits_for_the_same_first_attempts() {
    let house = House::new().await;
    let gate = Gate::new().await;
    house.subscribe(&gate.url("/cb"), "E").await;
    let first = waiting(&house, "wait=30");
    gate.came(1).await;

    let repeat = waiting(&house, "wait=30");
    something_else_arrives(&house).await;
    assert!(!repeat.is_finished());
    gate.open();
    let (first, repeat) = (answer(first).await, answer(repeat).await);

    let (first, repeat): (Value, Value) = (first.json().await.expect("JSON"), repeat.json().await.expect("JSON"));
    assert_eq!(first, repeat);
    assert_eq!(gate.traffic().came, 1);
    house.close().await;
}

#[tokio::test]
async fn a_repeat_after_the_first_attempts_is_answered_at_once() {
    let house = House::new().await;
    let receiver = receiver_that_answers(500).await;
    house.subscribe(&receiver.url("/cb"), "E").await;
    let first: Value = answer(waiting(&house, "wait=30")).await.json().await.expect("JSON");

    let repeat: Value = answer(waiting(&house, "wait=30")).await.json().await.expect("JSON");

    assert_eq!(first, repeat);
    assert_eq!(receiver.received().len(), 1, "and brings the retry no nearer");
    house.close().await;
}

#[tokio::test]
async fn a_publish_that_waits_is_answered_when_the_service_stops() {
    let mut house = House::with(|settings| settings.policy.timeout = Duration::from_millis(300)).await;
    let gate = Gate::new().await;
    house.subscribe(&gate.url("/cb"), "E").await;
    let publish = waiting(&house, "wait=30");
    gate.came(1).await;

    house.stop().await;

    answer(publish).await;
    house.close().await;
}
