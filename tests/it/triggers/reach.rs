//! Whose triggers are whose.

use nyala::domain::token::Scope;
use reqwest::Method;
use serde_json::{Value, json};

use crate::access::{closed, json as get, send, token};
use crate::house::House;

async fn add(house: &House, token: &str, fields: Value) -> Value {
    let answer = send(house, token, Method::POST, "/api/v1/triggers", &fields.to_string()).await;
    assert_eq!(answer.status(), 201, "{fields}");
    answer.json().await.expect("a trigger")
}

fn names(list: &Value) -> Vec<&str> {
    list["items"].as_array().expect("a list").iter().map(|item| item["name"].as_str().expect("a name")).collect()
}

#[tokio::test]
async fn a_publisher_manages_its_own_triggers_and_an_admin_all() {
    let house = House::new().await;
    let admin = token(&house, "admin", &[Scope::Admin], &[]);
    let (one, other) = (token(&house, "one", &[Scope::Publish], &[]), token(&house, "other", &[Scope::Publish], &[]));
    closed(&house).await;
    let mine = add(&house, &one, json!({"kind": "webhook", "name": "mine"})).await;
    add(&house, &other, json!({"kind": "webhook", "name": "theirs"})).await;

    let path = format!("/api/v1/triggers/{}", mine["uuid"].as_str().expect("a uuid"));
    for (method, more) in [(Method::GET, ""), (Method::PATCH, ""), (Method::DELETE, ""), (Method::POST, "/stop")] {
        let answer = send(&house, &other, method.clone(), &format!("{path}{more}"), "{}").await;
        assert_eq!(answer.status(), 404, "{method}{more}");
    }

    assert_eq!(names(&get(&house, &one, "/api/v1/triggers").await), ["mine"]);
    assert_eq!(names(&get(&house, &other, "/api/v1/triggers").await), ["theirs"]);
    assert_eq!(names(&get(&house, &admin, "/api/v1/triggers").await), ["mine", "theirs"]);
    assert_eq!(send(&house, &admin, Method::DELETE, &path, "").await.status(), 204);
    house.close().await;
}

#[tokio::test]
async fn a_token_for_one_application_has_triggers_of_that_one_alone() {
    let house = House::new().await;
    let shop = token(&house, "shop", &[Scope::Publish], &["shop"]);
    closed(&house).await;

    let own = add(&house, &shop, json!({"kind": "webhook", "name": "own"})).await;
    let foreign = json!({"kind": "webhook", "name": "foreign", "application": "bank"}).to_string();
    let foreign = send(&house, &shop, Method::POST, "/api/v1/triggers", &foreign).await;
    let path = format!("/api/v1/triggers/{}", own["uuid"].as_str().expect("a uuid"));
    let moved = send(&house, &shop, Method::PATCH, &path, r#"{"application":"bank"}"#).await;

    assert_eq!(own["applications"], json!(["shop"]));
    assert_eq!((foreign.status().as_u16(), moved.status().as_u16()), (403, 403));
    house.close().await;
}

#[tokio::test]
async fn who_may_only_read_or_subscribe_sees_no_trigger_for_its_name_is_all_that_it_takes() {
    let house = House::new().await;
    let admin = token(&house, "admin", &[Scope::Admin], &[]);
    let reader = token(&house, "reader", &[Scope::Read, Scope::Subscribe], &[]);
    closed(&house).await;
    let trigger = add(&house, &admin, json!({"kind": "webhook", "name": "t"})).await;
    let uuid = trigger["uuid"].as_str().expect("a uuid");

    let list = send(&house, &reader, Method::GET, "/api/v1/triggers", "").await;
    let fired = send(&house, "", Method::POST, &format!("/webhook/{uuid}"), "{}").await;
    let events = loop {
        let events = get(&house, &reader, "/api/v1/events").await;
        if events["items"] != json!([]) {
            break events;
        }
    };

    assert_eq!((list.status().as_u16(), fired.status().as_u16()), (403, 200));
    let id = events["items"][0]["id"].as_str().expect("an id").to_owned();
    let event = get(&house, &reader, &format!("/api/v1/events/{id}")).await;
    assert!(!events.to_string().contains(uuid) && !event.to_string().contains(uuid), "{event}");
    house.close().await;
}
