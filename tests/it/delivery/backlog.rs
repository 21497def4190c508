//! A backlog larger than what may be in memory drains completely.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use reqwest::RequestBuilder;

use super::gate::Gate;
use super::{count, house_without_breakers, prove, publishing, sent, text};
use crate::house::{House, within};
use crate::receiver::{Receiver, status};

/// Publishes many events, many at once; answers their ids.
async fn publish_many(house: &House, events: usize, change: impl Fn(RequestBuilder) -> RequestBuilder) -> Vec<String> {
    let publish = |n: usize| {
        let request = change(publishing(house, "E", &n.to_string()));
        async move {
            let response = sent(request).await;
            assert_eq!(response.status(), 200);
            let event: serde_json::Value = response.json().await.expect("JSON");
            text(&event["id"]).to_owned()
        }
    };
    stream::iter((0..events).map(publish)).buffer_unordered(64).collect().await
}

/// A receiver that fails until it is told not to, and counts what it took by event.
struct Counter {
    receiver: Receiver,
    works: Arc<AtomicBool>,
    taken: Arc<Mutex<HashMap<String, usize>>>,
}

impl Counter {
    async fn new() -> Self {
        let (works, taken) = (Arc::<AtomicBool>::default(), Arc::<Mutex<HashMap<_, usize>>>::default());
        let receiver = Receiver::new().await;
        let (well, counted) = (works.clone(), taken.clone());
        receiver.answer(move |request| {
            if !well.load(Ordering::Relaxed) {
                return status(500);
            }
            *counted.lock().expect("the counter").entry(request.header("webhook-id").to_owned()).or_default() += 1;
            status(200)
        });
        Self { receiver, works, taken }
    }

    fn assert_took_each_once(&self, events: &[String]) {
        let taken = self.taken.lock().expect("the counter");
        assert_eq!(taken.len(), events.len());
        assert!(events.iter().all(|event| taken.get(event) == Some(&1)), "each event exactly once");
    }
}

#[tokio::test]
async fn a_backlog_of_failed_deliveries_drains_once_the_receiver_works() {
    let house = house_without_breakers().await;
    let counter = Counter::new().await;
    house.subscribe(&counter.receiver.url("/cb"), "E").await;
    let events = publish_many(&house, 3000, |request| request.header("prefer", "wait=60")).await;
    assert_eq!(counter.receiver.received().len(), 3000, "each has failed once");

    counter.works.store(true, Ordering::Relaxed);
    house.clock.advance(Duration::from_secs(11));
    counter.receiver.wait_for(6000).await;

    counter.assert_took_each_once(&events);
    house.close().await;
}

#[tokio::test]
async fn a_backlog_of_a_hook_that_was_stuck_drains_once_it_moves() {
    let house = House::new().await;
    let gate = Gate::new().await;
    house.subscribe(&gate.url("/cb"), "E").await;
    prove(&house, &gate, 1, 1).await;
    // Few enough to be published within the second after which the hook is slow, and
    // loses its share.
    publish_many(&house, 64, |request| request).await;
    assert_eq!(count(&house, "state=leased").await, 16, "four times its share is in memory");

    gate.open();
    gate.answered(1 + 64).await;

    assert_eq!(gate.traffic().came, 1 + 64);
    house.close().await;
}

#[tokio::test]
async fn the_backlog_of_a_single_worker_drains_while_more_is_published() {
    let house = House::with(|settings| {
        settings.policy.workers = 2;
        settings.policy.workers_per_hook = 1;
    })
    .await;
    let counter = Counter::new().await;
    counter.works.store(true, Ordering::Relaxed);
    house.subscribe(&counter.receiver.url("/cb"), "E").await;

    let events = publish_many(&house, 2000, |request| request).await;
    counter.receiver.wait_for(2000).await;

    counter.assert_took_each_once(&events);
    house.close().await;
}

#[tokio::test]
async fn one_hooks_backlog_delays_no_other_hook() {
    let house = House::new().await;
    let (gate, receiver) = (Gate::new().await, Receiver::new().await);
    house.subscribe(&gate.url("/cb"), "E").await;
    publish_many(&house, 300, |request| request).await;

    house.subscribe(&receiver.url("/cb"), "E").await;
    let later = publish_many(&house, 100, |request| request).await;
    receiver.wait_for(later.len()).await;

    assert_eq!(gate.traffic().answered, 0);
    gate.open();
    gate.answered(400).await;
    house.close().await;
}

#[tokio::test]
async fn large_payloads_beyond_what_memory_may_hold_all_arrive() {
    let house = House::new().await;
    let gate = Gate::new().await;
    for path in ["/a", "/b", "/c", "/d", "/e"] {
        house.subscribe(&gate.url(path), "E").await;
    }
    let payload = format!("\"{}\"", "x".repeat(1_000_000));
    for _ in 0..16 {
        house.publish("E", &payload).await;
    }
    // 80 MB are owed, 48 MiB may be in memory.
    assert!(count(&house, "state=pending").await >= 80 - 50);

    gate.open();
    within("all arrive", gate.answered(80)).await;
    house.close().await;
}
