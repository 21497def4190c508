//! How many connections there may be.

use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::{problem, rest, tcp, tls_house};
use crate::house::{House, within};
use crate::stop::Process;

const HEALTHY: &[u8] = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n";

/// A connection that was let in, and stays.
async fn let_in(house: &House) -> TcpStream {
    let mut stream = tcp(&house.url("")).await;
    stream.write_all(HEALTHY).await.expect("sent");
    let mut answer = [0; 15];
    within("an answer", stream.read_exact(&mut answer)).await.expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
    stream
}

async fn beyond_the_limit_is_told(house: House, setting: &str) {
    let held = [let_in(&house).await, let_in(&house).await];

    let mut third = tcp(&house.url("")).await;
    third.write_all(HEALTHY).await.expect("sent");
    let told = rest(&mut third).await;
    let refused = problem(&told, 503);

    assert!(refused["detail"].as_str().expect("a detail").contains(setting), "{refused}");
    assert!(told.contains("\r\nretry-after: 1\r\n"), "{told}");
    drop(held);
    let again =
        async { while !house.client.get(house.url("/healthz")).send().await.is_ok_and(|r| r.status() == 200) {} };
    within("the slots are free again", again).await;
    house.close().await;
}

#[tokio::test]
async fn one_connection_too_many_is_told_so() {
    let house = House::with(|settings| settings.limits.max_connections = 2).await;
    beyond_the_limit_is_told(house, "--max-connections").await;
}

#[tokio::test]
async fn one_connection_too_many_from_one_address_is_told_so() {
    let house = House::with(|settings| settings.limits.max_connections_per_address = 2).await;
    beyond_the_limit_is_told(house, "--max-connections-per-address").await;
}

#[tokio::test]
async fn one_connection_too_many_over_tls_is_closed_before_its_handshake() {
    let (house, _authority, _folder) = tls_house(|settings| settings.limits.max_connections = 1).await;
    assert_eq!(house.get("/healthz").await.status(), 200);

    let mut second = tcp(&house.url("")).await;

    assert_eq!(rest(&mut second).await, "");
    house.close().await;
}

#[tokio::test]
async fn connections_that_come_and_go_leave_no_slot_taken() {
    let house = House::with(|settings| settings.limits.max_connections = 4).await;

    for _ in 0..50 {
        let mut broken = tcp(&house.url("")).await;
        let _ = broken.write_all(b"GET / HTT").await;
    }

    let healthy =
        async { while !house.client.get(house.url("/healthz")).send().await.is_ok_and(|r| r.status() == 200) {} };
    within("a slot", healthy).await;
    house.close().await;
}

/// Sends a head a byte at a time, once all others do, until it is told to stop; answers
/// what it was told.
async fn drip(url: String, all: Arc<Barrier>) -> String {
    let mut stream = tcp(&url).await;
    let mut answer = vec![];
    stream.write_all(b"GET /healthz HTTP/1.1\r\nx: ").await.expect("sent");
    all.wait().await;
    // This is what such a client does: nothing here waits for the time to pass.
    let mut tick = tokio::time::interval(Duration::from_millis(500));
    loop {
        tokio::select! {
            read = stream.read_buf(&mut answer) => if read.unwrap_or(0) == 0 { break },
            _ = tick.tick() => drop(stream.write_all(b"a").await),
        }
    }
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn five_hundred_clients_that_drip_do_not_hold_up_the_others_and_are_told_to_go() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).expect("more descriptors");
    let folder = TempDir::new().expect("a folder");
    let server = Process::start(&folder.path().join("nyala.db"), "127.0.0.1:0");
    let all = Arc::new(Barrier::new(501));
    let mut dripping: JoinSet<_> = (0..500).map(|_| drip(server.url.clone(), all.clone())).collect();
    within("all drip", all.wait()).await;

    tokio::select! {
        biased;
        told = dripping.join_next() => panic!("held up until they were told: {told:?}"),
        () = async { server.publish().await; } => {}
    }

    // The publisher had its answer while all of them were there.
    let told = async {
        while let Some(answer) = dripping.join_next().await {
            problem(&answer.expect("an answer"), 408);
        }
    };
    within("all are told", told).await;
    server.stop().await;
}
