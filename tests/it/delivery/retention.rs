//! What has grown old goes, what is owed does not, and the disk gets its room back.

use std::time::Duration;

use nyala::domain::retention::{Keep, Retention};
use reqwest::StatusCode;
use rusqlite::{Connection, params};
use serde_json::{Value, json};

use super::gate::Gate;
use super::{attempted, path_of_delivery, publishing, receiver_that_answers, sent, text, until_count};
use crate::house::{House, within};
use crate::receiver::Receiver;

const HOUR: Duration = Duration::from_hours(1);

/// A house where finished events are kept for an hour, and what is owed for so long.
async fn house_where_owed_is_kept(owed: Keep) -> House {
    House::with(|settings| {
        settings.retention = Retention { finished: Keep::For(HOUR), owed, audit: Keep::Forever, bytes: None }
    })
    .await
}

fn path(event: &Value) -> String {
    format!("/api/v1/events/{}", text(&event["id"]))
}

async fn is_there(house: &House, event: &Value) -> bool {
    house.get(&path(event)).await.status() == StatusCode::OK
}

/// Waits until an event is gone; each look lets the clock go on a little.
async fn gone(house: &House, event: &Value) {
    let going = async {
        while is_there(house, event).await {
            house.clock.advance(Duration::from_secs(1));
        }
    };
    within("an event is removed", going).await;
}

#[tokio::test]
async fn a_finished_event_goes_with_its_deliveries_when_it_is_old_and_not_before() {
    let (house, receiver) = (house_where_owed_is_kept(Keep::Forever).await, Receiver::new().await);
    let hook = house.subscribe(&receiver.url("/cb"), "E").await;
    let old = house.publish_and_wait("E", "{}").await;
    let delivery = path_of_delivery(&house, &old).await;
    house.clock.advance(HOUR / 2);
    let young = house.publish_and_wait("E", "{}").await;

    house.clock.advance(HOUR / 2 + Duration::from_secs(20));
    gone(&house, &old).await;

    assert!(is_there(&house, &young).await);
    assert_eq!(house.get(&delivery).await.status(), StatusCode::NOT_FOUND);
    until_count(&house, &format!("hook={}", hook["id"]), 1).await;
    house.close().await;
}

#[tokio::test]
async fn a_hook_whose_last_event_has_gone_is_shown_without_a_context() {
    let (house, receiver) = (house_where_owed_is_kept(Keep::Forever).await, Receiver::new().await);
    let hook = house.subscribe(&receiver.url("/cb"), "E").await;
    let event = house.publish_and_wait("E", "{}").await;

    house.clock.advance(HOUR);
    gone(&house, &event).await;

    let hook = house.json(&format!("/api/hooks/{}", hook["id"])).await;
    assert_eq!((&hook["last_status"], hook.get("last_context")), (&json!("OK"), None), "{hook}");
    house.close().await;
}

#[tokio::test]
async fn what_is_owed_stays_however_old_it_is_until_it_has_arrived() {
    let house = house_where_owed_is_kept(Keep::Forever).await;
    let gate = Gate::new().await;
    house.subscribe(&gate.url("/cb"), "Owed").await;
    let owed = house.publish("Owed", "{}").await;
    let other = house.publish("Unwanted", "{}").await;
    gate.came(1).await;

    house.clock.advance(HOUR * 24 * 365);
    gone(&house, &other).await;
    assert!(is_there(&house, &owed).await);

    gate.open();
    attempted(&house, &owed, 1).await;
    // It was passed over; the walk begins anew after a few minutes.
    house.clock.advance(Duration::from_mins(6));
    gone(&house, &owed).await;
    house.close().await;
}

#[tokio::test]
async fn what_is_owed_too_long_becomes_dead_and_says_why() {
    let owed_an_hour = Retention { finished: Keep::Forever, owed: Keep::For(HOUR), audit: Keep::Forever, bytes: None };
    let house = House::with(|settings| {
        settings.retention = owed_an_hour;
        settings.policy.retry_schedule = "10h,10h".parse().expect("a schedule");
    });
    let (house, receiver) = (house.await, receiver_that_answers(500).await);
    house.subscribe(&receiver.url("/cb"), "E").await;
    let event = house.publish_and_wait("E", "{}").await;
    assert_eq!(attempted(&house, &event, 1).await["reason"], json!(null));

    house.clock.advance(HOUR + Duration::from_mins(6));

    let path = path_of_delivery(&house, &event).await;
    let dead = house.until(&path, |delivery| delivery["state"] == "dead").await;
    assert!(text(&dead["reason"]).contains("owed-retention"), "{dead}");
    assert!(dead["finished_at"].is_string() && dead["due_at"].is_null());
    assert_eq!(dead["attempts"][0]["status"], 500);
    house.clock.advance(HOUR * 24);
    house.publish_and_wait("Else", "{}").await;
    assert_eq!(receiver.received().len(), 1);
    house.close().await;
}

