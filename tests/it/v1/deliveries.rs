//! `/api/v1/deliveries/{id}`: what was sent, and what came of it.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use super::{add, delivery_of, text};
use crate::house::House;
use crate::receiver::{Receiver, Reply, status};

/// A delivery with its attempts, once there are so many.
async fn with_attempts(house: &House, id: &str, count: usize) -> Value {
    let enough = |delivery: &Value| delivery["attempts"].as_array().is_some_and(|all| all.len() >= count);
    house.until(&format!("/api/v1/deliveries/{id}"), enough).await
}

fn header<'a>(headers: &'a Value, name: &str) -> Vec<&'a str> {
    let pairs = headers.as_array().expect("headers").iter();
    pairs.filter(|pair| pair[0] == name).map(|pair| text(&pair[1])).collect()
}

#[tokio::test]
async fn a_delivery_shows_what_was_sent_and_what_was_answered() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    let cookies = vec![("set-cookie", "a=1".to_owned()), ("x-a", "ä".to_owned()), ("set-cookie", "b=2".to_owned())];
    let reply = Reply { headers: cookies, body: Bytes::from_static(b"th\xc3\xa4nks \xff"), ..status(202) };
    receiver.answer(move |_| reply.clone());
    let hook = add(&house, &json!({"url": receiver.url("/"), "event": "Built"})).await;

    let event = house.publish_and_wait("Built", "1").await;
    let id = delivery_of(&house, &hook, &event).await;
    let delivery = with_attempts(&house, &id, 1).await;

    let attempt = &delivery["attempts"][0];
    assert_eq!(delivery["state"], "delivered");
    assert_eq!((&delivery["event"], &delivery["hook"]), (&event["id"], &hook["id"]));
    assert_eq!((&delivery["event_type"], &delivery["attempt_count"]), (&json!("Built"), &json!(1)));
    assert_eq!((&attempt["number"], &attempt["outcome"]), (&json!(1), &json!("answered")));
    assert_eq!((&attempt["status"], &attempt["reason"]), (&json!(202), &json!("Accepted")));
    assert!(attempt["duration_ms"].as_f64().is_some_and(|ms| ms > 0.0 && ms < 20_000.0), "{attempt}");
    assert_eq!(header(&attempt["request_headers"], "nyala-delivery"), [id]);
    assert_eq!(header(&attempt["request_headers"], "webhook-id"), [text(&event["id"])]);
    assert_eq!(header(&attempt["answer"]["headers"], "set-cookie"), ["a=1", "b=2"]);
    assert_eq!(header(&attempt["answer"]["headers"], "x-a"), ["ä"]);
    assert_eq!(attempt["answer"]["body"], "thänks \u{fffd}");
    house.close().await;
}

#[tokio::test]
async fn every_attempt_is_shown_until_one_arrives() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    receiver.answer(|request| match request.header("nyala-attempt") {
        "1" => Reply { reason: Some("Not Now"), body: Bytes::from_static(b"busy"), ..status(500) },
        _ => status(204),
    });
    let hook = add(&house, &json!({"url": receiver.url("/"), "event": "E"})).await;

    let event = house.publish_and_wait("E", "1").await;
    let id = delivery_of(&house, &hook, &event).await;
    let waiting = with_attempts(&house, &id, 1).await;
    house.clock.advance(Duration::from_secs(11));
    let delivered = with_attempts(&house, &id, 2).await;

    assert_eq!((&waiting["state"], &waiting["finished_at"]), (&json!("pending"), &Value::Null));
    assert!(waiting["due_at"].as_str() > waiting["created_at"].as_str(), "{waiting}");
    let attempts = &delivered["attempts"];
    assert_eq!((&attempts[0]["status"], &attempts[0]["reason"]), (&json!(500), &json!("Not Now")));
    assert_eq!(attempts[0]["answer"]["body"], "busy");
    assert_eq!((&attempts[1]["number"], &attempts[1]["status"]), (&json!(2), &json!(204)));
    assert_eq!(attempts[1]["started_at"], "2023-11-14T22:13:31.000Z");
    assert_eq!((&delivered["state"], &delivered["attempt_count"]), (&json!("delivered"), &json!(2)));
    assert_eq!((&delivered["due_at"], &delivered["finished_at"]), (&Value::Null, &json!("2023-11-14T22:13:31.000Z")));
    house.close().await;
}

#[tokio::test]
async fn an_attempt_without_an_answer_says_why() {
    let (house, gone) = (House::new().await, Receiver::new().await);
    let url = gone.url("/");
    drop(gone);
    let hook = add(&house, &json!({"url": url, "event": "E"})).await;

    let event = house.publish_and_wait("E", "1").await;
    let id = delivery_of(&house, &hook, &event).await;
    let attempt = with_attempts(&house, &id, 1).await["attempts"][0].clone();

    assert_eq!((&attempt["outcome"], &attempt["status"]), (&json!("failed"), &Value::Null));
    assert!(text(&attempt["reason"]).contains("cannot connect"), "{attempt}");
    assert!(attempt.get("answer").is_none(), "{attempt}");
    assert_eq!(header(&attempt["request_headers"], "nyala-attempt"), ["1"]);
    house.close().await;
}

#[tokio::test]
async fn an_attempt_that_we_refuse_to_make_says_why() {
    let house = House::new().await;
    // Braces may stand in a host by the rules for URLs, but not by those of HTTP.
    let hook = add(&house, &json!({"url": "http://{host}/", "event": "E"})).await;

    let event = house.publish_and_wait("E", "1").await;
    let id = delivery_of(&house, &hook, &event).await;
    let attempt = with_attempts(&house, &id, 1).await["attempts"][0].clone();

    assert_eq!((&attempt["outcome"], &attempt["status"]), (&json!("refused"), &Value::Null));
    assert!(text(&attempt["reason"]).starts_with("the URL cannot be called"), "{attempt}");
    assert!(attempt.get("answer").is_none(), "{attempt}");
    house.close().await;
}

#[tokio::test]
async fn credentials_are_masked_on_record() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    let url = receiver.url("/").replacen("http://", "http://user:SECRETMARK@", 1);
    let hook = add(&house, &json!({"url": url, "event": "E"})).await;

    let event = house.publish_and_wait("E", "1").await;
    let id = delivery_of(&house, &hook, &event).await;
    let delivery = with_attempts(&house, &id, 1).await;

    assert_eq!(header(&delivery["attempts"][0]["request_headers"], "authorization"), ["***"]);
    assert!(!delivery.to_string().contains("SECRETMARK"), "{delivery}");
    house.close().await;
}

#[tokio::test]
async fn a_long_answer_is_shown_from_its_beginning() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    receiver.answer(|_| Reply { body: Bytes::from(vec![b'x'; 1 << 20]), ..status(200) });
    let hook = add(&house, &json!({"url": receiver.url("/"), "event": "E"})).await;

    let event = house.publish_and_wait("E", "1").await;
    let id = delivery_of(&house, &hook, &event).await;
    let delivery = with_attempts(&house, &id, 1).await;

    assert_eq!(text(&delivery["attempts"][0]["answer"]["body"]), "x".repeat(4096));
    house.close().await;
}
