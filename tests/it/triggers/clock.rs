//! Somebody sets the clock.

use std::time::Duration;

use serde_json::json;

use super::{executions, over, published, trigger};
use crate::house::House;

const HOUR: Duration = Duration::from_hours(1);

#[tokio::test]
async fn a_clock_that_is_set_back_a_little_repeats_nothing() {
    let house = House::new().await;
    let tick =
        trigger(&house, &json!({"kind": "scheduler", "name": "t", "cron": "*/5 * * * *", "event": "Tick"})).await;
    house.clock.advance(Duration::from_mins(2));
    over(&house, &tick, 1).await;

    house.clock.set_back(Duration::from_mins(10));
    house.clock.advance(Duration::from_mins(9));
    let quiet = executions(&house, &tick, |items| items.len() == 2).await;
    // From 22:14:20 on: 22:15 has been, 22:20 is next.
    house.clock.advance(Duration::from_mins(6));
    over(&house, &tick, 2).await;

    assert_eq!(quiet[0]["status"], "SCHEDULED");
    assert_eq!(published(&house, "Tick").await, 2);
    house.close().await;
}

#[tokio::test]
async fn a_clock_that_was_wrong_by_years_does_not_silence_a_schedule_for_years() {
    let house = House::new().await;
    let tick =
        trigger(&house, &json!({"kind": "scheduler", "name": "t", "cron": "*/5 * * * *", "event": "Tick"})).await;
    house.clock.set_forward(24 * 365 * HOUR);
    over(&house, &tick, 1).await;

    house.clock.set_back(24 * 365 * HOUR);
    house.clock.advance(Duration::from_mins(1));
    // 22:15 has been, by the clock that was wrong.
    let moved = executions(&house, &tick, |items| items[0]["at"] == "2023-11-14T22:20:00.000Z").await;
    house.clock.advance(Duration::from_mins(6));
    over(&house, &tick, 2).await;

    assert_eq!(moved.len(), 2);
    assert_eq!(published(&house, "Tick").await, 2);
    house.close().await;
}

#[tokio::test]
async fn a_clock_that_is_set_back_keeps_no_retry_waiting_longer() {
    let house = House::new().await;
    let broken = trigger(&house, &json!({"kind": "repository", "name": "b"})).await;
    super::sent(super::calling(&house, &broken).header("x-github-event", "push").body("{")).await;
    over(&house, &broken, 1).await;

    house.clock.set_back(5 * HOUR);
    house.clock.advance(Duration::from_secs(20));
    let earlier = |items: &[serde_json::Value]| items[0]["due_at"] != "2023-11-14T22:15:20.000Z";
    executions(&house, &broken, earlier).await;
    house.clock.advance(Duration::from_secs(100));

    executions(&house, &broken, |items| items[0]["errors"] == 2).await;
    house.close().await;
}

#[tokio::test]
async fn a_clock_that_is_set_forward_fires_what_is_due_then_once() {
    let house = House::new().await;
    let tick =
        trigger(&house, &json!({"kind": "scheduler", "name": "t", "cron": "*/5 * * * *", "event": "Tick"})).await;

    house.clock.set_forward(6 * HOUR);
    let done = over(&house, &tick, 1).await;

    assert_eq!(done[0]["at"], "2023-11-15T04:15:00.000Z");
    assert_eq!(published(&house, "Tick").await, 1);
    house.close().await;
}
