//! Several events and applications: which hooks a publish reaches.

use serde_json::{Value, json};

use super::{paths, problem, publish_for, send, subscribe_with};
use crate::house::House;
use crate::receiver::Receiver;

/// A house with hooks, and the receiver at which they all point.
struct Stage {
    house: House,
    receiver: Receiver,
}

impl Stage {
    /// Hooks by their paths: the events and applications that each wants.
    async fn with<const N: usize>(hooks: [(&str, Value, Value); N]) -> Self {
        let (house, receiver) = (House::new().await, Receiver::new().await);
        for (path, events, applications) in hooks {
            let asked = json!({"url": receiver.url(path), "events": events, "applications": applications});
            let (status, hook) = subscribe_with(&house, asked).await;
            assert_eq!(status, 201, "{hook}");
        }
        Self { house, receiver }
    }

    /// Whom a publish reaches; each hook counts as often as it is called.
    async fn reached(&self, event: &str, applications: &[&str]) -> Vec<String> {
        let before = self.receiver.received().len();
        let deliveries = publish_for(&self.house, event, applications).await;
        let received = self.receiver.received();
        let reached: Vec<_> = paths(&received[before..]).into_iter().map(str::to_owned).collect();
        assert_eq!(deliveries, reached.len() as u64, "{event} {applications:?}");
        reached
    }
}

#[tokio::test]
async fn a_hook_may_want_several_events() {
    let stage = Stage::with([("/ab", json!(["A", "B"]), json!([])), ("/b", json!("b"), Value::Null)]).await;

    assert_eq!(stage.reached("A", &[]).await, ["/ab"]);
    assert_eq!(stage.reached("b", &[]).await, ["/ab", "/b"]);
    assert!(stage.reached("C", &[]).await.is_empty());

    stage.house.close().await;
}

#[tokio::test]
async fn a_star_stands_for_every_event() {
    let stage = Stage::with([("/all", json!(["*"]), json!([])), ("/a", json!(["A"]), json!([]))]).await;

    assert_eq!(stage.reached("A", &[]).await, ["/a", "/all"]);
    assert_eq!(stage.reached("Anything else", &[]).await, ["/all"]);
    assert_eq!(stage.reached("A", &["shop"]).await, ["/a", "/all"]);

    stage.house.close().await;
}

#[tokio::test]
async fn a_hook_may_want_several_applications() {
    let stage = Stage::with([
        ("/shop", json!(["A"]), json!(["shop"])),
        ("/both", json!(["A"]), json!(["shop", "stock"])),
        ("/any", json!(["A"]), json!(["*"])),
    ])
    .await;

    assert_eq!(stage.reached("A", &["shop"]).await, ["/any", "/both", "/shop"]);
    assert_eq!(stage.reached("A", &["stock"]).await, ["/any", "/both"]);
    assert_eq!(stage.reached("A", &["mail"]).await, ["/any"]);

    stage.house.close().await;
}

#[tokio::test]
async fn an_event_of_no_application_reaches_only_hooks_of_any() {
    let stage = Stage::with([
        ("/shop", json!(["A"]), json!(["shop"])),
        ("/every", json!(["*"]), json!(["shop"])),
        ("/star", json!(["A"]), json!(["*"])),
        ("/none", json!(["A"]), json!([])),
    ])
    .await;

    assert_eq!(stage.reached("A", &[]).await, ["/none", "/star"]);

    stage.house.close().await;
}

#[tokio::test]
async fn a_hook_needs_both_the_event_and_the_application() {
    let stage = Stage::with([
        ("/a-shop", json!(["A"]), json!(["shop"])),
        ("/all-shop", json!(["*"]), json!(["shop"])),
        ("/a-any", json!(["A"]), json!(["*"])),
        ("/all-any", json!(["*"]), json!(["*"])),
    ])
    .await;

    assert_eq!(stage.reached("A", &["shop"]).await, ["/a-any", "/a-shop", "/all-any", "/all-shop"]);
    assert_eq!(stage.reached("B", &["shop"]).await, ["/all-any", "/all-shop"]);
    assert_eq!(stage.reached("A", &["mail"]).await, ["/a-any", "/all-any"]);
    assert_eq!(stage.reached("B", &["mail"]).await, ["/all-any"]);

    stage.house.close().await;
}

