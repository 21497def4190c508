//! `PATCH /api/v1/hooks/{id}`.

use std::time::Duration;

use serde_json::{Value, json};

use super::{add, patch, patched, shown};
use crate::bad_input::{Refusal, check_problem, field, whole};
use crate::house::House;
use crate::receiver::Receiver;

/// A hook with a value in every field.
async fn full(house: &House) -> Value {
    let fields = json!({
        "url": "http://127.0.0.1:9/", "events": ["A", "B"], "applications": ["shop"], "description": "old",
    });
    add(house, &fields).await
}

#[tokio::test]
async fn a_change_touches_the_fields_that_it_names_and_no_others() {
    let house = House::new().await;
    let changes = [
        (json!({"url": "https://example.com/new"}), "url", json!("https://example.com/new")),
        (json!({"event": "C"}), "events", json!(["C"])),
        (json!({"events": ["C", "*"]}), "events", json!(["C", "*"])),
        (json!({"application": "web"}), "applications", json!(["web"])),
        (json!({"applications": ["web", "Web"]}), "applications", json!(["web", "Web"])),
        (json!({"applications": []}), "applications", json!(["*"])),
        (json!({"insecure_ssl": true}), "insecure_ssl", json!(true)),
        (json!({"description": "new"}), "description", json!("new")),
        (json!({"description": ""}), "description", json!("")),
        (json!({"description": null}), "description", Value::Null),
        (json!({"order": "application"}), "order", json!("application")),
        (json!({"max_in_flight": 3}), "max_in_flight", json!(3)),
        (json!({"max_in_flight": null}), "max_in_flight", Value::Null),
        (json!({"rate_limit": 20}), "rate_limit", json!(20)),
    ];

    for (change, name, value) in changes {
        let hook = full(&house).await;
        house.clock.advance(Duration::from_secs(1));
        let mut expected = hook.clone();
        expected[name] = value;
        expected["event"] = expected["events"][0].clone();
        let after = patched(&house, &hook, &change).await;
        assert!(after["updated_at"].as_str() > hook["updated_at"].as_str(), "{change}: {after}");
        expected["updated_at"] = after["updated_at"].clone();
        assert_eq!(after, expected, "{change}");
        assert_eq!(shown(&house, &hook).await, expected, "{change}");
    }
    house.close().await;
}

