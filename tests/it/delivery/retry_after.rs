//! A receiver may ask to be left alone for a while.

use std::time::Duration;

use serde_json::Value;

use super::{attempted, due_in, house_without_breakers, something_else_arrives};
use crate::house::House;
use crate::receiver::{Receiver, Reply, status};

/// How long a delivery waits after an answer with this `Retry-After`.
async fn wait_after(house: &House, receiver: &Receiver, code: u16, header: &str) -> (Value, Duration) {
    let header = header.to_owned();
    receiver.answer(move |_| Reply { headers: vec![("retry-after", header.clone())], ..status(code) });
    let event = house.publish_and_wait("E", "{}").await;
    let wait = due_in(house, &attempted(house, &event, 1).await);
    (event, wait)
}

const DAY: u64 = 24 * 60 * 60;

#[tokio::test]
async fn a_receiver_is_left_alone_for_as_long_as_it_asked() {
    let house = house_without_breakers().await;
    let receiver = Receiver::new().await;
    house.subscribe(&receiver.url("/cb"), "E").await;
    // It is 22:13:20 GMT; the schedule alone would wait for 9 to 11 seconds.
    let table = [
        (429, "120", 120),
        (503, "120", 120),
        (500, "30", 30),
        (302, "30", 30),
        (429, "Tue, 14 Nov 2023 22:23:20 GMT", 600),
        (503, "Tuesday, 14-Nov-23 22:23:20 GMT", 600),
    ];

    for (code, header, seconds) in table {
        let (_, wait) = wait_after(&house, &receiver, code, header).await;
        assert_eq!(wait, Duration::from_secs(seconds), "{code} with {header}");
    }
    house.close().await;
}

#[tokio::test]
async fn a_receiver_cannot_ask_for_more_than_a_day() {
    let house = House::new().await;
    let receiver = Receiver::new().await;
    house.subscribe(&receiver.url("/cb"), "E").await;

    for header in ["86401", "999999999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"] {
        let (_, wait) = wait_after(&house, &receiver, 503, header).await;
        assert_eq!(wait, Duration::from_secs(DAY), "{header}");
    }
    house.close().await;
}

#[tokio::test]
async fn what_asks_for_less_than_the_schedule_or_makes_no_sense_waits_as_scheduled() {
    let house = house_without_breakers().await;
    let receiver = Receiver::new().await;
    house.subscribe(&receiver.url("/cb"), "E").await;

    for header in ["0", "1", "-5", "soon", "1.5", "", "Sun, 06 Nov 1994 08:49:37 GMT"] {
        let (_, wait) = wait_after(&house, &receiver, 429, header).await;
        assert!((9_000..=11_000).contains(&wait.as_millis()), "{header}: {wait:?}");
    }
    house.close().await;
}

#[tokio::test]
async fn nothing_comes_before_the_time_that_was_asked_for() {
    let house = House::new().await;
    let receiver = Receiver::new().await;
    house.subscribe(&receiver.url("/cb"), "E").await;
    let (event, _) = wait_after(&house, &receiver, 429, "300").await;

    house.clock.advance(Duration::from_millis(299_999));
    something_else_arrives(&house).await;
    assert_eq!(receiver.received().len(), 1);

    house.clock.advance(Duration::from_millis(1));
    attempted(&house, &event, 2).await;
    assert_eq!(receiver.received().len(), 2);
    house.close().await;
}
