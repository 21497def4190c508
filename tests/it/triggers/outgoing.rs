//! Triggers that call: each request is made until it succeeds or has failed often enough, and
//! an event tells what came of it.

mod prepared;
mod restarts;
mod runs;
mod store;

use std::time::Duration;

use serde_json::{Value, json};

use crate::house::House;
use crate::receiver::{Receiver, Reply, status};
use prepared::{EVENT, call, fire, house_that_calls, latest, prepare, until_done};

/// What the next event told the hook that waits for it.
async fn told(hook: &Receiver, number: usize) -> Value {
    serde_json::from_slice(&hook.wait_for(number).await[number - 1].body).expect("JSON")
}

#[tokio::test]
async fn a_call_arrives_as_it_was_told_and_a_hook_hears_what_came_of_it() {
    let (receiver, hook) = (Receiver::new().await, Receiver::new().await);
    receiver.answer(|_| Reply {
        headers: vec![("x-said", "you sent h3ader-key".into())],
        body: "and pa55word and qu3ry-token".into(),
        ..status(201)
    });
    let url = receiver.url("/path?token=qu3ry-token&a=b").replace("//", "//user:pa55word@");
    let headers = [("X-Api-Key", "h3ader-key"), ("X-Plain", "plain"), ("Host", "evil.example"), ("webhook-id", "mine")];
    let mut put = call("put", &url);
    put.headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    put.body = r#"{"to": "the byte" }"#.into();
    put.values = json!({"workflow_node_outgoing_hook_id": "42", "status": "mine"}).as_object().expect("values").clone();

    let house = house_that_calls(Some(&hook), &[("caller", put)]).await;

    let request = receiver.wait_for(1).await.remove(0);
    assert_eq!((request.method.as_str(), request.path.as_str()), ("PUT", "/path?token=qu3ry-token&a=b"));
    assert_eq!(request.text(), r#"{"to": "the byte" }"#);
    let host = receiver.address().to_string();
    let expected = [
        ("content-type", "application/json"),
        ("x-api-key", "h3ader-key"),
        ("x-plain", "plain"),
        ("host", &host),
        ("authorization", "Basic dXNlcjpwYTU1d29yZA=="),
        ("nyala-hops", "1"),
        ("webhook-id", ""),
        ("webhook-signature", ""),
        ("user-agent", concat!("Nyala/", env!("CARGO_PKG_VERSION"))),
    ];
    assert_eq!(expected.map(|(name, _)| (name, request.header(name))), expected);
    let told = told(&hook, 1).await;
    let expected = [
        ("workflow_node_outgoing_hook_id", "42"),
        ("status", "Success"),
        ("start", "2023-11-14T22:13:20.000Z"),
        ("done", "2023-11-14T22:13:20.000Z"),
        ("http.status", "201"),
        ("nyala.trigger", "caller"),
    ];
    assert_eq!(expected.map(|(name, _)| (name, told[name].as_str().unwrap_or_default())), expected);
    let log = told["log"].as_str().expect("a log");
    let begin = format!("PUT /path?token=***&a=b HTTP/1.1\nhost: {host}\n");
    assert!(log.starts_with(&begin) && log.contains("x-plain: plain\n") && log.contains("x-api-key: ***\n"), "{log}");
    assert!(log.contains("HTTP 201 Created\n") && log.contains("x-said: you sent ***\n"), "{log}");
    assert!(log.ends_with("\n\nand *** and ***"), "{log}");
    let execution = until_done(&house, "caller").await;
    assert_eq!((&execution["result"], &execution["errors"]), (&"published".into(), &0.into()));
    assert_eq!(execution["events"].as_array().map(Vec::len), Some(1));
    house.close().await;
}

#[tokio::test]
async fn six_methods_can_be_sent_and_an_empty_body_is_said_to_be_empty() {
    let receiver = Receiver::new().await;
    let methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"];
    let calls = methods.map(|method| (method, call(method, &receiver.url("/"))));

    let house = house_that_calls(None, &calls).await;

    for method in methods {
        assert_eq!(until_done(&house, method).await["result"], "published", "{method}");
        let all = receiver.received();
        let request = all.iter().find(|request| request.method == method).expect("a request");
        let length = if ["POST", "PUT", "PATCH"].contains(&method) { "0" } else { "" };
        assert_eq!((request.header("content-length"), request.body.len()), (length, 0), "{method}");
    }
    assert_eq!(receiver.received().len(), 6);
    house.close().await;
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let (receiver, elsewhere, hook) = (Receiver::new().await, Receiver::new().await, Receiver::new().await);
    let location = elsewhere.url("/elsewhere");
    receiver.answer(move |_| Reply { headers: vec![("location", location.clone())], ..status(302) });

    let house = house_that_calls(Some(&hook), &[("caller", call("GET", &receiver.url("/")))]).await;

    let told = told(&hook, 1).await;
    assert_eq!((&told["status"], &told["http.status"]), (&"Success".into(), &"302".into()));
    assert_eq!((receiver.received().len(), elsewhere.received().len()), (1, 0));
    house.close().await;
}

#[tokio::test]
async fn a_call_that_fails_is_made_after_each_delay_and_not_before_until_it_has_failed_three_times() {
    let (receiver, hook) = (Receiver::new().await, Receiver::new().await);
    receiver.answer(|request| status(if request.path == "/fails" { 500 } else { 200 }));
    let mut house = house_that_calls(Some(&hook), &[("fails", call("POST", &receiver.url("/fails")))]).await;
    // What succeeds a moment before shows that the moment was looked at.
    failed(&house, 1).await;
    prepare(&mut house, async |db, now| {
        for (name, millis) in [("just-before-1", 119_999), ("just-before-2", 239_999), ("long-after", 10_000_000)] {
            let path = receiver.url(&format!("/{name}"));
            fire(db, now.plus(Duration::from_millis(millis)), name, call("POST", &path)).await;
        }
    })
    .await;

    let mut expected = vec!["/fails"];
    for (attempt, before) in [(2, "/just-before-1"), (3, "/just-before-2")] {
        expected.push(before);
        house.clock.advance(Duration::from_millis(119_999));
        receiver.wait_for(expected.len()).await;
        assert_eq!(paths(&receiver), expected);
        expected.push("/fails");
        house.clock.advance(Duration::from_millis(1));
        failed(&house, attempt).await;
        assert_eq!(paths(&receiver), expected);
    }
    let execution = until_done(&house, "fails").await;
    assert_eq!((&execution["errors"], &execution["result"]), (&3.into(), &"failed".into()));
    assert_eq!(execution["error"], "answered 500 Internal Server Error");
    house.clock.advance(Duration::from_hours(24));
    expected.push("/long-after");
    receiver.wait_for(expected.len()).await;
    assert_eq!(paths(&receiver), expected);
    until_done(&house, "long-after").await;
    let mut of_failing = vec![];
    for request in hook.wait_for(4).await {
        let told: Value = serde_json::from_slice(&request.body).expect("JSON");
        of_failing.extend(Some(told).filter(|told| told["nyala.trigger"] == "fails"));
    }
    assert_eq!(of_failing.len(), 1);
    assert_eq!((&of_failing[0]["status"], &of_failing[0]["http.status"]), (&"Fail".into(), &"500".into()));
    assert_eq!(execution["events"].as_array().map(Vec::len), Some(1));
    house.close().await;
}

/// Waits until the call has failed so often, and that is on record.
async fn failed(house: &House, times: u64) {
    house.until("/api/v1/triggers/fails/executions", |list| list["items"][0]["errors"] == times).await;
}

fn paths(receiver: &Receiver) -> Vec<String> {
    receiver.received().into_iter().map(|request| request.path).collect()
}

#[tokio::test]
async fn nothing_private_is_called_unless_it_is_allowed() {
    let receiver = Receiver::new().await;
    let mut house = House::new().await;
    house.change(|settings| {
        settings.allow_network.clear();
        settings.triggers.retries = 1;
    });

    prepare(&mut house, async |db, now| {
        fire(db, now, "private", call("POST", &receiver.url("/"))).await;
    })
    .await;

    let execution = until_done(&house, "private").await;
    let why = execution["error"].as_str().expect("a reason");
    assert!(why.contains("127.0.0.1") && why.contains("--allow-network"), "{why}");
    let event = execution["events"][0].as_str().expect("an event");
    let event = house.json(&format!("/api/v1/events/{event}")).await;
    assert_eq!((&event["type"], &event["payload"]["status"]), (&EVENT.into(), &"Fail".into()));
    assert!(event["payload"]["log"].as_str().is_some_and(|log| log.ends_with(why)), "{event}");
    assert!(receiver.received().is_empty());
    house.close().await;
}

#[tokio::test]
async fn what_this_machine_cannot_try_is_charged_to_nobody_and_tried_again_soon() {
    let gone = tokio::net::UdpSocket::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address");
    let mut house = House::new().await;
    house.change(|settings| settings.name_servers = vec![gone]);

    prepare(&mut house, async |db, now| fire(db, now, "caller", call("POST", "http://shop.test/")).await).await;

    for seconds in [10, 20] {
        let due_at = format!("2023-11-14T22:13:{}.000Z", 20 + seconds);
        let list = house.until("/api/v1/triggers/caller/executions", |list| list["items"][0]["due_at"] == due_at);
        let execution = list.await["items"][0].clone();
        assert_eq!((&execution["status"], &execution["errors"]), (&"SCHEDULED".into(), &0.into()));
        assert_eq!((&execution["processed_at"], &execution["result"]), (&Value::Null, &Value::Null));
        assert!(execution["error"].as_str().is_some_and(|why| why.contains("no name server answers")), "{execution}");
        house.clock.advance(Duration::from_secs(10));
    }
    assert_eq!(latest(&house, "caller").await["errors"], 0);
    house.close().await;
}
