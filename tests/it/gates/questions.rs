//! What a hook that is asked gets.

use std::time::Duration;

use chrono::DateTime;
use serde_json::{Value, json};

use super::{ask, asking, decided, decision, hook, on_deploy, path_of, says, text, that_says, token};
use crate::house::{House, START};
use crate::receiver::{Received, Receiver, Reply, status};
use crate::secrets::is_v1;

/// The only question that came.
fn question(receiver: &Receiver) -> Received {
    let mut all = receiver.received();
    assert_eq!(all.len(), 1);
    all.remove(0)
}

#[tokio::test]
async fn a_question_is_the_payload_to_the_byte_and_says_which_gate_it_is_of() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    on_deploy(&house, &receiver.url("/ask?a=b")).await;
    let payload = "{ \"b\" : 1.50,\r\n \"a\":\"\\u00e9é\", \"b\":2, \"work_id\":\"mine\" }\n";

    let gate = decided(asking(&house, "Pre-Deploy", payload)).await;

    let question = question(&receiver);
    assert_eq!((question.method.as_str(), question.path.as_str(), question.text()), ("POST", "/ask?a=b", payload));
    let id = text(&gate["id"]);
    assert!(id.starts_with("gate_"), "{id}");
    for (name, value) in [
        ("webhook-id", id),
        ("nyala-gate", id),
        ("nyala-event", "Pre-Deploy"),
        ("nyala-gate-expires", text(&gate["expires_at"])),
        ("content-type", "application/json; charset=utf-8"),
        ("nyala-delivery", ""),
        ("nyala-attempt", ""),
        ("authorization", ""),
    ] {
        assert_eq!(question.header(name), value, "{name}");
    }
    assert!(token(&question).starts_with("decide_") && token(&question).len() > 40);
    assert!(DateTime::parse_from_rfc3339(question.header("nyala-gate-expires")).is_ok());
    assert_eq!(question.header("webhook-timestamp"), (START / 1000).to_string());
    house.close().await;
}

#[tokio::test]
async fn each_hook_of_each_gate_has_a_token_of_its_own_that_is_shown_to_nobody_else() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    for path in ["/a", "/b"] {
        on_deploy(&house, &receiver.url(path)).await;
    }

    let gates = [ask(&house, "pre-deploy").await, ask(&house, "pre-deploy").await];

    let mut tokens: Vec<_> = receiver.received().iter().map(|question| token(question).to_owned()).collect();
    for gate in &gates {
        let shown = house.json(&path_of(gate)).await.to_string();
        assert!(tokens.iter().all(|token| !shown.contains(token)), "{shown}");
    }
    tokens.sort();
    tokens.dedup();
    assert_eq!(tokens.len(), 4);
    let file = std::fs::read(house.database()).expect("the database");
    let kept = |token: &String| file.windows(token.len()).any(|window| window == token.as_bytes());
    assert!(!tokens.iter().any(kept), "only their hashes are kept");
    house.close().await;
}

#[tokio::test]
async fn a_question_is_signed_and_has_the_headers_and_credentials_of_its_hook() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    let url = receiver.url("/").replace("//", "//us%20er:pass@");
    let fields = json!({"url": url, "event": "pre-deploy", "headers": {"x-key": "something secret"}});
    let made = house.send(reqwest::Method::POST, "/api/v1/hooks", &fields.to_string()).await;
    let made: Value = made.json().await.expect("a hook");

    assert_eq!(ask(&house, "pre-deploy").await["state"], "approved");

    let question = question(&receiver);
    assert!(is_v1(&question, 0, text(&made["secret"])), "{question:?}");
    assert_eq!(question.header("x-key"), "something secret");
    assert_eq!(question.header("authorization"), "Basic dXMgZXI6cGFzcw==");
    house.close().await;
}

