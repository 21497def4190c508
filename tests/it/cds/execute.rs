//! `/task/execute`: a call that CDS has us make.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use nyala::domain::token::Scope;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Client, entry, told};
use crate::access::token;
use crate::house::House;
use crate::receiver::{Receiver, status};

/// A run of a node that is to call this URL with this payload.
fn run(url: &str, payload: &str) -> Value {
    json!({
        "workflow_node_id": 42, "num": 7, "subnumber": 1, "uuid": "run-uuid", "status": "Building",
        "build_parameters": [
            {"name": "cds.run", "type": "string", "value": "7.1"},
            {"name": "cds.token", "type": "password", "value": "s3cret"},
        ],
        "outgoinghook": {
            "id": 1, "node_id": 42, "hook_model_id": 9,
            "config": {
                "model_name": entry("WebHook"), "model_type": entry("builtin"), "project": entry("SHOP"),
                "workflow": entry("build"), "method": entry("PUT"), "URL": entry(url), "payload": entry(payload),
            },
        },
    })
}

fn with(path: [&str; 2], value: Value) -> Value {
    let mut run = run("http://127.0.0.1:9/hook", "{}");
    match path {
        [field, ""] => run[field] = value,
        [field, entry] => run[field]["config"][entry]["value"] = value,
    }
    run
}

/// Nothing is carried out, so that executions stay as they were made.
async fn quiet_house() -> House {
    let house = House::new().await;
    told(Client::open(&house).request(Method::POST, "/admin/maintenance?enable=true")).await.done();
    house
}

/// The trigger that makes the calls of a task.
async fn trigger(house: &House, task: &Value) -> Value {
    let uuid = task["uuid"].as_str().expect("a uuid").replace('/', "%2F");
    house.json(&format!("/api/v1/triggers/{uuid}")).await
}

#[tokio::test]
async fn a_run_is_answered_with_its_task_and_one_execution() {
    let house = quiet_house().await;
    let client = Client::open(&house);

    let task = client.post("/task/execute", &run("http://127.0.0.1:9/{{.cds.run}}", "{{.cds.token}}")).await.ok();

    assert_eq!((&task["type"], &task["stopped"]), (&json!("OutgoingWebhook"), &json!(false)));
    let name = BASE64_STANDARD.decode(task["uuid"].as_str().expect("a uuid")).expect("base64");
    let name = String::from_utf8(name).expect("text");
    assert!(name.strip_prefix("42/WebHook/").is_some_and(|hash| hash.parse::<u64>().is_ok()), "{name}");
    let value = |name: &str| task["config"][name]["value"].clone();
    assert_eq!(["HookRunID", "Number", "SubNumber", "HookID"].map(value), ["run-uuid", "7", "1", "42"]);
    let executions = task["executions"].as_array().expect("executions");
    assert_eq!(executions.len(), 1);
    assert_eq!(executions[0]["uuid"], task["uuid"]);
    assert!(executions[0]["timestamp"].as_i64() > Some(0));
    let webhook = &executions[0]["webhook"];
    assert_eq!((&webhook["request_method"], &webhook["request_url"]), (&json!("PUT"), &value("URL")));
    assert_eq!(webhook["request_body"], BASE64_STANDARD.encode("{{.cds.token}}"));
    assert!(!task.to_string().contains("s3cret"), "what its variables stand for is not shown");
    let path = format!("/task/{}/execution/{}", task["uuid"].as_str().expect("text"), executions[0]["timestamp"]);
    assert_eq!(client.get(&path).await.ok(), executions[0]);
    house.close().await;
}

