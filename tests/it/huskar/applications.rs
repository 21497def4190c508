//! Which applications are known, and by what they become so.

use nyala::domain::token::Scope;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Client, URL, switch};
use crate::access::{send, token};
use crate::bad_input::{check_problem, field, whole};
use crate::house::House;

const PATH: &str = "/api/v1/applications";

async fn names(house: &House, token: &str) -> Vec<Value> {
    let page: Value = send(house, token, Method::GET, PATH, "").await.json().await.expect("a page");
    page["items"].as_array().expect("items").iter().map(|item| item["name"].clone()).collect()
}

#[tokio::test]
async fn an_application_that_is_added_is_known_at_once_and_for_good() {
    let mut house = House::new().await;
    let add = |house: &House, body: &str| {
        let request = house.client.post(house.url(PATH)).header("content-type", "application/json");
        crate::house::within("an answer", request.body(body.to_owned()).send())
    };

    let first = add(&house, r#"{"name":" shop "}"#).await.expect("an answer");
    let again = add(&house, r#"{"name":"shop"}"#).await.expect("an answer");
    let other_case = add(&house, r#"{"name":"Shop"}"#).await.expect("an answer");

    assert_eq!([&first, &again, &other_case].map(|answer| answer.status().as_u16()), [201, 200, 201]);
    assert_eq!(first.json::<Value>().await.expect("JSON"), json!({"name": "shop"}));
    house.stop().await;
    house.start_again().await;
    assert_eq!(Client::open(&house).add_of("shop", URL, &[]).await, 1);
    let page = house.json(PATH).await;
    let expected = json!({"name": "shop", "created_at": "2023-11-14T22:13:20.000Z"});
    assert_eq!(
        (&page["items"][0], &page["items"][1]["name"], &page["next"]),
        (&expected, &json!("Shop"), &Value::Null)
    );
    house.close().await;
}

#[tokio::test]
async fn applications_are_listed_in_pages() {
    let house = super::house_of(&["a", "b", "c"]).await;

    let first = house.json(&format!("{PATH}?limit=2")).await;
    let next = first["next"].as_str().expect("a cursor");
    let second = house.json(&format!("{PATH}?limit=2&cursor={next}")).await;

    let names = |page: &Value| {
        page["items"].as_array().expect("items").iter().map(|item| item["name"].clone()).collect::<Vec<_>>()
    };
    assert_eq!((names(&first), names(&second)), (vec![json!("a"), json!("b")], vec![json!("c")]));
    assert_eq!(second["next"], Value::Null);
    house.close().await;
}

#[tokio::test]
async fn what_is_no_application_is_refused_with_what_would_be_right() {
    let house = House::new().await;

    for (body, expected) in [
        ("{}", field("name", "give the application's name")),
        (r#"{"name":""}"#, field("name", "is empty")),
        (r#"{"name":7}"#, field("name", "is not a text")),
        (r#"{"name":"*"}"#, field("name", "stands for any")),
        (r#"{"name":"a\u0000b"}"#, field("name", "control character")),
        (r#"{"name":"a","team":"b"}"#, field("team", "it has name")),
        ("[]", whole(400, "send one with name")),
        ("{", whole(400, "send one with name")),
    ] {
        check_problem(house.send(Method::POST, PATH, body).await, expected, body).await;
    }
    check_problem(house.get(&format!("{PATH}?q=a")).await, field("query", "limit, cursor"), "q").await;

    assert_eq!(house.json(PATH).await["items"], json!([]));
    house.close().await;
}

#[tokio::test]
async fn an_admins_publish_makes_its_applications_known_whichever_way_it_comes() {
    let house = House::new().await;
    let admin = Client::with(&house, token(&house, "admin", &[Scope::Admin], &[]));

    admin.act(&switch("a")).await;
    let data = json!({"application_name": "b"}).to_string();
    let published =
        send(&house, &admin.token, Method::POST, "/api/hooks/publish/update_switch?application=c", &data).await;
    let event = json!({"type": "PostDeployment", "applications": ["d"]}).to_string();
    let kept = send(&house, &admin.token, Method::POST, "/api/v1/events", &event).await;

    assert_eq!((published.status().as_u16(), kept.status().as_u16()), (200, 201));
    let mut known = names(&house, &admin.token).await;
    known.sort_by_key(ToString::to_string);
    assert_eq!(known, ["a", "b", "c", "d"]);
    house.close().await;
}

#[tokio::test]
async fn nobody_elses_publish_makes_an_application_known() {
    let house = House::new().await;
    let admin = token(&house, "admin", &[Scope::Admin], &[]);
    let publisher = Client::with(&house, token(&house, "ci", &[Scope::Publish, Scope::Subscribe], &[]));

    publisher.act(&switch("shop")).await;

    assert_eq!(names(&house, &admin).await, [Value::Null; 0]);
    let told = publisher.post("/api/webhook?application_name=shop", &json!({"webhook_url": URL})).await;
    told.refused(400, "ApplicationNotExistedError", "application: shop doesn't exist");
    house.close().await;
}

#[tokio::test]
async fn a_publish_that_is_refused_makes_no_application_known() {
    let house = House::new().await;
    let client = Client::open(&house);

    let action = json!({"action_name": "UPDATE", "action_data": {"application_name": "shop"}});
    assert_eq!(client.post("/api/webhook/actions", &action).await.code, 400);

    assert_eq!(house.json(PATH).await["items"], json!([]));
    house.close().await;
}

#[tokio::test]
async fn an_application_that_a_token_is_for_is_known() {
    let house = House::new().await;
    let shop = Client::with(&house, token(&house, "shop", &[Scope::Subscribe], &["shop", "till"]));
    let admin = token(&house, "admin", &[Scope::Admin], &[]);

    assert_eq!(shop.add_of("till", URL, &[]).await, 1);
    assert_eq!(names(&house, &admin).await, ["shop", "till"]);
    house.close().await;
}

#[tokio::test]
async fn a_bound_token_sees_its_own_applications_and_adds_no_others() {
    let house = House::new().await;
    let admin = token(&house, "admin", &[Scope::Admin], &[]);
    let own_admin = token(&house, "own admin", &[Scope::Admin], &["shop"]);
    let reader = token(&house, "reader", &[Scope::Read], &["till"]);
    let add = async |token: &str, name: &str| {
        send(&house, token, Method::POST, PATH, &json!({"name": name}).to_string()).await.status().as_u16()
    };

    assert_eq!(names(&house, &own_admin).await, ["shop"]);
    assert_eq!(names(&house, &reader).await, ["till"]);
    assert_eq!(
        (add(&own_admin, "shop").await, add(&own_admin, "web").await, add(&own_admin, "till").await),
        (200, 403, 403)
    );
    assert_eq!((add(&reader, "till").await, add(&admin, "web").await), (403, 201));
    assert_eq!(names(&house, &admin).await, ["shop", "till", "web"]);
    house.close().await;
}

#[tokio::test]
async fn a_new_application_is_on_record_with_who_added_it_and_a_known_one_is_not() {
    let house = House::new().await;
    let admin = token(&house, "admin", &[Scope::Admin], &[]);

    for _ in 0..2 {
        send(&house, &admin, Method::POST, PATH, r#"{"name":"shop"}"#).await;
    }

    let audit: Value = send(&house, &admin, Method::GET, "/api/v1/audit", "").await.json().await.expect("a page");
    let entries = audit["items"].as_array().expect("items").iter();
    let added: Vec<_> = entries.filter(|entry| entry["object"] == "shop").collect();
    assert_eq!(added.len(), 1, "{audit}");
    assert_eq!((&added[0]["action"], &added[0]["actor"]["name"]), (&json!("application.created"), &json!("admin")));
    house.close().await;
}
