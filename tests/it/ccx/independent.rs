//! What somebody sees who shares nothing with us: a program in another language, with another library, that
//! knows of the hooks what reflection tells it. Needs Python with what requirements.txt names.

use std::ffi::OsString;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::program::{Site, python, token};
use crate::door::Authority;

const HOOKS: [&str; 8] = [
    "pre-create-cluster",
    "post-create-cluster",
    "pre-add-node",
    "post-add-node",
    "pre-remove-node",
    "post-remove-node",
    "pre-delete-cluster",
    "post-delete-cluster",
];

const SCOPES: [&str; 3] = ["admin", "publish", "read"];

fn call(method: &str, message: &Value) -> Value {
    json!({"method": method, "message": message})
}

/// All eight, about one cluster. Two of those that tell afterwards say what was answered before, two do not.
fn eight() -> [Value; 8] {
    let made = json!({
        "clusterId": "1", "clusterName": "shop", "datastoreType": "mysql", "cloud": "c1", "nodeCount": 3,
        "instanceType": "i1", "clusterStatus": "ok", "nodeIds": ["n1", "n2", "n3"],
        "workId": "work-of-pre-create-cluster",
    });
    let wanted = json!({
        "clusterId": "1", "clusterName": "shop", "datastoreType": "mysql", "cloud": "c1", "nodeCount": 3,
        "instanceType": "i1", "authId": "a1",
    });
    let node = json!({"clusterId": "1", "cloud": "c1", "nodeCount": 1, "instanceType": "i1", "authId": "a1"});
    let joined = json!({"clusterId": "1", "cloud": "c1", "nodeCount": 1, "instanceType": "i1", "nodeIds": ["n4"]});
    let left = json!({"clusterId": "1", "nodeId": "n4", "workId": "work-of-pre-remove-node"});
    [
        call("PreCreateCluster", &wanted),
        call("PostCreateCluster", &made),
        call("PreAddNode", &node),
        call("PostAddNode", &joined),
        call("PreRemoveNode", &json!({"clusterId": "1", "nodeId": "n4", "authId": "a1"})),
        call("PostRemoveNode", &left),
        call("PreDeleteCluster", &json!({"clusterId": "1", "authId": "a1"})),
        call("PostDeleteCluster", &json!({"clusterId": "1", "status": "ok"})),
    ]
}

/// What is to be seen of a server before anything is called.
fn found() -> [Value; 4] {
    let methods = eight().map(|call| call["method"].clone());
    [
        json!({"services": ["ccx.hook.v1.HookService", "grpc.health.v1.Health"]}),
        json!({"methods": methods}),
        json!({"service": "", "health": "SERVING"}),
        json!({"service": "ccx.hook.v1.HookService", "health": "SERVING"}),
    ]
}

/// What each of the eight is answered.
fn answers() -> [Value; 8] {
    let work = |hook: &str| format!("work-of-{hook}");
    let whose = json!({
        "approved": true, "workId": work("pre-create-cluster"), "userId": "u1", "projectId": "p1",
        "organisationId": "o1",
    });
    let node = json!({"approved": true, "workId": work("pre-add-node")});
    let (removal, end) = (json!({"workId": work("pre-remove-node")}), json!({"workId": work("pre-delete-cluster")}));
    [whose, json!({}), node, json!({}), removal, json!({}), end, json!({})]
}

/// What the receiver was sent of each of the eight, to the byte.
const BODIES: [&str; 8] = [
    r#"{"cluster_id":"1","cluster_name":"shop","datastore_type":"mysql","cloud":"c1","node_count":3,"instance_type":"i1","auth_id":"a1"}"#,
    r#"{"cluster_id":"1","cluster_name":"shop","datastore_type":"mysql","cloud":"c1","node_count":3,"instance_type":"i1","cluster_status":"ok","node_ids":["n1","n2","n3"],"work_id":"work-of-pre-create-cluster"}"#,
    r#"{"cluster_id":"1","cloud":"c1","node_count":1,"instance_type":"i1","auth_id":"a1"}"#,
    r#"{"cluster_id":"1","cloud":"c1","node_count":1,"instance_type":"i1","node_ids":["n4"],"work_id":"work-of-pre-add-node"}"#,
    r#"{"cluster_id":"1","node_id":"n4","auth_id":"a1"}"#,
    r#"{"cluster_id":"1","node_id":"n4","work_id":"work-of-pre-remove-node"}"#,
    r#"{"cluster_id":"1","auth_id":"a1"}"#,
    r#"{"cluster_id":"1","status":"ok","work_id":"work-of-pre-delete-cluster"}"#,
];

/// Checks what the program saw of all eight, and what came at the receiver.
async fn check_eight(site: &Site, seen: &[Value]) {
    assert_eq!(seen[..4], found());
    assert!(seen[4..].iter().all(|seen| seen["code"] == "OK"), "{seen:#?}");
    assert_eq!(seen[4..].iter().map(|seen| seen["answer"].clone()).collect::<Vec<_>>(), answers());
    let told = site.receiver.wait_for(8).await;
    for (hook, body) in HOOKS.iter().zip(BODIES) {
        let of_it: Vec<_> = told.iter().filter(|told| told.header("nyala-event") == *hook).collect();
        assert_eq!(of_it.iter().map(|told| told.text()).collect::<Vec<_>>(), [body], "{hook}");
    }
}

/// A site without tokens and TLS.
async fn open_site(python: OsString) -> Site {
    let site = Site::start(python, TempDir::new().expect("a folder"), &[]).await;
    site.subscribe(&plain(), "").await;
    site
}

fn codes(seen: &[Value]) -> Vec<&str> {
    seen.iter().map(|seen| seen["code"].as_str().unwrap_or("none")).collect()
}

