//! Webhooks among the hooks of other APIs.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Client, URL, bodies, house_of, one, switch};
use crate::bad_input::{check_problem, field, whole};
use crate::house::House;
use crate::receiver::Receiver;

fn v1(webhook: u64) -> String {
    format!("/api/v1/hooks/{webhook}")
}

async fn patch(house: &House, webhook: u64, fields: &Value) -> reqwest::Response {
    house.send(Method::PATCH, &v1(webhook), &fields.to_string()).await
}

#[tokio::test]
async fn nyalas_own_list_shows_webhooks_and_kudus_does_not() {
    let house = house_of(&["shop"]).await;
    let client = Client::open(&house);
    let kudu = house.subscribe("http://127.0.0.1:9/kudu", "UPDATE_SWITCH").await;
    let shop = client.add_of("shop", URL, &["UPDATE_SWITCH", "DELETE_SWITCH"]).await;
    let site = client.add("webhook_type=1", &json!({"webhook_url": URL, "payload": "both"})).await;

    assert_eq!(house.json("/api/hooks").await, json!([kudu]));
    let all = house.json("/api/v1/hooks").await;
    let parts = ["id", "dialect", "webhook_type", "payload", "events", "applications", "event"];
    let shown: Vec<Vec<_>> = all["items"]
        .as_array()
        .expect("items")
        .iter()
        .skip(1)
        .map(|hook| parts.iter().map(|part| hook[part].clone()).collect())
        .collect();
    assert_eq!(
        json!(shown),
        json!([
            [shop, "huskar", 0, "own", ["UPDATE_SWITCH", "DELETE_SWITCH"], ["shop"], "UPDATE_SWITCH"],
            [site, "huskar", 1, "both", ["*"], ["*"], "*"],
        ])
    );
    assert_eq!(all["items"][0].get("webhook_type"), None);
    house.close().await;
}

#[tokio::test]
async fn huskars_list_shows_no_hooks_of_other_apis_and_changes_none() {
    let house = house_of(&["shop"]).await;
    let client = Client::open(&house);
    house.subscribe("http://127.0.0.1:9/kudu", "UPDATE_SWITCH").await;
    let fields = json!({"url": URL, "event": "UPDATE_SWITCH", "application": "shop"});
    assert_eq!(house.send(Method::POST, "/api/v1/hooks", &fields.to_string()).await.status(), 201);
    let before = house.json("/api/v1/hooks").await;

    assert_eq!(client.list().await, [Value::Null; 0]);
    assert_eq!(client.list_of("shop").await, [Value::Null; 0]);
    for id in [1, 2] {
        client.get(&one(id, "shop")).await.refused(404, "NotFound", "Webhook not registered.");
        let told = client.put(&one(id, "shop"), &json!({"webhook_url": URL})).await;
        told.refused(404, "NotFound", "Webhook not registered.");
        client.delete(&one(id, "shop")).await.refused(404, "NotFound", "Webhook not registered.");
    }

    assert_eq!(house.json("/api/v1/hooks").await, before);
    house.close().await;
}

#[tokio::test]
async fn kudus_api_neither_shows_nor_removes_a_webhook() {
    let house = house_of(&["shop"]).await;
    let client = Client::open(&house);
    let webhook = client.add_of("shop", URL, &["UPDATE_SWITCH"]).await;
    let path = format!("/api/hooks/{webhook}");

    check_problem(house.get(&path).await, whole(404, "no such hook"), "GET").await;
    assert_eq!(house.send(Method::DELETE, &path, "").await.status(), 200, "as for any hook that is not there");

    assert_eq!(client.list().await.len(), 1);
    house.close().await;
}

#[tokio::test]
async fn the_subscriptions_of_a_webhook_are_changed_by_huskars_api_alone() {
    let house = house_of(&["shop"]).await;
    let client = Client::open(&house);
    let (shop, site) = (client.add_of("shop", URL, &["UPDATE_SWITCH"]).await, client.add_site(URL).await);
    let before = house.json("/api/v1/hooks").await;

    for webhook in [shop, site] {
        for (name, value) in [
            ("events", json!(["DELETE_SWITCH"])),
            ("event", json!("DELETE_SWITCH")),
            ("applications", json!(["till"])),
            ("application", json!("till")),
            ("applications", json!([])),
        ] {
            let at_fault = if name.starts_with("event") { "events" } else { "applications" };
            let fields = json!({name: value, "description": "d"});
            let refusal = field(at_fault, "change them by PUT /api/webhook/{id}");
            check_problem(patch(&house, webhook, &fields).await, refusal, &fields.to_string()).await;
        }
    }

    assert_eq!(house.json("/api/v1/hooks").await, before);
    house.close().await;
}

