//! `/task/bulk`: what CDS keeps in step, many at once.

use nyala::domain::token::Scope;
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::{Client, UUID, entry, hook, scheduler, told, webhook};
use crate::access::token;
use crate::house::House;

fn uuids(tasks: &Value) -> Vec<&str> {
    tasks.as_array().expect("tasks").iter().map(|task| task["uuid"].as_str().expect("a uuid")).collect()
}

#[tokio::test]
async fn many_are_added_and_answered_with_the_urls_under_which_they_are_called() {
    let house = House::new().await;
    let client = Client::open(&house);
    let named = |n: i32| format!("w{n:03}");
    let mut sent: Map<_, _> = (0..250).map(|n| (named(n), webhook(&named(n)))).collect();
    sent.insert("s".into(), scheduler("s"));
    sent.insert("by-its-key".into(), webhook(""));
    let sent = Value::Object(sent);

    let told = client.post("/task/bulk", &sent).await.ok();

    assert_eq!(told["s"], sent["s"], "nobody calls it");
    assert_eq!(told["by-its-key"]["uuid"], "by-its-key");
    let mut first = told["w000"].clone();
    let url = first["config"].as_object_mut().expect("a config").remove("webHookURL").expect("a URL");
    assert_eq!(url["value"], house.url("/webhook/w000"));
    assert_eq!(first, sent["w000"], "as it came besides");
    let tasks = client.get("/task").await.ok();
    assert_eq!(uuids(&tasks).len(), 252);
    // What is answered may be sent again.
    assert_eq!(client.post("/task/bulk", &told).await.ok(), told);
    assert_eq!(client.get("/task").await.ok(), tasks);
    house.close().await;
}

#[tokio::test]
async fn those_that_are_there_are_changed_and_started() {
    let house = House::new().await;
    let client = Client::open(&house);
    client.add(&scheduler(UUID)).await;
    client.get(&format!("/task/{UUID}/stop")).await.done();
    let hourly = hook(UUID, "Scheduler", &[("cron", "30 * * * *")]);

    client.post("/task/bulk", &json!({ UUID: hourly, "new": webhook("new") })).await.ok();

    let task = client.task(UUID).await;
    assert_eq!((&task["stopped"], &task["config"]["cron"]), (&json!(false), &entry("30 * * * *")));
    let executions = task["executions"].as_array().expect("executions");
    assert_eq!(executions.len(), 1, "what was scheduled before is not");
    assert_eq!(executions[0]["timestamp"].as_i64().expect("a number") / 60_000_000_000 % 60, 30);
    assert_eq!(client.task("new").await["type"], "Webhook");
    house.close().await;
}

#[tokio::test]
async fn where_one_is_wrong_none_is_kept() {
    let house = House::new().await;
    let client = Client::open(&house);
    let wrong = hook("z", "Scheduler", &[("cron", "soon")]);

    client.post("/task/bulk", &json!({"a": webhook("a"), "z": wrong})).await.refused(400, 149, "cron");
    client.post("/task/bulk", &json!({"a": webhook("a"), "b": webhook("a")})).await.refused(400, 149, "twice");
    client
        .post("/task/bulk", &json!({"a": webhook("a"), "k": hook("k", "Kafka hook", &[])}))
        .await
        .refused(501, 99, "");
    client.post("/task/bulk", &json!([])).await.refused(400, 74, "by uuid");
    client.post("/task/bulk", &json!({"a": 7})).await.refused(400, 74, "a cannot be read");

    assert_eq!(client.get("/task").await.ok(), json!([]));
    assert_eq!(client.post("/task/bulk", &json!({})).await.ok(), json!({}));
    house.close().await;
}

#[tokio::test]
async fn those_that_are_named_are_removed_and_others_stay() {
    let house = House::new().await;
    let client = Client::open(&house);
    for uuid in ["a", "b", "c"] {
        client.add(&webhook(uuid)).await;
    }
    let named = json!({"a": webhook("a"), "by key": webhook("b"), "unknown": webhook("unknown")});

    told(client.request(Method::DELETE, "/task/bulk").json(&named)).await.done();

    assert_eq!(uuids(&client.get("/task").await.ok()), ["c"]);
    told(client.request(Method::DELETE, "/task/bulk")).await.refused(400, 74, "by uuid");
    house.close().await;
}

#[tokio::test]
async fn what_is_somebody_elses_is_neither_changed_nor_removed() {
    let house = House::new().await;
    let admin = Client::with(&house, token(&house, "admin", &[Scope::Admin], &[]));
    let other = Client::with(&house, token(&house, "other", &[Scope::Publish], &[]));
    admin.add(&scheduler(UUID)).await;
    let before = admin.task(UUID).await;

    other.post("/task", &webhook(UUID)).await.refused(409, 74, "taken");
    other.post("/task/bulk", &json!({"a": webhook("a"), UUID: webhook(UUID)})).await.refused(409, 74, "taken");
    told(other.request(Method::DELETE, "/task/bulk").json(&json!({ UUID: webhook(UUID) }))).await.done();
    other.get("/task/bulk/stop").await.done();
    other.get(&format!("/task/{UUID}")).await.refused(404, 38, "no such");

    assert_eq!(other.get("/task").await.ok(), json!([]));
    assert_eq!(admin.task(UUID).await, before);
    house.close().await;
}

#[tokio::test]
async fn a_token_that_is_bound_has_tasks_of_its_own_applications() {
    let house = House::new().await;
    let bound = Client::with(&house, token(&house, "bound", &[Scope::Publish], &["SHOP", "till"]));
    let one = Client::with(&house, token(&house, "one", &[Scope::Publish], &["till"]));

    bound.add(&webhook("project")).await;
    bound.add(&hook("application", "WebHook", &[("application", "till")])).await;
    bound.post("/task", &hook("other", "WebHook", &[("application", "bank")])).await.refused(403, 11, "only those");
    one.add(&webhook("its-only-one")).await;

    let application = async |client: &Client<'_>, uuid: &str| {
        let request = client.request(Method::GET, &format!("/api/v1/triggers/{uuid}"));
        told(request).await.ok()["applications"].clone()
    };
    assert_eq!(application(&bound, "project").await, json!(["SHOP"]));
    assert_eq!(application(&bound, "application").await, json!(["till"]));
    assert_eq!(application(&one, "its-only-one").await, json!(["till"]));
    house.close().await;
}
