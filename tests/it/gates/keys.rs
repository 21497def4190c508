//! `Idempotency-Key`: who asks twice asks nobody twice.

use std::time::Duration;

use futures_util::future::join_all;
use nyala::domain::token::Scope;
use reqwest::RequestBuilder;
use serde_json::{Value, json};

use super::{asking, decided, on_deploy, says, sent, that_says};
use crate::access;
use crate::bad_input::{Refusal, check_problem};
use crate::house::House;
use crate::receiver::{Receiver, status};

const REUSED: Refusal = Refusal { status: 422, field: "Idempotency-Key", remedy: "use a new key" };

fn keyed(house: &House, what: &str, payload: &str) -> RequestBuilder {
    asking(house, what, payload).header("idempotency-key", "k")
}

async fn house_and_receiver() -> (House, Receiver) {
    let (house, receiver) = (House::new().await, that_says(200, r#"{"work_id":"w"}"#).await);
    on_deploy(&house, &receiver.url("/")).await;
    (house, receiver)
}

#[tokio::test]
async fn a_repeated_ask_is_the_same_gate_and_asks_nobody() {
    let (house, receiver) = house_and_receiver().await;

    let first = decided(keyed(&house, "pre-deploy", "{}")).await;
    receiver.answer(|_| says(200, r#"{"approved":false}"#));
    house.clock.advance(Duration::from_hours(23));
    let again = decided(keyed(&house, "PRE-deploy?timeout=1s", "{}")).await;
    let without = decided(asking(&house, "pre-deploy", "{}")).await;

    assert_eq!((&again, &first["state"]), (&first, &json!("approved")));
    assert_ne!(without["id"], first["id"]);
    assert_eq!(receiver.received().len(), 2);
    house.close().await;
}

#[tokio::test]
async fn asks_with_one_key_at_the_same_moment_are_one_gate() {
    let (house, receiver) = house_and_receiver().await;

    let gates = join_all((0..20).map(|_| decided(keyed(&house, "pre-deploy?timeout=20s", "{}")))).await;

    assert!(gates.iter().all(|gate| gate == &gates[0]), "{gates:?}");
    assert_eq!((&gates[0]["state"], receiver.received().len()), (&json!("approved"), 1));
    house.close().await;
}

#[tokio::test]
async fn an_ask_that_is_repeated_while_it_is_open_waits_for_the_same_answer() {
    let (house, receiver) = (House::new().await, that_says(202, "").await);
    on_deploy(&house, &receiver.url("/")).await;
    let first = sent(keyed(&house, "pre-deploy", "{}").header("prefer", "respond-async")).await;
    let question = receiver.wait_for(1).await.remove(0);
    let open: Value = first.json().await.expect("a gate");

    let yes = json!({"token": super::token(&question), "approved": true});

    let again = decided(keyed(&house, "pre-deploy", "{}"));
    let (again, told) = futures_util::join!(again, super::decide(&house, &open, &yes));

    assert_eq!((told.status().as_u16(), &again["id"], &again["state"]), (200, &open["id"], &json!("approved")));
    assert_eq!(receiver.received().len(), 1);
    house.close().await;
}

#[tokio::test]
async fn a_key_that_stands_for_something_else_is_refused() {
    let (house, receiver) = house_and_receiver().await;
    decided(keyed(&house, "pre-deploy", "{}")).await;

    for (what, payload) in [("pre-deploy", "{ }"), ("pre-deploy", r#"{"a":1}"#), ("pre-deploy?application=shop", "{}")]
    {
        check_problem(sent(keyed(&house, what, payload)).await, REUSED, what).await;
    }
    let other_event = decided(keyed(&house, "pre-other", r#"{"a":1}"#)).await;

    assert_eq!(other_event["state"], "approved", "keys are those of an event type");
    assert_eq!(receiver.received().len(), 1);
    house.close().await;
}

#[tokio::test]
async fn a_key_is_its_owners_alone() {
    let (house, receiver) = house_and_receiver().await;
    let tokens = ["a", "b"].map(|name| access::token(&house, name, &[Scope::Publish], &[]));

    let mut ids = vec![];
    for token in [&tokens[0], &tokens[1], &tokens[0]] {
        ids.push(decided(keyed(&house, "pre-deploy", "{}").bearer_auth(token)).await["id"].clone());
    }

    assert_eq!((ids[0] == ids[1], ids[0] == ids[2]), (false, true));
    assert_eq!(receiver.received().len(), 2);
    house.close().await;
}

#[tokio::test]
async fn a_key_of_asking_is_not_one_of_publishing() {
    let (house, receiver) = house_and_receiver().await;
    decided(keyed(&house, "pre-deploy", r#"{"a":1}"#)).await;

    let publish = house.client.post(house.url("/api/hooks/publish/pre-deploy")).header("idempotency-key", "k");
    let published = sent(publish.header("content-type", "application/json").body("{}")).await;

    assert_eq!(published.status(), 200);
    assert_eq!(receiver.wait_for(2).await[1].text(), "{}");
    house.close().await;
}

#[tokio::test]
async fn a_key_is_forgotten_after_a_day() {
    let (house, receiver) = house_and_receiver().await;
    let first = decided(keyed(&house, "pre-deploy", "{}")).await;

    house.clock.advance(Duration::from_hours(24));
    let anew = decided(keyed(&house, "pre-deploy", r#"{"a":1}"#)).await;

    assert_ne!(anew["id"], first["id"]);
    assert_eq!(receiver.received().len(), 2);
    house.close().await;
}

#[tokio::test]
async fn a_key_outlasts_a_restart() {
    let (mut house, receiver) = house_and_receiver().await;
    let first = decided(keyed(&house, "pre-deploy", "{}")).await;

    house.stop().await;
    receiver.answer(|_| status(500));
    house.start_again().await;

    assert_eq!(decided(keyed(&house, "pre-deploy", "{}")).await, first);
    check_problem(sent(keyed(&house, "pre-deploy", "{ }")).await, REUSED, "after a restart").await;
    assert_eq!(receiver.received().len(), 1);
    house.close().await;
}