#[tokio::test]
async fn what_is_called_has_the_values_of_its_variables() {
    let house = quiet_house().await;
    let client = Client::open(&house);
    let payload = r#"{"run":"{{.cds.run}}","other":"{{.cds.unknown}}"}"#;
    let mut sent = run("http://127.0.0.1:9/{{.cds.run}}", payload);
    sent["outgoinghook"]["config"]["method"] = entry("{{.method}}");
    sent["build_parameters"].as_array_mut().expect("a list").push(json!({"name": "method", "value": "patch"}));

    let task = client.post("/task/execute", &sent).await.ok();

    let trigger = trigger(&house, &task).await;
    assert_eq!((&trigger["method"], &trigger["url"]), (&json!("PATCH"), &json!("http://127.0.0.1:9/7.1")));
    assert_eq!(trigger["body"], r#"{"run":"7.1","other":"{{.cds.unknown}}"}"#);
    assert_eq!(trigger["headers"], json!([["content-type", "application/json"]]));
    assert_eq!((&trigger["values"]["Number"], &trigger["values"]["project"]), (&json!("7"), &json!("SHOP")));
    assert_eq!(trigger["applications"], json!(["SHOP"]));
    house.close().await;
}

/// The newest event, once there is one.
async fn published(house: &House) -> Value {
    let events = house.until("/api/v1/events", |events| events["items"][0]["id"].is_string()).await;
    house.json(&format!("/api/v1/events/{}", events["items"][0]["id"].as_str().expect("an id"))).await
}

#[tokio::test]
async fn the_call_is_made_and_what_came_of_it_is_published() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    let client = Client::open(&house);

    let run = run(&receiver.url("/{{.cds.run}}"), r#"{"run":"{{.cds.run}}"}"#);
    let task = client.post("/task/execute", &run).await.ok();

    let event = published(&house).await;
    let call = &receiver.received()[0];
    assert_eq!((call.method.as_str(), call.path.as_str(), call.text()), ("PUT", "/7.1", r#"{"run":"7.1"}"#));
    assert_eq!(call.header("content-type"), "application/json");
    assert_eq!((&event["type"], &event["applications"]), (&json!("TriggerFired"), &json!(["SHOP"])));
    let told = ["status", "Number", "workflow"].map(|name| event["payload"][name].clone());
    assert_eq!(told, ["Success", "7", "build"]);
    let uuid = task["uuid"].as_str().expect("a uuid");
    assert_eq!(super::statuses(&client.executions(uuid).await), ["DONE"]);
    house.close().await;
}

#[tokio::test]
async fn a_run_that_comes_while_another_is_called_for_again_is_called_for_at_once() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    receiver.answer(|call| status(if call.path == "/1" { 500 } else { 200 }));
    let client = Client::open(&house);
    let execute = async |n: &str| {
        let mut run = run(&receiver.url("/{{.cds.run}}"), "{}");
        run["build_parameters"][0]["value"] = json!(n);
        client.post("/task/execute", &run).await.ok()
    };

    let first = execute("1").await;
    let uuid = first["uuid"].as_str().expect("a uuid");
    client.until(uuid, |all| all[0]["nb_errors"] == 1).await;
    let second = execute("2").await;
    receiver.wait_for(2).await;
    house.clock.advance(std::time::Duration::from_mins(2));

    let paths: Vec<_> = receiver.wait_for(3).await.into_iter().map(|call| call.path).collect();
    assert_eq!(paths, ["/1", "/2", "/1"], "each is told its own call");
    assert_ne!(first["uuid"], second["uuid"]);
    house.close().await;
}

#[tokio::test]
async fn a_task_that_is_still_to_call_is_not_told_another_call() {
    let house = quiet_house().await;
    let client = Client::open(&house);
    let told = async |n: i64| {
        let mut run = run("http://127.0.0.1:9/{{.cds.run}}", "{}");
        run["build_parameters"][0]["value"] = json!(n.to_string());
        client.post("/task/execute", &run).await.ok()
    };

    let (first, second, third) = tokio::join!(told(1), told(2), told(3));

    for (n, task) in [(1, &first), (2, &second), (3, &third)] {
        assert_eq!(trigger(&house, task).await["url"], format!("http://127.0.0.1:9/{n}"));
        assert_eq!(task["nb_executions_total"], 1);
    }
    // Once one is over, its task is taken again.
    let execution = &first["executions"][0]["timestamp"];
    let uuid = first["uuid"].as_str().expect("a uuid");
    client.post(&format!("/task/{uuid}/execution/{execution}/stop"), &json!({})).await.done();
    let fourth = told(4).await;
    assert_eq!((&fourth["uuid"], &fourth["nb_executions_total"]), (&first["uuid"], &json!(2)));
    assert_eq!(fourth["executions"].as_array().map(Vec::len), Some(1));
    assert_eq!(trigger(&house, &fourth).await["url"], "http://127.0.0.1:9/4");
    assert_eq!(client.get("/task").await.ok().as_array().map(Vec::len), Some(3));
    house.close().await;
}

#[tokio::test]
async fn what_cannot_be_called_is_refused_and_leaves_nothing() {
    let house = quiet_house().await;
    let client = Client::open(&house);
    let config = "outgoinghook";

    for (run, status, id, part) in [
        (with(["status", ""], json!("Success")), 400, 149, "status"),
        (with(["outgoinghook", ""], Value::Null), 400, 149, "outgoinghook"),
        (with([config, "model_type"], json!("plugin")), 400, 149, "model_type"),
        (with([config, "model_name"], json!("Pigeon")), 400, 149, "model_name"),
        (with([config, "model_name"], json!("Workflow")), 501, 99, "no workflows"),
        (with([config, "method"], json!("CONNECT")), 400, 149, "method"),
        (with([config, "method"], json!("A B")), 400, 149, "method"),
        (with([config, "URL"], json!("")), 400, 149, "URL"),
        (with([config, "URL"], json!("ftp://127.0.0.1/")), 400, 149, "URL"),
        (with([config, "URL"], json!("{{.unknown}}")), 400, 149, "URL"),
        (with([config, "URL"], json!("http://user:password@127.0.0.1/")), 400, 149, "URL"),
        (with([config, "URL"], json!("http://169.254.169.254/")), 422, 149, "--allow-network"),
        (with(["workflow_node_id", ""], json!("x")), 400, 74, "WorkflowNodeRun"),
    ] {
        let told = client.post("/task/execute", &run).await;
        assert!(!told.body.to_string().contains("password@"), "{told:?}");
        told.refused(status, id, part);
    }

    assert_eq!(client.get("/task").await.ok(), json!([]));
    house.close().await;
}

#[tokio::test]
async fn a_run_that_waits_is_called_for_as_one_that_is_built() {
    let house = quiet_house().await;
    let client = Client::open(&house);

    // What CDS's own API sends.
    client.post("/task/execute", &with(["status", ""], json!("Waiting"))).await.ok();

    assert_eq!(client.get("/task").await.ok().as_array().map(Vec::len), Some(1));
    house.close().await;
}

#[tokio::test]
async fn a_run_of_no_workflow_is_called_for_under_the_name_of_its_model() {
    let house = quiet_house().await;
    let client = Client::open(&house);
    let mut run = run("http://127.0.0.1:9/", "{}");
    let config = run["outgoinghook"]["config"].as_object_mut().expect("a config");
    config.retain(|name, _| !["project", "workflow"].contains(&name.as_str()));

    let task = client.post("/task/execute", &run).await.ok();

    let trigger = trigger(&house, &task).await;
    assert_eq!((&trigger["name"], &trigger["applications"]), (&json!("WebHook"), &json!([])));
    house.close().await;
}

#[tokio::test]
async fn a_body_that_its_variables_would_make_too_large_is_refused() {
    let house = quiet_house().await;
    let client = Client::open(&house);
    let mut run = run("http://127.0.0.1:9/", &"{{.x}}".repeat(10_000));
    run["build_parameters"] = json!([{"name": "x", "value": "x".repeat(10_000)}]);

    client.post("/task/execute", &run).await.refused(400, 149, "payload");

    house.close().await;
}

#[tokio::test]
async fn two_owners_of_the_same_run_do_not_share_its_task() {
    let house = quiet_house().await;
    let one = Client::with(&house, token(&house, "one", &[Scope::Publish], &[]));
    let other = Client::with(&house, token(&house, "other", &[Scope::Publish], &[]));
    let run = run("http://127.0.0.1:9/", "{}");

    let (mine, theirs) = (one.post("/task/execute", &run).await.ok(), other.post("/task/execute", &run).await.ok());

    assert_ne!(mine["uuid"], theirs["uuid"]);
    assert_eq!(one.get("/task").await.ok().as_array().map(Vec::len), Some(1));
    house.close().await;
}

#[tokio::test]
async fn a_task_that_calls_is_stopped_and_removed_like_others() {
    let house = quiet_house().await;
    let client = Client::open(&house);
    let task = client.post("/task/execute", &run("http://127.0.0.1:9/", "{}")).await.ok();
    let path = format!("/task/{}", task["uuid"].as_str().expect("a uuid"));

    client.get(&format!("{path}/stop")).await.done();
    client.get("/task/bulk/start").await.done();
    assert_eq!(client.get(&path).await.ok()["stopped"], true, "those that call are passed over");
    client.put(&path).await.done();
    assert_eq!(client.get(&path).await.ok()["nb_executions_total"], 1, "it does not call again");
    client.delete(&path).await.done();

    client.get(&path).await.refused(404, 38, "no such");
    house.close().await;
}
