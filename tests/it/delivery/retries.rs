//! What was not delivered is tried again, in its time, and everything is on record.

use std::time::Duration;

use serde_json::{Value, json};

use super::{attempted, due_in, house_without_breakers, receiver_that_answers, something_else_arrives, text};
use crate::house::{House, START};
use crate::receiver::{Receiver, Reply, status};

const MILLI: Duration = Duration::from_millis(1);

/// Lets a delivery fail once more: moves the clock to when it is due.
async fn fail_again(house: &House, event: &Value, attempts: u64) -> Value {
    let delivery = attempted(house, event, attempts - 1).await;
    house.clock.advance(due_in(house, &delivery));
    attempted(house, event, attempts).await
}

#[tokio::test]
async fn a_failed_delivery_is_tried_again_after_its_backoff_and_not_before() {
    let house = House::new().await;
    let receiver = receiver_that_answers(500).await;
    house.subscribe(&receiver.url("/cb"), "E").await;
    let event = house.publish_and_wait("E", "{}").await;
    let due_in = due_in(&house, &attempted(&house, &event, 1).await);

    house.clock.advance(due_in.checked_sub(MILLI).expect("a wait"));
    something_else_arrives(&house).await;
    assert_eq!(receiver.received().len(), 1, "not before");

    house.clock.advance(MILLI);
    receiver.wait_for(2).await;
    attempted(&house, &event, 2).await;
    house.close().await;
}

#[tokio::test]
async fn backoffs_differ_from_the_schedule_by_a_tenth_at_most_and_from_each_other() {
    let house = house_without_breakers().await;
    let receiver = receiver_that_answers(500).await;
    house.subscribe(&receiver.url("/cb"), "E").await;

    let mut first = vec![];
    let mut second = vec![];
    for _ in 0..8 {
        let event = house.publish_and_wait("E", "{}").await;
        first.push(due_in(&house, &attempted(&house, &event, 1).await).as_millis());
        second.push(due_in(&house, &fail_again(&house, &event, 2).await).as_millis());
    }

    assert!(first.iter().all(|wait| (9_000..=11_000).contains(wait)), "{first:?}");
    assert!(second.iter().all(|wait| (54_000..=66_000).contains(wait)), "{second:?}");
    assert!(first.iter().any(|wait| wait != &first[0]), "scattered: {first:?}");
    house.close().await;
}

