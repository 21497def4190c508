//! What was owed when the service stopped is delivered by the next one.

use std::time::Duration;

use serde_json::{Value, json};

use super::gate::Gate;
use super::{attempted, count, due_in, receiver_that_answers, text};
use crate::house::House;
use crate::receiver::{Receiver, status};

/// A house in which an attempt that hangs ends soon, so that it stops soon.
async fn house() -> House {
    House::with(|settings| settings.policy.timeout = Duration::from_millis(300)).await
}

#[tokio::test]
async fn what_was_pending_is_delivered_after_a_restart_under_the_same_id() {
    let mut house = house().await;
    let receiver = receiver_that_answers(500).await;
    house.subscribe(&receiver.url("/cb"), "E").await;
    let event = house.publish_and_wait("E", r#"{"kept": "to the byte" }"#).await;
    let wait = due_in(&house, &attempted(&house, &event, 1).await);

    house.stop().await;
    receiver.answer(|_| status(200));
    house.start_again().await;
    house.clock.advance(wait);

    let requests = receiver.wait_for(2).await;
    assert_eq!(requests[1].header("webhook-id"), text(&event["id"]));
    assert_eq!((requests[1].header("nyala-attempt"), requests[1].text()), ("2", r#"{"kept": "to the byte" }"#));
    attempted(&house, &event, 2).await;
    house.close().await;
}

#[tokio::test]
async fn a_restart_brings_no_retry_nearer() {
    let mut house = house().await;
    let receiver = receiver_that_answers(500).await;
    house.subscribe(&receiver.url("/cb"), "E").await;
    let event = house.publish_and_wait("E", "{}").await;
    let wait = due_in(&house, &attempted(&house, &event, 1).await);

    house.stop().await;
    house.start_again().await;
    super::something_else_arrives(&house).await;

    assert_eq!(due_in(&house, &attempted(&house, &event, 1).await), wait);
    assert_eq!(receiver.received().len(), 1);
    house.close().await;
}

#[tokio::test]
async fn what_became_due_while_nothing_ran_is_delivered_at_the_start() {
    let mut house = house().await;
    let receiver = receiver_that_answers(500).await;
    house.subscribe(&receiver.url("/cb"), "E").await;
    let event = house.publish_and_wait("E", "{}").await;

    house.stop().await;
    house.clock.advance(Duration::from_hours(1));
    receiver.answer(|_| status(200));
    house.start_again().await;

    assert_eq!(attempted(&house, &event, 2).await["state"], "delivered");
    house.close().await;
}

#[tokio::test]
async fn what_waited_in_memory_is_given_back_and_delivered_after_a_restart() {
    let mut house = house().await;
    let (gate, receiver) = (Gate::new().await, Receiver::new().await);
    let hook = house.subscribe(&gate.url("/cb"), "E").await;
    for _ in 0..40 {
        house.publish("E", "{}").await;
    }
    gate.came(1).await;

    house.stop().await;
    let came = gate.traffic().came;
    house.start_again().await;
    super::point(&house, &hook, &receiver.url("/cb")).await;
    super::until_count(&house, "state=leased", 0).await;
    house.clock.advance(Duration::from_secs(11));
    super::until_count(&house, "state=delivered", 40).await;

    let requests = receiver.received();
    let tried_before = requests.iter().filter(|request| request.header("nyala-attempt") == "2").count();
    assert!(came >= 1 && tried_before >= came, "{came} were tried and failed before the stop: {tried_before}");
    assert_eq!(requests.len(), 40, "each has arrived once");
    house.close().await;
}

#[tokio::test]
async fn hooks_and_their_last_results_outlive_a_restart() {
    let mut house = house().await;
    let receiver = Receiver::new().await;
    let url = receiver.url("/cb").replace("http://", "http://me:secret@");
    house.subscribe(&url, "E").await;
    house.publish_and_wait("E", r#"{"n": 1}"#).await;
    let before: Value = house.json("/api/hooks").await;

    house.stop().await;
    house.start_again().await;

    assert_eq!(house.json("/api/hooks").await, before);
    assert_eq!(before[0]["last_status"], json!("OK"));
    house.publish_and_wait("E", "{}").await;
    assert_eq!(receiver.received()[1].header("authorization"), "Basic bWU6c2VjcmV0");
    assert_eq!(count(&house, "state=delivered").await, 2);
    house.close().await;
}
