//! Paths that are made to be read in two ways.

use nyala::domain::token::Scope;

use crate::access::{closed, token};
use crate::bad_input::raw::exchange;
use crate::house::House;

#[tokio::test]
async fn no_spelling_of_a_path_goes_round_the_token() {
    let house = House::new().await;
    token(&house, "admin", &[Scope::Admin], &[]);
    closed(&house).await;
    let targets = [
        "/healthz/../api/v1/hooks",
        "/healthz/..%2fapi/v1/hooks",
        "/healthz/%2e%2e/api/v1/hooks",
        "/healthz%2f..%2fapi%2fv1%2fhooks",
        "/healthz;/api/v1/hooks",
        "/healthz%00/api/v1/hooks",
        "/healthz//api/v1/hooks",
        "//healthz/api/v1/hooks",
        "//localhost/api/v1/hooks",
        "/./api/v1/hooks",
        "/api/v1/hooks/.",
        "/API/V1/HOOKS",
        "/api/v1/hooks/",
        "/api/v1/hooks?x=/healthz",
        "/api/v1/hooks%3f/healthz",
        "/api/v1/hooks#/healthz",
        "/api\\v1\\hooks",
        "http://localhost/api/v1/hooks",
        "http://localhost/healthz/../api/v1/hooks",
        "http://healthz/api/v1/hooks",
        "/%61pi/v1/hooks",
        "/%c0%afapi/v1/hooks",
        "/api/v1/hooks/%F0%9F",
    ];

    for target in targets {
        for method in ["GET", "HEAD", "POST", "DELETE", "TRACE", "OPTIONS", "get", "X"] {
            let head = format!("{method} {target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
            let answer = exchange(&house, head.as_bytes()).await;
            assert!(matches!(answer.status, 400 | 401), "{method} {target}: {answer:?}");
        }
    }
    let overridden = [
        "x-http-method-override: GET\r\nx-original-url: /healthz",
        "x-rewrite-url: /healthz\r\nx-forwarded-for: 127.0.0.1\r\nx-forwarded-host: localhost",
        "authorization: Bearer \r\nauthorization: Bearer x",
        "authorization: Basic Og==",
        "authorization: Bearer\tx",
        "cookie: token=admin",
    ];
    for headers in overridden {
        let head = format!("GET /api/v1/hooks HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{headers}\r\n\r\n");
        assert_eq!(exchange(&house, head.as_bytes()).await.status, 401, "{headers}");
    }
    house.close().await;
}

#[tokio::test]
async fn a_request_that_could_be_two_is_none() {
    let house = House::new().await;
    let requests: [&[u8]; 6] = [
        b"POST /api/hooks HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}",
        b"POST /api/hooks HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ntransfer-encoding: x\r\ncontent-length: 2\r\n\r\n{}",
        b"POST /api/hooks HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length : 2\r\n\r\n{}",
        b"POST /api/hooks HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: +2\r\n\r\n{}",
        b"GET /api/v1/hooks HTTP/1.1\r\nhost: localhost\r\nhost: localhost\r\nconnection: close\r\n\r\n",
        b"GET /api/v1/hooks HTTP/1.1\r\nconnection: close\r\n\r\n",
    ];
    for request in requests {
        let answer = exchange(&house, request).await;
        assert!(matches!(answer.status, 400 | 403), "{}: {answer:?}", String::from_utf8_lossy(request));
    }
    // What transfer-encoding says goes before content-length, and the connection ends
    // (RFC 9112, 6.1): a second request that hides behind the first is not seen.
    let smuggled = b"POST /api/hooks/publish/E HTTP/1.1\r\nhost: localhost\r\ncontent-length: 60\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nDELETE /api/v1/hooks/1 HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    let answer = exchange(&house, smuggled).await;
    assert!(answer.head.contains("connection: close") && !answer.body.contains("HTTP/1.1"), "{answer:?}");
    house.close().await;
}