#[tokio::test]
async fn attempts_keep_the_event_and_count_and_carry_their_own_time() {
    let house = House::new().await;
    let receiver = receiver_that_answers(503).await;
    house.subscribe(&receiver.url("/cb"), "Deployed").await;
    let event = house.publish_and_wait("Deployed", r#"{"n": 1}"#).await;
    house.clock.advance(Duration::from_secs(1));
    fail_again(&house, &event, 2).await;
    fail_again(&house, &event, 3).await;

    let requests = receiver.wait_for(3).await;

    let all = |name: &str| requests.iter().map(|request| request.header(name).to_owned()).collect::<Vec<_>>();
    assert_eq!(all("webhook-id"), vec![text(&event["id"]); 3]);
    assert_eq!(all("nyala-attempt"), ["1", "2", "3"]);
    assert_eq!(all("nyala-event"), vec!["Deployed"; 3]);
    assert!(requests.iter().all(|request| request.text() == r#"{"n": 1}"#));
    assert_eq!(all("nyala-delivery")[0], all("nyala-delivery")[2]);
    let times: Vec<i64> = all("webhook-timestamp").iter().map(|time| time.parse().expect("seconds")).collect();
    assert_eq!(times[0], START / 1000);
    assert!((9..=11).contains(&(times[1] - times[0])) && (54..=67).contains(&(times[2] - times[1])), "{times:?}");
    house.close().await;
}

#[tokio::test]
async fn a_delivery_is_dead_at_the_end_of_its_schedule_with_all_attempts_on_record() {
    let house = House::new().await;
    let receiver = Receiver::new().await;
    receiver.answer(|request| match request.header("nyala-attempt") {
        "1" => Reply { body: "no room".into(), reason: Some("Full House"), ..status(507) },
        "2" => status(404),
        _ => status(500),
    });
    house.subscribe(&receiver.url("/cb"), "E").await;
    let event = house.publish_and_wait("E", "{}").await;
    fail_again(&house, &event, 2).await;

    let delivery = fail_again(&house, &event, 3).await;

    assert_eq!((&delivery["state"], &delivery["due_at"]), (&json!("dead"), &Value::Null));
    assert_ne!(delivery["finished_at"], Value::Null);
    let attempts = delivery["attempts"].as_array().expect("attempts");
    let column = |name: &str| attempts.iter().map(|attempt| attempt[name].clone()).collect::<Vec<_>>();
    assert_eq!(column("number"), [1, 2, 3]);
    assert_eq!(column("status"), [507, 404, 500]);
    assert_eq!(column("reason"), ["Full House", "Not Found", "Internal Server Error"]);
    assert_eq!(attempts[0]["answer"]["body"], "no room");
    assert_eq!(attempts[0]["started_at"], "2023-11-14T22:13:20.000Z");
    house.close().await;
}

#[tokio::test]
async fn a_dead_delivery_is_never_tried_again() {
    let house = House::with(|settings| settings.policy.retry_schedule = "10s".parse().expect("a schedule")).await;
    let receiver = receiver_that_answers(500).await;
    house.subscribe(&receiver.url("/cb"), "E").await;
    let event = house.publish_and_wait("E", "{}").await;
    fail_again(&house, &event, 2).await;

    house.clock.advance(Duration::from_hours(48));
    something_else_arrives(&house).await;

    assert_eq!(receiver.received().len(), 2);
    house.close().await;
}

#[tokio::test]
async fn an_attempt_that_arrives_late_is_on_record_beside_those_that_failed() {
    let house = House::new().await;
    let receiver = Receiver::new().await;
    receiver.answer(|request| status(if request.header("nyala-attempt") == "1" { 500 } else { 204 }));
    house.subscribe(&receiver.url("/cb"), "E").await;
    let event = house.publish_and_wait("E", "{}").await;

    let delivery = fail_again(&house, &event, 2).await;

    assert_eq!(delivery["state"], "delivered");
    let statuses = delivery["attempts"].as_array().expect("attempts").iter().map(|attempt| attempt["status"].clone());
    assert_eq!(statuses.collect::<Vec<_>>(), [500, 204]);
    house.close().await;
}

#[tokio::test]
async fn a_redirect_is_a_failure_and_not_followed() {
    let house = House::new().await;
    let (receiver, elsewhere) = (Receiver::new().await, Receiver::new().await);
    let location = elsewhere.url("/moved");
    receiver.answer(move |request| {
        let code = request.path.trim_start_matches('/').parse().expect("a status");
        Reply { headers: vec![("location", location.clone())], ..status(code) }
    });
    let codes = [301, 302, 303, 307, 308];
    for code in codes {
        house.subscribe(&receiver.url(&format!("/{code}")), "E").await;
    }

    house.publish_and_wait("E", "{}").await;
    house.subscribe(&elsewhere.url("/later"), "Later").await;
    house.publish_and_wait("Later", "{}").await;

    assert_eq!(elsewhere.received().len(), 1, "only what was meant for it");
    assert_eq!(super::count(&house, "state=pending").await, codes.len());
    house.close().await;
}

#[tokio::test]
async fn a_late_retry_never_hides_what_came_of_a_newer_event() {
    let house = House::new().await;
    let receiver = Receiver::new().await;
    receiver.answer(|request| status(if request.text() == r#""old""# { 500 } else { 200 }));
    let hook = house.subscribe(&receiver.url("/cb"), "E").await;
    let old = house.publish_and_wait("E", r#""old""#).await;
    house.publish_and_wait("E", r#""new""#).await;

    fail_again(&house, &old, 2).await;

    let hook = house.json(&format!("/api/hooks/{}", hook["id"])).await;
    assert_eq!((&hook["last_status"], &hook["last_context"]), (&json!("OK"), &json!(r#""new""#)));
    assert_eq!(hook["last_datetime"], "2023-11-14T22:13:20Z");
    house.close().await;
}

#[tokio::test]
async fn secrets_are_sent_but_masked_on_record() {
    let house = House::new().await;
    let receiver = receiver_that_answers(500).await;
    let url = receiver.url("/cb").replace("http://", "http://caller:open%20sesame@");
    let hook = house.subscribe(&url, "E").await;

    let event = house.publish_and_wait("E", "{}").await;
    let delivery = attempted(&house, &event, 1).await;

    assert_eq!(receiver.received()[0].header("authorization"), "Basic Y2FsbGVyOm9wZW4gc2VzYW1l");
    let headers = delivery["attempts"][0]["request_headers"].as_array().expect("headers");
    assert!(headers.contains(&json!(["authorization", "***"])), "{headers:?}");
    assert!(headers.contains(&json!(["webhook-id", event["id"]])), "{headers:?}");
    for shown in [delivery.to_string(), hook.to_string(), house.json("/api/hooks").await.to_string()] {
        assert!(!shown.contains("sesame") && !shown.contains("Y2FsbGVy"), "{shown}");
    }
    house.close().await;
}
