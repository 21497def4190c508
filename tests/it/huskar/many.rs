//! Many bodies: none is lost when the service stops, and none is sent twice.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use serde_json::{Value, json};

use super::lasting::hasty_house_of;
use super::{Client, body, house_of, of, one};
use crate::delivery::until_count;
use crate::receiver::{Receiver, Reply, status};

#[tokio::test]
async fn a_restart_in_the_middle_loses_no_applications_body() {
    let mut house = hasty_house_of(&["a", "b", "c"]).await;
    let receiver = Receiver::new().await;
    receiver.answer(|request| match body(request)["application_name"].as_str() {
        Some("a") => status(200),
        Some("b") => Reply { hang: true, ..status(200) },
        _ => status(500),
    });
    let client = Client::open(&house);
    for path in ["/1", "/2"] {
        let webhook = client.add_of("a", &receiver.url(path), &["IMPORT_CONFIG"]).await;
        for application in ["b", "c"] {
            let fields = json!({"webhook_url": receiver.url(path), "event_list": ["IMPORT_CONFIG"]});
            client.put(&one(webhook, application), &fields).await.success();
        }
    }
    let mut expected = BTreeSet::new();
    for _ in 0..10 {
        let data = json!({"application_names": ["a", "b", "c"]});
        let action = json!({"action_name": "IMPORT_CONFIG", "action_data": data});
        let told = client.post("/api/webhook/actions", &action).await.success();
        assert_eq!(told["deliveries"], 6);
        for (application, path) in ["a", "b", "c"].into_iter().flat_map(|name| [(name, "/1"), (name, "/2")]) {
            expected.insert((format!("{}:{application}", told["id"].as_str().expect("an id")), path.to_owned()));
        }
    }
    receiver.wait_for(4).await;

    house.stop().await;
    receiver.answer(|_| status(200));
    house.start_again().await;
    // By the first and the second wait of the schedule.
    for seconds in [12, 70, 70] {
        house.clock.advance(Duration::from_secs(seconds));
        until_count(&house, "state=leased", 0).await;
    }
    until_count(&house, "state=delivered", 60).await;

    let arrived: BTreeSet<_> = receiver
        .received()
        .iter()
        .map(|request| (request.header("webhook-id").to_owned(), request.path.clone()))
        .collect();
    assert_eq!(arrived, expected);
    for request in receiver.received() {
        let application = body(&request)["application_name"].as_str().expect("a text").to_owned();
        assert!(request.header("webhook-id").ends_with(&format!(":{application}")), "each under its own name");
    }
    house.close().await;
}

// More than are added at once with their event.
#[tokio::test]
async fn an_action_that_very_many_want_reaches_each_of_them_once_for_each_application() {
    let (house, receiver) = (house_of(&["shop", "till"]).await, Receiver::new().await);
    let client = Client::open(&house);
    let many = 150;
    let adding = stream::iter(1..=many).map(async |n| {
        let fields = json!({"webhook_url": receiver.url(&format!("/{n}")), "event_list": ["IMPORT_SWITCH"]});
        client.post(&format!("/api/webhook?{}", of("shop")), &fields).await.success();
    });
    adding.buffer_unordered(16).collect::<Vec<()>>().await;
    let list = client.list().await;
    let widening = stream::iter(&list).map(async |webhook| {
        let fields = json!({"webhook_url": webhook["webhook_url"], "event_list": ["IMPORT_SWITCH"]});
        client.put(&one(webhook["webhook_id"].as_u64().expect("a number"), "till"), &fields).await.success();
    });
    widening.buffer_unordered(16).collect::<Vec<()>>().await;
    client.add_site(&receiver.url("/site")).await;

    let action = json!({"action_name": "IMPORT_SWITCH", "action_data": {"application_names": ["till", "shop"]}});
    let published = client.act(&action).await;

    assert_eq!(published["deliveries"], 2 * many + 1);
    let mut times = BTreeMap::new();
    for request in receiver.received() {
        *times.entry((request.path.clone(), request.header("webhook-id").to_owned())).or_insert(0) += 1;
        if request.path != "/site" {
            let application = body(&request)["application_name"].as_str().expect("a text").to_owned();
            assert!(request.header("webhook-id").ends_with(&format!(":{application}")));
        }
    }
    assert_eq!((times.len(), times.values().max()), (2 * many + 1, Some(&1)));
    let rows =
        house.json(&format!("/api/v1/deliveries?limit=1000&event={}", published["id"].as_str().expect("an id"))).await;
    let of_till = rows["items"].as_array().expect("items").iter().filter(|row| row["application"] == "till");
    assert_eq!(of_till.count(), many);
    assert!(rows["next"] == Value::Null);
    house.close().await;
}
