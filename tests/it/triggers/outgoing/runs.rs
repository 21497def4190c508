//! What keeps calls from being made, and how many are made at a time.

use std::time::Duration;

use reqwest::Method;

use super::prepared::{add, call, fire, firing, house_that_calls, prepare, until_done};
use super::told;
use crate::delivery::gate::Gate;
use crate::house::House;
use crate::receiver::Receiver;

#[tokio::test]
async fn a_stopped_trigger_calls_nobody_and_says_why() {
    let (receiver, mut house) = (Receiver::new().await, House::new().await);

    prepare(&mut house, async |db, now| {
        let stopped = add(db, now, "stopped", call("POST", &receiver.url("/")), true).await;
        db.fire(now, firing(&stopped), |_| {}).await.expect("an execution");
    })
    .await;

    let execution = until_done(&house, "stopped").await;
    assert_eq!((&execution["result"], &execution["errors"]), (&"skipped".into(), &0.into()));
    assert_eq!(execution["error"], "Executions skipped: Task has been stopped");
    assert_eq!(execution["events"].as_array().map(Vec::len), Some(0));
    assert!(receiver.received().is_empty());
    house.close().await;
}

#[tokio::test]
async fn maintenance_keeps_calls_until_it_is_over() {
    let (receiver, hook, mut house) = (Receiver::new().await, Receiver::new().await, House::new().await);
    house.subscribe(&hook.url("/hook"), "*").await;
    prepare(&mut house, async |db, now| {
        fire(db, now, "caller", call("POST", &receiver.url("/"))).await;
        db.write(move |store| store.set_maintenance(now, true)).await.expect("maintenance");
    })
    .await;

    house.publish_and_wait("SomethingElse", "{}").await;
    house.clock.advance(Duration::from_mins(10));
    assert!(receiver.received().is_empty());
    let response = house.send(Method::PUT, "/api/v1/maintenance", r#"{"enabled": false}"#).await;
    assert_eq!(response.status(), 200);

    receiver.wait_for(1).await;
    assert_eq!(told(&hook, 2).await["start"], "2023-11-14T22:23:20.000Z");
    until_done(&house, "caller").await;
    assert_eq!(receiver.received().len(), 1);
    house.close().await;
}

#[tokio::test]
async fn sixteen_calls_are_in_flight_at_a_time_and_the_others_follow() {
    let gate = Gate::new().await;
    let names: Vec<_> = (0..40).map(|n| format!("caller-{n}")).collect();
    let calls: Vec<_> = names.iter().map(|name| (name.as_str(), call("POST", &gate.url("/")))).collect();

    let house = house_that_calls(None, &calls).await;

    gate.came(16).await;
    gate.let_through(4);
    gate.came(20).await;
    gate.open();
    for name in &names {
        assert_eq!(until_done(&house, name).await["result"], "published");
    }
    let traffic = gate.traffic();
    assert_eq!((traffic.came, traffic.most), (40, 16));
    house.close().await;
}

#[tokio::test]
async fn a_call_is_not_made_again_because_its_trigger_was_changed_meanwhile() {
    let (gate, hook) = (Gate::new().await, Receiver::new().await);
    let house = house_that_calls(Some(&hook), &[("caller", call("POST", &gate.url("/")))]).await;
    gate.came(1).await;

    let stopped = house.send(Method::POST, "/api/v1/triggers/caller/stop", "").await;
    assert_eq!(stopped.status(), 200);
    gate.open();

    assert_eq!(told(&hook, 1).await["status"], "Success");
    assert_eq!(until_done(&house, "caller").await["result"], "published");
    assert_eq!(gate.traffic().came, 1);
    house.close().await;
}

#[tokio::test]
async fn a_call_whose_trigger_was_removed_meanwhile_publishes_nothing() {
    let (gate, hook) = (Gate::new().await, Receiver::new().await);
    let calls = [("removed", call("POST", &gate.url("/"))), ("stays", call("POST", &gate.url("/")))];
    let house = house_that_calls(Some(&hook), &calls).await;
    gate.came(2).await;

    let removed = house.send(Method::DELETE, "/api/v1/triggers/removed", "").await;
    assert_eq!(removed.status(), 204);
    gate.open();

    assert_eq!(told(&hook, 1).await["nyala.trigger"], "stays");
    gate.answered(2).await;
    assert_eq!(house.json("/api/v1/events").await["items"].as_array().map(Vec::len), Some(1));
    house.close().await;
}
