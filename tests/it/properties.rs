//! Whatever is sent, the service answers and lives. One house serves all cases.

pub mod anything;

use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use reqwest::{Method, Url};
use tokio::runtime::{Builder, Runtime};

use crate::bad_input::close_in_order;
use crate::bad_input::raw::{self, exchange, shout};
use crate::house::{House, within};
use crate::receiver::Receiver;
use anything::{ROUTES, any_body, any_headers, any_path, any_query, any_wire, json_text};

/// A house that serves one case after the other.
struct World {
    runtime: Runtime,
    house: House,
}

impl World {
    fn new() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let house = runtime.block_on(House::new());
        Self { runtime, house }
    }

    /// Checks a property; after that an event must still arrive.
    fn check<S: Strategy>(self, cases: u32, strategy: &S, case: &impl AsyncFn(&House, S::Value)) {
        let config = Config { cases, failure_persistence: None, ..Config::default() };
        let tried = TestRunner::new(config).run(strategy, |value| {
            self.runtime.block_on(case(&self.house, value));
            Ok(())
        });
        if let Err(error) = tried {
            panic!("{error}");
        }
        self.runtime.block_on(close_in_order(self.house));
    }
}

/// A request that must be answered, and not with an error of ours.
async fn answered(house: &House, request: reqwest::Request) {
    let what = format!("{} {}", request.method(), request.url());
    let response = within("an answer", house.client.execute(request)).await;
    let response = response.unwrap_or_else(|error| panic!("{what}: {error:?}"));
    let status = response.status();
    within("the whole answer", response.bytes()).await.unwrap_or_else(|error| panic!("{what}: {error:?}"));
    assert!(!status.is_server_error(), "{what}: {status}");
}

fn request(house: &House, method: &str, path: &str) -> reqwest::Request {
    let url = Url::parse(&house.url(path)).expect("a URL");
    reqwest::Request::new(Method::from_bytes(method.as_bytes()).expect("a method"), url)
}

#[test]
fn any_body_to_any_route_is_answered() {
    let route = prop::sample::select(&ROUTES[..]);
    let strategy = (route, any_body());

    World::new().check(1500, &strategy, &async |house, ((method, path), body)| {
        let mut request = request(house, method, path);
        request.headers_mut().insert("content-type", "application/json".parse().expect("a header"));
        *request.body_mut() = Some(body.into());
        answered(house, request).await;
    });
}

#[test]
fn any_path_is_answered() {
    let method = prop::sample::select(&["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"][..]);
    let strategy = (method, any_path());

    World::new().check(1000, &strategy, &async |house, (method, path)| {
        let answer = exchange(house, &raw::request(method, &path)).await;
        assert!(answer.status < 500, "{method} {path}: {answer:?}");
    });
}

#[test]
fn any_query_is_answered() {
    let route = prop::sample::select(&ROUTES[..]);
    let strategy = (route, any_query());

    World::new().check(1000, &strategy, &async |house, ((method, path), query)| {
        answered(house, request(house, method, &format!("{path}?{query}"))).await;
    });
}

#[test]
fn any_headers_are_answered() {
    let route = prop::sample::select(&ROUTES[..]);
    let strategy = (route, any_headers());

    World::new().check(1000, &strategy, &async |house, ((method, path), headers)| {
        let mut request = request(house, method, path);
        *request.headers_mut() = headers;
        *request.body_mut() = Some(r#"{"type":"E"}"#.into());
        answered(house, request).await;
    });
}

#[test]
fn garbage_on_the_wire_kills_nothing() {
    World::new().check(1000, &any_wire(), &async |house, garbage| {
        let answer = shout(house, &garbage).await;
        let line = answer.split(|&byte| byte == b'\n').next().unwrap_or_default();
        assert!(!line.starts_with(b"HTTP/1.1 5"), "{}", String::from_utf8_lossy(line));
    });
}

#[test]
fn any_json_text_arrives_to_the_byte() {
    let world = World::new();
    let receiver = world.runtime.block_on(Receiver::new());
    world.runtime.block_on(world.house.subscribe(&receiver.url("/cb"), "E"));
    let published = AtomicUsize::new(0);

    world.check(400, &json_text(), &async |house, text| {
        house.publish_and_wait("E", &text).await;
        let count = published.fetch_add(1, Ordering::Relaxed) + 1;
        let all = receiver.wait_for(count).await;
        assert_eq!(all[count - 1].text(), text);
    });
}
