//! `POST /ccx/hooks/{hook}`.

use nyala::domain::token::Scope;
use reqwest::Method;
use serde_json::{Value, json};

use super::subscribe;
use crate::access::{closed, send, token};
use crate::house::House;
use crate::receiver::{Receiver, Reply, status};

const ADD_NODE: &str = r#"{"clusterId":"1","cloud":"c1","nodeCount":1,"instanceType":"i1","authId":"a1"}"#;

async fn call(house: &House, hook: &str, body: &str) -> (u16, String, String) {
    let answer = house.send(Method::POST, &format!("/ccx/hooks/{hook}"), body).await;
    let kind = answer.headers()["content-type"].to_str().expect("text").to_owned();
    (answer.status().as_u16(), kind, answer.text().await.expect("a text"))
}

#[tokio::test]
async fn a_call_is_made_and_answered_in_proto_json_with_every_field() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    receiver.answer(|_| Reply { body: r#"{"work_id":"w","user_id":"u"}"#.into(), ..status(200) });
    subscribe(&house, &receiver.url("/"), "pre-create-cluster").await;

    let created = call(&house, "Pre-Create-Cluster", r#"{"cluster_id":"1","nodeCount":"3","unknown":[1]}"#).await;
    let told = call(&house, "post-add-node", r#"{"nodeIds":["a"]}"#).await;

    let all = r#"{"approved":true,"workId":"w","userId":"u","projectId":"","organisationId":""}"#;
    assert_eq!(created, (200, "application/json".to_owned(), all.to_owned()));
    assert_eq!(told, (200, "application/json".to_owned(), "{}".to_owned()));
    let public = r#"{"cluster_id":"1","cluster_name":"","datastore_type":"","cloud":"","node_count":3,"instance_type":"","auth_id":""}"#;
    assert_eq!(receiver.wait_for(1).await[0].text(), public);
    let events = house.json("/api/v1/events?type=post-add-node").await;
    assert_eq!(events["items"][0]["type"], json!("post-add-node"));
    house.close().await;
}

#[tokio::test]
async fn what_cannot_be_taken_is_told_in_a_problem_document() {
    let house = House::new().await;

    for (hook, body, expected, says) in [
        ("pre-scale-cluster", "{}", 404, "pre-create-cluster, post-create-cluster, pre-add-node, post-add-node"),
        ("PreAddNode", "{}", 404, "pre-delete-cluster, post-delete-cluster"),
        ("pre-add-node", "", 400, "JSON object"),
        ("pre-add-node", "[1]", 400, "JSON object"),
        ("pre-add-node", r#"{"nodeCount":"many"}"#, 400, r#""field":"nodeCount""#),
        ("pre-add-node", r#"{"clusterId":"1","cluster_id":"1"}"#, 400, "two spellings"),
    ] {
        let (status, kind, text) = call(&house, hook, body).await;
        assert_eq!((status, kind.as_str()), (expected, "application/problem+json"), "{hook} {body}");
        assert!(text.contains(says), "{text}");
    }
    house.close().await;
}

#[tokio::test]
async fn asking_again_with_the_same_key_asks_nobody_again() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    receiver.answer(|_| Reply { body: r#"{"work_id":"w"}"#.into(), ..status(200) });
    subscribe(&house, &receiver.url("/"), "pre-add-node").await;
    let ask = async |body: &str| {
        let request = house.client.post(house.url("/ccx/hooks/pre-add-node")).header("idempotency-key", "k");
        let answer = request.header("content-type", "application/json").body(body.to_owned()).send().await;
        let answer = answer.expect("an answer");
        (answer.status().as_u16(), answer.json::<Value>().await.expect("JSON"))
    };

    let (first, again) = (ask(ADD_NODE).await, ask(ADD_NODE).await);
    let other = ask(r#"{"clusterId":"2"}"#).await;

    assert_eq!((first.0, &first.1["workId"], &again), (200, &json!("w"), &first));
    assert_eq!((other.0, receiver.received().len()), (422, 1));
    house.close().await;
}

#[tokio::test]
async fn a_call_concerns_the_applications_that_it_names_and_its_token_may() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    let publisher = token(&house, "ccx", &[Scope::Publish], &["a"]);
    let admin = token(&house, "admin", &[Scope::Admin], &[]);
    closed(&house).await;
    for application in ["a", "b"] {
        let fields = json!({"url": receiver.url(&format!("/{application}")), "event": "pre-add-node", "applications": [application]});
        crate::access::hook(&house, &admin, &fields).await;
    }

    let own = send(&house, &publisher, Method::POST, "/ccx/hooks/pre-add-node?application=a", ADD_NODE).await;
    let others = send(&house, &publisher, Method::POST, "/ccx/hooks/pre-add-node?application=b", ADD_NODE).await;

    assert_eq!((own.status().as_u16(), others.status().as_u16()), (200, 403));
    let paths: Vec<_> = receiver.received().iter().map(|asked| asked.path.clone()).collect();
    assert_eq!(paths, ["/a"]);
    house.close().await;
}
