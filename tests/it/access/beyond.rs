//! Every route, by a token that is bound to another application: complete by
//! construction, because the routes come from the list itself.

use std::time::Duration;

use nyala::api::{Needs, routes};
use nyala::domain::token::Scope;
use reqwest::Method;
use serde_json::{Value, json};

use super::{hook, json as get, send, token};
use crate::house::House;
use crate::receiver::{Receiver, status as answering};

/// Stands in everything that the token must not see.
const MARK: &str = "topsecret";

/// What there is of each noun, none of it within the token's reach.
struct World {
    hook: String,
    removed: String,
    event: String,
    delivery: String,
    replay: String,
    webhook: String,
    gate: String,
    execution: String,
    timestamp: String,
}

/// A hook that is failed to, one that was removed, an event, a delivery, a replay, a gate, a
/// trigger that was fired.
async fn world(house: &House, admin: &str, receiver: &Receiver) -> World {
    receiver.answer(|_| answering(500));
    let fields = json!({
        "url": receiver.url(&format!("/{MARK}")), "event": MARK, "application": MARK, "description": MARK,
        "headers": {"x-key": MARK},
    });
    let made = hook(house, admin, &fields).await;
    let removed = hook(house, admin, &fields).await;
    let publish = format!("/api/hooks/publish/{MARK}?application={MARK}");
    let published: Value =
        send(house, admin, Method::POST, &publish, &format!("\"{MARK}\"")).await.json().await.expect("JSON");
    assert_eq!(published["deliveries"], 2);
    let path = format!("/api/v1/hooks/{}", removed["id"]);
    assert_eq!(send(house, admin, Method::DELETE, &path, "").await.status(), 204);
    let path = format!("/api/v1/hooks/{}/replay", made["id"]);
    let replay: Value =
        send(house, admin, Method::POST, &path, r#"{"state":"delivered"}"#).await.json().await.expect("JSON");
    let deliveries = get(house, admin, &format!("/api/v1/deliveries?hook={}", made["id"])).await;
    let fields = json!({"webhook_url": format!("http://127.0.0.1:9/{MARK}"), "event_list": ["UPDATE_SWITCH"]});
    let path = format!("/api/webhook?application_name={MARK}");
    assert_eq!(send(house, admin, Method::POST, &path, &fields.to_string()).await.status(), 200);
    let webhooks = get(house, admin, "/api/webhook").await;
    let path = format!("/api/v1/gates/{MARK}?application={MARK}");
    let gate: Value =
        send(house, admin, Method::POST, &path, &json!({ MARK: MARK }).to_string()).await.json().await.expect("JSON");
    let (execution, timestamp) = fired(house, admin).await;
    World {
        execution,
        timestamp,
        gate: gate["id"].as_str().expect("an id").to_owned(),
        hook: made["id"].to_string(),
        removed: removed["id"].to_string(),
        event: published["id"].as_str().expect("an id").to_owned(),
        delivery: deliveries["items"][0]["id"].as_str().expect("an id").to_owned(),
        replay: replay["id"].to_string(),
        webhook: webhooks["data"]["webhook_list"][0]["webhook_id"].to_string(),
    }
}

/// A hook as CDS describes it, with this uuid.
fn node_hook(uuid: &str) -> Value {
    json!({"uuid": uuid, "hook_model_name": "WebHook", "config": {"application": {"value": MARK}}})
}

/// Makes a trigger whose uuid is the mark, and fires it; the two names of that execution.
async fn fired(house: &House, admin: &str) -> (String, String) {
    assert_eq!(send(house, admin, Method::POST, "/task", &node_hook(MARK).to_string()).await.status(), 200);
    let path = format!("/api/v1/triggers/{MARK}");
    let name = json!({ "name": MARK }).to_string();
    assert_eq!(send(house, admin, Method::PATCH, &path, &name).await.status(), 200);
    let fire = send(house, admin, Method::POST, &format!("{path}/fire"), &json!({ MARK: MARK }).to_string()).await;
    let execution: Value = fire.json().await.expect("an execution");
    let carried_out = async {
        loop {
            let task = get(house, admin, &format!("/task/{MARK}/execution")).await;
            if task["executions"][0]["status"] == "DONE" {
                return task["executions"][0]["timestamp"].to_string();
            }
        }
    };
    let timestamp = crate::house::within("it is carried out", carried_out).await;
    (execution["id"].as_str().expect("an id").to_owned(), timestamp)
}

/// The paths of a pattern that lead to something beyond reach; a noun that this does
/// not know is a route that nobody has thought of here.
fn paths(world: &World, pattern: &str) -> Vec<String> {
    let pattern = pattern.replace("{timestamp}", &world.timestamp).replace("{id}", "ID").replace("{uuid}", MARK);
    let pattern = pattern.replace("{type}", MARK).replace("{event}", MARK).replace("{name}", MARK);
    let pattern = pattern.replace(['{', '}'], "").replace("ID", "{id}");
    let before = pattern.split("/{id}").next().unwrap_or_default();
    let ids = match before.rsplit('/').next() {
        _ if !pattern.contains("{id}") => return vec![pattern],
        Some("hooks") => vec![&world.hook, &world.removed],
        Some("events") => vec![&world.event],
        Some("deliveries") => vec![&world.delivery],
        Some("replays") => vec![&world.replay],
        Some("webhook") => vec![&world.webhook],
        Some("gates") => vec![&world.gate],
        Some("executions") => vec![&world.execution],
        other => panic!("what of {other:?} could lie beyond reach? Make one in `world`"),
    };
    ids.into_iter().map(|id| pattern.replace("{id}", id)).collect()
}

#[tokio::test]
async fn a_token_for_another_application_gets_nothing_from_any_route() {
    let receiver = Receiver::new().await;
    let house = House::new().await;
    let admin = token(&house, "admin", &[Scope::Admin], &[]);
    let world = world(&house, &admin, &receiver).await;
    let everything = [Scope::Read, Scope::Publish, Scope::Subscribe];
    let tokens =
        [token(&house, "scopes", &everything, &["shop"]), token(&house, "bound admin", &[Scope::Admin], &["shop"])];
    // What would be done to something beyond reach if it could be.
    let bodies = [
        json!({"url": "http://127.0.0.1:9/", "event": MARK, "application": MARK, "type": MARK, "state": "dead"}),
        json!({"url": "http://127.0.0.1:9/", "event": MARK, "application": MARK}),
        json!({"type": MARK, "application": MARK}),
        json!({"description": "taken"}),
        json!({"name": MARK}),
        json!({"webhook_url": "http://127.0.0.1:9/", "event_list": []}),
        json!({"action_name": "UPDATE_SWITCH", "action_data": {"application_name": MARK}}),
        node_hook(MARK),
        json!({ MARK: node_hook(MARK) }),
        json!({"kind": "webhook", "name": "taken", "application": MARK}),
        json!({}),
    ];
    let trigger = get(&house, &admin, &format!("/task/{MARK}")).await;

    for (method, pattern, needs) in routes().filter(|(_, _, needs)| matches!(needs, Needs::OneOf(_))) {
        for path in paths(&world, pattern) {
            for token in &tokens {
                for body in &bodies {
                    // What names nothing but its own may be made.
                    let names_one = pattern.contains("{id}") || pattern.contains("{uuid}");
                    let by_itself = !names_one && !body.to_string().contains(MARK);
                    let mine = by_itself && method == Method::POST && !pattern.contains("publish");
                    let answer = send(&house, token, method.clone(), &path, &body.to_string()).await;
                    let status = answer.status().as_u16();
                    let text = answer.text().await.expect("a text");
                    let what = format!("{method} {path} {body} ({needs:?}): {status} {text}");
                    let listed = method == Method::GET && !names_one && status == 200;
                    let kudu =
                        method == Method::DELETE && !pattern.contains("/v1/") && status == 200 && text.is_empty();
                    // Publishing to nobody's hooks but for one's own application, and asking none.
                    let nobody = text.contains("\"deliveries\":0") && pattern.contains("publish")
                        || text.contains("\"decisions\":[]") && pattern.ends_with("/gates/{event}");
                    let own = status == 200 && nobody;
                    // CDS is told so of what it does not know, and what cannot be, cannot be reached.
                    let cds = status == 200 && text == "null" || status == 501;
                    // A uuid is a trigger's, whoever has it.
                    let taken = status == 409 && pattern.starts_with("/task");
                    let refused = matches!(status, 400 | 403 | 404) || cds || taken;
                    assert!(refused || listed || kudu || own || mine, "{what}");
                    let told = text.contains(MARK) && !own && status != 400 && status != 403;
                    assert!(!told || published_by_us(&text), "{what}");
                }
            }
        }
    }

    let shown = get(&house, &admin, &format!("/api/v1/hooks/{}", world.hook)).await;
    assert_eq!((&shown["state"], &shown["description"]), (&json!("active"), &json!(MARK)));
    assert_eq!(get(&house, &admin, &format!("/task/{MARK}")).await, trigger);
    house.close().await;
}

/// Events of that type which the token published itself, for its own application.
fn published_by_us(text: &str) -> bool {
    let page: Value = serde_json::from_str(text).unwrap_or_default();
    let items = page["items"].as_array();
    items.is_some_and(|items| items.iter().all(|event| event["applications"] == json!(["shop"])))
}

#[tokio::test]
async fn a_bound_token_cannot_widen_a_hook_of_its_own() {
    let house = House::new().await;
    let shop = token(&house, "shop", &[Scope::Subscribe], &["shop"]);
    let made = hook(&house, &shop, &json!({"url": "http://127.0.0.1:9/", "event": "E"})).await;
    let path = format!("/api/v1/hooks/{}", made["id"]);

    for applications in [json!([]), json!(null), json!("")] {
        for field in ["applications", "application"] {
            let body = json!({ field: applications }).to_string();
            let status = send(&house, &shop, Method::PATCH, &path, &body).await.status().as_u16();
            assert!(matches!(status, 200 | 400 | 403), "{body}: {status}");
            assert_eq!(get(&house, &shop, &path).await["applications"], json!(["shop"]), "{body}");
        }
    }
    house.close().await;
}

#[tokio::test]
async fn an_event_of_several_applications_names_a_bound_reader_only_its_own() {
    let house = House::new().await;
    let (admin, shop) =
        (token(&house, "admin", &[Scope::Admin], &[]), token(&house, "shop", &[Scope::Read], &["shop"]));
    let publish = format!("/api/hooks/publish/E?application=shop&application={MARK}");
    let published: Value = send(&house, &admin, Method::POST, &publish, "{}").await.json().await.expect("JSON");
    let path = format!("/api/v1/events/{}", published["id"].as_str().expect("an id"));

    assert_eq!(get(&house, &shop, &path).await["applications"], json!(["shop"]));
    let page = get(&house, &shop, "/api/v1/events").await;
    assert_eq!(page["items"][0]["applications"], json!(["shop"]));
    let mut answers = vec![];
    for application in [MARK, "there-is-none"] {
        let path = format!("/api/v1/events?application={application}");
        let answer = send(&house, &shop, Method::GET, &path, "").await;
        answers.push((answer.status().as_u16(), answer.text().await.expect("a text")));
    }
    assert_eq!(answers[0].0, 403);
    assert_eq!(answers[0], answers[1], "no hint which of them there is");
    house.close().await;
}

#[tokio::test]
async fn a_hook_that_is_disabled_is_told_of_to_its_owner_and_admins_alone() {
    let (receiver, broken) = (Receiver::new().await, Receiver::new().await);
    broken.answer(|_| answering(500));
    let house = House::with(|settings| {
        settings.policy.breaker_failures = 1;
        settings.policy.breaker_pause_after = Duration::from_mins(1);
    })
    .await;
    let (admin, mine) = (token(&house, "admin", &[Scope::Admin], &[]), token(&house, "mine", &[Scope::Subscribe], &[]));
    let other = token(&house, "other", &[Scope::Subscribe], &[]);
    for (name, token) in [("admin", &admin), ("mine", &mine), ("other", &other)] {
        hook(&house, token, &json!({"url": receiver.url(&format!("/{name}")), "event": "HookDisabled"})).await;
    }
    let hopeless = hook(&house, &mine, &json!({"url": broken.url("/"), "event": "E"})).await;

    send(&house, &admin, Method::POST, "/api/hooks/publish/E", "{}").await;
    let paused = async {
        while get(&house, &mine, &format!("/api/v1/hooks/{}", hopeless["id"])).await["state"] != "paused" {
            house.clock.advance(Duration::from_secs(10));
            tokio::task::yield_now().await;
        }
    };
    crate::house::within("the hook is paused", paused).await;

    let told = receiver.wait_for(2).await;
    let mut paths: Vec<_> = told.iter().map(|request| request.path.clone()).collect();
    paths.sort();
    assert_eq!(paths, ["/admin", "/mine"]);
    house.close().await;
}

#[tokio::test]
async fn a_hook_that_once_wanted_more_stays_beyond_reach_with_its_history() {
    let receiver = Receiver::new().await;
    let house = House::new().await;
    let (admin, shop) =
        (token(&house, "admin", &[Scope::Admin], &[]), token(&house, "shop", &[Scope::Admin], &["shop"]));
    let made = hook(&house, &admin, &json!({"url": receiver.url("/"), "event": "E"})).await;
    send(&house, &admin, Method::POST, &format!("/api/hooks/publish/E?application={MARK}"), "{}").await;
    receiver.wait_for(1).await;
    let path = format!("/api/v1/hooks/{}", made["id"]);

    let narrowed = send(&house, &admin, Method::PATCH, &path, r#"{"applications":["shop"]}"#).await;

    assert_eq!(narrowed.status(), 200);
    assert_eq!(super::status(&house, &shop, Method::GET, &path, "").await, 404);
    for path in ["/api/v1/hooks", "/api/v1/deliveries"] {
        assert!(super::listed(&get(&house, &shop, path).await, "id").is_empty(), "{path}");
    }
    // One alone is not judged otherwise than among all.
    let id = path.rsplit('/').next().expect("an id");
    let of_hook = format!("/api/v1/deliveries?hook={id}");
    assert!(super::listed(&get(&house, &shop, &of_hook).await, "id").is_empty());
    for delivery in super::listed(&get(&house, &admin, &of_hook).await, "id") {
        let path = format!("/api/v1/deliveries/{}", delivery.as_str().expect("an id"));
        assert_eq!(super::status(&house, &admin, Method::GET, &path, "").await, 200);
        assert_eq!(super::status(&house, &shop, Method::GET, &path, "").await, 404);
    }
    let replay = format!("{path}/replay");
    assert_eq!(super::status(&house, &shop, Method::POST, &replay, r#"{"state":"delivered"}"#).await, 404);
    // Widened again, there is nothing to keep in mind; nothing else changes that.
    send(&house, &admin, Method::PATCH, &path, r#"{"applications":["shop","till"]}"#).await;
    send(&house, &admin, Method::PATCH, &path, r#"{"applications":["shop"],"description":"d"}"#).await;
    assert_eq!(super::status(&house, &shop, Method::GET, &path, "").await, 404);
    house.close().await;
}
