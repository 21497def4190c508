//! What the real binary logs, and what it never does.

use std::path::Path;
use std::process::Command;

use reqwest::{Client, Response};
use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::binary::{Serving, json_lines, nyala};
use crate::house::{LIMIT, within};
use crate::receiver::{Receiver, status};

/// Signing secrets that are given.
const GIVEN: &str = "whsec_U0VDUkVUU0VDUkVUU0VDUkVUU0VDUkVU";
const OTHER: &str = "whsec_QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB";

/// A server with its logs in a pipe, and a client for it.
struct Logged {
    serving: Serving,
    client: Client,
    folder: TempDir,
}

impl Logged {
    fn start(flags: &[&str]) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().expect("a folder");
        let client = Client::builder().no_proxy().build().expect("a client");
        Self { serving: Serving::start(serve(folder.path()).args(flags)), client, folder }
    }

    async fn post(&self, path: &str, body: String) -> Response {
        let request = self.client.post(format!("{}{path}", self.serving.url)).header("prefer", "wait=10");
        let request = request.header("authorization", "Bearer SECRETTOKEN").header("cookie", "a=SECRETCOOKIE");
        within("an answer", request.body(body).send()).await.expect("an answer")
    }

    async fn subscribe(&self, url: &str) {
        let answer = self.post("/api/hooks", json!({"url": url, "event": "E"}).to_string()).await;
        assert_eq!(answer.status(), 201);
    }

    /// Publishes and waits for first attempts.
    async fn publish(&self, payload: &str) {
        let answer = self.post("/api/hooks/publish/E", payload.to_owned()).await;
        assert_eq!(answer.status(), 200);
    }

    /// Asks until a delivery is in this state.
    async fn until(&self, state: &str) {
        let url = format!("{}/api/v1/deliveries?state={state}", self.serving.url);
        let asking = async {
            loop {
                let page: Value = self.client.get(&url).send().await.expect("an answer").json().await.expect("JSON");
                if page["items"].as_array().is_some_and(|all| !all.is_empty()) {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        within(state, asking).await;
    }
}

fn serve(folder: &Path) -> Command {
    let mut command = nyala(folder, &["serve", "--listen", "127.0.0.1:0", "--allow-network", "loopback"]);
    command.args(["--database", "n.db", "--retry-schedule", "10ms,10ms"]);
    command
}

/// The lines that were logged within a span that has such a field.
fn within_span<'a>(lines: &'a [Value], name: &str, value: &Value) -> Vec<&'a Value> {
    let spans = |line: &'a Value| line["spans"].as_array().into_iter().flatten();
    lines.iter().filter(|line| spans(line).any(|span| span.get(name) == Some(value))).collect()
}

#[tokio::test]
async fn logs_in_a_pipe_are_json_lines_and_stdout_has_one_line() {
    let logged = Logged::start(&[]);

    logged.publish("1").await;
    let (status, logs) = logged.serving.stop();

    let lines = json_lines(&logs);
    let messages: Vec<_> = lines.iter().map(|line| line["message"].as_str().expect("a text")).collect();
    assert_eq!(messages, ["serving", "stopping", "stopped"]);
    assert_eq!(status.code(), Some(0));
}

#[tokio::test]
async fn logs_for_people_are_no_json_and_have_no_colours_in_a_pipe() {
    let logged = Logged::start(&["--log-format", "human"]);

    let (_, logs) = logged.serving.stop();

    assert!(logs.iter().any(|line| line.contains("serving")), "{logs:?}");
    assert!(logs.iter().all(|line| !line.starts_with('{') && !line.contains('\u{1b}')), "{logs:?}");
}

