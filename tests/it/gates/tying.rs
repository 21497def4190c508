//! Which gate an event is tied to.

use nyala::domain::token::Scope;
use reqwest::{Method, Response};
use serde_json::{Value, json};

use super::{asking, decided, hook, path_of, says, sent, text};
use crate::access::{self, send};
use crate::bad_input::{check_problem, field};
use crate::delivery::publishing;
use crate::house::House;
use crate::receiver::Receiver;

/// A hook for every event at a receiver that gives each question a work id of its own:
/// `w0`, `w1` and so on.
async fn scene() -> (House, Receiver) {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    let count = std::sync::atomic::AtomicUsize::new(0);
    receiver.answer(move |request| {
        if request.header("nyala-gate").is_empty() {
            return says(200, "");
        }
        let number = count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        says(200, &format!(r#"{{"work_id":"w{number}"}}"#))
    });
    hook(&house, &json!({"url": receiver.url("/"), "event": "*", "gate": true})).await;
    (house, receiver)
}

async fn asked(house: &House, what: &str, payload: &str) -> Value {
    let gate = decided(asking(house, what, payload)).await;
    assert_eq!(gate["state"], "approved");
    gate
}

/// Publishes; answers the work id that the hook is told.
async fn told(house: &House, receiver: &Receiver, what: &str, payload: &str) -> Value {
    let before = receiver.received().len();
    let response = sent(publishing(house, what, payload)).await;
    assert_eq!(response.status(), 200, "{what} {payload}");
    let body: Value = serde_json::from_slice(&receiver.wait_for(before + 1).await[before].body).expect("JSON");
    body["work_id"].clone()
}

#[tokio::test]
async fn any_event_may_name_its_gate_by_its_id_and_one_that_begins_with_post_by_a_work_id() {
    let (house, receiver) = scene().await;
    let gate = asked(&house, "pre-deploy", "{}").await;
    let named = format!(r#"{{"gate":{},"work_id":"x"}}"#, gate["id"]);
    let table = [
        ("Deployed", named.as_str(), "w0"),
        ("pre-deploy", &named, "w0"),
        ("Deployed", r#"{"work_id":"w0","x":1}"#, "w0"),
        ("PostDeployment", r#"{"work_id":"w0"}"#, "w0"),
        ("post-deploy", r#"{"work_id":"x"}"#, "x"),
        ("Deployed", r#"{"work_id":"x"}"#, "x"),
    ];
    for (event, payload, expected) in table {
        assert_eq!(told(&house, &receiver, event, payload).await, expected, "{event} {payload}");
    }

    let shown = house.json(&path_of(&gate)).await;
    let published = shown["timeline"].as_array().expect("a list").iter().filter(|moment| moment["what"] == "published");
    let events: Vec<_> = published.map(|moment| text(&moment["detail"])).collect();
    assert_eq!(events, ["Deployed", "pre-deploy", "PostDeployment"]);
    house.close().await;
}

#[tokio::test]
async fn a_gate_that_the_query_names_must_be_there() {
    let (house, receiver) = scene().await;
    let unknown = "gate_00000000000000000000000000";
    for name in [unknown, "x", "evt_00000000000000000000000000"] {
        for path in ["/api/hooks/publish/post-deploy", "/api/v1/events"] {
            let body = if path.ends_with("events") { r#"{"type":"post-deploy"}"# } else { "{}" };
            let response = house.send(Method::POST, &format!("{path}?gate={name}"), body).await;
            check_problem(response, field("gate", ""), &format!("{path} {name}")).await;
        }
    }
    assert_eq!(house.json("/api/v1/events").await["items"], json!([]));

    let payload = format!(r#"{{"gate":"{unknown}","work_id":"mine"}}"#);
    assert_eq!(told(&house, &receiver, "post-deploy", &payload).await, "mine", "in the payload it is the payload's");
    house.close().await;
}

#[tokio::test]
async fn an_event_published_over_our_own_api_is_tied_as_well() {
    let (house, receiver) = scene().await;
    let gate = asked(&house, "pre-deploy", "{}").await;
    let path = format!("/api/v1/events?gate={}", text(&gate["id"]));

    let response = house.send(Method::POST, &path, r#"{"type":"Deployed","payload":{"work_id":""}}"#).await;

    assert!(response.status().is_success(), "{}", response.text().await.expect("text"));
    assert_eq!(receiver.wait_for(2).await[1].text(), r#"{"work_id":"w0"}"#);
    house.close().await;
}

#[tokio::test]
async fn events_of_ccx_are_tied_by_their_cluster_and_node_where_they_say_no_more() {
    let (house, receiver) = scene().await;
    let gates = [
        ("pre-create-cluster", r#"{"cluster_id":"c"}"#),
        ("pre-create-cluster", r#"{"cluster_id":"d"}"#),
        ("pre-remove-node", r#"{"cluster_id":"c","node_id":"n"}"#),
        ("pre-remove-node", r#"{"cluster_id":"c","node_id":"m"}"#),
        ("pre-delete-cluster", r#"{"cluster_id":"c"}"#),
        ("pre-deploy", r#"{"cluster_id":"c"}"#),
    ];
    for (event, payload) in gates {
        asked(&house, event, payload).await;
    }
    let table = [
        ("post-create-cluster", r#"{"cluster_id":"c"}"#, json!("w0")),
        ("post-create-cluster", r#"{"cluster_id":"d","work_id":""}"#, json!("w1")),
        ("Post-Remove-Node", r#"{"node_id":"m","cluster_id":"c"}"#, json!("w3")),
        ("post-remove-node", r#"{"node_id":"n","cluster_id":"c"}"#, json!("w2")),
        ("post-delete-cluster", r#"{"cluster_id":"c","work_id":null}"#, json!("w4")),
        ("post-remove-node", r#"{"node_id":"n","cluster_id":"d"}"#, Value::Null),
        ("post-remove-node", r#"{"cluster_id":"c"}"#, Value::Null),
        ("post-add-node", r#"{"cluster_id":"c"}"#, Value::Null),
        ("post-create-cluster", r#"{"cluster_id":"e"}"#, Value::Null),
        ("post-deploy", r#"{"cluster_id":"c"}"#, Value::Null),
    ];
    for (event, payload, expected) in table {
        assert_eq!(told(&house, &receiver, event, payload).await, expected, "{event} {payload}");
    }
    house.close().await;
}

#[tokio::test]
async fn two_nodes_that_are_added_to_one_cluster_have_a_gate_each() {
    let (house, receiver) = scene().await;
    for _ in 0..2 {
        asked(&house, "pre-add-node", r#"{"cluster_id":"c"}"#).await;
    }

    let first = told(&house, &receiver, "post-add-node", r#"{"cluster_id":"c","node_id":"n"}"#).await;
    let second = told(&house, &receiver, "post-add-node", r#"{"cluster_id":"c","node_id":"m"}"#).await;
    let named = told(&house, &receiver, "post-add-node", r#"{"cluster_id":"c","work_id":"w0"}"#).await;

    let mut told = [text(&first), text(&second)];
    told.sort_unstable();
    assert_eq!((told, text(&named)), (["w0", "w1"], "w0"), "one each, as long as one is left");
    house.close().await;
}

#[tokio::test]
async fn what_was_refused_is_not_taken_for_what_was_done() {
    let (house, receiver) = scene().await;
    asked(&house, "pre-add-node", r#"{"cluster_id":"c"}"#).await;
    let no = super::that_says(200, r#"{"approved":false}"#).await;
    hook(&house, &json!({"url": no.url("/"), "event": "pre-add-node"})).await;
    let refused = decided(asking(&house, "pre-add-node", r#"{"cluster_id":"c"}"#)).await;
    assert_eq!(refused["state"], "refused");

    let work_id = told(&house, &receiver, "post-add-node", r#"{"cluster_id":"c"}"#).await;

    assert_eq!(work_id, "w0");
    house.close().await;
}

/// Asks with a token; answers the gate.
async fn asked_with(house: &House, token: &str, what: &str, payload: &str) -> Value {
    decided(asking(house, what, payload).bearer_auth(token)).await
}

async fn publish_with(house: &House, token: &str, what: &str, payload: &str) -> Response {
    send(house, token, Method::POST, &format!("/api/hooks/publish/{what}"), payload).await
}

#[tokio::test]
async fn a_gate_of_another_token_that_is_out_of_reach_is_not_tied() {
    let (house, receiver) = scene().await;
    let mine = access::token(&house, "mine", &[Scope::Publish], &[]);
    let other = access::token(&house, "other", &[Scope::Publish], &[]);
    let gate = asked_with(&house, &mine, "pre-add-node", r#"{"cluster_id":"c"}"#).await;
    let (id, named) = (text(&gate["id"]), format!(r#"{{"gate":{},"work_id":"x"}}"#, gate["id"]));

    let response = publish_with(&house, &other, &format!("post-deploy?gate={id}"), "{}").await;
    check_problem(response, field("gate", "asked with this token"), "another's gate").await;
    for (event, payload) in [
        ("post-deploy", named.as_str()),
        ("post-deploy", r#"{"work_id":"w0"}"#),
        ("post-add-node", r#"{"cluster_id":"c"}"#),
    ] {
        let before = receiver.received().len();
        assert_eq!(publish_with(&house, &other, event, payload).await.status(), 200);
        assert_eq!(receiver.wait_for(before + 1).await[before].text(), payload, "as it is");
    }
    let before = receiver.received().len();
    assert_eq!(publish_with(&house, &mine, &format!("post-deploy?gate={id}"), "{}").await.status(), 200);
    assert_eq!(receiver.wait_for(before + 1).await[before].text(), r#"{"work_id":"w0"}"#);
    house.close().await;
}

#[tokio::test]
async fn who_may_read_a_gate_may_tie_an_event_to_it() {
    let (house, receiver) = scene().await;
    let asker = access::token(&house, "asker", &[Scope::Publish], &[]);
    let both = [Scope::Publish, Scope::Read];
    let shop = access::token(&house, "shop", &both, &["shop"]);
    let till = access::token(&house, "till", &both, &["till"]);
    let gate = asked_with(&house, &asker, "pre-deploy?application=shop", "{}").await;
    let what = |application: &str| format!("post-deploy?gate={}&application={application}", text(&gate["id"]));

    let (ties, does_not) = (
        publish_with(&house, &shop, &what("shop"), "{}").await,
        publish_with(&house, &till, &what("till"), "{}").await,
    );

    assert_eq!(ties.status(), 200);
    check_problem(does_not, field("gate", "not there"), "till").await;
    assert_eq!(receiver.wait_for(2).await[1].text(), r#"{"work_id":"w0"}"#);
    house.close().await;
}
