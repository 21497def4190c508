//! Huskar's webhook API, as its clients use it. `H-nn` names a case of the list of
//! acceptance cases that were drawn from Huskar's own tests and code.

mod actions;
mod applications;
mod authority;
mod bodies;
mod catalogue;
mod confidential;
mod engine;
mod envelope;
mod lasting;
mod many;
mod messages;
mod other_apis;
mod publishing;
mod reach;
mod recorded;
mod site;
mod subscriptions;
mod urls;
mod users;
mod webhooks;

use http::HeaderMap;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::house::{House, within};
use crate::receiver::{Received, Receiver};

const URL: &str = "http://www.example.com/hook";

/// A house in which these applications are known.
async fn house_of(applications: &[&str]) -> House {
    let house = House::new().await;
    know(&house, applications).await;
    house
}

async fn know(house: &House, applications: &[&str]) {
    for name in applications {
        let added = house.send(Method::POST, "/api/v1/applications", &json!({"name": name}).to_string()).await;
        assert_eq!(added.status(), 201, "{name}");
    }
}

/// An answer in the envelope.
#[derive(Debug)]
struct Told {
    code: u16,
    status: String,
    message: String,
    data: Value,
    headers: HeaderMap,
}

impl Told {
    /// What came of it, which must be success.
    fn success(self) -> Value {
        assert_eq!((self.code, self.status.as_str(), self.message.as_str()), (200, "SUCCESS", ""), "{self:?}");
        self.data
    }

    /// Requires exactly this refusal.
    fn refused(self, code: u16, status: &str, message: &str) {
        assert_eq!((self.code, self.status.as_str(), self.message.as_str()), (code, status, message));
        assert_eq!(self.data, Value::Null);
    }

    /// Requires a refusal whose text says this among other things.
    fn refused_like(self, code: u16, status: &str, part: &str) {
        assert_eq!((self.code, self.status.as_str()), (code, status), "{self:?}");
        assert!(self.message.contains(part), "{part}: {}", self.message);
        assert_eq!(self.data, Value::Null);
    }
}

/// Sends a request that must be answered in the envelope, whatever the answer is.
async fn told(request: RequestBuilder) -> Told {
    let response = within("an answer", request.send()).await.expect("an answer");
    let (code, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await.expect("a text");
    assert_eq!(headers.get(CONTENT_TYPE).map(http::HeaderValue::as_bytes), Some(&b"application/json"[..]), "{text}");
    let envelope: Value = serde_json::from_str(&text).expect("JSON");
    let keys: Vec<_> = envelope.as_object().expect("an object").keys().collect();
    assert_eq!(keys, ["status", "message", "data"], "{text}");
    let part = |name: &str| envelope[name].as_str().expect("a text").to_owned();
    Told { code, status: part("status"), message: part("message"), data: envelope["data"].clone(), headers }
}

/// Somebody who talks to a house as Huskar's clients do: the token stands alone.
struct Client<'a> {
    house: &'a House,
    /// Empty where none was ever made.
    token: String,
}

impl<'a> Client<'a> {
    /// Anybody at a house for which no token was made.
    fn open(house: &'a House) -> Self {
        Self { house, token: String::new() }
    }

    fn with(house: &'a House, token: String) -> Self {
        Self { house, token }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.house.client.request(method, self.house.url(path));
        if self.token.is_empty() { request } else { request.header(AUTHORIZATION, &self.token) }
    }

    async fn get(&self, path: &str) -> Told {
        told(self.request(Method::GET, path)).await
    }

    async fn delete(&self, path: &str) -> Told {
        told(self.request(Method::DELETE, path)).await
    }

    async fn post(&self, path: &str, fields: &Value) -> Told {
        told(self.request(Method::POST, path).json(fields)).await
    }

    async fn put(&self, path: &str, fields: &Value) -> Told {
        told(self.request(Method::PUT, path).json(fields)).await
    }

    /// All webhooks that are listed.
    async fn list(&self) -> Vec<Value> {
        webhooks_in(&self.get("/api/webhook").await.success())
    }

    /// Those of an application.
    async fn list_of(&self, application: &str) -> Vec<Value> {
        webhooks_in(&self.get(&format!("/api/webhook/application/{application}")).await.success())
    }

    /// Adds a webhook; answers its number, which the answer does not tell.
    async fn add(&self, query: &str, fields: &Value) -> u64 {
        let data = self.post(&format!("/api/webhook?{query}"), fields).await.success();
        assert_eq!(data, Value::Null);
        let list = self.list().await;
        list.last().expect("a webhook")["webhook_id"].as_u64().expect("a number")
    }

    /// Adds one of an application.
    async fn add_of(&self, application: &str, url: &str, events: &[&str]) -> u64 {
        self.add(&of(application), &json!({"webhook_url": url, "event_list": events})).await
    }

    /// Adds one of the site.
    async fn add_site(&self, url: &str) -> u64 {
        self.add("webhook_type=1", &json!({"webhook_url": url})).await
    }

    /// What an application's webhook is subscribed to.
    async fn events(&self, webhook: u64, application: &str) -> Vec<String> {
        let data = self.get(&one(webhook, application)).await.success();
        texts(&data["event_list"])
    }

    /// Publishes an action and waits until every first attempt is on record; answers
    /// what the publisher was told.
    async fn act(&self, action: &Value) -> Value {
        let request = self.request(Method::POST, "/api/webhook/actions").header("prefer", "wait=60");
        told(request.json(action)).await.success()
    }
}

/// The query that names an application.
fn of(application: &str) -> String {
    format!("application_name={application}")
}

/// The path of a webhook, as one of an application.
fn one(webhook: u64, application: &str) -> String {
    format!("/api/webhook/{webhook}?{}", of(application))
}

fn webhooks_in(data: &Value) -> Vec<Value> {
    let keys: Vec<_> = data.as_object().expect("an object").keys().collect();
    assert_eq!(keys, ["webhook_list"]);
    data["webhook_list"].as_array().expect("a list").clone()
}

fn texts(list: &Value) -> Vec<String> {
    let items = list.as_array().unwrap_or_else(|| panic!("no list: {list}"));
    items.iter().map(|item| item.as_str().expect("a text").to_owned()).collect()
}

/// The bodies of requests to a path, as JSON, in the order in which they came.
fn bodies(receiver: &Receiver, path: &str) -> Vec<Value> {
    let requests = receiver.received();
    requests.iter().filter(|request| request.path == path).map(body).collect()
}

fn body(request: &Received) -> Value {
    serde_json::from_slice(&request.body).expect("JSON")
}

/// An action on a switch of an application.
fn switch(application: &str) -> Value {
    let data = json!({"application_name": application, "cluster_name": "stable", "key": "k"});
    json!({"action_name": "UPDATE_SWITCH", "action_data": data})
}
