//! Who is asked.

use reqwest::Method;
use rusqlite::Connection;
use serde_json::{Value, json};

use super::{ask, asking, decided, decision, hook, hooks, on_deploy, text};
use crate::house::House;
use crate::receiver::Receiver;

async fn patch(house: &House, hook: u64, fields: &Value) -> u16 {
    house.send(Method::PATCH, &format!("/api/v1/hooks/{hook}"), &fields.to_string()).await.status().as_u16()
}

#[tokio::test]
async fn hooks_are_asked_for_their_events_that_begin_with_pre_unless_they_say_otherwise() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    let table = [
        (json!({"event": "pre-deploy"}), &["pre-deploy"][..]),
        (json!({"event": "PRE-Deploy", "gate": null}), &["pre-deploy"]),
        (json!({"events": ["deploy", "pre-deploy"]}), &["pre-deploy"]),
        (json!({"events": ["deploy", "pre-deploy"], "gate": true}), &["deploy", "pre-deploy"]),
        (json!({"event": "deploy", "gate": true}), &["deploy"]),
        (json!({"event": "*", "gate": true}), &["deploy", "pre-deploy"]),
        (json!({"event": "*"}), &[]),
        (json!({"event": "*", "gate": false}), &[]),
        (json!({"event": "pre-deploy", "gate": false}), &[]),
        (json!({"event": "deploy"}), &[]),
        (json!({"event": "pre-deployment"}), &[]),
    ];
    let mut made = vec![];
    for (fields, asked) in &table {
        let mut fields = fields.clone();
        fields["url"] = json!(receiver.url("/"));
        made.push((hook(&house, &fields).await, asked));
    }

    for event in ["deploy", "pre-deploy"] {
        let gate = ask(&house, event).await;
        let expected: Vec<_> = made.iter().filter(|(_, asked)| asked.contains(&event)).map(|(id, _)| *id).collect();
        assert_eq!(hooks(&gate), expected, "{event}");
        assert_eq!((&gate["event"], &gate["state"]), (&json!(event), &json!("approved")));
    }
    assert_eq!(receiver.received().len(), 3 + 5, "each who is asked, and nobody else");
    house.close().await;
}

#[tokio::test]
async fn whom_nobody_wants_to_be_asked_for_is_approved_at_once() {
    let house = House::new().await;

    let gate = ask(&house, "pre-deploy").await;

    assert_eq!((&gate["state"], &gate["decisions"], &gate["work_id"]), (&json!("approved"), &json!([]), &Value::Null));
    assert_eq!(gate["closed_at"], gate["asked_at"]);
    house.close().await;
}

#[tokio::test]
async fn only_hooks_of_the_applications_that_it_is_about_are_asked() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    let of = |names: &[&str]| json!({"url": receiver.url("/"), "event": "pre-deploy", "applications": names});
    let shop = hook(&house, &of(&["shop"])).await;
    let till = hook(&house, &of(&["till", "stock"])).await;
    let any = on_deploy(&house, &receiver.url("/any")).await;

    let table = [
        ("pre-deploy?application=shop", vec![shop, any]),
        ("pre-deploy?application=stock", vec![till, any]),
        ("pre-deploy?application=shop&application=till", vec![shop, till, any]),
        ("pre-deploy?application=other", vec![any]),
        ("pre-deploy", vec![any]),
    ];
    for (what, expected) in table {
        assert_eq!(hooks(&ask(&house, what).await), expected, "{what}");
    }
    let gate = decided(asking(&house, "pre-deploy", "{}").header("nyala-application", "shop")).await;
    assert_eq!((hooks(&gate), &gate["applications"]), (vec![shop, any], &json!(["shop"])));
    house.close().await;
}

#[tokio::test]
async fn a_change_of_a_hook_changes_at_once_who_is_asked() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    let id = hook(&house, &json!({"url": receiver.url("/"), "event": "deploy"})).await;
    let steps = [
        (json!({"gate": true}), "deploy", true),
        (json!({"gate": null}), "deploy", false),
        (json!({"events": ["pre-deploy"]}), "pre-deploy", true),
        (json!({"gate": false}), "pre-deploy", false),
        (json!({"gate": true, "events": ["*"]}), "whatever", true),
        (json!({"applications": ["shop"]}), "whatever", false),
        (json!({"applications": []}), "whatever", true),
        (json!({"gate": null}), "whatever", false),
        (json!({"gate": null}), "pre-deploy", false),
    ];

    for (fields, event, asked) in steps {
        assert_eq!(patch(&house, id, &fields).await, 200, "{fields}");
        assert_eq!(hooks(&ask(&house, event).await), if asked { vec![id] } else { vec![] }, "{fields}");
    }
    house.close().await;
}

