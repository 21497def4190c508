//! Who did an action: users, some of whom are applications.

use nyala::domain::token::Scope;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Client, URL, house_of, one, switch, told};
use crate::access::token;
use crate::house::House;

const PATH: &str = "/api/webhook/actions";

async fn user_type(house: &House, by: &Client<'_>, action: &Value) -> Value {
    let event = by.act(action).await;
    let path = format!("/api/v1/events/{}", event["id"].as_str().expect("an id"));
    let request = by.request(Method::GET, &path);
    let shown: Value = request.send().await.expect("an answer").json().await.expect("JSON");
    assert!(shown["id"].is_string(), "{shown} of {}", house.url(""));
    shown["user_type"].clone()
}

fn by(username: &str) -> Value {
    let mut action = switch("shop");
    action["username"] = json!(username);
    action
}

#[tokio::test]
async fn the_name_of_a_user_is_no_longer_than_other_names() {
    let house = house_of(&["shop"]).await;
    let client = Client::open(&house);

    let longest = client.post(PATH, &by(&"u".repeat(256))).await;
    let longer = client.post(PATH, &by(&"u".repeat(257))).await;

    longest.success();
    longer.refused(400, "ValidationError", r#"{"username": ["Longer than maximum length 256."]}"#);
    house.close().await;
}

#[tokio::test]
async fn a_publish_that_is_repeated_is_the_same_though_its_user_became_an_application_meanwhile() {
    let house = House::new().await;
    let client = Client::open(&house);
    let publish = || async {
        let request = client.request(Method::POST, PATH).header("idempotency-key", "k");
        told(request.json(&by("shop"))).await.success()
    };

    let first = publish().await;
    let again = publish().await;

    assert_eq!(again["id"], first["id"]);
    assert_eq!(client.get("/api/webhook/application/shop").await.code, 200, "the publish made it known");
    house.close().await;
}

#[tokio::test]
async fn whether_a_user_is_an_application_is_told_of_those_within_reach() {
    let house = house_of(&["shop", "hidden"]).await;
    let bound = Client::with(&house, token(&house, "bound", &[Scope::Publish, Scope::Read], &["shop"]));
    let admin = Client::with(&house, token(&house, "admin", &[Scope::Admin], &[]));

    let mut types = vec![];
    for (client, username) in [(&bound, "shop"), (&bound, "hidden"), (&bound, "nothing"), (&admin, "hidden")] {
        types.push(user_type(&house, client, &by(username)).await);
    }

    assert_eq!(types, [1, 0, 0, 1]);
    house.close().await;
}

#[tokio::test]
async fn a_put_that_headers_stand_in_the_way_of_names_them_and_where_they_are_changed() {
    let house = house_of(&["shop"]).await;
    let client = Client::open(&house);
    let id = client.add_of("shop", URL, &[]).await;
    let headers = json!({"headers": {"x-key": "secret"}}).to_string();
    assert_eq!(house.send(Method::PATCH, &format!("/api/v1/hooks/{id}"), &headers).await.status(), 200);

    let moved = client.put(&one(id, "shop"), &json!({"webhook_url": "http://other.example.com/"})).await;

    moved.refused_like(400, "ValidationError", r#"{"headers": ["#);
    let moved = client.put(&one(id, "shop"), &json!({"webhook_url": "http://other.example.com/"})).await;
    moved.refused_like(400, "ValidationError", "PATCH /api/v1/hooks/");
    house.close().await;
}

#[tokio::test]
async fn of_many_wrong_events_the_first_are_told() {
    let house = house_of(&["shop"]).await;
    let client = Client::open(&house);
    let wrong = vec![json!(1); 10_000];

    let answer =
        client.post("/api/webhook?application_name=shop", &json!({"webhook_url": URL, "event_list": wrong})).await;

    assert_eq!((answer.code, answer.message.matches("Not a valid string.").count()), (400, 20));
    house.close().await;
}
