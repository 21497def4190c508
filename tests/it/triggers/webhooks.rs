//! Whoever knows its URL fires a webhook.

use reqwest::Method;
use serde_json::json;

use super::{calling, executions, fire, over, path, payload, published, sent, trigger, webhook};
use crate::house::House;
use crate::receiver::Receiver;

#[tokio::test]
async fn a_call_is_on_disk_when_it_is_answered_and_becomes_one_event_that_a_hook_gets() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    house.subscribe(&receiver.url("/"), "TriggerFired").await;
    let trigger = webhook(&house).await;

    let answer = fire(&house, &trigger, r#"{"test":"hereisatest"}"#).await;
    let got = receiver.wait_for(1).await;
    let done = over(&house, &trigger, 1).await;

    assert_eq!((&answer["status"], &answer["type"]), (&json!("SCHEDULED"), &json!("Webhook")));
    assert_eq!((&done[0]["result"], &done[0]["errors"]), (&json!("published"), &json!(0)));
    let body: serde_json::Value = serde_json::from_slice(&got[0].body).expect("JSON");
    assert_eq!(body["test"], "hereisatest");
    assert_eq!(body["payload"], r#"{"test":"hereisatest"}"#);
    assert_eq!(body["nyala.execution"], done[0]["id"]);
    assert_eq!((got[0].header("nyala-event"), got[0].header("nyala-hops")), ("TriggerFired", "1"));
    house.close().await;
}

#[tokio::test]
async fn the_query_of_a_call_without_a_body_is_told() {
    let house = House::new().await;
    let trigger = trigger(&house, &json!({"kind": "webhook", "name": "build", "method": "GET"})).await;
    let query = "branch=master&hash=123456789&message=monmessage&author=sguiheux";

    let url = format!("{}?{query}", trigger["url"].as_str().expect("a URL"));
    let answer = sent(house.client.get(url)).await;
    let done = over(&house, &trigger, 1).await;

    assert_eq!(answer.status(), 200);
    let told = payload(&house, &done[0]).await;
    assert_eq!(told["branch"], "master");
    assert_eq!((&told["hash"], &told["message"]), (&json!("123456789"), &json!("monmessage")));
    assert_eq!((&told["author"], &told["payload"]), (&json!("sguiheux"), &json!(query)));
    assert_eq!(told["cds.triggered_by.username"], "cds.webhook");
    house.close().await;
}

#[tokio::test]
async fn a_trigger_is_fired_by_its_own_method_alone() {
    let house = House::new().await;
    let methods = [Method::GET, Method::POST, Method::PUT, Method::DELETE];

    for own in &methods {
        let trigger = trigger(&house, &json!({"kind": "webhook", "name": "m", "method": own.as_str()})).await;
        let url = trigger["url"].as_str().expect("a URL");
        for method in methods.iter().chain([&Method::PATCH, &Method::HEAD]) {
            let answer = sent(house.client.request(method.clone(), url)).await;
            let expected = if method == own { 200 } else { 405 };
            assert_eq!(answer.status(), expected, "{method} of {own}");
            if expected == 405 && method != Method::PATCH {
                assert_eq!(answer.headers()["allow"], own.as_str());
            }
        }
        over(&house, &trigger, 1).await;
    }
    let nobody = sent(house.client.post(house.url("/webhook/11111111-2222-3333-4444-555555555555"))).await;
    assert_eq!(nobody.status(), 404);
    let envelope: serde_json::Value = nobody.json().await.expect("JSON");
    assert_eq!(envelope["id"], 38);
    house.close().await;
}

#[tokio::test]
async fn a_body_of_more_than_a_mebibyte_is_refused_and_nothing_is_kept() {
    let house = House::with(|settings| settings.max_body = 8 << 20).await;
    let trigger = webhook(&house).await;

    let large = sent(calling(&house, &trigger).body(vec![b'a'; (1 << 20) + 1])).await;
    let largest = sent(calling(&house, &trigger).body(vec![b'a'; 1 << 20])).await;

    assert_eq!((large.status().as_u16(), largest.status().as_u16()), (413, 200));
    let done = over(&house, &trigger, 1).await;
    assert_eq!(payload(&house, &done[0]).await["payload"].as_str().map(str::len), Some(1 << 20));
    house.close().await;
}

#[tokio::test]
async fn what_comes_faster_than_its_rate_is_told_when_to_come_again() {
    let house = House::new().await;
    let trigger = trigger(&house, &json!({"kind": "webhook", "name": "r", "rate_limit": 2})).await;

    for _ in 0..2 {
        fire(&house, &trigger, "{}").await;
    }
    let refused = sent(calling(&house, &trigger)).await;
    house.clock.advance(std::time::Duration::from_secs(1));
    fire(&house, &trigger, "{}").await;

    assert_eq!((refused.status().as_u16(), &refused.headers()["retry-after"]), (429, &"1".parse().expect("a header")));
    over(&house, &trigger, 3).await;
    house.close().await;
}

#[tokio::test]
async fn what_came_in_is_kept_to_the_byte_without_its_secrets() {
    let house = House::new().await;
    let trigger = webhook(&house).await;

    let request = calling(&house, &trigger).header("x-gitlab-token", "topsecret").header("x-colour", "red");
    sent(request.bearer_auth("topsecret").body(b"\xff\x00binary".to_vec())).await;
    let done = over(&house, &trigger, 1).await;
    let id = done[0]["id"].as_str().expect("an id");
    let whole = house.json(&format!("{}/executions/{id}", path(&trigger))).await;

    assert_eq!(whole["request"]["body_base64"], "/wBiaW5hcnk=");
    let headers = whole["request"]["headers"].to_string();
    assert!(headers.contains(r#"["x-colour","red"]"#) && headers.contains(r#"["x-gitlab-token","***"]"#), "{headers}");
    assert!(!whole.to_string().contains("topsecret"));
    let told = payload(&house, &done[0]).await;
    assert_eq!((&told["payload"], &told["payload.encoding"]), (&json!("/wBiaW5hcnk="), &json!("base64")));
    house.close().await;
}

#[tokio::test]
async fn nobody_tells_a_trigger_its_own_name() {
    let house = House::new().await;
    let trigger = webhook(&house).await;

    fire(&house, &trigger, r#"{"nyala.trigger":"another","nyala":{"execution":"exe_9"}}"#).await;
    let done = over(&house, &trigger, 1).await;

    let told = payload(&house, &done[0]).await;
    assert_eq!((&told["nyala.trigger"], &told["nyala.execution"]), (&json!("build"), &done[0]["id"]));
    house.close().await;
}

#[tokio::test]
async fn a_stopped_trigger_records_what_fires_it_and_skips_it_with_the_reason() {
    let house = House::new().await;
    let trigger = webhook(&house).await;
    let stopped = house.send(Method::POST, &format!("{}/stop", path(&trigger)), "").await;
    assert_eq!(stopped.json::<serde_json::Value>().await.expect("a trigger")["state"], "stopped");

    fire(&house, &trigger, "{}").await;
    let skipped = over(&house, &trigger, 1).await;
    house.send(Method::POST, &format!("{}/start", path(&trigger)), "").await;
    fire(&house, &trigger, "{}").await;
    let done = over(&house, &trigger, 2).await;

    assert_eq!(skipped[0]["result"], "skipped");
    assert_eq!(skipped[0]["error"], "Executions skipped: Task has been stopped");
    assert_eq!(done[0]["result"], "published");
    assert_eq!(published(&house, "TriggerFired").await, 1);
    house.close().await;
}

#[tokio::test]
async fn a_person_fires_a_trigger_without_its_url() {
    let house = House::new().await;
    let trigger = trigger(&house, &json!({"kind": "webhook", "name": "b", "secret": "long enough"})).await;

    let fired = house.send(Method::POST, &format!("{}/fire", path(&trigger)), r#"{"by":"hand"}"#).await;
    assert_eq!(fired.status(), 202);
    let location = fired.headers()["location"].to_str().expect("text").to_owned();
    let done = over(&house, &trigger, 1).await;

    assert_eq!(payload(&house, &done[0]).await["by"], "hand");
    assert_eq!(house.json(&location).await["id"], done[0]["id"]);
    let audit = house.json("/api/v1/audit?action=trigger.fired").await;
    assert_eq!(audit["items"][0]["object"], trigger["uuid"]);
    house.close().await;
}

#[tokio::test]
async fn a_removed_trigger_takes_its_executions_along_and_leaves_its_events() {
    let house = House::new().await;
    let trigger = webhook(&house).await;
    fire(&house, &trigger, "{}").await;
    executions(&house, &trigger, |items| items.iter().all(|item| item["status"] == "DONE")).await;

    let removed = house.send(Method::DELETE, &path(&trigger), "").await;

    assert_eq!(removed.status(), 204);
    assert_eq!(house.get(&path(&trigger)).await.status(), 404);
    assert_eq!(house.get(&format!("{}/executions", path(&trigger))).await.status(), 404);
    assert_eq!(sent(calling(&house, &trigger)).await.status(), 404);
    assert_eq!(published(&house, "TriggerFired").await, 1);
    house.close().await;
}
