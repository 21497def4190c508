//! What a receiver may cost: in one attempt so many bytes, and no connection that
//! outlasts its attempt.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::raw::{Raw, read_request};
use super::{attempted, text};
use crate::house::{House, within};
use crate::receiver::{Receiver, self_signed, status};

/// What a receiver could send while nobody stops it.
const FLOOD: usize = 200 << 20;

/// Beyond what is taken, the sockets' buffers hold some megabytes.
const BUFFERS: usize = 20 << 20;

/// More than the buffers of a connection hold.
const LARGE: usize = 24 << 20;

/// The only attempt at a receiver that says this and then that, over and over; and how
/// much it got rid of.
async fn attempt_at_flood(first: &'static str, then: &'static str) -> (Value, usize) {
    let (tell, mut written) = watch::channel(None);
    let raw = Raw::new(move |mut stream| {
        let tell = tell.clone();
        async move {
            read_request(&mut stream).await;
            let (mut said, mut bytes) = (first.to_owned(), 0);
            while bytes < FLOOD && stream.write_all(said.as_bytes()).await.is_ok() {
                bytes += said.len();
                said = then.repeat(10_000 / then.len());
            }
            tell.send_replace(Some(bytes));
        }
    })
    .await;
    let house = House::with(|settings| settings.policy.timeout = Duration::from_mins(1)).await;
    house.subscribe(&raw.url("/cb"), "E").await;

    let event = house.publish_and_wait("E", "{}").await;

    let delivery = attempted(&house, &event, 1).await;
    let written =
        within("the connection is closed", written.wait_for(Option::is_some)).await.expect("a count").unwrap();
    house.close().await;
    (delivery["attempts"][0].clone(), written)
}

#[tokio::test]
async fn an_attempt_ends_once_256_kib_have_come_and_no_answer_is_whole() {
    const CHUNKED: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let floods = [
        ("", "HTTP/1.1 100 Continue\r\n\r\n", "no answer: "),
        ("", "HTTP/1.1 103 Early Hints\r\nlink: </style.css>\r\n\r\n", "no answer: "),
        (CHUNKED, "0", "the answer (200) broke off: "),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1", " ", "the answer (200) broke off: "),
        (CHUNKED, "1\r\nx\r\n", "the answer (200) broke off: "),
    ];

    for (first, then, outcome) in floods {
        let (attempt, written) = attempt_at_flood(first, then).await;

        let reason = text(&attempt["reason"]);
        assert!(reason.starts_with(outcome) && reason.contains("sent more than 256 KiB"), "{then:?}: {reason}");
        assert_eq!(attempt["outcome"], "failed");
        assert!(written < BUFFERS, "{written} bytes of {then:?} were taken");
    }
}

#[tokio::test]
async fn what_tls_says_for_itself_counts_too() {
    let tls = TlsAcceptor::from(Arc::new(self_signed()));
    let raw = Raw::new(move |stream| {
        let tls = tls.clone();
        async move {
            let mut stream = tls.accept(stream).await.expect("a handshake");
            read_request(&mut stream).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nx: ").await;
            // A head that is not too large, each byte of which has a record of its own.
            for _ in 0..50_000 {
                if stream.write_all(b"x").await.is_err() || stream.flush().await.is_err() {
                    return;
                }
            }
            std::future::pending::<()>().await;
        }
    })
    .await;
    let house = House::with(|settings| settings.policy.timeout = Duration::from_mins(1)).await;
    subscribe(&house, &raw, "https:").await;

    let event = house.publish_and_wait("E", "{}").await;

    let delivery = attempted(&house, &event, 1).await;
    let reason = text(&delivery["attempts"][0]["reason"]);
    assert!(reason.starts_with("no answer: the receiver sent more than 256 KiB"), "{reason}");
    house.close().await;
}

/// Subscribes such a receiver, by http or by https, whatever its certificate.
async fn subscribe(house: &House, raw: &Raw, scheme: &str) {
    let url = raw.url("/cb").replace("http:", scheme);
    let hook = json!({"url": url, "event": "E", "insecure_ssl": true}).to_string();
    assert_eq!(house.send(Method::POST, "/api/hooks", &hook).await.status(), 201);
}

