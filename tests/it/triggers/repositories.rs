//! Forges that tell of pushes and pull requests.

use reqwest::Method;
use serde_json::{Value, json};

use super::{over, payload, published, sent, trigger};
use crate::house::House;

async fn repository(house: &House) -> Value {
    trigger(house, &json!({"kind": "repository", "name": "shop", "event": "GitPush", "values": {"team": "web"}})).await
}

/// A forge's request, from a file in `data/forges`.
async fn deliver(house: &House, trigger: &Value, file: &str, more: &[(&str, &str)]) -> Value {
    let path = format!("{}/data/forges/{file}", env!("CARGO_MANIFEST_DIR"));
    let recorded: Value = serde_json::from_slice(&std::fs::read(path).expect("a file")).expect("JSON");
    let mut request = house.client.request(Method::POST, trigger["url"].as_str().expect("a URL"));
    for (name, value) in recorded["headers"].as_object().expect("headers") {
        if !more.iter().any(|(other, _)| other.eq_ignore_ascii_case(name)) {
            request = request.header(name, value.as_str().expect("text"));
        }
    }
    for (name, value) in more {
        request = request.header(*name, *value);
    }
    let body = recorded["body"].as_str().map_or_else(|| recorded["body"].to_string(), str::to_owned);
    let answer = sent(request.body(body)).await;
    assert_eq!(answer.status(), 200, "{file}");
    answer.json().await.expect("an execution")
}

#[tokio::test]
async fn a_push_becomes_one_event_with_the_keys_of_cds_and_the_change() {
    let house = House::new().await;
    let repository = repository(&house).await;

    deliver(&house, &repository, "github/push.json", &[]).await;
    let done = over(&house, &repository, 1).await;

    let told = payload(&house, &done[0]).await;
    assert_eq!((&told["git.branch"], &told["git.hash.short"]), (&json!("my-branch"), &json!("0d1a26e")));
    assert_eq!((&told["git.author"], &told["git.message"]), (&json!("baxterthehacker"), &json!("Update README.md")));
    assert_eq!((&told["change"]["forge"], &told["change"]["kind"]), (&json!("github"), &json!("push")));
    assert_eq!((&told["team"], &told["nyala.trigger"]), (&json!("web"), &json!("shop")));
    house.close().await;
}

#[tokio::test]
async fn each_change_of_a_push_becomes_an_event_of_its_own() {
    let house = House::new().await;
    let repository = repository(&house).await;

    deliver(&house, &repository, "bitbucket_server/refs_changed-two.json", &[]).await;
    let done = over(&house, &repository, 1).await;

    assert_eq!(done[0]["events"].as_array().map(Vec::len), Some(2));
    assert_eq!(payload(&house, &done[0]).await["git.branch"], "name-of-branch");
    assert_eq!(published(&house, "GitPush").await, 2);
    house.close().await;
}

#[tokio::test]
async fn pings_and_what_nobody_wants_are_taken_and_publish_nothing() {
    let house = House::new().await;
    let repository = repository(&house).await;

    let files =
        ["github/ping.json", "github/push-deleted.json", "github/pull_request-opened.json", "gitea/push-test.json"];
    for file in files {
        deliver(&house, &repository, file, &[]).await;
    }
    let done = over(&house, &repository, files.len()).await;

    for execution in &done {
        assert_eq!((&execution["result"], &execution["errors"]), (&json!("skipped"), &json!(0)), "{execution}");
        assert!(execution["error"].as_str().is_some_and(|why| !why.is_empty()));
    }
    assert_eq!(published(&house, "GitPush").await, 0);
    house.close().await;
}

#[tokio::test]
async fn what_a_forge_delivers_again_is_published_once() {
    let house = House::new().await;
    let repository = repository(&house).await;

    for _ in 0..3 {
        deliver(&house, &repository, "github/push.json", &[]).await;
    }
    deliver(&house, &repository, "github/push.json", &[("X-GitHub-Delivery", "another")]).await;
    let done = over(&house, &repository, 4).await;

    let first = done[3]["id"].as_str().expect("an id");
    assert_eq!(done[2]["error"], format!("the same came before, as {first}: it is published once"));
    assert_eq!(published(&house, "GitPush").await, 2);
    house.close().await;
}

#[tokio::test]
async fn what_was_skipped_because_the_trigger_was_stopped_is_published_when_it_is_delivered_again() {
    let house = House::new().await;
    let repository = repository(&house).await;
    let path = super::path(&repository);

    house.send(Method::POST, &format!("{path}/stop"), "").await;
    deliver(&house, &repository, "gitlab/push.json", &[("Idempotency-Key", "one")]).await;
    over(&house, &repository, 1).await;
    house.send(Method::POST, &format!("{path}/start"), "").await;
    deliver(&house, &repository, "gitlab/push.json", &[("Idempotency-Key", "one")]).await;
    over(&house, &repository, 2).await;

    assert_eq!(published(&house, "GitPush").await, 1);
    house.close().await;
}

/// D-26.
#[tokio::test]
async fn what_cannot_be_carried_out_is_tried_again_until_it_has_failed_often_enough() {
    let house = House::new().await;
    let repository = repository(&house).await;
    deliver_broken(&house, &repository).await;

    let first = over(&house, &repository, 1).await;
    assert_eq!((&first[0]["errors"], &first[0]["result"]), (&json!(1), &json!("failed")));
    for errors in 2..=3 {
        house.clock.advance(std::time::Duration::from_secs(119));
        assert_eq!(over(&house, &repository, 1).await[0]["errors"], errors - 1, "not before its time");
        house.clock.advance(std::time::Duration::from_secs(1));
        super::executions(&house, &repository, |items| items[0]["errors"] == errors).await;
    }

    house.clock.advance(std::time::Duration::from_hours(1));
    let left = over(&house, &repository, 1).await;
    assert_eq!((&left[0]["errors"], &left[0]["due_at"]), (&json!(3), &Value::Null));
    assert_eq!(published(&house, "GitPush").await, 0);
    house.close().await;
}

/// No JSON, in GitHub's name.
async fn deliver_broken(house: &House, repository: &Value) {
    let request = super::calling(house, repository).header("x-github-event", "push").body("{");
    assert_eq!(sent(request).await.status(), 200);
}

#[tokio::test]
async fn a_forge_that_signs_is_recognised_by_its_headers() {
    let house = House::new().await;
    let fields = json!({"kind": "repository", "name": "signed", "event": "GitPush", "secret": "gitlab's secret"});
    let repository = trigger(&house, &fields).await;
    let call = |token: &str| {
        let request = super::calling(&house, &repository).header("x-gitlab-event", "Push Hook");
        sent(request.header("x-gitlab-token", token.to_owned()).body("{}"))
    };

    let (right, wrong) = (call("gitlab's secret").await, call("another").await);
    let unknown = sent(super::calling(&house, &repository).body("{}")).await;

    assert_eq!([right, wrong, unknown].map(|answer| answer.status().as_u16()), [200, 403, 403]);
    house.close().await;
}
