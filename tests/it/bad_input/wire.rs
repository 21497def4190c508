//! What a well-behaved client would never put on the wire, and chunks, which it would.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::raw::{chunked, connect, exchange, request, shout};
use super::{assert_nothing_is_kept, close_in_order};
use crate::house::{House, within};
use crate::receiver::Receiver;

#[tokio::test]
async fn a_body_in_chunks_arrives_as_one() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    let subscribe = format!(r#"{{"url":"{}","event":"E"}}"#, receiver.url("/cb"));
    let (first, second) = subscribe.as_bytes().split_at(11);

    let subscribed = exchange(&house, &chunked("/api/hooks", &[first, second])).await;
    let published = exchange(&house, &chunked("/api/hooks/publish/E", &[b"{\"a\"", b" :  ", b"1.0}\n"])).await;

    assert_eq!((subscribed.status, published.status), (201, 200));
    assert_eq!(receiver.wait_for(1).await[0].text(), "{\"a\" :  1.0}\n");
    house.close().await;
}

#[tokio::test]
async fn an_empty_body_in_chunks_is_an_empty_body() {
    let (house, receiver) = (House::new().await, Receiver::new().await);

    let refused = exchange(&house, &chunked("/api/hooks", &[])).await;
    assert_nothing_is_kept(&house).await;
    house.subscribe(&receiver.url("/cb"), "E").await;
    let published = exchange(&house, &chunked("/api/hooks/publish/E", &[])).await;

    assert_eq!((refused.status, published.status), (400, 200));
    assert_eq!(receiver.wait_for(1).await[0].text(), "null");
    house.close().await;
}

#[tokio::test]
async fn a_path_with_nul_or_dot_segments_reaches_nothing() {
    let house = House::new().await;
    let table = [
        ("GET", "/api/../api/hooks", 404),
        ("GET", "/../../etc/passwd", 404),
        ("GET", "/api/hooks/..", 404),
        ("GET", "/api/hooks/%2e%2e", 404),
        ("GET", "/api/hooks%00", 404),
        ("GET", "/api/v1/hooks/%00", 404),
        ("DELETE", "/api/v1/hooks/..%2f..", 404),
        ("POST", "/api/hooks/publish/..", 400),
        ("POST", "/api/hooks/publish/%2E%2e", 400),
        ("POST", "/api/hooks/publish/a%00b", 400),
        ("POST", "/api/hooks/publish/a%0d%0aX-Evil:%20y", 400),
        ("POST", "/api/hooks/publish/", 405),
        ("POST", "/api/hooks/publish/*", 400),
    ];

    for (method, target, status) in table {
        let answer = exchange(&house, &request(method, target)).await;
        assert_eq!(answer.status, status, "{method} {target}: {answer:?}");
        assert!(answer.head.contains("content-type: application/problem+json"), "{method} {target}: {answer:?}");
        assert!(answer.body.contains("\"detail\""), "{method} {target}: {answer:?}");
        assert_nothing_is_kept(&house).await;
    }

    close_in_order(house).await;
}

#[tokio::test]
async fn a_request_that_breaks_off_leaves_nothing_behind() {
    let house = House::new().await;
    let hook = r#"{"url":"http://127.0.0.1:9/","event":"E"}"#;
    let head = "POST /api/hooks HTTP/1.1\r\nhost: localhost\r\n";
    let broken = [
        "POST /api/hooks HT".to_owned(),
        head.to_owned(),
        format!("{head}content-length: 1000\r\n\r\n{hook}"),
        format!("{head}transfer-encoding: chunked\r\n\r\n29\r\n{hook}\r\n"),
        format!("{head}transfer-encoding: chunked\r\n\r\n29\r\n{hook}\r\nzz\r\n"),
        format!("{head}content-length: -1\r\n\r\n{hook}"),
        format!("{head}content-length: 41\r\ncontent-length: 42\r\n\r\n{hook}"),
    ];

    for bytes in &broken {
        let answer = shout(&house, bytes.as_bytes()).await;
        assert!(!answer.starts_with(b"HTTP/1.1 2") && !answer.starts_with(b"HTTP/1.1 5"), "{bytes:?}");
        assert_nothing_is_kept(&house).await;
    }

    close_in_order(house).await;
}

#[tokio::test]
async fn a_client_that_asks_first_is_told_to_go_on() {
    let house = House::new().await;
    let mut stream = connect(&house).await;

    let head =
        b"POST /api/hooks/publish/E HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n";
    stream.write_all(head).await.expect("sent");
    let mut answer = [0; 12];
    within("a word", stream.read_exact(&mut answer)).await.expect("a word");
    stream.write_all(b"{}").await.expect("sent");
    let mut rest = [0; 13 + 12];
    within("an answer", stream.read_exact(&mut rest)).await.expect("an answer");

    assert_eq!(&answer, b"HTTP/1.1 100");
    assert!(rest.ends_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&rest));
    close_in_order(house).await;
}

#[tokio::test]
async fn many_requests_follow_each_other_on_one_connection() {
    let house = House::new().await;
    let mut pipelined = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(50);
    pipelined.extend(request("GET", "/nothing"));

    let mut stream = connect(&house).await;
    stream.write_all(&pipelined).await.expect("sent");
    let mut answers = String::new();
    within("the answers", stream.read_to_string(&mut answers)).await.expect("the answers");

    assert_eq!(answers.matches("HTTP/1.1 200").count(), 50);
    assert_eq!(answers.matches("HTTP/1.1 404").count(), 1);
    close_in_order(house).await;
}
