//! Faults of our own: a full disk, a database that is held, a restart.

use std::time::Duration;

use nyala::clock::Clock;
use nyala::domain::time::Timestamp;
use reqwest::Method;
use rusqlite::Connection;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::{
    ask, asking, begin, decide, decision, on_deploy, path_of, pending, sent, settle, that_says, token, until_state,
};
use crate::bad_input::{check_problem, whole};
use crate::delivery::gate::Gate;
use crate::house::{House, LIMIT, START, within};

const MIB: u64 = 1 << 20;

#[tokio::test]
async fn while_the_disk_is_full_nobody_is_asked_and_nothing_is_approved() {
    let (house, receiver) =
        (House::with(|settings| settings.database_limit = Some(4 * MIB)).await, that_says(200, "").await);
    let id = on_deploy(&house, &receiver.url("/")).await;
    let payload = format!(r#"{{"x":"{}"}}"#, "x".repeat(200 << 10));
    let mut kept = 0;
    let refusal = loop {
        let response = sent(asking(&house, "pre-deploy", &payload)).await;
        if response.status() != 200 {
            break response;
        }
        kept += 1;
        assert!(kept < 50, "there was room for 10 MiB");
    };

    check_problem(refusal, whole(503, "--database-limit"), "an ask").await;
    assert!(kept > 0);
    assert_eq!(receiver.received().len(), kept);
    let gates = house.json("/api/v1/gates?limit=100").await;
    assert_eq!(gates["items"].as_array().map(Vec::len), Some(kept));
    assert!(gates["items"].as_array().expect("a list").iter().all(|gate| decision(gate, id)["state"] == "approved"));
    house.close().await;
}

#[tokio::test]
async fn an_answer_that_cannot_be_recorded_counts_once_it_can() {
    let (house, slow) = (House::new().await, Gate::new().await);
    on_deploy(&house, &slow.url("/")).await;
    let gate = begin(&house, "pre-deploy?timeout=60s").await;
    slow.came(1).await;

    let held = Connection::open(house.database()).expect("the database");
    held.busy_timeout(LIMIT).expect("a timeout");
    held.execute_batch("BEGIN EXCLUSIVE").expect("the lock");
    slow.open();
    slow.answered(1).await;
    let refused = sent(asking(&house, "pre-deploy", "{}")).await;
    assert_eq!(refused.status(), 503, "the server has waited for it in vain");
    assert_eq!(house.json(&path_of(&gate)).await["state"], "open");
    drop(held);

    until_state(&house, &gate, "approved").await;
    assert_eq!(slow.traffic().came, 1, "once is enough");
    house.close().await;
}

/// Whoever asks may be gone before the gate is even on disk.
#[tokio::test]
async fn what_was_asked_is_asked_though_whoever_asked_has_gone() {
    let (house, receiver) = (House::new().await, that_says(200, "").await);
    on_deploy(&house, &receiver.url("/")).await;
    let address = house.url("").replace("http://", "");
    let held = Connection::open(house.database()).expect("the database");
    held.busy_timeout(LIMIT).expect("a timeout");
    held.execute_batch("BEGIN EXCLUSIVE").expect("the lock");

    let mut stream = TcpStream::connect(&address).await.expect("a connection");
    let lines = format!("POST /api/v1/gates/pre-deploy HTTP/1.1\r\nhost: {address}\r\ncontent-length: 2\r\n");
    stream
        .write_all(format!("{lines}content-type: application/json\r\n\r\n{{}}").as_bytes())
        .await
        .expect("a question");
    // By the time that others have been answered it waits for the disk.
    for _ in 0..10 {
        assert_eq!(house.get("/healthz").await.status(), 200);
    }
    drop(stream);
    for _ in 0..10 {
        assert_eq!(house.get("/healthz").await.status(), 200);
    }
    drop(held);

    house.until("/api/v1/gates", |list| list["items"][0]["state"] == "approved").await;
    assert_eq!(receiver.received().len(), 1);
    house.close().await;
}

#[tokio::test]
async fn a_gate_is_kept_as_long_as_events_are_and_then_forgotten() {
    let (house, receiver) = (House::new().await, that_says(200, r#"{"work_id":"w"}"#).await);
    on_deploy(&house, &receiver.url("/")).await;
    let gate = ask(&house, "pre-deploy").await;

    house.clock.advance(Duration::from_hours(29 * 24));
    assert_eq!(house.get(&path_of(&gate)).await.status(), 200);
    let forgotten = async {
        while house.get(&path_of(&gate)).await.status() != 404 {
            house.clock.advance(Duration::from_hours(1));
            tokio::task::yield_now().await;
        }
    };

    within("it is forgotten", forgotten).await;
    assert!(house.clock.now().since(Timestamp::from_millis(START)) > Duration::from_hours(30 * 24));
    house.close().await;
}

#[tokio::test]
async fn what_waits_for_a_decision_outlasts_a_restart() {
    for by in ["hook", "person", "time"] {
        let (mut house, receiver) = (House::new().await, that_says(202, r#"{"work_id":"w"}"#).await);
        let (gate, hook, question) = pending(&house, &receiver, "pre-deploy").await;

        house.stop().await;
        house.start_again().await;

        assert_eq!(house.json(&path_of(&gate)).await["state"], "open");
        let state = match by {
            "hook" => {
                let fields = json!({"token": token(&question), "approved": true});
                assert_eq!(decide(&house, &gate, &fields).await.status(), 200);
                "approved"
            }
            "person" => {
                assert_eq!(settle(&house, &gate, "refuse", &json!({})).await.status(), 200);
                "refused"
            }
            _ => {
                house.clock.advance(Duration::from_hours(1));
                "expired"
            }
        };
        let gate = until_state(&house, &gate, state).await;
        assert_eq!((&decision(&gate, hook)["work_id"], receiver.received().len()), (&json!("w"), 1), "asked once");
        house.close().await;
    }
}

#[tokio::test]
async fn a_gate_whose_time_was_up_while_nobody_served_has_expired() {
    let (mut house, receiver) = (House::new().await, that_says(202, "").await);
    let (gate, ..) = pending(&house, &receiver, "pre-deploy").await;

    house.stop().await;
    house.clock.advance(Duration::from_hours(2));
    house.start_again().await;

    until_state(&house, &gate, "expired").await;
    house.close().await;
}

#[tokio::test]
async fn a_hook_that_is_removed_while_it_decides_may_still_say_no() {
    let (house, receiver) = (House::new().await, that_says(202, "").await);
    let (gate, hook, question) = pending(&house, &receiver, "pre-deploy").await;
    assert_eq!(house.send(Method::DELETE, &format!("/api/v1/hooks/{hook}"), "").await.status(), 204);

    let told = decide(&house, &gate, &json!({"token": token(&question), "approved": false})).await;

    assert_eq!(told.status(), 200);
    assert_eq!(house.json(&path_of(&gate)).await["state"], "refused");
    house.close().await;
}

#[tokio::test]
async fn a_stop_in_the_middle_of_asks_leaves_them_expired_and_never_approved() {
    let (mut house, slow) = (House::new().await, Gate::new().await);
    let id = on_deploy(&house, &slow.url("/")).await;
    let gate = begin(&house, "pre-deploy?timeout=60s").await;
    slow.came(1).await;

    house.stop().await;
    slow.open();
    house.start_again().await;

    let gate = house.json(&path_of(&gate)).await;
    assert_eq!((&gate["state"], &gate["approved"]), (&json!("expired"), &json!(false)));
    assert_eq!((&decision(&gate, id)["state"], &decision(&gate, id)["approved"]), (&json!("silent"), &json!(false)));
    assert_eq!(gate["decisions"].as_array().map(Vec::len), Some(1));
    assert_eq!(ask(&house, "pre-deploy").await["state"], "approved", "asked anew, it is");
    house.close().await;
}
