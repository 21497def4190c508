//! Killed in the midst of its work, again and again: what was acknowledged arrives.

use std::collections::HashMap;
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tempfile::TempDir;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::house::within;
use crate::receiver::{Receiver, status};
use crate::stop::{Process, id};

const ROUNDS: usize = 5;
const PUBLISHERS: usize = 8;

/// How many events are acknowledged in a round before the process is killed.
const A_ROUND: usize = 400;

/// Publishes until the server is gone; answers the ids of what was acknowledged.
fn publish_until_the_end(process: &Process, enough: &Arc<Semaphore>) -> JoinSet<Vec<String>> {
    let mut publishers = JoinSet::new();
    for _ in 0..PUBLISHERS {
        let (request, enough) = (process.publishing(), enough.clone());
        publishers.spawn(async move {
            let mut acknowledged = vec![];
            while let Ok(response) = request.try_clone().expect("a request").send().await {
                acknowledged.push(id(response).await);
                enough.add_permits(1);
            }
            acknowledged
        });
    }
    publishers
}

/// How many deliveries were leased when the process died, in a copy of its files:
/// opening them here would do the next start's work.
fn in_flight(database: &Path) -> usize {
    let folder = TempDir::new().expect("a folder");
    let copy = folder.path().join("nyala.db");
    for suffix in ["", "-wal"] {
        let from = format!("{}{suffix}", database.display());
        std::fs::copy(from, format!("{}{suffix}", copy.display())).expect("a copy");
    }
    let conn = Connection::open(copy).expect("a database");
    conn.query_row("SELECT count(*) FROM deliveries WHERE state = 1", [], |row| row.get::<_, u32>(0)).expect("a count")
        as usize
}

/// An address with a port below those that the system gives to others meanwhile.
fn quiet_address() -> String {
    let ports = std::iter::repeat_with(|| fastrand::u16(20_000..32_000));
    let address = |port| format!("127.0.0.1:{port}");
    ports.map(address).find(|address| TcpListener::bind(address).is_ok()).expect("a port")
}

#[tokio::test]
async fn every_acknowledged_event_arrives_however_often_the_process_is_killed() {
    let folder = TempDir::new().expect("a folder");
    let database = folder.path().join("nyala.db");
    let arrived = Arc::<Mutex<HashMap<String, usize>>>::default();
    let receiver = Receiver::new().await;
    let counted = arrived.clone();
    receiver.answer(move |request| {
        // Some first attempts fail, so that retries are under way as well.
        let id = request.header("webhook-id");
        if id.ends_with(['0', '1', '2', '3', '4', '5']) && request.header("nyala-attempt") == "1" {
            return status(500);
        }
        let mut arrived = counted.lock().unwrap_or_else(PoisonError::into_inner);
        *arrived.entry(id.to_owned()).or_default() += 1;
        status(200)
    });

    let (mut acknowledged, mut may_come_twice) = (vec![], 0);
    let address = quiet_address();
    let mut process = Process::start(&database, &address);
    process.subscribe(&receiver.url("/a")).await;
    for _ in 0..ROUNDS {
        let enough = Arc::new(Semaphore::new(0));
        let publishers = publish_until_the_end(&process, &enough);
        let _ = within("enough events", enough.acquire_many(u32::try_from(A_ROUND).expect("a number"))).await;
        process.kill();
        acknowledged.extend(within("the publishers", publishers.join_all()).await.into_iter().flatten());
        may_come_twice += in_flight(&database);
        process = Process::start(&database, &address);
    }

    let missing = || {
        let arrived = arrived.lock().unwrap_or_else(PoisonError::into_inner);
        acknowledged.iter().filter(|id| !arrived.contains_key(*id)).count()
    };
    let mut requests = receiver.received().len();
    while missing() > 0 {
        requests = receiver.wait_for(requests + 1).await.len();
    }
    assert!(acknowledged.len() >= ROUNDS * A_ROUND);
    let twice: usize = arrived.lock().unwrap_or_else(PoisonError::into_inner).values().map(|count| count - 1).sum();
    assert!(twice <= may_come_twice, "{twice} came twice, {may_come_twice} were in flight");
}
