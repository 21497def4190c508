//! Adding, listing, showing, changing and removing.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Client, URL, house_of, of, one};
use crate::access::token;
use crate::house::House;
use nyala::domain::token::Scope;

// H-01
#[tokio::test]
async fn an_admin_adds_a_webhook_of_the_site_and_its_event_list_is_not_kept() {
    let house = House::new().await;
    let admin = Client::with(&house, token(&house, "admin", &[Scope::Admin], &[]));
    token(&house, "of shop", &[Scope::Read], &["shop"]);

    let fields = json!({"webhook_url": URL, "event_list": ["UPDATE_SWITCH", "DELETE_SWITCH"]});
    let data = admin.post("/api/webhook?webhook_type=1&application_name=shop", &fields).await.success();

    assert_eq!(data, Value::Null);
    assert_eq!(admin.list_of("shop").await, [Value::Null; 0]);
    assert_eq!(admin.list().await, [json!({"webhook_id": 1, "webhook_url": URL, "webhook_type": 1})]);
    house.close().await;
}

// H-02
#[tokio::test]
async fn a_webhook_of_an_application_gets_the_events_that_it_names_whatever_others_there_are() {
    let house = house_of(&["shop"]).await;
    let client = Client::open(&house);
    client.add_of("shop", "http://www.example.com/other", &["DELETE_CONFIG"]).await;

    let fields = json!({"webhook_url": URL, "event_list": ["UPDATE_SWITCH", "DELETE_SWITCH"]});
    let data = client.post("/api/webhook?application_name=shop", &fields).await.success();

    assert_eq!(data, Value::Null);
    assert_eq!(client.events(2, "shop").await, ["UPDATE_SWITCH", "DELETE_SWITCH"]);
    assert_eq!(client.events(1, "shop").await, ["DELETE_CONFIG"]);
    house.close().await;
}

// H-09, H-21
#[tokio::test]
async fn a_webhook_that_was_removed_is_gone_from_every_list_with_all_its_subscriptions() {
    let house = house_of(&["shop", "till"]).await;
    let client = Client::open(&house);
    let removed = client.add_of("shop", URL, &["UPDATE_SWITCH"]).await;
    let stays = client.add_of("shop", URL, &["UPDATE_SWITCH"]).await;
    let site = client.add_site(URL).await;
    let fields = json!({"webhook_url": URL, "event_list": ["DELETE_CONFIG"]});
    client.put(&one(removed, "till"), &fields).await.success();

    assert_eq!(client.delete(&one(removed, "till")).await.success(), Value::Null);
    assert_eq!(client.delete(&format!("/api/webhook/{site}")).await.success(), Value::Null);

    let left: Vec<_> = client.list().await.iter().map(|webhook| webhook["webhook_id"].clone()).collect();
    assert_eq!(left, [json!(stays)]);
    assert_eq!(client.list_of("shop").await.len(), 1);
    assert_eq!(client.list_of("till").await, [Value::Null; 0]);
    for gone in [removed, site] {
        for method in [Method::GET, Method::PUT, Method::DELETE] {
            let request = client.request(method, &one(gone, "shop")).json(&fields);
            super::told(request).await.refused(404, "NotFound", "Webhook not registered.");
        }
    }
    house.close().await;
}

// H-10
#[tokio::test]
async fn a_webhook_that_there_is_not_is_not_registered() {
    let house = house_of(&["shop"]).await;
    let client = Client::open(&house);

    for query in ["", "?application_name=shop", "?application_name=foo"] {
        let path = format!("/api/webhook/100{query}");
        client.get(&path).await.refused(404, "NotFound", "Webhook not registered.");
        client.delete(&path).await.refused(404, "NotFound", "Webhook not registered.");
        // Whether it is there comes before what the body says.
        client.put(&path, &json!({})).await.refused(404, "NotFound", "Webhook not registered.");
    }
    house.close().await;
}

// H-14, H-26
#[tokio::test]
async fn the_list_shows_every_webhook_in_the_order_of_their_numbers_and_no_events() {
    let house = house_of(&["shop"]).await;
    let client = Client::open(&house);
    client.add_of("shop", "http://www.example.com/1", &["UPDATE_SWITCH"]).await;
    client.add_site("http://www.example.com/2").await;
    client.add_of("shop", "http://www.example.com/3", &[]).await;

    let expected = [
        json!({"webhook_id": 1, "webhook_url": "http://www.example.com/1", "webhook_type": 0}),
        json!({"webhook_id": 2, "webhook_url": "http://www.example.com/2", "webhook_type": 1}),
        json!({"webhook_id": 3, "webhook_url": "http://www.example.com/3", "webhook_type": 0}),
    ];
    assert_eq!(client.list().await, expected);
    let of_site: Vec<_> = client.list().await.into_iter().filter(|webhook| webhook["webhook_type"] == 1).collect();
    assert_eq!(of_site, expected[1..2]);
    house.close().await;
}