#[tokio::test]
async fn a_removed_hook_is_not_asked() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    let id = on_deploy(&house, &receiver.url("/")).await;
    assert_eq!(house.send(Method::DELETE, &format!("/api/v1/hooks/{id}"), "").await.status(), 204);

    assert_eq!(hooks(&ask(&house, "pre-deploy").await), [0; 0]);

    assert_eq!(receiver.received().len(), 0);
    house.close().await;
}

#[tokio::test]
async fn a_hook_that_a_person_has_paused_is_silent_and_says_how_to_go_on() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    let id = on_deploy(&house, &receiver.url("/")).await;
    assert_eq!(house.send(Method::POST, &format!("/api/v1/hooks/{id}/pause"), "").await.status(), 200);

    let denied = ask(&house, "pre-deploy").await;
    assert_eq!(patch(&house, id, &json!({"on_silence": "allow"})).await, 200);
    let allowed = ask(&house, "pre-deploy").await;
    assert_eq!(receiver.received().len(), 0, "it gets nothing");
    assert_eq!(house.send(Method::POST, &format!("/api/v1/hooks/{id}/resume"), "").await.status(), 200);
    let asked = ask(&house, "pre-deploy").await;

    let of = |gate: &Value| (gate["state"].clone(), decision(gate, id)["state"].clone());
    assert_eq!(of(&denied), (json!("refused"), json!("silent")));
    assert!(text(&decision(&denied, id)["reason"]).contains("resume it"), "{denied}");
    assert_eq!(of(&allowed), (json!("approved"), json!("silent")));
    assert_eq!(of(&asked), (json!("approved"), json!("approved")));
    house.close().await;
}

#[tokio::test]
async fn webhooks_of_huskar_are_never_asked() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    assert_eq!(house.send(Method::POST, "/api/v1/applications", r#"{"name":"shop"}"#).await.status(), 201);
    let fields = json!({"webhook_url": receiver.url("/"), "event_list": ["UPDATE_SWITCH"]}).to_string();
    let made = house.send(Method::POST, "/api/webhook?application_name=shop", &fields).await;
    assert_eq!(made.status(), 200);
    let made = house.json("/api/v1/hooks").await["items"][0].clone();
    let id = made["id"].as_u64().expect("a number");

    patch(&house, id, &json!({"gate": true})).await;
    for event in ["UPDATE_SWITCH", "pre-deploy"] {
        assert_eq!(hooks(&ask(&house, &format!("{event}?application=shop")).await), [0; 0], "{event}");
    }

    assert_eq!(receiver.received().len(), 0);
    house.close().await;
}

/// Takes away what the schema of gates added, as if it had never been.
const BEFORE_GATES: &str = "
    DROP VIEW known_triggers; DROP INDEX events_of_execution;
    DROP TABLE triggers; DROP TABLE trigger_secrets; DROP TABLE executions; DROP TABLE execution_keys;
    DROP TABLE maintenance;
    ALTER TABLE events DROP COLUMN trigger_id; ALTER TABLE events DROP COLUMN execution;
    ALTER TABLE events DROP COLUMN hops;
    DROP INDEX hook_filters_asked; DROP INDEX events_of_gate;
    DROP TABLE gates; DROP TABLE decisions;
    ALTER TABLE hook_filters DROP COLUMN asked;
    ALTER TABLE hooks DROP COLUMN gate; ALTER TABLE hooks DROP COLUMN on_silence;
    ALTER TABLE events DROP COLUMN gate;
    PRAGMA user_version = 6;";

#[tokio::test]
async fn hooks_that_were_there_before_there_were_gates_are_asked_by_the_same_rule() {
    let (mut house, receiver) = (House::new().await, Receiver::new().await);
    let pre = on_deploy(&house, &receiver.url("/pre")).await;
    hook(&house, &json!({"url": receiver.url("/any"), "event": "*"})).await;
    let fields = json!({"webhook_url": receiver.url("/huskar")}).to_string();
    assert_eq!(house.send(Method::POST, "/api/webhook?webhook_type=1", &fields).await.status(), 200);
    house.stop().await;
    let conn = Connection::open(house.database()).expect("the database");
    conn.execute_batch(BEFORE_GATES).expect("an older schema");
    drop(conn);

    house.start_again().await;

    let gate = ask(&house, "pre-deploy").await;
    assert_eq!((hooks(&gate), &gate["state"]), (vec![pre], &json!("approved")));
    assert_eq!(house.json(&format!("/api/v1/hooks/{pre}")).await["asked_for"], json!(["pre-deploy"]));
    house.close().await;
}
