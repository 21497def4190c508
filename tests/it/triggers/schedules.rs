//! Triggers that fire by themselves.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::{executions, over, path, payload, published, trigger};
use crate::house::House;

const MINUTE: Duration = Duration::from_mins(1);

async fn schedule(house: &House, fields: &Value) -> Value {
    let mut all = json!({"kind": "scheduler", "name": "tick", "event": "Tick"});
    all.as_object_mut().expect("fields").extend(fields.as_object().expect("fields").clone());
    trigger(house, &all).await
}

/// The house begins at 22:13:20.
#[tokio::test]
async fn a_schedule_fires_at_its_time_and_not_before() {
    let house = House::new().await;
    let fields = json!({"cron": "*/5 * * * *", "payload": {"environment": "staging"}, "application": "shop"});
    let trigger = schedule(&house, &fields).await;
    assert_eq!(trigger["next_at"], "2023-11-14T22:15:00.000Z");

    house.clock.advance(Duration::from_secs(99));
    let before = executions(&house, &trigger, |items| items.len() == 1).await;
    house.clock.advance(Duration::from_secs(1));
    let after = over(&house, &trigger, 1).await;

    assert_eq!((&before[0]["status"], before[0]["events"].as_array().map(Vec::len)), (&json!("SCHEDULED"), Some(0)));
    assert_eq!(after.len(), 2, "the next one is there");
    assert_eq!((&after[0]["status"], &after[0]["at"]), (&json!("SCHEDULED"), &json!("2023-11-14T22:20:00.000Z")));
    assert_eq!((&after[1]["status"], &after[1]["at"]), (&json!("DONE"), &json!("2023-11-14T22:15:00.000Z")));
    let told = payload(&house, &after[1]).await;
    assert_eq!(
        (&told["environment"], &told["cds.triggered_by.username"]),
        (&json!("staging"), &json!("cds.scheduler"))
    );
    assert_eq!(told["nyala.scheduled_at"], "2023-11-14T22:15:00.000Z");
    house.close().await;
}

#[tokio::test]
async fn a_schedule_is_told_in_words_with_its_next_firings_and_nothing_is_kept() {
    let house = House::new().await;
    let fields = r#"{"cron":"30 2 * * *","timezone":"Europe/Paris"}"#;

    let preview = house.send(Method::POST, "/api/v1/triggers/preview", fields).await;
    let preview: Value = preview.json().await.expect("a preview");

    assert_eq!(preview["words"], "at 02:30 every day, in Europe/Paris");
    let next: Vec<_> =
        preview["next"].as_array().expect("a list").iter().map(|at| at.as_str().expect("text")).collect();
    assert_eq!(next.len(), 5);
    assert_eq!(next[0], "2023-11-15T02:30:00+01:00");
    assert_eq!(house.json("/api/v1/triggers").await["items"], json!([]));
    house.close().await;
}

#[tokio::test]
async fn what_was_missed_is_made_up_for_as_the_trigger_has_it() {
    let mut house = House::new().await;
    let once = schedule(&house, &json!({"cron": "*/5 * * * *", "missed": "once", "event": "Once"})).await;
    let all = schedule(&house, &json!({"cron": "*/5 * * * *", "missed": "all", "event": "All"})).await;
    let skip = schedule(&house, &json!({"cron": "*/5 * * * *", "missed": "skip", "event": "Skip"})).await;
    house.stop().await;

    // Until 22:43:20: six firings are missed.
    house.clock.advance(30 * MINUTE);
    house.start_again().await;
    let made_all = over(&house, &all, 6).await;
    let made_once = over(&house, &once, 1).await;
    let made_none = over(&house, &skip, 1).await;

    assert_eq!(
        (published(&house, "Once").await, published(&house, "All").await, published(&house, "Skip").await),
        (1, 6, 0)
    );
    assert_eq!(made_none[1]["error"], "missed: it was due at 2023-11-14T22:15:00.000Z");
    for executions in [made_all, made_once, made_none] {
        assert_eq!(executions[0]["at"], "2023-11-14T22:45:00.000Z", "the next one is in the future");
    }
    house.clock.advance(2 * MINUTE);
    over(&house, &skip, 2).await;
    assert_eq!(published(&house, "Skip").await, 1);
    house.close().await;
}

#[tokio::test]
async fn a_firing_that_is_a_little_late_is_none_that_was_missed() {
    let mut house = House::new().await;
    let skip = schedule(&house, &json!({"cron": "*/5 * * * *", "missed": "skip"})).await;
    house.stop().await;

    house.clock.advance(Duration::from_secs(150));
    house.start_again().await;
    over(&house, &skip, 1).await;

    assert_eq!(published(&house, "Tick").await, 1);
    house.close().await;
}