// H-15
#[tokio::test]
async fn a_webhook_without_subscriptions_and_one_of_the_site_have_an_empty_event_list() {
    let house = house_of(&["shop"]).await;
    let client = Client::open(&house);
    let (plain, site) = (client.add_of("shop", URL, &[]).await, client.add_site(URL).await);

    let shown = client.get(&one(plain, "shop")).await.success();
    let of_site = client.get(&format!("/api/webhook/{site}")).await.success();

    assert_eq!(shown, json!({"webhook_id": plain, "webhook_url": URL, "webhook_type": 0, "event_list": []}));
    assert_eq!(of_site, json!({"webhook_id": site, "webhook_url": URL, "webhook_type": 1, "event_list": []}));
    house.close().await;
}

// H-16
#[tokio::test]
async fn what_was_put_is_what_is_shown_and_the_type_stays() {
    let house = house_of(&["shop"]).await;
    let client = Client::open(&house);
    let (plain, site) = (client.add_of("shop", URL, &["UPDATE_SWITCH"]).await, client.add_site(URL).await);
    let other = "http://www.example.com/other";
    let fields = json!({"webhook_url": other, "event_list": ["DELETE_ROUTE", "UPDATE_ROUTE"], "webhook_type": 1});

    for webhook in [plain, site] {
        assert_eq!(client.put(&one(webhook, "shop"), &fields).await.success(), Value::Null);
    }

    let shown = client.get(&one(plain, "shop")).await.success();
    let events = ["DELETE_ROUTE", "UPDATE_ROUTE"];
    assert_eq!(shown, json!({"webhook_id": plain, "webhook_url": other, "webhook_type": 0, "event_list": events}));
    let of_site = client.get(&one(site, "shop")).await.success();
    assert_eq!(of_site, json!({"webhook_id": site, "webhook_url": other, "webhook_type": 1, "event_list": []}));
    house.close().await;
}

// H-20
#[tokio::test]
async fn a_webhook_is_of_an_application_unless_its_query_says_1() {
    let house = house_of(&["shop"]).await;
    let client = Client::open(&house);
    let fields = json!({"webhook_url": URL, "webhook_type": 1});

    for query in ["", "&webhook_type=0", "&webhook_type=", "&webhook_type=x", "&webhook_type=1.0", "&webhook_type=1"] {
        client.add(&format!("application_name=shop{query}"), &fields).await;
    }

    let types: Vec<_> = client.list().await.iter().map(|webhook| webhook["webhook_type"].clone()).collect();
    assert_eq!(types, [0, 0, 0, 0, 0, 1]);
    house.close().await;
}

#[tokio::test]
async fn a_number_that_is_no_type_is_refused_and_makes_no_webhook() {
    let house = house_of(&["shop"]).await;
    let client = Client::open(&house);

    for number in ["2", "-1", "9223372036854775807"] {
        let path = format!("/api/webhook?application_name=shop&webhook_type={number}");
        let told = client.post(&path, &json!({"webhook_url": URL})).await;
        told.refused(400, "ValidationError", r#"{"webhook_type": ["invalid webhook type"]}"#);
    }

    assert_eq!(client.list().await, [Value::Null; 0]);
    house.close().await;
}

// H-21
#[tokio::test]
async fn another_url_is_the_same_for_all_applications_and_outlives_a_restart() {
    let mut house = house_of(&["shop", "till"]).await;
    let other = "https://www.example.com:8443/other?a=b";
    let client = Client::open(&house);
    let webhook = client.add_of("shop", URL, &["UPDATE_SWITCH"]).await;
    client.put(&one(webhook, "till"), &json!({"webhook_url": other, "event_list": []})).await.success();

    house.stop().await;
    house.start_again().await;

    let client = Client::open(&house);
    assert_eq!(client.list().await[0]["webhook_url"], other);
    assert_eq!(client.list_of("shop").await[0]["webhook_url"], other);
    assert_eq!(client.events(webhook, "shop").await, ["UPDATE_SWITCH"]);
    house.close().await;
}

#[tokio::test]
async fn the_same_url_may_stand_in_any_number_of_webhooks() {
    let house = house_of(&["shop"]).await;
    let client = Client::open(&house);

    let mut ids = vec![];
    for _ in 0..2 {
        ids.push(client.add_of("shop", URL, &["UPDATE_SWITCH"]).await);
        ids.push(client.add("webhook_type=1", &json!({"webhook_url": URL})).await);
    }

    assert_eq!(ids, [1, 2, 3, 4]);
    house.close().await;
}

#[tokio::test]
async fn paths_are_read_without_regard_to_case_and_to_a_slash_at_their_end() {
    let house = house_of(&["shop"]).await;
    let client = Client::open(&house);
    let webhook = client.add_of("shop", URL, &["UPDATE_SWITCH"]).await;

    for path in ["/API/Webhook", "/api/webhook/"] {
        assert_eq!(client.get(path).await.success()["webhook_list"][0]["webhook_id"], webhook, "{path}");
    }
    let shown = client.get(&format!("/api/WEBHOOK/{webhook}/?{}", of("shop"))).await.success();
    assert_eq!(shown["webhook_id"], webhook);
    // The name of an application is another thing: its case matters.
    client.get("/api/webhook/application/Shop").await.refused(
        400,
        "ApplicationNotExistedError",
        "application: Shop doesn't exist",
    );
    house.close().await;
}
