//! A receiver that answers over one connection, and no handshake of any other: while an
//! attempt waits for the one, the HTTP client begins others, and would wait for them for ever.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::raw::{Raw, read_request};
use super::until_count;
use crate::house::{House, within};
use crate::receiver::self_signed;

const EVENTS: usize = 150;

const WORKERS_PER_HOOK: usize = 4;

/// So many connections that nobody waits for are finished at a time.
const SPARE: usize = 64;

/// What has come to the receiver.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    connections: usize,
    answered: usize,
    /// Those that wait for a handshake.
    hanging: usize,
}

async fn behave(stream: TcpStream, tls: TlsAcceptor, seen: Arc<watch::Sender<Seen>>) {
    let mut first = false;
    seen.send_modify(|seen| {
        first = seen.connections == 0;
        seen.connections += 1;
        seen.hanging += usize::from(!first);
    });
    if first {
        answer(stream, tls, &seen).await;
    } else {
        hang(stream).await;
        seen.send_modify(|seen| seen.hanging -= 1);
    }
}

/// Answers all requests, each when another connection has been begun meanwhile: at the
/// start there is but one attempt, and none.
async fn answer(stream: TcpStream, tls: TlsAcceptor, seen: &watch::Sender<Seen>) {
    let mut stream = tls.accept(stream).await.expect("a handshake");
    loop {
        if read_request(&mut stream).await.is_empty() {
            return;
        }
        let mut others = seen.subscribe();
        let begun = others.wait_for(|seen| seen.connections > seen.answered + 1);
        let _ = tokio::time::timeout(Duration::from_millis(300), begun).await;
        seen.send_modify(|seen| seen.answered += 1);
        if stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.is_err() {
            return;
        }
    }
}

/// Takes what comes and says nothing, until the other end has had enough.
async fn hang(mut stream: TcpStream) {
    let mut taken = [0; 1024];
    while stream.read(&mut taken).await.is_ok_and(|count| count > 0) {}
}

/// A house that has delivered everything over the one connection, and what the receiver sees of it.
async fn delivered(timeout: Duration) -> (House, Raw, watch::Receiver<Seen>) {
    let tls = TlsAcceptor::from(Arc::new(self_signed()));
    let (tell, seen) = watch::channel(Seen::default());
    let tell = Arc::new(tell);
    let raw = Raw::new(move |stream| behave(stream, tls.clone(), tell.clone())).await;
    let house = House::with(|settings| {
        settings.policy.timeout = timeout;
        settings.policy.workers_per_hook = WORKERS_PER_HOOK;
    })
    .await;
    let url = raw.url("/cb").replace("http:", "https:");
    let hook = json!({"url": url, "event": "E", "insecure_ssl": true}).to_string();
    assert_eq!(house.send(reqwest::Method::POST, "/api/hooks", &hook).await.status(), 201);
    for _ in 0..EVENTS {
        house.publish("E", "{}").await;
    }
    until_count(&house, "state=delivered", EVENTS).await;
    (house, raw, seen)
}

#[tokio::test]
async fn of_connections_that_nobody_waits_for_few_are_open() {
    let (house, _raw, mut seen) = delivered(Duration::from_mins(1)).await;

    let few = within("all but few are closed", seen.wait_for(|seen| seen.hanging <= SPARE + WORKERS_PER_HOOK)).await;
    let seen = *few.expect("a receiver");

    assert!(seen.connections > SPARE + WORKERS_PER_HOOK + 1, "enough were begun: {seen:?}");
    house.close().await;
}

#[tokio::test]
async fn a_connection_that_nobody_waits_for_ends_as_an_attempt_would() {
    let (house, _raw, mut seen) = delivered(Duration::from_secs(3)).await;

    let none = within("all are closed", seen.wait_for(|seen| seen.hanging == 0)).await;

    assert!(none.expect("a receiver").connections > 1);
    house.close().await;
}
