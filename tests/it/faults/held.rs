//! Another process holds the database.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use rusqlite::Connection;
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::delivery::gate::Gate;
use crate::delivery::{prove, publishing, until_count};
use crate::house::{House, LIMIT, check_database, within};
use crate::receiver::{Receiver, status};
use crate::stop::{Process, id};
use nyala::clock::{Clock, SystemClock};

/// How long a publish may wait for its answer while somebody else has the
/// database: the two seconds that the server waits for it itself, behind one who
/// began to wait just before, and some for a busy machine.
const BOUND: Duration = Duration::from_secs(6);

fn hold(database: &std::path::Path) -> Connection {
    let conn = Connection::open(database).expect("the database");
    conn.busy_timeout(LIMIT).expect("a timeout");
    conn.execute_batch("BEGIN EXCLUSIVE").expect("the lock");
    conn
}

#[tokio::test]
async fn while_the_database_is_held_publishes_are_refused_and_outcomes_wait() {
    let (house, gate) = (House::with(|settings| settings.policy.timeout = LIMIT).await, Gate::new().await);
    house.subscribe(&gate.url("/cb"), "E").await;
    prove(&house, &gate, 1, 4).await;
    for _ in 0..4 {
        house.publish("E", "{}").await;
    }
    gate.came(4 + 4).await;

    let held = hold(&house.database());
    gate.open();
    gate.answered(4 + 4).await;
    let mut publishes = JoinSet::new();
    for _ in 0..20 {
        let (request, since) = (publishing(&house, "E", "{}"), Instant::now());
        publishes.spawn(async move { (request.send().await.expect("an answer").status(), since.elapsed()) });
    }
    let answers = within("answers", publishes.join_all()).await;
    until_count(&house, "state=leased", 4).await;
    drop(held);

    let refused = |&(status, took): &(StatusCode, Duration)| status == 503 && took < BOUND;
    assert!(answers.iter().all(refused), "{answers:?}");
    until_count(&house, "state=delivered", 4 + 4).await;
    assert_eq!(gate.traffic().came, 4 + 4, "each came once");
    house.close().await;
}

/// This one is held for as long as it says: a backup tool may.
#[tokio::test]
async fn a_database_that_is_held_for_thirty_seconds_costs_answers_and_no_event() {
    let folder = TempDir::new().expect("a folder");
    let database = folder.path().join("nyala.db");
    let (process, receiver) = (Process::start(&database, "127.0.0.1:0"), Receiver::new().await);
    process.subscribe(&receiver.url("/cb")).await;
    let (send, held) = mpsc::channel();
    let path = database.clone();
    // Held from the midst of the first attempt, so that its outcome has to wait.
    receiver.answer(move |_| {
        send.send(hold(&path)).expect("the test");
        status(200)
    });

    let mut acknowledged = vec![process.publish().await];
    receiver.wait_for(1).await;
    receiver.answer(|_| status(200));
    let (held, since) = (held.recv().expect("the lock"), Instant::now());
    while since.elapsed() < Duration::from_secs(30) {
        let asked = Instant::now();
        let response = within("an answer", process.publishing().send()).await.expect("an answer");
        assert_eq!((response.status().as_u16(), asked.elapsed() < BOUND), (503, true), "{:?}", asked.elapsed());
    }
    drop(held);
    while acknowledged.len() < 10 {
        let response = within("an answer", process.publishing().send()).await.expect("an answer");
        if response.status() == 200 {
            acknowledged.push(id(response).await);
        }
    }

    let mut arrived: Vec<_> =
        receiver.wait_for(10).await.iter().map(|request| request.header("webhook-id").to_owned()).collect();
    arrived.sort_unstable();
    assert_eq!(arrived, acknowledged, "each came once, and nothing that was refused");
    process.signal(rustix::process::Signal::TERM);
    assert!(process.ended().await.0.success());
    check_database(&database, SystemClock::default().now());
}
