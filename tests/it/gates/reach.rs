//! Who sees which gate, and how much of it.

use std::time::Duration;

use nyala::domain::token::Scope;
use reqwest::Method;
use serde_json::{Value, json};

use super::{ask, asking, begin, decided, hook, on_deploy, path_of, sent, text, that_says, until_decision};
use crate::access::{self, send, token};
use crate::bad_input::{check_problem, whole};
use crate::house::House;
use crate::receiver::Receiver;

async fn status(house: &House, token: &str, path: &str) -> u16 {
    send(house, token, Method::GET, path, "").await.status().as_u16()
}

async fn json_with(house: &House, token: &str, path: &str) -> Value {
    let response = send(house, token, Method::GET, path, "").await;
    assert_eq!(response.status(), 200, "GET {path}");
    response.json().await.expect("JSON")
}

fn ids(page: &Value) -> Vec<Value> {
    page["items"].as_array().expect("items").iter().map(|gate| gate["id"].clone()).collect()
}

/// A house with a hook on `pre-deploy`, and an admin.
async fn scene() -> (House, Receiver, String) {
    let house = House::new().await;
    let receiver = that_says(200, r#"{"work_id":"w","inner":"details"}"#).await;
    let admin = token(&house, "admin", &[Scope::Admin], &[]);
    access::hook(&house, &admin, &json!({"url": receiver.url("/"), "event": "pre-deploy"})).await;
    (house, receiver, admin)
}

#[tokio::test]
async fn a_publisher_sees_the_gates_that_it_asked_for_and_no_others() {
    let (house, _receiver, admin) = scene().await;
    let (mine, other) = (token(&house, "mine", &[Scope::Publish], &[]), token(&house, "other", &[Scope::Publish], &[]));
    let gate = decided(asking(&house, "pre-deploy", "{}").bearer_auth(&mine)).await;
    let by_admin = decided(asking(&house, "pre-deploy", "{}").bearer_auth(&admin)).await;

    let shown = json_with(&house, &mine, &path_of(&gate)).await;
    assert_eq!((&shown["asked_by"], &shown["decisions"][0]["answer"]["inner"]), (&json!("mine"), &json!("details")));
    for (token, gate) in [(&other, &gate), (&mine, &by_admin), (&other, &by_admin)] {
        let response = send(&house, token, Method::GET, &path_of(gate), "").await;
        check_problem(response, whole(404, "there is no such gate"), "another's gate").await;
    }
    assert_eq!(status(&house, &mine, "/api/v1/gates").await, 403, "lists are for readers");
    assert_eq!(json_with(&house, &admin, &path_of(&gate)).await["asked_by"], "mine");
    house.close().await;
}

#[tokio::test]
async fn a_reader_sees_the_gates_of_its_applications_without_the_answers() {
    let (house, _receiver, admin) = scene().await;
    let (all, shop) = (token(&house, "all", &[Scope::Read], &[]), token(&house, "shop", &[Scope::Read], &["shop"]));
    let mut gates = vec![];
    for what in ["pre-deploy", "pre-deploy?application=till", "pre-deploy?application=shop&application=till"] {
        gates.push(decided(asking(&house, what, "{}").bearer_auth(&admin)).await);
    }

    let list = json_with(&house, &shop, "/api/v1/gates").await;

    assert_eq!(ids(&list), [gates[2]["id"].clone()]);
    assert_eq!(list["items"][0]["applications"], json!(["shop"]), "it learns of no other");
    assert_eq!(ids(&json_with(&house, &all, "/api/v1/gates").await).len(), 3);
    for (gate, expected) in gates.iter().zip([404, 404, 200]) {
        assert_eq!(status(&house, &shop, &path_of(gate)).await, expected, "{gate}");
    }
    for reader in [&shop, &all] {
        let shown = json_with(&house, reader, &path_of(&gates[2])).await;
        let listed = json_with(&house, reader, "/api/v1/gates").await;
        assert_eq!(shown["decisions"][0]["work_id"], "w");
        for one in [&shown["decisions"][0], &listed["items"][0]["decisions"][0]] {
            assert_eq!(one["answer"], Value::Null, "what a hook answers is for who asked, and admins");
        }
    }
    assert_eq!(
        json_with(&house, &admin, "/api/v1/gates").await["items"][0]["decisions"][0]["answer"]["inner"],
        "details"
    );
    assert_eq!(status(&house, &shop, "/api/v1/gates?application=till").await, 403);
    house.close().await;
}

#[tokio::test]
async fn a_token_bound_to_applications_asks_for_those_alone() {
    let (house, _receiver, _) = scene().await;
    let shop = token(&house, "shop", &[Scope::Publish], &["shop"]);

    let own = decided(asking(&house, "pre-deploy?application=shop", "{}").bearer_auth(&shop)).await;
    let others = sent(asking(&house, "pre-deploy?application=till", "{}").bearer_auth(&shop)).await;

    assert_eq!(own["applications"], json!(["shop"]));
    assert_eq!(others.status(), 403);
    assert_eq!(status(&house, &shop, &path_of(&own)).await, 200);
    house.close().await;
}

#[tokio::test]
async fn who_may_neither_ask_nor_read_may_do_nothing_with_gates() {
    let (house, _receiver, admin) = scene().await;
    let subscriber = token(&house, "subscriber", &[Scope::Subscribe], &[]);
    let reader = token(&house, "reader", &[Scope::Read], &[]);
    let gate = decided(asking(&house, "pre-deploy", "{}").bearer_auth(&admin)).await;

    for path in ["/api/v1/gates", &path_of(&gate)] {
        assert_eq!(status(&house, &subscriber, path).await, 403);
    }
    for token in [&subscriber, &reader] {
        assert_eq!(sent(asking(&house, "pre-deploy", "{}").bearer_auth(token)).await.status(), 403);
    }
    house.close().await;
}

#[tokio::test]
async fn the_timeline_shows_whom_else_it_reached_only_to_those_who_may_see_that() {
    let (house, receiver, admin) = scene().await;
    let mine = token(&house, "mine", &[Scope::Publish], &[]);
    access::hook(&house, &admin, &json!({"url": receiver.url("/post"), "event": "post-deploy"})).await;
    let gate = decided(asking(&house, "pre-deploy", "{}").bearer_auth(&mine)).await;
    let path = format!("/api/hooks/publish/post-deploy?gate={}", text(&gate["id"]));
    assert_eq!(send(&house, &mine, Method::POST, &path, "{}").await.status(), 200);
    receiver.wait_for(2).await;

    let whats = |shown: &Value| {
        let timeline = shown["timeline"].as_array().expect("a list").clone();
        timeline.iter().map(|moment| text(&moment["what"]).to_owned()).collect::<Vec<_>>()
    };
    let by_admin = whats(&json_with(&house, &admin, &path_of(&gate)).await);
    let by_asker = whats(&json_with(&house, &mine, &path_of(&gate)).await);

    assert_eq!(by_asker, ["asked", "approved", "closed", "published"]);
    assert_eq!(by_admin[..4], by_asker[..]);
    assert_eq!(by_admin.len(), 5);
    house.close().await;
}

#[tokio::test]
async fn an_event_of_another_application_stands_in_no_timeline_of_a_bound_reader() {
    let (house, _receiver, admin) = scene().await;
    let shop = token(&house, "shop", &[Scope::Read], &["shop"]);
    let what = "pre-deploy?application=shop&application=till";
    let gate = decided(asking(&house, what, "{}").bearer_auth(&admin)).await;
    for application in ["till", "shop"] {
        let path =
            format!("/api/hooks/publish/post-{application}?gate={}&application={application}", text(&gate["id"]));
        assert_eq!(send(&house, &admin, Method::POST, &path, "{}").await.status(), 200);
    }

    let shown = json_with(&house, &shop, &path_of(&gate)).await;

    let published = shown["timeline"].as_array().expect("a list").iter().filter(|moment| moment["what"] == "published");
    assert_eq!(published.map(|moment| text(&moment["detail"])).collect::<Vec<_>>(), ["post-shop"]);
    house.close().await;
}

#[tokio::test]
async fn a_list_has_the_gates_that_are_asked_for() {
    let (house, yes, no, later) = (
        House::new().await,
        that_says(200, "").await,
        that_says(200, r#"{"approved":false}"#).await,
        that_says(202, "").await,
    );
    for (receiver, event) in [(&yes, "pre-a"), (&no, "pre-b"), (&later, "pre-c")] {
        hook(&house, &json!({"url": receiver.url("/"), "event": event})).await;
    }
    let tick = || house.clock.advance(Duration::from_secs(10));
    let approved = ask(&house, "pre-a?application=shop").await["id"].clone();
    tick();
    let refused = ask(&house, "pre-b").await["id"].clone();
    tick();
    let expired = begin(&house, "pre-c?timeout=1s&expires=5s&application=till").await["id"].clone();
    tick();
    house.until("/api/v1/gates?state=expired", |page| ids(page).len() == 1).await;
    let open = begin(&house, "Pre-C").await["id"].clone();

    let all = [&open, &expired, &refused, &approved];
    for (query, expected) in [
        ("", &all[..]),
        ("?state=open", &all[..1]),
        ("?state=expired", &all[1..2]),
        ("?state=refused", &all[2..3]),
        ("?state=approved", &all[3..]),
        ("?event=PRE-C", &all[..2]),
        ("?event=pre-c&state=open", &all[..1]),
        ("?event=pre", &[]),
        ("?application=shop", &all[3..]),
        ("?application=shop&state=open", &[]),
        ("?since=2023-11-14T22:13:30Z", &all[..3]),
        ("?since=2023-11-14T22:13:30Z&until=2023-11-14T22:13:40Z", &all[2..3]),
        ("?until=2023-11-14T22:13:40Z&state=open", &[]),
        ("?limit=3", &all[..3]),
    ] {
        let page = house.json(&format!("/api/v1/gates{query}")).await;
        assert_eq!(ids(&page).iter().collect::<Vec<_>>(), expected, "{query}");
        assert!(page["items"].as_array().expect("a list").iter().all(|gate| gate.get("payload").is_none()), "{page}");
    }
    house.close().await;
}

#[tokio::test]
async fn pages_hold_all_gates_each_once_while_others_come() {
    let (house, receiver) = (House::new().await, that_says(202, "").await);
    for _ in 0..7 {
        ask(&house, "pre-nobody").await;
    }
    let hook = on_deploy(&house, &receiver.url("/")).await;
    for _ in 0..5 {
        let gate = begin(&house, "pre-deploy").await;
        until_decision(&house, &gate, hook, "pending").await;
    }

    for (query, count) in [("limit=2", 12), ("limit=2&state=open", 5), ("limit=2&state=approved", 7)] {
        let (mut seen, mut next) = (vec![], Value::Null);
        loop {
            let cursor = next.as_str().map_or(String::new(), |next| format!("&cursor={next}"));
            let page = house.json(&format!("/api/v1/gates?{query}{cursor}")).await;
            seen.extend(ids(&page));
            next = page["next"].clone();
            if next.is_null() {
                break;
            }
            ask(&house, "pre-nobody").await;
        }
        let sorted = |mut ids: Vec<Value>| {
            ids.sort_by(|a, b| b.as_str().cmp(&a.as_str()));
            ids.dedup();
            ids
        };
        assert_eq!(sorted(seen.clone()), seen, "{query}: the newest first, each once");
        assert!(seen.len() >= count, "{query}");
    }
    house.close().await;
}
