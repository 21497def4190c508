//! Runs of failures: single probes, a backlog that waits, and in the end a pause.

use std::time::Duration;

use reqwest::Method;
use serde_json::Value;

use super::{receiver_that_answers, something_else_arrives};
use crate::house::{House, within};
use crate::receiver::{Receiver, status};

fn path(hook: &Value) -> String {
    format!("/api/v1/hooks/{}", hook["id"])
}

async fn post(house: &House, hook: &Value, what: &str) -> Value {
    let response = house.send(Method::POST, &format!("{}/{what}", path(hook)), "").await;
    assert!(response.status().is_success(), "{what}: {}", response.status());
    response.json().await.expect("JSON")
}

/// A hook that has failed five times in a row and is owed more besides.
async fn failing(house: &House, receiver: &Receiver, owed: usize) -> Value {
    receiver.answer(|_| status(500));
    let hook = house.subscribe(&receiver.url("/cb"), "E").await;
    for _ in 0..5 {
        house.publish_and_wait("E", "{}").await;
    }
    for _ in 5..owed {
        house.publish("E", "{}").await;
    }
    let hook = house.json(&path(&hook)).await;
    assert_eq!((&hook["state"], &hook["failures"], &hook["owed"]), (&"failing".into(), &5.into(), &owed.into()));
    hook
}

/// Lets time pass in small steps until so many requests have come.
async fn drained(house: &House, receiver: &Receiver, requests: usize) {
    let draining = async {
        while receiver.received().len() < requests {
            house.clock.advance(Duration::from_millis(50));
            tokio::task::yield_now().await;
        }
    };
    within("the backlog drains", draining).await;
}

#[tokio::test]
async fn a_failing_hook_gets_single_probes_while_its_backlog_waits() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    let hook = failing(&house, &receiver, 25).await;
    something_else_arrives(&house).await;
    assert_eq!(receiver.received().len(), 5, "the backlog waits");

    house.clock.advance(Duration::from_secs(11));
    receiver.wait_for(6).await;
    house.until(&path(&hook), |hook| hook["failures"] == 6).await;
    something_else_arrives(&house).await;
    assert_eq!(receiver.received().len(), 6, "a single probe, though all is due");

    house.clock.advance(Duration::from_secs(50));
    something_else_arrives(&house).await;
    assert_eq!(receiver.received().len(), 6, "the next one waits longer");
    house.clock.advance(Duration::from_secs(20));
    receiver.wait_for(7).await;
    house.close().await;
}

#[tokio::test]
async fn one_success_closes_it_and_the_backlog_drains_at_a_rate_that_doubles() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    let hook = failing(&house, &receiver, 300).await;
    receiver.answer(|_| status(200));

    house.clock.advance(Duration::from_secs(11));
    receiver.wait_for(6).await;
    house.until(&path(&hook), |hook| hook["state"] == "active" && hook["failures"] == 0).await;
    something_else_arrives(&house).await;
    let at_once = receiver.received().len();
    assert!(at_once < 5 + 10, "not all at once: {at_once}");

    house.clock.advance(Duration::from_millis(500));
    something_else_arrives(&house).await;
    drained(&house, &receiver, 5 + 300).await;
    house.until(&path(&hook), |hook| hook["owed"] == 0).await;
    house.close().await;
}

#[tokio::test]
async fn a_failing_hook_is_still_failing_after_a_restart() {
    let (mut house, receiver) = (House::new().await, Receiver::new().await);
    let hook = failing(&house, &receiver, 8).await;

    house.stop().await;
    house.start_again().await;
    something_else_arrives(&house).await;

    assert_eq!(house.json(&path(&hook)).await["state"], "failing");
    assert_eq!(receiver.received().len(), 5);
    house.clock.advance(Duration::from_secs(11));
    receiver.wait_for(6).await;
    house.close().await;
}

#[tokio::test]
async fn days_of_nothing_but_failure_pause_a_hook_and_tell_those_who_asked() {
    let house = House::with(|settings| settings.policy.breaker_pause_after = Duration::from_hours(1)).await;
    let (receiver, listener) = (Receiver::new().await, Receiver::new().await);
    house.subscribe(&listener.url("/ops"), "HookDisabled").await;
    let hook = failing(&house, &receiver, 7).await;

    house.clock.advance(Duration::from_hours(1));
    let told = listener.wait_for(1).await;

    let told: Value = serde_json::from_slice(&told[0].body).expect("JSON");
    assert_eq!((&told["hook"], &told["failures"]), (&hook["id"], &6.into()), "{told}");
    assert!(!told.to_string().contains("/cb"), "its URL may be a secret: {told}");
    let shown = house.json(&path(&hook)).await;
    assert_eq!(
        (&shown["state"], &shown["paused_by"], &shown["owed"]),
        (&"paused".into(), &"breaker".into(), &7.into())
    );

    house.clock.advance(Duration::from_hours(30));
    something_else_arrives(&house).await;
    assert_eq!(receiver.received().len(), 6, "nothing goes out");
    receiver.answer(|_| status(200));
    assert_eq!(post(&house, &hook, "resume").await["state"], "active");
    drained(&house, &receiver, 6 + 7).await;
    house.close().await;
}