#[tokio::test]
async fn an_answer_that_repeats_what_it_was_sent_is_kept_without_secrets() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    let url = receiver.url("/").replace("//", "//user:pass-word@");
    let fields = json!({"url": url, "event": "pre-deploy", "headers": {"x-key": "something secret"}});
    let id = hook(&house, &fields).await;
    receiver.answer(|question| {
        let echo = |name| question.header(name);
        let body = json!({
            "approved": false,
            "reason": format!("{} {}", echo("x-key"), echo("nyala-gate-token")),
            "headers": {"x-key": echo("x-key"), "authorization": echo("authorization"), "t": echo("nyala-gate-token")},
        });
        says(200, &body.to_string())
    });

    let gate = ask(&house, "pre-deploy").await;

    assert_eq!(decision(&gate, id)["state"], "refused", "it is still understood");
    assert_eq!(decision(&gate, id)["reason"], "*** ***");
    let shown = house.json(&path_of(&gate)).await.to_string();
    for secret in ["something secret", "dXNlcjpwYXNzLXdvcmQ=", "decide_"] {
        assert!(!gate.to_string().contains(secret) && !shown.contains(secret), "{secret}: {gate}");
    }
    house.close().await;
}

#[tokio::test]
async fn who_asks_cannot_decide_by_a_token_that_a_receiver_repeats() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    receiver.answer(|question| says(202, &json!({"headers": {"nyala-gate-token": token(question)}}).to_string()));
    let (gate, hook, question) = super::pending(&house, &receiver, "pre-deploy").await;

    let shown = house.json(&path_of(&gate)).await;

    assert!(!shown.to_string().contains(&token(&question)["decide_".len()..]), "{shown}");
    assert_eq!(decision(&shown, hook)["answer"]["headers"]["nyala-gate-token"], "***");
    house.close().await;
}

#[tokio::test]
async fn a_hook_whose_address_is_not_open_is_silent_and_never_connected_to() {
    let (mut house, receiver) = (House::new().await, Receiver::new().await);
    let id = on_deploy(&house, &receiver.url("/")).await;
    house.stop().await;
    house.change(|settings| settings.allow_network.clear());
    house.start_again().await;

    let gate = ask(&house, "pre-deploy").await;

    let decision = decision(&gate, id);
    assert_eq!((&gate["state"], &decision["state"]), (&json!("refused"), &json!("silent")));
    assert!(text(&decision["reason"]).contains("--allow-network"), "{decision}");
    assert_eq!(receiver.received().len(), 0);
    house.close().await;
}

#[tokio::test]
async fn a_redirection_is_not_followed() {
    let (house, elsewhere) = (House::new().await, Receiver::new().await);
    let (receiver, url) = (Receiver::new().await, elsewhere.url("/"));
    receiver.answer(move |_| Reply { headers: vec![("location", url.clone())], ..status(307) });
    let id = on_deploy(&house, &receiver.url("/")).await;

    let gate = ask(&house, "pre-deploy").await;

    assert_eq!(decision(&gate, id)["reason"], "answered 307 Temporary Redirect");
    assert_eq!((receiver.received().len(), elsewhere.received().len()), (1, 0));
    house.close().await;
}

#[tokio::test]
async fn nothing_is_delivered_or_published_by_asking() {
    let (house, receiver) = (House::new().await, that_says(200, "").await);
    hook(&house, &json!({"url": receiver.url("/"), "event": "*"})).await;
    on_deploy(&house, &receiver.url("/asked")).await;

    ask(&house, "pre-deploy").await;
    house.clock.advance(Duration::from_hours(1));

    for path in ["/api/v1/events", "/api/v1/deliveries"] {
        assert_eq!(house.json(path).await["items"], json!([]), "{path}");
    }
    assert_eq!(question(&receiver).path, "/asked");
    house.close().await;
}

#[tokio::test]
async fn no_question_goes_over_a_connection_that_a_delivery_or_another_hooks_question_went_over() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    for (path, events) in [("/told", ["noise"]), ("/one", ["pre-deploy"]), ("/two", ["pre-deploy"])] {
        hook(&house, &json!({"url": receiver.url(path), "events": events})).await;
    }

    for _ in 0..3 {
        house.publish_and_wait("noise", "{}").await;
        ask(&house, "pre-deploy").await;
    }

    let over = |path: &str| {
        let requests = receiver.received().into_iter().filter(|request| request.path == path);
        requests.map(|request| request.connection).collect::<std::collections::BTreeSet<_>>()
    };
    let (told, one, two) = (over("/told"), over("/one"), over("/two"));
    assert_eq!((one.len(), two.len()), (1, 1), "each keeps its own");
    assert!(told.is_disjoint(&one) && told.is_disjoint(&two) && one.is_disjoint(&two), "{told:?} {one:?} {two:?}");
    house.close().await;
}
