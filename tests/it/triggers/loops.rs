//! Events that go round in circles.

use serde_json::json;

use super::{calling, over, published, sent, trigger, webhook};
use crate::house::House;
use crate::receiver::Receiver;

#[tokio::test]
async fn an_event_of_a_trigger_that_comes_back_to_one_is_recorded_and_not_published() {
    let house = House::new().await;
    let trigger = trigger(&house, &json!({"kind": "webhook", "name": "loop", "event": "Round"})).await;
    house.subscribe(trigger["url"].as_str().expect("a URL"), "Round").await;

    sent(calling(&house, &trigger)).await;
    let done = over(&house, &trigger, 2).await;

    assert_eq!((&done[1]["result"], &done[0]["result"]), (&json!("published"), &json!("skipped")));
    assert_eq!(done[0]["error"], "a loop: an event that a trigger published has come back");
    assert_eq!(done[0]["hops"], 1);
    assert_eq!(published(&house, "Round").await, 1);
    house.close().await;
}

#[tokio::test]
async fn an_event_that_somebody_published_fires_a_trigger_that_a_hook_points_at() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    let trigger = trigger(&house, &json!({"kind": "webhook", "name": "on", "event": "Second"})).await;
    house.subscribe(trigger["url"].as_str().expect("a URL"), "First").await;
    house.subscribe(&receiver.url("/"), "Second").await;

    house.publish("First", r#"{"a":1}"#).await;
    let got = receiver.wait_for(1).await;

    assert_eq!((got[0].header("nyala-event"), got[0].header("nyala-hops")), ("Second", "1"));
    over(&house, &trigger, 1).await;
    house.close().await;
}

#[tokio::test]
async fn what_has_passed_through_more_than_eight_triggers_is_not_published() {
    let house = House::new().await;
    let trigger = webhook(&house).await;

    for hops in ["0", "8", "9", "99999999999999999999", "many"] {
        assert_eq!(sent(calling(&house, &trigger).header("nyala-hops", hops)).await.status(), 200);
    }
    let done = over(&house, &trigger, 5).await;

    let results: Vec<_> = done.iter().rev().map(|one| one["result"].as_str().expect("text")).collect();
    assert_eq!(results, ["published", "published", "skipped", "skipped", "published"]);
    assert_eq!(done[2]["error"], "a loop: it has passed through 9 triggers, and may through 8");
    house.close().await;
}

#[tokio::test]
async fn a_loop_that_goes_by_way_of_another_event_ends_after_eight_triggers() {
    let house = House::new().await;
    let trigger = trigger(&house, &json!({"kind": "webhook", "name": "bridge", "event": "First"})).await;
    house.subscribe(&house.url("/api/hooks/publish/Second"), "First").await;
    house.subscribe(trigger["url"].as_str().expect("a URL"), "Second").await;

    sent(calling(&house, &trigger)).await;
    let done = over(&house, &trigger, 10).await;

    assert_eq!((&done[0]["result"], &done[0]["hops"]), (&json!("skipped"), &json!(9)));
    assert_eq!(published(&house, "First").await, 9);
    house.close().await;
}

#[tokio::test]
async fn what_a_person_fires_is_not_counted_anew() {
    let house = House::new().await;
    let trigger = webhook(&house).await;
    let path = format!("{}/fire", super::path(&trigger));

    let request = house.client.post(house.url(&path)).header("nyala-hops", "50");
    assert_eq!(sent(request).await.status(), 202);
    let done = over(&house, &trigger, 1).await;

    assert_eq!((&done[0]["result"], &done[0]["hops"]), (&json!("skipped"), &json!(50)));
    house.close().await;
}
