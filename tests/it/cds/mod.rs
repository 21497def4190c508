//! CDS's hooks API, as its clients use it. `D-nn` names a case of the list of acceptance cases
//! that were drawn from CDS's own tests and code.

mod auth;
mod bulk;
mod envelope;
mod execute;
mod executions;
mod mon;
mod recorded;
mod stopping;
mod tasks;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::house::{House, within};

const UUID: &str = "11111111-2222-3333-4444-555555555555";

/// An answer: its status, and its body as JSON; null where it is empty.
#[derive(Debug, Clone, PartialEq)]
struct Told {
    status: u16,
    empty: bool,
    body: Value,
}

impl Told {
    /// What was answered with 200.
    fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{self:?}");
        self.body
    }

    /// Requires 200 and nothing else.
    fn done(self) {
        assert_eq!((self.status, self.empty), (200, true), "{self:?}");
    }

    /// Requires 200 and the word null.
    fn null(self) {
        assert_eq!((self.status, self.empty, &self.body), (200, false, &Value::Null), "{self:?}");
    }

    /// Requires an error in the envelope, whose message says this among other things.
    fn refused(self, status: u16, id: u32, part: &str) {
        assert_eq!((self.status, &self.body["id"]), (status, &json!(id)), "{self:?}");
        assert!(self.body["message"].as_str().is_some_and(|message| message.contains(part)), "{part}: {self:?}");
        let keys: Vec<_> = self.body.as_object().expect("an envelope").keys().collect();
        assert_eq!(keys, ["id", "message", "request_id", "from"]);
    }
}

/// Somebody with a token, or nobody.
struct Client<'a> {
    house: &'a House,
    token: String,
}

impl<'a> Client<'a> {
    fn open(house: &'a House) -> Self {
        Self { house, token: String::new() }
    }

    fn with(house: &'a House, token: String) -> Self {
        Self { house, token }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.house.client.request(method, self.house.url(path));
        if self.token.is_empty() { request } else { request.bearer_auth(&self.token) }
    }

    async fn get(&self, path: &str) -> Told {
        told(self.request(Method::GET, path)).await
    }

    async fn post(&self, path: &str, body: &Value) -> Told {
        told(self.request(Method::POST, path).json(body)).await
    }

    async fn put(&self, path: &str) -> Told {
        told(self.request(Method::PUT, path)).await
    }

    async fn delete(&self, path: &str) -> Told {
        told(self.request(Method::DELETE, path)).await
    }

    /// Adds a task.
    async fn add(&self, hook: &Value) {
        self.post("/task", hook).await.done();
    }

    async fn task(&self, uuid: &str) -> Value {
        self.get(&format!("/task/{uuid}")).await.ok()
    }

    /// The executions of a task, the newest first.
    async fn executions(&self, uuid: &str) -> Vec<Value> {
        let task = self.get(&format!("/task/{uuid}/execution")).await.ok();
        task["executions"].as_array().expect("executions").clone()
    }

    /// Asks until the executions of a task are as they should be; answers them.
    async fn until(&self, uuid: &str, fits: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let asking = async {
            loop {
                let executions = self.executions(uuid).await;
                if fits(&executions) {
                    return executions;
                }
                tokio::task::yield_now().await;
            }
        };
        let Ok(executions) = tokio::time::timeout(crate::house::LIMIT, asking).await else {
            panic!("never what was waited for: {:?}", self.executions(uuid).await)
        };
        executions
    }
}

async fn told(request: RequestBuilder) -> Told {
    let response = within("an answer", request.send()).await.expect("an answer");
    let status = response.status().as_u16();
    let text = response.text().await.expect("a text");
    let body = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).expect("JSON") };
    Told { status, empty: text.is_empty(), body }
}

/// An entry of a config.
fn entry(value: &str) -> Value {
    json!({"value": value, "configurable": true, "type": "string", "multiple_choice_list": null})
}

/// A hook of a workflow, with these entries of its config besides.
fn hook(uuid: &str, model: &str, config: &[(&str, &str)]) -> Value {
    let usual = [("project", "SHOP"), ("workflow", "build"), ("workflow_id", "7")];
    let config = usual.iter().chain(config).map(|(name, value)| ((*name).to_owned(), entry(value)));
    json!({
        "id": 3, "uuid": uuid, "node_id": 4, "hook_model_id": 5, "hook_model_name": model,
        "config": config.collect::<serde_json::Map<_, _>>(),
        "conditions": {"plain": [{"variable": "git.branch", "operator": "eq", "value": "main"}], "lua_script": ""},
    })
}

fn webhook(uuid: &str) -> Value {
    hook(uuid, "WebHook", &[("method", "POST")])
}

fn scheduler(uuid: &str) -> Value {
    hook(uuid, "Scheduler", &[("cron", "* * * * *"), ("timezone", "UTC"), ("payload", "{}")])
}

/// The statuses of executions.
fn statuses(executions: &[Value]) -> Vec<&str> {
    executions.iter().map(|execution| execution["status"].as_str().expect("a status")).collect()
}

/// Whether there are so many, and all are over.
fn done(count: usize) -> impl Fn(&[Value]) -> bool {
    move |executions| executions.len() == count && executions.iter().all(|execution| execution["status"] == "DONE")
}
