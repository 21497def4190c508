//! Killed in the midst of its work, again and again: what was acknowledged arrives.

use std::collections::HashMap;
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};
use rustix::process::Signal;
use tempfile::TempDir;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use ulid::Ulid;

use crate::house::{LIMIT, check_database, within};
use crate::receiver::{Receiver, status};
use crate::stop::{Process, id};
use nyala::clock::{Clock, SystemClock};

const KILLS: usize = 20;
const PUBLISHERS: usize = 8;

/// At most so many events are acknowledged before a kill; it may come before the first.
const MOST_BEFORE_A_KILL: u32 = 300;

/// On a machine that is slower than that, fewer are: any moment will do.
const SOON: Duration = Duration::from_secs(2);

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

/// The events of which a delivery was leased when the process died, in a copy of
/// its files: opening them here would do the next start's work.
///
/// Only these may come twice, and once more at most: a delivery is leased in the
/// same transaction that acknowledges its event (or claims it), before any request
/// is made, and until the transaction that keeps the outcome of that request.
fn in_flight(database: &Path) -> Vec<String> {
    let folder = TempDir::new().expect("a folder");
    let copy = folder.path().join("nyala.db");
    for suffix in ["", "-wal"] {
        let from = format!("{}{suffix}", database.display());
        std::fs::copy(from, format!("{}{suffix}", copy.display())).expect("a copy");
    }
    let conn = Connection::open(copy).expect("a database");
    let leased = "SELECT e.id FROM deliveries AS d JOIN events AS e ON e.seq = d.event_seq WHERE d.state = 1";
    let mut leased = conn.prepare(leased).expect("a statement");
    let ids = leased.query_map([], |row| row.get(0).map(|bytes| format!("evt_{}", Ulid::from_bytes(bytes))));
    ids.expect("rows").collect::<rusqlite::Result<_>>().expect("ids")
}

/// An address with a port below those that the system gives to others meanwhile.
fn quiet_address() -> String {
    let ports = std::iter::repeat_with(|| fastrand::u16(20_000..32_000));
    let address = |port| format!("127.0.0.1:{port}");
    ports.map(address).find(|address| TcpListener::bind(address).is_ok()).expect("a port")
}

/// Counts what arrives. Some first attempts fail, so that retries are under way as well, and
/// probes: ids follow each other, and five failures in a row open the breaker.
fn count_arrivals(receiver: &Receiver) -> Arc<Mutex<HashMap<String, usize>>> {
    let arrived = Arc::<Mutex<HashMap<String, usize>>>::default();
    let counted = arrived.clone();
    receiver.answer(move |request| {
        let id = request.header("webhook-id");
        if id.ends_with(['0', '1', '2', '3', '4', '5']) && request.header("nyala-attempt") == "1" {
            return status(500);
        }
        let mut arrived = counted.lock().unwrap_or_else(PoisonError::into_inner);
        *arrived.entry(id.to_owned()).or_default() += 1;
        status(200)
    });
    arrived
}

/// Everything that was kept has arrived and is on record: in one look, for between two a
/// delivery may be given back and claimed again, and be seen by neither. How long it takes
/// is the machine's affair, as long as there is less and less of it.
async fn quiet(database: &Path) {
    const OWED: &str = "SELECT (SELECT count(*) FROM deliveries WHERE state = 0)
                             + (SELECT count(*) FROM deliveries WHERE state = 1)";
    let conn = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("the database");
    let (mut least, mut since) = (i64::MAX, Instant::now());
    // The receiver is on this thread, too.
    let mut looks = tokio::time::interval(Duration::from_millis(20));
    while least > 0 {
        looks.tick().await;
        let owed = conn.query_row(OWED, [], |row| row.get(0)).expect("a count");
        if owed < least {
            (least, since) = (owed, Instant::now());
        }
        assert!(since.elapsed() < LIMIT, "{owed} deliveries are never made");
    }
}

#[tokio::test]
async fn every_acknowledged_event_arrives_however_often_the_process_is_killed() {
    let seed = fastrand::u64(..);
    let mut random = fastrand::Rng::with_seed(seed);
    println!("the kills come at moments from seed {seed}");
    let folder = TempDir::new().expect("a folder");
    let database = folder.path().join("nyala.db");
    let receiver = Receiver::new().await;
    let arrived = count_arrivals(&receiver);

    let (mut acknowledged, mut may_come_again) = (vec![], HashMap::<String, usize>::new());
    let address = quiet_address();
    let mut process = Process::start(&database, &address);
    process.subscribe(&receiver.url("/a")).await;
    for _ in 0..KILLS {
        let enough = Arc::new(Semaphore::new(0));
        let publishers = publish_until_the_end(&process, &enough);
        let moment = random.u32(0..=MOST_BEFORE_A_KILL);
        let _ = tokio::time::timeout(SOON, enough.acquire_many(moment)).await;
        process.kill();
        acknowledged.extend(within("the publishers", publishers.join_all()).await.into_iter().flatten());
        for id in in_flight(&database) {
            *may_come_again.entry(id).or_default() += 1;
        }
        process = Process::start(&database, &address);
    }
    acknowledged.push(process.publish().await);
    quiet(&database).await;
    process.signal(Signal::TERM);
    assert!(process.ended().await.0.success());

    let arrived = arrived.lock().unwrap_or_else(PoisonError::into_inner);
    let missing: Vec<_> = acknowledged.iter().filter(|id| !arrived.contains_key(*id)).collect();
    assert!(missing.is_empty(), "{} of {} never arrived: {missing:?}", missing.len(), acknowledged.len());
    for (id, times) in arrived.iter() {
        let bound = 1 + may_come_again.get(id).copied().unwrap_or(0);
        assert!(*times <= bound, "{id} came {times} times, and was in flight at {} kills", bound - 1);
    }
    check_database(&database, SystemClock::default().now());
}
