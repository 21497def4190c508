//! `/api/v1/events`.

use reqwest::{Method, Response};
use serde_json::{Value, json};

use super::{add, ids, text};
use crate::bad_input::{Refusal, check_problem};
use crate::house::{House, within};
use crate::receiver::Receiver;

async fn publish_with_key(house: &House, key: &str, body: &str) -> Response {
    let request = house.client.post(house.url("/api/v1/events")).header("idempotency-key", key);
    within("an answer", request.body(body.to_owned()).send()).await.expect("an answer")
}

#[tokio::test]
async fn an_event_is_published_with_its_location_and_shown_there() {
    let house = House::new().await;
    let body =
        r#"{"type":" Built ","applications":["shop","Shop","shop"],"application":"web","payload":{"a" :  [1.0]}}"#;

    let response = house.send(Method::POST, "/api/v1/events", body).await;

    assert_eq!(response.status(), 201);
    let location = response.headers()["location"].to_str().expect("text").to_owned();
    let published: Value = response.json().await.expect("JSON");
    assert_eq!((&published["type"], &published["deliveries"]), (&json!("Built"), &json!(0)));
    let event = house.json(&location).await;
    let expected = json!({
        "id": published["id"], "type": "Built", "applications": ["Shop", "shop", "web"], "deliveries": 0,
        "published_at": "2023-11-14T22:13:20.000Z", "published_by": null, "bytes": 14, "payload": {"a": [1.0]},
    });
    assert_eq!(event, expected);
    house.close().await;
}

#[tokio::test]
async fn a_payload_is_delivered_and_shown_to_the_byte() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    add(&house, &json!({"url": receiver.url("/"), "event": "E"})).await;
    let payloads = [
        "{\"b\" : 1.00,\n\"a\":[12345678901234567890123, -0, 1E+400], \"a\":null}",
        r#""\u00e4ä\ud83d\ude00\ud800\/""#,
        "[ ]",
        "null",
        "0.10",
    ];

    for (index, payload) in payloads.iter().enumerate() {
        let body = format!(" {{ \"payload\" : {payload}\r\n, \"type\":\"E\"}} ");
        let response = house.send(Method::POST, "/api/v1/events", &body).await;
        assert_eq!(response.status(), 201, "{payload}");
        let location = response.headers()["location"].to_str().expect("text").to_owned();
        assert_eq!(receiver.wait_for(index + 1).await[index].text(), *payload);
        let shown = house.get(&location).await.text().await.expect("text");
        assert!(shown.contains(&format!("\"payload\":{payload}")), "{shown}");
    }
    house.close().await;
}

#[tokio::test]
async fn an_event_without_payload_is_delivered_as_null() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    add(&house, &json!({"url": receiver.url("/"), "event": "E"})).await;

    let response = house.send(Method::POST, "/api/v1/events", r#"{"type":"E"}"#).await;

    assert_eq!(response.status(), 201);
    assert_eq!(receiver.wait_for(1).await[0].text(), "null");
    house.close().await;
}

#[tokio::test]
async fn an_event_reaches_the_hooks_of_its_applications() {
    let house = House::new().await;
    for applications in [json!([]), json!(["shop"]), json!(["web", "shop"]), json!(["Shop"])] {
        add(&house, &json!({"url": "http://127.0.0.1:9/", "event": "E", "applications": applications})).await;
    }
    let table = [
        (r#"{"type":"e"}"#, 1),
        (r#"{"type":"E","application":"shop"}"#, 3),
        (r#"{"type":"E","applications":["web","shop"]}"#, 3),
        (r#"{"type":"E","applications":["Shop","web"]}"#, 3),
        (r#"{"type":"E","applications":[]}"#, 1),
        (r#"{"type":"Other","application":"shop"}"#, 0),
    ];

    for (body, deliveries) in table {
        let response = house.send(Method::POST, "/api/v1/events", body).await;
        let published: Value = response.json().await.expect("JSON");
        assert_eq!(published["deliveries"], deliveries, "{body}");
    }

    house.close().await;
}

#[tokio::test]
async fn applications_may_also_be_named_as_kudus_publish_takes_them() {
    let house = House::new().await;
    add(&house, &json!({"url": "http://127.0.0.1:9/", "event": "E", "application": "shop"})).await;
    let post = |path: &str| house.client.post(house.url(path)).body(r#"{"type":"E","application":"web"}"#);

    let by_query = post("/api/v1/events?application=shop&application=web");
    let by_header = post("/api/v1/events").header("nyala-application", "shop");

    for request in [by_query, by_header] {
        let published: Value = request.send().await.expect("an answer").json().await.expect("JSON");
        assert_eq!(published["deliveries"], 1);
        let event = house.json(&format!("/api/v1/events/{}", text(&published["id"]))).await;
        assert_eq!(event["applications"], json!(["shop", "web"]));
    }
    house.close().await;
}

#[tokio::test]
async fn a_publish_waits_for_first_attempts_if_it_is_asked_to() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    let hook = add(&house, &json!({"url": receiver.url("/"), "event": "E"})).await;

    let request = house.client.post(house.url("/api/v1/events")).header("prefer", "respond-async, wait=30");
    let response = within("an answer", request.body(r#"{"type":"E"}"#).send()).await.expect("an answer");

    assert_eq!(response.headers()["preference-applied"], "wait=30");
    let last = house.json(&format!("/api/v1/hooks/{}", hook["id"])).await;
    assert_eq!(last["last_status"], "OK");
    house.close().await;
}

#[tokio::test]
async fn a_publish_under_a_key_that_was_used_is_not_done_again() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    add(&house, &json!({"url": receiver.url("/"), "event": "E"})).await;
    let body = r#"{"type":"E","payload":{"n":1},"application":"shop"}"#;

    let first = publish_with_key(&house, "k-1", body).await;
    let respelled = r#"{"application":"shop", "type":"e", "payload":{"n":1}}"#;
    let again = publish_with_key(&house, "k-1", respelled).await;
    let other = publish_with_key(&house, "k-1", r#"{"type":"E","payload":{"n":2},"application":"shop"}"#).await;

    assert_eq!((first.status().as_u16(), again.status().as_u16()), (201, 201));
    assert_eq!(first.headers()["location"], again.headers()["location"]);
    let (first, again): (Value, Value) = (first.json().await.expect("JSON"), again.json().await.expect("JSON"));
    assert_eq!(first, again);
    let expected = Refusal { status: 422, field: "Idempotency-Key", remedy: "use a new key for a new event" };
    check_problem(other, expected, "another body").await;
    assert_eq!(ids(&house.json("/api/v1/events").await), [first["id"].clone()]);
    house.close().await;
}

#[tokio::test]
async fn events_are_listed_newest_first_and_without_payload() {
    let house = House::new().await;
    let mut published = vec![];
    for n in 0..5 {
        published.insert(0, house.publish(&format!("E{n}"), &format!("[{n}]")).await["id"].clone());
    }

    let first = house.json("/api/v1/events?limit=3").await;
    house.publish("Late", "1").await;
    let cursor = text(&first["next"]).to_owned();
    let second = house.json(&format!("/api/v1/events?limit=3&cursor={cursor}")).await;

    assert_eq!([ids(&first), ids(&second)].concat(), published);
    assert_eq!(second["next"], Value::Null);
    let event = &first["items"][0];
    assert_eq!((&event["type"], &event["bytes"], event.get("payload")), (&json!("E4"), &json!(3), None));
    house.close().await;
}
