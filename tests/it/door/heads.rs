//! Heads that are too large, or no heads at all: each with an answer that says so.

use reqwest::{Method, Version};
use serde_json::Value;
use tokio::io::AsyncWriteExt;

use super::{problem, rest, tcp, tls_house};
use crate::house::{House, within};

/// What a house answers to these bytes, and nothing more.
async fn answer(house: &House, bytes: &[u8]) -> String {
    let mut stream = tcp(&house.url("")).await;
    stream.write_all(bytes).await.expect("sent");
    rest(&mut stream).await
}

fn detail(answer: &str, status: u16) -> String {
    problem(answer, status)["detail"].as_str().expect("a detail").to_owned()
}

#[tokio::test]
async fn headers_that_are_too_large_or_too_many_are_refused_with_431() {
    let house = House::with(|settings| settings.limits.max_header = 10_000).await;
    let head = "GET /healthz HTTP/1.1\r\nhost: localhost\r\n";
    let whole = format!("{head}x: {}\r\n\r\n", "a".repeat(10_000));
    let endless = format!("{head}x: {}", "a".repeat(100_000));
    let many = format!("{head}{}\r\n", "x: y\r\n".repeat(200));

    for head in [whole, endless, many] {
        let detail = detail(&answer(&house, head.as_bytes()).await, 431);
        assert!(detail.contains("10000 bytes") && detail.contains("--max-header"), "{detail}");
    }

    let fits = format!("{head}connection: close\r\nx: {}\r\n\r\n", "a".repeat(9_000));
    assert!(answer(&house, fits.as_bytes()).await.starts_with("HTTP/1.1 200 OK\r\n"));
    house.close().await;
}

#[tokio::test]
async fn a_url_that_is_too_long_is_refused_with_414() {
    let house = House::new().await;

    let refused = answer(&house, format!("GET /{} HTTP/1.1\r\n", "a".repeat(40_000)).as_bytes()).await;

    assert!(detail(&refused, 414).contains("--max-header"), "{refused}");
    house.close().await;
}

#[tokio::test]
async fn what_is_no_http_is_refused_with_400() {
    let house = House::new().await;

    for bytes in
        [&b"hello\r\n\r\n"[..], b"GET / HTTP/1.1\r\nno colon\r\n\r\n", b"GET / HTTP/3.0\r\n\r\n", b"\0\x01\x02"]
    {
        assert!(detail(&answer(&house, bytes).await, 400).contains("HTTP/1.1"), "{bytes:?}");
    }

    house.close().await;
}

#[tokio::test]
async fn answers_that_came_before_what_is_no_http_arrive_whole() {
    let house = House::new().await;
    let bytes = [&b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(3)[..], b"hello\r\n\r\n"].concat();

    let answers = answer(&house, &bytes).await;

    assert_eq!((answers.matches("HTTP/1.1 200 OK").count(), answers.matches("HTTP/1.1 400").count()), (3, 1));
    house.close().await;
}

#[tokio::test]
async fn headers_that_are_too_large_are_refused_over_http_2_and_the_connection_goes_on() {
    let (house, _authority, _folder) = tls_house(|settings| settings.limits.max_header = 10_000).await;

    let request = house.client.get(house.url("/healthz")).header("x", "a".repeat(15_000));
    let response = within("an answer", request.send()).await.expect("an answer");

    assert_eq!(response.status(), 431);
    assert_eq!(house.send(Method::GET, "/healthz", "").await.status(), 200);
    house.close().await;
}

#[tokio::test]
async fn over_http_2_a_head_has_16_kib_at_most_whatever_it_may_have_over_http_1_1() {
    let (mut house, authority, _folder) = tls_house(|settings| settings.limits.max_header = 64 << 10).await;
    let status = async |house: &House, length: usize| {
        let request = house.client.get(house.url("/healthz")).header("x", "a".repeat(length));
        let response = within("an answer", request.send()).await.expect("an answer");
        (response.version(), response.status().as_u16())
    };

    let over_http_2 = [status(&house, 15_000).await, status(&house, 17_000).await, status(&house, 15_000).await];
    house.client = authority.trusted().http1_only().build().expect("a client");
    let over_http_1_1 = status(&house, 17_000).await;

    assert_eq!(over_http_2.map(|(version, _)| version), [Version::HTTP_2; 3]);
    assert_eq!(over_http_2.map(|(_, status)| status), [200, 431, 200]);
    assert_eq!(over_http_1_1, (Version::HTTP_11, 200));
    house.close().await;
}

#[tokio::test]
async fn over_http_2_more_than_100_headers_are_refused_with_431() {
    let (house, _authority, _folder) = tls_house(|_| {}).await;
    let asked = async |headers: usize| {
        let mut request = house.client.get(house.url("/healthz"));
        for number in 0..headers {
            request = request.header(format!("x-{number}"), "y");
        }
        within("an answer", request.send()).await.expect("an answer")
    };

    let (few, many) = (asked(90).await, asked(101).await);

    assert_eq!((few.status().as_u16(), many.status().as_u16()), (200, 431));
    let problem: Value = many.json().await.expect("a problem");
    assert!(problem["detail"].as_str().expect("a detail").contains("more than 100"), "{problem}");
    house.close().await;
}

#[tokio::test]
async fn a_request_for_no_path_is_refused_with_400() {
    let house = House::new().await;

    for line in ["CONNECT x:1", "CONNECT /healthz", "OPTIONS *"] {
        let asked = format!("{line} HTTP/1.1\r\nhost: localhost\r\n\r\n");
        let next = "GET / HTTP/3.0\r\n\r\n";
        let answers = answer(&house, (asked + next).as_bytes()).await;
        assert!(answers.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{line}: {answers}");
        assert!(answers.contains("no path") || answers.contains("no request"), "{line}: {answers}");
    }

    house.close().await;
}
