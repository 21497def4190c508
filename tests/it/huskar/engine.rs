//! Signed, named, ordered and sent again: each application's body by itself.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use standardwebhooks::Webhook;

use super::{Client, body, house_of, one, switch};
use crate::house::House;
use crate::receiver::{Received, Receiver, status};

/// An action on several applications.
fn import(applications: &[&str]) -> Value {
    let data = json!({"application_names": applications, "stored": true, "overwrite": false, "affected": 1});
    json!({"action_name": "IMPORT_SWITCH", "action_data": data})
}

/// A webhook that wants these actions of each application, and of all the same.
async fn webhook_of(client: &Client<'_>, url: &str, applications: &[&str], events: &[&str]) -> u64 {
    let webhook = client.add_of(applications[0], url, events).await;
    for application in &applications[1..] {
        let fields = json!({"webhook_url": url, "event_list": events});
        client.put(&one(webhook, application), &fields).await.success();
    }
    webhook
}

/// The application that each request was about, in the order in which they came.
fn applications(requests: &[Received]) -> Vec<String> {
    requests.iter().map(|request| body(request)["application_name"].as_str().expect("a text").to_owned()).collect()
}

/// The deliveries that are listed, newest first.
async fn deliveries(house: &House, query: &str) -> Vec<Value> {
    house.json(&format!("/api/v1/deliveries?limit=1000&{query}")).await["items"].as_array().expect("items").clone()
}

#[tokio::test]
async fn each_body_has_a_name_of_its_own_and_a_signature_that_fits() {
    let (house, receiver) = (house_of(&["shop", "till"]).await, Receiver::new().await);
    let client = Client::open(&house);
    let apart = webhook_of(&client, &receiver.url("/apart"), &["shop", "till"], &["IMPORT_SWITCH"]).await;
    let site = client.add_site(&receiver.url("/site")).await;

    let event = client.act(&import(&["shop", "till"])).await["id"].as_str().expect("an id").to_owned();

    let mut names = BTreeMap::new();
    for request in receiver.received() {
        let id = if request.path == "/site" { site } else { apart };
        let secret =
            house.json(&format!("/api/v1/hooks/{id}/secret")).await["secret"].as_str().expect("a text").to_owned();
        let timestamp = request.header("webhook-timestamp").parse().expect("a number");
        let official = Webhook::new(&secret).expect("a secret");
        let expected = official.sign(request.header("webhook-id"), timestamp, &request.body).expect("a signature");
        assert_eq!(request.header("webhook-signature"), expected);
        names.insert(request.header("webhook-id").to_owned(), body(&request)["application_name"].clone());
    }
    let expected = [
        (event.clone(), Value::Null),
        (format!("{event}:shop"), json!("shop")),
        (format!("{event}:till"), json!("till")),
    ];
    assert_eq!(names, BTreeMap::from(expected));
    house.close().await;
}

// Standard Webhooks 1.0 wants no dot there, and a header is no place for other letters.
#[tokio::test]
async fn the_name_of_a_body_has_no_dot_and_no_letter_beyond_ascii_whatever_the_application_is_called() {
    let names = ["a.b", "a-b", "a_b", "ä:b/c", "a%2Eb"];
    let (house, receiver) = (house_of(&names).await, Receiver::new().await);
    let client = Client::open(&house);
    for name in names {
        let query: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
        client.add_of(&query, &receiver.url("/cb"), &["UPDATE_SWITCH"]).await;
        client.act(&switch(name)).await;
    }

    let requests = receiver.received();
    let suffix = |request: &Received| request.header("webhook-id").split_once(':').expect("two parts").1.to_owned();
    let suffixes: Vec<_> = requests.iter().map(suffix).collect();
    assert_eq!(suffixes, ["a%2Eb", "a-b", "a_b", "%C3%A4%3Ab%2Fc", "a%252Eb"]);
    assert_eq!(applications(&requests), names, "the bodies have them as they are");
    house.close().await;
}

#[tokio::test]
async fn a_delivery_says_which_application_it_is_about_where_it_is_about_one() {
    let (house, receiver) = (house_of(&["shop", "till"]).await, Receiver::new().await);
    let client = Client::open(&house);
    let apart = webhook_of(&client, &receiver.url("/apart"), &["shop", "till"], &["IMPORT_SWITCH"]).await;
    let site = client.add_site(&receiver.url("/site")).await;

    client.act(&import(&["till", "shop"])).await;

    let rows = deliveries(&house, &format!("hook={apart}")).await;
    let mut about: Vec<_> = rows.iter().map(|row| row["application"].clone()).collect();
    about.sort_by_key(ToString::to_string);
    assert_eq!(about, ["shop", "till"]);
    assert_eq!(deliveries(&house, &format!("hook={site}")).await[0].get("application"), None);
    for row in rows {
        let shown = house.json(&format!("/api/v1/deliveries/{}", row["id"].as_str().expect("an id"))).await;
        assert_eq!(shown["application"], row["application"]);
        let headers = shown["attempts"][0]["request_headers"].to_string();
        assert!(headers.contains(&format!(":{}\"", row["application"].as_str().expect("a text"))), "{headers}");
    }
    house.close().await;
}

