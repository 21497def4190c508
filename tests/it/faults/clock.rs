//! Somebody sets the clock by an hour, forth and back: nothing is lost, nothing is
//! attempted twice, and no retry waits longer than it should.

use std::time::Duration;

use nyala::clock::ManualClock;

use crate::delivery::gate::Gate;
use crate::delivery::{attempted, due_in, prove, receiver_that_answers, remove, until_count};
use crate::house::House;
use crate::receiver::{Receiver, status};

const HOUR: Duration = Duration::from_hours(1);

/// A house in which attempts may be held for as long as a test takes, and fail as often.
async fn house() -> House {
    House::with(|settings| {
        settings.policy.timeout = Duration::from_secs(30);
        settings.policy.breaker_failures = u32::MAX;
    })
    .await
}

/// The sweeper has looked at the clock and has done all that follows: it cancels
/// what a removed hook owes at its next look, and the second follows the first.
async fn swept(house: &House) {
    let nobody = receiver_that_answers(500).await;
    for _ in 0..2 {
        let hook = house.subscribe(&nobody.url("/swept"), "Swept").await;
        house.publish_and_wait("Swept", "{}").await;
        remove(house, &hook).await;
        until_count(house, &format!("hook={}&state=cancelled", hook["id"]), 1).await;
    }
}

#[tokio::test]
async fn a_clock_set_forward_an_hour_makes_no_attempt_twice() {
    let (house, gate) = (house().await, Gate::new().await);
    let hook = house.subscribe(&gate.url("/cb"), "E").await;
    prove(&house, &gate, 1, 4).await;
    for _ in 0..4 {
        house.publish("E", "{}").await;
    }
    gate.came(4 + 4).await;

    house.clock.set_forward(HOUR);
    swept(&house).await;
    until_count(&house, &format!("hook={}&state=leased", hook["id"]), 4).await;
    gate.open();

    until_count(&house, &format!("hook={}&state=delivered", hook["id"]), 4 + 4).await;
    assert_eq!(gate.traffic().came, 4 + 4);
    house.close().await;
}

#[tokio::test]
async fn a_clock_set_back_an_hour_makes_no_retry_wait_longer_or_shorter() {
    let (house, receiver) = (house().await, receiver_that_answers(500).await);
    house.subscribe(&receiver.url("/cb"), "E").await;
    let event = house.publish_and_wait("E", "{}").await;
    let wait = due_in(&house, &attempted(&house, &event, 1).await);

    house.clock.set_back(HOUR);
    swept(&house).await;
    let left = due_in(&house, &attempted(&house, &event, 1).await);
    house.clock.advance(wait.saturating_sub(Duration::from_millis(1)));
    swept(&house).await;
    let early = receiver.received().len();
    receiver.answer(|_| status(200));
    house.clock.advance(Duration::from_millis(1));

    assert_eq!((left, early), (wait, 1));
    assert_eq!(attempted(&house, &event, 2).await["state"], "delivered");
    house.close().await;
}

#[tokio::test]
async fn what_was_due_before_the_clock_was_set_back_is_due_after_it() {
    let (house, gate) = (house().await, Gate::new().await);
    let hook = house.subscribe(&gate.url("/cb"), "E").await;
    for _ in 0..40 {
        house.publish("E", "{}").await;
    }
    gate.came(1).await;

    house.clock.set_back(HOUR);
    swept(&house).await;
    gate.open();

    until_count(&house, &format!("hook={}&state=delivered", hook["id"]), 40).await;
    assert_eq!(gate.traffic().came, 40);
    house.close().await;
}

#[tokio::test]
async fn a_clock_that_goes_back_and_forth_loses_nothing_and_doubles_nothing() {
    let (house, receiver) = (house().await, Receiver::new().await);
    let hook = house.subscribe(&receiver.url("/cb"), "E").await;
    let of_hook = format!("hook={}", hook["id"]);
    receiver.answer(|request| status(if request.header("nyala-attempt") == "1" { 500 } else { 200 }));

    for round in 0..6 {
        let (gate, event) = (Gate::new().await, format!("Held{round}"));
        let held = house.subscribe(&gate.url("/cb"), &event).await;
        for _ in 0..3 {
            house.publish(&event, "{}").await;
            house.publish_and_wait("E", "{}").await;
        }
        gate.came(1).await;
        let set = if round % 2 == 0 { ManualClock::set_back } else { ManualClock::set_forward };
        set(&house.clock, HOUR);
        swept(&house).await;
        gate.open();
        until_count(&house, &format!("hook={}&state=delivered", held["id"]), 3).await;
        assert_eq!(gate.traffic().came, 3);
    }
    // Longer than any wait, but far less than an hour.
    house.clock.advance(Duration::from_secs(30));

    until_count(&house, &format!("{of_hook}&state=delivered"), 18).await;
    assert_eq!(receiver.received().len(), 36, "each came twice, and was taken once");
    house.close().await;
}
