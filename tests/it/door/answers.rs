//! Answers on their way out: large ones are bounded all together.

use reqwest::Method;
use rustls::version::TLS13;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::tls_house;
use super::waiting::{frame, whole_frame};
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

/// HEADERS: a GET of this path, and no more.
fn get(stream: u32, path: &str) -> Vec<u8> {
    let length = u8::try_from(path.len()).expect("a short one");
    let head = [b"\x82\x87\x04", &[length][..], path.as_bytes(), b"\x01\x09localhost"].concat();
    frame(1, 5, stream, &head)
}

/// Waits for the head of an answer.
async fn head(client: &mut (impl AsyncReadExt + Unpin), stream: u32) {
    while !matches!(whole_frame(client).await, (1, on, _) if on == stream) {}
}

#[tokio::test]
async fn a_large_answer_for_which_there_is_no_room_is_refused_until_there_is() {
    let (house, authority, _folder) = tls_house(|settings| settings.limits.max_answers = 2 * LARGE - 1).await;
    let path = large(&house).await;
    let mut client = authority.handshake(&house.url(""), &[&TLS13], &["h2"]).await;

    // SETTINGS: not a byte of an answer is wanted.
    let begin = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &frame(4, 0, 0, &[0, 4, 0, 0, 0, 0])[..], &get(1, &path)];
    client.write_all(&begin.concat()).await.expect("sent");
    head(&mut client, 1).await;
    let refused = house.get(&path).await;
    let small = house.get("/healthz").await;
    // RST_STREAM
    client.write_all(&frame(3, 0, 1, &[0, 0, 0, 8])).await.expect("sent");
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
