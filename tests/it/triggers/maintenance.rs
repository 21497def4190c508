//! Maintenance: what fires triggers is kept, and carried out once it is over.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::{executions, over, path, published, trigger, webhook};
use crate::house::House;

async fn set(house: &House, enabled: bool) -> Value {
    let body = json!({ "enabled": enabled }).to_string();
    let answer = house.send(Method::PUT, "/api/v1/maintenance", &body).await;
    assert_eq!(answer.status(), 200);
    answer.json().await.expect("JSON")
}

#[tokio::test]
async fn what_comes_during_maintenance_is_kept_and_carried_out_once_it_is_over() {
    let mut house = House::new().await;
    let called = webhook(&house).await;
    let tick = trigger(&house, &json!({"kind": "scheduler", "name": "t", "cron": "* * * * *", "event": "Tick"})).await;
    assert_eq!(set(&house, true).await["enabled"], true);

    let answer = super::sent(super::calling(&house, &called).body("{}")).await;
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["nyala-maintenance"]),
        (200, &"on".parse().expect("a header"))
    );
    house.clock.advance(Duration::from_mins(5));
    // Restarted in between: it lasts.
    house.stop().await;
    house.start_again().await;
    let kept = executions(&house, &called, |items| items.len() == 1).await;
    let shown = house.json(&path(&called)).await;
    assert_eq!((&kept[0]["status"], &kept[0]["maintenance"]), (&json!("ENQUEUED"), &json!(true)));
    assert_eq!(shown["maintenance"], true);
    assert_eq!((published(&house, "TriggerFired").await, published(&house, "Tick").await), (0, 0));

    assert_eq!(set(&house, false).await, json!({"enabled": false, "since": null}));
    over(&house, &called, 1).await;
    over(&house, &tick, 1).await;
    assert_eq!((published(&house, "TriggerFired").await, published(&house, "Tick").await), (1, 1));
    assert_eq!(house.json(&path(&called)).await.get("maintenance"), None);
    let audit = house.json("/api/v1/audit?limit=2").await;
    assert_eq!(audit["items"][0]["action"], "maintenance.ended");
    house.close().await;
}
