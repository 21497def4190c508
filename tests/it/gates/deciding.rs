//! Hooks that decide later, each once, by the token that it was given.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{Notify, watch};

use super::{begin, decide, decision, on_deploy, path_of, pending, that_says, token, until_decision, until_state};
use crate::bad_input::{Refusal, check_problem, field, whole};
use crate::delivery::raw::Raw;
use crate::house::{House, within};

#[tokio::test]
async fn a_hook_decides_once_by_its_token() {
    for (approved, state) in [(true, "approved"), (false, "refused")] {
        let (house, receiver) = (House::new().await, that_says(202, r#"{"work_id":"first"}"#).await);
        let (gate, hook, question) = pending(&house, &receiver, "pre-deploy").await;
        assert_eq!(decision(&gate, hook)["work_id"], "first");

        let fields = json!({"token": token(&question), "approved": approved, "reason": "checked", "work_id": "last"});
        let told = decide(&house, &gate, &fields).await;

        assert_eq!(told.status(), 200);
        let told: Value = told.json().await.expect("JSON");
        assert_eq!(told, json!({"id": gate["id"], "hook": hook, "state": state}));
        let gate = house.json(&path_of(&gate)).await;
        let decision = decision(&gate, hook);
        assert_eq!((&gate["state"], &decision["state"]), (&json!(state), &json!(state)));
        assert_eq!((&decision["reason"], &decision["work_id"]), (&json!("checked"), &json!("last")));
        assert_eq!((&decision["status"], &decision["decided_by"]), (&json!(202), &Value::Null));
        for again in [approved, !approved] {
            let fields = json!({"token": token(&question), "approved": again});
            check_problem(decide(&house, &gate, &fields).await, TOO_LATE, "again").await;
        }
        assert_eq!(house.json(&path_of(&gate)).await, gate, "nothing has changed");
        house.close().await;
    }
}

const TOO_LATE: Refusal = Refusal { status: 409, field: "approved", remedy: "too late" };

#[tokio::test]
async fn a_gate_waits_for_all_who_decide_later() {
    let (house, receiver) = (House::new().await, that_says(202, "").await);
    for path in ["/a", "/b", "/c"] {
        on_deploy(&house, &receiver.url(path)).await;
    }
    let gate = begin(&house, "pre-deploy").await;
    let questions = receiver.wait_for(3).await;
    for hook in super::hooks(&gate) {
        until_decision(&house, &gate, hook, "pending").await;
    }

    let mut states = vec![];
    for question in &questions {
        let told = decide(&house, &gate, &json!({"token": token(question), "approved": true})).await;
        assert_eq!(told.status(), 200);
        states.push(house.json(&path_of(&gate)).await["state"].clone());
    }

    assert_eq!(states, ["open", "open", "approved"]);
    house.close().await;
}

#[tokio::test]
async fn a_token_is_good_for_its_gate_alone() {
    let (house, receiver) = (House::new().await, that_says(202, "").await);
    let (first, hook, mine) = pending(&house, &receiver, "pre-deploy").await;
    let second = begin(&house, "pre-deploy").await;
    until_decision(&house, &second, hook, "pending").await;
    let other = receiver.wait_for(2).await.remove(1);
    let no_gate = json!({"id": "gate_00000000000000000000000000"});
    let padded = format!("{} ", token(&mine));

    for (gate, token) in [
        (&first, token(&other)),
        (&second, token(&mine)),
        (&first, ""),
        (&first, "decide_"),
        (&first, &padded),
        (&first, &token(&mine).to_lowercase()),
        (&no_gate, token(&mine)),
        (&json!({"id": "x"}), token(&mine)),
    ] {
        let response = decide(&house, gate, &json!({"token": token, "approved": true})).await;
        check_problem(response, whole(404, "no such gate"), token).await;
    }

    for (gate, question) in [(&first, &mine), (&second, &other)] {
        assert_eq!(house.json(&path_of(gate)).await["state"], "open");
        let response = decide(&house, gate, &json!({"token": token(question), "approved": true})).await;
        assert_eq!(response.status(), 200);
    }
    house.close().await;
}

#[tokio::test]
async fn a_decision_that_cannot_be_read_decides_nothing() {
    let (house, receiver) = (House::new().await, that_says(202, "").await);
    let (gate, _, question) = pending(&house, &receiver, "pre-deploy").await;
    let token = token(&question);
    let table = [
        (json!({"approved": true}), whole(400, "decide_…")),
        (json!({"token": token}), whole(400, "decide_…")),
        (json!({"token": token, "approved": "yes"}), whole(400, "decide_…")),
        (json!({"token": token, "approved": 1}), whole(400, "decide_…")),
        (json!({"token": token, "approved": null}), whole(400, "decide_…")),
        (json!({"token": token, "approved": true, "work_id": ["w"]}), whole(400, "decide_…")),
        (json!({"token": token, "approved": true, "why": "because"}), whole(400, "why")),
        (json!({"token": [token], "approved": true}), whole(400, "decide_…")),
        (json!([token, true]), whole(400, "decide_…")),
        (json!(null), whole(400, "decide_…")),
        (json!({"token": token, "approved": true, "work_id": "w".repeat(1025)}), field("work_id", "shorter")),
    ];

    for (fields, expected) in table {
        check_problem(decide(&house, &gate, &fields).await, expected, &fields.to_string()).await;
    }

    assert_eq!(house.json(&path_of(&gate)).await["state"], "open");
    house.close().await;
}

#[tokio::test]
async fn nobody_decides_once_the_time_is_up() {
    let (house, receiver) = (House::new().await, that_says(202, "").await);
    let (gate, _, question) = pending(&house, &receiver, "pre-deploy").await;

    house.clock.advance(Duration::from_hours(1));
    let response = decide(&house, &gate, &json!({"token": token(&question), "approved": true})).await;

    check_problem(response, TOO_LATE, "late").await;
    until_state(&house, &gate, "expired").await;
    house.close().await;
}

#[tokio::test]
async fn of_two_decisions_at_one_moment_one_counts() {
    let (house, receiver) = (House::new().await, that_says(202, "").await);
    for _ in 0..10 {
        let (gate, hook, question) = pending(&house, &receiver, "pre-deploy").await;
        let fields = |approved| json!({"token": token(&question), "approved": approved});
        let (yes, no) = (fields(true), fields(false));

        let answers = join_all((0..6).map(|n| decide(&house, &gate, if n % 2 == 0 { &yes } else { &no }))).await;

        let mut states = vec![];
        for answer in answers {
            match answer.status().as_u16() {
                200 => states.push(answer.json::<Value>().await.expect("JSON")["state"].clone()),
                code => assert_eq!(code, 409),
            }
        }
        assert_eq!(states.len(), 1, "{states:?}");
        let gate = house.json(&path_of(&gate)).await;
        assert_eq!((&gate["state"], &decision(&gate, hook)["state"]), (&states[0], &states[0]));
        assert_eq!(house.send(reqwest::Method::DELETE, &format!("/api/v1/hooks/{hook}"), "").await.status(), 204);
    }
    house.close().await;
}

/// Takes a question, hands out its token, and answers it when it is told to.
async fn that_takes_its_time(said: &'static str) -> (Raw, watch::Receiver<String>, Arc<Notify>) {
    let (tell, tokens) = watch::channel(String::new());
    let (tell, go) = (Arc::new(tell), Arc::new(Notify::new()));
    let opened = go.clone();
    let raw = Raw::new(move |mut stream| {
        let (tell, opened) = (tell.clone(), opened.clone());
        async move {
            let mut bytes = vec![];
            while !bytes.ends_with(b"{}") && stream.read_buf(&mut bytes).await.is_ok_and(|read| read > 0) {}
            let head = String::from_utf8(bytes).expect("text");
            let token = head.split("nyala-gate-token: ").nth(1).and_then(|rest| rest.lines().next());
            tell.send_replace(token.expect("a token").to_owned());
            opened.notified().await;
            // Whoever gave up does not hear it.
            let _ = stream.write_all(said.as_bytes()).await;
        }
    });
    (raw.await, tokens, go)
}

/// Receivers may be quicker than their own answers.
#[tokio::test]
async fn who_has_decided_before_answering_has_decided() {
    for answer in [
        "HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 18\r\n\r\n{\"approved\":false}",
        "HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n",
        "",
    ] {
        let (house, (raw, mut tokens, go)) = (House::new().await, that_takes_its_time(answer).await);
        let hook = on_deploy(&house, &raw.url("/")).await;
        let gate = begin(&house, "pre-deploy").await;
        let token = within("a question", tokens.wait_for(|token| !token.is_empty())).await.expect("a token").clone();

        let told = decide(&house, &gate, &json!({"token": token, "approved": true, "work_id": "w"})).await;
        assert_eq!(told.status(), 200, "{answer}");
        assert_eq!(house.json(&path_of(&gate)).await["state"], "approved", "{answer}");
        go.notify_one();

        let over = |gate: &Value| decision(gate, hook)["duration_ms"].is_number();
        let gate = house.until(&path_of(&gate), over).await;
        let decision = decision(&gate, hook);
        assert_eq!((&gate["state"], &decision["state"]), (&json!("approved"), &json!("approved")), "{answer}");
        assert_eq!((&decision["work_id"], &decision["reason"]), (&json!("w"), &Value::Null), "{answer}");
        house.close().await;
    }
}

#[tokio::test]
async fn what_a_hook_that_was_decided_for_meanwhile_answers_still_names_its_work() {
    let said = "HTTP/1.1 200 OK\r\ncontent-length: 18\r\n\r\n{\"work_id\":\"late\"}";
    let (house, (raw, mut tokens, go)) = (House::new().await, that_takes_its_time(said).await);
    let hook = on_deploy(&house, &raw.url("/")).await;
    let gate = begin(&house, "pre-deploy").await;
    let token = within("a question", tokens.wait_for(|token| !token.is_empty())).await.expect("a token").clone();

    let told = decide(&house, &gate, &json!({"token": token, "approved": true})).await;
    go.notify_one();

    assert_eq!(told.status(), 200);
    let gate = house.until(&path_of(&gate), |gate| decision(gate, hook)["duration_ms"].is_number()).await;
    let decision = decision(&gate, hook);
    assert_eq!((&decision["state"], &decision["work_id"]), (&json!("approved"), &json!("late")));
    assert_eq!(decision["answer"], json!({"work_id": "late"}));
    house.close().await;
}
