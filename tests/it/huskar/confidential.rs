//! What is configured may be secret: it never leaves, whichever way an action came.

use nyala::domain::token::Scope;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Client, house_of};
use crate::access::{send, token};
use crate::house::House;
use crate::receiver::{Received, Receiver};

/// Stands in everything that must not leave.
const SECRET: &str = "TOPSECRET";

/// The data of an action as somebody might send it, and what may leave of it.
const TABLE: [(&str, &str); 6] = [
    (
        r#"{"application_name":"shop","cluster_name":"c","key":"k","value":"TOPSECRET","data":{"TOPSECRET":1},"nested":["TOPSECRET"]}"#,
        r#"{"application_name":"shop","cluster_name":"c","key":"k"}"#,
    ),
    (r#"{"application_name":"shop","v\u0061lue":"TOPSECRET","n":1.00}"#, r#"{"application_name":"shop","n":1.00}"#),
    (r#"{"value":"TOPSECRET","application_name":"shop","value":"TOPSECRET"}"#, r#"{"application_name":"shop"}"#),
    (r#"{"data":"TOPSECRET"}"#, "{}"),
    (
        r#"{"application_name":"shop","value":"TOPSECRET","sub":{"value":1}}"#,
        r#"{"application_name":"shop","sub":{"value":1}}"#,
    ),
    (r#"{ "value" : [ "TOPSECRET" ] , "application_name" : "shop" }"#, r#"{"application_name":"shop"}"#),
];

/// Webhooks of both kinds, with the keys of both, and hooks of the other APIs that
/// want everything.
async fn listeners(client: &Client<'_>, receiver: &Receiver) {
    for payload in ["own", "both"] {
        let fields = json!({"webhook_url": receiver.url("/site"), "payload": payload});
        client.add("webhook_type=1", &fields).await;
        let fields = json!({"webhook_url": receiver.url("/shop"), "event_list": ["UPDATE_CONFIG"], "payload": payload});
        client.add("application_name=shop", &fields).await;
    }
    for (path, name) in [("/api/hooks", "kudu"), ("/api/v1/hooks", "v1")] {
        let fields = json!({"url": receiver.url(&format!("/{name}")), "event": "*"}).to_string();
        assert_eq!(send(client.house, &client.token, Method::POST, path, &fields).await.status(), 201);
    }
}

/// Requires that the secret stands nowhere: in no body and no header that was sent, in
/// no history, and in no file.
async fn is_nowhere(house: &House, receiver: &Receiver) {
    for request in receiver.received() {
        assert!(!request.text().contains(SECRET), "{}", request.text());
        assert!(!format!("{:?}", request.headers).contains(SECRET));
    }
    let events = house.json("/api/v1/events?limit=1000").await;
    for event in events["items"].as_array().expect("items") {
        // As a text: not all of them can be read as a value.
        let shown = house.get(&format!("/api/v1/events/{}", event["id"].as_str().expect("an id"))).await;
        let shown = shown.text().await.expect("a text");
        assert!(!shown.contains(SECRET), "{shown}");
    }
    for path in ["/api/v1/hooks", "/api/hooks", "/api/v1/deliveries?limit=1000"] {
        assert!(!house.get(path).await.text().await.expect("a text").contains(SECRET), "{path}");
    }
    let folder = house.database().parent().expect("a folder").to_owned();
    for file in std::fs::read_dir(folder).expect("files") {
        let path = file.expect("a file").path();
        let bytes = std::fs::read(&path).expect("bytes");
        assert!(!bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes()), "{}", path.display());
    }
}

// H-41
#[tokio::test]
async fn what_is_confidential_never_leaves_and_is_not_even_kept() {
    let (house, receiver) = (house_of(&["shop"]).await, Receiver::new().await);
    let client = Client::open(&house);
    listeners(&client, &receiver).await;

    for (data, _) in TABLE {
        let action = format!(r#"{{"action_name":"UPDATE_CONFIG","action_data":{data}}}"#);
        let request = client.request(Method::POST, "/api/webhook/actions").header("prefer", "wait=60");
        super::told(request.header("content-type", "application/json").body(action)).await.success();
        for name in ["UPDATE_CONFIG", "update_config", "%20Update_Config%20"] {
            house.publish_and_wait(name, data).await;
        }
        let event = format!(r#"{{"type":"UPDATE_CONFIG","payload":{data}}}"#);
        let request = house.client.post(house.url("/api/v1/events")).header("prefer", "wait=60");
        let kept = crate::house::within("an answer", request.body(event).send()).await.expect("an answer");
        assert_eq!(kept.status(), 201, "{data}");
    }

    is_nowhere(&house, &receiver).await;
    let kudu: Vec<_> = receiver.received().into_iter().filter(|request| request.path == "/kudu").collect();
    let expected = TABLE.iter().flat_map(|(_, left)| [*left; 5]);
    assert!(kudu.iter().map(Received::text).eq(expected), "{kudu:?}");
    house.close().await;
}

// A half of a surrogate pair is no text, though it is JSON.
#[tokio::test]
async fn a_key_that_is_no_text_does_not_let_the_others_out() {
    let (house, receiver) = (house_of(&["shop"]).await, Receiver::new().await);
    let client = Client::open(&house);
    listeners(&client, &receiver).await;
    let data = r#"{"\ud800":"half","application_name":"shop","value":"TOPSECRET"}"#;

    house.publish_and_wait("UPDATE_CONFIG", data).await;

    is_nowhere(&house, &receiver).await;
    let kudu: Vec<_> = receiver.received().into_iter().filter(|request| request.path == "/kudu").collect();
    assert_eq!(kudu[0].text(), r#"{"\ud800":"half","application_name":"shop"}"#);
    house.close().await;
}

#[tokio::test]
async fn an_event_that_is_no_action_keeps_all_its_keys() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    house.subscribe(&receiver.url("/cb"), "Configured").await;

    house.publish_and_wait("Configured", r#"{"value":1,"data":2,"nested":3}"#).await;

    assert_eq!(receiver.received()[0].text(), r#"{"value":1,"data":2,"nested":3}"#);
    house.close().await;
}

#[tokio::test]
async fn a_redelivery_and_a_replay_have_nothing_more_to_tell() {
    let house = House::new().await;
    let receiver = Receiver::new().await;
    let admin = token(&house, "admin", &[Scope::Admin], &["shop"]);
    let client = Client::with(&house, admin);
    let webhook = client.add_of("shop", &receiver.url("/cb"), &["UPDATE_CONFIG"]).await;
    let data = json!({"application_name": "shop", "value": SECRET});
    client.act(&json!({"action_name": "UPDATE_CONFIG", "action_data": data})).await;

    let replay = format!("/api/v1/hooks/{webhook}/replay");
    let replayed = send(&house, &client.token, Method::POST, &replay, r#"{"state":"delivered"}"#).await;

    assert_eq!(replayed.status(), 202);
    let requests = receiver.wait_for(2).await;
    let data: Vec<Value> = requests.iter().map(|request| super::body(request)["action_data"].clone()).collect();
    assert_eq!(data, [json!({"application_name": "shop"}), json!({"application_name": "shop"})]);
    house.close().await;
}
