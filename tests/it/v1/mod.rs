//! Nyala's own API, a file a noun.

mod changes;
mod deliveries;
mod events;
mod filters;
mod hooks;
mod pages;
mod redeliver;
mod replays;
mod times;

use reqwest::{Method, Response};
use serde_json::Value;

use crate::house::{House, without_secret};

/// Adds a hook; answers it as it will be shown from then on.
async fn add(house: &House, fields: &Value) -> Value {
    let response = house.send(Method::POST, "/api/v1/hooks", &fields.to_string()).await;
    assert_eq!(response.status(), 201, "{fields}");
    without_secret(response.json().await.expect("a hook"))
}

/// Changes a hook.
async fn patch(house: &House, hook: &Value, fields: &Value) -> Response {
    house.send(Method::PATCH, &format!("/api/v1/hooks/{}", hook["id"]), &fields.to_string()).await
}

/// Changes a hook; answers it.
async fn patched(house: &House, hook: &Value, fields: &Value) -> Value {
    let response = patch(house, hook, fields).await;
    assert_eq!(response.status(), 200, "{fields}");
    response.json().await.expect("a hook")
}

/// A hook as it is shown by itself, but for how much it is owed: lists do not count that.
async fn shown(house: &House, hook: &Value) -> Value {
    let mut shown = house.json(&format!("/api/v1/hooks/{}", hook["id"])).await;
    assert!(shown.as_object_mut().expect("a hook").remove("owed").is_some_and(|owed| owed.is_u64()));
    shown
}

/// The ids on one page.
fn ids(page: &Value) -> Vec<Value> {
    page["items"].as_array().expect("items").iter().map(|item| item["id"].clone()).collect()
}

/// The delivery of an event to a hook, by itself.
async fn delivery_of(house: &House, hook: &Value, event: &Value) -> String {
    let path = format!("/api/v1/deliveries?hook={}&event={}", hook["id"], text(&event["id"]));
    let page = house.json(&path).await;
    let found = ids(&page);
    assert_eq!(found.len(), 1, "{page}");
    text(&found[0]).to_owned()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}
