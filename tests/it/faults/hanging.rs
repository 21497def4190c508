//! Two thousand receivers, of which half hang.

use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;

use crate::delivery::gate::Gate;
use crate::delivery::until_count;
use crate::house::House;
use crate::receiver::Receiver;

const EACH: usize = 1000;

const EVENTS: usize = 3;

/// Both ends of each connection are in this process.
fn may_open_enough() -> bool {
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
    let enough = limit.maximum.is_none_or(|most| most >= 6000);
    assert!(enough || std::env::var_os("NYALA_TEST_ALL").is_none(), "this machine allows {limit:?} files");
    enough
}

#[tokio::test]
async fn a_thousand_receivers_that_hang_leave_a_thousand_others_undisturbed() {
    if !may_open_enough() {
        return eprintln!("SKIPPED: this user may not open 6,000 files");
    }
    let house = House::with(|settings| {
        settings.policy.workers = 2048;
        settings.policy.workers_per_hook = 16;
        settings.policy.timeout = Duration::from_mins(1);
    })
    .await;
    let (gate, receiver) = (Gate::new().await, Receiver::new().await);
    for n in 0..EACH {
        house.subscribe(&gate.url(&format!("/{n}")), "E").await;
        house.subscribe(&receiver.url(&format!("/{n}")), "E").await;
    }

    for n in 0..EVENTS {
        house.publish("E", &json!({ "n": n }).to_string()).await;
        receiver.wait_for((n + 1) * EACH).await;
    }

    let traffic = gate.traffic();
    assert_eq!(traffic.answered, 0, "they hang all the while");
    assert!(traffic.most <= 1024, "at most half of the workers: {}", traffic.most);
    gate.open();
    gate.answered(EVENTS * EACH).await;
    until_count(&house, "state=leased", 0).await;
    house.close().await;
}
