//! Kudu's hooks API, as its clients use it. `K-nn` names a case of the list of
//! acceptance cases that were drawn from Kudu's own tests and code.

mod again;
mod bodies;
mod fields;
mod filters;
mod hooks;
mod logs;
mod patches;
mod paths;
mod publishing;
mod receivers;
mod results;
mod secrets;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::house::{House, within, without_secret};
use crate::receiver::Received;

/// What Kudu sends once a deployment has succeeded, and its id.
const SUCCESS: &str = include_str!("../../../data/post-deployment-success.json");
const SUCCESS_ID: &str = "9f3c1d7a52e84b06a1c0d95f7be2436810fa4cd7";

/// What Kudu sends once a deployment has failed.
const FAILED: &str = include_str!("../../../data/post-deployment-failed.json");

/// What Kudu sends once a triggered job has run.
const JOB: &str = include_str!("../../../data/triggered-job-finished.json");

/// Sends JSON; answers the status and the JSON that came back, null where nothing did,
/// and without a secret, which is shown but once.
async fn ask(house: &House, method: Method, path: &str, body: &str) -> (u16, Value) {
    let response = house.send(method, path, body).await;
    let status = response.status().as_u16();
    let text = response.text().await.expect("a body");
    let value = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).expect("JSON") };
    (status, without_secret(value))
}

/// Subscribes with these fields; answers the status and what came back.
async fn subscribe_with(house: &House, fields: Value) -> (u16, Value) {
    ask(house, Method::POST, "/api/hooks", &fields.to_string()).await
}

/// Kudu's list.
async fn list(house: &House) -> Vec<Value> {
    let list = house.json("/api/hooks").await;
    list.as_array().expect("a bare array").clone()
}

/// The hook as it is now.
async fn again(house: &House, hook: &Value) -> Value {
    house.json(&path_of(hook)).await
}

fn path_of(hook: &Value) -> String {
    format!("/api/hooks/{}", hook["id"])
}

async fn unsubscribe(house: &House, hook: &Value) {
    let (status, body) = ask(house, Method::DELETE, &path_of(hook), "").await;
    assert_eq!((status, body), (200, Value::Null));
}

/// Publishes for applications; answers how many hooks wanted it, once every
/// first attempt is on record.
async fn publish_for(house: &House, event: &str, applications: &[&str]) -> u64 {
    let named: Vec<_> = applications.iter().map(|name| format!("application={name}")).collect();
    let published = house.publish_and_wait(&format!("{event}?{}", named.join("&")), "{}").await;
    published["deliveries"].as_u64().expect("a number")
}

/// Requires a problem document with this status; about this field, if one is named.
async fn problem(response: Response, status: u16, field: Option<&str>) {
    assert_eq!(response.status(), status);
    assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
    let problem: Value = response.json().await.expect("JSON");
    assert_eq!(problem["status"], status, "{problem}");
    assert_ne!(problem["title"].as_str().unwrap_or_default(), "", "{problem}");
    assert_ne!(problem["detail"].as_str().unwrap_or_default(), "", "{problem}");
    assert!(problem["type"].is_string(), "{problem}");
    match field {
        Some(field) => assert_eq!(problem["errors"][0]["field"], field, "{problem}"),
        None => assert_eq!(problem.get("errors"), None, "{problem}"),
    }
}

/// The paths of requests, sorted: first attempts go out in any order.
fn paths(received: &[Received]) -> Vec<&str> {
    let mut paths: Vec<_> = received.iter().map(|request| request.path.as_str()).collect();
    paths.sort_unstable();
    paths
}

/// A request that is composed by hand.
async fn send(request: reqwest::RequestBuilder) -> Response {
    within("an answer", request.send()).await.expect("an answer")
}

/// The fields by which a hook is asked for.
fn fields(url: &str, event: &str) -> Value {
    json!({"url": url, "event": event})
}

/// A URL with user info in it.
fn with_user_info(url: &str, user_info: &str) -> String {
    url.replacen("://", &format!("://{user_info}@"), 1)
}

/// The header into which `user:password` goes.
fn basic(user_and_password: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(user_and_password))
}
