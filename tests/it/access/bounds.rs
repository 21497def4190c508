//! What lies beyond a token's reach behaves as if it were not there.

use nyala::domain::token::Scope;
use reqwest::Method;
use serde_json::{Value, json};

use super::{hook, json, listed, send, status, token};
use crate::house::{House, within};
use crate::receiver::{Receiver, Reply, status as answered};

/// Every way to reach a hook, with what a caller hears for whom it is not there.
async fn unreached(house: &House, token: &str, id: &Value) {
    let get = ["v1/hooks/{}", "hooks/{}", "v1/hooks/{}/secret"];
    let get = get.map(|path| format!("/api/{}", path.replace("{}", &id.to_string())));
    for path in get {
        assert_eq!(status(house, token, Method::GET, &path, "").await, 404, "GET {path}");
    }
    assert_eq!(status(house, token, Method::DELETE, &format!("/api/hooks/{id}"), "").await, 200);
    assert_eq!(status(house, token, Method::DELETE, &format!("/api/v1/hooks/{id}"), "").await, 404);
    assert_eq!(status(house, token, Method::PATCH, &format!("/api/v1/hooks/{id}"), "{}").await, 404);
    for act in ["pause", "resume", "test", "secret/rotate"] {
        let path = format!("/api/v1/hooks/{id}/{act}");
        assert_eq!(status(house, token, Method::POST, &path, "").await, 404, "{path}");
    }
    let replay = format!("/api/v1/hooks/{id}/replay");
    assert_eq!(status(house, token, Method::POST, &replay, r#"{"state":"dead"}"#).await, 404);
}

#[tokio::test]
async fn who_subscribes_manages_their_own_hooks_and_sees_no_others() {
    let house = House::new().await;
    let (one, other) =
        (token(&house, "one", &[Scope::Subscribe], &[]), token(&house, "other", &[Scope::Subscribe], &[]));
    let fields = json!({"url": "http://127.0.0.1:1/", "event": "E"});
    let (mine, theirs) = (hook(&house, &one, &fields).await, hook(&house, &other, &fields).await);

    unreached(&house, &one, &theirs["id"]).await;

    assert_eq!(listed(&json(&house, &one, "/api/v1/hooks").await, "id"), [mine["id"].clone()]);
    assert_eq!(listed(&json(&house, &other, "/api/v1/hooks").await, "id"), [theirs["id"].clone()]);
    let path = format!("/api/v1/hooks/{}", mine["id"]);
    assert_eq!(status(&house, &one, Method::PATCH, &path, r#"{"description":"d"}"#).await, 200);
    assert_eq!(status(&house, &one, Method::DELETE, &path, "").await, 204);
    assert_eq!(json(&house, &other, &format!("/api/v1/hooks/{}", theirs["id"])).await["description"], Value::Null);
    house.close().await;
}

#[tokio::test]
async fn the_same_url_may_be_subscribed_by_each_token_and_once_by_all_admins() {
    let house = House::new().await;
    let body = json!({"url": "http://127.0.0.1:1/", "event": "E"}).to_string();
    let subscribe = async |token: &str| -> Value {
        let answer = send(&house, token, Method::POST, "/api/hooks", &body).await;
        assert_eq!(answer.status(), 201);
        answer.json().await.expect("a hook")
    };
    let (one, other) =
        (token(&house, "one", &[Scope::Subscribe], &[]), token(&house, "other", &[Scope::Subscribe], &[]));
    let (boss, chief) = (token(&house, "boss", &[Scope::Admin], &[]), token(&house, "chief", &[Scope::Admin], &[]));

    let hooks = [subscribe(&one).await, subscribe(&other).await, subscribe(&boss).await];

    assert_ne!(hooks[0]["id"], hooks[1]["id"]);
    assert_eq!(subscribe(&one).await["id"], hooks[0]["id"]);
    assert_eq!(subscribe(&chief).await["id"], hooks[2]["id"]);
    house.close().await;
}

#[tokio::test]
async fn who_may_only_read_sees_all_hooks_but_not_what_in_their_urls_may_be_secret() {
    let house = House::new().await;
    let (admin, reader) = (token(&house, "admin", &[Scope::Admin], &[]), token(&house, "reader", &[Scope::Read], &[]));
    let url = "https://hooks.example.com/services/T0/B0/PATHSECRET";
    let kudu = json!({"url": url, "event": "E"}).to_string();
    let made: Value = send(&house, &admin, Method::POST, "/api/hooks", &kudu).await.json().await.expect("a hook");
    let path = format!("/api/v1/hooks/{}", made["id"]);

    assert_eq!(json(&house, &admin, &path).await["url"], url);
    for path in [path.as_str(), &format!("/api/hooks/{}", made["id"])] {
        assert_eq!(json(&house, &reader, path).await["url"], "https://hooks.example.com/…");
    }
    for path in ["/api/hooks", "/api/v1/hooks", "/api/v1/hooks?q=hooks.example"] {
        assert_eq!(listed(&json(&house, &reader, path).await, "url"), ["https://hooks.example.com/…"], "{path}");
    }
    // Or else it could be found out letter by letter.
    assert!(listed(&json(&house, &reader, "/api/v1/hooks?q=PATHSECRET").await, "id").is_empty());
    assert_eq!(listed(&json(&house, &admin, "/api/v1/hooks?q=PATHSECRET").await, "id").len(), 1);
    house.close().await;
}

#[tokio::test]
async fn a_token_for_applications_reaches_only_theirs() {
    let receiver = Receiver::new().await;
    let house = House::new().await;
    let admin = token(&house, "admin", &[Scope::Admin], &[]);
    let shop = token(&house, "shop", &[Scope::Admin], &["shop", "till"]);
    let add = async |applications: Value| {
        hook(&house, &admin, &json!({"url": receiver.url("/"), "event": "E", "applications": applications})).await
    };
    let theirs = add(json!(["shop"])).await;
    let beyond = [add(json!([])).await, add(json!(["shop", "web"])).await, add(json!(["web"])).await];

    for hook in &beyond {
        unreached(&house, &shop, &hook["id"]).await;
    }
    assert_eq!(listed(&json(&house, &shop, "/api/v1/hooks").await, "id"), [theirs["id"].clone()]);

    let publish = async |token: &str, application: &str| {
        send(&house, token, Method::POST, &format!("/api/v1/events?application={application}"), r#"{"type":"E"}"#).await
    };
    let (own, foreign) = (publish(&admin, "shop").await, publish(&admin, "web").await);
    let (own, foreign): (Value, Value) = (own.json().await.expect("JSON"), foreign.json().await.expect("JSON"));
    assert_eq!(listed(&json(&house, &shop, "/api/v1/events").await, "id"), [own["id"].clone()]);
    let path = |event: &Value| format!("/api/v1/events/{}", event["id"].as_str().expect("an id"));
    assert_eq!(status(&house, &shop, Method::GET, &path(&foreign), "").await, 404);
    let deliveries = json(&house, &shop, "/api/v1/deliveries").await;
    assert_eq!(listed(&deliveries, "hook"), [theirs["id"].clone()]);
    let all = json(&house, &admin, "/api/v1/deliveries").await;
    for (delivery, hook) in listed(&all, "id").iter().zip(listed(&all, "hook")) {
        let path = format!("/api/v1/deliveries/{}", delivery.as_str().expect("an id"));
        let expected = if hook == theirs["id"] { 200 } else { 404 };
        assert_eq!(status(&house, &shop, Method::GET, &path, "").await, expected, "{path}");
        let redelivered = status(&house, &shop, Method::POST, &format!("{path}/redeliver"), "").await;
        assert_eq!(redelivered == 404, expected == 404, "{path}");
    }
    assert_eq!(publish(&shop, "web").await.status(), 403);
    house.close().await;
}

#[tokio::test]
async fn a_token_for_applications_names_no_others() {
    let house = House::new().await;
    let one = token(&house, "one", &[Scope::Subscribe, Scope::Publish, Scope::Read], &["shop"]);
    let two = token(&house, "two", &[Scope::Subscribe, Scope::Publish], &["shop", "till"]);
    let fields =
        |applications: Value| json!({"url": "http://127.0.0.1:1/", "event": "E", "applications": applications});

    let made = hook(&house, &one, &fields(json!([]))).await;
    assert_eq!(made["applications"], json!(["shop"]), "its own where it names none");
    assert_eq!(hook(&house, &two, &fields(json!([]))).await["applications"], json!(["shop", "till"]));
    for applications in [json!(["web"]), json!(["shop", "web"]), json!(["*"])] {
        let body = fields(applications.clone()).to_string();
        assert_eq!(status(&house, &one, Method::POST, "/api/v1/hooks", &body).await, 403, "{applications}");
        assert_eq!(status(&house, &one, Method::POST, "/api/hooks", &body).await, 403, "{applications}");
        let change = json!({"applications": applications}).to_string();
        let path = format!("/api/v1/hooks/{}", made["id"]);
        assert_eq!(status(&house, &one, Method::PATCH, &path, &change).await, 403, "{applications}");
    }

    let published = send(&house, &one, Method::POST, "/api/hooks/publish/E", "{}").await;
    let published: Value = published.json().await.expect("JSON");
    let event = json(&house, &one, &format!("/api/v1/events/{}", published["id"].as_str().expect("an id"))).await;
    assert_eq!((&event["applications"], &event["published_by"]), (&json!(["shop"]), &json!("one")));
    assert_eq!(status(&house, &two, Method::POST, "/api/hooks/publish/E", "{}").await, 400, "which of the two?");
    assert_eq!(status(&house, &two, Method::POST, "/api/hooks/publish/E?application=till", "{}").await, 200);
    assert_eq!(status(&house, &two, Method::POST, "/api/hooks/publish/E?application=web", "{}").await, 403);
    house.close().await;
}

#[tokio::test]
async fn an_idempotency_key_is_its_publishers_own() {
    let house = House::new().await;
    let (one, other) = (token(&house, "one", &[Scope::Publish], &[]), token(&house, "other", &[Scope::Publish], &[]));
    let publish = async |token: &str| -> Value {
        let request =
            house.client.post(house.url("/api/hooks/publish/E")).bearer_auth(token).header("idempotency-key", "k");
        crate::house::within("an answer", request.send()).await.expect("an answer").json().await.expect("JSON")
    };

    let first = publish(&one).await;

    assert_eq!(publish(&one).await["id"], first["id"]);
    assert_ne!(publish(&other).await["id"], first["id"]);
    house.close().await;
}

#[tokio::test]
async fn who_may_not_see_a_whole_url_sees_no_answer_that_may_repeat_it() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    receiver.answer(|request| Reply {
        headers: vec![("location", format!("https://new.test{}", request.path))],
        body: format!("nothing at {}", request.path).into(),
        reason: Some("Moved to PATHSECRET"),
        ..answered(301)
    });
    let admin = token(&house, "admin", &[Scope::Admin], &[]);
    let owner = token(&house, "owner", &[Scope::Subscribe, Scope::Read], &[]);
    let reader = token(&house, "reader", &[Scope::Read], &[]);
    let made = hook(&house, &owner, &json!({"url": receiver.url("/PATHSECRET"), "event": "E"})).await;
    assert_eq!(status(&house, &admin, Method::POST, "/api/v1/events", r#"{"type":"E"}"#).await / 100, 2);
    let path = format!("/api/v1/hooks/{}", made["id"]);
    let told = async || {
        while json(&house, &reader, &path).await["last_status"].is_null() {
            tokio::task::yield_now().await;
        }
    };
    within("an attempt", told()).await;
    let delivery = listed(&json(&house, &admin, "/api/v1/deliveries").await, "id")[0].clone();
    let delivery = format!("/api/v1/deliveries/{}", delivery.as_str().expect("an id"));

    let seen = json(&house, &reader, &path).await;
    assert_eq!(seen["last_reason"], "Moved Permanently");
    assert_eq!(json(&house, &owner, &path).await["last_reason"], "Moved to PATHSECRET");
    for removed in [false, true] {
        let attempt = json(&house, &reader, &delivery).await["attempts"][0].clone();
        assert_eq!((&attempt["status"], &attempt["reason"]), (&301.into(), &"Moved Permanently".into()));
        assert!(attempt.get("answer").is_none() && !attempt.to_string().contains("PATHSECRET"), "{attempt}");
        for who in [&admin, &owner] {
            let attempt = json(&house, who, &delivery).await["attempts"][0].clone();
            assert_eq!(attempt["answer"]["body"], "nothing at /PATHSECRET");
        }
        if !removed {
            assert_eq!(status(&house, &owner, Method::DELETE, &path, "").await, 204);
        }
    }
    house.close().await;
}
