//! What each kind of webhook is sent.

use serde_json::{Value, json};

use super::{Client, bodies, house_of, of, one, switch};
use crate::receiver::Receiver;

const DATA: &str = r#"{"application_name":"shop","cluster_name":"stable","key":"k"}"#;

/// An action that says everything.
fn action() -> Value {
    let data: Value = serde_json::from_str(DATA).expect("JSON");
    json!({"action_name": "UPDATE_SWITCH", "action_data": data, "username": "robin", "user_type": 1, "severity": 0})
}

// H-42
#[tokio::test]
async fn each_kind_is_sent_its_own_keys_and_no_others() {
    let (house, receiver) = (house_of(&["shop"]).await, Receiver::new().await);
    let client = Client::open(&house);
    client.add_site(&receiver.url("/site")).await;
    client.add_of("shop", &receiver.url("/shop"), &["UPDATE_SWITCH"]).await;

    assert_eq!(client.act(&action()).await["deliveries"], 2);

    let rest = format!(r#""user_type":1,"severity":0,"action_name":"UPDATE_SWITCH","action_data":{DATA}}}"#);
    let sent = |path: &str| {
        let requests = receiver.received();
        requests.iter().find(|request| request.path == path).map(|request| request.text().to_owned())
    };
    let site = format!(r#"{{"application_names":["shop"],"username":"robin",{rest}"#);
    assert_eq!(sent("/site"), Some(site));
    assert_eq!(sent("/shop"), Some(format!(r#"{{"application_name":"shop","user_name":"robin",{rest}"#)));
    house.close().await;
}

#[tokio::test]
async fn who_asks_for_both_is_sent_the_keys_of_both_kinds() {
    let (house, receiver) = (house_of(&["shop"]).await, Receiver::new().await);
    let client = Client::open(&house);
    let both = json!({"webhook_url": receiver.url("/site"), "payload": "both"});
    client.add("webhook_type=1", &both).await;
    let both = json!({"webhook_url": receiver.url("/shop"), "event_list": ["IMPORT_SWITCH"], "payload": "both"});
    client.add(&of("shop"), &both).await;

    let import = json!({"application_names": ["till", "shop"], "stored": true, "overwrite": false, "affected": 2});
    client.act(&json!({"action_name": "IMPORT_SWITCH", "action_data": import, "username": "robin"})).await;
    client.act(&json!({"action_name": "DELETE_TEAM", "action_data": {"team_id": 3}})).await;

    let of_import = |application: &str| {
        json!({
            "application_names": ["till", "shop"], "application_name": application,
            "username": "robin", "user_name": "robin", "user_type": 0, "severity": 1,
            "action_name": "IMPORT_SWITCH", "action_data": import,
        })
    };
    let of_none = json!({
        "application_names": [], "application_name": null, "username": null, "user_name": null,
        "user_type": 0, "severity": 1, "action_name": "DELETE_TEAM", "action_data": {"team_id": 3},
    });
    assert_eq!(bodies(&receiver, "/shop"), [of_import("shop")]);
    assert_eq!(bodies(&receiver, "/site"), [of_import("till"), of_none]);
    house.close().await;
}

#[tokio::test]
async fn which_keys_it_gets_can_be_changed_and_stays_where_a_put_does_not_say() {
    let (house, receiver) = (house_of(&["shop"]).await, Receiver::new().await);
    let client = Client::open(&house);
    let fields = |payload: Value| {
        let mut fields = json!({"webhook_url": receiver.url("/cb"), "event_list": ["UPDATE_SWITCH"]});
        if payload.is_string() {
            fields["payload"] = payload;
        }
        fields
    };
    let webhook = client.add(&of("shop"), &fields(Value::Null)).await;
    client.act(&switch("shop")).await;

    let mut expected = vec![false];
    for (payload, both) in [(json!("both"), true), (Value::Null, true), (json!("own"), false), (Value::Null, false)] {
        client.put(&one(webhook, "shop"), &fields(payload)).await.success();
        client.act(&switch("shop")).await;
        expected.push(both);
    }

    let sent: Vec<_> = bodies(&receiver, "/cb").iter().map(|body| body.get("application_names").is_some()).collect();
    assert_eq!(sent, expected);
    house.close().await;
}

#[tokio::test]
async fn an_action_on_several_applications_is_one_body_for_the_site_and_one_for_each_of_them() {
    let (house, receiver) = (house_of(&["shop", "till", "web"]).await, Receiver::new().await);
    let client = Client::open(&house);
    let url = receiver.url("/apart");
    client.add_site(&receiver.url("/site")).await;
    let apart = client.add_of("shop", &url, &["IMPORT_CONFIG"]).await;
    client.put(&one(apart, "till"), &json!({"webhook_url": url, "event_list": ["IMPORT_CONFIG"]})).await.success();
    client.put(&one(apart, "web"), &json!({"webhook_url": url, "event_list": ["IMPORT_SWITCH"]})).await.success();

    // The last one is named twice, and the one before it is known to nobody.
    let data = json!({"application_names": ["web", "till", "shop", "unknown", "till"]});
    let published = client.act(&json!({"action_name": "IMPORT_CONFIG", "action_data": data})).await;

    assert_eq!(published["deliveries"], 3);
    let site = bodies(&receiver, "/site");
    assert_eq!(site.len(), 1);
    assert_eq!(site[0]["application_names"], json!(["web", "till", "shop", "unknown"]), "as they were named");
    let mut sent: Vec<_> = bodies(&receiver, "/apart").iter().map(|body| body["application_name"].clone()).collect();
    sent.sort_by_key(ToString::to_string);
    assert_eq!(sent, ["shop", "till"]);
    assert!(bodies(&receiver, "/apart").iter().all(|body| body["action_data"] == data), "the data is of all");
    house.close().await;
}

#[tokio::test]
async fn the_data_of_an_action_arrives_with_its_keys_in_their_order_and_its_numbers_as_they_were() {
    let (house, receiver) = (house_of(&["shop"]).await, Receiver::new().await);
    let client = Client::open(&house);
    client.add_of("shop", &receiver.url("/cb"), &["UPDATE_SWITCH"]).await;
    let data = r#"{"z":1.00,"application_name":"shop","big":123456789012345678901234567890,"a":{"y":1e+400,"b":null},"e":"é😀"}"#;

    let action = format!(r#"{{"action_name":"UPDATE_SWITCH","action_data":{data}}}"#);
    let request = client.request(reqwest::Method::POST, "/api/webhook/actions").header("prefer", "wait=60");
    super::told(request.header("content-type", "application/json").body(action)).await.success();
    house.publish_and_wait("UPDATE_SWITCH", data).await;

    let requests = receiver.received();
    assert_eq!(requests.len(), 2);
    for request in &requests {
        assert!(request.text().ends_with(&format!(r#""action_data":{data}}}"#)), "{}", request.text());
    }
    house.close().await;
}

#[tokio::test]
async fn an_attempt_says_that_it_is_json_and_of_which_event() {
    let (house, receiver) = (house_of(&["shop"]).await, Receiver::new().await);
    let client = Client::open(&house);
    client.add_of("shop", &receiver.url("/cb?a=b"), &["UPDATE_SWITCH"]).await;

    client.act(&switch("shop")).await;

    let request = &receiver.received()[0];
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/cb?a=b"));
    assert_eq!(request.header("content-type"), "application/json; charset=utf-8");
    assert_eq!(request.header("user-agent"), concat!("Nyala/", env!("CARGO_PKG_VERSION")));
    assert_eq!(request.header("nyala-event"), "UPDATE_SWITCH");
    house.close().await;
}