#[tokio::test]
async fn a_failed_attempt_is_logged_once_with_hook_delivery_and_attempt() {
    let (logged, receiver) = (Logged::start(&[]), Receiver::new().await);
    receiver.answer(|request| status(if request.header("nyala-attempt") == "3" { 200 } else { 503 }));

    logged.subscribe(&receiver.url("/")).await;
    logged.publish("1").await;
    logged.until("delivered").await;
    let (_, logs) = logged.serving.stop();

    let lines = json_lines(&logs);
    for attempt in 1..=2 {
        let of_attempt = within_span(&lines, "attempt", &json!(attempt));
        assert_eq!(of_attempt.len(), 1, "{of_attempt:?}");
        let line = of_attempt[0];
        assert_eq!((&line["message"], &line["level"]), (&json!("did not arrive"), &json!("INFO")));
        assert_eq!((&line["status"], &line["reason"]), (&json!(503), &json!("Service Unavailable")));
        assert_eq!(within_span(&lines, "hook", &json!(1)).len(), 2);
        let delivery = receiver.received()[0].header("nyala-delivery").to_owned();
        assert_eq!(within_span(&lines, "delivery", &json!(delivery)).len(), 2);
    }
    assert_eq!(within_span(&lines, "attempt", &json!(3)).len(), 0, "a success is a detail");
}

#[tokio::test]
async fn a_delivery_that_is_given_up_is_named_even_where_only_warnings_are_logged() {
    let (logged, receiver) = (Logged::start(&["--log-level", "warn"]), Receiver::new().await);
    receiver.answer(|_| status(500));

    logged.subscribe(&receiver.url("/")).await;
    logged.publish("1").await;
    logged.until("dead").await;
    let (_, logs) = logged.serving.stop();

    let lines = json_lines(&logs);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!(within_span(&lines, "hook", &json!(1)).len(), 1, "{lines:?}");
    assert_eq!(within_span(&lines, "attempt", &json!(3)).len(), 1, "{lines:?}");
}

/// Nothing of what tests call secret stands in the logs, which do tell details.
fn assert_tells_no_secrets(logs: &[String]) {
    assert!(logs.iter().any(|line| line.contains("\"TRACE\"")), "{logs:?}");
    for mark in ["SECRET", "U0VDUkVUVVNFUjpTRUNSRVRNQVJL", &GIVEN[6..], &OTHER[6..]] {
        let told: Vec<_> = logs.iter().filter(|line| line.contains(mark)).collect();
        assert!(told.is_empty(), "{mark}: {told:?}");
    }
}

