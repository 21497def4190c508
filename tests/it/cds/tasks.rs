//! `/task`: what comes in goes out again.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Client, UUID, entry, hook, scheduler, told, webhook};
use crate::house::House;

/// A task's config without what is made here.
fn as_it_came(task: &Value) -> Value {
    let mut config = task["config"].clone();
    config.as_object_mut().expect("a config").remove("webHookURL");
    config
}

#[tokio::test]
async fn a_task_is_shown_as_it_came_with_the_url_under_which_it_is_called() {
    let house = House::new().await;
    let client = Client::open(&house);
    let url = house.url(&format!("/webhook/{UUID}"));
    let mut added = webhook(UUID);
    added["config"]["choice"] =
        json!({"value": "a", "configurable": false, "type": "multiple", "multiple_choice_list": ["a", "b"]});

    client.add(&added).await;

    let task = client.task(UUID).await;
    assert_eq!(as_it_came(&task), added["config"]);
    assert_eq!(task["config"]["webHookURL"]["value"], url);
    assert_eq!(task["conditions"], added["conditions"]);
    let rest = json!({
        "uuid": UUID, "type": "Webhook", "stopped": false, "executions": [], "nb_executions_total": 0,
        "nb_executions_todo": 0, "configuration": null,
    });
    for (name, value) in rest.as_object().expect("fields") {
        assert_eq!(&task[name], value, "{name}");
    }
    house.close().await;
}

#[tokio::test]
async fn each_model_becomes_its_type_whichever_way_it_is_named() {
    let house = House::new().await;
    let client = Client::open(&house);

    for (model, task_type, called) in [
        ("WebHook", "Webhook", true),
        ("Webhook", "Webhook", true),
        ("RepositoryWebHook", "RepoWebHook", true),
        ("RepoWebHook", "RepoWebHook", true),
        ("Scheduler", "Scheduler", false),
    ] {
        let uuid = format!("{model}-1");
        client.add(&hook(&uuid, model, &[])).await;
        let task = client.task(&uuid).await;
        assert_eq!(task["type"], task_type);
        assert_eq!(task["config"]["webHookURL"].is_object(), called, "{model}");
        assert_eq!(as_it_came(&task), hook("", model, &[])["config"], "what is as usual is not added");
    }
    house.close().await;
}

#[tokio::test]
async fn a_task_without_a_uuid_gets_one() {
    let house = House::new().await;
    let client = Client::open(&house);

    client.add(&webhook("")).await;
    client.add(&webhook("")).await;

    let tasks = client.get("/task").await.ok();
    let uuids: Vec<_> = tasks.as_array().expect("tasks").iter().map(|task| task["uuid"].as_str()).collect();
    assert_eq!(uuids.len(), 2);
    assert!(uuids.iter().all(|uuid| uuid.is_some_and(|uuid| uuid.len() == 36)) && uuids[0] != uuids[1], "{uuids:?}");
    house.close().await;
}

#[tokio::test]
async fn what_a_task_cannot_be_is_refused_with_400_or_501() {
    let house = House::new().await;
    let client = Client::open(&house);

    for (hook, part) in [
        (hook(UUID, "Scheduler", &[("cron", "soon")]), "cron"),
        (hook(UUID, "Scheduler", &[("cron", "* * * * *"), ("timezone", "Mars/Olympus")]), "timezone"),
        (hook(UUID, "Scheduler", &[("cron", "* * * * *"), ("payload", "[1]")]), "payload"),
        (hook(UUID, "WebHook", &[("method", "TRACE")]), "method"),
        (hook(UUID, "RepositoryWebHook", &[("method", "GET")]), "method"),
        (hook(UUID, "Carrier pigeon", &[]), "hook_model_name"),
        (hook("bulk", "WebHook", &[]), "uuid"),
        (hook("a/b", "WebHook", &[]), "uuid"),
        (json!({}), "hook_model_name"),
    ] {
        client.post("/task", &hook).await.refused(400, 149, part);
    }
    for body in ["", "[", "7", r#"{"config":7}"#, r#"{"config":{"cron":{"value":7}}}"#] {
        let request = client.request(Method::POST, "/task").header("content-type", "application/json");
        told(request.body(body)).await.refused(400, 74, "NodeHook");
    }
    for model in ["Kafka hook", "RabbitMQ hook", "GerritHook", "Git Repository Poller", "Workflow", "Kafka"] {
        client.post("/task", &hook(UUID, model, &[])).await.refused(501, 99, "not here yet");
    }

    assert_eq!(client.get("/task").await.ok(), json!([]));
    house.close().await;
}

