//! `POST /api/v1/hooks/{id}/replay` and `/api/v1/replays/{id}`.

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::{Value, json};

use super::{add, ids};
use crate::bad_input::{Refusal, check_problem, field, whole};
use crate::house::House;
use crate::receiver::{Receiver, status};

async fn replay(house: &House, hook: &Value, fields: &Value) -> Response {
    house.send(Method::POST, &format!("/api/v1/hooks/{}/replay", hook["id"]), &fields.to_string()).await
}

/// Begins a replay and waits for its end; answers it.
async fn replayed(house: &House, hook: &Value, fields: &Value) -> Value {
    let response = replay(house, hook, fields).await;
    assert_eq!(response.status(), 202, "{fields}");
    let location = response.headers()["location"].to_str().expect("text").to_owned();
    house.until(&location, |replay| replay["state"] != "running").await
}

/// A hook that got so many events, one a second from the beginning on.
async fn scene(house: &House, receiver: &Receiver, events: usize) -> Value {
    let hook = add(house, &json!({"url": receiver.url("/"), "event": "E"})).await;
    for n in 0..events {
        house.publish_and_wait("E", &n.to_string()).await;
        house.clock.advance(Duration::from_secs(1));
    }
    hook
}

#[tokio::test]
async fn a_replay_sends_again_what_was_delivered_since_a_time_in_its_order() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    let hook = scene(&house, &receiver, 4).await;

    let since = json!({"since": "2023-11-14T22:13:21Z", "until": "2023-11-14T22:13:23Z"});
    let done = replayed(&house, &hook, &since).await;

    assert_eq!((&done["state"], &done["total"], &done["done"]), (&json!("done"), &json!(2), &json!(2)));
    assert_eq!((&done["hook"], done["finished_at"].is_string()), (&hook["id"], true));
    let mut sent: Vec<_> = receiver.wait_for(6).await[4..].iter().map(|request| request.text().to_owned()).collect();
    sent.sort();
    assert_eq!(sent, ["1", "2"]);
    let again = house.until("/api/v1/deliveries?limit=2&state=delivered", |page| {
        page["items"].as_array().is_some_and(|items| items.iter().all(|item| !item["redelivers"].is_null()))
    });
    let again = again.await;
    assert!(again["items"][0]["event"].as_str() > again["items"][1]["event"].as_str(), "in its order: {again}");
    house.close().await;
}

#[tokio::test]
async fn a_replay_of_the_dead_sends_each_once() {
    let (house, receiver) = (
        House::with(|settings| {
            settings.policy.retry_schedule = "1s".parse().expect("a schedule");
            settings.policy.breaker_failures = u32::MAX;
        })
        .await,
        Receiver::new().await,
    );
    receiver.answer(|_| status(500));
    let hook = scene(&house, &receiver, 3).await;
    house.clock.advance(Duration::from_secs(5));
    house.until("/api/v1/deliveries?state=dead", |page| ids(page).len() == 3).await;
    receiver.answer(|_| status(200));

    let first = replayed(&house, &hook, &json!({"state": "dead"})).await;
    let second = replayed(&house, &hook, &json!({"state": "dead", "since": null})).await;

    assert_eq!((&first["total"], &first["done"]), (&json!(3), &json!(3)));
    assert_eq!((&second["total"], &second["state"]), (&json!(0), &json!("done")));
    house.until("/api/v1/deliveries?state=delivered", |page| ids(page).len() == 3).await;
    house.close().await;
}

#[tokio::test]
async fn a_dry_run_counts_and_does_nothing() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    let hook = scene(&house, &receiver, 3).await;

    let response = replay(&house, &hook, &json!({"since": "2023-11-14T22:13:21Z", "dry_run": true})).await;

    assert_eq!(response.status(), 200);
    assert_eq!(response.json::<Value>().await.expect("JSON"), json!({"dry_run": true, "total": 2}));
    assert_eq!(house.get("/api/v1/replays/1").await.status(), 404);
    assert_eq!(ids(&house.json("/api/v1/deliveries").await).len(), 3);
    house.close().await;
}

