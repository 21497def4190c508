//! People who decide, and who may.

use futures_util::future::join_all;
use nyala::domain::token::Scope;
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    begin, decide, decision, on_deploy, path_of, pending, settle, text, that_hangs, that_says, token, until_decision,
};
use crate::access::{self, send};
use crate::bad_input::{Refusal, check_problem, whole};
use crate::house::House;
use crate::receiver::Receiver;

const TOO_LATE: Refusal = Refusal { status: 409, field: "approved", remedy: "too late" };

#[tokio::test]
async fn a_person_decides_for_all_who_have_not() {
    for (act, state) in [("approve", "approved"), ("refuse", "refused")] {
        let (house, hanging, yes) = (House::new().await, that_hangs().await, that_says(200, "").await);
        let (asked, said) = (on_deploy(&house, &hanging.url("/")).await, on_deploy(&house, &yes.url("/")).await);
        let later = that_says(202, "").await;
        let (gate, pending, _) = pending(&house, &later, "pre-deploy?timeout=60s").await;
        until_decision(&house, &gate, said, "approved").await;

        let told = settle(&house, &gate, act, &json!({"reason": "I looked"})).await;

        assert_eq!(told.status(), 200);
        let told: Value = told.json().await.expect("a gate");
        assert_eq!((&told["state"], &told["approved"]), (&json!(state), &json!(act == "approve")));
        for hook in [asked, pending] {
            let decision = decision(&told, hook);
            assert_eq!((&decision["state"], &decision["reason"]), (&json!(state), &json!("I looked")));
            assert_eq!(decision["decided_by"], "open");
        }
        assert_eq!(decision(&told, said)["decided_by"], Value::Null);
        assert_eq!(house.json(&path_of(&told)).await, told);
        house.close().await;
    }
}

#[tokio::test]
async fn a_person_cannot_say_yes_for_one_who_said_no() {
    let (house, hanging, no) = (House::new().await, that_hangs().await, that_says(200, r#"{"approved":false}"#).await);
    on_deploy(&house, &hanging.url("/")).await;
    let refusing = on_deploy(&house, &no.url("/")).await;
    let gate = begin(&house, "pre-deploy?timeout=60s").await;
    until_decision(&house, &gate, refusing, "refused").await;

    let told = settle(&house, &gate, "approve", &json!({})).await;

    let told: Value = told.json().await.expect("a gate");
    assert_eq!((&told["state"], &decision(&told, refusing)["state"]), (&json!("refused"), &json!("refused")));
    house.close().await;
}

#[tokio::test]
async fn nobody_decides_twice_neither_people_nor_hooks() {
    let (house, receiver) = (House::new().await, that_says(202, "").await);
    for first in ["hook", "person"] {
        let (gate, hook, question) = pending(&house, &receiver, "pre-deploy").await;
        let yes = json!({"token": token(&question), "approved": true});
        let told = match first {
            "hook" => decide(&house, &gate, &yes).await,
            _ => settle(&house, &gate, "approve", &json!({})).await,
        };
        assert_eq!(told.status(), 200);
        let stands = house.json(&path_of(&gate)).await;

        check_problem(decide(&house, &gate, &yes).await, TOO_LATE, first).await;
        for act in ["approve", "refuse"] {
            check_problem(settle(&house, &gate, act, &json!({})).await, TOO_LATE, first).await;
        }

        assert_eq!(house.json(&path_of(&gate)).await, stands);
        assert_eq!(house.send(Method::DELETE, &format!("/api/v1/hooks/{hook}"), "").await.status(), 204);
    }
    house.close().await;
}

#[tokio::test]
async fn of_people_and_hooks_who_decide_at_one_moment_one_counts() {
    let (house, receiver) = (House::new().await, that_says(202, "").await);
    for _ in 0..10 {
        let (gate, hook, question) = pending(&house, &receiver, "pre-deploy").await;
        let yes = json!({"token": token(&question), "approved": true});
        let nothing = json!({});
        let (people, hooks) = futures_util::join!(
            join_all(["approve", "refuse", "approve"].map(|act| settle(&house, &gate, act, &nothing))),
            join_all((0..3).map(|_| decide(&house, &gate, &yes))),
        );

        let mut statuses: Vec<_> = people.iter().chain(&hooks).map(|answer| answer.status().as_u16()).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409, 409, 409, 409, 409]);
        let by_hook = hooks.iter().any(|answer| answer.status() == 200);
        let gate = house.json(&path_of(&gate)).await;
        assert_eq!(decision(&gate, hook)["decided_by"].is_null(), by_hook, "{gate}");
        let log = house.json(&format!("/api/v1/audit?object={}", text(&gate["id"]))).await;
        assert_eq!(log["items"].as_array().map(Vec::len), Some(usize::from(!by_hook)), "{log}");
        assert_eq!(house.send(Method::DELETE, &format!("/api/v1/hooks/{hook}"), "").await.status(), 204);
    }
    house.close().await;
}

