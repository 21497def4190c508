//! Changing a hook of Kudu's through Nyala's own API: what the next publish does.

use reqwest::Method;
use serde_json::{Value, json};

use super::{again, ask, basic, list, path_of, paths, problem, publish_for, subscribe_with, with_user_info};
use crate::house::House;
use crate::receiver::Receiver;

fn v1_path_of(hook: &Value) -> String {
    path_of(hook).replace("/api/", "/api/v1/")
}

/// Changes a hook; answers it as both APIs show it.
async fn patch(house: &House, hook: &Value, change: &Value) -> Value {
    let (status, changed) = ask(house, Method::PATCH, &v1_path_of(hook), &change.to_string()).await;
    assert_eq!(status, 200, "{changed}");
    assert_eq!(again(house, hook).await, changed);
    changed
}

/// Requires that a change is refused and changes nothing.
async fn refused(house: &House, hook: &Value, change: &Value, status: u16, field: &str) {
    let before = again(house, hook).await;
    let response = house.send(Method::PATCH, &v1_path_of(hook), &change.to_string()).await;
    problem(response, status, Some(field)).await;
    assert_eq!(again(house, hook).await, before);
}

#[tokio::test]
async fn other_events_take_effect_at_once() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    let hook = house.subscribe(&receiver.url("/cb"), "A").await;
    assert_eq!(publish_for(&house, "A", &[]).await, 1);

    let changed = patch(&house, &hook, &json!({"events": ["B", "C"]})).await;

    assert_eq!((&changed["event"], &changed["events"]), (&json!("B"), &json!(["B", "C"])));
    for (event, deliveries) in [("A", 0), ("B", 1), ("C", 1)] {
        assert_eq!(publish_for(&house, event, &[]).await, deliveries, "{event}");
    }
    assert_eq!(receiver.received().len(), 3);
    house.close().await;
}

#[tokio::test]
async fn one_event_replaces_all_that_were_named_before() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    let asked = json!({"url": receiver.url("/cb"), "events": ["A", "B"]});
    let (_, hook) = subscribe_with(&house, asked).await;

    let changed = patch(&house, &hook, &json!({"event": "*"})).await;

    assert_eq!(changed["events"], json!(["*"]));
    assert_eq!(publish_for(&house, "Anything", &[]).await, 1);
    house.close().await;
}

#[tokio::test]
async fn other_applications_take_effect_at_once_and_the_events_stay() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    let asked = json!({"url": receiver.url("/cb"), "events": ["A", "B"], "applications": ["shop"]});
    let (_, hook) = subscribe_with(&house, asked).await;

    let changed = patch(&house, &hook, &json!({"applications": ["stock"]})).await;
    assert_eq!((&changed["events"], &changed["applications"]), (&json!(["A", "B"]), &json!(["stock"])));
    for (event, application, deliveries) in [("A", "shop", 0), ("A", "stock", 1), ("B", "stock", 1), ("C", "stock", 0)]
    {
        assert_eq!(publish_for(&house, event, &[application]).await, deliveries, "{event} {application}");
    }
    patch(&house, &hook, &json!({"applications": ["*"]})).await;

    assert_eq!(publish_for(&house, "A", &[]).await, 1);
    house.close().await;
}

#[tokio::test]
async fn no_applications_are_any_again() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    let asked = json!({"url": receiver.url("/cb"), "event": "A", "applications": ["shop"]});
    let (_, hook) = subscribe_with(&house, asked).await;

    let changed = patch(&house, &hook, &json!({"applications": []})).await;

    assert_eq!(changed["applications"], json!(["*"]));
    assert_eq!(publish_for(&house, "A", &["stock"]).await, 1);
    house.close().await;
}

#[tokio::test]
async fn subscribing_again_is_compared_with_what_the_hook_wants_by_now() {
    let house = House::new().await;
    let url = "http://example.com/cb";
    let hook = house.subscribe(url, "A").await;

    let changed = patch(&house, &hook, &json!({"events": ["B"]})).await;

    assert_eq!(subscribe_with(&house, json!({"url": url, "event": "A"})).await.0, 409);
    assert_eq!(subscribe_with(&house, json!({"url": url, "event": "b"})).await, (201, changed));
    house.close().await;
}

#[tokio::test]
async fn another_url_takes_effect_at_once_with_its_own_user_info() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    let locked = |path: &str, user_info: &str| with_user_info(&receiver.url(path), user_info);
    let hook = house.subscribe(&locked("/1", "robin:one"), "A").await;

    publish_for(&house, "A", &[]).await;
    patch(&house, &hook, &json!({"description": "user info stays"})).await;
    publish_for(&house, "A", &[]).await;
    patch(&house, &hook, &json!({"url": locked("/2", "robin:two")})).await;
    publish_for(&house, "A", &[]).await;
    patch(&house, &hook, &json!({"url": receiver.url("/3")})).await;
    publish_for(&house, "A", &[]).await;

    let requests = receiver.received();
    assert_eq!(paths(&requests), ["/1", "/1", "/2", "/3"]);
    let sent: Vec<_> = requests.iter().map(|request| request.header("authorization")).collect();
    assert_eq!(sent, [basic("robin:one"), basic("robin:one"), basic("robin:two"), String::new()]);
    house.close().await;
}

#[tokio::test]
async fn a_url_that_another_hook_has_is_refused() {
    let house = House::new().await;
    house.subscribe("http://example.com/one", "A").await;
    let two = house.subscribe("http://example.com/two", "A").await;

    refused(&house, &two, &json!({"url": "HTTP://EXAMPLE.COM/ONE", "events": ["B"]}), 409, "url").await;
    patch(&house, &two, &json!({"url": "http://example.com/TWO"})).await;

    assert_eq!(publish_for(&house, "B", &[]).await, 0);
    assert_eq!(list(&house).await.len(), 2);
    house.close().await;
}

#[tokio::test]
async fn a_change_that_cannot_be_taken_changes_nothing() {
    let house = House::new().await;
    let hook = house.subscribe("http://example.com/cb", "A").await;
    let table = [
        (json!({"events": []}), "event"),
        (json!({"events": [" "]}), "event"),
        (json!({"description": "new", "url": "ftp://example.com/"}), "url"),
        (json!({"description": "new", "insecure_ssl": "perhaps"}), "insecure_ssl"),
        (json!({"event": "B", "applications": [""]}), "application"),
    ];

    for (change, field) in table {
        refused(&house, &hook, &change, 400, field).await;
    }

    house.close().await;
}
