//! What a hook's owner allows.

use std::time::Duration;

use reqwest::Method;

use super::gate::Gate;
use super::{prove, something_else_arrives};
use crate::house::House;
use crate::receiver::Receiver;

#[tokio::test]
async fn a_hook_gets_no_more_attempts_a_second_than_its_rate_limit() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    let hook = house.subscribe(&receiver.url("/cb"), "E").await;
    let path = format!("/api/v1/hooks/{}", hook["id"]);
    assert_eq!(house.send(Method::PATCH, &path, r#"{"rate_limit":2}"#).await.status(), 200);
    house.clock.advance(Duration::from_secs(1));
    for _ in 0..6 {
        house.publish("E", "{}").await;
    }

    for requests in 1..=6 {
        receiver.wait_for(requests).await;
        something_else_arrives(&house).await;
        assert_eq!(receiver.received().len(), requests);
        house.clock.advance(Duration::from_millis(500));
    }
    house.close().await;
}

#[tokio::test]
async fn a_hook_has_no_more_attempts_in_flight_than_it_allows() {
    let (house, gate) = (House::new().await, Gate::new().await);
    let hook = house.subscribe(&gate.url("/cb"), "E").await;
    prove(&house, &gate, 1, 4).await;
    let path = format!("/api/v1/hooks/{}", hook["id"]);
    assert_eq!(house.send(Method::PATCH, &path, r#"{"max_in_flight":2}"#).await.status(), 200);
    for _ in 0..8 {
        house.publish("E", "{}").await;
    }

    gate.came(4 + 2).await;
    something_else_arrives(&house).await;
    assert_eq!(gate.traffic().in_flight, 2);
    gate.open();
    gate.answered(4 + 8).await;
    house.close().await;
}