#[tokio::test]
async fn everything_else_about_a_webhook_can_be_changed_and_its_subscriptions_stay() {
    let (house, receiver) = (house_of(&["shop"]).await, Receiver::new().await);
    let client = Client::open(&house);
    let webhook = client
        .add("application_name=shop", &json!({"webhook_url": URL, "event_list": ["UPDATE_SWITCH"], "payload": "both"}))
        .await;
    let fields = json!({
        "url": receiver.url("/cb"), "description": "of the shop", "order": "application", "max_in_flight": 1,
        "rate_limit": 1000, "signatures": ["v1", "v1a"], "headers": {"x-key": "k"}, "insecure_ssl": true,
    });

    let response = patch(&house, webhook, &fields).await;
    assert_eq!(response.status(), 200);
    let changed: Value = response.json().await.expect("a hook");

    for name in ["url", "description", "order", "max_in_flight", "rate_limit", "signatures", "insecure_ssl"] {
        assert_eq!(changed[name], fields[name], "{name}");
    }
    assert_eq!((&changed["webhook_type"], &changed["payload"]), (&json!(0), &json!("both")));
    assert_eq!(client.events(webhook, "shop").await, ["UPDATE_SWITCH"]);
    assert_eq!(client.list().await[0]["webhook_url"], receiver.url("/cb"));
    client.act(&switch("shop")).await;
    let request = &receiver.received()[0];
    assert_eq!((request.header("x-key"), request.header("webhook-signature").contains("v1a,")), ("k", true));
    assert!(bodies(&receiver, "/cb")[0].get("application_names").is_some());
    house.close().await;
}

#[tokio::test]
async fn a_put_leaves_what_only_nyalas_own_api_knows() {
    let house = house_of(&["shop"]).await;
    let client = Client::open(&house);
    let webhook = client.add_of("shop", URL, &["UPDATE_SWITCH"]).await;
    let fields = json!({"description": "d", "order": "hook", "max_in_flight": 2, "headers": {"x-key": "k"}});
    patch(&house, webhook, &fields).await;
    let secret = house.json(&format!("{}/secret", v1(webhook))).await;

    let put = json!({"webhook_url": URL, "event_list": ["DELETE_SWITCH"]});
    client.put(&one(webhook, "shop"), &put).await.success();

    let hook = house.json(&v1(webhook)).await;
    for name in ["description", "order", "max_in_flight"] {
        assert_eq!(hook[name], fields[name], "{name}");
    }
    assert!(hook["headers"].get("x-key").is_some(), "{hook}");
    assert_eq!(house.json(&format!("{}/secret", v1(webhook))).await, secret);
    house.close().await;
}

#[tokio::test]
async fn a_webhook_that_nyalas_own_api_removed_is_not_registered() {
    let house = house_of(&["shop"]).await;
    let client = Client::open(&house);
    let webhook = client.add_of("shop", URL, &["UPDATE_SWITCH"]).await;

    assert_eq!(house.send(Method::DELETE, &v1(webhook), "").await.status(), 204);

    client.get(&one(webhook, "shop")).await.refused(404, "NotFound", "Webhook not registered.");
    assert_eq!(client.list_of("shop").await, [Value::Null; 0]);
    house.close().await;
}

#[tokio::test]
async fn a_webhook_is_found_by_its_event_and_its_application() {
    let house = house_of(&["shop", "till"]).await;
    let client = Client::open(&house);
    client.add_of("shop", URL, &["UPDATE_SWITCH"]).await;
    client.add_of("till", URL, &["DELETE_SWITCH"]).await;

    for (query, expected) in
        [("event=update_switch", 1), ("application=till", 2), ("event=DELETE_SWITCH&application=till", 2)]
    {
        let page = house.json(&format!("/api/v1/hooks?{query}")).await;
        let ids: Vec<_> = page["items"].as_array().expect("items").iter().map(|hook| hook["id"].clone()).collect();
        assert_eq!(ids, [json!(expected)], "{query}");
    }
    house.close().await;
}
