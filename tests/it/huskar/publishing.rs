//! `POST /api/webhook/actions`: what a publisher is told.

use nyala::domain::id::EventId;
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};

use super::{Client, bodies, house_of, switch, texts, told};
use crate::house::House;
use crate::receiver::{Receiver, Reply, status};

const PATH: &str = "/api/webhook/actions";

/// Requires that no event was kept.
async fn nothing_is_kept(house: &House) {
    assert_eq!(house.json("/api/v1/events").await["items"], json!([]));
    assert_eq!(house.json("/api/v1/applications").await["items"], json!([]));
}

#[tokio::test]
async fn an_action_is_answered_with_its_event_and_how_many_want_it() {
    let house = house_of(&["shop"]).await;
    let client = Client::open(&house);
    client.add_of("shop", "http://127.0.0.1:9/", &["UPDATE_SWITCH"]).await;

    let data = client.post(PATH, &switch("shop")).await.success();

    let id = data["id"].as_str().expect("an id");
    assert!(id.parse::<EventId>().is_ok(), "{id}");
    assert_eq!(data, json!({"id": id, "type": "UPDATE_SWITCH", "deliveries": 1}));
    let event = house.json(&format!("/api/v1/events/{id}")).await;
    assert_eq!((&event["type"], &event["applications"]), (&json!("UPDATE_SWITCH"), &json!(["shop"])));
    assert_eq!(event["payload"], switch("shop")["action_data"]);
    house.close().await;
}

