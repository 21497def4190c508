//! Who may do what: READ and WRITE on an application, and the site's admins.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use nyala::domain::token::Scope;
use reqwest::header::AUTHORIZATION;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::{Client, Told, URL, of, one, switch, told};
use crate::access::token;
use crate::house::House;

/// What came of it, in a word.
fn word(told: &Told) -> &str {
    match told.code {
        200 => "yes",
        _ => &told.status,
    }
}

/// Somebody with a token that nobody had before.
fn somebody<'a>(house: &'a House, name: &str, scopes: &[Scope], applications: &[&str]) -> Client<'a> {
    Client::with(house, token(house, name, scopes, applications))
}

// H-03
#[tokio::test]
async fn an_application_that_there_is_not_has_no_webhooks() {
    let house = House::new().await;
    let shop = somebody(&house, "shop", &[Scope::Subscribe], &["shop"]);

    let told = shop.post("/api/webhook?application_name=foo", &json!({"webhook_url": URL})).await;

    told.refused(400, "ApplicationNotExistedError", "application: foo doesn't exist");
    assert_eq!(shop.list().await, [Value::Null; 0]);
    house.close().await;
}

// H-04
#[tokio::test]
async fn only_an_admin_of_all_adds_a_webhook_of_the_site() {
    let house = House::new().await;
    let shop = somebody(&house, "shop", &[Scope::Subscribe], &["shop"]);
    let subscriber = somebody(&house, "subscriber", &[Scope::Subscribe, Scope::Read], &[]);
    let own_admin = somebody(&house, "own admin", &[Scope::Admin], &["shop"]);

    for client in [&shop, &subscriber, &own_admin] {
        // Whether one may comes before what the body says.
        for fields in [json!({"webhook_url": URL}), json!({})] {
            let told = client.post("/api/webhook?webhook_type=1&application_name=shop", &fields).await;
            told.refused(400, "NoAuthError", "only admin can add universal webhook");
        }
    }

    let admin = somebody(&house, "admin", &[Scope::Admin], &[]);
    assert_eq!(admin.list().await, [Value::Null; 0]);
    assert_eq!(admin.add_site(URL).await, 1);
    house.close().await;
}

#[tokio::test]
async fn only_an_admin_of_all_changes_and_removes_a_webhook_of_the_site() {
    let house = House::new().await;
    let admin = somebody(&house, "admin", &[Scope::Admin], &[]);
    let site = admin.add_site(URL).await;
    let reader = somebody(&house, "reader", &[Scope::Read, Scope::Subscribe], &[]);
    let shop = somebody(&house, "shop", &[Scope::Admin], &["shop"]);
    let (path, fields) = (one(site, "shop"), json!({"webhook_url": "http://www.example.com/other"}));

    let may_not = "only admin can update universal webhook";
    reader.put(&path, &fields).await.refused(400, "NoAuthError", may_not);
    reader.delete(&path).await.refused(400, "NoAuthError", may_not);
    // It is of more than the applications of this one.
    shop.put(&path, &fields).await.refused(404, "NotFound", "Webhook not registered.");
    shop.delete(&path).await.refused(404, "NotFound", "Webhook not registered.");

    assert_eq!(admin.list().await[0]["webhook_url"], URL);
    // No application need be named.
    admin.put(&format!("/api/webhook/{site}"), &fields).await.success();
    admin.delete(&format!("/api/webhook/{site}")).await.success();
    house.close().await;
}

