//! Answers on their way out: large ones are bounded all together.

use std::time::{Duration, Instant};

use reqwest::Method;
use rustls::version::TLS13;
use serde_json::Value;
use tokio::io::{AsyncWriteExt, ReadHalf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::frames::{DATA, HEADERS, PREFACE, RST_STREAM, frame, get, next_of, no_window, want, whole_frame};
use super::{Authority, PACE, drip, tls_house};
use crate::house::{House, within};

/// Larger than what needs no room.
const LARGE: usize = 90_000;

/// The path of an event that is shown with a large payload.
async fn large(house: &House) -> String {
    let body = format!(r#"{{"type":"E","payload":"{}"}}"#, "x".repeat(LARGE));
    let response = house.send(Method::POST, "/api/v1/events", &body).await;
    assert_eq!(response.status(), 201);
    let event: Value = response.json().await.expect("an event");
    format!("/api/v1/events/{}", event["id"].as_str().expect("an id"))
}

#[tokio::test]
async fn a_large_answer_for_which_there_is_no_room_is_refused_until_there_is() {
    let (house, authority, _folder) = tls_house(|settings| settings.limits.max_answers = 2 * LARGE - 1).await;
    let path = large(&house).await;
    let mut client = authority.handshake(&house.url(""), &[&TLS13], &["h2"]).await;

    client.write_all(&[PREFACE, &no_window(), &get(1, &path)].concat()).await.expect("sent");
    next_of(HEADERS, 1, &mut client).await;
    let refused = house.get(&path).await;
    let small = house.get("/healthz").await;
    client.write_all(&frame(RST_STREAM, 0, 1, &[0, 0, 0, 8])).await.expect("sent");
    within("room", async { while house.get(&path).await.status() != 200 {} }).await;

    assert_eq!((refused.status().as_u16(), small.status().as_u16()), (503, 200));
    assert_eq!(refused.headers()["retry-after"], "1");
    house.close().await;
}

#[tokio::test]
async fn a_large_answer_arrives_whole() {
    let (tls, _authority, _folder) = tls_house(|_| {}).await;

    for house in [House::new().await, tls] {
        let path = large(&house).await;
        let response = house.get(&path).await;
        assert!(response.content_length().is_some_and(|length| length > LARGE as u64));
        let body = within("the body", response.text()).await.expect("all of it");
        assert!(body.contains(&"x".repeat(LARGE)));
        house.close().await;
    }
}

/// Asks for an answer over HTTP/2, and takes so many bytes of it now and then.
async fn taking(
    (house, authority): (&House, &Authority),
    path: &str,
    pace: Duration,
    bytes: u32,
) -> (ReadHalf<TlsStream<TcpStream>>, impl Future<Output = ()> + use<>) {
    let stream = authority.handshake(&house.url(""), &[&TLS13], &["h2"]).await;
    let (read, mut write) = tokio::io::split(stream);
    // The window of the connection is not what holds it up.
    let begin = [PREFACE, &no_window(), &want(0, 1 << 20), &get(1, path)].concat();
    write.write_all(&begin).await.expect("sent");
    (read, async move { drip(&mut write, pace, &want(1, bytes)).await })
}

#[tokio::test]
async fn an_answer_of_which_a_byte_is_taken_now_and_then_is_given_up_and_its_room_given_back() {
    let (house, authority, _folder) = tls_house(|settings| {
        settings.limits.stall_timeout = Duration::from_millis(300);
        settings.limits.max_answers = 2 * LARGE - 1;
    })
    .await;
    let path = large(&house).await;

    let (mut read, taking) = taking((&house, &authority), &path, PACE, 1).await;
    tokio::select! {
        _ = next_of(RST_STREAM, 1, &mut read) => {}
        () = taking => {}
    }

    within("room", async { while house.get(&path).await.status() != 200 {} }).await;
    house.close().await;
}

#[tokio::test]
async fn an_answer_that_is_taken_slowly_but_steadily_arrives_whole() {
    let stall = Duration::from_secs(1);
    let (house, authority, _folder) = tls_house(|settings| settings.limits.stall_timeout = stall).await;
    let path = large(&house).await;
    let length = house.get(&path).await.content_length().expect("a length");

    let since = Instant::now();
    let (mut read, taking) = taking((&house, &authority), &path, stall / 3, 12 << 10).await;
    let whole = async {
        let mut taken = 0;
        while taken < length {
            let (kind, on, payload) = whole_frame(&mut read).await;
            assert!(on == 0 || kind != RST_STREAM, "given up after {taken} of {length} bytes");
            taken += if kind == DATA { payload.len() as u64 } else { 0 };
        }
    };
    tokio::select! {
        () = whole => {}
        () = taking => {}
    }

    assert!(since.elapsed() > 2 * stall, "{:?}", since.elapsed());
    house.close().await;
}
