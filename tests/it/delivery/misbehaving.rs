//! Receivers that do what no receiver should: each attempt ends in time, frees
//! its worker and is on record.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::raw::{Raw, read_request};
use super::{attempted, something_else_arrives, text};
use crate::house::{House, within};

const TIMEOUT: Duration = Duration::from_millis(300);

/// How much longer than its timeout an attempt may take on a busy machine.
const SLACK: Duration = Duration::from_millis(2500);

/// A house with one worker, which one receiver could hold.
async fn house_with_one_worker() -> House {
    House::with(|settings| {
        settings.policy.timeout = TIMEOUT;
        settings.policy.workers = 1;
        settings.policy.workers_per_hook = 1;
    })
    .await
}

/// What is on record of the first attempt at such a receiver. Something else
/// arrives afterwards, so the worker is free again.
async fn attempt_at(raw: &Raw) -> Value {
    let house = house_with_one_worker().await;
    house.subscribe(&raw.url("/cb"), "E").await;
    let event = house.publish_and_wait("E", "{}").await;
    something_else_arrives(&house).await;

    let delivery = attempted(&house, &event, 1).await;
    let attempt = delivery["attempts"][0].clone();
    let duration = attempt["duration_ms"].as_f64().expect("a duration");
    assert!(duration < (TIMEOUT + SLACK).as_secs_f64() * 1000.0, "{attempt}");
    house.close().await;
    attempt
}

/// The receiver reads the request, says this, and then nothing more.
async fn that_says_and_stalls(said: &'static [u8]) -> Raw {
    Raw::new(move |mut stream| async move {
        read_request(&mut stream).await;
        say(&mut stream, said).await;
        std::future::pending::<()>().await;
    })
    .await
}

/// The receiver reads the request, says this, and hangs up.
async fn that_says_and_closes(said: &'static [u8]) -> Raw {
    Raw::new(move |mut stream| async move {
        read_request(&mut stream).await;
        say(&mut stream, said).await;
        let _ = stream.shutdown().await;
    })
    .await
}

async fn say(stream: &mut TcpStream, said: &[u8]) {
    // Whoever gave up does not hear it.
    let _ = stream.write_all(said).await;
}

fn assert_timed_out(attempt: &Value) {
    assert_eq!((&attempt["outcome"], &attempt["status"]), (&json!("failed"), &Value::Null));
    assert_eq!(text(&attempt["reason"]), "no complete answer within 300ms");
    assert!(attempt["duration_ms"].as_f64() >= Some(TIMEOUT.as_secs_f64() * 1000.0), "{attempt}");
}

fn assert_failed(attempt: &Value, reason: &str) {
    assert_eq!((&attempt["outcome"], &attempt["status"]), (&json!("failed"), &Value::Null));
    assert!(text(&attempt["reason"]).starts_with(reason), "{attempt}");
}

#[tokio::test]
async fn a_receiver_that_hangs_has_failed_after_the_timeout() {
    let raw = that_says_and_stalls(b"").await;
    assert_timed_out(&attempt_at(&raw).await);
}

#[tokio::test]
async fn a_receiver_that_does_not_even_read_has_failed_after_the_timeout() {
    let raw = Raw::new(|stream| async move {
        let _held = stream;
        std::future::pending::<()>().await;
    })
    .await;
    assert_timed_out(&attempt_at(&raw).await);
}

