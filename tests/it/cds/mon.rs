//! `/mon` and maintenance.

use nyala::domain::token::Scope;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Client, UUID, told, webhook};
use crate::access::{closed, token};
use crate::house::{House, within};

async fn line(client: &Client<'_>, component: &str) -> (String, String) {
    let told = client.get("/mon/status").await.ok();
    let line = told["lines"].as_array().expect("lines").iter().find(|line| line["component"] == component);
    let text = |name: &str| line.expect("a line")[name].as_str().expect("a text").to_owned();
    (text("status"), text("value"))
}

fn both(status: &str, value: &str) -> (String, String) {
    (status.to_owned(), value.to_owned())
}

async fn maintenance(client: &Client<'_>, enable: &str) -> super::Told {
    told(client.request(Method::POST, &format!("/admin/maintenance?enable={enable}"))).await
}

async fn fire(house: &House, times: usize) {
    for _ in 0..times {
        assert_eq!(house.send(Method::POST, &format!("/webhook/{UUID}"), "{}").await.status(), 200);
    }
}

// D-30
#[tokio::test]
async fn anybody_may_ask_how_it_goes() {
    let house = House::new().await;
    token(&house, "admin", &[Scope::Admin], &[]);
    closed(&house).await;
    let nobody = Client::open(&house);

    let status = nobody.get("/mon/status").await.ok();

    assert!(status["now"].is_string());
    let components: Vec<_> =
        status["lines"].as_array().expect("lines").iter().map(|line| line["component"].clone()).collect();
    assert_eq!(components, ["Queue", "Balance", "MaintenanceQueue", "Maintenance"]);
    let keys: Vec<_> = status["lines"][0].as_object().expect("a line").keys().collect();
    assert_eq!(keys, ["status", "component", "value", "type", "service", "hostname"]);
    let version = nobody.get("/mon/version").await.ok();
    let keys: Vec<_> = version.as_object().expect("a version").keys().collect();
    assert_eq!(keys, ["version", "architecture", "os", "git_hash", "build_time"]);
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
    house.close().await;
}

#[tokio::test]
async fn what_waits_during_maintenance_is_counted_and_becomes_a_warning_and_an_alarm() {
    let house = House::new().await;
    let client = Client::open(&house);
    client.add(&webhook(UUID)).await;
    maintenance(&client, "true").await.done();

    for (more, status) in [(9, "OK"), (1, "WARN"), (89, "WARN"), (1, "AL")] {
        fire(&house, more).await;
        assert_eq!(line(&client, "MaintenanceQueue").await.0, status);
        assert_eq!(line(&client, "Queue").await, line(&client, "MaintenanceQueue").await);
    }
    assert_eq!(line(&client, "Queue").await.1, "100");
    assert_eq!(line(&client, "Balance").await, both("WARN", "100/0"));
    assert_eq!(line(&client, "Maintenance").await.0, "WARN");
    maintenance(&client, "false").await.done();

    let settled = async { while line(&client, "Balance").await != both("OK", "100/100") {} };
    within("all is carried out", settled).await;
    assert_eq!(line(&client, "Queue").await, both("OK", "0"));
    assert_eq!(line(&client, "MaintenanceQueue").await, both("OK", "0"));
    assert_eq!(line(&client, "Maintenance").await, both("OK", "off"));
    house.close().await;
}

#[tokio::test]
async fn tasks_that_are_stopped_are_told_of_and_not_named() {
    let house = House::new().await;
    let client = Client::open(&house);
    for n in 0..25 {
        client.add(&webhook(&format!("capability-{n}"))).await;
    }
    client.get("/task/bulk/stop").await.done();

    let status = client.get("/mon/status").await.ok();

    let stopped = status["lines"].as_array().expect("lines").iter().filter(|line| line["component"] == "Task Stopped");
    let stopped: Vec<_> = stopped.collect();
    assert_eq!(stopped.len(), 20, "not more lines than anybody reads");
    assert_eq!((&stopped[0]["status"], &stopped[0]["value"]), (&json!("WARN"), &json!("a task (1 of 25)")));
    for path in ["/mon/status", "/mon/metrics/all"] {
        let text = client.get(path).await.ok().to_string();
        assert!(!text.contains("capability") && !text.contains("SHOP"), "{text}");
    }
    house.close().await;
}

#[tokio::test]
async fn the_numbers_are_told_as_prometheus_reads_them_and_as_json() {
    let house = House::new().await;
    let client = Client::open(&house);
    client.add(&webhook(UUID)).await;
    client.add(&webhook("stopped")).await;
    client.get("/task/stopped/stop").await.done();
    maintenance(&client, "1").await.done();
    fire(&house, 3).await;

    let answer = house.get("/mon/metrics").await;

    assert_eq!(answer.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    let text = answer.text().await.expect("a text");
    for line in [
        "# TYPE nyala_executions_waiting gauge",
        "nyala_executions_waiting 3",
        "nyala_executions_doing 0",
        "nyala_triggers{state=\"started\"} 1",
        "nyala_triggers{state=\"stopped\"} 1",
        "nyala_maintenance 1",
    ] {
        assert!(text.lines().any(|own| own == line), "{line}: {text}");
    }
    let all = client.get("/mon/metrics/all").await.ok();
    let names: Vec<_> = all.as_array().expect("a list").iter().map(|family| family["name"].clone()).collect();
    let told: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("# HELP ")?.split(' ').next()).collect();
    assert_eq!(names, told);
    assert_eq!(all[0]["metric"], json!([{"label": [], "gauge": {"value": 3}}]));
    assert_eq!(all[2]["metric"][1]["label"], json!([{"name": "state", "value": "stopped"}]));
    house.close().await;
}

#[tokio::test]
async fn maintenance_is_switched_by_admins_in_every_form_that_go_reads() {
    let house = House::new().await;
    let admin = Client::with(&house, token(&house, "admin", &[Scope::Admin], &[]));
    let publisher = Client::with(&house, token(&house, "ci", &[Scope::Publish], &[]));
    let is_on = async || told(admin.request(Method::GET, "/api/v1/maintenance")).await.ok()["enabled"] == true;

    for [on, off] in [["1", "0"], ["t", "f"], ["T", "F"], ["true", "false"], ["TRUE", "FALSE"], ["True", "False"]] {
        maintenance(&admin, on).await.done();
        assert!(is_on().await, "{on}");
        maintenance(&admin, off).await.done();
        assert!(!is_on().await, "{off}");
    }
    for wrong in ["", "yes", "tRUE", "2", "on"] {
        maintenance(&admin, wrong).await.refused(400, 74, "enable");
    }
    told(admin.request(Method::POST, "/admin/maintenance")).await.refused(400, 74, "enable");
    maintenance(&publisher, "true").await.refused(403, 11, "scope admin");

    assert!(!is_on().await);
    house.close().await;
}

#[tokio::test]
async fn a_status_is_told_of_a_house_with_nothing_in_it() {
    let house = House::new().await;
    let client = Client::open(&house);

    assert_eq!(line(&client, "Balance").await, both("OK", "0/0"));
    let all: Value = client.get("/mon/metrics/all").await.ok();

    let zero =
        |family: &Value| family["metric"].as_array().is_some_and(|all| all.iter().all(|m| m["gauge"]["value"] == 0));
    assert!(all.as_array().expect("a list").iter().all(zero), "{all}");
    house.close().await;
}