#[tokio::test]
async fn what_a_person_says_is_read_strictly() {
    let (house, receiver) = (House::new().await, that_says(202, "").await);
    let (gate, hook, _) = pending(&house, &receiver, "pre-deploy").await;

    for fields in [json!({"reason": 7}), json!({"approved": false}), json!(["no"]), json!("no")] {
        for act in ["approve", "refuse"] {
            check_problem(settle(&house, &gate, act, &fields).await, whole(400, "reason"), &fields.to_string()).await;
        }
    }
    for id in ["gate_00000000000000000000000000", "x"] {
        let told = settle(&house, &json!({"id": id}), "approve", &json!({})).await;
        check_problem(told, whole(404, "no such gate"), id).await;
    }
    assert_eq!(house.json(&path_of(&gate)).await["state"], "open");

    let told = house.client.post(house.url(&format!("{}/refuse", path_of(&gate)))).send().await.expect("an answer");
    let told: Value = told.json().await.expect("a gate");
    assert_eq!(
        (&told["state"], &decision(&told, hook)["reason"]),
        (&json!("refused"), &Value::Null),
        "no reason is none"
    );
    house.close().await;
}

#[tokio::test]
async fn only_admins_decide_and_it_is_on_record_who_did_and_why() {
    let (house, receiver) = (House::new().await, that_says(202, "").await);
    let admin = access::token(&house, "ops", &[Scope::Admin], &[]);
    let others = [Scope::Publish, Scope::Read, Scope::Subscribe];
    let other = access::token(&house, "other", &others, &[]);
    for (act, action) in [("approve", "gate.approved"), ("refuse", "gate.refused")] {
        let (gate, hook) = asked(&house, &admin, &receiver, "pre-deploy").await;
        let path = format!("{}/{act}", path_of(&gate));

        assert_eq!(send(&house, &other, Method::POST, &path, "{}").await.status(), 403);
        assert_eq!(send(&house, "", Method::POST, &path, "{}").await.status(), 401);
        let told = send(&house, &admin, Method::POST, &path, r#"{"reason":"ticket 7"}"#).await;

        assert_eq!(told.status(), 200);
        let told: Value = told.json().await.expect("a gate");
        assert_eq!(decision(&told, hook)["decided_by"], "ops");
        let log = log(&house, &admin, &gate).await;
        assert_eq!(log["items"].as_array().map(Vec::len), Some(1), "{log}");
        let entry = &log["items"][0];
        assert_eq!((&entry["action"], &entry["detail"]), (&json!(action), &json!("ticket 7")));
        assert_eq!((&entry["actor"]["name"], &entry["object"]), (&json!("ops"), &gate["id"]));
    }
    house.close().await;
}

async fn log(house: &House, admin: &str, gate: &Value) -> Value {
    let path = format!("/api/v1/audit?object={}", text(&gate["id"]));
    send(house, admin, Method::GET, &path, "").await.json().await.expect("a log")
}

/// A gate of one hook that was asked by an admin, and the hook.
async fn asked(house: &House, admin: &str, receiver: &Receiver, what: &str) -> (Value, u64) {
    let fields = json!({"url": receiver.url("/"), "event": "pre-deploy"});
    let hook = access::hook(house, admin, &fields).await["id"].as_u64().expect("a number");
    let request = super::asking(house, what, "{}").bearer_auth(admin).header("prefer", "respond-async");
    let response = super::sent(request).await;
    assert_eq!(response.status(), 202);
    (response.json().await.expect("a gate"), hook)
}

#[tokio::test]
async fn an_admin_of_some_applications_decides_about_nothing_but_those() {
    let (house, receiver) = (House::new().await, that_says(202, "").await);
    let admin = access::token(&house, "ops", &[Scope::Admin], &[]);
    let bound = access::token(&house, "shop", &[Scope::Admin], &["shop", "till"]);
    let table = [
        ("pre-deploy", 404),
        ("pre-deploy?application=other", 404),
        ("pre-deploy?application=shop&application=other", 404),
        ("pre-deploy?application=shop", 200),
        ("pre-deploy?application=till&application=shop", 200),
    ];

    for (what, expected) in table {
        let (gate, _) = asked(&house, &admin, &receiver, what).await;
        let path = format!("{}/refuse", path_of(&gate));
        let told = send(&house, &bound, Method::POST, &path, "{}").await;
        assert_eq!(told.status(), expected, "{what}");
        let state = if expected == 200 { "refused" } else { "open" };
        let shown: Value = send(&house, &admin, Method::GET, &path_of(&gate), "").await.json().await.expect("a gate");
        assert_eq!(shown["state"], state, "{what}");
        let entries = log(&house, &admin, &gate).await["items"].as_array().map(Vec::len);
        assert_eq!(entries, Some(usize::from(expected == 200)), "{what}");
    }
    house.close().await;
}

#[tokio::test]
async fn a_yes_that_changes_nothing_is_not_the_reason_of_a_refusal() {
    let (house, no, slow) =
        (House::new().await, that_says(200, r#"{"approved":false,"reason":"frozen"}"#).await, that_hangs().await);
    let first = on_deploy(&house, &no.url("/")).await;
    on_deploy(&house, &slow.url("/")).await;
    let gate = begin(&house, "pre-deploy").await;
    until_decision(&house, &gate, first, "refused").await;

    let answer = settle(&house, &gate, "approve", &json!({"reason": "checked"})).await;

    let gate: Value = answer.json().await.expect("a gate");
    assert_eq!((&gate["state"], &gate["reason"]), (&json!("refused"), &json!("frozen")));
    let log = house.json(&format!("/api/v1/audit?object={}", text(&gate["id"]))).await;
    assert_eq!(log["items"][0]["detail"], "checked; the gate is refused all the same");
    house.close().await;
}
