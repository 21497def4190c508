//! What cannot be a trigger, and why.

use reqwest::Method;
use serde_json::{Value, json};

use super::{path, trigger};
use crate::house::House;

#[tokio::test]
async fn what_is_wrong_is_named_with_its_remedy() {
    let house = House::new().await;
    let table = [
        (json!([]), "body"),
        (json!({}), "kind"),
        (json!({"kind": "outgoing", "name": "a"}), "kind"),
        (json!({"kind": "webhook"}), "name"),
        (json!({"kind": "webhook", "name": ""}), "name"),
        (json!({"kind": "webhook", "name": 7}), "name"),
        (json!({"kind": "webhook", "name": "a", "event": "*"}), "event"),
        (json!({"kind": "webhook", "name": "a", "application": "*"}), "application"),
        (json!({"kind": "webhook", "name": "a", "method": "PATCH"}), "method"),
        (json!({"kind": "webhook", "name": "a", "rate_limit": 0}), "rate_limit"),
        (json!({"kind": "webhook", "name": "a", "values": {"a": 1}}), "values"),
        (json!({"kind": "webhook", "name": "a", "secret": "short"}), "secret"),
        (json!({"kind": "webhook", "name": "a", "secret": "long enough", "scheme": "md5"}), "scheme"),
        (json!({"kind": "webhook", "name": "a", "cron": "* * * * *"}), "cron"),
        (json!({"kind": "repository", "name": "a", "events": "push"}), "events"),
        (json!({"kind": "repository", "name": "a", "method": "GET"}), "method"),
        (json!({"kind": "scheduler", "name": "a"}), "cron"),
        (json!({"kind": "scheduler", "name": "a", "cron": "whenever"}), "cron"),
        (json!({"kind": "scheduler", "name": "a", "cron": "0 0 30 2 *"}), "cron"),
        (json!({"kind": "scheduler", "name": "a", "cron": "0 0 1 1 * 2020"}), "cron"),
        (json!({"kind": "scheduler", "name": "a", "cron": "* * * * *", "timezone": "Paris"}), "timezone"),
        (json!({"kind": "scheduler", "name": "a", "cron": "* * * * *", "missed": "twice"}), "missed"),
        (json!({"kind": "scheduler", "name": "a", "cron": "* * * * *", "payload": [1]}), "payload"),
        (json!({"kind": "scheduler", "name": "a", "cron": "* * * * *", "secret": "long enough"}), "secret"),
    ];

    for (fields, at_fault) in table {
        let answer = house.send(Method::POST, "/api/v1/triggers", &fields.to_string()).await;
        assert_eq!(answer.status(), 400, "{fields}");
        let problem: Value = answer.json().await.expect("a problem");
        if at_fault != "body" {
            assert_eq!(problem["errors"][0]["field"], at_fault, "{fields}: {problem}");
        }
    }
    assert_eq!(house.json("/api/v1/triggers").await["items"], json!([]));
    house.close().await;
}

#[tokio::test]
async fn fields_that_are_not_named_stay_and_null_takes_one_away() {
    let house = House::new().await;
    let fields = json!({
        "kind": "webhook", "name": "a", "event": "E", "application": "shop", "method": "PUT", "rate_limit": 7,
        "values": {"x": "y"}
    });
    let made = trigger(&house, &fields).await;

    let changed = house.send(Method::PATCH, &path(&made), r#"{"name":"b","rate_limit":null,"event":null}"#).await;
    let changed: Value = changed.json().await.expect("a trigger");
    let kind = house.send(Method::PATCH, &path(&made), r#"{"kind":"scheduler"}"#).await;

    assert_eq!((&changed["name"], &changed["event"]), (&json!("b"), &json!("TriggerFired")));
    assert_eq!((changed.get("rate_limit"), &changed["method"]), (None, &json!("PUT")));
    assert_eq!((&changed["values"], &changed["applications"]), (&json!({"x": "y"}), &json!(["shop"])));
    assert_eq!(kind.status(), 400);
    house.close().await;
}

#[tokio::test]
async fn lists_of_triggers_are_paged_and_filtered() {
    let house = House::new().await;
    for name in ["one", "two", "three"] {
        trigger(&house, &json!({"kind": "webhook", "name": name})).await;
    }
    let tick = trigger(&house, &json!({"kind": "scheduler", "name": "tick", "cron": "@daily"})).await;
    house.send(Method::POST, &format!("{}/stop", path(&tick)), "").await;

    let first = house.json("/api/v1/triggers?limit=3").await;
    let next = first["next"].as_str().expect("a cursor");
    let second = house.json(&format!("/api/v1/triggers?limit=3&cursor={next}")).await;
    let names = |list: &Value| -> Vec<String> {
        let items = list["items"].as_array().expect("a list");
        items.iter().map(|item| item["name"].as_str().expect("a name").to_owned()).collect()
    };

    assert_eq!(names(&first), ["one", "two", "three"]);
    assert_eq!((names(&second), &second["next"]), (vec!["tick".to_owned()], &Value::Null));
    assert_eq!(names(&house.json("/api/v1/triggers?q=T").await), ["two", "three", "tick"]);
    assert_eq!(names(&house.json("/api/v1/triggers?kind=scheduler").await), ["tick"]);
    assert_eq!(names(&house.json("/api/v1/triggers?state=stopped").await), ["tick"]);
    assert_eq!(house.get("/api/v1/triggers?kind=poller").await.status(), 400);
    house.close().await;
}
