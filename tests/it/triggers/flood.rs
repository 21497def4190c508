//! Much at once.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use super::trigger;
use crate::house::{House, within};

/// Calls, and who makes them at a time.
const CALLS: usize = 20_000;
const CALLERS: usize = 64;

/// Which executions have published an event of this type; fails where one has published two.
async fn published(house: &House, event: &str) -> HashSet<String> {
    let (mut all, mut query) = (HashSet::new(), String::new());
    loop {
        let list = house.json(&format!("/api/v1/events?type={event}&limit=1000{query}")).await;
        for event in list["items"].as_array().expect("a list") {
            let execution = event["execution"].as_str().expect("an execution").to_owned();
            assert!(all.insert(execution), "an execution has published twice: {event}");
        }
        let Some(next) = list["next"].as_str() else { return all };
        query = format!("&cursor={next}");
    }
}

async fn until_published(house: &House, event: &str, count: usize) -> HashSet<String> {
    let all = async {
        loop {
            let all = published(house, event).await;
            if all.len() >= count {
                return all;
            }
        }
    };
    within("all is carried out", all).await
}

/// Calls until so many are made by all together; answers which executions were acknowledged.
async fn call(house: &House, url: String, left: Arc<AtomicUsize>) -> Vec<String> {
    let (client, clock) = (house.client.clone(), house.clock.clone());
    let mut acknowledged = vec![];
    while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
        clock.advance(Duration::from_millis(1));
        let answer = client.post(&url).body("{}").send().await.expect("an answer");
        assert_eq!(answer.status(), 200);
        let told: Value = answer.json().await.expect("an execution");
        // Its place in the store's order stands in the last six digits.
        acknowledged.push(format!("exe_{}", told["timestamp"].as_i64().expect("a number") % 1_000_000));
    }
    acknowledged
}

/// As many as come in ten seconds at 2,000 a second.
#[tokio::test]
async fn twenty_thousand_calls_as_fast_as_they_are_taken_are_published_once_each() {
    let house = House::new().await;
    let trigger = trigger(&house, &json!({"kind": "webhook", "name": "flood", "rate_limit": 1_000_000})).await;
    let url = trigger["url"].as_str().expect("a URL");

    let left = Arc::new(AtomicUsize::new(CALLS));
    let callers = (0..CALLERS).map(|_| call(&house, url.to_owned(), left.clone()));
    let acknowledged: HashSet<_> = join_all(callers).await.into_iter().flatten().collect();

    assert_eq!(acknowledged.len(), CALLS);
    let published = until_published(&house, "TriggerFired", CALLS).await;
    assert!(published == acknowledged, "nothing is lost and nothing comes twice");
    house.close().await;
}

#[tokio::test]
async fn ten_thousand_schedules_that_are_due_in_one_second_fire_once_each() {
    let house = House::with(|settings| settings.triggers.history = 1).await;
    let fields = json!({"kind": "scheduler", "name": "t", "cron": "15 22 * * *", "event": "Tick"}).to_string();
    for _ in 0..100 {
        let made = (0..100).map(|_| house.send(Method::POST, "/api/v1/triggers", &fields));
        for response in join_all(made).await {
            assert_eq!(response.status(), 201);
        }
    }
    let one =
        trigger(&house, &json!({"kind": "scheduler", "name": "other", "cron": "16 22 * * *", "event": "After"})).await;

    house.clock.advance(Duration::from_mins(2));
    let fired = until_published(&house, "Tick", 10_000).await;
    // Another one later: whatever were to come twice would have come by then.
    house.clock.advance(Duration::from_mins(1));
    super::over(&house, &one, 1).await;

    assert_eq!(fired.len(), 10_000);
    assert_eq!(published(&house, "Tick").await.len(), 10_000);
    house.close().await;
}
