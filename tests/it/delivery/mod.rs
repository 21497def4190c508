//! Outward: from what is owed to what is on record, against receivers of every kind.

mod backlog;
mod bounds;
mod breaker;
pub mod gate;
mod handshakes;
mod keys;
mod limits;
mod misbehaving;
mod order;
pub mod raw;
mod removal;
mod restart;
mod retention;
mod retries;
mod retry_after;
mod shares;
mod waiting;
mod wakeups;

use std::time::Duration;

use chrono::DateTime;
use nyala::clock::Clock;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::Value;

use self::gate::Gate;
use crate::house::{House, within};
use crate::receiver::{Receiver, status};

/// A receiver that answers everything with this status.
pub async fn receiver_that_answers(code: u16) -> Receiver {
    let receiver = Receiver::new().await;
    receiver.answer(move |_| status(code));
    receiver
}

/// A publish, to be added to and sent.
pub fn publishing(house: &House, event: &str, payload: &str) -> RequestBuilder {
    let request = house.client.post(house.url(&format!("/api/hooks/publish/{event}")));
    request.header("content-type", "application/json").body(payload.to_owned())
}

async fn sent(request: RequestBuilder) -> Response {
    within("an answer", request.send()).await.expect("an answer")
}

/// The path under which the only delivery of an event is shown with its attempts.
async fn path_of_delivery(house: &House, event: &Value) -> String {
    let list = house.json(&format!("/api/v1/deliveries?event={}", text(&event["id"]))).await;
    let items = list["items"].as_array().expect("a list");
    assert_eq!(items.len(), 1, "one delivery is owed: {list}");
    format!("/api/v1/deliveries/{}", text(&items[0]["id"]))
}

/// The only delivery of an event, once so many of its attempts are on record.
pub async fn attempted(house: &House, event: &Value, attempts: u64) -> Value {
    let path = path_of_delivery(house, event).await;
    house.until(&path, |delivery| delivery["attempt_count"] == attempts && delivery["state"] != "leased").await
}

/// How long it is from now until a pending delivery is due.
pub fn due_in(house: &House, delivery: &Value) -> Duration {
    assert_eq!(delivery["state"], "pending", "{delivery}");
    let due_at = DateTime::parse_from_rfc3339(text(&delivery["due_at"])).expect("a time");
    let millis = due_at.timestamp_millis() - house.clock.now().millis();
    Duration::from_millis(u64::try_from(millis).expect("a time to come"))
}

/// How many deliveries the list shows under this query; at most a thousand.
pub async fn count(house: &House, query: &str) -> usize {
    let list = house.json(&format!("/api/v1/deliveries?limit=1000&{query}")).await;
    list["items"].as_array().expect("a list").len()
}

/// Waits until the list shows so many deliveries under this query.
pub async fn until_count(house: &House, query: &str, count: usize) {
    let path = format!("/api/v1/deliveries?limit=1000&{query}");
    house.until(&path, |list| list["items"].as_array().is_some_and(|items| items.len() == count)).await;
}

/// Another event is published to another hook and arrives: whatever was to
/// happen before had its chance.
async fn something_else_arrives(house: &House) {
    let receiver = Receiver::new().await;
    let hook = house.subscribe(&receiver.url("/else"), "SomethingElse").await;
    house.publish_and_wait("SomethingElse", "{}").await;
    assert_eq!(receiver.received().len(), 1);
    assert_eq!(house.send(Method::DELETE, &format!("/api/v1/hooks/{}", hook["id"]), "").await.status(), 204);
}

/// Lets the hooks of a gate earn their whole share: so many prompt answers each.
pub async fn prove(house: &House, gate: &Gate, hooks: usize, share: usize) {
    for _ in 0..share {
        gate.let_through(hooks);
        house.publish_and_wait("E", "{}").await;
    }
    assert_eq!(gate.traffic().answered, hooks * share);
}

/// Without breakers, which are another theme.
async fn house_without_breakers() -> House {
    House::with(|settings| settings.policy.breaker_failures = u32::MAX).await
}

/// Points a hook elsewhere.
async fn point(house: &House, hook: &Value, url: &str) {
    let body = serde_json::json!({"url": url}).to_string();
    let response = house.send(Method::PATCH, &format!("/api/v1/hooks/{}", hook["id"]), &body).await;
    assert_eq!(response.status(), 200);
}

/// Removes a hook, as Kudu's clients do.
pub async fn remove(house: &House, hook: &Value) {
    let response = house.send(Method::DELETE, &format!("/api/hooks/{}", hook["id"]), "").await;
    assert_eq!(response.status(), 200);
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}
