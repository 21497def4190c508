//! What nobody should send: each piece has its status and a problem document
//! that says what is wrong, and leaves no trace.

mod bodies;
mod many_hooks;
pub mod raw;
mod requests;
mod wire;

use reqwest::{Method, RequestBuilder, Response};
use serde_json::Value;

use crate::house::{House, within};
use crate::receiver::Receiver;

/// What a refusal is expected to say.
#[derive(Debug, Clone, Copy)]
pub struct Refusal {
    pub status: u16,
    /// The field at fault; empty where no field is.
    pub field: &'static str,
    /// A part of the remedy.
    pub remedy: &'static str,
}

/// 400 for a field.
pub const fn field(field: &'static str, remedy: &'static str) -> Refusal {
    Refusal { status: 400, field, remedy }
}

/// A refusal of the whole request.
pub const fn whole(status: u16, remedy: &'static str) -> Refusal {
    Refusal { status, field: "", remedy }
}

/// A POST that says that its body is JSON.
pub fn post(house: &House, path: &str, body: impl Into<reqwest::Body>) -> RequestBuilder {
    let request = house.client.request(Method::POST, house.url(path));
    request.header("content-type", "application/json").body(body)
}

/// Sends what must be refused, and sees that it is and that nothing was kept.
pub async fn refused(house: &House, request: RequestBuilder, expected: Refusal) {
    let what = format!("{request:?}");
    let response = within("a refusal", request.send()).await.unwrap_or_else(|error| panic!("{error:?}: {what}"));
    check_problem(response, expected, &what).await;
    assert_nothing_is_kept(house).await;
}

/// An RFC 9457 document with all its members, which names field and remedy.
pub async fn check_problem(response: Response, expected: Refusal, what: &str) -> Value {
    assert_eq!(response.status(), expected.status, "{what}");
    assert_eq!(response.headers()["content-type"], "application/problem+json", "{what}");
    assert!(response.headers().contains_key("x-request-id"), "{what}");
    let problem: Value = response.json().await.expect("JSON");
    assert_eq!(problem["status"], expected.status, "{what}");
    assert!(problem["type"].is_string() && problem["title"].is_string(), "{what}: {problem}");
    let detail = problem["detail"].as_str().expect("a detail");
    assert!(detail.contains(expected.remedy), "{what}: {detail}");
    let errors = problem.get("errors").and_then(Value::as_array);
    let fields: Vec<_> = errors.into_iter().flatten().map(|error| error["field"].as_str().expect("a field")).collect();
    let expected_fields: &[&str] = if expected.field.is_empty() { &[] } else { &[expected.field] };
    assert_eq!(fields, expected_fields, "{what}: {problem}");
    assert!(errors.into_iter().flatten().all(|error| error["message"].is_string()), "{what}: {problem}");
    problem
}

async fn assert_nothing_is_kept(house: &House) {
    for path in ["/api/v1/hooks", "/api/v1/events", "/api/v1/deliveries"] {
        assert_eq!(house.json(path).await["items"], serde_json::json!([]), "{path}");
    }
}

/// Sees that after all that an event still arrives, and closes the house.
pub async fn close_in_order(house: House) {
    let receiver = Receiver::new().await;
    house.subscribe(&receiver.url("/cb"), "StillWorks").await;
    house.publish_and_wait("StillWorks", "[1]").await;
    assert_eq!(receiver.wait_for(1).await[0].text(), "[1]");
    house.close().await;
}
