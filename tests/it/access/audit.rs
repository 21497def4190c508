//! Who did what, and from where.

use std::time::Duration;

use nyala::domain::token::Scope;
use reqwest::Method;
use serde_json::{Value, json};

use super::{hook, json, listed, send, status, token};
use crate::house::House;
use crate::receiver::Receiver;

#[tokio::test]
async fn each_change_is_on_record_with_who_made_it_and_from_where() {
    let receiver = Receiver::new().await;
    let house = House::new().await;
    let admin = token(&house, "admin", &[Scope::Admin], &[]);
    let made = hook(&house, &admin, &json!({"url": receiver.url("/"), "event": "E"})).await;
    let path = format!("/api/v1/hooks/{}", made["id"]);
    let fields = r#"{"description":"d","url":"https://example.com/PATHSECRET"}"#;

    assert_eq!(status(&house, &admin, Method::PATCH, &path, fields).await, 200);
    for act in ["pause", "resume"] {
        assert_eq!(status(&house, &admin, Method::POST, &format!("{path}/{act}"), "").await, 200);
    }
    assert_eq!(status(&house, &admin, Method::DELETE, &path, "").await, 204);

    let log = json(&house, &admin, "/api/v1/audit").await;
    let expected = ["hook.removed", "hook.resumed", "hook.paused", "hook.changed", "hook.created", "token.created"];
    assert_eq!(listed(&log, "action"), expected);
    let changed = &log["items"][3];
    assert_eq!(changed["actor"], json!({"name": "admin", "token": 1, "address": "127.0.0.1"}));
    assert_eq!((&changed["object"], &changed["detail"]), (&json!(made["id"].to_string()), &json!("description, url")));
    assert_eq!(log["items"][5]["actor"]["name"], "command line");
    assert!(!log.to_string().contains("PATHSECRET"));
    house.close().await;
}

#[tokio::test]
async fn who_read_or_rotated_a_secret_is_on_record_and_the_secret_is_not() {
    let house = House::new().await;
    let mine = token(&house, "mine", &[Scope::Subscribe], &[]);
    let admin = token(&house, "admin", &[Scope::Admin], &[]);
    let made = hook(&house, &mine, &json!({"url": "http://127.0.0.1:1/", "event": "E"})).await;
    let path = format!("/api/v1/hooks/{}/secret", made["id"]);

    let read = json(&house, &mine, &path).await;
    let rotated = send(&house, &admin, Method::POST, &format!("{path}/rotate"), "").await;
    let rotated: Value = rotated.json().await.expect("a secret");

    assert_eq!(read["secret"], made["secret"]);
    let log = json(&house, &admin, &format!("/api/v1/audit?object={}", made["id"])).await;
    assert_eq!(listed(&log, "action"), ["secret.rotated", "secret.read", "hook.created"]);
    let names: Vec<_> = listed(&log, "actor").iter().map(|actor| actor["name"].clone()).collect();
    assert_eq!(names, ["admin", "mine", "mine"]);
    for secret in [&made["secret"], &rotated["secret"]] {
        assert!(!log.to_string().contains(&secret.as_str().expect("a text")["whsec_".len()..]), "{log}");
    }
    house.close().await;
}

