//! What CCX's hooks promise (specs/ccx.md, C.6), against a real receiver.

use nyala::api::ccx::proto::{
    PostAddNodeRequest, PostCreateClusterRequest, PreCreateClusterRequest, PreDeleteClusterRequest,
    PreDeleteClusterResponse, PreRemoveNodeRequest, PreRemoveNodeResponse,
};
use serde_json::{Value, json};

use super::{add_node, answer, grpc_house, hooks, subscribe};
use crate::access::hook;
use crate::receiver::{Receiver, Reply, status};

fn says(body: &Value) -> Reply {
    Reply { body: body.to_string().into(), ..status(200) }
}

/// C-01.
#[tokio::test]
async fn an_integrator_is_asked_in_the_public_words_and_its_yes_comes_back() {
    let (house, receiver) = (grpc_house().await, Receiver::new().await);
    subscribe(&house, &receiver.url("/pre-add-node"), "pre-add-node").await;

    let answered = answer(hooks(&house).await.pre_add_node(add_node())).await.expect("an answer");

    let asked = receiver.wait_for(1).await.remove(0);
    let public = r#"{"cluster_id":"1","cloud":"c1","node_count":1,"instance_type":"i1","auth_id":"a1"}"#;
    assert_eq!((asked.method.as_str(), asked.path.as_str(), asked.text()), ("POST", "/pre-add-node", public));
    assert_eq!(asked.header("nyala-event"), "pre-add-node");
    assert_eq!((answered.approved, answered.work_id.as_str()), (true, ""));
    house.close().await;
}

/// C-02.
#[tokio::test]
async fn what_makes_something_new_can_be_refused() {
    let (house, receiver) = (grpc_house().await, Receiver::new().await);
    receiver.answer(|_| says(&json!({"approved": false, "work_id": "w"})));
    subscribe(&house, &receiver.url("/"), "pre-add-node").await;
    subscribe(&house, &receiver.url("/"), "pre-create-cluster").await;
    let mut hooks = hooks(&house).await;

    let node = answer(hooks.pre_add_node(add_node())).await.expect("an answer");
    let cluster = answer(hooks.pre_create_cluster(PreCreateClusterRequest::default())).await.expect("an answer");

    assert_eq!((node.approved, node.work_id.as_str()), (false, "w"));
    assert_eq!((cluster.approved, cluster.work_id.as_str()), (false, "w"));
    house.close().await;
}

/// C-03.
#[tokio::test]
async fn what_removes_something_cannot() {
    let (house, receiver) = (grpc_house().await, Receiver::new().await);
    receiver.answer(|_| says(&json!({"approved": false, "work_id": "w"})));
    subscribe(&house, &receiver.url("/"), "pre-remove-node").await;
    subscribe(&house, &receiver.url("/"), "pre-delete-cluster").await;
    let mut hooks = hooks(&house).await;

    let node = PreRemoveNodeRequest { cluster_id: "1".into(), node_id: "n1".into(), auth_id: "a1".into() };
    let node = answer(hooks.pre_remove_node(node)).await;
    let cluster = answer(hooks.pre_delete_cluster(PreDeleteClusterRequest::default())).await;

    assert_eq!(node.expect("an answer"), PreRemoveNodeResponse { work_id: "w".into() });
    assert_eq!(cluster.expect("an answer"), PreDeleteClusterResponse { work_id: "w".into() });
    house.close().await;
}

/// C-04.
#[tokio::test]
async fn the_call_afterwards_carries_the_work_id_that_its_integrator_gave_before() {
    let (house, receiver) = (grpc_house().await, Receiver::new().await);
    receiver.answer(|asked| says(&json!({"work_id": asked.path.trim_start_matches('/')})));
    for integrator in ["V", "W"] {
        let events = ["pre-add-node", "post-add-node"];
        hook(&house, "", &json!({"url": receiver.url(&format!("/{integrator}")), "events": events})).await;
    }
    let mut hooks = hooks(&house).await;

    let work_id = answer(hooks.pre_add_node(add_node())).await.expect("an answer").work_id;
    let unnamed = PostAddNodeRequest { cluster_id: "1".into(), node_ids: vec!["n1".into()], ..Default::default() };
    let named = PostAddNodeRequest { work_id: work_id.clone(), ..unnamed.clone() };
    answer(hooks.post_add_node(named)).await.expect("kept");
    answer(hooks.post_add_node(unnamed)).await.expect("kept");

    assert_eq!(work_id, "V", "the first one's goes to the caller");
    let told = receiver.wait_for(6).await;
    for told in told.iter().filter(|told| told.header("nyala-event") == "post-add-node") {
        let body: Value = serde_json::from_slice(&told.body).expect("JSON");
        let own = told.path.trim_start_matches('/');
        assert_eq!((&body["work_id"], &body["node_ids"]), (&json!(own), &json!(["n1"])), "named, and left out");
    }
    house.close().await;
}

/// C-05.
#[tokio::test]
async fn an_integrator_that_is_down_refuses_what_is_new_and_fails_nobody_else() {
    let (house, receiver) = (grpc_house().await, Receiver::new().await);
    receiver.answer(|_| status(503));
    for event in ["pre-create-cluster", "pre-delete-cluster", "post-create-cluster"] {
        subscribe(&house, &receiver.url("/"), event).await;
    }
    let mut hooks = hooks(&house).await;

    let created = answer(hooks.pre_create_cluster(PreCreateClusterRequest::default())).await.expect("an answer");
    let deleted = answer(hooks.pre_delete_cluster(PreDeleteClusterRequest::default())).await;
    let told = PostCreateClusterRequest { cluster_status: "ok".into(), ..Default::default() };
    let told = answer(hooks.post_create_cluster(told)).await;

    assert!(!created.approved, "what is silent says no");
    assert!(deleted.is_ok() && told.is_ok(), "{deleted:?} {told:?}");
    receiver.wait_for(3).await;
    receiver.answer(|_| status(200));
    house.until("/api/v1/deliveries?state=pending", |page| page["items"][0]["attempts_made"] != json!(0)).await;
    house.clock.advance(std::time::Duration::from_secs(15));
    let again = receiver.wait_for(4).await;
    assert_eq!(again[3].header("nyala-attempt"), "2", "it is delivered once the integrator is back");
    house.close().await;
}

/// C-06.
#[tokio::test]
async fn who_a_cluster_belongs_to_comes_back_to_the_caller() {
    let (house, receiver) = (grpc_house().await, Receiver::new().await);
    let whose = json!({"approved": true, "work_id": "w", "user_id": "u", "project_id": "p", "organisation_id": "o"});
    receiver.answer(move |_| says(&whose));
    subscribe(&house, &receiver.url("/"), "pre-create-cluster").await;

    let answered = answer(hooks(&house).await.pre_create_cluster(PreCreateClusterRequest::default())).await;

    let answered = answered.expect("an answer");
    let texts = [answered.work_id, answered.user_id, answered.project_id, answered.organisation_id];
    assert_eq!((answered.approved, texts.join(",").as_str()), (true, "w,u,p,o"));
    house.close().await;
}

#[tokio::test]
async fn where_nobody_is_to_be_asked_all_goes_on() {
    let house = grpc_house().await;

    let answered = answer(hooks(&house).await.pre_add_node(add_node())).await.expect("an answer");

    assert_eq!((answered.approved, answered.work_id.as_str()), (true, ""));
    house.close().await;
}
