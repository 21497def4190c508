//! A call that was under way when the server ended is made again by the next one.

use nyala::clock::{Clock, SystemClock};
use tempfile::TempDir;

use super::prepared::{call, fire, house_that_calls, until_done, with_database};
use super::told;
use crate::house::check_database;
use crate::receiver::{Receiver, Reply, status};
use crate::stop::Process;

/// A receiver that does not answer its first request.
async fn that_hangs_once() -> Receiver {
    let receiver = Receiver::new().await;
    let first = std::sync::atomic::AtomicBool::new(true);
    let hangs = move || first.swap(false, std::sync::atomic::Ordering::SeqCst);
    receiver.answer(move |_| Reply { hang: hangs(), ..status(200) });
    receiver
}

#[tokio::test]
async fn a_call_in_flight_when_the_process_was_killed_is_made_again() {
    let (receiver, folder) = (that_hangs_once().await, TempDir::new().expect("a folder"));
    let database = folder.path().join("nyala.db");
    let hook = Receiver::new().await;
    let process = Process::start(&database, "127.0.0.1:0");
    process.subscribe(&hook.url("/hook")).await;
    process.stop().await;
    let now = SystemClock::default().now();
    with_database(&database, async |db| fire(db, now, "caller", call("POST", &receiver.url("/"))).await).await;

    let mut process = Process::start(&database, "127.0.0.1:0");
    receiver.wait_for(1).await;
    process.kill();
    assert!(hook.received().is_empty());
    let process = Process::start(&database, "127.0.0.1:0");

    assert_eq!(told(&hook, 1).await["status"], "Success");
    assert_eq!(receiver.received().len(), 2);
    process.stop().await;
    check_database(&database, SystemClock::default().now());
}

#[tokio::test]
async fn a_call_that_outlasts_the_grace_of_a_stop_is_made_again() {
    let (receiver, hook) = (that_hangs_once().await, Receiver::new().await);
    let mut house = house_that_calls(Some(&hook), &[("caller", call("POST", &receiver.url("/")))]).await;
    receiver.wait_for(1).await;

    house.stop().await;
    assert!(hook.received().is_empty());
    house.start_again().await;

    assert_eq!(told(&hook, 1).await["status"], "Success");
    assert_eq!(until_done(&house, "caller").await["errors"], 0);
    assert_eq!(receiver.received().len(), 2);
    house.close().await;
}