#[tokio::test]
async fn what_was_refused_is_not_on_record() {
    let house = House::new().await;
    let admin = token(&house, "admin", &[Scope::Admin], &[]);
    let body = json!({"url": "http://127.0.0.1:1/", "event": "E"}).to_string();
    let made: Value = send(&house, &admin, Method::POST, "/api/hooks", &body).await.json().await.expect("a hook");
    let before = listed(&json(&house, &admin, "/api/v1/audit").await, "action");

    assert_eq!(send(&house, &admin, Method::POST, "/api/hooks", &body).await.status(), 201, "the same one again");
    assert_eq!(status(&house, &admin, Method::DELETE, "/api/v1/hooks/999", "").await, 404);
    let path = format!("/api/v1/hooks/{}", made["id"]);
    assert_eq!(status(&house, &admin, Method::PATCH, &path, r#"{"events":[]}"#).await, 400);

    assert_eq!(listed(&json(&house, &admin, "/api/v1/audit").await, "action"), before);
    house.close().await;
}

#[tokio::test]
async fn the_log_is_looked_through_by_action_object_actor_and_time() {
    let house = House::new().await;
    let admin = token(&house, "admin", &[Scope::Admin], &[]);
    let fields = json!({"url": "http://127.0.0.1:1/", "event": "E"});
    let first = hook(&house, &admin, &fields).await;
    house.clock.advance(Duration::from_mins(1));
    let second = hook(&house, &admin, &fields).await;

    let objects = async |query: &str| listed(&json(&house, &admin, &format!("/api/v1/audit?{query}")).await, "object");
    assert_eq!(objects("action=hook.created").await, [second["id"].to_string(), first["id"].to_string()]);
    assert_eq!(objects(&format!("object={}", first["id"])).await, [first["id"].to_string()]);
    assert_eq!(objects("actor=command%20line").await, ["admin"]);
    assert_eq!(objects("since=2023-11-14T22:13:50Z").await, [second["id"].to_string()]);
    assert_eq!(objects("until=2023-11-14T22:13:50Z&action=hook.created").await, [first["id"].to_string()]);
    let page = json(&house, &admin, "/api/v1/audit?limit=2").await;
    let next = page["next"].as_str().expect("a cursor");
    assert_eq!(objects(&format!("limit=2&cursor={next}")).await, ["admin"]);
    assert_eq!(status(&house, &admin, Method::GET, "/api/v1/audit?action=x", "").await, 400);
    house.close().await;
}

#[tokio::test]
async fn the_log_is_kept_as_long_as_a_setting_says() {
    let house = House::with(|settings| settings.retention.audit = "1h".parse().expect("an age")).await;
    let admin = token(&house, "admin", &[Scope::Admin], &[]);
    hook(&house, &admin, &json!({"url": "http://127.0.0.1:1/", "event": "E"})).await;

    house.clock.advance(Duration::from_mins(61));

    let emptied = async {
        while !listed(&json(&house, &admin, "/api/v1/audit").await, "action").is_empty() {
            house.clock.advance(Duration::from_secs(15));
            tokio::task::yield_now().await;
        }
    };
    crate::house::within("the log is forgotten", emptied).await;
    house.close().await;
}

#[tokio::test]
async fn what_the_server_does_by_itself_is_on_record_with_its_reason() {
    let receiver = Receiver::new().await;
    receiver.answer(|_| crate::receiver::status(410));
    let house = House::new().await;
    let admin = token(&house, "admin", &[Scope::Admin], &[]);
    let gone = hook(&house, &admin, &json!({"url": receiver.url("/"), "event": "E"})).await;

    assert_eq!(status(&house, &admin, Method::POST, "/api/hooks/publish/E", "{}").await, 200);

    let removed = async {
        loop {
            let log = json(&house, &admin, "/api/v1/audit?action=hook.removed").await;
            match log["items"].as_array().expect("items").first() {
                Some(entry) => return entry.clone(),
                None => tokio::task::yield_now().await,
            }
        }
    };
    let entry = crate::house::within("the hook is removed", removed).await;
    assert_eq!(entry["actor"], json!({"name": "nyala", "token": null, "address": null}));
    assert_eq!(
        (&entry["object"], &entry["detail"]),
        (&json!(gone["id"].to_string()), &json!("its receiver answered 410 Gone"))
    );
    house.close().await;
}

#[tokio::test]
async fn the_log_is_for_admins_of_all_applications_alone() {
    let house = House::new().await;
    let bound = token(&house, "bound", &[Scope::Admin], &["shop"]);

    assert_eq!(status(&house, &bound, Method::GET, "/api/v1/audit", "").await, 403);
    house.close().await;
}
