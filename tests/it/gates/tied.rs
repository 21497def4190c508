//! What hooks get of events that follow a gate: each its own work id, however often it is
//! sent, and all else to the byte.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::{ask, asking, decided, hook, path_of, says, sent, text};
use crate::delivery::{attempted, publishing, until_count};
use crate::house::House;
use crate::receiver::{Received, Receiver, status};
use crate::secrets::is_v1;

/// Hooks at /a and /b call what is going on `A-1` and `B-1`; the one at /c calls it nothing.
async fn scene() -> (House, Receiver, [u64; 3]) {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    receiver.answer(|request| match request.path.as_str() {
        "/a" if !request.header("nyala-gate").is_empty() => says(200, r#"{"work_id":"A-1"}"#),
        "/b" if !request.header("nyala-gate").is_empty() => says(200, r#"{"work_id":"B-1"}"#),
        _ => status(200),
    });
    let on = |path: &str| json!({"url": receiver.url(path), "events": ["pre-deploy", "post-deploy"]});
    let hooks = [hook(&house, &on("/a")).await, hook(&house, &on("/b")).await, hook(&house, &on("/c")).await];
    (house, receiver, hooks)
}

/// What came to a path after the questions.
fn delivered(receiver: &Receiver, path: &str) -> Vec<Received> {
    let deliveries = receiver.received().into_iter().filter(|request| request.header("nyala-gate").is_empty());
    deliveries.filter(|request| request.path == path).collect()
}

/// Publishes and waits until every first attempt is on record.
async fn publish(house: &House, what: &str, payload: &str) -> Value {
    let response = sent(publishing(house, what, payload).header("prefer", "wait=60")).await;
    assert_eq!(response.status(), 200, "{what} {payload}");
    response.json().await.expect("an answer")
}

/// The bodies that came to /a, /b and /c last.
fn last(receiver: &Receiver) -> [String; 3] {
    ["/a", "/b", "/c"].map(|path| delivered(receiver, path).last().map_or("", Received::text).to_owned())
}

#[tokio::test]
async fn each_hook_gets_its_own_work_id_and_all_else_to_the_byte() {
    let (house, receiver, _) = scene().await;
    let gate = ask(&house, "pre-deploy").await;
    let id = text(&gate["id"]);
    assert_eq!(gate["work_id"], "A-1");
    let table = [
        // Told as the gate's own work id, which is the first hook's.
        (
            "post-deploy",
            r#"{ "n" : 1.50, "work_id" : "A-1",  "u":"\u00e9" }"#.to_owned(),
            [
                r#"{ "n" : 1.50, "work_id" : "A-1",  "u":"\u00e9" }"#.to_owned(),
                r#"{ "n" : 1.50, "work_id" : "B-1",  "u":"\u00e9" }"#.to_owned(),
                r#"{ "n" : 1.50, "work_id" : "",  "u":"\u00e9" }"#.to_owned(),
            ],
        ),
        // By another hook's.
        (
            "post-deploy",
            r#"{"work_id":"B-1"}"#.to_owned(),
            [r#"{"work_id":"A-1"}"#.to_owned(), r#"{"work_id":"B-1"}"#.to_owned(), r#"{"work_id":""}"#.to_owned()],
        ),
        // By the gate's id in the payload, without one.
        (
            "post-deploy",
            format!(r#"{{"gate":"{id}"}}"#),
            [
                format!(r#"{{"work_id":"A-1","gate":"{id}"}}"#),
                format!(r#"{{"work_id":"B-1","gate":"{id}"}}"#),
                format!(r#"{{"gate":"{id}"}}"#),
            ],
        ),
        // By the gate's id in the query, whatever the payload says.
        (
            "post-deploy?gate=<id>",
            r#"{"work_id":null}"#.to_owned(),
            [r#"{"work_id":"A-1"}"#.to_owned(), r#"{"work_id":"B-1"}"#.to_owned(), r#"{"work_id":""}"#.to_owned()],
        ),
        // What is no object has no fields.
        ("post-deploy?gate=<id>", "[\"work_id\"]".to_owned(), ["[\"work_id\"]"; 3].map(str::to_owned)),
    ];

    for (what, payload, expected) in table {
        publish(&house, &what.replace("<id>", id), &payload).await;
        assert_eq!(last(&receiver), expected, "{what} {payload}");
    }
    house.close().await;
}

#[tokio::test]
async fn what_is_tied_to_no_gate_is_sent_as_it_is() {
    let (house, receiver, _) = scene().await;
    ask(&house, "pre-deploy").await;

    for payload in [
        r#"{"work_id":"another"}"#,
        r#"{"gate":"gate_00000000000000000000000000","work_id":"another"}"#,
        r#"{"gate":"north","work_id":""}"#,
        r#"{"in":{"work_id":"A-1"}}"#,
        r#"{"work_id":["A-1"]}"#,
    ] {
        let event = publish(&house, "post-deploy", payload).await;
        assert_eq!(last(&receiver), [payload; 3].map(str::to_owned));
        assert!(event["id"].is_string());
    }
    house.close().await;
}

#[tokio::test]
async fn who_was_not_asked_is_told_the_work_id_of_its_integrator_or_what_the_publisher_says() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    receiver.answer(|request| says(200, &json!({"work_id": request.path.split('/').nth(1)}).to_string()));
    for path in ["/a/pre", "/b/pre", "/c/pre", "/c/too"] {
        hook(&house, &json!({"url": receiver.url(path), "event": "pre-deploy"})).await;
    }
    for path in ["/a/post", "/b/post?x=1", "/d/post", "/a/deeper/post"] {
        hook(&house, &json!({"url": receiver.url(path), "event": "post-deploy"})).await;
    }
    ask(&house, "pre-deploy").await;

    publish(&house, "post-deploy", r#"{"work_id":"b"}"#).await;

    let told = |path: &str| delivered(&receiver, path)[0].text().to_owned();
    assert_eq!((told("/a/post"), told("/b/post?x=1")), (r#"{"work_id":"a"}"#.into(), r#"{"work_id":"b"}"#.into()));
    assert_eq!((told("/d/post"), told("/a/deeper/post")), (r#"{"work_id":"b"}"#.into(), r#"{"work_id":"b"}"#.into()));
    house.close().await;
}

#[tokio::test]
async fn where_two_hooks_of_an_integrator_differ_others_are_told_neither() {
    let (house, receiver, _) = scene().await;
    hook(&house, &json!({"url": receiver.url("/post"), "event": "post-deploy"})).await;
    let gate = ask(&house, "pre-deploy").await;

    publish(&house, &format!("post-deploy?gate={}", text(&gate["id"])), r#"{"work_id":"mine"}"#).await;

    assert_eq!(delivered(&receiver, "/post")[0].text(), r#"{"work_id":"mine"}"#);
    house.close().await;
}

#[tokio::test]
async fn what_is_signed_is_what_is_sent() {
    let (house, receiver, hooks) = scene().await;
    let gate = ask(&house, "pre-deploy").await;

    publish(&house, &format!("post-deploy?gate={}", text(&gate["id"])), r#"{"a":1}"#).await;

    for (hook, path) in hooks.iter().zip(["/a", "/b", "/c"]) {
        let secret = house.json(&format!("/api/v1/hooks/{hook}/secret")).await;
        assert!(is_v1(&delivered(&receiver, path)[0], 0, text(&secret["secret"])), "{path}");
    }
    house.close().await;
}

#[tokio::test]
async fn a_retry_a_redelivery_and_a_replay_carry_the_same_work_id() {
    let (house, receiver, hooks) = scene().await;
    let gate = ask(&house, "pre-deploy").await;
    receiver.answer(|request| status(if request.header("nyala-attempt") == "1" { 500 } else { 200 }));

    let event = publish(&house, "post-deploy", &format!(r#"{{"gate":{}}}"#, gate["id"])).await;
    house.clock.advance(Duration::from_secs(20));
    until_count(&house, "state=delivered", 3).await;
    receiver.answer(|_| status(200));
    let list = format!("/api/v1/deliveries?hook={}&event={}", hooks[1], text(&event["id"]));
    let delivery = house.json(&list).await["items"][0]["id"].clone();
    let again = house.send(Method::POST, &format!("/api/v1/deliveries/{}/redeliver", text(&delivery)), "").await;
    assert_eq!(again.status(), 201);
    until_count(&house, "state=delivered", 4).await;
    let path = format!("/api/v1/hooks/{}/replay", hooks[1]);
    assert_eq!(house.send(Method::POST, &path, r#"{"state":"delivered"}"#).await.status(), 202);
    until_count(&house, "state=delivered", 5).await;

    let bodies: Vec<_> = delivered(&receiver, "/b").iter().map(|request| request.text().to_owned()).collect();
    assert_eq!(bodies, vec![format!(r#"{{"work_id":"B-1","gate":{}}}"#, gate["id"]); 4]);
    house.close().await;
}

#[tokio::test]
async fn what_is_owed_across_a_restart_carries_it_too() {
    let (mut house, receiver, hooks) = scene().await;
    let gate = ask(&house, "pre-deploy").await;
    for hook in hooks {
        assert_eq!(house.send(Method::POST, &format!("/api/v1/hooks/{hook}/pause"), "").await.status(), 200);
    }
    house.publish(&format!("post-deploy?gate={}", text(&gate["id"])), r#"{"work_id":"x"}"#).await;
    assert_eq!(delivered(&receiver, "/a").len(), 0);

    house.stop().await;
    house.start_again().await;
    for hook in hooks {
        assert_eq!(house.send(Method::POST, &format!("/api/v1/hooks/{hook}/resume"), "").await.status(), 200);
    }

    until_count(&house, "state=delivered", 3).await;
    assert_eq!(
        last(&receiver),
        [r#"{"work_id":"A-1"}"#, r#"{"work_id":"B-1"}"#, r#"{"work_id":""}"#].map(str::to_owned)
    );
    house.close().await;
}

#[tokio::test]
async fn an_event_that_very_many_hooks_want_carries_each_its_own() {
    let (house, receiver, _) = scene().await;
    let gate = ask(&house, "pre-deploy").await;
    for n in 0..300 {
        hook(&house, &json!({"url": receiver.url(&format!("/many/{n}")), "event": "post-deploy"})).await;
    }

    let event = house.publish("post-deploy", &format!(r#"{{"gate":{}}}"#, gate["id"])).await;

    until_count(&house, &format!("state=delivered&event={}", text(&event["id"])), 303).await;
    let id = &gate["id"];
    let expected = [
        format!(r#"{{"work_id":"A-1","gate":{id}}}"#),
        format!(r#"{{"work_id":"B-1","gate":{id}}}"#),
        format!(r#"{{"gate":{id}}}"#),
    ];
    assert_eq!(last(&receiver), expected);
    house.close().await;
}

#[tokio::test]
async fn a_work_id_that_was_given_later_is_the_one_that_is_sent() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    receiver.answer(|request| {
        says(if request.header("nyala-gate").is_empty() { 200 } else { 202 }, r#"{"work_id":"first"}"#)
    });
    hook(&house, &json!({"url": receiver.url("/a"), "events": ["pre-deploy", "post-deploy"]})).await;
    let gate = super::begin(&house, "pre-deploy").await;
    let question = receiver.wait_for(1).await.remove(0);
    let fields = json!({"token": super::token(&question), "approved": true, "work_id": "second"});
    assert_eq!(super::decide(&house, &gate, &fields).await.status(), 200);

    publish(&house, "post-deploy", r#"{"work_id":"second"}"#).await;
    publish(&house, "post-deploy", r#"{"work_id":"first"}"#).await;

    let bodies: Vec<_> = delivered(&receiver, "/a").iter().map(|request| request.text().to_owned()).collect();
    assert_eq!(bodies, [r#"{"work_id":"second"}"#, r#"{"work_id":"first"}"#], "the first is nobody's any more");
    house.close().await;
}

#[tokio::test]
async fn the_timeline_tells_from_the_question_to_the_delivery() {
    let (house, _receiver, hooks) = scene().await;
    let gate = decided(asking(&house, "pre-deploy", r#"{ "n": 1.50 }"#)).await;
    let tick = || house.clock.advance(Duration::from_secs(1));
    tick();
    let event = publish(&house, "post-deploy", &format!(r#"{{"gate":{}}}"#, gate["id"])).await;
    tick();
    for hook in hooks {
        let list = format!("/api/v1/deliveries?hook={hook}&event={}", text(&event["id"]));
        house.until(&list, |list| list["items"][0]["state"] == "delivered").await;
    }

    let shown = house.get(&path_of(&gate)).await.text().await.expect("text");
    assert!(shown.contains(r#""payload":{ "n": 1.50 }"#), "{shown}");
    let shown: Value = serde_json::from_str(&shown).expect("JSON");
    let timeline = shown["timeline"].as_array().expect("a list");
    let whats: Vec<_> = timeline.iter().map(|moment| text(&moment["what"])).collect();
    let asked_and_answered = ["asked", "approved"].repeat(3);
    assert_eq!(
        whats,
        [&asked_and_answered[..], &["closed", "published", "delivered", "delivered", "delivered"]].concat()
    );
    let of = |what: &str| timeline.iter().filter(|moment| moment["what"] == what).collect::<Vec<_>>();
    assert_eq!(of("published")[0]["event"], event["id"]);
    assert_eq!(
        (&of("closed")[0]["detail"], &of("published")[0]["detail"]),
        (&json!("approved"), &json!("post-deploy"))
    );
    let delivered: Vec<_> = of("delivered").iter().map(|moment| moment["hook"].clone()).collect();
    assert_eq!(delivered, hooks.map(|hook| json!(hook)));
    assert!(of("delivered").iter().all(|moment| moment["event"] == event["id"] && moment["delivery"].is_string()));
    let times: Vec<_> = timeline.iter().map(|moment| text(&moment["at"])).collect();
    assert!(times.is_sorted(), "{times:?}");
    house.close().await;
}

#[tokio::test]
async fn an_event_may_follow_whatever_the_gate_came_to() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    receiver.answer(|_| says(200, r#"{"approved":false,"work_id":"w"}"#));
    hook(&house, &json!({"url": receiver.url("/a"), "events": ["pre-deploy", "post-deploy"]})).await;
    let gate = ask(&house, "pre-deploy").await;

    let event = publish(&house, "post-deploy", r#"{"work_id":"w","failed":true}"#).await;

    assert_eq!(gate["state"], "refused");
    assert_eq!(delivered(&receiver, "/a")[0].text(), r#"{"work_id":"w","failed":true}"#);
    let shown = house.json(&path_of(&gate)).await;
    assert!(shown["timeline"].as_array().expect("a list").iter().any(|moment| moment["event"] == event["id"]));
    assert_eq!(attempted(&house, &event, 1).await["state"], "delivered");
    house.close().await;
}
