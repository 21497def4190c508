//! Triggers: what publishes by itself, against the real service and real requests.

mod clock;
mod fields;
mod flood;
mod history;
mod killed;
mod loops;
mod maintenance;
mod outgoing;
mod reach;
mod repositories;
mod schedules;
mod signed;
mod webhooks;

use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};

use crate::house::{House, within};

/// Adds a trigger with these fields; answers it as it is shown.
async fn trigger(house: &House, fields: &Value) -> Value {
    let response = house.send(Method::POST, "/api/v1/triggers", &fields.to_string()).await;
    assert_eq!(response.status(), 201, "{fields}: {}", response.text().await.unwrap_or_default());
    response.json().await.expect("a trigger")
}

/// Adds a webhook that anybody may fire.
async fn webhook(house: &House) -> Value {
    trigger(house, &json!({"kind": "webhook", "name": "build"})).await
}

/// Where it is to be found.
fn path(trigger: &Value) -> String {
    format!("/api/v1/triggers/{}", trigger["uuid"].as_str().expect("a uuid"))
}

/// A request to its URL, to be added to and sent.
fn calling(house: &House, trigger: &Value) -> RequestBuilder {
    let uuid = trigger["uuid"].as_str().expect("a uuid");
    house.client.post(house.url(&format!("/webhook/{uuid}")))
}

async fn sent(request: RequestBuilder) -> Response {
    within("an answer", request.send()).await.expect("an answer")
}

/// Fires it with this JSON.
async fn fire(house: &House, trigger: &Value, body: &str) -> Value {
    let request = calling(house, trigger).header("content-type", "application/json").body(body.to_owned());
    let response = sent(request).await;
    assert_eq!(response.status(), 200);
    response.json().await.expect("an execution")
}

/// Its executions once they fit, the newest first.
async fn executions(house: &House, trigger: &Value, fits: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let path = format!("{}/executions?limit=1000", path(trigger));
    let list = house.until(&path, |list| list["items"].as_array().is_some_and(|items| fits(items)));
    list.await["items"].as_array().expect("a list").clone()
}

/// Its executions once so many of them are over.
async fn over(house: &House, trigger: &Value, count: usize) -> Vec<Value> {
    let are_over = |items: &[Value]| items.iter().filter(|item| item["status"] == "DONE").count() == count;
    executions(house, trigger, are_over).await
}

/// The payload of an event that an execution published.
async fn payload(house: &House, execution: &Value) -> Value {
    let event = execution["events"][0].as_str().expect("an event");
    house.json(&format!("/api/v1/events/{event}")).await["payload"].clone()
}

/// How many events of this type there are.
async fn published(house: &House, event: &str) -> usize {
    let list = house.json(&format!("/api/v1/events?type={event}&limit=1000")).await;
    list["items"].as_array().expect("a list").len()
}
