//! `/task/{uuid}/execution`: what fires a task, and what comes of it.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use nyala::clock::Clock;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Client, UUID, done, hook, scheduler, statuses, told, webhook};
use crate::house::{House, START};

const NANOS: i64 = 1_000_000;

fn path(execution: &Value) -> String {
    format!("/task/{UUID}/execution/{}", execution["timestamp"])
}

async fn fire(house: &House, body: &str) -> Value {
    let answer = house.send(Method::POST, &format!("/webhook/{UUID}?q=1"), body).await;
    assert_eq!(answer.status(), 200);
    answer.json().await.expect("an execution")
}

// D-03
#[tokio::test]
async fn a_scheduler_fires_when_its_time_has_come_and_a_sync_with_the_same_hook_changes_nothing() {
    let house = House::new().await;
    let client = Client::open(&house);
    client.add(&scheduler(UUID)).await;
    let task = client.task(UUID).await;
    assert_eq!((&task["stopped"], &task["nb_executions_todo"]), (&json!(false), &json!(1)));

    house.clock.advance(Duration::from_secs(70));
    let executions = client.until(UUID, |all| statuses(all) == ["SCHEDULED", "DONE"]).await;
    let task = client.task(UUID).await;
    client.post("/task/bulk", &json!({ UUID: scheduler(UUID) })).await.ok();

    assert_eq!(client.task(UUID).await, task);
    assert_eq!(client.executions(UUID).await, executions);
    assert_eq!((&task["nb_executions_total"], &task["nb_executions_todo"]), (&json!(2), &json!(1)));
    let due = executions[1]["timestamp"].as_i64().expect("a number") / NANOS;
    assert_eq!(due, START / 60_000 * 60_000 + 60_000, "the next whole minute");
    assert!(executions[1]["scheduled_task"]["date_scheduled_execution"].is_string(), "{executions:?}");
    house.close().await;
}

// D-25
#[tokio::test]
async fn a_webhook_takes_the_method_that_it_was_given_and_no_other() {
    let house = House::new().await;
    let client = Client::open(&house);

    for own in [Method::GET, Method::POST, Method::PUT, Method::DELETE] {
        client.add(&hook(own.as_str(), "WebHook", &[("method", own.as_str())])).await;
        for method in [Method::GET, Method::POST, Method::PUT, Method::DELETE] {
            let answer = told(client.request(method.clone(), &format!("/webhook/{own}"))).await;
            if method == own {
                assert_eq!(answer.ok()["uuid"], own.as_str());
            } else {
                answer.refused(405, 105, own.as_str());
            }
        }
        assert_eq!(client.executions(own.as_str()).await.len(), 1);
    }
    client.add(&scheduler(UUID)).await;
    client.post(&format!("/webhook/{UUID}"), &json!({})).await.refused(405, 105, "");
    client.post("/webhook/unknown", &json!({})).await.refused(404, 38, "no such");
    house.close().await;
}

// D-26
#[tokio::test]
async fn an_execution_that_fails_is_tried_three_times_and_left_done() {
    let house = House::new().await;
    let client = Client::open(&house);
    client.add(&webhook(UUID)).await;
    told(client.request(Method::POST, "/admin/maintenance?enable=true")).await.done();
    fire(&house, "{}").await;
    // As a newer version may have written them.
    let conn = rusqlite::Connection::open(house.database()).expect("the database");
    conn.execute("UPDATE triggers SET settings = '{\"kind\":\"riddle\"}'", []).expect("settings");
    told(client.request(Method::POST, "/admin/maintenance?enable=false")).await.done();

    for errors in 1..=3 {
        let tried = client.until(UUID, |all| all[0]["nb_errors"] == errors && all[0]["status"] == "DONE").await;
        assert!(tried[0]["last_error"].is_string(), "{tried:?}");
        let at = (START + (errors - 1) * 120_000) * NANOS;
        assert_eq!(tried[0]["processing_timestamp"], at, "not before its time");
        house.clock.advance(Duration::from_mins(2));
    }

    client.add(&scheduler("later")).await;
    house.clock.advance(Duration::from_mins(1));
    client.until("later", |all| all.len() == 2).await;
    assert_eq!(client.executions(UUID).await[0]["nb_errors"], 3);
    assert_eq!(client.get("/mon/status").await.ok()["lines"][0]["value"], "0", "nothing waits");
    house.close().await;
}

// D-28
#[tokio::test]
async fn the_newest_ten_executions_of_a_task_are_kept() {
    let house = House::new().await;
    let client = Client::open(&house);
    client.add(&webhook(UUID)).await;
    for n in 0..12 {
        fire(&house, &format!("{{\"n\":{n}}}")).await;
    }
    let all = client.until(UUID, done(12)).await;

    house.clock.advance(Duration::from_secs(61));

    let kept = client.until(UUID, |all| all.len() == 10).await;
    assert_eq!(kept, all[..10]);
    let task = client.task(UUID).await;
    assert_eq!((&task["nb_executions_total"], &task["nb_executions_todo"]), (&json!(10), &json!(0)));
    house.close().await;
}

