//! Better than the original: durable, retried, parallel, and no webhook delays another.

use std::collections::BTreeSet;
use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::{Client, bodies, house_of, know, one, switch};
use crate::delivery::gate::Gate;
use crate::delivery::{count, receiver_that_answers, until_count};
use crate::house::House;
use crate::receiver::{Receiver, Reply, status};

/// A house in which an attempt that hangs ends soon, so that it stops soon.
pub(super) async fn hasty_house_of(applications: &[&str]) -> House {
    let house = House::with(|settings| {
        settings.policy.timeout = Duration::from_millis(300);
        settings.policy.breaker_failures = u32::MAX;
    })
    .await;
    know(&house, applications).await;
    house
}

/// Publishes an action and waits for nothing.
async fn act_on(client: &Client<'_>, application: &str) -> String {
    let told = client.post("/api/webhook/actions", &switch(application)).await.success();
    told["id"].as_str().expect("an id").to_owned()
}

/// The URL of somebody who hangs up as soon as they are called.
async fn that_hangs_up() -> (String, JoinSet<()>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    let mut task = JoinSet::new();
    task.spawn(async move { while listener.accept().await.is_ok() {} });
    (url, task)
}

// H-30: there the queue is not empty before the worker runs; here what is owed is on
// disk before the publisher is answered.
#[tokio::test]
async fn what_is_owed_is_on_disk_before_anything_is_sent() {
    let mut house = hasty_house_of(&["shop"]).await;
    let receiver = Receiver::new().await;
    receiver.answer(|_| Reply { hang: true, ..status(200) });
    let client = Client::open(&house);
    client.add_of("shop", &receiver.url("/cb"), &["UPDATE_SWITCH"]).await;

    let event = act_on(&client, "shop").await;

    let conn = rusqlite::Connection::open(house.database()).expect("the database");
    let owed: (i64, String) = conn
        .query_row("SELECT count(*), max(application) FROM deliveries WHERE state < 2", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .expect("a count");
    assert_eq!(owed, (1, "shop".to_owned()));
    drop(conn);
    house.stop().await;
    receiver.answer(|_| status(200));
    house.start_again().await;
    house.clock.advance(Duration::from_secs(11));
    until_count(&house, "state=delivered", 1).await;
    let last = receiver.received().last().cloned().expect("a request");
    assert_eq!(last.header("webhook-id"), format!("{event}:shop"));
    house.close().await;
}

// H-31: there is one worker there; here there are many, and each body is sent by one.
#[tokio::test]
async fn many_are_sent_at_the_same_time_and_each_once() {
    let (house, gate) = (house_of(&["shop"]).await, Gate::new().await);
    let client = Client::open(&house);
    client.add_of("shop", &gate.url("/cb"), &["UPDATE_SWITCH"]).await;
    // Until it has earned its whole share.
    for n in 1..=4 {
        gate.let_through(1);
        act_on(&client, "shop").await;
        gate.answered(n).await;
        until_count(&house, "state=delivered", n).await;
    }

    for _ in 0..20 {
        act_on(&client, "shop").await;
    }
    gate.came(4 + 4).await;
    gate.open();
    until_count(&house, "state=delivered", 24).await;

    assert_eq!((gate.traffic().most, gate.traffic().came), (4, 24));
    house.close().await;
}

// H-33: there it can be switched off, and what happens meanwhile is lost.
#[tokio::test]
async fn a_paused_webhook_is_sent_nothing_and_owed_everything() {
    let (house, receiver) = (house_of(&["shop"]).await, Receiver::new().await);
    let client = Client::open(&house);
    let webhook = client.add_of("shop", &receiver.url("/cb"), &["UPDATE_SWITCH"]).await;
    client.add_site(&receiver.url("/site")).await;
    let path = format!("/api/v1/hooks/{webhook}");
    assert_eq!(house.send(Method::POST, &format!("{path}/pause"), "").await.status(), 200);

    for n in 1..=3 {
        act_on(&client, "shop").await;
        until_count(&house, "state=delivered", n).await;
    }
    assert_eq!((bodies(&receiver, "/cb").len(), &house.json(&path).await["owed"]), (0, &json!(3)));

    assert_eq!(house.send(Method::POST, &format!("{path}/resume"), "").await.status(), 200);
    receiver.wait_for(6).await;
    assert_eq!(bodies(&receiver, "/cb").len(), 3);
    house.close().await;
}

// H-35, H-36: there a failure is logged and what was to be told is lost.
#[tokio::test]
async fn whatever_goes_wrong_it_is_tried_again_and_others_do_not_notice() {
    let house = hasty_house_of(&["shop"]).await;
    let (receiver, hanging) = (Receiver::new().await, Receiver::new().await);
    hanging.answer(|_| Reply { hang: true, ..status(200) });
    let failing = receiver_that_answers(500).await;
    let (breaking, _listener) = that_hangs_up().await;
    let redirecting = Receiver::new().await;
    redirecting.answer(|_| Reply { headers: vec![("location", "/elsewhere".to_owned())], ..status(302) });
    let client = Client::open(&house);
    let mut webhooks = vec![];
    for url in [hanging.url("/"), failing.url("/"), breaking, redirecting.url("/"), "http://127.0.0.1:9/".into()] {
        webhooks.push(client.add_of("shop", &url, &["UPDATE_SWITCH"]).await);
    }
    client.add_of("shop", &receiver.url("/good"), &["UPDATE_SWITCH"]).await;

    assert_eq!(client.act(&switch("shop")).await["deliveries"], 6);
    assert_eq!((count(&house, "state=pending").await, bodies(&receiver, "/good").len()), (5, 1));
    let mut reasons = BTreeSet::new();
    for webhook in &webhooks {
        let page = house.json(&format!("/api/v1/deliveries?hook={webhook}")).await;
        let delivery =
            house.json(&format!("/api/v1/deliveries/{}", page["items"][0]["id"].as_str().expect("an id"))).await;
        reasons.insert(delivery["attempts"][0]["reason"].to_string());
        // Somebody mends it.
        let fields = json!({"webhook_url": receiver.url(&format!("/{webhook}")), "event_list": ["UPDATE_SWITCH"]});
        client.put(&one(*webhook, "shop"), &fields).await.success();
    }
    house.clock.advance(Duration::from_secs(11));
    until_count(&house, "state=delivered", 6).await;

    assert_eq!(reasons.len(), 5, "each has its own: {reasons:?}");
    for webhook in webhooks {
        assert_eq!(bodies(&receiver, &format!("/{webhook}")).len(), 1);
    }
    house.close().await;
}

#[tokio::test]
async fn a_failed_attempt_is_made_again_with_the_same_body_and_the_same_name() {
    let (house, receiver) = (house_of(&["shop"]).await, receiver_that_answers(500).await);
    let client = Client::open(&house);
    client.add_of("shop", &receiver.url("/cb"), &["UPDATE_SWITCH"]).await;

    client.act(&switch("shop")).await;
    receiver.answer(|request| status(if request.header("nyala-attempt") == "3" { 200 } else { 500 }));
    for (requests, seconds) in [(2, 12), (3, 70)] {
        house.clock.advance(Duration::from_secs(seconds));
        receiver.wait_for(requests).await;
        house.until("/api/v1/deliveries", |page| page["items"][0]["attempt_count"] == requests).await;
    }

    until_count(&house, "state=delivered", 1).await;
    let requests = receiver.received();
    assert_eq!(requests.len(), 3);
    assert!(requests.iter().all(|request| request.body == requests[0].body));
    assert!(requests.iter().all(|request| request.header("webhook-id") == requests[0].header("webhook-id")));
    house.close().await;
}

#[tokio::test]
async fn a_slow_webhook_delays_nobody() {
    let (house, slow, receiver) = (house_of(&["shop"]).await, Receiver::new().await, Receiver::new().await);
    slow.answer(|_| Reply { hang: true, ..status(200) });
    let client = Client::open(&house);
    for path in ["/1", "/2", "/3"] {
        client.add_of("shop", &slow.url(path), &["UPDATE_SWITCH"]).await;
    }
    client.add_of("shop", &receiver.url("/shop"), &["UPDATE_SWITCH"]).await;
    client.add_site(&receiver.url("/site")).await;

    for n in 1..=30 {
        act_on(&client, "shop").await;
        receiver.wait_for(2 * n).await;
    }

    assert!(slow.received().len() >= 3, "they are being tried: {}", slow.received().len());
    assert_eq!(count(&house, "state=delivered&hook=1").await, 0, "no clock was moved, and none has been answered");
    // Ends the attempts.
    drop(slow);
    house.close().await;
}