#[tokio::test]
async fn neither_payloads_nor_credentials_are_ever_logged() {
    let logged = Logged::start(&["--log-level", "trace"]);
    let (receiver, secure) = (Receiver::new().await, Receiver::self_signed().await);
    receiver.answer(|request| status(if request.header("nyala-attempt") == "1" { 500 } else { 200 }));
    let gone = Receiver::new().await.url("/");
    let headers = json!({"x-api-key": "SECRETKEY"});

    for url in [receiver.url("/SECRETPATH?t=SECRET"), gone, secure.url("/SECRETPATH"), "http://{}/".to_owned()] {
        let url = url.replacen("://", "://SECRETUSER:SECRETMARK@", 1);
        let answer = logged
            .post(
                "/api/hooks",
                json!({"url": url, "event": "E", "insecure_ssl": true, "secret": GIVEN, "headers": headers})
                    .to_string(),
            )
            .await;
        assert!(!answer.text().await.expect("text").contains("SECRETMARK"));
    }
    for body in [String::new(), json!({"secret": OTHER}).to_string()] {
        assert_eq!(logged.post("/api/v1/hooks/1/secret/rotate", body).await.status(), 200);
    }
    logged.publish(r#"{"secret":"SECRETPAYLOAD"}"#).await;
    logged.until("delivered").await;
    logged.until("dead").await;
    let (_, logs) = logged.serving.stop();

    for receiver in [&receiver, &secure] {
        assert_eq!(receiver.received()[0].header("authorization"), "Basic U0VDUkVUVVNFUjpTRUNSRVRNQVJL");
        assert!(receiver.received()[0].text().contains("SECRETPAYLOAD"));
        assert_eq!(receiver.received()[0].header("x-api-key"), "SECRETKEY");
    }
    assert_tells_no_secrets(&logs);
}

#[tokio::test]
async fn a_body_that_is_refused_is_not_quoted_in_the_logs() {
    let logged = Logged::start(&["--log-level", "trace"]);
    let hook = r#"{"url":"http://SECRETUSER:SECRETMARK@a b/","event":"E"}"#;
    let bodies = [
        ("/api/hooks", hook),
        ("/api/v1/hooks", hook),
        ("/api/v1/hooks", r#""SECRETPAYLOAD""#),
        ("/api/v1/hooks", r#"{"url":"http://a/","event":"E","insecure_ssl":"SECRET"}"#),
        ("/api/hooks/publish/E", r#"{"secret":"SECRETPAYLOAD"#),
        ("/api/hooks", r#"{"url":"http://a/","event":"E","secret":"whsec_SECRET"}"#),
        ("/api/v1/hooks", r#"{"url":"http://a/","event":"E","headers":{"a":"SECRET\r\n"}}"#),
        ("/api/v1/hooks", r#"{"url":"http://a/","event":"E","headers":{"SECRET KEY":"a"}}"#),
        ("/api/v1/hooks", r#"{"url":"http://a/","event":"E","headers":"SECRET"}"#),
        ("/api/v1/hooks/1/secret/rotate", r#""SECRET""#),
        ("/api/v1/hooks/1/secret/rotate", r#"{"secret":"whsec_SECRET"}"#),
        ("/api/v1/events", r#"{"type":"E","payload":"SECRETPAYLOAD"#),
        ("/api/v1/events", r#"{"type":{"a":"SECRETPAYLOAD"}}"#),
        ("/api/v1/events", r#""SECRETPAYLOAD""#),
    ];

    for (path, body) in bodies {
        assert_eq!(logged.post(path, body.to_owned()).await.status(), 400, "{path} {body}");
    }
    let receiver = Receiver::new().await;
    logged.subscribe(&receiver.url("/")).await;
    logged.publish("1").await;
    let (_, logs) = logged.serving.stop();

    assert_tells_no_secrets(&logs);
}

#[tokio::test]
async fn a_request_that_fails_is_logged_with_its_name_at_every_level() {
    for level in ["info", "error"] {
        let logged = Logged::start(&["--log-level", level]);
        let lock = Connection::open(logged.folder.path().join("n.db")).expect("the database");
        lock.busy_timeout(LIMIT).expect("a timeout");
        lock.execute_batch("BEGIN IMMEDIATE").expect("the lock");

        let request = logged.client.get(format!("{}/readyz", logged.serving.url)).header("x-request-id", "trace-me-1");
        let answer = within("an answer", request.send()).await.expect("an answer");
        drop(lock);
        let (_, logs) = logged.serving.stop();

        assert_eq!(answer.status(), 503);
        let lines = json_lines(&logs);
        let named = within_span(&lines, "id", &json!("trace-me-1"));
        assert_eq!(named.len(), 1, "{level}: {lines:?}");
        assert_eq!((&named[0]["level"], &named[0]["path"]), (&json!("ERROR"), &json!("/readyz")), "{level}");
    }
}

#[tokio::test]
async fn a_request_that_is_refused_is_a_detail_with_its_name() {
    let logged = Logged::start(&["--log-level", "nyala=debug"]);

    let answer = logged.post("/api/hooks", "{".to_owned()).await;
    let name = answer.headers()["x-request-id"].to_str().expect("text").to_owned();
    let (_, logs) = logged.serving.stop();

    let lines = json_lines(&logs);
    let named = within_span(&lines, "id", &json!(name));
    assert_eq!(named.len(), 1, "{lines:?}");
    assert_eq!((&named[0]["level"], &named[0]["status"]), (&json!("DEBUG"), &json!(400)));
}

#[tokio::test]
async fn secrets_that_do_not_open_are_logged_once_however_much_is_published() {
    let (logged, receiver) = (Logged::start(&[]), Receiver::new().await);
    logged.subscribe(&receiver.url("/")).await;
    let Logged { serving, client, folder } = logged;
    serving.stop();
    let damage = "UPDATE hook_secrets SET sealed = zeroblob(80)";
    Connection::open(folder.path().join("n.db")).expect("the database").execute(damage, []).expect("a change");

    let logged = Logged { serving: Serving::start(&mut serve(folder.path())), client, folder };
    for _ in 0..20 {
        logged.publish("{}").await;
    }

    let (_, lines) = logged.serving.stop();
    let said = lines.iter().filter(|line| line.contains("secrets cannot be opened")).count();
    assert_eq!(said, 1, "{lines:?}");
}
