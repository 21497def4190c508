//! What happens to what is owed when its hook goes, or goes elsewhere.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::gate::Gate;
use super::{
    attempted, count, due_in, point, prove, publishing, receiver_that_answers, remove, sent, something_else_arrives,
    until_count,
};
use crate::house::{House, within};
use crate::receiver::Receiver;

/// Lets the sweeper come by, again and again, until the list shows so many
/// cancelled deliveries of a hook.
async fn swept(house: &House, hook: &Value, cancelled: usize) {
    let query = format!("state=cancelled&hook={}", hook["id"]);
    let sweeping = async {
        while count(house, &query).await != cancelled {
            house.clock.advance(Duration::from_secs(15));
        }
    };
    within("the sweeper", sweeping).await;
}

#[tokio::test]
async fn what_a_removed_hook_owed_is_cancelled_and_never_sent() {
    let house = House::new().await;
    let receiver = receiver_that_answers(500).await;
    let hook = house.subscribe(&receiver.url("/cb"), "E").await;
    for _ in 0..3 {
        house.publish_and_wait("E", "{}").await;
    }

    remove(&house, &hook).await;
    until_count(&house, &format!("state=cancelled&hook={}", hook["id"]), 3).await;
    house.clock.advance(Duration::from_hours(1));
    something_else_arrives(&house).await;

    assert_eq!(receiver.received().len(), 3);
    house.close().await;
}

#[tokio::test]
async fn nothing_starts_once_a_removal_was_answered() {
    let house = House::new().await;
    let gate = Gate::new().await;
    let hook = house.subscribe(&gate.url("/cb"), "E").await;
    prove(&house, &gate, 1, 4).await;
    for _ in 0..30 {
        house.publish("E", "{}").await;
    }
    gate.came(4 + 4).await;

    remove(&house, &hook).await;
    gate.open();
    something_else_arrives(&house).await;
    swept(&house, &hook, 26).await;

    assert_eq!(gate.traffic().came, 4 + 4, "only what was in flight");
    until_count(&house, &format!("state=delivered&hook={}", hook["id"]), 4 + 4).await;
    house.close().await;
}

#[tokio::test]
async fn an_attempt_that_fails_after_the_removal_is_not_tried_again() {
    let house = House::new().await;
    let gate = Gate::that_answers(500).await;
    let hook = house.subscribe(&gate.url("/cb"), "E").await;
    let event = house.publish("E", "{}").await;
    gate.came(1).await;

    remove(&house, &hook).await;
    gate.open();
    swept(&house, &hook, 1).await;
    house.clock.advance(Duration::from_hours(1));
    something_else_arrives(&house).await;

    let delivery = attempted(&house, &event, 1).await;
    assert_eq!((&delivery["state"], &delivery["attempts"][0]["status"]), (&json!("cancelled"), &json!(500)));
    assert_eq!(gate.traffic().came, 1);
    house.close().await;
}

#[tokio::test]
async fn a_new_hook_with_the_same_url_owes_nothing_of_the_old_one() {
    let house = House::new().await;
    let receiver = receiver_that_answers(500).await;
    let old = house.subscribe(&receiver.url("/cb"), "E").await;
    house.publish_and_wait("E", "{}").await;

    remove(&house, &old).await;
    let new = house.subscribe(&receiver.url("/cb"), "E").await;
    until_count(&house, &format!("state=cancelled&hook={}", old["id"]), 1).await;
    house.clock.advance(Duration::from_hours(1));
    something_else_arrives(&house).await;

    assert_ne!(old["id"], new["id"]);
    assert_eq!((receiver.received().len(), count(&house, &format!("hook={}", new["id"])).await), (1, 0));
    house.close().await;
}

#[tokio::test]
async fn what_waits_goes_to_the_new_url_of_its_hook() {
    let house = House::new().await;
    let (old, new) = (receiver_that_answers(500).await, Receiver::new().await);
    let hook = house.subscribe(&old.url("/cb"), "E").await;
    let event = house.publish_and_wait("E", "{}").await;

    point(&house, &hook, &new.url("/cb")).await;
    let delivery = attempted(&house, &event, 1).await;
    house.clock.advance(due_in(&house, &delivery));

    assert_eq!(new.wait_for(1).await[0].header("nyala-attempt"), "2");
    assert_eq!(old.received().len(), 1);
    house.close().await;
}

