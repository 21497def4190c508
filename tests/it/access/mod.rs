//! Who may come in, and what they may see and touch.

mod audit;
mod beyond;
mod bounds;
mod long_lists;
mod open;
mod scopes;
mod tokens;

use std::time::Duration;

use nyala::clock::Clock;
use nyala::domain::application::Application;
use nyala::domain::token::{NewToken, Scope, TokenHash, TokenSecret};
use nyala::store::sqlite::Desk;
use nyala::store::{Made, Tokens};
use reqwest::{Method, Response};
use serde_json::Value;

use crate::house::{House, within};

/// Makes a token beside the running service; answers its text.
pub fn token(house: &House, name: &str, scopes: &[Scope], applications: &[&str]) -> String {
    expiring(house, name, scopes, applications, None)
}

fn expiring(house: &House, name: &str, scopes: &[Scope], applications: &[&str], expires: Option<Duration>) -> String {
    let now = house.clock.now();
    let new = NewToken {
        name: name.to_owned(),
        scopes: scopes.to_vec(),
        applications: applications.iter().map(|name| Application::parse(name).expect("a name")).collect(),
        expires_at: expires.map(|span| now.plus(span)),
    };
    let secret = TokenSecret::of(std::array::from_fn(|_| fastrand::u8(..)));
    let hash = TokenHash::of(secret.text().as_bytes());
    let made = Desk::open(&house.database()).expect("a desk").create_token(now, &new, hash).expect("made");
    assert!(matches!(made, Made::New(_)), "{name}");
    secret.text().to_owned()
}

/// Sends a request with a token, or without one where it is empty.
pub async fn send(house: &House, token: &str, method: Method, path: &str, body: &str) -> Response {
    let mut request = house.client.request(method, house.url(path)).header("content-type", "application/json");
    if !token.is_empty() {
        request = request.bearer_auth(token);
    }
    within("an answer", request.body(body.to_owned()).send()).await.expect("an answer")
}

async fn status(house: &House, token: &str, method: Method, path: &str, body: &str) -> u16 {
    send(house, token, method, path, body).await.status().as_u16()
}

pub async fn json(house: &House, token: &str, path: &str) -> Value {
    let response = send(house, token, Method::GET, path, "").await;
    assert_eq!(response.status(), 200, "GET {path}");
    response.json().await.expect("JSON")
}

/// Adds a hook through Nyala's own API.
pub async fn hook(house: &House, token: &str, fields: &Value) -> Value {
    let response = send(house, token, Method::POST, "/api/v1/hooks", &fields.to_string()).await;
    assert_eq!(response.status(), 201, "{fields}");
    response.json().await.expect("a hook")
}

/// Waits until the service has seen that there are tokens.
pub async fn closed(house: &House) {
    let asking = async {
        while house.get("/api/v1/hooks").await.status() != 401 {
            // It looks four times a second, by the clock of the test.
            house.clock.advance(Duration::from_millis(250));
            tokio::task::yield_now().await;
        }
    };
    within("the server closes", asking).await;
}

/// What a list holds, by one of its fields.
fn listed(page: &Value, field: &str) -> Vec<Value> {
    let items = page.as_array().or_else(|| page["items"].as_array()).expect("items");
    items.iter().map(|item| item[field].clone()).collect()
}
