//! Requests that are wrong beside their bodies: types, sizes, methods, paths,
//! queries, headers.

use futures_util::stream;
use reqwest::{Body, Method};

use super::{Refusal, check_problem, close_in_order, field, post, refused, whole};
use crate::house::{House, within};

const HOOK: &str = r#"{"url":"http://a/","event":"E"}"#;

/// Every way in for a body, and a body that it takes.
const WAYS_IN: [(&str, &str); 4] = [
    ("/api/hooks", HOOK),
    ("/api/hooks/publish/E", r#"{"a":1}"#),
    ("/api/v1/hooks", HOOK),
    ("/api/v1/events", r#"{"type":"E"}"#),
];

const MEBIBYTE: usize = 1 << 20;

#[tokio::test]
async fn a_body_that_is_no_json_by_its_own_word_is_415() {
    let house = House::new().await;
    let types = [
        "text/plain",
        "text/html; charset=utf-8",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/octet-stream",
        "application/json; charset=iso-8859-1",
        "application/jsonp",
        "json",
        "*/*",
        "",
    ];

    for (path, body) in WAYS_IN {
        for content_type in types {
            let request = house.client.post(house.url(path)).header("content-type", content_type).body(body);
            refused(&house, request, whole(415, "send JSON with `Content-Type: application/json`")).await;
        }
    }

    close_in_order(house).await;
}

#[tokio::test]
async fn a_compressed_body_is_415() {
    let house = House::new().await;

    for (path, body) in WAYS_IN {
        for encoding in ["gzip", "br", "deflate", "identity, gzip"] {
            let request = post(&house, path, body).header("content-encoding", encoding);
            refused(&house, request, whole(415, encoding)).await;
        }
    }

    close_in_order(house).await;
}

#[tokio::test]
async fn a_body_that_is_too_large_is_413_whether_its_length_was_announced_or_not() {
    let house = House::new().await;
    let large = format!(r#"{{"url":"http://a/","event":"E","pad":"{}"}}"#, "x".repeat(2 * MEBIBYTE));

    for (path, _) in WAYS_IN {
        let announced = post(&house, path, large.clone());
        refused(&house, announced, whole(413, "--max-body")).await;
        let chunks: Vec<_> = large.as_bytes().chunks(64 << 10).map(|c| Ok::<_, std::io::Error>(c.to_vec())).collect();
        let chunked = post(&house, path, Body::wrap_stream(stream::iter(chunks)));
        refused(&house, chunked, whole(413, "--max-body")).await;
    }

    close_in_order(house).await;
}

#[tokio::test]
async fn a_body_of_exactly_the_largest_size_is_taken_and_one_byte_more_is_not() {
    let house = House::new().await;
    let body = |size: usize| format!("\"{}\"", "x".repeat(size - 2));

    let over = post(&house, "/api/hooks/publish/E", body(MEBIBYTE + 1));
    refused(&house, over, whole(413, "1048576 bytes")).await;
    let published = house.publish("E", &body(MEBIBYTE)).await;

    let id = published["id"].as_str().expect("an id");
    assert_eq!(house.json(&format!("/api/v1/events/{id}")).await["bytes"], MEBIBYTE);
    close_in_order(house).await;
}

#[tokio::test]
async fn a_wrong_method_is_405_and_allow_names_those_that_would_do() {
    let house = House::new().await;
    let table = [
        ("PUT", "/api/hooks", "POST, GET"),
        ("DELETE", "/hooks/", "POST, GET"),
        ("OPTIONS", "/api/hooks", "POST, GET"),
        ("PATCH", "/api/hooks/1", "GET, DELETE"),
        ("POST", "/API/Hooks/1", "GET, DELETE"),
        ("GET", "/api/hooks/publish/E", "POST"),
        ("HEAD", "/api/hooks/publish/E", "POST"),
        ("PUT", "/api/v1/hooks", "GET, POST"),
        ("PUT", "/api/v1/hooks/1", "GET, PATCH, DELETE"),
        ("DELETE", "/api/v1/events", "GET, POST"),
        ("DELETE", "/api/v1/events/evt_0", "GET"),
        ("POST", "/api/v1/deliveries", "GET"),
        ("PATCH", "/api/v1/deliveries/dlv_1", "GET"),
        ("GET", "/api/v1/deliveries/dlv_1/redeliver", "POST"),
        ("GET", "/api/v1/hooks/1/replay", "POST"),
        ("POST", "/api/v1/replays/1", "GET, DELETE"),
        ("POST", "/healthz", "GET"),
        ("BREW", "/readyz", "GET"),
    ];

    for (method, path, allow) in table {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let request = house.client.request(method.clone(), house.url(path));
        let response = within("an answer", request.send()).await.expect("an answer");
        assert_eq!(response.headers()["allow"], allow, "{method} {path}");
        if method == Method::HEAD {
            assert_eq!(response.status(), 405);
        } else {
            check_problem(response, whole(405, allow), path).await;
        }
    }

    close_in_order(house).await;
}

#[tokio::test]
async fn what_is_not_there_is_404() {
    let house = House::new().await;
    let paths = [
        "/nothing",
        "/api",
        "/api/v1",
        "/api/v2/hooks",
        "/api/hooks/1/2",
        "/api//hooks",
        "/api/hooks/1",
        "/api/hooks/publish",
        "/hooks/0",
        "/hooks/-1",
        "/hooks/01",
        "/hooks/9223372036854775808",
        "/hooks/%00",
        "/hooks/1%2f2",
        "/api/v1/hooks/1",
        "/api/v1/hooks/x",
        "/api/v1/events/evt_",
        "/api/v1/events/evt_7ZZZZZZZZZZZZZZZZZZZZZZZZZ",
        "/api/v1/events/dlv_1",
        "/api/v1/deliveries/1",
        "/api/v1/deliveries/dlv_1",
        "/api/v1/deliveries/dlv_-1",
    ];

    for path in paths {
        refused(&house, house.client.get(house.url(path)), whole(404, "there is no")).await;
    }
    let change = house.client.patch(house.url("/api/v1/hooks/1")).body("{}");
    refused(&house, change, whole(404, "there is no such hook")).await;
    refused(&house, house.client.delete(house.url("/api/v1/hooks/1")), whole(404, "there is no such hook")).await;

    close_in_order(house).await;
}

#[tokio::test]
async fn a_query_that_cannot_be_taken_is_refused_with_the_parameter_at_fault() {
    let house = House::new().await;
    let limit = || field("limit", "a number from 1 to 1000");
    let cursor = || field("cursor", "leave it out");
    let table: [(&str, Refusal); 19] = [
        ("/api/v1/hooks?limit=0", limit()),
        ("/api/v1/hooks?limit=1001", limit()),
        ("/api/v1/hooks?limit=-1", limit()),
        ("/api/v1/events?limit=ten", limit()),
        ("/api/v1/events?limit=1e2", limit()),
        ("/api/v1/deliveries?limit=99999999999999999999999", limit()),
        ("/api/v1/deliveries?limit=%00", limit()),
        ("/api/v1/hooks?cursor=17", cursor()),
        ("/api/v1/hooks?cursor=c", cursor()),
        ("/api/v1/events?cursor=cxyz", cursor()),
        ("/api/v1/events?cursor=cffffffffffffffffffff", cursor()),
        ("/api/v1/deliveries?cursor=%ff%00", cursor()),
        ("/api/v1/deliveries?hook=x", field("hook", "the number of a hook")),
        ("/api/v1/deliveries?hook=-1", field("hook", "the number of a hook")),
        ("/api/v1/deliveries?event=E", field("event", "evt_")),
        ("/api/v1/deliveries?state=lost", field("state", "pending, leased, delivered, dead or cancelled")),
        ("/api/v1/hooks?evnet=E", field("query", "`evnet`: it takes q, state, event, application, limit, cursor")),
        ("/api/v1/events?kind=E", field("query", "`kind`: it takes type, application, since")),
        ("/api/v1/deliveries?states=dead", field("query", "`states`: it takes hook, event, state, since")),
    ];

    for (path, expected) in table {
        refused(&house, house.client.get(house.url(path)), expected).await;
    }

    close_in_order(house).await;
}

#[tokio::test]
async fn an_idempotency_key_that_is_empty_or_too_long_is_refused() {
    let house = House::new().await;

    for (path, body) in [WAYS_IN[1], WAYS_IN[3]] {
        for key in [String::new(), " ".to_owned(), "k".repeat(256), "k".repeat(20_000)] {
            let request = post(&house, path, body).header("idempotency-key", key);
            refused(&house, request, field("Idempotency-Key", "a UUID does well")).await;
        }
    }

    close_in_order(house).await;
}

#[tokio::test]
async fn an_application_that_is_no_name_is_refused_on_publish() {
    let house = House::new().await;

    for query in ["application=", "application=a&application=%20", "application=%00", "application=*"] {
        let request = post(&house, &format!("/api/hooks/publish/E?{query}"), "1");
        refused(&house, request, field("application", "")).await;
    }
    let request = post(&house, "/api/hooks/publish/E", "1").header("nyala-application", "a\tb");
    refused(&house, request, field("application", "remove it")).await;

    close_in_order(house).await;
}

#[tokio::test]
async fn a_path_that_is_no_utf8_is_refused() {
    let house = House::new().await;

    for path in ["/hooks/%ff", "/hooks/publish/%C3", "/%80"] {
        refused(&house, house.client.post(house.url(path)), whole(400, "escape names as UTF-8")).await;
    }

    close_in_order(house).await;
}
