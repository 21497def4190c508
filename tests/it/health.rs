//! `/healthz` and `/readyz`, and what happens while the database cannot be
//! written; names of requests.

use std::future::Future;
use std::time::{Duration, Instant};

use reqwest::{Method, Response};
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::bad_input::{check_problem, whole};
use crate::house::{House, LIMIT, within};
use crate::receiver::Receiver;

/// For so long an answer of `/readyz` is given again.
const SECOND: Duration = Duration::from_secs(1);

/// Holds the database's write lock until it is dropped.
fn lock(house: &House) -> Connection {
    let conn = Connection::open(house.database()).expect("the database");
    conn.busy_timeout(LIMIT).expect("a timeout");
    conn.execute_batch("BEGIN IMMEDIATE").expect("the lock");
    conn
}

/// Asks until the service says that it is ready again.
async fn until_ready(house: &House) {
    let asking = async {
        while house.get("/readyz").await.status() != 200 {
            house.clock.advance(SECOND);
        }
    };
    within("ready again", asking).await;
}

/// A publish that goes on by itself; it may be answered with 200 or 503.
fn publish(house: &House, n: usize) -> impl Future<Output = Response> + Send + 'static {
    let request = house.client.post(house.url("/api/hooks/publish/E")).body(n.to_string());
    async { within("an answer", request.send()).await.expect("an answer") }
}

#[tokio::test]
async fn a_house_in_order_is_alive_and_ready() {
    let house = House::new().await;

    for (path, status) in [("/healthz", "ok"), ("/readyz", "ready"), ("/READYZ/", "ready")] {
        assert_eq!(house.json(path).await, json!({"status": status}), "{path}");
    }

    house.close().await;
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let house = House::new().await;
    house.subscribe("http://127.0.0.1:9/", "E").await;
    let id = house.publish("Other", "1").await["id"].clone();
    let event = format!("/api/v1/events/{}", id.as_str().expect("an id"));

    for path in ["/healthz", "/readyz", "/api/hooks", "/api/hooks/1", "/api/v1/hooks", &event, "/api/hooks/9"] {
        let (get, head) = (house.get(path).await, house.send(Method::HEAD, path, "").await);
        assert_eq!(head.status(), get.status(), "{path}");
        assert_eq!(head.headers()["content-type"], get.headers()["content-type"], "{path}");
        assert_eq!(head.headers().get("content-length"), get.headers().get("content-length"), "{path}");
        assert_eq!(head.bytes().await.expect("a body"), "", "{path}");
    }

    house.close().await;
}

#[tokio::test]
async fn a_house_that_cannot_write_is_alive_but_not_ready_until_it_can_again() {
    let house = House::new().await;

    let lock = lock(&house);
    let asked = Instant::now();
    let not_ready = house.get("/readyz").await;
    let patience = asked.elapsed();
    let alive = house.get("/healthz").await.status();
    let readable = house.get("/api/hooks").await.status();
    drop(lock);
    until_ready(&house).await;

    assert!(patience < Duration::from_secs(6), "whoever asks is not kept waiting: {patience:?}");
    assert_eq!((alive.as_u16(), readable.as_u16()), (200, 200));
    assert_eq!(not_ready.headers()["retry-after"], "1");
    check_problem(not_ready, whole(503, "a write takes too long"), "GET /readyz").await;
    house.close().await;
}

#[tokio::test]
async fn whoever_asks_whether_it_is_ready_makes_one_write_a_second() {
    let house = House::new().await;
    let first = house.get("/readyz").await.status();

    let lock = lock(&house);
    for _ in 0..100 {
        assert_eq!(house.get("/readyz").await.status(), 200, "as it was a moment ago");
    }
    house.clock.advance(SECOND);
    let later = house.get("/readyz").await.status();
    drop(lock);
    let again = house.get("/readyz").await.status();
    until_ready(&house).await;

    assert_eq!([first, later, again].map(|status| status.as_u16()), [200, 503, 503]);
    house.close().await;
}

