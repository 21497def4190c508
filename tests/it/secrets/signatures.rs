//! Every request is signed, with a secret that is shown once and can be changed.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::{fields, is_v1, is_v1a, patch, rotated, signatures, subscribed, text, v1};
use crate::bad_input::{check_problem, field, whole};
use crate::house::House;
use crate::receiver::{Receiver, status};

const GIVEN: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

#[tokio::test]
async fn every_attempt_is_signed_with_the_secret_that_was_shown() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    receiver.answer(|request| status(if request.header("nyala-attempt") == "1" { 500 } else { 200 }));
    let hook = subscribed(&house, &fields(&receiver.url("/"))).await;

    house.publish_and_wait("E", r#"{"a" : 1.0}"#).await;
    house.clock.advance(Duration::from_secs(11));
    let requests = receiver.wait_for(2).await;

    assert_ne!(requests[0].header("webhook-signature"), requests[1].header("webhook-signature"));
    for request in &requests {
        assert_eq!(signatures(request).len(), 1);
        assert!(is_v1(request, 0, text(&hook["secret"])));
        assert_eq!(request.header("x-hub-signature-256"), "");
    }
    house.close().await;
}

#[tokio::test]
async fn a_secret_is_shown_once_and_to_those_who_ask_for_it() {
    let house = House::new().await;
    let hook = subscribed(&house, &fields("http://127.0.0.1:9/")).await;
    let secret = text(&hook["secret"]).to_owned();

    let again = subscribed(&house, &fields("http://127.0.0.1:9/")).await;
    let changed: Value = patch(&house, &hook, &json!({"description": "x"})).await.json().await.expect("a hook");
    let asked = house.json(&v1(&hook, "/secret")).await;

    assert!(secret.len() > 40, "{secret}");
    assert_eq!((&again["id"], again.get("secret"), changed.get("secret")), (&hook["id"], None, None));
    for path in ["/api/hooks", "/api/v1/hooks", &v1(&hook, ""), &format!("/api/hooks/{}", hook["id"])] {
        let shown = house.json(path).await.to_string();
        assert!(!shown.contains("whsec") && !shown.contains(&secret[6..]), "{path}: {shown}");
    }
    assert_eq!((text(&asked["secret"]), asked.get("former")), (secret.as_str(), None));
    assert!(text(&asked["public_key"]).starts_with("whpk_"));
    house.close().await;
}

#[tokio::test]
async fn a_former_secret_signs_beside_the_new_one_for_a_while_and_then_is_forgotten() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    let hook = subscribed(&house, &fields(&receiver.url("/"))).await;
    let former = text(&hook["secret"]);

    let new = rotated(&house, &hook).await;
    house.publish_and_wait("E", "1").await;
    house.clock.advance(Duration::from_hours(24));
    house.publish_and_wait("E", "2").await;
    let requests = receiver.wait_for(2).await;

    assert_ne!(new["secret"], hook["secret"]);
    assert_eq!(new["former"]["until"], "2023-11-15T22:13:20.000Z");
    assert_eq!((signatures(&requests[0]).len(), signatures(&requests[1]).len()), (2, 1));
    assert!(is_v1(&requests[0], 0, text(&new["secret"])) && is_v1(&requests[0], 1, former));
    assert!(is_v1(&requests[1], 0, text(&new["secret"])));
    assert_eq!(house.json(&v1(&hook, "/secret")).await.get("former"), None);
    house.close().await;
}

#[tokio::test]
async fn without_an_overlap_a_former_secret_ends_at_once() {
    let house = House::with(|settings| settings.secret_overlap = Duration::ZERO).await;
    let receiver = Receiver::new().await;
    let hook = subscribed(&house, &fields(&receiver.url("/"))).await;

    let new = rotated(&house, &hook).await;
    house.publish_and_wait("E", "1").await;

    let requests = receiver.wait_for(1).await;
    assert_eq!((signatures(&requests[0]).len(), new.get("former")), (1, None));
    assert!(is_v1(&requests[0], 0, text(&new["secret"])));
    house.close().await;
}

#[tokio::test]
async fn a_secret_may_be_given_and_given_again() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    let mut asked = fields(&receiver.url("/"));
    asked["secret"] = json!(GIVEN);
    let hook = subscribed(&house, &asked).await;
    let other = format!("whsec_{}", "QUFB".repeat(8));

    let rotate = |secret: &str| json!({ "secret": secret }).to_string();
    let path = v1(&hook, "/secret/rotate");
    let new: Value = house.send(Method::POST, &path, &rotate(&other)).await.json().await.expect("a secret");
    let repeated: Value = house.send(Method::POST, &path, &rotate(&other)).await.json().await.expect("a secret");
    house.publish_and_wait("E", "1").await;

    let requests = receiver.wait_for(1).await;
    assert_eq!(hook["secret"], GIVEN);
    assert_eq!((&new["secret"], &new), (&json!(other), &repeated), "who asks again changes nothing");
    assert!(is_v1(&requests[0], 0, &other) && is_v1(&requests[0], 1, GIVEN));
    house.close().await;
}

