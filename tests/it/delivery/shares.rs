//! Nobody takes more than its share of the workers.

use super::gate::Gate;
use super::{prove, something_else_arrives};
use crate::house::House;

#[tokio::test]
async fn one_hook_has_no_more_attempts_in_flight_than_its_share() {
    let house = House::with(|settings| settings.policy.workers_per_hook = 3).await;
    let gate = Gate::new().await;
    house.subscribe(&gate.url("/cb"), "E").await;
    prove(&house, &gate, 1, 3).await;
    for _ in 0..20 {
        house.publish("E", "{}").await;
    }

    gate.came(3 + 3).await;
    something_else_arrives(&house).await;
    assert_eq!(gate.traffic().in_flight, 3, "a hanging hook delays no other and gets no more");

    gate.open();
    gate.answered(3 + 20).await;
    assert_eq!(gate.traffic().most, 3);
    house.close().await;
}

#[tokio::test]
async fn an_attempt_that_ends_makes_room_for_exactly_one() {
    let house = House::with(|settings| settings.policy.workers_per_hook = 2).await;
    let gate = Gate::new().await;
    house.subscribe(&gate.url("/cb"), "E").await;
    prove(&house, &gate, 1, 2).await;
    for _ in 0..6 {
        house.publish("E", "{}").await;
    }

    for came in 4..8 {
        gate.came(came).await;
        something_else_arrives(&house).await;
        assert_eq!((gate.traffic().came, gate.traffic().in_flight), (came, 2));
        gate.let_through(1);
    }

    gate.open();
    gate.answered(8).await;
    house.close().await;
}

#[tokio::test]
async fn all_hooks_together_have_no_more_attempts_in_flight_than_there_are_workers() {
    let house = House::with(|settings| {
        settings.policy.workers = 6;
        settings.policy.workers_per_hook = 4;
    })
    .await;
    let gate = Gate::new().await;
    for path in ["/a", "/b", "/c"] {
        house.subscribe(&gate.url(path), "E").await;
    }
    prove(&house, &gate, 3, 4).await;
    for _ in 0..10 {
        house.publish("E", "{}").await;
    }

    gate.came(12 + 6).await;
    gate.let_through(7);
    gate.came(12 + 13).await;
    gate.open();
    gate.answered(12 + 30).await;

    assert_eq!(gate.traffic().most, 6);
    house.close().await;
}

#[tokio::test]
async fn many_hanging_hooks_delay_nobody_while_a_worker_is_free() {
    let house = House::with(|settings| {
        settings.policy.workers = 9;
        settings.policy.workers_per_hook = 2;
    })
    .await;
    let gate = Gate::new().await;
    for path in ["/a", "/b", "/c", "/d"] {
        house.subscribe(&gate.url(path), "E").await;
    }
    prove(&house, &gate, 4, 2).await;
    for _ in 0..50 {
        house.publish("E", "{}").await;
    }
    gate.came(8 + 8).await;

    for _ in 0..3 {
        something_else_arrives(&house).await;
    }
    assert_eq!(gate.traffic().in_flight, 8);

    gate.open();
    gate.answered(8 + 200).await;
    house.close().await;
}