#[tokio::test]
async fn a_hook_that_matches_in_several_ways_is_called_once() {
    let stage = Stage::with([
        ("/ways", json!(["*", "A", "a"]), json!(["*", "shop", "stock"])),
        ("/two", json!(["A"]), json!(["shop", "stock"])),
    ])
    .await;

    assert_eq!(stage.reached("A", &["shop", "stock", "shop"]).await, ["/two", "/ways"]);

    stage.house.close().await;
}

#[tokio::test]
async fn a_publish_may_name_its_applications_in_its_query_or_header_or_both() {
    let stage = Stage::with([
        ("/shop", json!(["A"]), json!(["shop"])),
        ("/stock", json!(["A"]), json!(["stock"])),
        ("/mail", json!(["A"]), json!(["m&m ä"])),
    ])
    .await;
    let table: [(&str, &[&str], usize); 6] = [
        ("?application=shop", &[], 1),
        ("?application=shop&application=stock", &[], 2),
        ("?application=m%26m+%C3%A4", &[], 1),
        ("", &["stock"], 1),
        ("", &["shop", "stock"], 2),
        ("?application=shop", &["stock", "shop"], 2),
    ];

    for (query, headers, deliveries) in table {
        let mut request = stage.house.client.post(stage.house.url(&format!("/api/hooks/publish/A{query}")));
        for value in headers {
            request = request.header("Nyala-Application", *value);
        }
        let published: Value = send(request.header("prefer", "wait=60")).await.json().await.expect("JSON");
        assert_eq!(published["deliveries"], deliveries, "{query} {headers:?}");
    }

    assert_eq!(stage.receiver.received().len(), 9);
    stage.house.close().await;
}

#[tokio::test]
async fn an_answer_shows_all_that_a_hook_wants_and_the_first_event_as_its_event() {
    let house = House::new().await;
    let table = [
        (json!({"event": "A"}), "A", json!(["A"]), json!(["*"])),
        (json!({"events": ["B", "A", "b"]}), "B", json!(["B", "A"]), json!(["*"])),
        (json!({"event": "C", "events": ["A", "c"]}), "C", json!(["C", "A"]), json!(["*"])),
        (json!({"event": "*", "applications": ["shop", "stock"]}), "*", json!(["*"]), json!(["shop", "stock"])),
        (json!({"events": "A", "applications": " shop "}), "A", json!(["A"]), json!(["shop"])),
    ];

    for (n, (mut asked, event, events, applications)) in table.into_iter().enumerate() {
        asked["url"] = json!(format!("http://example.com/{n}"));
        let (status, hook) = subscribe_with(&house, asked).await;
        assert_eq!((status, &hook["event"]), (201, &json!(event)));
        assert_eq!((&hook["events"], &hook["applications"]), (&events, &applications));
    }

    house.close().await;
}

#[tokio::test]
async fn a_publish_for_an_application_that_cannot_be_is_refused() {
    let house = House::new().await;

    for name in ["*", "", "%20", "a%0Ab"] {
        let response =
            house.send(reqwest::Method::POST, &format!("/api/hooks/publish/A?application={name}"), "{}").await;
        problem(response, 400, Some("application")).await;
    }

    house.close().await;
}

#[tokio::test]
async fn a_filter_of_more_than_a_thousand_pairs_is_refused() {
    let house = House::new().await;
    let names = |count: usize| (0..count).map(|n| format!("n{n}")).collect::<Vec<_>>();
    let asked = |events, applications| {
        json!({"url": "http://example.com/", "events": names(events), "applications": names(applications)}).to_string()
    };

    let response = house.send(reqwest::Method::POST, "/api/hooks", &asked(77, 13)).await;
    problem(response, 400, Some("events")).await;
    let response = house.send(reqwest::Method::POST, "/api/hooks", &asked(40, 25)).await;

    assert_eq!(response.status(), 201);
    house.close().await;
}