#[tokio::test]
async fn a_redelivery_sends_the_same_body_again_under_the_same_name() {
    let (house, receiver) = (house_of(&["shop", "till"]).await, Receiver::new().await);
    let client = Client::open(&house);
    webhook_of(&client, &receiver.url("/cb"), &["shop", "till"], &["IMPORT_SWITCH"]).await;
    client.act(&import(&["shop", "till"])).await;

    for (n, row) in deliveries(&house, "").await.iter().enumerate() {
        let path = format!("/api/v1/deliveries/{}/redeliver", row["id"].as_str().expect("an id"));
        assert_eq!(house.send(Method::POST, &path, "").await.status(), 201);
        let again = receiver.wait_for(3 + n).await[2 + n].clone();
        assert_eq!(applications(std::slice::from_ref(&again)), [row["application"].as_str().expect("a text")]);
        let first =
            receiver.received().into_iter().find(|request| request.header("webhook-id") == again.header("webhook-id"));
        assert_eq!(first.map(|request| request.body), Some(again.body));
    }
    house.until("/api/v1/deliveries?state=delivered", |page| page["items"].as_array().map(Vec::len) == Some(4)).await;
    assert!(deliveries(&house, "").await.iter().all(|row| row["application"].is_string()));
    house.close().await;
}

#[tokio::test]
async fn a_replay_sends_every_applications_body_again_under_the_same_names() {
    let (house, receiver) = (house_of(&["shop", "till"]).await, Receiver::new().await);
    let client = Client::open(&house);
    let webhook = webhook_of(&client, &receiver.url("/cb"), &["shop", "till"], &["IMPORT_SWITCH"]).await;
    for _ in 0..3 {
        client.act(&import(&["shop", "till"])).await;
    }

    let replay = house.send(Method::POST, &format!("/api/v1/hooks/{webhook}/replay"), r#"{"state":"delivered"}"#).await;
    assert_eq!(replay.status(), 202);
    let requests = receiver.wait_for(12).await;

    let sent = |requests: &[Received]| {
        let mut sent: Vec<_> =
            requests.iter().map(|request| (request.header("webhook-id").to_owned(), request.body.clone())).collect();
        sent.sort();
        sent
    };
    assert_eq!(sent(&requests[..6]), sent(&requests[6..]));
    house.close().await;
}

#[tokio::test]
async fn an_ordered_webhook_gets_the_actions_on_one_application_in_their_order_and_others_beside_them() {
    let (house, receiver) = (house_of(&["shop", "till"]).await, Receiver::new().await);
    let client = Client::open(&house);
    let webhook =
        webhook_of(&client, &receiver.url("/cb"), &["shop", "till"], &["IMPORT_SWITCH", "UPDATE_SWITCH"]).await;
    let ordered = house.send(Method::PATCH, &format!("/api/v1/hooks/{webhook}"), r#"{"order":"application"}"#).await;
    assert_eq!(ordered.status(), 200);
    receiver.answer(|request| {
        let of_shop = body(request)["application_name"] == "shop";
        status(if of_shop && request.header("nyala-attempt") == "1" { 503 } else { 200 })
    });

    let mut ids = vec![];
    for action in [import(&["shop", "till"]), switch("shop"), switch("till"), import(&["till", "shop"])] {
        let told = client.post("/api/webhook/actions", &action).await.success();
        ids.push(told["id"].as_str().expect("an id").to_owned());
    }
    // Those on the other application do not wait for the one that fails.
    let of_till = format!("/api/v1/deliveries?hook={webhook}&state=delivered");
    house.until(&of_till, |page| page["items"].as_array().map(Vec::len) == Some(3)).await;
    assert_eq!(applications(&receiver.received()).iter().filter(|name| *name == "shop").count(), 1);
    for requests in [6, 8] {
        house.clock.advance(Duration::from_secs(11));
        receiver.wait_for(requests).await;
        house.until("/api/v1/deliveries?state=leased", |page| page["items"] == json!([])).await;
    }
    house.clock.advance(Duration::from_secs(11));
    house.until(&of_till, |page| page["items"].as_array().map(Vec::len) == Some(6)).await;

    let arrived = |name: &str| {
        let attempt = if name == "shop" { "2" } else { "1" };
        let of_it = receiver.received().into_iter().filter(|request| body(request)["application_name"] == name);
        let arrived = of_it.filter(|request| request.header("nyala-attempt") == attempt);
        arrived.map(|request| request.header("webhook-id").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(arrived("shop"), [0, 1, 3].map(|n| format!("{}:shop", ids[n])));
    assert_eq!(arrived("till"), [0, 2, 3].map(|n| format!("{}:till", ids[n])));
    house.close().await;
}

#[tokio::test]
async fn a_put_that_points_a_failing_webhook_elsewhere_lets_what_it_is_owed_go_there_at_once() {
    let (house, broken, receiver) = (house_of(&["shop"]).await, Receiver::new().await, Receiver::new().await);
    broken.answer(|_| status(500));
    let client = Client::open(&house);
    let webhook = client.add_of("shop", &broken.url("/"), &["UPDATE_SWITCH"]).await;
    for _ in 0..5 {
        client.act(&switch("shop")).await;
    }
    for _ in 0..3 {
        client.post("/api/webhook/actions", &switch("shop")).await.success();
    }
    assert_eq!(house.json(&format!("/api/v1/hooks/{webhook}")).await["state"], "failing");

    let fields = json!({"webhook_url": receiver.url("/"), "event_list": ["UPDATE_SWITCH"]});
    client.put(&one(webhook, "shop"), &fields).await.success();

    // By no clock: what waited for the hook, and not for its own time, is due.
    receiver.wait_for(3).await;
    assert_eq!(house.json(&format!("/api/v1/hooks/{webhook}")).await["state"], "active");
    house.close().await;
}