#[tokio::test]
async fn a_change_that_cannot_be_taken_changes_nothing() {
    let house = House::new().await;
    let hook = full(&house).await;
    let changes: [(&str, Refusal); 17] = [
        (r#"{"url":"/x"}"#, field("url", "give an absolute http or https URL")),
        (r#"{"url":null}"#, field("url", "give a text")),
        (r#"{"events":[]}"#, field("event", "such as PostDeployment")),
        (r#"{"events":["C","\u0000"]}"#, field("event", "remove it")),
        (r#"{"events":[5,[]]}"#, field("events", "give a text")),
        (r#"{"applications":[" "]}"#, field("application", "is empty")),
        (r#"{"insecure_ssl":null}"#, field("insecure_ssl", "true nor false")),
        (r#"{"order":"fifo"}"#, field("order", "none, hook, application")),
        (r#"{"max_in_flight":0}"#, field("max_in_flight", "from 1 to 1000")),
        (r#"{"max_in_flight":1001}"#, field("max_in_flight", "from 1 to 1000")),
        (r#"{"rate_limit":-1}"#, field("rate_limit", "from 1 to 100000")),
        (r#"{"rate_limit":"5"}"#, field("rate_limit", "from 1 to 100000")),
        (r#"{"description":["x"]}"#, field("description", "give a text")),
        (r#"{"description":"new","url":"ftp://a/"}"#, field("url", "only http and https")),
        ("[]", whole(400, "JSON object")),
        ("", whole(400, "JSON object")),
        ("{", whole(400, "not JSON")),
    ];

    for (change, expected) in changes {
        let path = format!("/api/v1/hooks/{}", hook["id"]);
        let response = house.send(reqwest::Method::PATCH, &path, change).await;
        check_problem(response, expected, change).await;
        assert_eq!(shown(&house, &hook).await, hook, "{change}");
    }
    house.close().await;
}

#[tokio::test]
async fn what_a_hook_is_not_made_of_cannot_be_changed() {
    let house = House::new().await;
    let hook = full(&house).await;

    for name in ["id", "dialect", "created_at", "last_status", "last_context", "target_url", "Url"] {
        let response = patch(&house, &hook, &json!({"description": "new", name: "x"})).await;
        assert_eq!(response.status(), 400, "{name}");
        let problem: Value = response.json().await.expect("JSON");
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains(name)), "{problem}");
    }

    assert_eq!(shown(&house, &hook).await, hook);
    assert_eq!(patch(&house, &json!({"id": 99}), &json!({"description": "new"})).await.status(), 404);
    house.close().await;
}

#[tokio::test]
async fn the_next_event_goes_where_the_change_says() {
    let (house, before, after) = (House::new().await, Receiver::new().await, Receiver::new().await);
    let hook = add(&house, &json!({"url": before.url("/"), "event": "Old", "application": "shop"})).await;

    patched(&house, &hook, &json!({"url": after.url("/"), "event": "New", "applications": []})).await;
    let old = house.publish_and_wait("Old?application=shop", "1").await;
    let new = house.publish_and_wait("new", "2").await;

    assert_eq!((&old["deliveries"], &new["deliveries"]), (&json!(0), &json!(1)));
    assert_eq!(after.wait_for(1).await[0].text(), "2");
    assert!(before.received().is_empty());
    house.close().await;
}

#[tokio::test]
async fn credentials_go_with_the_url_that_they_stood_in() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    let url = receiver.url("/");
    let with_credentials = url.replacen("http://", "http://us%40er:word@", 1);
    let hook = add(&house, &json!({"url": with_credentials, "event": "E"})).await;

    house.publish_and_wait("E", "1").await;
    patched(&house, &hook, &json!({"description": "kept"})).await;
    house.publish_and_wait("E", "2").await;
    let same = patched(&house, &hook, &json!({"url": url})).await;
    house.publish_and_wait("E", "3").await;
    patched(&house, &hook, &json!({"url": receiver.url("/other")})).await;
    house.publish_and_wait("E", "4").await;

    let sent: Vec<_> =
        receiver.wait_for(4).await.iter().map(|request| request.header("authorization").to_owned()).collect();
    let basic = "Basic dXNAZXI6d29yZA==";
    assert_eq!(sent, [basic, basic, basic, ""], "who sends back the URL as it is shown keeps what is not shown");
    assert_eq!((&hook["url"], &same["url"]), (&json!(url), &json!(url)));
    house.close().await;
}

#[tokio::test]
async fn a_kudu_hook_cannot_take_the_url_of_another() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    house.subscribe(&receiver.url("/one"), "E").await;
    let two = house.subscribe(&receiver.url("/two"), "E").await;

    let taken = receiver.url("/ONE").replacen("http://", "HTTP://user:word@", 1);
    let response = patch(&house, &two, &json!({"url": taken, "event": "Other", "description": "new"})).await;
    house.publish_and_wait("E", "1").await;

    check_problem(response, Refusal { status: 409, field: "url", remedy: "remove that one first" }, "PATCH").await;
    let mut paths: Vec<_> = receiver.wait_for(2).await.iter().map(|request| request.path.clone()).collect();
    paths.sort();
    assert_eq!(paths, ["/one", "/two"], "nothing was changed");
    assert!(receiver.received().iter().all(|request| request.header("authorization").is_empty()));
    house.close().await;
}

#[tokio::test]
async fn a_kudu_hook_may_be_given_its_own_url_and_one_that_was_given_up() {
    let house = House::new().await;
    let one = house.subscribe("http://127.0.0.1:9/one", "E").await;
    let two = house.subscribe("http://127.0.0.1:9/two", "E").await;

    let same = patched(&house, &one, &json!({"url": "http://127.0.0.1:9/ONE"})).await;
    patched(&house, &one, &json!({"url": "http://127.0.0.1:9/elsewhere"})).await;
    let freed = patched(&house, &two, &json!({"url": "http://127.0.0.1:9/one"})).await;

    assert_eq!(same["url"], "http://127.0.0.1:9/ONE");
    assert_eq!(freed["url"], "http://127.0.0.1:9/one");
    house.close().await;
}