#[tokio::test]
async fn a_new_url_is_tried_at_once() {
    let (house, receiver, other) = (House::new().await, Receiver::new().await, Receiver::new().await);
    let hook = failing(&house, &receiver, 9).await;

    super::point(&house, &hook, &other.url("/cb")).await;

    // Five wait for their second attempts, four were never tried.
    other.wait_for(4).await;
    house.clock.advance(Duration::from_secs(11));
    other.wait_for(9).await;
    assert_eq!(house.json(&path(&hook)).await["state"], "active");
    house.close().await;
}

#[tokio::test]
async fn a_paused_hook_gets_nothing_and_is_owed_all_of_it() {
    let (mut house, receiver) = (House::new().await, Receiver::new().await);
    let hook = house.subscribe(&receiver.url("/cb"), "E").await;
    assert_eq!(post(&house, &hook, "pause").await["state"], "paused");
    for _ in 0..5 {
        house.publish("E", "{}").await;
    }
    house.stop().await;
    house.start_again().await;
    house.clock.advance(Duration::from_hours(100));
    something_else_arrives(&house).await;
    let shown = house.json(&path(&hook)).await;
    assert_eq!((&shown["owed"], &shown["paused_by"]), (&5.into(), &"person".into()));
    assert_eq!(receiver.received().len(), 0);

    post(&house, &hook, "resume").await;

    receiver.wait_for(5).await;
    house.close().await;
}

#[tokio::test]
async fn what_waits_in_memory_does_not_go_out_after_a_pause() {
    let (house, gate) = (House::new().await, super::Gate::new().await);
    let hook = house.subscribe(&gate.url("/cb"), "E").await;
    super::prove(&house, &gate, 1, 4).await;
    for _ in 0..12 {
        house.publish("E", "{}").await;
    }
    gate.came(4 + 4).await;

    post(&house, &hook, "pause").await;
    gate.open();
    house.until(&path(&hook), |hook| hook["owed"] == 8).await;
    something_else_arrives(&house).await;

    assert_eq!(gate.traffic().came, 4 + 4, "only what was in flight");
    post(&house, &hook, "resume").await;
    gate.answered(4 + 12).await;
    house.close().await;
}

#[tokio::test]
async fn a_test_goes_to_the_hook_alone_at_once_and_whatever_its_state() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    let other = receiver_that_answers(200).await;
    house.subscribe(&other.url("/cb"), "*").await;
    let hook = house.subscribe(&receiver.url("/cb"), "E").await;
    post(&house, &hook, "pause").await;
    house.publish_and_wait("F", "{}").await;
    house.publish("E", "{}").await;

    let sent = post(&house, &hook, "test").await;

    let requests = receiver.wait_for(1).await;
    assert_eq!(requests[0].header("webhook-id"), super::text(&sent["event"]));
    assert_eq!(
        (requests[0].header("nyala-event"), requests[0].header("nyala-delivery")),
        ("E", super::text(&sent["delivery"]))
    );
    let delivery = format!("/api/v1/deliveries/{}", super::text(&sent["delivery"]));
    house.until(&delivery, |delivery| delivery["state"] == "delivered").await;
    assert_eq!(house.json(&path(&hook)).await["state"], "paused", "a test resumes nothing");
    assert_eq!((receiver.received().len(), other.wait_for(2).await.len()), (1, 2));
    house.close().await;
}

#[tokio::test]
async fn a_test_that_arrives_closes_the_breaker() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    let hook = failing(&house, &receiver, 6).await;
    receiver.answer(|_| status(200));

    post(&house, &hook, "test").await;

    house.until(&path(&hook), |hook| hook["state"] == "active").await;
    house.clock.advance(Duration::from_secs(11));
    drained(&house, &receiver, 5 + 1 + 6).await;
    house.close().await;
}

#[tokio::test]
async fn pausing_resuming_and_testing_what_is_not_there_is_404() {
    let house = House::new().await;
    for what in ["pause", "resume", "test"] {
        let response = house.send(Method::POST, &format!("/api/v1/hooks/77/{what}"), "").await;
        assert_eq!(response.status(), 404, "{what}");
    }
    house.close().await;
}
