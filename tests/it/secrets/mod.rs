//! What is secret about hooks: shown to whom, sent how, and kept where.

pub mod at_rest;
mod headers;
mod keys;
mod older;
mod rotation;
mod signatures;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use reqwest::{Method, Response};
use ring::hmac;
use ring::signature::{ED25519, UnparsedPublicKey};
use serde_json::{Value, json};

use crate::house::House;
use crate::receiver::Received;

/// Subscribes with these fields; answers the hook as it is shown this once.
async fn subscribed(house: &House, fields: &Value) -> Value {
    let response = house.send(Method::POST, "/api/hooks", &fields.to_string()).await;
    assert_eq!(response.status(), 201, "{fields}");
    response.json().await.expect("a hook")
}

fn v1(hook: &Value, rest: &str) -> String {
    format!("/api/v1/hooks/{}{rest}", hook["id"])
}

async fn patch(house: &House, hook: &Value, fields: &Value) -> Response {
    house.send(Method::PATCH, &v1(hook, ""), &fields.to_string()).await
}

/// Gives the hook another secret; answers what is said of it.
async fn rotated(house: &House, hook: &Value) -> Value {
    let response = house.send(Method::POST, &v1(hook, "/secret/rotate"), "").await;
    assert_eq!(response.status(), 200);
    response.json().await.expect("a secret")
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

fn bytes(text: &str, prefix: &str) -> Vec<u8> {
    BASE64_STANDARD.decode(text.strip_prefix(prefix).unwrap_or_else(|| panic!("{text}"))).expect("base64")
}

/// What Standard Webhooks signs.
fn signed(request: &Received) -> Vec<u8> {
    let head = format!("{}.{}.", request.header("webhook-id"), request.header("webhook-timestamp"));
    [head.as_bytes(), &request.body].concat()
}

/// The parts of `webhook-signature`.
fn signatures(request: &Received) -> Vec<&str> {
    request.header("webhook-signature").split(' ').collect()
}

/// Whether the `v1` signature at this place was made with this secret.
pub fn is_v1(request: &Received, place: usize, secret: &str) -> bool {
    let signature = bytes(signatures(request)[place], "v1,");
    let key = hmac::Key::new(hmac::HMAC_SHA256, &bytes(secret, "whsec_"));
    hmac::verify(&key, &signed(request), &signature).is_ok()
}

/// Whether the `v1a` signature at this place belongs to this public key.
fn is_v1a(request: &Received, place: usize, public_key: &str) -> bool {
    let signature = bytes(signatures(request)[place], "v1a,");
    UnparsedPublicKey::new(&ED25519, bytes(public_key, "whpk_")).verify(&signed(request), &signature).is_ok()
}

/// The fields by which a hook is asked for.
fn fields(url: &str) -> Value {
    json!({"url": url, "event": "E"})
}
