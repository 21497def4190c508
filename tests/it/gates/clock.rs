//! Somebody sets the clock while a gate is open.

use std::time::Duration;

use serde_json::{Value, json};

use super::{asking, begin, decision, hook, on_deploy, path_of, sent, that_says, until_decision, until_state};
use crate::house::{House, within};

const HOUR: Duration = Duration::from_hours(1);

#[tokio::test]
async fn a_clock_that_is_set_forward_ends_no_gate_before_its_time() {
    let (house, receiver) = (House::new().await, that_says(202, "").await);
    let id = hook(&house, &json!({"url": receiver.url("/"), "event": "pre-deploy", "on_silence": "allow"})).await;
    let gate = begin(&house, "pre-deploy?expires=1h").await;
    let before = until_decision(&house, &gate, id, "pending").await;

    house.clock.set_forward(5 * HOUR);
    let after = house.until(&path_of(&gate), |gate| gate["expires_at"] != before["expires_at"]).await;
    let later = begin(&house, "pre-deploy?expires=2h").await;
    house.clock.advance(HOUR);

    let over = until_state(&house, &gate, "expired").await;
    assert_eq!((&after["state"], &decision(&over, id)["state"]), (&json!("open"), &json!("silent")));
    assert_eq!(house.json(&path_of(&later)).await["state"], "open", "it was asked for by the new time");
    house.close().await;
}

#[tokio::test]
async fn a_clock_that_is_set_back_keeps_nobody_waiting_and_no_decided_gate_open() {
    let (house, receiver) = (House::new().await, that_says(202, "").await);
    let id = on_deploy(&house, &receiver.url("/")).await;
    let asking = tokio::spawn(sent(asking(&house, "pre-deploy?timeout=30s", "{}")));
    receiver.wait_for(1).await;
    let open = house.until("/api/v1/gates", |list| list["items"][0]["decisions"][0]["state"] == "pending").await;
    assert_eq!(decision(&open["items"][0], id)["approved"], Value::Null);

    house.clock.set_back(HOUR);
    house.clock.advance(Duration::from_secs(30));

    let answer = within("an answer", asking).await.expect("an answer");
    assert_eq!(answer.status(), 200);
    let gate: Value = answer.json().await.expect("a gate");
    assert_eq!((&gate["state"], &gate["approved"]), (&json!("expired"), &json!(false)));
    house.close().await;
}
