//! `/api/v1/deliveries`: which are shown, and page after page while more arrive.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::{add, ids, text};
use crate::house::House;
use crate::receiver::{Receiver, Reply, status};

/// Two hooks, three events for each, and a delivery in every state but leased.
struct Scene {
    house: House,
    receiver: Receiver,
    good: Value,
    bad: Value,
    events: Vec<Value>,
}

impl Scene {
    /// The good hook's deliveries have arrived; the bad one's wait for their
    /// second attempts.
    async fn new() -> Self {
        let house = House::with(|settings| settings.policy.breaker_failures = u32::MAX).await;
        let receiver = Receiver::new().await;
        receiver.answer(|request| if request.path == "/good" { status(200) } else { status(503) });
        let good = add(&house, &json!({"url": receiver.url("/good"), "event": "E"})).await;
        let bad = add(&house, &json!({"url": receiver.url("/bad"), "event": "E"})).await;
        let mut events = vec![];
        for _ in 0..3 {
            events.push(house.publish_and_wait("E", "1").await);
        }
        Self { house, receiver, good, bad, events }
    }

    /// How many deliveries a query finds, which all must fit it.
    async fn count(&self, query: &str) -> usize {
        ids(&self.house.json(&format!("/api/v1/deliveries?{query}")).await).len()
    }

    /// Moves the clock past every wait, until the bad hook's deliveries are dead.
    async fn give_up(&self) {
        let owed = format!("/api/v1/deliveries?hook={}", self.bad["id"]);
        for attempts in 2..=3 {
            self.house.clock.advance(Duration::from_secs(70));
            let tried = |delivery: &Value| delivery["attempt_count"] == attempts;
            self.house.until(&owed, |page| page["items"].as_array().is_some_and(|all| all.iter().all(tried))).await;
        }
    }
}

#[tokio::test]
async fn deliveries_are_found_by_hook_event_and_state_and_all_together() {
    let scene = Scene::new().await;
    let (good, bad, event) = (&scene.good["id"], &scene.bad["id"], text(&scene.events[1]["id"]));
    let table = [
        (String::new(), 6),
        (format!("hook={good}"), 3),
        (format!("event={event}"), 2),
        ("state=delivered".to_owned(), 3),
        ("state=pending".to_owned(), 3),
        ("state=dead".to_owned(), 0),
        (format!("hook={good}&event={event}"), 1),
        (format!("hook={good}&state=delivered"), 3),
        (format!("hook={good}&state=pending"), 0),
        (format!("hook={bad}&state=pending"), 3),
        (format!("event={event}&state=pending"), 1),
        (format!("event={event}&state=delivered&hook={bad}"), 0),
        (format!("event={event}&state=pending&hook={bad}"), 1),
        ("hook=99".to_owned(), 0),
        ("event=evt_7ZZZZZZZZZZZZZZZZZZZZZZZZZ".to_owned(), 0),
    ];

    for (query, count) in table {
        assert_eq!(scene.count(&query).await, count, "{query}");
    }

    scene.house.close().await;
}

#[tokio::test]
async fn what_was_given_up_and_what_was_cancelled_are_found_by_their_states() {
    let scene = Scene::new().await;
    let (good, bad) = (&scene.good["id"], &scene.bad["id"]);

    scene.give_up().await;
    let dead = scene.count("state=dead").await;
    scene.house.publish_and_wait("E", "2").await;
    scene.house.send(Method::DELETE, &format!("/api/v1/hooks/{bad}"), "").await;
    scene.house.until("/api/v1/deliveries?state=cancelled", |page| ids(page).len() == 1).await;

    assert_eq!(dead, 3);
    assert_eq!(scene.count(&format!("state=dead&hook={bad}")).await, 3);
    assert_eq!(scene.count(&format!("state=dead&hook={good}")).await, 0);
    assert_eq!(scene.count(&format!("state=cancelled&hook={bad}")).await, 1);
    assert_eq!(scene.count("state=delivered").await, 4);
    scene.house.close().await;
}

#[tokio::test]
async fn what_is_being_attempted_is_leased() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    receiver.answer(|_| Reply { hang: true, ..status(200) });
    let hook = add(&house, &json!({"url": receiver.url("/"), "event": "E"})).await;

    house.publish("E", "1").await;
    receiver.wait_for(1).await;
    let leased = house.json(&format!("/api/v1/deliveries?hook={}&state=leased", hook["id"])).await;

    assert_eq!(ids(&leased).len(), 1);
    assert_eq!((&leased["items"][0]["due_at"], &leased["items"][0]["attempt_count"]), (&Value::Null, &json!(0)));
    drop(receiver);
    house.until("/api/v1/deliveries?state=pending", |page| ids(page).len() == 1).await;
    house.close().await;
}

#[tokio::test]
async fn pages_of_deliveries_stay_whole_while_more_arrive() {
    let scene = Scene::new().await;
    let (good, event) = (&scene.good["id"], text(&scene.events[0]["id"]));

    for query in [String::new(), format!("hook={good}"), format!("event={event}"), "state=delivered".to_owned()] {
        let expected = ids(&scene.house.json(&format!("/api/v1/deliveries?{query}")).await);
        let mut path = format!("/api/v1/deliveries?{query}&limit=1");
        let mut found = vec![];
        loop {
            let page = scene.house.json(&path).await;
            found.extend(ids(&page));
            let Some(cursor) = page["next"].as_str() else { break };
            path = format!("/api/v1/deliveries?{query}&limit=1&cursor={cursor}");
            scene.house.publish_and_wait("E", "2").await;
        }
        assert_eq!(found, expected, "{query}");
    }

    assert!(scene.receiver.received().len() > 6, "more did arrive");
    scene.house.close().await;
}

#[tokio::test]
async fn what_was_given_up_is_listed_page_after_page() {
    let scene = Scene::new().await;
    scene.give_up().await;

    let first = scene.house.json("/api/v1/deliveries?state=dead&limit=2").await;
    let cursor = text(&first["next"]).to_owned();
    let second = scene.house.json(&format!("/api/v1/deliveries?state=dead&limit=2&cursor={cursor}")).await;

    let all = ids(&scene.house.json(&format!("/api/v1/deliveries?hook={}", scene.bad["id"])).await);
    assert_eq!([ids(&first), ids(&second)].concat(), all);
    assert_eq!(second["next"], Value::Null);
    scene.house.close().await;
}