#[tokio::test]
async fn what_is_acknowledged_around_a_lock_is_delivered_and_nothing_else_is_kept() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    house.subscribe(&receiver.url("/"), "E").await;

    let lock = lock(&house);
    let publishes: Vec<_> = (0..50).map(|n| tokio::spawn(publish(&house, n))).collect();
    assert_eq!(house.get("/readyz").await.status(), 503, "the publishes wait, or were refused");
    drop(lock);
    let mut acknowledged = vec![];
    for (n, publish) in publishes.into_iter().enumerate() {
        match publish.await.expect("an answer").status().as_u16() {
            200 => acknowledged.push(n.to_string()),
            status => assert_eq!(status, 503),
        }
    }

    let mut arrived: Vec<_> =
        receiver.wait_for(acknowledged.len()).await.iter().map(|request| request.text().to_owned()).collect();
    let number = |text: &String| text.parse::<usize>().expect("a number");
    arrived.sort_by_key(number);
    assert_eq!(arrived, acknowledged);
    let kept = house.json("/api/v1/events?limit=1000").await;
    assert_eq!(kept["items"].as_array().map(Vec::len), Some(acknowledged.len()));
    house.close().await;
}

#[tokio::test]
async fn what_was_attempted_during_a_lock_is_on_record_after_it() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    let hook = house.subscribe(&receiver.url("/"), "E").await;
    let database = house.database();
    let (send, held) = std::sync::mpsc::channel();
    // The lock is taken while the attempt is under way: after the publish is
    // kept, before its outcome can be.
    receiver.answer(move |_| {
        let conn = Connection::open(&database).expect("the database");
        conn.busy_timeout(LIMIT).expect("a timeout");
        conn.execute_batch("BEGIN IMMEDIATE").expect("the lock");
        send.send(conn).expect("the test");
        crate::receiver::status(200)
    });

    house.publish("E", "1").await;
    receiver.wait_for(1).await;
    let lock = held.recv().expect("the lock");
    let not_ready = house.get("/readyz").await.status();
    drop(lock);
    until_ready(&house).await;

    assert_eq!(not_ready, 503);
    let path = format!("/api/v1/deliveries?hook={}", hook["id"]);
    house.until(&path, |page| page["items"][0]["state"] == "delivered").await;
    assert_eq!(receiver.received().len(), 1, "once is enough");
    house.close().await;
}

#[tokio::test]
async fn a_house_that_cannot_write_stops_within_ten_seconds_all_the_same() {
    let mut house = House::new().await;

    let lock = lock(&house);
    let asked = Instant::now();
    house.stop().await;
    let stopping = asked.elapsed();
    drop(lock);

    assert!(stopping < Duration::from_secs(10), "it took {stopping:?}");
    house.start_again().await;
    assert_eq!(house.get("/readyz").await.status(), 200);
    house.close().await;
}

#[tokio::test]
async fn an_answer_names_its_request_by_the_clients_name_or_a_new_one() {
    let house = House::new().await;
    let long = "x".repeat(129);
    let table: [(&str, bool); 7] = [
        ("trace-1/2:3", true),
        (&long[..128], true),
        (&long, false),
        ("", false),
        ("two words", false),
        ("tab\tbed", false),
        ("ümlaut", false),
    ];

    for (given, echoed) in table {
        for path in ["/healthz", "/nothing", "/api/v1/hooks?limit=0"] {
            let request = house.client.get(house.url(path)).header("x-request-id", given);
            let response = within("an answer", request.send()).await.expect("an answer");
            let name = response.headers()["x-request-id"].to_str().expect("text");
            assert!(!name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic()), "{name}");
            assert_eq!(name == given, echoed, "{given}: {name}");
        }
    }

    house.close().await;
}

#[tokio::test]
async fn no_two_requests_are_given_the_same_name() {
    let house = House::new().await;
    let mut names = std::collections::BTreeSet::new();

    for _ in 0..200 {
        let response = house.get("/healthz").await;
        names.insert(response.headers()["x-request-id"].to_str().expect("text").to_owned());
    }

    assert_eq!(names.len(), 200);
    let value: Value = house.json("/healthz").await;
    assert_eq!(value["status"], "ok");
    house.close().await;
}
