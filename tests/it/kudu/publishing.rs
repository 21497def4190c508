//! Publishing: who is called, with what, and what the publisher is told.

use std::time::Duration;

use nyala::domain::id::EventId;
use reqwest::Method;
use serde_json::{Value, json};

use super::{FAILED, JOB, SUCCESS, SUCCESS_ID, again, fields, list, paths, problem, send, subscribe_with, unsubscribe};
use crate::house::{House, within};
use crate::receiver::{Received, Receiver, Reply, status};

/// Requires that so many requests came, and that each has these words in its body.
fn called(requests: &[Received], expected: &[&str], words: &[&str]) {
    assert_eq!(paths(requests), expected);
    for request in requests {
        let body = request.text().to_lowercase();
        assert!(serde_json::from_str::<Value>(&body).is_ok_and(|body| body.is_object()), "{body}");
        assert!(words.iter().all(|word| body.contains(word)), "{body}");
    }
}

// K-10, K-11, K-12, K-13, K-14
#[tokio::test]
async fn each_deployment_calls_exactly_the_hooks_that_are_there() {
    let (house, receiver) = (House::new().await, Receiver::new().await);

    let one = house.subscribe(&receiver.url("/1"), "PostDeployment").await;
    assert_eq!(list(&house).await.len(), 1);
    house.publish_and_wait("PostDeployment", SUCCESS).await;
    called(&receiver.received(), &["/1"], &["success", SUCCESS_ID]);

    let two = house.subscribe(&receiver.url("/2"), "PostDeployment").await;
    assert_eq!(list(&house).await.len(), 2);
    house.publish_and_wait("PostDeployment", SUCCESS).await;
    called(&receiver.received()[1..], &["/1", "/2"], &["success", SUCCESS_ID]);

    house.publish_and_wait("PostDeployment", FAILED).await;
    called(&receiver.received()[3..], &["/1", "/2"], &["failed"]);

    unsubscribe(&house, &one).await;
    assert_eq!(list(&house).await.len(), 1);
    house.publish_and_wait("PostDeployment", SUCCESS).await;
    called(&receiver.received()[5..], &["/2"], &["success", SUCCESS_ID]);

    unsubscribe(&house, &two).await;
    assert!(list(&house).await.is_empty());
    let published = house.publish_and_wait("PostDeployment", SUCCESS).await;
    assert_eq!(published["deliveries"], 0);
    assert_eq!(receiver.received().len(), 6);
    house.close().await;
}

// K-15
#[tokio::test]
async fn a_custom_event_reaches_all_its_hooks_before_a_waiting_publish_is_answered() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    let payload = r#"{"TestProperty":"mytest_property","CustomProperty":"mycustom_property"}"#;
    for path in ["/1", "/2"] {
        house.subscribe(&receiver.url(path), "CustomEvent").await;
    }

    let published = house.publish_and_wait("CustomEvent", payload).await;

    assert_eq!(published["deliveries"], 2);
    called(&receiver.received(), &["/1", "/2"], &["mytest_property", "mycustom_property"]);
    house.close().await;
}

// K-17
#[tokio::test]
async fn a_finished_job_is_told_with_all_its_fields() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    house.subscribe(&receiver.url("/jobs"), "TriggeredJobFinished").await;

    house.publish_and_wait("TriggeredJobFinished", JOB).await;

    let requests = receiver.received();
    assert_eq!(requests.len(), 1);
    let job: Value = serde_json::from_str(requests[0].text()).expect("JSON");
    assert_eq!((&job["job_name"], &job["status"]), (&json!("nightly-report"), &json!("Success")));
    for field in ["id", "name", "url", "output_url", "start_time", "end_time", "duration", "trigger"] {
        assert!(job[field].as_str().is_some_and(|text| !text.is_empty()), "{field}: {job}");
    }
    house.close().await;
}

#[tokio::test]
async fn an_attempt_is_a_post_of_json_that_says_who_sends_what() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    house.subscribe(&receiver.url("/cb?a=b%20c"), "PostDeployment").await;

    let published = house.publish_and_wait("PostDeployment", SUCCESS).await;

    let request = &receiver.received()[0];
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/cb?a=b%20c"));
    assert_eq!(request.header("content-type"), "application/json; charset=utf-8");
    assert_eq!(request.header("user-agent"), concat!("Nyala/", env!("CARGO_PKG_VERSION")));
    assert_eq!(request.header("nyala-event"), "PostDeployment");
    assert_eq!(request.header("webhook-id"), published["id"]);
    house.close().await;
}

// K-29
#[tokio::test]
async fn events_are_compared_without_regard_to_case() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    house.subscribe(&receiver.url("/cb"), "CustomEvent").await;

    let published = house.publish_and_wait("customevent", "{}").await;

    assert_eq!((&published["deliveries"], &published["type"]), (&json!(1), &json!("customevent")));
    assert_eq!(receiver.received().len(), 1);
    house.close().await;
}

#[tokio::test]
async fn a_publish_is_answered_with_its_event_and_how_many_want_it() {
    let house = House::new().await;

    let published = house.publish("CustomEvent", "{}").await;

    let id = published["id"].as_str().expect("a text");
    assert!(id.parse::<EventId>().is_ok(), "{id}");
    assert_eq!(published, json!({"id": id, "type": "CustomEvent", "deliveries": 0}));
    house.close().await;
}

