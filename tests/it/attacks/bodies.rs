//! Bodies that are made to break whoever reads them.

use std::sync::Arc;

use futures_util::future::join_all;
use nyala::api::routes;
use nyala::domain::token::Scope;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, TestRunner};
use reqwest::Method;
use serde_json::{Value, json};

use crate::access::{hook, send, token};
use crate::bad_input::close_in_order;
use crate::house::House;
use crate::properties::anything::any_body;

/// Bodies for each route.
const BODIES: usize = 1000;

/// Requests under way at a time.
const AT_A_TIME: usize = 50;

/// Each route with parameters that lead to something.
fn requests() -> Vec<(Method, String)> {
    let path = |pattern: &str| pattern.replace("{id}", "1").replace("{type}", "nobody-wants-this");
    routes().map(|(method, pattern, _)| (method, path(pattern))).collect()
}

/// Routes that read a body.
fn with_bodies() -> Vec<(Method, String)> {
    requests().into_iter().filter(|(method, _)| matches!(method.as_str(), "POST" | "PATCH" | "PUT")).collect()
}

/// Some routes are there to say that nobody does that here.
fn is_in_order(status: u16) -> bool {
    status < 500 || status == 501
}

#[tokio::test]
async fn a_thousand_hostile_bodies_to_every_route_are_answered_and_none_breaks_it() {
    let house = House::new().await;
    hook(&house, "", &json!({"url": "http://127.0.0.1:9/", "event": "never"})).await;
    let mut random = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
    let any = any_body();
    let bodies: Vec<_> = (0..BODIES).map(|_| Arc::new(any.new_tree(&mut random).expect("a body").current())).collect();

    for (method, path) in requests() {
        for some in bodies.chunks(AT_A_TIME) {
            let answers = some.iter().map(|body| {
                let request = house.client.request(method.clone(), house.url(&path));
                request.header("content-type", "application/json").body(Vec::clone(body)).send()
            });
            for (answer, body) in join_all(answers).await.into_iter().zip(some) {
                let what = || format!("{method} {path} {}", String::from_utf8_lossy(body));
                let answer = answer.unwrap_or_else(|error| panic!("{error:?}: {}", what()));
                assert!(is_in_order(answer.status().as_u16()), "{}: {}", answer.status(), what());
            }
        }
    }
    close_in_order(house).await;
}

#[tokio::test]
async fn json_nested_a_hundred_thousand_deep_is_refused_or_kept_and_breaks_nothing() {
    let house = House::new().await;
    hook(&house, "", &json!({"url": "http://127.0.0.1:9/", "event": "never"})).await;
    let deep = |open: &str, close: &str| format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
    let bodies =
        [deep("[", "]"), deep(r#"{"a":"#, "}"), "[".repeat(100_000), format!(r#"{{"url":{}}}"#, deep("[", "]"))];

    for (method, path) in with_bodies() {
        for body in &bodies {
            let status = send(&house, "", method.clone(), &path, body).await.status().as_u16();
            assert!(is_in_order(status), "{method} {path}: {status}");
        }
    }
    // A payload may be any JSON: it is shown as it came.
    let body = format!(r#"{{"type":"Deep","payload":{}}}"#, bodies[0]);
    let answer = send(&house, "", Method::POST, "/api/v1/events", &body).await;
    assert_eq!(answer.status(), 201);
    let path = answer.headers()["location"].to_str().expect("a path").to_owned();
    let shown = send(&house, "", Method::GET, &path, "").await.text().await.expect("a text");
    assert!(shown.contains(&bodies[0]));
    close_in_order(house).await;
}

#[tokio::test]
async fn a_field_that_comes_twice_is_judged_by_the_one_that_counts() {
    let house = House::new().await;
    let shop = token(&house, "shop", &[Scope::Subscribe, Scope::Publish], &["shop"]);
    let twice = |first: &str, last: &str| {
        format!(
            r#"{{"url":"http://127.0.0.1:9/","event":"E","applications":["{first}"],"url":"http://127.0.0.1:9/","applications":["{last}"]}}"#
        )
    };

    for path in ["/api/hooks", "/api/v1/hooks"] {
        assert_eq!(send(&house, &shop, Method::POST, path, &twice("shop", "web")).await.status(), 403, "{path}");
        let made: Value =
            send(&house, &shop, Method::POST, path, &twice("web", "shop")).await.json().await.expect("a hook");
        assert_eq!(made["applications"], json!(["shop"]), "{path}");
    }
    // In another case, too, where a dialect does not mind.
    let cases = r#"{"url":"http://127.0.0.1:9/x","event":"E","APPLICATIONS":["web"],"applications":["shop"],"Applications":["web"]}"#;
    let made: Value = send(&house, &shop, Method::POST, "/api/hooks", cases).await.json().await.expect("a hook");
    assert_eq!(made["applications"], json!(["shop"]));
    let event = r#"{"type":"E","applications":["shop"],"applications":["web"]}"#;
    assert_eq!(send(&house, &shop, Method::POST, "/api/v1/events", event).await.status(), 403);
    house.close().await;
}

#[tokio::test]
async fn what_is_many_is_refused_before_it_multiplies() {
    let house = House::new().await;
    let names = |count: usize| (0..count).map(|number| format!("n{number}")).collect::<Vec<_>>();
    let fields: serde_json::Map<_, _> = names(60_000).into_iter().map(|name| (name, json!(0))).collect();
    let bodies = [
        json!({"url": "http://127.0.0.1:9/", "events": names(60_000)}),
        json!({"url": "http://127.0.0.1:9/", "events": names(40), "applications": names(40)}),
        json!({"url": "http://127.0.0.1:9/", "event": "E", "applications": names(60_000)}),
        Value::Object(fields),
    ];

    for body in &bodies {
        for path in ["/api/hooks", "/api/v1/hooks"] {
            let answer = send(&house, "", Method::POST, path, &body.to_string()).await;
            assert_eq!(answer.status(), 400, "{path}");
            assert!(answer.bytes().await.expect("a body").len() < 2000, "a refusal is short");
        }
    }
    let query = names(1000).iter().map(|name| format!("application={name}")).collect::<Vec<_>>().join("&");
    assert_eq!(send(&house, "", Method::POST, &format!("/api/hooks/publish/E?{query}"), "{}").await.status(), 400);
    close_in_order(house).await;
}
