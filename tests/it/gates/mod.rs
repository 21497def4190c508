//! Gates: hooks that are asked before something happens, against receivers of every kind.

mod answers;
mod clock;
mod deciding;
mod faults;
mod keys;
mod killed;
mod matching;
mod people;
mod questions;
mod reach;
mod receivers;
mod refusals;
mod tied;
mod tying;
mod waiting;

use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};

use crate::house::{House, within};
use crate::receiver::{Received, Receiver, Reply, status};

/// A reply with this status and body.
fn says(code: u16, body: &str) -> Reply {
    Reply { body: body.to_owned().into(), ..status(code) }
}

/// A receiver that answers everything so.
async fn that_says(code: u16, body: &'static str) -> Receiver {
    let receiver = Receiver::new().await;
    receiver.answer(move |_| says(code, body));
    receiver
}

/// A receiver that never answers.
async fn that_hangs() -> Receiver {
    let receiver = Receiver::new().await;
    receiver.answer(|_| Reply { hang: true, ..status(200) });
    receiver
}

/// Adds a hook with these fields; answers its id.
async fn hook(house: &House, fields: &Value) -> u64 {
    let response = house.send(Method::POST, "/api/v1/hooks", &fields.to_string()).await;
    assert_eq!(response.status(), 201, "{fields}");
    let hook: Value = response.json().await.expect("a hook");
    hook["id"].as_u64().expect("a number")
}

/// Adds a hook on `pre-deploy`.
async fn on_deploy(house: &House, url: &str) -> u64 {
    hook(house, &json!({"url": url, "event": "pre-deploy"})).await
}

/// An ask, to be added to and sent; `what` is an event type, and a query perhaps.
fn asking(house: &House, what: &str, payload: &str) -> RequestBuilder {
    let request = house.client.post(house.url(&format!("/api/v1/gates/{what}")));
    request.header("content-type", "application/json").body(payload.to_owned())
}

async fn sent(request: RequestBuilder) -> Response {
    within("an answer", request.send()).await.expect("an answer")
}

/// The gate that an ask came to, which must be decided.
async fn decided(request: RequestBuilder) -> Value {
    let response = sent(request).await;
    assert_eq!(response.status(), 200);
    let gate: Value = response.json().await.expect("a gate");
    assert_ne!(gate["state"], "open", "{gate}");
    assert_eq!(gate["approved"], gate["state"] == "approved", "{gate}");
    gate
}

/// Asks, and waits for what comes of it.
async fn ask(house: &House, what: &str) -> Value {
    decided(asking(house, what, "{}")).await
}

/// Asks without waiting; answers the gate, which must be open.
async fn begin(house: &House, what: &str) -> Value {
    let response = sent(asking(house, what, "{}").header("prefer", "respond-async")).await;
    assert_eq!(response.status(), 202);
    let location = response.headers()["location"].to_str().expect("text").to_owned();
    let gate: Value = response.json().await.expect("a gate");
    assert_eq!((location, &gate["state"], &gate["approved"]), (path_of(&gate), &json!("open"), &json!(false)));
    gate
}

fn path_of(gate: &Value) -> String {
    format!("/api/v1/gates/{}", text(&gate["id"]))
}

/// The gate once it stands so.
async fn until_state(house: &House, gate: &Value, state: &str) -> Value {
    house.until(&path_of(gate), |gate| gate["state"] == state).await
}

/// The gate once this hook's decision stands so.
async fn until_decision(house: &House, gate: &Value, hook: u64, state: &str) -> Value {
    house.until(&path_of(gate), |gate| decision(gate, hook)["state"] == state).await
}

/// What a hook came to.
fn decision(gate: &Value, hook: u64) -> &Value {
    let decisions = gate["decisions"].as_array().expect("decisions");
    decisions.iter().find(|decision| decision["hook"] == hook).unwrap_or_else(|| panic!("hook {hook} of {gate}"))
}

/// The hooks that were asked.
fn hooks(gate: &Value) -> Vec<u64> {
    let decisions = gate["decisions"].as_array().expect("decisions");
    decisions.iter().map(|decision| decision["hook"].as_u64().expect("a number")).collect()
}

/// What lets the receiver of a question decide later.
fn token(question: &Received) -> &str {
    question.header("nyala-gate-token")
}

/// Sends a decision.
async fn decide(house: &House, gate: &Value, fields: &Value) -> Response {
    house.send(Method::POST, &format!("{}/decisions", path_of(gate)), &fields.to_string()).await
}

/// A person says yes or no.
async fn settle(house: &House, gate: &Value, act: &str, fields: &Value) -> Response {
    house.send(Method::POST, &format!("{}/{act}", path_of(gate)), &fields.to_string()).await
}

/// A gate of one hook that answered that it decides later, and what it was asked.
async fn pending(house: &House, receiver: &Receiver, what: &str) -> (Value, u64, Received) {
    let hook = hook(house, &json!({"url": receiver.url("/later"), "event": "pre-deploy"})).await;
    let before = receiver.received().len();
    let gate = begin(house, what).await;
    let question = receiver.wait_for(before + 1).await.remove(before);
    (until_decision(house, &gate, hook, "pending").await, hook, question)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}