#[tokio::test]
async fn headers_and_then_silence_are_a_failure_after_the_timeout() {
    let raw = that_says_and_stalls(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12345").await;
    assert_timed_out(&attempt_at(&raw).await);
}

#[tokio::test]
async fn half_a_head_and_then_silence_is_a_failure_after_the_timeout() {
    let raw = that_says_and_stalls(b"HTTP/1.1 200 OK\r\ncontent-le").await;
    assert_timed_out(&attempt_at(&raw).await);
}

#[tokio::test]
async fn an_answer_that_drips_does_not_outlast_the_timeout() {
    let raw = Raw::new(|mut stream| async move {
        read_request(&mut stream).await;
        say(&mut stream, b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n").await;
        let mut drip = tokio::time::interval(Duration::from_millis(20));
        while stream.write_all(b".").await.is_ok() {
            drip.tick().await;
        }
    })
    .await;
    assert_timed_out(&attempt_at(&raw).await);
}

#[tokio::test]
async fn endless_interim_answers_do_not_outlast_the_timeout() {
    let raw = Raw::new(|mut stream| async move {
        read_request(&mut stream).await;
        let mut drip = tokio::time::interval(Duration::from_millis(20));
        while stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.is_ok() {
            drip.tick().await;
        }
    })
    .await;
    assert_timed_out(&attempt_at(&raw).await);
}

#[tokio::test]
async fn a_receiver_that_closes_at_once_has_failed() {
    let after_reading = that_says_and_closes(b"").await;
    assert_failed(&attempt_at(&after_reading).await, "no answer: ");
    let unread = Raw::new(|stream| async move { drop(stream) }).await;
    assert_failed(&attempt_at(&unread).await, "no answer: ");
}

#[tokio::test]
async fn nobody_there_is_a_failure() {
    let address = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port").local_addr().expect("an address");
    let house = house_with_one_worker().await;
    house.subscribe(&format!("http://{address}/cb"), "E").await;

    let event = house.publish_and_wait("E", "{}").await;

    let delivery = attempted(&house, &event, 1).await;
    assert_failed(&delivery["attempts"][0], "cannot connect: ");
    house.close().await;
}

#[tokio::test]
async fn what_is_not_http_is_a_failure() {
    let answers: [&[u8]; 6] = [
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n",
        b"HTTP/1.1 200 O\0K\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: a\0b\r\n\r\n",
        b"\0\xff\xfe\0",
    ];
    for answer in answers {
        let raw = that_says_and_closes(answer).await;
        assert_failed(&attempt_at(&raw).await, "no answer: ");
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_a_failure() {
    let answers: [&[u8]; 3] = [
        b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n123",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nnonsense\r\n",
    ];
    for answer in answers {
        let raw = that_says_and_closes(answer).await;
        assert_failed(&attempt_at(&raw).await, "the answer (200) broke off: ");
    }
}

#[tokio::test]
async fn bytes_that_are_no_text_are_kept_as_replacement_characters() {
    let raw = that_says_and_closes(
        b"HTTP/1.1 500 Caf\xe9\r\nx-odd: \xff\xfe\r\ncontent-length: 6\r\nconnection: close\r\n\r\na\0b\xff\xfec",
    )
    .await;

    let attempt = attempt_at(&raw).await;

    assert_eq!((&attempt["outcome"], &attempt["status"]), (&json!("answered"), &json!(500)));
    assert_eq!(attempt["answer"]["body"], "a\0b\u{fffd}\u{fffd}c");
    let headers = attempt["answer"]["headers"].as_array().expect("headers");
    assert!(headers.contains(&json!(["x-odd", "\u{fffd}\u{fffd}"])), "{headers:?}");
}

#[tokio::test]
async fn of_large_headers_a_beginning_is_kept() {
    let raw = Raw::new(|mut stream| async move {
        read_request(&mut stream).await;
        let line = format!("x-large: {}\r\n", "x".repeat(1000));
        let head = format!("HTTP/1.1 200 OK\r\n{}content-length: 0\r\nconnection: close\r\n\r\n", line.repeat(20));
        say(&mut stream, head.as_bytes()).await;
    })
    .await;

    let attempt = attempt_at(&raw).await;

    assert_eq!((&attempt["outcome"], &attempt["status"]), (&json!("answered"), &json!(200)));
    assert_eq!(attempt["answer"]["headers"].as_array().expect("headers").len(), 4, "4 KiB of 1 KiB each");
}

#[tokio::test]
async fn of_headers_that_are_no_text_no_more_is_kept() {
    let said = [&b"HTTP/1.1 200 OK\r\n"[..], &b"x: \xff\xff\xff\xff\r\n".repeat(90), b"content-length: 0\r\n\r\n"];
    let raw = that_says_and_closes(said.concat().leak()).await;

    let attempt = attempt_at(&raw).await;

    assert_eq!(attempt["status"], 200);
    let headers = attempt["answer"]["headers"].as_array().expect("headers");
    assert!(headers.contains(&json!(["x", "\u{fffd}".repeat(4)])), "{headers:?}");
    let bytes: usize = headers.iter().map(|header| text(&header[0]).len() + text(&header[1]).len()).sum();
    assert!(bytes <= 4096, "{bytes} bytes are kept");
}

#[tokio::test]
async fn of_an_answer_without_end_64_kib_are_read_and_4_kib_kept() {
    const LENGTH: usize = 800_000_000;
    let (tell, mut written) = watch::channel(None);
    let raw = Raw::new(move |mut stream| {
        let tell = tell.clone();
        async move {
            read_request(&mut stream).await;
            say(&mut stream, format!("HTTP/1.1 200 OK\r\ncontent-length: {LENGTH}\r\n\r\n").as_bytes()).await;
            let chunk = vec![b'x'; 10_000];
            let mut bytes = 0;
            while bytes < LENGTH && stream.write_all(&chunk).await.is_ok() {
                bytes += chunk.len();
            }
            tell.send_replace(Some(bytes));
        }
    })
    .await;

    let attempt = attempt_at(&raw).await;

    assert_eq!((&attempt["outcome"], &attempt["status"]), (&json!("answered"), &json!(200)));
    assert_eq!(text(&attempt["answer"]["body"]), "x".repeat(4096));
    let written =
        within("the connection is closed", written.wait_for(Option::is_some)).await.expect("a count").unwrap();
    // Beyond what is read, the sockets' buffers take some megabytes.
    assert!(written < LENGTH / 20, "{written} bytes were taken");
}

#[tokio::test]
async fn of_a_long_reason_a_beginning_is_kept() {
    let said = format!("HTTP/1.1 500 {}\r\ncontent-length: 0\r\n\r\n", "x".repeat(10_000));
    let raw = that_says_and_closes(said.leak().as_bytes()).await;

    let attempt = attempt_at(&raw).await;

    assert_eq!((&attempt["status"], text(&attempt["reason"])), (&json!(500), "x".repeat(256).as_str()));
}

#[tokio::test]
async fn a_head_beyond_64_kib_is_a_failure() {
    let said = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "x".repeat(200_000));
    let raw = that_says_and_closes(said.leak().as_bytes()).await;

    assert_failed(&attempt_at(&raw).await, "no answer");
}