#[tokio::test]
async fn the_key_of_an_event_that_has_gone_publishes_anew() {
    let house = house_where_owed_is_kept(Keep::Forever).await;
    let keyed = |house: &House| sent(publishing(house, "E", "{}").header("idempotency-key", "k"));
    let first: Value = keyed(&house).await.json().await.expect("an answer");
    let repeat: Value = keyed(&house).await.json().await.expect("an answer");
    assert_eq!(first["id"], repeat["id"]);

    house.clock.advance(HOUR);
    gone(&house, &first).await;
    let anew: Value = keyed(&house).await.json().await.expect("an answer");

    assert_ne!(anew["id"], first["id"]);
    assert!(is_there(&house, &anew).await);
    house.close().await;
}

/// A payload of 256 KiB.
fn large() -> String {
    format!("\"{}\"", "x".repeat(256 << 10))
}

#[tokio::test]
async fn when_the_database_is_too_large_the_oldest_finished_events_go_until_it_fits() {
    let house = House::with(|settings| settings.retention.bytes = Some(4 << 20)).await;
    let gate = Gate::new().await;
    house.subscribe(&gate.url("/cb"), "Owed").await;
    let owed = house.publish("Owed", "{}").await;
    let mut events = vec![];
    for _ in 0..24 {
        events.push(house.publish("Large", &large()).await);
    }

    house.clock.advance(Duration::from_secs(20));
    gone(&house, &events[8]).await;

    let mut there = vec![];
    for event in &events {
        there.push(is_there(&house, event).await);
    }
    assert!(there.is_sorted(), "the oldest go first: {there:?}");
    let kept = there.iter().filter(|there| **there).count();
    assert!((13..=15).contains(&kept), "4 MiB hold some 15 of them: {kept}");
    assert!(is_there(&house, &owed).await, "what is owed stays");
    gate.open();
    attempted(&house, &owed, 1).await;
    house.close().await;
}

#[tokio::test]
async fn the_file_becomes_shorter_while_lists_are_read() {
    let mut house = house_where_owed_is_kept(Keep::Forever).await;
    for _ in 0..80 {
        house.publish("Large", &large()).await;
    }
    // A stop brings the log into the file.
    house.stop().await;
    house.start_again().await;
    let length = || std::fs::metadata(house.database()).expect("a file").len();
    assert!(length() > 20 << 20);

    house.clock.advance(HOUR * 2);
    let shrinking = async {
        while house.json("/api/v1/events").await["items"] != json!([]) || length() > 5 << 20 {
            house.clock.advance(Duration::from_secs(15));
        }
    };
    within("the file shrinks", shrinking).await;

    assert!(length() > 0);
    let event = house.publish("Large", &large()).await;
    assert_eq!(house.json(&path(&event)).await["bytes"], large().len());
    house.close().await;
}

/// Nobody can ask for a redelivery yet, but the store has a place for one.
#[tokio::test]
async fn an_event_stays_while_a_redelivery_of_it_is_owed() {
    let mut house = house_where_owed_is_kept(Keep::Forever).await;
    let receiver = Receiver::new().await;
    let hook = house.subscribe(&receiver.url("/cb"), "E").await;
    let event = house.publish_and_wait("E", "{}").await;
    house.stop().await;
    redeliver(&house, hook["id"].as_i64().expect("a number"));
    house.clock.advance(HOUR);
    house.start_again().await;

    let other = house.publish("Else", "{}").await;
    house.clock.advance(HOUR + Duration::from_mins(6));
    gone(&house, &other).await;
    assert!(is_there(&house, &event).await);

    house.clock.advance(HOUR * 1000);
    receiver.wait_for(2).await;
    house.clock.advance(Duration::from_mins(6));
    gone(&house, &event).await;
    house.close().await;
}

/// Adds a redelivery of the first delivery, due in a hundred hours.
fn redeliver(house: &House, hook: i64) {
    let conn = Connection::open(house.database()).expect("the database");
    let due_at = crate::house::START + 100 * 3_600_000;
    let add = "
        INSERT INTO deliveries (seq, event_seq, hook_id, state, attempts, due_at, redelivers)
        SELECT max(c.seq, d.seq) + 1, d.event_seq, d.hook_id, 0, 0, ?1, d.seq
        FROM deliveries AS d, counter AS c";
    conn.execute(add, [due_at]).expect("a redelivery");
    conn.execute("UPDATE counter SET seq = seq + 1", []).expect("a counter");
    let queue = "INSERT INTO hook_queues (hook_id, due_at) VALUES (?1, ?2)";
    conn.execute(queue, params![hook, due_at]).expect("a queue");
}