#[tokio::test]
async fn a_receiver_is_not_offered_http_2() {
    let mut config = self_signed();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let tls = TlsAcceptor::from(Arc::new(config));
    let (tell, mut heard) = watch::channel(None);
    let raw = Raw::new(move |stream| {
        let (tls, tell) = (tls.clone(), tell.clone());
        async move {
            let mut stream = tls.accept(stream).await.expect("a handshake");
            let chosen = stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
            tell.send_replace(Some((chosen, read_request(&mut stream).await)));
        }
    })
    .await;
    let house = House::new().await;
    subscribe(&house, &raw, "https:").await;

    house.publish_and_wait("E", "{}").await;

    let heard = within("a request", heard.wait_for(Option::is_some)).await.expect("a receiver").clone();
    let (chosen, request) = heard.expect("a request");
    assert!(chosen.is_none() && request.starts_with("post /cb http/1.1\r\n"), "{chosen:?} {request}");
    house.close().await;
}

#[tokio::test]
async fn a_connection_that_is_kept_may_bring_any_number_of_answers() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    receiver.answer(|_| {
        let mut reply = status(200);
        reply.body = "x".repeat(60_000).into();
        reply
    });
    house.subscribe(&receiver.url("/cb"), "E").await;

    for _ in 0..20 {
        let event = house.publish_and_wait("E", "{}").await;
        assert_eq!(attempted(&house, &event, 1).await["state"], "delivered");
    }

    let all = receiver.received();
    assert!(all.iter().all(|request| request.connection == 0), "1.2 MB of answers over one connection");
    house.close().await;
}

/// Whether our end of a connection is open, as the kernel has it.
fn is_open(ours: SocketAddr, theirs: SocketAddr) -> bool {
    const ESTABLISHED: &str = "01";
    let table = std::fs::read_to_string("/proc/net/tcp").expect("the system's connections");
    let port = |at: Option<&str>| u16::from_str_radix(at?.split(':').nth(1)?, 16).ok();
    table.lines().skip(1).any(|line| {
        let mut fields = line.split_whitespace().skip(1);
        let ports = (port(fields.next()), port(fields.next()));
        ports == (Some(ours.port()), Some(theirs.port())) && fields.next() == Some(ESTABLISHED)
    })
}

/// Takes a handshake, or the beginning of a request and says this, and then nothing more.
async fn stall(mut stream: TcpStream, tls: Option<TlsAcceptor>, said: &[u8]) {
    if let Some(tls) = tls {
        let _held = tls.accept(stream).await;
        return std::future::pending().await;
    }
    stream.read_exact(&mut [0; 100]).await.expect("a beginning");
    stream.write_all(said).await.expect("an answer is sent");
    std::future::pending::<()>().await;
}

/// The only attempt at such a receiver. Its connection does not outlast it for long.
async fn attempt_at_one_that_stalls(tls: Option<TlsAcceptor>, said: &'static [u8]) -> Value {
    let scheme = if tls.is_some() { "https:" } else { "http:" };
    let (tell, connected) = watch::channel(None);
    let raw = Raw::new(move |stream| {
        tell.send_replace(Some((stream.peer_addr().expect("ours"), stream.local_addr().expect("theirs"))));
        stall(stream, tls.clone(), said)
    })
    .await;
    let house = House::with(|settings| {
        settings.policy.timeout = Duration::from_secs(1);
        settings.max_body = 2 * LARGE;
    })
    .await;
    subscribe(&house, &raw, scheme).await;

    let event = house.publish_and_wait("E", &format!("\"{}\"", "x".repeat(LARGE))).await;

    let delivery = attempted(&house, &event, 1).await;
    let (ours, theirs) = connected.borrow().expect("a connection");
    let closed = async {
        while is_open(ours, theirs) {
            tokio::task::yield_now().await;
        }
    };
    within("the connection is closed", closed).await;
    house.close().await;
    delivery["attempts"][0].clone()
}

#[tokio::test]
async fn a_receiver_that_takes_no_request_over_tls_does_not_keep_the_connection() {
    let tls = TlsAcceptor::from(Arc::new(self_signed()));

    let attempt = attempt_at_one_that_stalls(Some(tls), b"").await;

    assert_eq!(text(&attempt["reason"]), "no complete answer within 1s");
}

#[tokio::test]
async fn who_answers_before_the_request_is_there_has_to_take_it_nevertheless() {
    let attempt = attempt_at_one_that_stalls(None, b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;

    assert_eq!(attempt["outcome"], "failed");
    assert_eq!(text(&attempt["reason"]), "answered (200), but the whole request was not taken within 1s");
}
