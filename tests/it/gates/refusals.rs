//! Asks that cannot be made: each is refused with the field and the remedy, and nobody is
//! asked.

use serde_json::json;

use super::{ask, asking, hook, sent};
use crate::bad_input::{Refusal, check_problem, field, whole};
use crate::house::House;
use crate::receiver::Receiver;

const TIME: &str = "such as 10s";

#[tokio::test]
async fn times_that_cannot_be_are_refused_with_their_name() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    hook(&house, &json!({"url": receiver.url("/"), "event": "*", "gate": true})).await;
    let timeouts = ["0", "0s", "0ms", "-1", "61", "61s", "1h", "soon", "10x", "1e3", "99999999999999999999"];
    let lasts = ["0", "169h", "8d", "never"];

    for (name, times) in [("timeout", &timeouts[..]), ("expires", &lasts[..])] {
        for time in times {
            let request = asking(&house, &format!("pre-deploy?{name}={time}"), "{}").header("prefer", "respond-async");
            check_problem(sent(request).await, field(name, TIME), time).await;
        }
    }
    for time in ["60", "60s", "1m", "300ms", "1m%200s"] {
        assert_eq!(ask(&house, &format!("pre-deploy?timeout={time}")).await["state"], "approved", "{time}");
    }
    assert_eq!(receiver.received().len(), 5);
    house.close().await;
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused_and_nothing_is_kept() {
    let (house, receiver) = (House::with(|settings| settings.max_body = 1000).await, Receiver::new().await);
    hook(&house, &json!({"url": receiver.url("/"), "event": "*", "gate": true})).await;
    let large = format!(r#"{{"x":"{}"}}"#, "x".repeat(1000));
    let table: [(&str, &str, Refusal); 16] = [
        ("pre-deploy", "[]", whole(400, "not a JSON object")),
        ("pre-deploy", "null", whole(400, "not a JSON object")),
        ("pre-deploy", "\"x\"", whole(400, "not a JSON object")),
        ("pre-deploy", "7", whole(400, "not a JSON object")),
        ("pre-deploy", "{", whole(400, "send a JSON object")),
        ("pre-deploy", "{} {}", whole(400, "send a JSON object")),
        ("pre-deploy", "{\"a\":}", whole(400, "send a JSON object")),
        ("pre-deploy", "{a:1}", whole(400, "send a JSON object")),
        ("pre-deploy", "<xml/>", whole(400, "send a JSON object")),
        ("pre-deploy", &large, whole(413, "--max-body")),
        ("pre-deploy?wait=1", "{}", field("query", "timeout")),
        ("pre-deploy?expires=1h", "{}", field("expires", "respond-async")),
        ("pre-deploy?application=", "{}", field("application", "")),
        ("pre-deploy?application=*", "{}", field("application", "")),
        ("pre%00deploy", "{}", field("event", "")),
        ("*", "{}", field("event", "")),
    ];

    for (what, body, expected) in table {
        check_problem(sent(asking(&house, what, body)).await, expected, &format!("{what} {body}")).await;
    }
    let bytes = asking(&house, "pre-deploy", "").body(vec![b'{', b'"', 0xff, b'"', b':', b'1', b'}']);
    check_problem(sent(bytes).await, whole(400, "UTF-8"), "no UTF-8").await;
    for key in ["", &"k".repeat(300)] {
        let request = asking(&house, "pre-deploy", "{}").header("idempotency-key", key);
        check_problem(sent(request).await, field("Idempotency-Key", ""), key).await;
    }

    assert_eq!(house.json("/api/v1/gates").await["items"], json!([]));
    assert_eq!(receiver.received().len(), 0);
    house.close().await;
}

#[tokio::test]
async fn a_body_that_does_not_say_that_it_is_json_is_not_read() {
    let house = House::new().await;
    for kind in ["text/plain", "application/x-www-form-urlencoded"] {
        let request = house.client.post(house.url("/api/v1/gates/pre-deploy")).header("content-type", kind).body("{}");
        check_problem(sent(request).await, whole(415, "Content-Type: application/json"), kind).await;
    }
    assert_eq!(house.json("/api/v1/gates").await["items"], json!([]));
    house.close().await;
}

#[tokio::test]
async fn nothing_at_all_is_an_empty_object() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    hook(&house, &json!({"url": receiver.url("/"), "event": "pre-deploy"})).await;

    let response = sent(house.client.post(house.url("/api/v1/gates/pre-deploy"))).await;

    assert_eq!((response.status().as_u16(), receiver.wait_for(1).await[0].text()), (200, "{}"));
    house.close().await;
}

#[tokio::test]
async fn more_hooks_than_can_be_asked_at_once_are_not_asked_at_all() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    for n in 0..257 {
        hook(&house, &json!({"url": receiver.url(&format!("/{n}")), "event": "pre-deploy"})).await;
    }

    check_problem(sent(asking(&house, "pre-deploy", "{}")).await, field("event", "256"), "257 hooks").await;
    assert_eq!(receiver.received().len(), 0);
    assert_eq!(house.send(reqwest::Method::DELETE, "/api/v1/hooks/1", "").await.status(), 204);
    assert_eq!(ask(&house, "pre-deploy?timeout=20s").await["state"], "approved");

    assert_eq!(receiver.received().len(), 256);
    house.close().await;
}

#[tokio::test]
async fn a_list_of_gates_is_refused_where_its_query_cannot_be_read() {
    let house = House::new().await;
    for (query, name) in [
        ("state=done", "state"),
        ("since=yesterday", "since"),
        ("limit=0", "limit"),
        ("cursor=x", "cursor"),
        ("hook=1", "query"),
    ] {
        check_problem(house.get(&format!("/api/v1/gates?{query}")).await, field(name, ""), query).await;
    }
    for path in ["/api/v1/gates/gate_x", "/api/v1/gates/evt_00000000000000000000000000", "/api/v1/gates/x"] {
        check_problem(house.get(path).await, whole(404, "no such gate"), path).await;
    }
    house.close().await;
}

#[tokio::test]
async fn a_decision_is_small_because_anybody_may_send_one() {
    let house = House::new().await;
    let body = format!(r#"{{"token":"{}"}}"#, "x".repeat(9 << 10));

    let answer =
        house.send(reqwest::Method::POST, "/api/v1/gates/gate_00000000000000000000000000/decisions", &body).await;

    check_problem(answer, whole(413, "8192"), "9 KiB").await;
    house.close().await;
}
