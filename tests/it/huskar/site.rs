//! Webhooks of the site hear of what is no action of Huskar's, too.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Client, URL, bodies, house_of, of};
use crate::house::{House, within};
use crate::receiver::{Receiver, status};

#[tokio::test]
async fn an_event_that_is_no_action_reaches_the_sites_webhooks_in_their_own_body() {
    let (house, receiver) = (house_of(&["shop"]).await, Receiver::new().await);
    let client = Client::open(&house);
    client.add_site(&receiver.url("/site")).await;
    client.add(&of("shop"), &json!({"webhook_url": receiver.url("/shop"), "event_list": ["UPDATE_SWITCH"]})).await;

    let published = house.publish_and_wait("PostDeployment?application=shop", r#"{"id": "c07be44", "n": 1.00}"#).await;

    assert_eq!(published["deliveries"], 1);
    let expected = concat!(
        r#"{"application_names":["shop"],"username":null,"user_type":0,"severity":1,"#,
        r#""action_name":"PostDeployment","action_data":{"id": "c07be44", "n": 1.00}}"#
    );
    assert_eq!(receiver.received()[0].text(), expected);
    assert_eq!(receiver.received()[0].header("webhook-id"), published["id"]);
    house.close().await;
}

#[tokio::test]
async fn a_payload_of_any_kind_is_the_data_of_the_body() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    Client::open(&house).add_site(&receiver.url("/site")).await;

    for payload in ["5", "\"a text\"", "[1,2]", "null", ""] {
        house.publish_and_wait("Custom", payload).await;
    }

    let data: Vec<_> = bodies(&receiver, "/site").iter().map(|body| body["action_data"].clone()).collect();
    assert_eq!(data, [json!(5), json!("a text"), json!([1, 2]), Value::Null, Value::Null]);
    house.close().await;
}

#[tokio::test]
async fn an_action_that_came_through_another_api_is_told_by_the_name_that_huskar_has_for_it() {
    let (house, receiver) = (house_of(&["shop"]).await, Receiver::new().await);
    let client = Client::open(&house);
    client.add_site(&receiver.url("/site")).await;
    client.add_of("shop", &receiver.url("/shop"), &["UPDATE_SWITCH"]).await;
    let data = json!({"application_name": "shop", "cluster_name": "c", "key": "k"});

    house.publish_and_wait("update_Switch", &data.to_string()).await;
    let event = json!({"type": "UPDATE_SWITCH", "payload": data}).to_string();
    let request = house.client.post(house.url("/api/v1/events")).header("prefer", "wait=60").body(event);
    assert_eq!(within("an answer", request.send()).await.expect("an answer").status(), 201);

    let site = json!({
        "application_names": ["shop"], "username": null, "user_type": 0, "severity": 1,
        "action_name": "UPDATE_SWITCH", "action_data": data,
    });
    let shop = json!({
        "application_name": "shop", "user_name": null, "user_type": 0, "severity": 1,
        "action_name": "UPDATE_SWITCH", "action_data": data,
    });
    assert_eq!(bodies(&receiver, "/site"), [site.clone(), site]);
    assert_eq!(bodies(&receiver, "/shop"), [shop.clone(), shop]);
    house.close().await;
}

#[tokio::test]
async fn the_application_of_an_action_may_stand_beside_its_data() {
    let (house, receiver) = (house_of(&["shop"]).await, Receiver::new().await);
    Client::open(&house).add_of("shop", &receiver.url("/shop"), &["UPDATE_SWITCH"]).await;

    house.publish_and_wait("UPDATE_SWITCH?application=shop", r#"{"cluster_name":"c"}"#).await;

    let body = &bodies(&receiver, "/shop")[0];
    assert_eq!((&body["application_name"], &body["action_data"]), (&json!("shop"), &json!({"cluster_name": "c"})));
    house.close().await;
}

#[tokio::test]
async fn kudus_hooks_that_want_an_action_get_its_data_to_the_byte_once_for_all_applications() {
    let (house, receiver) = (house_of(&["shop", "till"]).await, Receiver::new().await);
    let client = Client::open(&house);
    house.subscribe(&receiver.url("/all"), "import_switch").await;
    let fields = json!({"url": receiver.url("/shop"), "event": "IMPORT_SWITCH", "applications": ["shop", "till"]});
    house.send(reqwest::Method::POST, "/api/hooks", &fields.to_string()).await;
    let fields = json!({"url": receiver.url("/web"), "event": "IMPORT_SWITCH", "application": "web"});
    house.send(reqwest::Method::POST, "/api/hooks", &fields.to_string()).await;
    let data = r#"{"application_names": ["till", "shop"], "stored": true, "affected": 1.0}"#;

    let published = house.publish_and_wait("IMPORT_SWITCH", data).await;
    client.act(&json!({"action_name": "IMPORT_SWITCH", "action_data": {"application_names": ["shop", "till"]}})).await;

    assert_eq!(published["deliveries"], 2);
    let mut paths: Vec<_> = receiver.received().iter().map(|request| request.path.clone()).collect();
    assert!(receiver.received()[..2].iter().all(|request| request.text() == data));
    paths.sort();
    assert_eq!(paths, ["/all", "/all", "/shop", "/shop"]);
    let compact = receiver.received()[2].text().to_owned();
    assert_eq!(compact, r#"{"application_names":["shop","till"]}"#);
    house.close().await;
}

#[tokio::test]
async fn the_sites_webhooks_are_told_when_a_hook_is_given_up() {
    let (receiver, broken) = (Receiver::new().await, Receiver::new().await);
    broken.answer(|_| status(500));
    let house = House::with(|settings| {
        settings.policy.breaker_failures = 1;
        settings.policy.breaker_pause_after = Duration::from_mins(1);
    })
    .await;
    Client::open(&house).add_site(&receiver.url("/site")).await;
    let hopeless = house.subscribe(&broken.url("/"), "Other").await;

    house.publish_and_wait("Other", "{}").await;
    let told = async {
        while bodies(&receiver, "/site").len() < 2 {
            house.clock.advance(Duration::from_secs(10));
            tokio::task::yield_now().await;
        }
    };
    within("the site is told", told).await;

    let body = &bodies(&receiver, "/site")[1];
    assert_eq!((&body["action_name"], &body["action_data"]["hook"]), (&json!("HookDisabled"), &hopeless["id"]));
    house.close().await;
}

#[tokio::test]
async fn trying_out_a_webhook_sends_it_a_sample_in_its_own_body() {
    let (house, receiver) = (house_of(&["shop"]).await, Receiver::new().await);
    let client = Client::open(&house);
    client.add_site(&receiver.url("/site")).await;
    client.add_of("shop", &receiver.url("/shop"), &["DELETE_ROUTE", "UPDATE_SWITCH"]).await;
    client.add_of("shop", URL, &[]).await;

    for id in [1, 2] {
        let request = house.client.post(house.url(&format!("/api/v1/hooks/{id}/test"))).header("prefer", "wait=60");
        assert_eq!(within("an answer", request.send()).await.expect("an answer").status(), 201);
    }

    let site = &bodies(&receiver, "/site")[0];
    assert_eq!((&site["action_name"], &site["application_names"]), (&json!("PostDeployment"), &json!([])));
    let shop = &bodies(&receiver, "/shop")[0];
    assert_eq!((&shop["action_name"], &shop["application_name"]), (&json!("DELETE_ROUTE"), &json!("shop")));
    assert!(shop["action_data"]["intent"].is_string(), "{shop}");
    house.close().await;
}