#[tokio::test]
async fn an_execution_tells_what_came_in_and_is_found_by_its_timestamp() {
    let house = House::new().await;
    let client = Client::open(&house);
    client.add(&webhook(UUID)).await;
    let (first, second) = (fire(&house, r#"{"n":1}"#).await, fire(&house, r#"{"n":2}"#).await);

    let executions = client.until(UUID, done(2)).await;

    let stamps: Vec<_> = executions.iter().map(|execution| execution["timestamp"].clone()).collect();
    assert_eq!(stamps, [second["timestamp"].clone(), first["timestamp"].clone()], "the newest first");
    assert_eq!(client.get(&path(&first)).await.ok(), executions[1]);
    let webhook = &executions[1]["webhook"];
    assert_eq!((&webhook["request_url"], &webhook["request_method"]), (&json!("q=1"), &json!("POST")));
    assert_eq!(webhook["request_body"], BASE64_STANDARD.encode(r#"{"n":1}"#));
    assert_eq!(webhook["request_header"]["content-type"], json!(["application/json"]));
    assert_eq!(executions[1]["config"], client.task(UUID).await["config"]);
    assert_eq!(executions[1]["processing_timestamp"], START * NANOS);
    let rest = json!({"uuid": UUID, "type": "Webhook", "nb_errors": 0, "workflow_run": 0, "configuration": null});
    for (name, value) in rest.as_object().expect("fields") {
        assert_eq!(&executions[1][name], value, "{name}");
    }
    assert_eq!((&first["config"], &first["status"]), (&Value::Null, &json!("SCHEDULED")), "a caller is told no more");
    house.close().await;
}

#[tokio::test]
async fn of_a_task_that_is_not_there_null_is_told_and_of_an_execution_404() {
    let house = House::new().await;
    let client = Client::open(&house);
    client.add(&webhook(UUID)).await;

    for path in ["/task/unknown/execution", "/task/unknown/execution/1"] {
        client.get(path).await.null();
    }
    client.delete("/task/unknown/execution").await.null();
    client.post("/task/unknown/execution/1/stop", &json!({})).await.null();
    for timestamp in ["1", "x", "-1", "99999999999999999999", "1.0"] {
        client.get(&format!("/task/{UUID}/execution/{timestamp}")).await.refused(404, 38, "no such execution");
        client.post(&format!("/task/{UUID}/execution/{timestamp}/stop"), &json!({})).await.done();
    }
    house.close().await;
}

#[tokio::test]
async fn an_execution_that_is_stopped_publishes_nothing_and_no_other_is_stopped() {
    let house = House::new().await;
    let client = Client::open(&house);
    client.add(&webhook(UUID)).await;
    told(client.request(Method::POST, "/admin/maintenance?enable=true")).await.done();
    let (first, second) = (fire(&house, "{}").await, fire(&house, "{}").await);
    assert_eq!(statuses(&client.executions(UUID).await), ["ENQUEUED", "ENQUEUED"]);

    client.post(&format!("{}/stop", path(&second)), &json!({})).await.done();

    let executions = client.executions(UUID).await;
    assert_eq!(statuses(&executions), ["DONE", "ENQUEUED"]);
    assert_eq!((&executions[0]["last_error"], &executions[0]["nb_errors"]), (&json!("DONE"), &json!(4)));
    told(client.request(Method::POST, "/admin/maintenance?enable=false")).await.done();
    client.until(UUID, done(2)).await;
    assert_eq!(house.json("/api/v1/events").await["items"].as_array().map(Vec::len), Some(1));
    // What is over stays as it is.
    let before = client.executions(UUID).await;
    client.post(&format!("{}/stop", path(&first)), &json!({})).await.done();
    assert_eq!(client.executions(UUID).await, before);
    house.close().await;
}

#[tokio::test]
async fn a_scheduler_whose_next_firing_is_stopped_fires_the_time_after_that() {
    let house = House::new().await;
    let client = Client::open(&house);
    client.add(&scheduler(UUID)).await;
    let next = client.executions(UUID).await[0].clone();

    client.post(&format!("{}/stop", path(&next)), &json!({})).await.done();

    let executions = client.executions(UUID).await;
    assert_eq!(statuses(&executions), ["SCHEDULED", "DONE"]);
    let minutes = |execution: &Value| execution["timestamp"].as_i64().expect("a number") / NANOS / 60_000;
    assert_eq!(minutes(&executions[0]), minutes(&next) + 1);
    house.close().await;
}

#[tokio::test]
async fn executions_are_removed_and_a_scheduler_goes_on() {
    let house = House::new().await;
    let client = Client::open(&house);
    client.add(&scheduler(UUID)).await;
    house.clock.advance(Duration::from_secs(70));
    let before = client.until(UUID, |all| statuses(all) == ["SCHEDULED", "DONE"]).await;

    let task = client.delete(&format!("/task/{UUID}/execution")).await.ok();

    let left = task["executions"].as_array().expect("executions").clone();
    assert_eq!((task["uuid"].as_str(), statuses(&left)), (Some(UUID), vec!["SCHEDULED"]));
    assert_eq!(client.executions(UUID).await, left);
    assert_ne!(left[0]["timestamp"], before[0]["timestamp"], "another one");
    assert!(left[0]["timestamp"].as_i64() > Some(house.clock.now().millis() * NANOS));
    house.close().await;
}