// H-11
#[tokio::test]
async fn removing_takes_write_on_the_application_that_is_named_though_not_on_any_other() {
    let house = House::new().await;
    let admin = somebody(&house, "admin", &[Scope::Admin], &["shop", "till"]);
    let shop = somebody(&house, "shop", &[Scope::Subscribe], &["shop"]);
    let webhook = admin.add_of("shop", URL, &["UPDATE_SWITCH"]).await;

    for client in [&admin, &shop] {
        let told = client.delete(&one(webhook, "foo")).await;
        told.refused(400, "ApplicationNotExistedError", "application: foo doesn't exist");
        let told = client.delete(&format!("/api/webhook/{webhook}")).await;
        told.refused(400, "BadRequest", r#""application_name" is required field."#);
    }
    assert_eq!(shop.list_of("shop").await.len(), 1);

    admin.delete(&one(webhook, "till")).await.success();
    assert_eq!(shop.list_of("shop").await, [Value::Null; 0]);
    house.close().await;
}

// H-13
#[tokio::test]
async fn the_list_of_an_application_that_there_is_not_is_refused() {
    let house = House::new().await;
    let admin = somebody(&house, "admin", &[Scope::Admin], &[]);
    let shop = somebody(&house, "shop", &[Scope::Read], &["shop"]);
    somebody(&house, "till", &[Scope::Read], &["till"]);

    for (client, name) in [(&admin, "foo"), (&admin, "*"), (&shop, "foo"), (&shop, "till")] {
        let told = client.get(&format!("/api/webhook/application/{name}")).await;
        told.refused(400, "ApplicationNotExistedError", &format!("application: {name} doesn't exist"));
    }
    assert_eq!(admin.list_of("till").await, [Value::Null; 0]);
    assert_eq!(shop.list_of("shop").await, [Value::Null; 0]);
    house.close().await;
}

// What a row says: list, list of the application, show, add, change, remove, publish.
#[tokio::test]
async fn read_is_to_look_subscribe_is_to_look_and_to_write_and_publish_is_neither() {
    let house = House::new().await;
    let admin = somebody(&house, "admin", &[Scope::Admin], &[]);
    let (no, yes) = ("NoAuthError", "yes");
    let table: [(&[Scope], [&str; 7]); 5] = [
        (&[Scope::Admin], [yes, yes, yes, yes, yes, yes, yes]),
        (&[Scope::Subscribe], [yes, yes, yes, yes, yes, yes, no]),
        (&[Scope::Read], [yes, yes, yes, no, no, no, no]),
        (&[Scope::Publish], [no, no, no, no, no, no, yes]),
        (&[Scope::Read, Scope::Publish], [yes, yes, yes, no, no, no, yes]),
    ];

    for (n, (scopes, expected)) in table.into_iter().enumerate() {
        let client = somebody(&house, &format!("somebody {n}"), scopes, &["shop"]);
        let webhook = admin.add_of("shop", URL, &["UPDATE_CONFIG"]).await;
        let (path, fields) = (one(webhook, "shop"), json!({"webhook_url": URL}));
        let told = [
            client.get("/api/webhook").await,
            client.get("/api/webhook/application/shop").await,
            client.get(&path).await,
            client.post(&format!("/api/webhook?{}", of("shop")), &fields).await,
            client.put(&path, &fields).await,
            client.delete(&path).await,
            client.post("/api/webhook/actions", &switch("shop")).await,
        ];
        assert_eq!(told.each_ref().map(word), expected, "{scopes:?}");
    }
    house.close().await;
}

#[tokio::test]
async fn who_may_not_write_is_told_so_by_name() {
    let house = House::new().await;
    let admin = somebody(&house, "admin", &[Scope::Admin], &[]);
    let bound = somebody(&house, "reader of shop", &[Scope::Read], &["shop"]);
    let free = somebody(&house, "reader", &[Scope::Read], &[]);
    let webhook = admin.add_of("shop", URL, &["UPDATE_SWITCH"]).await;

    for (client, name) in [(&bound, "reader of shop"), (&free, "reader")] {
        let message = format!("{name} has no write authority on shop");
        let fields = json!({"webhook_url": URL});
        let added = client.post(&format!("/api/webhook?{}", of("shop")), &fields).await;
        added.refused(400, "NoAuthError", &message);
        client.put(&one(webhook, "shop"), &fields).await.refused(400, "NoAuthError", &message);
        client.delete(&one(webhook, "shop")).await.refused(400, "NoAuthError", &message);
    }

    assert_eq!(admin.events(webhook, "shop").await, ["UPDATE_SWITCH"]);
    house.close().await;
}

#[tokio::test]
async fn showing_a_webhook_of_applications_takes_the_name_of_one() {
    let house = House::new().await;
    let shop = somebody(&house, "shop", &[Scope::Subscribe], &["shop"]);
    let webhook = shop.add_of("shop", URL, &["UPDATE_SWITCH"]).await;
    let path = format!("/api/webhook/{webhook}");

    shop.get(&path).await.refused(400, "BadRequest", r#""application_name" is required field."#);
    let foo = shop.get(&one(webhook, "foo")).await;
    foo.refused(400, "ApplicationNotExistedError", "application: foo doesn't exist");
    let told = shop.put(&path, &json!({"webhook_url": URL})).await;
    told.refused(400, "BadRequest", r#""application_name" is required field."#);

    assert_eq!(shop.events(webhook, "shop").await, ["UPDATE_SWITCH"]);
    house.close().await;
}

#[tokio::test]
async fn a_token_is_taken_alone_and_as_bearer_and_as_a_password() {
    let house = House::new().await;
    let text = token(&house, "admin", &[Scope::Admin], &[]);
    let basic = |user: &str| format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{text}")));
    let ways = [text.clone(), format!("Bearer {text}"), format!("bearer {text}"), basic("huskar"), basic("")];
    let with = |request: RequestBuilder, way: &str| request.header(AUTHORIZATION, way);
    let client = Client::open(&house);

    for (n, way) in ways.iter().enumerate() {
        let adding = client.request(Method::POST, "/api/webhook?webhook_type=1").json(&json!({"webhook_url": URL}));
        told(with(adding, way)).await.success();
        let list = told(with(client.request(Method::GET, "/api/webhook"), way)).await.success();
        assert_eq!(list["webhook_list"].as_array().map(Vec::len), Some(n + 1), "{way}");
        let publishing = client.request(Method::POST, "/api/webhook/actions").json(&switch("shop"));
        told(with(publishing, way)).await.success();
    }
    // Everywhere else, too.
    for path in ["/api/v1/hooks", "/api/hooks"] {
        let response = with(client.request(Method::GET, path), &text).send().await.expect("an answer");
        assert_eq!(response.status(), 200, "{path}");
    }
    house.close().await;
}

#[tokio::test]
async fn what_was_done_is_on_record_with_who_did_it() {
    let house = House::new().await;
    let admin = somebody(&house, "admin", &[Scope::Admin], &[]);
    let shop = somebody(&house, "shop", &[Scope::Subscribe], &["shop"]);
    let webhook = shop.add_of("shop", URL, &["UPDATE_SWITCH"]).await;
    admin.put(&one(webhook, "shop"), &json!({"webhook_url": URL})).await.success();
    shop.put(&one(webhook, "foo"), &json!({"webhook_url": URL})).await.refused_like(
        400,
        "ApplicationNotExistedError",
        "foo",
    );
    shop.delete(&one(webhook, "shop")).await.success();

    let response = admin.request(Method::GET, "/api/v1/audit?limit=3").send().await.expect("an answer");
    let page: Value = response.json().await.expect("JSON");

    let entries = page["items"].as_array().expect("items").iter();
    let entries: Vec<_> = entries.map(|entry| (entry["action"].clone(), entry["actor"]["name"].clone())).collect();
    let did = |action: &str, actor: &str| (json!(action), json!(actor));
    assert_eq!(entries, [did("hook.removed", "shop"), did("hook.changed", "admin"), did("hook.created", "shop")]);
    house.close().await;
}