#[tokio::test]
async fn a_stranger_finds_the_hooks_by_reflection_and_calls_all_eight() {
    let Some(python) = python() else { return };
    let site = open_site(python).await;

    let seen = site.run(&[], &eight()).await;

    check_eight(&site, &seen).await;
}

#[tokio::test]
async fn a_stranger_hears_no_as_an_answer_and_only_where_something_new_is_wanted() {
    let Some(python) = python() else {
        return;
    };
    let site = open_site(python).await;

    let methods = ["PreCreateCluster", "PreAddNode", "PreRemoveNode", "PreDeleteCluster"];
    let seen = site.run(&[], &methods.map(|method| call(method, &json!({"clusterId": "refused"})))).await;

    assert_eq!(codes(&seen[4..]), ["OK"; 4]);
    let said = seen[4..].iter().map(|seen| seen["answer"].get("approved").and_then(Value::as_bool));
    assert_eq!(said.collect::<Vec<_>>(), [Some(false), Some(false), None, None]);
    assert!(seen[4..].iter().all(|seen| seen["answer"]["workId"].as_str().is_some_and(|work| !work.is_empty())));
}

#[tokio::test]
async fn a_stranger_is_answered_before_its_deadline_and_told_what_it_got_wrong() {
    let Some(python) = python() else { return };
    let site = open_site(python).await;
    let hanging = json!({"method": "PreAddNode", "message": {"clusterId": "hanging"}, "deadline": 2.0});
    let application = [["nyala-application", &"x".repeat(1000)]];
    let calls = [
        hanging,
        json!({"method": "PreAddNode", "garbage": "0affff"}),
        json!({"method": "PreAddNode", "message": {}, "metadata": application}),
        json!({"method": "PreScaleCluster", "garbage": ""}),
        call("PreAddNode", &json!({"clusterId": "x".repeat(3000)})),
        call("PreAddNode", &json!({})),
    ];

    let seen = site.run(&[], &calls).await;

    let (hung, wrong) = (&seen[4], &seen[5..]);
    assert_eq!((&hung["code"], &hung["answer"]["approved"]), (&json!("OK"), &json!(false)), "{hung}");
    assert!((1.5..2.0).contains(&hung["took"].as_f64().expect("a time")), "{hung}");
    assert_eq!(codes(wrong), ["INTERNAL", "INVALID_ARGUMENT", "UNIMPLEMENTED", "RESOURCE_EXHAUSTED", "OK"]);
    let says = ["PreAddNodeRequest.cluster_id", "application", "reflection", "larger than 2048 bytes"];
    for (seen, says) in wrong.iter().zip(says) {
        assert!(seen["details"].as_str().is_some_and(|details| details.contains(says)), "{seen}");
    }
}

/// Checks that a token that may publish opens what is closed, and nothing else does.
async fn check_tokens(site: &Site, client: &reqwest::Client, options: &[&str], tokens: &[String; 3]) {
    let [admin, publisher, reader] = tokens;
    site.subscribe(client, admin).await;
    let node = |token: Value| json!({"method": "PreAddNode", "message": {"clusterId": "1"}, "token": token});
    let by = |token| [options, &["--token", token]].concat();

    let unknown = site.run(options, &eight()).await;
    let one_by_one = [Value::Null, json!("nyala_wrong"), json!(reader)].map(node);
    let refused = site.run(&by(publisher), &one_by_one).await;
    let asked = site.receiver.received().len();
    let seen = site.run(&by(publisher), &eight()).await;

    assert_eq!(codes(&unknown), ["UNAUTHENTICATED"], "not even the reflection: {unknown:?}");
    assert_eq!(codes(&refused[4..]), ["UNAUTHENTICATED", "UNAUTHENTICATED", "PERMISSION_DENIED"]);
    assert!(refused[4]["details"].as_str().is_some_and(|details| details.contains("Authorization: Bearer TOKEN")));
    assert_eq!(asked, 0, "nobody is asked for who may not");
    check_eight(site, &seen).await;
}

#[tokio::test]
async fn a_stranger_needs_a_token_that_may_publish_over_tls_and_without() {
    let Some(python) = python() else { return };
    let authority = Authority::new();
    let folders = [(); 2].map(|()| TempDir::new().expect("a folder"));
    let tokens = folders.each_ref().map(|folder| SCOPES.map(|scope| token(folder.path(), scope, scope)));
    let [open, closed] = folders;

    let site = Site::start(python.clone(), open, &[]).await;
    check_tokens(&site, &plain(), &[], &tokens[0]).await;
    let site = Site::over_tls(python, closed, &authority).await;
    let client = authority.trusted().build().expect("a client");
    check_tokens(&site, &client, &["--authority", "authority.pem"], &tokens[1]).await;
}

#[tokio::test]
async fn over_tls_a_stranger_has_to_trust_who_vouches_for_the_server() {
    let Some(python) = python() else { return };
    let (folder, authority) = (TempDir::new().expect("a folder"), Authority::new());
    std::fs::write(folder.path().join("other.pem"), Authority::new().pem()).expect("written");
    let site = Site::over_tls(python, folder, &authority).await;
    site.subscribe(&authority.trusted().build().expect("a client"), "").await;

    let distrusting = site.run(&["--authority", "other.pem"], &eight()).await;
    let plain = site.run(&[], &eight()).await;
    let trusting = site.run(&["--authority", "authority.pem"], &eight()).await;

    assert_eq!([codes(&distrusting), codes(&plain)], [["UNAVAILABLE"], ["UNAVAILABLE"]], "{distrusting:?} {plain:?}");
    check_eight(&site, &trusting).await;
}

fn plain() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().expect("a client")
}