#[tokio::test]
async fn another_schedule_takes_effect_at_once() {
    let house = House::new().await;
    let trigger = schedule(&house, &json!({"cron": "0 12 * * *"})).await;

    let changed = house.send(Method::PATCH, &path(&trigger), r#"{"cron":"14 22 * * *"}"#).await;
    let changed: Value = changed.json().await.expect("a trigger");
    house.clock.advance(MINUTE);
    over(&house, &trigger, 1).await;

    assert_eq!(changed["next_at"], "2023-11-14T22:14:00.000Z");
    assert_eq!(published(&house, "Tick").await, 1);
    house.close().await;
}

#[tokio::test]
async fn a_stopped_schedule_skips_what_it_was_about_to_do_and_goes_on_when_it_is_started() {
    let house = House::new().await;
    let trigger = schedule(&house, &json!({"cron": "* * * * *"})).await;
    house.send(Method::POST, &format!("{}/stop", path(&trigger)), "").await;

    house.clock.advance(MINUTE);
    let skipped = over(&house, &trigger, 1).await;
    house.clock.advance(60 * MINUTE);
    house.send(Method::POST, &format!("{}/start", path(&trigger)), "").await;
    house.clock.advance(MINUTE);
    over(&house, &trigger, 2).await;

    assert_eq!((skipped.len(), &skipped[0]["result"]), (1, &json!("skipped")));
    assert_eq!(published(&house, "Tick").await, 1, "what was due while it was stopped is not made up for");
    house.close().await;
}

#[tokio::test]
async fn a_schedule_that_a_person_fires_keeps_to_its_times() {
    let house = House::new().await;
    let trigger = schedule(&house, &json!({"cron": "*/5 * * * *"})).await;

    let fired = house.send(Method::POST, &format!("{}/fire", path(&trigger)), "").await;
    assert_eq!(fired.status(), 202);
    over(&house, &trigger, 1).await;
    house.clock.advance(2 * MINUTE);
    let done = over(&house, &trigger, 2).await;

    assert_eq!(done.len(), 3);
    assert_eq!(published(&house, "Tick").await, 2);
    house.close().await;
}

#[tokio::test]
async fn an_execution_that_is_stopped_before_its_time_publishes_nothing_and_the_next_one_does() {
    let house = House::new().await;
    let trigger = schedule(&house, &json!({"cron": "*/5 * * * *"})).await;
    let waiting = executions(&house, &trigger, |items| items.len() == 1).await;
    let id = waiting[0]["id"].as_str().expect("an id");

    let stopped = house.send(Method::POST, &format!("{}/executions/{id}/stop", path(&trigger)), "").await;
    let again = house.send(Method::POST, &format!("{}/executions/{id}/stop", path(&trigger)), "").await;
    house.clock.advance(7 * MINUTE);
    let done = over(&house, &trigger, 2).await;

    assert_eq!((stopped.status().as_u16(), again.status().as_u16()), (204, 409));
    assert_eq!(published(&house, "Tick").await, 1);
    assert_eq!(done[1]["at"], "2023-11-14T22:20:00.000Z");
    house.close().await;
}

#[tokio::test]
async fn a_firing_that_is_stopped_long_before_its_time_does_not_come_back() {
    let mut house = House::new().await;
    let trigger = schedule(&house, &json!({"cron": "@daily"})).await;
    let waiting = executions(&house, &trigger, |items| items.len() == 1).await;
    assert_eq!(waiting[0]["at"], "2023-11-15T00:00:00.000Z");
    let id = waiting[0]["id"].as_str().expect("an id");

    let stopped = house.send(Method::POST, &format!("{}/executions/{id}/stop", path(&trigger)), "").await;
    house.send(Method::PATCH, &path(&trigger), r#"{"name":"another"}"#).await;
    house.stop().await;
    house.start_again().await;
    house.clock.advance(Duration::from_hours(3));
    let ahead = executions(&house, &trigger, |items| items.len() == 2).await;

    assert_eq!(stopped.status(), 204);
    assert_eq!((&ahead[0]["status"], &ahead[0]["at"]), (&json!("SCHEDULED"), &json!("2023-11-16T00:00:00.000Z")));
    assert_eq!(published(&house, "Tick").await, 0);
    house.close().await;
}

#[tokio::test]
async fn executions_that_are_removed_leave_the_schedule_going() {
    let house = House::new().await;
    let trigger = schedule(&house, &json!({"cron": "*/5 * * * *"})).await;
    house.clock.advance(2 * MINUTE);
    over(&house, &trigger, 1).await;

    let removed = house.send(Method::DELETE, &format!("{}/executions", path(&trigger)), "").await;
    let left = executions(&house, &trigger, |items| items.len() == 1).await;
    house.clock.advance(5 * MINUTE);
    over(&house, &trigger, 1).await;

    assert_eq!((removed.status().as_u16(), &left[0]["at"]), (204, &json!("2023-11-14T22:20:00.000Z")));
    assert_eq!(published(&house, "Tick").await, 2);
    house.close().await;
}

#[tokio::test]
async fn a_schedule_across_a_change_of_clocks_fires_once_each_day() {
    let house = House::new().await;
    let fields = json!({"cron": "30 1 * * *", "timezone": "Europe/London", "missed": "all"});
    let trigger = schedule(&house, &fields).await;

    // From 14 November 2023 until 30 October 2024: both changes lie between.
    house.clock.advance(Duration::from_hours(24 * 351));
    over(&house, &trigger, 351).await;

    assert_eq!(published(&house, "Tick").await, 351);
    house.close().await;
}

#[tokio::test]
async fn a_missed_firing_that_is_stopped_takes_no_other_along() {
    let house = House::new().await;
    let trigger = schedule(&house, &json!({"cron": "* * * * *", "missed": "all"})).await;
    house.send(Method::PUT, "/api/v1/maintenance", r#"{"enabled":true}"#).await;
    house.clock.advance(5 * MINUTE);
    let waiting = executions(&house, &trigger, |items| items[0]["status"] == "ENQUEUED").await;
    let id = waiting[0]["id"].as_str().expect("an id");

    house.send(Method::POST, &format!("{}/executions/{id}/stop", path(&trigger)), "").await;
    house.send(Method::PUT, "/api/v1/maintenance", r#"{"enabled":false}"#).await;
    over(&house, &trigger, 5).await;

    assert_eq!(published(&house, "Tick").await, 4);
    house.close().await;
}