#[tokio::test]
async fn what_is_no_action_is_refused_with_what_is_wrong_and_nothing_is_kept() {
    let house = House::new().await;
    let client = Client::open(&house);
    let data = json!({"application_name": "shop"});
    let table = [
        (
            json!({}),
            r#"{"action_name": ["Missing data for required field."], "action_data": ["Missing data for required field."]}"#,
        ),
        (json!({"action_name": "UPDATE", "action_data": data}), r#"{"action_name": ["not a valid event type"]}"#),
        (
            json!({"action_name": "update_switch", "action_data": data}),
            r#"{"action_name": ["not a valid event type"]}"#,
        ),
        (
            json!({"action_name": "_CREATE_SERVICE", "action_data": data}),
            r#"{"action_name": ["not a valid event type"]}"#,
        ),
        (
            json!({"action_name": "PostDeployment", "action_data": data}),
            r#"{"action_name": ["not a valid event type"]}"#,
        ),
        (json!({"action_name": 3102, "action_data": data}), r#"{"action_name": ["Not a valid string."]}"#),
        (
            json!({"action_name": "UPDATE_SWITCH", "action_data": [data]}),
            r#"{"action_data": ["Not a valid mapping type."]}"#,
        ),
        (
            json!({"action_name": "UPDATE_SWITCH", "action_data": null}),
            r#"{"action_data": ["Not a valid mapping type."]}"#,
        ),
        (
            json!({"action_name": "UPDATE_SWITCH", "action_data": data, "username": 7, "user_type": 2, "severity": "1"}),
            r#"{"username": ["Not a valid string."], "user_type": ["neither 0 nor 1"], "severity": ["neither 0 nor 1"]}"#,
        ),
        (
            json!({"action_name": "UPDATE_SWITCH", "action_data": data, "user_name": "robin"}),
            r#"["The fields are action_name, action_data, username, user_type, severity: there is no user_name."]"#,
        ),
        (json!([]), r#"{"_schema": ["Invalid input type."]}"#),
    ];

    for (action, message) in table {
        client.post(PATH, &action).await.refused(400, "ValidationError", message);
    }
    let request =
        client.request(Method::POST, PATH).header(CONTENT_TYPE, "text/plain").body(switch("shop").to_string());
    told(request).await.refused_like(400, "ValidationError", "Missing data for required field.");

    nothing_is_kept(&house).await;
    house.close().await;
}

#[tokio::test]
async fn a_name_that_no_application_can_have_is_a_warning_and_too_many_are_refused() {
    let house = House::new().await;
    let client = Client::open(&house);
    let many: Vec<_> = (0..101).map(|n| format!("app{n}")).collect();
    let action = |data: Value| json!({"action_name": "DELETE_SWITCH", "action_data": data});

    let refused = client.post(PATH, &action(json!({"application_names": many}))).await;

    refused.refused_like(400, "ValidationError", r#"{"applications": ["are 101: an event concerns at most 100"#);
    nothing_is_kept(&house).await;
    for (data, part) in [
        (json!({"application_name": ""}), "whose name is empty"),
        (json!({"application_name": "*"}), "whose name is *"),
        (json!({"application_names": ["shop", "a\u{0}b"]}), "whose name contains a control character"),
    ] {
        let warnings = texts(&client.act(&action(data)).await["warnings"]);
        assert!(warnings.iter().any(|warning| warning.contains(part)), "{warnings:?}");
    }
    house.close().await;
}

#[tokio::test]
async fn the_data_of_an_action_stays_to_the_byte() {
    let house = House::new().await;
    let data = r#"{ "application_name" : "shop","cluster_name":null, "key":1e400, "key": 1.00 }"#;
    let action = format!(r#"{{"action_name":"UPDATE_SWITCH","action_data":{data}}}"#);

    let published: Value = house.send(Method::POST, PATH, &action).await.json().await.expect("JSON");

    let path = format!("/api/v1/events/{}", published["data"]["id"].as_str().expect("an id"));
    let event = house.send(Method::GET, &path, "").await.text().await.expect("a text");
    assert!(event.contains(data), "{event}");
    house.close().await;
}

#[tokio::test]
async fn a_key_that_is_missing_is_a_warning_and_no_reason_to_refuse() {
    let house = House::new().await;
    let client = Client::open(&house);
    let missing = |key: &str| format!("action_data has no {key}, which hooks may look for");

    for (action, data, expected) in [
        ("UPDATE_SWITCH", json!({"application_name": "shop", "cluster_name": null, "key": "k"}), vec![]),
        ("UPDATE_SWITCH", json!({"application_name": "shop"}), vec![missing("cluster_name"), missing("key")]),
        ("UPDATE_SWITCH", json!({"application_names": ["shop"], "cluster_name": "c", "key": "k", "more": 1}), vec![]),
        ("CREATE_TEAM", json!({}), vec![missing("team_id"), missing("team_name"), missing("team_desc")]),
        (
            "IMPORT_SWITCH",
            json!({"stored": true, "overwrite": false, "affected": 1}),
            vec![missing("application_names")],
        ),
        ("OBTAIN_APPLICATION_TOKEN", json!({}), vec![]),
    ] {
        let told = client.post(PATH, &json!({"action_name": action, "action_data": data})).await.success();
        let warnings = told.get("warnings").map(super::texts).unwrap_or_default();
        assert_eq!(warnings, expected, "{action} {data}");
        let published = house.publish(action, &data.to_string()).await;
        assert_eq!(published.get("warnings").map(super::texts).unwrap_or_default(), expected, "{action} {data}");
    }
    let published = house.publish("UPDATE_SWITCH", "[1]").await;
    let expected = "the data of UPDATE_SWITCH is a JSON object with application_name, cluster_name, key";
    assert_eq!(published["warnings"], json!([expected]));
    assert_eq!(house.publish("PostDeployment", "{}").await.get("warnings"), None);
    house.close().await;
}

#[tokio::test]
async fn a_publish_under_a_key_that_is_repeated_is_done_once() {
    let (house, receiver) = (house_of(&["shop"]).await, Receiver::new().await);
    let client = Client::open(&house);
    client.add_of("shop", &receiver.url("/cb"), &["UPDATE_SWITCH"]).await;
    let publish = async |action: &Value| {
        let request = client.request(Method::POST, PATH).header("idempotency-key", "k").header("prefer", "wait=60");
        told(request.json(action)).await
    };
    let mut action = switch("shop");
    action["username"] = json!("robin");

    let first = publish(&action).await.success();
    let again = publish(&action).await.success();

    assert_eq!((&again["id"], receiver.received().len()), (&first["id"], 1));
    let mut other_data = action.clone();
    other_data["action_data"]["key"] = json!("other");
    let mut other_user = action.clone();
    other_user["username"] = json!("kim");
    let mut other_severity = action.clone();
    other_severity["severity"] = json!(0);
    for other in [other_data, other_user, other_severity] {
        publish(&other).await.refused_like(422, "UnprocessableEntity", "use a new key for a new event");
    }
    assert_eq!(receiver.received().len(), 1);
    house.close().await;
}

#[tokio::test]
async fn a_publish_waits_for_first_attempts_where_it_is_asked_to_and_only_there() {
    let (house, receiver) = (house_of(&["shop"]).await, Receiver::new().await);
    let client = Client::open(&house);
    let webhook = client.add_of("shop", &receiver.url("/cb"), &["UPDATE_SWITCH"]).await;

    let request = client.request(Method::POST, PATH).header("prefer", "wait=20").json(&switch("shop"));
    let waited = told(request).await;
    assert_eq!(house.json(&format!("/api/v1/hooks/{webhook}")).await["last_status"], "OK");
    receiver.answer(|_| Reply { hang: true, ..status(200) });
    let at_once = client.post(PATH, &switch("shop")).await;

    assert_eq!(waited.headers["preference-applied"], "wait=20");
    assert!(!at_once.headers.contains_key("preference-applied"));
    assert_eq!(at_once.success()["deliveries"], 1);
    receiver.wait_for(2).await;
    // Ends the attempt.
    drop(receiver);
    house.close().await;
}

#[tokio::test]
async fn applications_can_be_named_beside_the_data_as_in_every_publish() {
    let (house, receiver) = (house_of(&["shop", "till", "web"]).await, Receiver::new().await);
    let client = Client::open(&house);
    client.add_site(&receiver.url("/site")).await;
    client.add_of("web", &receiver.url("/web"), &["UPDATE_SWITCH"]).await;

    let path = format!("{PATH}?application=web&application=shop");
    let request = client.request(Method::POST, &path).header("nyala-application", "till").header("prefer", "wait=60");
    told(request.json(&switch("shop"))).await.success();

    assert_eq!(bodies(&receiver, "/site")[0]["application_names"], json!(["shop", "till", "web"]));
    assert_eq!(bodies(&receiver, "/web").len(), 1);
    house.close().await;
}
