//! What answers mean.

use serde_json::{Value, json};

use super::{ask, decision, hook, on_deploy, says, text};
use crate::house::House;
use crate::receiver::{Receiver, Reply, status};

/// An answer; how the decision stands then, and what of it is kept.
const TABLE: [(u16, &str, &str); 28] = [
    (200, "", "approved"),
    (200, "{}", "approved"),
    (200, " \r\n", "approved"),
    (200, r#"{"approved":true}"#, "approved"),
    (201, r#"{"approved":true,"more":[1]}"#, "approved"),
    (204, "", "approved"),
    (299, r#"{"Approved":false}"#, "approved"),
    (200, r#"{"approved":false}"#, "refused"),
    (201, r#"{"approved":false,"reason":"no"}"#, "refused"),
    (200, r#"{"approved":false,"approved":true}"#, "silent"),
    (200, r#"{"approved":"yes"}"#, "silent"),
    (200, r#"{"approved":"false"}"#, "silent"),
    (200, r#"{"approved":null}"#, "silent"),
    (200, r#"{"approved":1}"#, "silent"),
    (200, r#"{"approved":{}}"#, "silent"),
    (200, "<html><body>Sign in</body></html>", "silent"),
    (200, r#"[{"approved":true}]"#, "silent"),
    (200, "1", "silent"),
    (200, "true", "silent"),
    (200, "null", "silent"),
    (200, r#"{"approved":true"#, "silent"),
    (200, r#"{"approved":true} {}"#, "silent"),
    (202, "OK", "silent"),
    (302, r#"{"approved":true}"#, "silent"),
    (400, r#"{"approved":true}"#, "silent"),
    (410, r#"{"approved":true}"#, "silent"),
    (500, r#"{"approved":true}"#, "silent"),
    (503, "", "silent"),
];

#[tokio::test]
async fn a_2xx_that_does_not_say_no_is_a_yes_and_what_cannot_be_understood_is_silence() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    receiver.answer(|question| {
        let (code, body, _) = TABLE[question.path[1..].parse::<usize>().expect("a row")];
        Reply { headers: vec![("location", "/0".to_owned()), ("retry-after", "0".to_owned())], ..says(code, body) }
    });
    let mut made = vec![];
    for row in 0..TABLE.len() {
        made.push(on_deploy(&house, &receiver.url(&format!("/{row}"))).await);
    }

    let gate = ask(&house, "pre-deploy").await;

    for (id, (code, body, state)) in made.iter().zip(TABLE) {
        let decision = decision(&gate, *id);
        let approved = state == "approved";
        assert_eq!((&decision["state"], &decision["approved"]), (&json!(state), &json!(approved)), "{code} {body}");
        assert_eq!(decision["status"], code, "{body}");
        let answer = serde_json::from_str(body).ok().filter(|_| state != "silent");
        assert_eq!(decision["answer"], answer.unwrap_or(Value::Null), "{code} {body}");
        assert_eq!(decision["reason"].is_string(), state == "silent" || body.contains("reason"), "{code} {body}");
        assert!(decision["duration_ms"].as_f64().is_some_and(|duration| duration > 0.0), "{decision}");
        assert!(decision["decided_at"].is_string() && decision["decided_by"].is_null(), "{decision}");
    }
    assert_eq!(gate["state"], "refused");
    assert_eq!(receiver.received().len(), TABLE.len(), "each once: nothing is followed, nothing tried again");
    for id in made {
        assert_eq!(house.json(&format!("/api/v1/hooks/{id}")).await["state"], "active", "a 410 removes nothing");
    }
    house.close().await;
}

#[tokio::test]
async fn silence_means_what_the_hook_says_it_means() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    receiver.answer(|question| match question.path.as_str() {
        "/yes" => status(200),
        "/no" => says(200, r#"{"approved":false}"#),
        _ => status(500),
    });
    let on = |event: &str, path: &str, on_silence: &str| json!({"url": receiver.url(path), "event": event, "on_silence": on_silence});
    for (event, path, on_silence) in [
        ("pre-a", "/silent", "allow"),
        ("pre-a", "/yes", "deny"),
        ("pre-b", "/silent", "allow"),
        ("pre-b", "/silent", "deny"),
        ("pre-c", "/no", "allow"),
    ] {
        hook(&house, &on(event, path, on_silence)).await;
    }

    for (event, state, approved) in [
        ("pre-a", "approved", [Some(true), Some(true)]),
        ("pre-b", "refused", [Some(true), Some(false)]),
        ("pre-c", "refused", [Some(false), None]),
    ] {
        let gate = ask(&house, event).await;
        assert_eq!(gate["state"], state, "{event}");
        let told: Vec<_> = gate["decisions"].as_array().expect("a list").iter().map(|one| &one["approved"]).collect();
        assert_eq!(
            told,
            approved.iter().flatten().map(|yes| json!(yes)).collect::<Vec<_>>().iter().collect::<Vec<_>>()
        );
    }
    house.close().await;
}

#[tokio::test]
async fn what_may_not_be_refused_is_approved_whatever_is_answered() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    receiver.answer(|question| match question.path.as_str() {
        "/no" => says(200, r#"{"approved":false,"work_id":"w"}"#),
        _ => status(500),
    });
    for path in ["/no", "/silent"] {
        hook(&house, &json!({"url": receiver.url(path), "events": ["pre-remove-node", "pre-add-node"]})).await;
    }

    let (remove, add) = (ask(&house, "pre-remove-node").await, ask(&house, "pre-add-node").await);

    assert_eq!((&remove["state"], &remove["work_id"]), (&json!("approved"), &json!("w")));
    assert_eq!(remove["decisions"][0]["state"], "refused", "what it said is kept");
    assert_eq!(add["state"], "refused");
    house.close().await;
}

#[tokio::test]
async fn work_ids_are_texts_or_numbers_and_kept_as_they_are() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    let longest = format!(r#"{{"work_id":"{}"}}"#, "w".repeat(1024));
    let too_long = format!(r#"{{"work_id":"{}"}}"#, "w".repeat(1025));
    let table = [
        (r#"{"work_id":"a-1"}"#.to_owned(), "approved", json!("a-1")),
        (r#"{"work_id":"\"é\n\u0000"}"#.to_owned(), "approved", json!("\"é\n\u{0}")),
        (r#"{"work_id":17}"#.to_owned(), "approved", json!("17")),
        (
            r#"{"work_id":123456789012345678901234567890}"#.to_owned(),
            "approved",
            json!("123456789012345678901234567890"),
        ),
        (r#"{"work_id":1.50}"#.to_owned(), "approved", json!("1.50")),
        (r#"{"work_id":""}"#.to_owned(), "approved", Value::Null),
        (r#"{"work_id":null}"#.to_owned(), "approved", Value::Null),
        (r#"{"work_id":["w"]}"#.to_owned(), "silent", Value::Null),
        (r#"{"work_id":true}"#.to_owned(), "silent", Value::Null),
        (longest, "approved", json!("w".repeat(1024))),
        (too_long, "silent", Value::Null),
    ];
    let bodies: Vec<_> = table.iter().map(|row| row.0.clone()).collect();
    receiver.answer(move |question| says(200, &bodies[question.path[1..].parse::<usize>().expect("a row")]));
    let mut made = vec![];
    for row in 0..table.len() {
        made.push(on_deploy(&house, &receiver.url(&format!("/{row}"))).await);
    }

    let gate = ask(&house, "pre-deploy").await;

    for (id, (body, state, work_id)) in made.into_iter().zip(&table) {
        let decision = decision(&gate, id);
        assert_eq!((&decision["state"], &decision["work_id"]), (&json!(state), work_id), "{body}");
    }
    assert_eq!(gate["work_id"], "a-1", "the first");
    house.close().await;
}

#[tokio::test]
async fn a_reason_is_kept_and_cut_where_it_is_long() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    let id = on_deploy(&house, &receiver.url("/")).await;
    let mut kept = vec![];
    for reason in [json!("frozen until Monday"), json!("é".repeat(600)), json!(7)] {
        let body = json!({"approved": false, "reason": reason}).to_string();
        receiver.answer(move |_| says(200, &body));
        kept.push(decision(&ask(&house, "pre-deploy").await, id)["reason"].clone());
    }

    assert_eq!(kept[0], "frozen until Monday");
    assert_eq!(text(&kept[1]), "é".repeat(512), "1 KiB, and no half of a letter");
    assert_eq!(kept[2], Value::Null);
    house.close().await;
}

#[tokio::test]
async fn an_answer_is_kept_to_the_byte_as_long_as_it_is_64_kib_at_most() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    let id = on_deploy(&house, &receiver.url("/")).await;
    let exact = r#"{ "b": 1.50, "a": 12345678901234567890, "approved": true }"#;
    receiver.answer(move |_| says(200, exact));
    let text = super::sent(super::asking(&house, "pre-deploy", "{}")).await.text().await.expect("a text");
    assert!(text.contains(exact), "{text}");

    let mut states = vec![];
    for length in [60 << 10, 70 << 10, 10 << 20] {
        let body = format!(r#"{{"approved":true,"x":"{}"}}"#, "x".repeat(length));
        receiver.answer(move |_| says(200, &body));
        states.push(decision(&ask(&house, "pre-deploy").await, id)["state"].clone());
    }

    assert_eq!(states, ["approved", "silent", "silent"]);
    house.close().await;
}

#[tokio::test]
async fn a_secret_that_looks_like_part_of_an_answer_does_not_change_what_it_says() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    receiver.answer(|_| says(200, r#"{"approved":false,"reason":"approved by nobody"}"#));
    let id = hook(&house, &json!({"url": receiver.url("/"), "event": "pre-deploy", "headers": {"x-mode": "approved"}}))
        .await;

    let gate = ask(&house, "pre-deploy").await;

    let decision = decision(&gate, id);
    assert_eq!((&gate["state"], &decision["state"]), (&json!("refused"), &json!("refused")));
    assert_eq!(decision["reason"], "*** by nobody");
    assert_eq!(decision["answer"], json!({"***": false, "reason": "*** by nobody"}));
    house.close().await;
}

#[tokio::test]
async fn a_work_id_that_would_tell_the_token_is_no_answer() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    receiver.answer(|request| says(202, &json!({"work_id": request.header("nyala-gate-token")}).to_string()));
    let id = on_deploy(&house, &receiver.url("/")).await;

    let gate = ask(&house, "pre-deploy").await;

    let told = gate.to_string();
    assert_eq!((&gate["state"], &decision(&gate, id)["state"]), (&json!("refused"), &json!("silent")));
    assert!(!told.contains("decide_") && text(&decision(&gate, id)["reason"]).contains("token"), "{told}");
    house.close().await;
}
