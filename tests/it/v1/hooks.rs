//! `/api/v1/hooks`: adding, showing, removing.

use reqwest::Method;
use serde_json::{Value, json};

use super::{add, ids, shown, text};
use crate::bad_input::{check_problem, whole};
use crate::house::{House, without_secret};
use crate::receiver::Receiver;

#[tokio::test]
async fn a_hook_is_made_with_its_location_and_shown_there() {
    let house = House::new().await;
    let fields = json!({
        "url": " https://example.com/Hook?a=1#b ", "event": "Built", "events": ["Deployed", "built"],
        "application": "shop", "applications": ["Shop"], "insecure_ssl": true, "description": "for tests",
    });

    let response = house.send(Method::POST, "/api/v1/hooks", &fields.to_string()).await;

    assert_eq!(response.status(), 201);
    let location = response.headers()["location"].to_str().expect("text").to_owned();
    let hook = without_secret(response.json().await.expect("a hook"));
    let expected = json!({
        "id": 1, "event": "Built", "url": "https://example.com/Hook?a=1#b", "insecure_ssl": true,
        "events": ["Built", "Deployed"], "applications": ["Shop", "shop"], "description": "for tests",
        "state": "active", "paused_at": null, "paused_by": null,
        "failures": 0, "failing_since": null, "next_probe_at": null,
        "order": "none", "max_in_flight": null, "rate_limit": null, "signatures": ["v1"], "headers": {},
        "ca_certificate": null, "client_certificate": null,
        "dialect": "v1", "created_at": "2023-11-14T22:13:20.000Z", "updated_at": "2023-11-14T22:13:20.000Z",
    });
    assert_eq!(sorted(hook.clone()), sorted(expected));
    assert_eq!(location, format!("/api/v1/hooks/{}", hook["id"]));
    assert_eq!(shown(&house, &hook).await, hook);
    house.close().await;
}

#[tokio::test]
async fn a_hook_with_nothing_but_a_url_and_an_event_wants_any_application() {
    let house = House::new().await;

    let hook = add(&house, &json!({"url": "http://127.0.0.1:9/", "event": "E"})).await;

    assert_eq!(hook["applications"], json!(["*"]));
    assert_eq!((&hook["insecure_ssl"], &hook["description"]), (&json!(false), &Value::Null));
    assert!(hook.get("last_status").is_none(), "no attempt was made yet: {hook}");
    house.close().await;
}

#[tokio::test]
async fn the_names_under_which_dialects_take_fields_are_unknown_here() {
    let house = House::new().await;

    for name in ["URL", "hookAddress", "target_url", "hookUrl", "subscription_url"] {
        let body = json!({name: "http://127.0.0.1:9/", "event": "E"}).to_string();
        assert_eq!(house.send(Method::POST, "/api/v1/hooks", &body).await.status(), 400, "{name}");
        let dialect = house.send(Method::POST, "/api/hooks", &body).await;
        assert_eq!(dialect.status(), 201, "{name}");
    }

    assert_eq!(ids(&house.json("/api/v1/hooks").await).len(), 1, "one URL, one hook");
    house.close().await;
}

#[tokio::test]
async fn a_url_may_stand_among_others_of_nyalas_own_api_and_of_kudus() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    let url = receiver.url("/cb");
    let kudu = house.subscribe(&url, "E").await;

    let one = add(&house, &json!({"url": url, "event": "E"})).await;
    let two = add(&house, &json!({"url": url, "event": "Other"})).await;
    let published = house.publish_and_wait("E", "1").await;

    assert_eq!(ids(&house.json("/api/v1/hooks").await), [&kudu, &one, &two].map(|hook| hook["id"].clone()));
    assert_eq!(published["deliveries"], 2);
    house.close().await;
}

#[tokio::test]
async fn kudus_list_shows_its_own_hooks_and_nyalas_shows_all() {
    let house = House::new().await;
    let own = add(&house, &json!({"url": "http://127.0.0.1:9/own", "event": "E"})).await;
    let kudu = house.subscribe("http://127.0.0.1:9/kudu", "E").await;

    let kudus = house.json("/api/hooks").await;
    let all = house.json("/api/v1/hooks").await;

    assert_eq!(kudus, json!([kudu]));
    assert_eq!(all, json!({"items": [own, kudu], "next": null}));
    assert_eq!(house.get(&format!("/api/hooks/{}", own["id"])).await.status(), 404);
    assert_eq!(shown(&house, &kudu).await, kudu);
    house.close().await;
}

#[tokio::test]
async fn kudus_delete_leaves_nyalas_own_hooks_alone() {
    let house = House::new().await;
    let own = add(&house, &json!({"url": "http://127.0.0.1:9/own", "event": "E"})).await;

    let answer = house.send(Method::DELETE, &format!("/api/hooks/{}", own["id"]), "").await;

    assert_eq!(answer.status(), 200);
    assert_eq!(shown(&house, &own).await, own);
    house.close().await;
}

#[tokio::test]
async fn a_removed_hook_is_gone_and_its_number_is_never_given_out_again() {
    let house = House::new().await;
    let hook = add(&house, &json!({"url": "http://127.0.0.1:9/", "event": "E"})).await;
    let path = format!("/api/v1/hooks/{}", hook["id"]);

    let removed = house.send(Method::DELETE, &path, "").await;
    let again = house.send(Method::DELETE, &path, "").await;

    assert_eq!(removed.status(), 204);
    assert_eq!(removed.bytes().await.expect("a body"), "");
    check_problem(again, whole(404, "there is no such hook"), "DELETE").await;
    assert_eq!(house.get(&path).await.status(), 404);
    assert_eq!(house.publish("E", "1").await["deliveries"], 0);
    let next = add(&house, &json!({"url": "http://127.0.0.1:9/", "event": "E"})).await;
    assert_eq!((&hook["id"], &next["id"]), (&json!(1), &json!(2)));
    house.close().await;
}

#[tokio::test]
async fn what_removed_hooks_were_sent_stays_in_the_history() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    let hook = add(&house, &json!({"url": receiver.url("/"), "event": "E"})).await;
    house.publish_and_wait("E", "1").await;

    house.send(Method::DELETE, &format!("/api/v1/hooks/{}", hook["id"]), "").await;

    let page = house.json(&format!("/api/v1/deliveries?hook={}", hook["id"])).await;
    assert_eq!(page["items"][0]["state"], "delivered");
    let delivery = house.json(&format!("/api/v1/deliveries/{}", text(&page["items"][0]["id"]))).await;
    assert_eq!(delivery["attempts"][0]["status"], 200);
    house.close().await;
}

/// Lists of names without their order.
fn sorted(mut hook: Value) -> Value {
    for list in ["events", "applications"] {
        hook[list].as_array_mut().expect("a list").sort_by_key(ToString::to_string);
    }
    hook
}
