//! `POST /api/v1/deliveries/{id}/redeliver`.

use reqwest::{Method, Response};
use serde_json::{Value, json};

use super::{add, delivery_of, ids, text};
use crate::bad_input::{Refusal, check_problem, whole};
use crate::house::{House, within};
use crate::receiver::{Receiver, Reply, status};

async fn redeliver(house: &House, id: &str) -> Response {
    house.send(Method::POST, &format!("/api/v1/deliveries/{id}/redeliver"), "").await
}

#[tokio::test]
async fn a_redelivery_is_a_new_delivery_of_the_same_event() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    let hook = add(&house, &json!({"url": receiver.url("/"), "event": "E"})).await;
    let event = house.publish_and_wait("E", r#"{"a" : 1}"#).await;
    let old = delivery_of(&house, &hook, &event).await;

    let response = redeliver(&house, &old).await;

    assert_eq!(response.status(), 201);
    let location = response.headers()["location"].to_str().expect("text").to_owned();
    let new: Value = response.json().await.expect("JSON");
    let sent = receiver.wait_for(2).await;
    assert_eq!((sent[1].text(), sent[1].header("webhook-id")), (sent[0].text(), text(&event["id"])));
    assert_eq!((sent[1].header("nyala-delivery"), sent[1].header("nyala-attempt")), (text(&new["id"]), "1"));
    let new = house.until(&location, |delivery| delivery["state"] == "delivered").await;
    let old = house.json(&format!("/api/v1/deliveries/{old}")).await;
    assert_eq!((&new["redelivers"], &new["redelivered_by"]), (&old["id"], &Value::Null));
    assert_eq!((&old["redelivered_by"], &old["redelivers"]), (&new["id"], &Value::Null));
    assert_eq!((&old["state"], &old["attempt_count"]), (&json!("delivered"), &json!(1)));
    let of_event = house.json(&format!("/api/v1/deliveries?event={}", text(&event["id"]))).await;
    assert_eq!(ids(&of_event), [new["id"].clone(), old["id"].clone()]);
    house.close().await;
}

#[tokio::test]
async fn what_is_still_owed_cannot_be_redelivered() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    receiver.answer(|_| status(500));
    let hook = add(&house, &json!({"url": receiver.url("/"), "event": "E"})).await;
    let event = house.publish_and_wait("E", "1").await;
    let pending = delivery_of(&house, &hook, &event).await;

    let response = redeliver(&house, &pending).await;

    let expected = Refusal { status: 409, field: "state", remedy: "it is attempted anyway" };
    check_problem(response, expected, "redeliver").await;
    assert_eq!(ids(&house.json("/api/v1/deliveries").await).len(), 1);
    house.close().await;
}

#[tokio::test]
async fn what_there_is_not_cannot_be_redelivered() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    let hook = add(&house, &json!({"url": receiver.url("/"), "event": "E"})).await;
    let event = house.publish_and_wait("E", "1").await;
    let old = delivery_of(&house, &hook, &event).await;

    for id in ["dlv_99", "99", "evt_1"] {
        check_problem(redeliver(&house, id).await, whole(404, "no such delivery"), id).await;
    }
    house.send(Method::DELETE, &format!("/api/v1/hooks/{}", hook["id"]), "").await;

    let expected = Refusal { status: 409, field: "hook", remedy: "add it again" };
    check_problem(redeliver(&house, &old).await, expected, "a removed hook").await;
    house.close().await;
}

#[tokio::test]
async fn a_publish_does_not_take_a_redelivery_for_a_first_attempt() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    receiver.answer(|request| Reply { hang: request.path == "/slow", ..status(200) });
    let quick = add(&house, &json!({"url": receiver.url("/quick"), "event": "E"})).await;
    add(&house, &json!({"url": receiver.url("/slow"), "event": "E"})).await;
    let request = house.client.post(house.url("/api/hooks/publish/E")).header("prefer", "wait=60");
    let waiting = tokio::spawn(request.send());
    receiver.wait_for(2).await;
    let path = format!("/api/v1/deliveries?state=delivered&hook={}", quick["id"]);
    let delivered = house.until(&path, |page| ids(page).len() == 1).await;

    redeliver(&house, text(&ids(&delivered)[0])).await;
    house.until(&path, |page| ids(page).len() == 2).await;
    house.publish_and_wait("Other", "1").await;

    assert!(!waiting.is_finished(), "the slow hook's first attempt has not ended");
    drop(receiver);
    assert_eq!(within("an answer", waiting).await.expect("a task").expect("an answer").status(), 200);
    house.close().await;
}