#[tokio::test]
async fn a_task_publishes_its_event_for_its_application() {
    let house = House::new().await;
    let client = Client::open(&house);
    client.add(&webhook("usual")).await;
    let own = [("event", "Built"), ("application", "till"), ("colour", "red")];
    client.add(&hook("own", "WebHook", &own)).await;

    for uuid in ["usual", "own"] {
        assert_eq!(house.send(Method::POST, &format!("/webhook/{uuid}"), r#"{"a":1}"#).await.status(), 200);
        client.until(uuid, super::done(1)).await;
    }

    let events = house.json("/api/v1/events").await;
    let told = |n: usize| (events["items"][n]["type"].clone(), events["items"][n]["applications"].clone());
    assert_eq!(told(0), (json!("Built"), json!(["till"])));
    assert_eq!(told(1), (json!("TriggerFired"), json!(["SHOP"])), "its project");
    let path = format!("/api/v1/events/{}", events["items"][0]["id"].as_str().expect("an id"));
    let payload = house.json(&path).await["payload"].clone();
    assert_eq!((&payload["colour"], &payload["a"], &payload["workflow_id"]), (&json!("red"), &json!("1"), &json!("7")));
    for own in ["method", "event", "application", "webHookURL"] {
        assert!(payload.get(own).is_none(), "{own}: {payload}");
    }
    house.close().await;
}

#[tokio::test]
async fn a_trigger_of_another_api_is_a_task_too_and_its_secret_is_never_shown() {
    let house = House::new().await;
    let client = Client::open(&house);
    let secret = "a-secret-that-nobody-is-shown";
    let fields = json!({"kind": "webhook", "name": "n", "method": "PUT", "scheme": "github", "secret": secret,
                        "values": {"colour": "red"}, "application": "till"});
    let made = house.send(Method::POST, "/api/v1/triggers", &fields.to_string()).await;
    assert_eq!(made.status(), 201);
    let made: Value = made.json().await.expect("a trigger");
    let uuid = made["uuid"].as_str().expect("a uuid");

    let task = client.task(uuid).await;

    let values = |name: &str| task["config"][name]["value"].clone();
    assert_eq!(task["type"], "Webhook");
    assert_eq!(["method", "colour", "event", "application"].map(values), ["PUT", "red", "TriggerFired", "till"]);
    assert_eq!(values("webHookURL"), made["url"]);
    assert_eq!(task["conditions"], json!({"plain": null, "lua_script": ""}));
    for path in [format!("/task/{uuid}"), "/task".into(), format!("/task/{uuid}/execution")] {
        assert!(!client.get(&path).await.ok().to_string().contains(secret), "{path}");
    }
    house.close().await;
}

#[tokio::test]
async fn a_task_is_a_trigger_and_what_is_changed_there_is_shown_here() {
    let house = House::new().await;
    let client = Client::open(&house);
    client.add(&scheduler(UUID)).await;
    let path = format!("/api/v1/triggers/{UUID}");
    let trigger = house.json(&path).await;
    assert_eq!((&trigger["kind"], &trigger["name"]), (&json!("scheduler"), &json!("SHOP/build")));

    let changed = json!({"cron": "5 * * * *", "values": {"colour": "red"}, "name": "mine"});
    assert_eq!(house.send(Method::PATCH, &path, &changed.to_string()).await.status(), 200);

    let config = client.task(UUID).await["config"].clone();
    assert_eq!(config["cron"], entry("5 * * * *"), "with its type");
    assert_eq!(config["colour"]["value"], "red");
    assert!(config.get("workflow_id").is_none(), "it was taken away");
    client.add(&scheduler(UUID)).await;
    let trigger = house.json(&path).await;
    assert_eq!((&trigger["cron"], &trigger["name"]), (&json!("* * * * *"), &json!("mine")));
    house.close().await;
}

#[tokio::test]
async fn a_task_that_is_there_is_changed_and_keeps_what_only_another_api_knows() {
    let house = House::new().await;
    let client = Client::open(&house);
    client.add(&hook(UUID, "WebHook", &[("event", "Built")])).await;
    let path = format!("/api/v1/triggers/{UUID}");
    let signed = json!({"scheme": "github", "secret": "0123456789abcdef"}).to_string();
    assert_eq!(house.send(Method::PATCH, &path, &signed).await.status(), 200);
    client.get(&format!("/task/{UUID}/stop")).await.done();

    client.add(&hook(UUID, "WebHook", &[("method", "PUT")])).await;

    let trigger = house.json(&path).await;
    let told = ["method", "event", "scheme", "state"].map(|name| trigger[name].clone());
    assert_eq!(told, ["PUT", "TriggerFired", "github", "started"]);
    assert_eq!(trigger["signed"], true);
    client.post("/task", &scheduler(UUID)).await.refused(400, 149, "kind");
    house.close().await;
}

#[tokio::test]
async fn a_put_starts_a_task_anew_whatever_its_body_says() {
    let house = House::new().await;
    let client = Client::open(&house);
    client.add(&scheduler(UUID)).await;
    let before = client.task(UUID).await;
    client.get(&format!("/task/{UUID}/stop")).await.done();
    assert_eq!(client.task(UUID).await["stopped"], true);

    told(client.request(Method::PUT, &format!("/task/{UUID}")).body("{")).await.done();

    assert_eq!(client.task(UUID).await, before);
    client.put("/task/unknown").await.refused(404, 38, "no such");
    house.close().await;
}

#[tokio::test]
async fn a_task_that_is_removed_is_gone_with_its_executions() {
    let house = House::new().await;
    let client = Client::open(&house);
    client.add(&scheduler(UUID)).await;

    client.delete(&format!("/task/{UUID}")).await.done();

    client.get(&format!("/task/{UUID}")).await.refused(404, 38, "no such");
    client.delete(&format!("/task/{UUID}")).await.refused(404, 38, "no such");
    client.get(&format!("/task/{UUID}/execution")).await.null();
    assert_eq!(client.get("/task").await.ok(), json!([]));
    house.close().await;
}

#[tokio::test]
async fn tasks_survive_a_restart() {
    let mut house = House::new().await;
    house.change(|settings| settings.public_url = Some("https://nyala.example".into()));
    house.stop().await;
    house.start_again().await;
    let client = Client::open(&house);
    client.add(&scheduler("s")).await;
    client.add(&webhook("w")).await;
    let before = client.get("/task").await.ok();

    house.stop().await;
    house.start_again().await;

    let client = Client::open(&house);
    assert_eq!(client.get("/task").await.ok(), before);
    assert_eq!(before[1]["config"]["webHookURL"]["value"], "https://nyala.example/webhook/w");
    house.close().await;
}

// D-29
#[tokio::test]
async fn tasks_are_sorted_by_how_many_executions_they_have() {
    let house = House::new().await;
    let client = Client::open(&house);
    for uuid in ["one", "none", "two"] {
        client.add(&webhook(uuid)).await;
    }
    for uuid in ["two", "one", "two"] {
        assert_eq!(house.send(Method::POST, &format!("/webhook/{uuid}"), "{}").await.status(), 200);
    }
    client.until("one", super::done(1)).await;
    client.until("two", super::done(2)).await;

    for (sort, order) in [
        ("", ["one", "none", "two"]),
        ("?sort=", ["one", "none", "two"]),
        ("?sort=nb_executions_total", ["none", "one", "two"]),
        ("?sort=nb_executions_total:asc", ["none", "one", "two"]),
        ("?sort=nb_executions_todo,nb_executions_total:desc", ["two", "one", "none"]),
        ("?sort=nb_executions_todo:desc", ["one", "none", "two"]),
    ] {
        let tasks = client.get(&format!("/task{sort}")).await.ok();
        let uuids: Vec<_> = tasks.as_array().expect("tasks").iter().map(|task| task["uuid"].clone()).collect();
        assert_eq!(uuids, order, "{sort}");
        assert!(tasks.as_array().is_some_and(|all| all.iter().all(|task| task["executions"].is_null())));
    }
    for sort in ["uuid", "nb_executions_total:up", "nb_executions_total,", ":asc", "nb_executions_total:"] {
        client.get(&format!("/task?sort={sort}")).await.refused(400, 74, "sort");
    }
    house.close().await;
}
