//! Requests that have to be signed.

use nyala::clock::Clock;
use nyala::store::sqlite::{Rotated, Rotation};
use reqwest::Method;
use ring::hmac;
use serde_json::{Value, json};

use super::{calling, over, path, published, sent, trigger};
use crate::house::House;

const SECRET: &str = "It's a Secret to Everybody";

fn hub(secret: &str, body: &str) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), body.as_bytes());
    tag.as_ref().iter().map(|byte| format!("{byte:02x}")).fold("sha256=".to_owned(), |all, next| all + &next)
}

async fn signed(house: &House, trigger: &Value, secret: &str, body: &str) -> u16 {
    let request = calling(house, trigger).header("x-hub-signature-256", hub(secret, body)).body(body.to_owned());
    sent(request).await.status().as_u16()
}

#[tokio::test]
async fn only_who_has_the_secret_fires_a_trigger_that_has_one() {
    let house = House::new().await;
    let trigger = trigger(&house, &json!({"kind": "webhook", "name": "s", "secret": SECRET, "scheme": "github"})).await;

    let right = signed(&house, &trigger, SECRET, "Hello, World!").await;
    let wrong = signed(&house, &trigger, "another secret", "Hello, World!").await;
    let none = sent(calling(&house, &trigger).body("Hello, World!")).await;

    assert_eq!((right, wrong, none.status().as_u16()), (200, 403, 403));
    over(&house, &trigger, 1).await;
    assert_eq!(published(&house, "TriggerFired").await, 1);
    let shown = house.json(&path(&trigger)).await;
    assert_eq!((&shown["signed"], &shown["scheme"]), (&json!(true), &json!("github")));
    assert!(!shown.to_string().contains("Everybody"), "a secret is shown to nobody");
    house.close().await;
}

#[tokio::test]
async fn another_secret_takes_the_place_of_the_first_at_once_and_after_a_restart() {
    let mut house = House::new().await;
    let trigger = trigger(&house, &json!({"kind": "webhook", "name": "s", "secret": SECRET, "scheme": "github"})).await;
    assert_eq!(signed(&house, &trigger, SECRET, "a").await, 200);

    let changed = house.send(Method::PATCH, &path(&trigger), r#"{"secret":"another secret"}"#).await;
    assert_eq!(changed.status(), 200);
    let (former, newer) =
        (signed(&house, &trigger, SECRET, "b").await, signed(&house, &trigger, "another secret", "c").await);
    house.stop().await;
    house.start_again().await;
    let after = signed(&house, &trigger, "another secret", "d").await;

    assert_eq!((former, newer, after), (403, 200, 200));
    house.close().await;
}

#[tokio::test]
async fn what_standard_webhooks_signed_once_is_published_once() {
    let house = House::new().await;
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let fields = json!({"kind": "webhook", "name": "s", "secret": secret, "scheme": "standard-webhooks"});
    let trigger = trigger(&house, &fields).await;
    let (id, seconds) = ("msg_1", crate::house::START / 1000);
    let signer = standardwebhooks::Webhook::new(secret).expect("a secret");
    let signature = signer.sign(id, seconds, b"{}").expect("a signature");
    let again = |at: i64| {
        let request = calling(&house, &trigger).header("webhook-id", id).header("webhook-timestamp", at);
        sent(request.header("webhook-signature", signature.clone()).body("{}"))
    };

    let (first, replayed, forged) = (again(seconds).await, again(seconds).await, again(seconds + 1).await);
    house.clock.advance(std::time::Duration::from_secs(301));
    let late = again(seconds).await;

    let statuses = [first, replayed, forged, late].map(|answer| answer.status().as_u16());
    assert_eq!(statuses, [200, 200, 403, 403]);
    let done = over(&house, &trigger, 2).await;
    assert_eq!((&done[0]["result"], &done[1]["result"]), (&json!("skipped"), &json!("published")));
    assert_eq!(published(&house, "TriggerFired").await, 1);
    house.close().await;
}

#[tokio::test]
async fn a_scheme_without_a_secret_is_refused() {
    let house = House::new().await;
    let signed = trigger(&house, &json!({"kind": "webhook", "name": "s", "secret": SECRET, "scheme": "github"})).await;

    let bare = house.send(Method::POST, "/api/v1/triggers", r#"{"kind":"webhook","name":"s","scheme":"github"}"#).await;
    let without = house.send(Method::PATCH, &path(&signed), r#"{"secret":null}"#).await;
    let both = house.send(Method::PATCH, &path(&signed), r#"{"secret":null,"scheme":null}"#).await;

    assert_eq!((bare.status().as_u16(), without.status().as_u16(), both.status().as_u16()), (400, 400, 200));
    assert_eq!(sent(calling(&house, &signed)).await.status(), 200);
    over(&house, &signed, 1).await;
    house.close().await;
}

#[tokio::test]
async fn who_does_not_have_the_secret_takes_nothing_from_who_has() {
    let house = House::new().await;
    let fields = json!({"kind": "webhook", "name": "s", "secret": SECRET, "scheme": "github", "rate_limit": 1});
    let trigger = trigger(&house, &fields).await;

    for _ in 0..5 {
        assert_eq!(signed(&house, &trigger, "another secret", "a").await, 403);
    }
    let (first, second) = (signed(&house, &trigger, SECRET, "b").await, signed(&house, &trigger, SECRET, "c").await);

    assert_eq!((first, second), (200, 429));
    house.close().await;
}

#[tokio::test]
async fn a_secret_is_sealed_and_opens_with_another_key_once_that_is_given() {
    let mut house = House::with(|settings| settings.key = None).await;
    let fields = json!({"kind": "webhook", "name": "s", "secret": SECRET, "scheme": "github"});
    let trigger = trigger(&house, &fields).await;
    house.stop().await;
    let sealed = std::fs::read(house.database()).expect("a database");
    assert!(!sealed.windows(SECRET.len()).any(|bytes| bytes == SECRET.as_bytes()), "it stands there in plain text");

    let rotated = Rotation::open(&house.database()).and_then(|mut rotation| rotation.in_file(house.clock.now()));
    house.start_again().await;

    assert_eq!(rotated.expect("another key"), Rotated { sealed: 1, left: 0 });
    assert_eq!(signed(&house, &trigger, SECRET, "a").await, 200);
    house.close().await;
}