#[tokio::test]
async fn what_waits_in_memory_goes_to_the_new_url_too() {
    let house = House::new().await;
    let (old, new) = (Gate::new().await, Receiver::new().await);
    let hook = house.subscribe(&old.url("/cb"), "E").await;
    for _ in 0..30 {
        house.publish("E", "{}").await;
    }
    old.came(4).await;

    point(&house, &hook, &new.url("/cb")).await;
    old.open();
    new.wait_for(26).await;

    assert_eq!(old.traffic().came, 4, "only what was in flight");
    house.close().await;
}

#[tokio::test]
async fn a_410_removes_the_hook_and_cancels_what_it_owes() {
    let house = House::new().await;
    let gate = Gate::that_answers(410).await;
    let hook = house.subscribe(&gate.url("/cb"), "E").await;
    for _ in 0..10 {
        house.publish("E", "{}").await;
    }
    gate.came(1).await;

    gate.let_through(1);
    let gone = async { while house.get(&format!("/api/hooks/{}", hook["id"])).await.status() != 404 {} };
    within("the hook is removed", gone).await;
    gate.open();
    something_else_arrives(&house).await;
    // The next attempt may start before the outcome of the one that ended is on record.
    let came = gate.traffic().came;
    assert!((1..=2).contains(&came), "{came}");
    swept(&house, &hook, 10 - came).await;

    until_count(&house, &format!("state=dead&hook={}", hook["id"]), came).await;
    assert_eq!(gate.traffic().came, came);
    house.close().await;
}

#[tokio::test]
async fn a_410_from_an_old_url_does_not_remove_the_hook() {
    let house = House::new().await;
    let (old, new) = (Gate::that_answers(410).await, Receiver::new().await);
    let hook = house.subscribe(&old.url("/cb"), "E").await;
    let event = house.publish("E", "{}").await;
    old.came(1).await;

    point(&house, &hook, &new.url("/cb")).await;
    old.open();

    assert_eq!(new.wait_for(1).await[0].header("nyala-attempt"), "2", "at once, without backoff");
    assert_eq!(attempted(&house, &event, 2).await["state"], "delivered");
    assert_eq!(house.get(&format!("/api/hooks/{}", hook["id"])).await.status(), 200);
    house.close().await;
}

#[tokio::test]
async fn a_publish_that_waits_for_a_removed_hook_is_answered() {
    let house = House::new().await;
    let gate = Gate::new().await;
    let hook = house.subscribe(&gate.url("/cb"), "E").await;
    for _ in 0..16 {
        house.publish("E", "{}").await;
    }
    let waiting = tokio::spawn(sent(publishing(&house, "E", "{}").header("prefer", "wait=60")));
    until_count(&house, &format!("hook={}", hook["id"]), 17).await;

    remove(&house, &hook).await;
    let response = within("an answer", waiting).await.expect("an answer");

    assert_eq!(response.status(), 200);
    assert_eq!(gate.traffic().in_flight, 1, "though the receiver hangs");
    gate.open();
    swept(&house, &hook, 16).await;
    house.close().await;
}

#[tokio::test]
async fn removing_twice_changes_nothing_more() {
    let house = House::new().await;
    let receiver = receiver_that_answers(500).await;
    let hook = house.subscribe(&receiver.url("/cb"), "E").await;
    house.publish_and_wait("E", "{}").await;

    remove(&house, &hook).await;
    remove(&house, &hook).await;

    let v1 = house.send(Method::DELETE, &format!("/api/v1/hooks/{}", hook["id"]), "").await;
    assert_eq!(v1.status(), 404);
    until_count(&house, &format!("state=cancelled&hook={}", hook["id"]), 1).await;
    house.close().await;
}
