//! Asking without waiting, waiting for what comes of it, and time that runs out.

use std::time::Duration;

use futures_util::FutureExt;
use serde_json::{Value, json};

use super::{
    ask, asking, begin, decide, decided, decision, hook, on_deploy, path_of, pending, sent, text, that_hangs,
    that_says, token, until_decision, until_state,
};
use crate::house::{House, within};

const HOUR: Duration = Duration::from_hours(1);

#[tokio::test]
async fn who_does_not_wait_is_told_where_to_look() {
    let (house, receiver) = (House::new().await, that_says(200, r#"{"work_id":"w"}"#).await);
    let id = on_deploy(&house, &receiver.url("/")).await;

    let gate = begin(&house, "pre-deploy").await;

    assert_eq!((&gate["closed_at"], &gate["decisions"][0]["approved"]), (&Value::Null, &Value::Null));
    let gate = until_state(&house, &gate, "approved").await;
    assert_eq!((&gate["work_id"], &decision(&gate, id)["state"]), (&json!("w"), &json!("approved")));
    house.close().await;
}

#[tokio::test]
async fn who_does_not_wait_is_told_at_once_if_nobody_is_asked() {
    let house = House::new().await;
    let gate = decided(asking(&house, "pre-deploy", "{}").header("prefer", "respond-async")).await;
    assert_eq!(gate["state"], "approved");
    house.close().await;
}

#[tokio::test]
async fn who_waits_a_little_is_answered_as_soon_as_it_is_decided() {
    let (house, receiver) = (House::new().await, that_says(200, "").await);
    on_deploy(&house, &receiver.url("/")).await;
    for prefer in ["respond-async, wait=60", "wait=60; respond-async"] {
        let gate = decided(asking(&house, "pre-deploy", "{}").header("prefer", prefer)).await;
        assert_eq!(gate["state"], "approved", "{prefer}");
    }
    house.close().await;
}

#[tokio::test]
async fn who_waits_a_little_is_told_where_to_look_when_that_is_over() {
    let (house, receiver) = (House::new().await, that_says(202, "").await);
    let id = on_deploy(&house, &receiver.url("/")).await;
    let asking = sent(asking(&house, "pre-deploy", "{}").header("prefer", "respond-async, wait=5"));

    let (response, ()) = futures_util::join!(asking, async {
        let list = house.until("/api/v1/gates", |list| list["items"][0]["decisions"][0]["state"] == "pending").await;
        assert_eq!(decision(&list["items"][0], id)["status"], 202);
        house.clock.advance(Duration::from_secs(5));
    });

    assert_eq!(response.status(), 202);
    assert_eq!(response.json::<Value>().await.expect("a gate")["decisions"][0]["state"], "pending");
    house.close().await;
}

#[tokio::test]
async fn a_long_poll_is_answered_when_the_gate_is_decided() {
    let (house, receiver) = (House::new().await, that_says(202, r#"{"work_id":"later"}"#).await);
    let (gate, id, question) = pending(&house, &receiver, "pre-deploy").await;
    let polls = (0..10).map(|_| {
        let request = house.client.get(house.url(&path_of(&gate))).header("prefer", "wait=60");
        tokio::spawn(sent(request))
    });
    let polls: Vec<_> = polls.collect();

    let told = decide(&house, &gate, &json!({"token": token(&question), "approved": true})).await;

    assert_eq!(told.status(), 200);
    for poll in polls {
        let response = within("an answer", poll).await.expect("a task");
        assert_eq!(response.headers()["preference-applied"], "wait=60");
        let gate: Value = response.json().await.expect("a gate");
        assert_eq!((&gate["state"], &decision(&gate, id)["work_id"]), (&json!("approved"), &json!("later")));
    }
    house.close().await;
}

#[tokio::test]
async fn a_long_poll_is_answered_with_an_open_gate_when_its_time_is_over() {
    let (house, receiver) = (House::new().await, that_says(202, "").await);
    let (gate, ..) = pending(&house, &receiver, "pre-deploy").await;
    let request = house.client.get(house.url(&path_of(&gate))).header("prefer", "wait=3");
    let mut poll = Box::pin(sent(request));

    let polled = async {
        loop {
            if let Some(response) = (&mut poll).now_or_never() {
                return response;
            }
            house.clock.advance(Duration::from_secs(1));
            tokio::task::yield_now().await;
        }
    };

    let gate: Value = within("an answer", polled).await.json().await.expect("a gate");
    assert_eq!((&gate["state"], &gate["approved"]), (&json!("open"), &json!(false)));
    house.close().await;
}

#[tokio::test]
async fn a_gate_that_nobody_decides_expires_and_is_not_approved() {
    let (house, receiver) = (House::new().await, that_says(202, "").await);
    let (gate, id, _) = pending(&house, &receiver, "pre-deploy").await;

    house.clock.advance(Duration::from_millis(3_599_999));
    assert_eq!(house.json(&path_of(&gate)).await["state"], "open");
    house.clock.advance(Duration::from_millis(1));

    let gate = until_state(&house, &gate, "expired").await;
    assert_eq!((&gate["approved"], &gate["closed_at"]), (&json!(false), &gate["expires_at"]));
    assert_eq!(decision(&gate, id)["state"], "silent");
    assert!(text(&decision(&gate, id)["reason"]).contains("before the gate expired"), "{gate}");
    house.close().await;
}

#[tokio::test]
async fn gates_expire_when_they_say_each_in_its_time() {
    let (house, receiver) = (House::new().await, that_says(202, "").await);
    let id = on_deploy(&house, &receiver.url("/")).await;
    let mut gates = vec![];
    for expires in ["168h", "90", "30m"] {
        let gate = begin(&house, &format!("pre-deploy?expires={expires}")).await;
        gates.push(until_decision(&house, &gate, id, "pending").await);
    }

    for (span, left) in [(90, [0, 2].as_slice()), (1710, &[0]), (168 * 3600 - 1800, &[])] {
        house.clock.advance(Duration::from_secs(span));
        for (place, gate) in gates.iter().enumerate() {
            let state = if left.contains(&place) { "open" } else { "expired" };
            until_state(&house, gate, state).await;
        }
    }
    house.close().await;
}

#[tokio::test]
async fn who_said_that_it_would_decide_and_did_not_has_not_said_yes_whatever_its_silence_means() {
    let (house, receiver) = (House::new().await, that_says(202, "").await);
    let lenient = hook(&house, &json!({"url": receiver.url("/"), "event": "pre-deploy", "on_silence": "allow"})).await;
    let gate = begin(&house, "pre-deploy").await;
    until_decision(&house, &gate, lenient, "pending").await;

    house.clock.advance(HOUR);

    let gate = until_state(&house, &gate, "expired").await;
    let decision = decision(&gate, lenient);
    assert_eq!((&decision["state"], &decision["approved"]), (&json!("silent"), &json!(false)));
    house.close().await;
}

#[tokio::test]
async fn a_gate_is_open_no_longer_than_it_was_asked_for_however_long_a_hook_takes() {
    let (house, receiver) = (House::new().await, that_hangs().await);
    on_deploy(&house, &receiver.url("/")).await;

    let gate = begin(&house, "pre-deploy?expires=300ms&timeout=60s").await;

    let refused = until_state(&house, &gate, "refused").await;
    assert!(text(&refused["reason"]).contains("no complete answer"), "{refused}");
    house.close().await;
}

#[tokio::test]
async fn who_waits_is_not_told_yes_by_one_that_decides_later() {
    let (house, receiver) = (House::new().await, that_says(202, r#"{"approved":true}"#).await);
    let id = on_deploy(&house, &receiver.url("/")).await;
    let asking = ask(&house, "pre-deploy?timeout=30s");

    let (gate, ()) = futures_util::join!(asking, async {
        house.until("/api/v1/gates", |list| list["items"][0]["decisions"][0]["state"] == "pending").await;
        house.clock.advance(Duration::from_secs(30));
    });

    assert_eq!((&gate["state"], &decision(&gate, id)["state"]), (&json!("expired"), &json!("silent")));
    house.close().await;
}

#[tokio::test]
async fn who_waits_is_told_yes_if_it_is_decided_meanwhile() {
    let (house, receiver) = (House::new().await, that_says(202, "").await);
    on_deploy(&house, &receiver.url("/")).await;

    let (gate, ()) = futures_util::join!(ask(&house, "pre-deploy?timeout=30s"), async {
        let list = house.until("/api/v1/gates", |list| list["items"][0]["decisions"][0]["state"] == "pending").await;
        let question = receiver.wait_for(1).await.remove(0);
        let told = decide(&house, &list["items"][0], &json!({"token": token(&question), "approved": true})).await;
        assert_eq!(told.status(), 200);
    });

    assert_eq!(gate["state"], "approved");
    house.close().await;
}

#[tokio::test]
async fn one_no_decides_though_others_would_still_decide() {
    let (house, later, no) =
        (House::new().await, that_says(202, "").await, that_says(200, r#"{"approved":false,"reason":"frozen"}"#).await);
    let pending = on_deploy(&house, &later.url("/")).await;
    let refusing = on_deploy(&house, &no.url("/")).await;

    let gate = ask(&house, "pre-deploy").await;

    assert_eq!(gate["state"], "refused");
    assert_eq!(decision(&gate, refusing)["reason"], "frozen");
    assert_eq!(decision(&gate, pending)["state"], "silent");
    let question = later.wait_for(1).await.remove(0);
    let late = decide(&house, &gate, &json!({"token": token(&question), "approved": true})).await;
    assert_eq!(late.status(), 409);
    house.close().await;
}

#[tokio::test]
async fn the_hooks_of_a_gate_that_nobody_waits_for_have_the_timeout_to_answer() {
    let (house, receiver) = (House::new().await, that_hangs().await);
    let id = on_deploy(&house, &receiver.url("/")).await;

    let gate = begin(&house, "pre-deploy?timeout=300ms").await;

    let gate = until_state(&house, &gate, "refused").await;
    assert_eq!(decision(&gate, id)["state"], "silent");
    assert!(text(&decision(&gate, id)["reason"]).starts_with("no complete answer within 2"), "{gate}");
    house.close().await;
}

#[tokio::test]
async fn a_gate_that_expires_while_a_hook_is_being_asked_is_not_approved_by_its_answer() {
    let (house, slow) = (House::new().await, crate::delivery::gate::Gate::new().await);
    let id = on_deploy(&house, &slow.url("/")).await;
    let gate = begin(&house, "pre-deploy?timeout=60s&expires=90s").await;
    slow.came(1).await;

    house.clock.advance(Duration::from_secs(90));
    until_state(&house, &gate, "expired").await;
    slow.open();

    let gate = house.until(&path_of(&gate), |gate| decision(gate, id)["status"] == 200).await;
    assert_eq!((&gate["state"], &decision(&gate, id)["state"]), (&json!("expired"), &json!("silent")));
    house.close().await;
}