#[tokio::test]
async fn a_hook_signs_in_the_ways_that_it_is_told() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    let mut asked = fields(&receiver.url("/"));
    asked["signatures"] = json!(["v1", "v1a", "github"]);
    asked["secret"] = json!(GIVEN);
    let hook = subscribed(&house, &asked).await;
    let public_key = house.json(&v1(&hook, "/secret")).await["public_key"].clone();

    house.publish_and_wait("E", "{}").await;
    let changed: Value = patch(&house, &hook, &json!({"signatures": "v1a"})).await.json().await.expect("a hook");
    house.publish_and_wait("E", "{}").await;

    let requests = receiver.wait_for(2).await;
    assert_eq!((&hook["signatures"], &changed["signatures"]), (&asked["signatures"], &json!(["v1a"])));
    assert!(is_v1(&requests[0], 0, GIVEN) && is_v1a(&requests[0], 1, text(&public_key)));
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, GIVEN.as_bytes());
    let expected = ring::hmac::sign(&key, b"{}");
    let hex = data_encoding::HEXLOWER.encode(expected.as_ref());
    assert_eq!(requests[0].header("x-hub-signature-256"), format!("sha256={hex}"));
    assert_eq!((signatures(&requests[1]).len(), requests[1].header("x-hub-signature-256")), (1, ""));
    assert!(is_v1a(&requests[1], 0, text(&public_key)));
    house.close().await;
}

#[tokio::test]
async fn what_cannot_be_taken_is_refused_with_what_to_do() {
    let house = House::new().await;
    let hook = subscribed(&house, &fields("http://127.0.0.1:9/")).await;
    let before = house.json(&v1(&hook, "/secret")).await;
    let post = |secret: Value| json!({"url": "http://127.0.0.1:9/x", "event": "E", "secret": secret}).to_string();
    let table = [
        (Method::POST, "/api/hooks".to_owned(), post(json!("SECRETSECRETSECRET")), field("secret", "give whsec_ and")),
        (Method::POST, "/api/v1/hooks".to_owned(), post(json!("whsec_QUFB")), field("secret", "24 to 64")),
        (Method::POST, "/api/v1/hooks".to_owned(), post(json!([])), field("secret", "give a text")),
        (Method::PATCH, v1(&hook, ""), json!({"secret": GIVEN}).to_string(), field("secret", "/secret/rotate")),
        (Method::PATCH, v1(&hook, ""), json!({"signatures": []}).to_string(), field("signatures", "at least one")),
        (
            Method::PATCH,
            v1(&hook, ""),
            json!({"signatures": ["v2"]}).to_string(),
            field("signatures", "v1, v1a, github"),
        ),
        (
            Method::POST,
            v1(&hook, "/secret/rotate"),
            r#"{"secret":"SECRET"}"#.to_owned(),
            field("secret", "give whsec_"),
        ),
        (Method::POST, v1(&hook, "/secret/rotate"), r#"{"secrets":1}"#.to_owned(), field("secrets", "there is secret")),
        (Method::POST, v1(&hook, "/secret/rotate"), r#""SECRET""#.to_owned(), whole(400, "is no JSON object")),
        (Method::GET, "/api/v1/hooks/77/secret".to_owned(), String::new(), whole(404, "no such hook")),
        (Method::POST, "/api/v1/hooks/77/secret/rotate".to_owned(), String::new(), whole(404, "no such hook")),
    ];

    for (method, path, body, refusal) in table {
        check_problem(house.send(method.clone(), &path, &body).await, refusal, &format!("{method} {path} {body}"))
            .await;
    }
    assert_eq!(house.json(&v1(&hook, "/secret")).await, before);
    house.close().await;
}

#[tokio::test]
async fn a_former_secret_signs_until_the_time_that_was_promised_however_often_it_is_rotated() {
    let receiver = Receiver::new().await;
    let house = House::new().await;
    let hook = subscribed(&house, &fields(&receiver.url("/"))).await;

    let mut statuses = vec![];
    for _ in 0..12 {
        let answer = house.send(reqwest::Method::POST, &v1(&hook, "/secret/rotate"), "").await;
        statuses.push(answer.status().as_u16());
    }
    house.publish_and_wait("E", "{}").await;

    assert_eq!(statuses, [[200; 9].as_slice(), &[409; 3]].concat());
    let request = &receiver.wait_for(1).await[0];
    assert!(is_v1(request, 9, text(&hook["secret"])), "the first secret signs still: {:?}", signatures(request));
    house.close().await;
}