#[tokio::test]
async fn a_publish_is_answered_at_once_however_long_its_hooks_take() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    receiver.answer(|_| Reply { hang: true, ..status(200) });
    let hook = house.subscribe(&receiver.url("/cb"), "PostDeployment").await;

    let published = house.publish("PostDeployment", "{}").await;

    assert_eq!(published["deliveries"], 1);
    receiver.wait_for(1).await;
    assert_eq!(again(&house, &hook).await.get("last_status"), None);
    // Ends the attempt.
    drop(receiver);
    house.close().await;
}

#[tokio::test]
async fn a_waiting_publish_is_answered_once_first_attempts_are_on_record() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    receiver.answer(|request| status(if request.path == "/ok" { 200 } else { 500 }));
    for path in ["/ok", "/broken"] {
        house.subscribe(&receiver.url(path), "PostDeployment").await;
    }

    house.publish_and_wait("PostDeployment", "{}").await;

    let results: Vec<_> = list(&house).await.iter().map(|hook| hook["last_status"].clone()).collect();
    assert_eq!(results, ["OK", "InternalServerError"]);
    house.close().await;
}

/// Publishes to a receiver that hangs, with this preference: requires that the
/// answer comes after so long and not before.
async fn answered_after(preference: &str, wait: Duration) {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    receiver.answer(|_| Reply { hang: true, ..status(200) });
    house.subscribe(&receiver.url("/cb"), "PostDeployment").await;
    let request = house.client.post(house.url("/api/hooks/publish/PostDeployment")).header("prefer", preference);

    let asked = tokio::spawn(send(request));
    receiver.wait_for(1).await;
    house.clock.advance(wait.saturating_sub(Duration::from_millis(1)));
    // What is asked later is answered: whoever looks at the clock has done so.
    house.json("/api/hooks").await;
    assert!(!asked.is_finished());
    house.clock.advance(Duration::from_millis(1));

    let response = within("an answer", asked).await.expect("an answer");
    assert_eq!(response.status(), 200);
    let published: Value = response.json().await.expect("JSON");
    assert_eq!(published["deliveries"], 1);
    // Ends the attempt.
    drop(receiver);
    house.close().await;
}

#[tokio::test]
async fn a_publish_waits_no_longer_than_it_was_asked_to() {
    answered_after("wait=3", Duration::from_secs(3)).await;
}

#[tokio::test]
async fn a_publish_waits_a_minute_at_most() {
    answered_after("wait=3600", Duration::from_mins(1)).await;
}

/// Publishes with these `Prefer` headers and requires that the publish waited.
async fn waits(spellings: &[&[&str]]) {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    house.subscribe(&receiver.url("/cb"), "PostDeployment").await;

    for (n, spelling) in spellings.iter().enumerate() {
        let request = house.client.post(house.url("/api/hooks/publish/PostDeployment")).body(n.to_string());
        let request = spelling.iter().fold(request, |request, value| request.header("prefer", *value));
        let response = send(request).await;
        let applied = response.headers().get("preference-applied").and_then(|value| value.to_str().ok());
        assert_eq!(applied, Some("wait=20"), "{spelling:?}");
        assert_eq!(list(&house).await[0]["last_context"], n.to_string(), "{spelling:?}");
    }

    house.close().await;
}

#[tokio::test]
async fn a_publish_finds_its_preference_among_others() {
    let lists = ["wait=20", "Wait = \"20\"", "respond-async, wait=20", "handling=lenient; a=b,wait=20;c=d"];
    waits(&lists.each_ref().map(std::slice::from_ref)).await;
}

// RFC 7240, section 2: several of these headers are as good as one with a list.
#[tokio::test]
async fn a_publish_finds_its_preference_in_any_of_several_headers() {
    waits(&[&["wait=20", "respond-async"], &["respond-async", "wait=20"]]).await;
}

#[tokio::test]
async fn the_default_wait_is_a_setting() {
    let house = House::with(|settings| settings.publish_wait = Duration::from_secs(20)).await;
    let receiver = Receiver::new().await;
    let hook = house.subscribe(&receiver.url("/cb"), "PostDeployment").await;

    house.publish("PostDeployment", "{}").await;

    assert_eq!(again(&house, &hook).await["last_status"], "OK");
    house.close().await;
}

#[tokio::test]
async fn a_name_that_no_event_can_have_is_refused() {
    let house = House::new().await;

    for name in ["*", "%20", "a%00b", &"x".repeat(257)] {
        problem(house.send(Method::POST, &format!("/api/hooks/publish/{name}"), "{}").await, 400, Some("event")).await;
    }

    house.close().await;
}

#[tokio::test]
async fn a_hook_hears_nothing_of_what_was_published_before_it() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    house.publish("PostDeployment", "1").await;

    let (status, _) = subscribe_with(&house, fields(&receiver.url("/cb"), "PostDeployment")).await;
    house.publish_and_wait("PostDeployment", "2").await;

    assert_eq!(status, 201);
    let requests = receiver.received();
    assert_eq!(requests.iter().map(Received::text).collect::<Vec<_>>(), ["2"]);
    house.close().await;
}
