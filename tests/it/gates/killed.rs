//! The process dies in the middle of an ask.

use std::path::PathBuf;

use reqwest::{RequestBuilder, Response};
use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::that_hangs;
use crate::house::{check_database, within};
use crate::receiver::{Receiver, status};
use crate::stop::Process;
use nyala::clock::{Clock, SystemClock};

async fn subscribe(process: &Process, fields: &Value) {
    let request = process.client.post(format!("{}/api/v1/hooks", process.url)).json(fields);
    assert_eq!(within("an answer", request.send()).await.expect("an answer").status(), 201);
}

fn asking(process: &Process) -> RequestBuilder {
    let request = process.client.post(format!("{}/api/v1/gates/pre-deploy?timeout=60s", process.url));
    request.header("idempotency-key", "k").json(&json!({}))
}

async fn gates(process: &Process) -> Vec<Value> {
    let request = process.client.get(format!("{}/api/v1/gates", process.url));
    let list: Value = within("an answer", request.send()).await.expect("an answer").json().await.expect("JSON");
    list["items"].as_array().expect("a list").clone()
}

struct Scene {
    _folder: TempDir,
    database: PathBuf,
    /// Never answers.
    hanging: Receiver,
    /// Has answered yes.
    willing: Receiver,
    process: Process,
    answer: JoinHandle<reqwest::Result<Response>>,
}

/// A server that is asking two hooks: one whose silence means yes has not answered, the
/// other has said yes.
async fn in_the_middle_of_an_ask() -> Scene {
    let folder = TempDir::new().expect("a folder");
    let (hanging, willing) = (that_hangs().await, Receiver::new().await);
    willing.answer(|_| status(200));
    let database = folder.path().join("nyala.db");
    let process = Process::start(&database, "127.0.0.1:0");
    subscribe(&process, &json!({"url": hanging.url("/"), "event": "pre-deploy", "on_silence": "allow"})).await;
    subscribe(&process, &json!({"url": willing.url("/"), "event": "pre-deploy"})).await;
    let answer = tokio::spawn(asking(&process).send());
    hanging.wait_for(1).await;
    willing.wait_for(1).await;
    Scene { _folder: folder, database, hanging, willing, process, answer }
}

/// The gate is there, expired, and stays so, whoever asks again.
async fn has_expired(scene: Scene) {
    let Scene { _folder, database, hanging, willing, process, .. } = scene;
    process.ended().await;
    let process = Process::start(&database, "127.0.0.1:0");

    let before = gates(&process).await;
    let again: Value =
        within("an answer", asking(&process).send()).await.expect("an answer").json().await.expect("JSON");

    assert_eq!(before.len(), 1, "{before:?}");
    assert_eq!((&before[0]["state"], &before[0]["approved"]), (&json!("expired"), &json!(false)));
    assert!(before[0]["reason"].as_str().is_some_and(|reason| reason.contains("ask again")), "{before:?}");
    assert_eq!(again, before[0]);
    assert_eq!((hanging.received().len(), willing.received().len()), (1, 1), "nobody is asked again");
    process.stop().await;
    check_database(&database, SystemClock::default().now());
}

#[tokio::test]
async fn an_ask_in_the_middle_of_which_the_process_is_killed_has_expired() {
    let mut scene = in_the_middle_of_an_ask().await;

    scene.process.kill();

    let answer = within("an end", &mut scene.answer).await.expect("a task");
    assert!(answer.is_err(), "nobody was told yes: {answer:?}");
    has_expired(scene).await;
}

#[tokio::test]
async fn an_ask_in_the_middle_of_which_the_process_is_stopped_has_expired() {
    let mut scene = in_the_middle_of_an_ask().await;

    scene.process.signal(Signal::TERM);

    let answer = within("an end", &mut scene.answer).await.expect("a task").expect("an answer");
    assert_eq!(answer.status(), 202, "it is not decided, and where to look is told");
    let told: Value = answer.json().await.expect("a gate");
    assert_eq!((&told["state"], &told["approved"]), (&json!("open"), &json!(false)));
    has_expired(scene).await;
}