#[tokio::test]
async fn a_replay_can_be_stopped_and_is_shown_still() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    let hook = scene(&house, &receiver, 1).await;
    // No step can be made, so that it is not done before it is stopped.
    let conn = rusqlite::Connection::open(house.database()).expect("the database");
    let stuck = "CREATE TRIGGER stuck BEFORE UPDATE OF next_seq ON replays BEGIN SELECT RAISE(ABORT, 'stuck'); END";
    conn.execute_batch(stuck).expect("a trigger");
    half_done(&house);

    let second = replay(&house, &hook, &json!({"state": "dead"})).await;
    let stopped = house.send(Method::DELETE, "/api/v1/replays/1", "").await;
    let again = replay(&house, &hook, &json!({"state": "dead"})).await;

    let expected = Refusal { status: 409, field: "hook", remedy: "/api/v1/replays/1 says done" };
    check_problem(second, expected, "a second replay").await;
    assert_eq!((stopped.status().as_u16(), again.status().as_u16()), (204, 202));
    let shown = house.json("/api/v1/replays/1").await;
    assert_eq!((&shown["state"], &shown["done"]), (&json!("stopped"), &json!(2)));
    assert_eq!(house.send(Method::DELETE, "/api/v1/replays/99", "").await.status(), 404);
    house.close().await;
}

/// Writes down a replay of the first hook that has the newest delivery still to do.
fn half_done(house: &House) {
    let conn = rusqlite::Connection::open(house.database()).expect("the database");
    let half_done = "INSERT INTO replays (hook_id, state, wanted, next_seq, end_seq, total, done, created_at)
                     SELECT 1, 0, 2, (SELECT max(seq) FROM deliveries), 1000, 3, 2, max(finished_at) FROM deliveries";
    conn.execute(half_done, []).expect("a replay");
}

#[tokio::test]
async fn a_replay_that_was_interrupted_goes_on_after_a_start() {
    let (mut house, receiver) = (House::new().await, Receiver::new().await);
    scene(&house, &receiver, 3).await;
    house.stop().await;
    half_done(&house);

    house.start_again().await;
    let done = house.until("/api/v1/replays/1", |replay| replay["state"] == "done").await;

    assert_eq!(done["done"], 3);
    assert_eq!(receiver.wait_for(4).await[3].text(), "2");
    house.close().await;
}

#[tokio::test]
async fn a_replay_that_cannot_be_taken_is_refused_with_what_to_do() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    let hook = scene(&house, &receiver, 1).await;
    let table: [(&str, Refusal); 11] = [
        ("", field("since", "dead for what never arrived")),
        ("{}", field("since", "dead for what never arrived")),
        (r#"{"until":"2023-11-14T22:13:21Z"}"#, field("since", "say since when, or which state")),
        (r#"{"since":"2h"}"#, field("since", "such as 2026-01-31T23:59:59Z")),
        (r#"{"since":5}"#, field("since", "such as 2026-01-31T23:59:59Z")),
        (r#"{"state":"pending"}"#, field("state", "delivered, dead or cancelled")),
        (r#"{"state":"dead","dry_run":"yes"}"#, field("dry_run", "true or false")),
        (r#"{"state":"dead","dryrun":true}"#, field("dryrun", "since, until, state, dry_run")),
        (
            r#"{"since":"2023-11-14T22:13:21Z","until":"2023-11-14T22:13:20Z"}"#,
            field("until", "is not later than since"),
        ),
        ("[]", whole(400, "JSON object with since or state")),
        ("{", whole(400, "JSON object with since or state")),
    ];

    for (body, expected) in table {
        let response = house.send(Method::POST, &format!("/api/v1/hooks/{}/replay", hook["id"]), body).await;
        check_problem(response, expected, body).await;
    }
    let unknown = replay(&house, &json!({"id": 99}), &json!({"state": "dead"})).await;
    check_problem(unknown, whole(404, "no such hook"), "an unknown hook").await;
    house.close().await;
}
