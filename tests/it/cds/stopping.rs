//! Starting and stopping, by GETs that change something.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use super::{Client, UUID, scheduler, statuses, told, webhook};
use crate::house::House;

// D-27
#[tokio::test]
async fn what_fires_a_task_that_is_stopped_is_recorded_and_skipped() {
    let house = House::new().await;
    let client = Client::open(&house);
    client.add(&webhook(UUID)).await;
    client.get(&format!("/task/{UUID}/stop")).await.done();

    assert_eq!(house.send(Method::POST, &format!("/webhook/{UUID}"), "{}").await.status(), 200);

    let executions = client.until(UUID, super::done(1)).await;
    assert_eq!(executions[0]["last_error"], "Executions skipped: Task has been stopped");
    assert_eq!(client.task(UUID).await["stopped"], true);
    assert_eq!(house.json("/api/v1/events").await["items"], json!([]));
    client.get(&format!("/task/{UUID}/start")).await.done();
    assert_eq!(client.task(UUID).await["stopped"], false);
    for path in ["/task/unknown/start", "/task/unknown/stop"] {
        client.get(path).await.refused(404, 38, "no such");
    }
    house.close().await;
}

#[tokio::test]
async fn a_scheduler_that_is_started_again_fires_again() {
    let house = House::new().await;
    let client = Client::open(&house);
    client.add(&scheduler(UUID)).await;
    client.get(&format!("/task/{UUID}/stop")).await.done();
    house.clock.advance(Duration::from_secs(70));
    let skipped = client.until(UUID, super::done(1)).await;
    assert_eq!(skipped[0]["last_error"], "Executions skipped: Task has been stopped");

    client.get(&format!("/task/{UUID}/start")).await.done();
    house.clock.advance(Duration::from_mins(1));

    client.until(UUID, |all| statuses(all) == ["SCHEDULED", "DONE", "DONE"]).await;
    assert_eq!(house.json("/api/v1/events").await["items"].as_array().map(Vec::len), Some(1));
    house.close().await;
}

#[tokio::test]
async fn all_tasks_are_stopped_and_started_at_once() {
    let house = House::new().await;
    let client = Client::open(&house);
    // More than are stopped in one go.
    for n in 0..120 {
        client.add(&webhook(&format!("task-{n}"))).await;
    }
    let stopped = async || {
        let tasks = client.get("/task").await.ok();
        tasks.as_array().expect("tasks").iter().filter(|task| task["stopped"] == true).count()
    };

    client.get("/task/bulk/stop").await.done();
    assert_eq!(stopped().await, 120);
    client.get("/task/bulk/start").await.done();
    assert_eq!(stopped().await, 0);

    house.close().await;
}

#[tokio::test]
async fn a_page_of_another_site_cannot_make_a_browser_start_or_stop_anything() {
    let house = House::new().await;
    let client = Client::open(&house);
    client.add(&webhook(UUID)).await;
    let asked =
        async |path: &str, site: &str| told(client.request(Method::GET, path).header("sec-fetch-site", site)).await;

    let paths = [format!("/task/{UUID}/stop"), format!("/task/{UUID}/start"), "/task/bulk/stop".into()];
    for path in paths.iter().map(String::as_str).chain(["/task/bulk/start"]) {
        for site in ["cross-site", "same-site", "elsewhere"] {
            asked(path, site).await.refused(403, 11, "another site");
        }
        assert_eq!(client.task(UUID).await["stopped"], false, "{path}");
    }

    asked(&paths[0], "same-origin").await.done();
    assert_eq!(client.task(UUID).await["stopped"], true);
    asked(&paths[1], "none").await.done();
    assert_eq!(client.task(UUID).await["stopped"], false);
    assert_eq!(asked(&format!("/task/{UUID}"), "cross-site").await.status, 200, "who only looks changes nothing");
    house.close().await;
}

#[tokio::test]
async fn who_only_asks_for_headers_changes_nothing() {
    let house = House::new().await;
    let client = Client::open(&house);
    client.add(&webhook(UUID)).await;

    for path in [format!("/task/{UUID}/stop"), "/task/bulk/stop".into()] {
        assert_eq!(told(client.request(Method::HEAD, &path)).await.status, 405, "{path}");
    }

    assert_eq!(client.task(UUID).await["stopped"], false);
    house.close().await;
}
