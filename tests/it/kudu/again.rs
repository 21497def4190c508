//! Subscribing a URL that has a hook already.

use serde_json::{Value, json};

use super::{again, fields, list, subscribe_with, unsubscribe, with_user_info};
use crate::house::House;
use crate::receiver::Receiver;

const U1: &str = "http://example.com/One";
const U2: &str = "http://example.com/two";

/// A conflict says which hook is in the way.
async fn conflicts(house: &House, asked: Value) {
    let (status, problem) = subscribe_with(house, asked.clone()).await;
    assert_eq!((status, &problem["status"]), (409, &json!(409)), "{asked}");
    assert_eq!(problem["errors"][0]["field"], "url", "{asked}");
}

/// The hook that is there already, unchanged.
async fn answers(house: &House, asked: Value, hook: &Value) {
    let answer = subscribe_with(house, asked.clone()).await;
    assert_eq!(answer, (201, hook.clone()), "{asked}");
}

// K-06, K-16
#[tokio::test]
async fn a_url_that_has_a_hook_cannot_be_subscribed_to_another_event() {
    let house = House::new().await;
    let one = house.subscribe(U1, "PostDeployment").await;
    let two = house.subscribe(U2, "CustomEvent").await;

    conflicts(&house, fields(U1, "PostDeployment_NewEvent")).await;
    conflicts(&house, fields(U2, "CustomEvent_DifferentEvent")).await;
    conflicts(&house, fields(U2, "*")).await;

    assert_eq!(list(&house).await, [one, two]);
    house.close().await;
}

// K-07
#[tokio::test]
async fn subscribing_again_answers_the_hook_that_is_there() {
    let house = House::new().await;
    let one = house.subscribe(U1, "PostDeployment").await;
    let two = house.subscribe(U2, "PostDeployment").await;

    answers(&house, fields(U1, "PostDeployment"), &one).await;

    assert_eq!(list(&house).await, [one, two]);
    house.close().await;
}

// K-21
#[tokio::test]
async fn case_and_blanks_make_no_other_url_and_no_other_event() {
    let house = House::new().await;
    let hook = house.subscribe(U1, "PostDeployment").await;

    answers(&house, fields(&U1.to_uppercase(), "POSTDEPLOYMENT"), &hook).await;
    answers(&house, fields(&format!("  {U1}\n"), " postdeployment "), &hook).await;

    assert_eq!(list(&house).await, [hook]);
    house.close().await;
}

#[tokio::test]
async fn urls_that_differ_in_more_than_case_are_two() {
    let house = House::new().await;

    for url in [
        "http://example.com",
        "http://example.com/",
        "http://example.com:80/",
        "http://example.com/?",
        "https://example.com/",
    ] {
        house.subscribe(url, "PostDeployment").await;
    }

    assert_eq!(list(&house).await.len(), 5);
    house.close().await;
}

// K-22
#[tokio::test]
async fn subscribing_again_changes_nothing() {
    let house = House::new().await;
    let hook = house.subscribe(U1, "PostDeployment").await;

    let asked = json!({"url": U1, "event": "PostDeployment", "insecure_ssl": true, "description": "another"});
    answers(&house, asked, &hook).await;

    assert_eq!(again(&house, &hook).await, hook);
    house.close().await;
}

#[tokio::test]
async fn subscribing_again_answers_the_last_result_too() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    let hook = house.subscribe(&receiver.url("/cb"), "PostDeployment").await;
    house.publish_and_wait("PostDeployment", "{}").await;

    let (status, same) = subscribe_with(&house, fields(&receiver.url("/cb"), "PostDeployment")).await;

    assert_eq!((status, &same["id"], &same["last_status"]), (201, &hook["id"], &json!("OK")));
    assert_eq!(again(&house, &hook).await, same);
    house.close().await;
}

#[tokio::test]
async fn user_info_makes_no_other_url_and_is_not_taken_from_a_repetition() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    let url = receiver.url("/cb");
    let hook = house.subscribe(&url, "PostDeployment").await;

    let with_user = with_user_info(&url, "robin:secret");
    answers(&house, fields(&with_user, "PostDeployment"), &hook).await;
    conflicts(&house, fields(&with_user, "CustomEvent")).await;
    house.publish_and_wait("PostDeployment", "{}").await;

    assert_eq!(receiver.wait_for(1).await[0].header("authorization"), "");
    house.close().await;
}

#[tokio::test]
async fn the_same_sets_are_the_same_hook_and_other_sets_are_a_conflict() {
    let house = House::new().await;
    let asked = |events: Value, applications: Value| json!({"url": U1, "events": events, "applications": applications});
    let (_, hook) = subscribe_with(&house, asked(json!(["A", "B"]), json!(["x", "y"]))).await;

    answers(&house, asked(json!(["b", "A", "a"]), json!(["y", "x", "x"])), &hook).await;
    answers(&house, json!({"url": U1, "event": "B", "events": ["A"], "applications": ["x", "y"]}), &hook).await;
    conflicts(&house, asked(json!(["A"]), json!(["x", "y"]))).await;
    conflicts(&house, asked(json!(["A", "B", "C"]), json!(["x", "y"]))).await;
    conflicts(&house, asked(json!(["A", "B"]), json!(["x"]))).await;
    conflicts(&house, json!({"url": U1, "events": ["A", "B"]})).await;

    assert_eq!(list(&house).await, [hook]);
    house.close().await;
}

#[tokio::test]
async fn no_applications_are_the_same_as_all() {
    let house = House::new().await;
    let hook = house.subscribe(U1, "PostDeployment").await;

    answers(&house, json!({"url": U1, "event": "PostDeployment", "applications": ["*"]}), &hook).await;
    answers(&house, json!({"url": U1, "event": "PostDeployment", "applications": []}), &hook).await;

    house.close().await;
}

#[tokio::test]
async fn a_url_whose_hook_was_removed_may_want_another_event() {
    let house = House::new().await;
    let removed = house.subscribe(U1, "PostDeployment").await;
    unsubscribe(&house, &removed).await;

    let hook = house.subscribe(U1, "CustomEvent").await;

    assert_ne!(hook["id"], removed["id"]);
    assert_eq!(list(&house).await, [hook]);
    house.close().await;
}
