//! What every answer tells a browser.

use reqwest::{Method, Response};

use super::tls_house;
use crate::house::House;

const HEADERS: [(&str, &str); 5] = [
    ("x-content-type-options", "nosniff"),
    ("content-security-policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cache-control", "no-store"),
];

fn check(response: &Response, status: u16) {
    assert_eq!(response.status(), status);
    for (name, value) in HEADERS {
        let values: Vec<_> = response.headers().get_all(name).iter().collect();
        assert_eq!(values, [value], "{name} of {}", response.url());
    }
    assert!(!response.headers().contains_key("server"));
}

async fn every_answer_has_them(house: &House) {
    let table = [
        (Method::GET, "/healthz", "", 200),
        (Method::GET, "/api/hooks", "", 200),
        (Method::POST, "/api/hooks/publish/E", "{}", 200),
        (Method::POST, "/api/v1/events", r#"{"type":"E"}"#, 201),
        (Method::POST, "/api/hooks", "{", 400),
        (Method::GET, "/nothing", "", 404),
        (Method::PUT, "/api/hooks", "", 405),
        (Method::HEAD, "/healthz", "", 200),
    ];
    for (method, path, body, status) in table {
        check(&house.send(method, path, body).await, status);
    }
    check(&house.send(Method::POST, "/api/hooks", &" ".repeat(2 << 20)).await, 413);
}

#[tokio::test]
async fn every_answer_tells_a_browser_to_do_nothing_with_it() {
    let house = House::new().await;
    every_answer_has_them(&house).await;
    house.close().await;
}

#[tokio::test]
async fn every_answer_over_http_2_tells_a_browser_to_do_nothing_with_it() {
    let (house, _authority, _folder) = tls_house(|_| {}).await;
    every_answer_has_them(&house).await;
    house.close().await;
}
