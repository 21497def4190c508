//! What a webhook of applications is subscribed to.

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{Client, URL, bodies, house_of, one, switch, texts};
use crate::house::House;
use crate::receiver::Receiver;

fn fields(events: &[&str]) -> Value {
    json!({"webhook_url": URL, "event_list": events})
}

// H-07
#[tokio::test]
async fn a_put_replaces_the_events_of_its_application_and_leaves_those_of_others() {
    let house = house_of(&["shop", "till"]).await;
    let client = Client::open(&house);
    let webhook = client.add_of("shop", URL, &["UPDATE_SWITCH"]).await;

    let data = client.put(&one(webhook, "till"), &fields(&["DELETE_ROUTE"])).await.success();
    client.put(&one(webhook, "shop"), &fields(&["UPDATE_CONFIG", "DELETE_CONFIG"])).await.success();

    assert_eq!(data, Value::Null);
    assert_eq!(client.events(webhook, "shop").await, ["UPDATE_CONFIG", "DELETE_CONFIG"]);
    assert_eq!(client.events(webhook, "till").await, ["DELETE_ROUTE"]);
    assert_eq!(client.list().await.len(), 1);
    house.close().await;
}

// H-08, H-24
#[tokio::test]
async fn a_webhook_of_the_site_is_subscribed_to_nothing_whatever_is_put_and_gets_everything_once() {
    let (house, receiver) = (house_of(&["shop"]).await, Receiver::new().await);
    let client = Client::open(&house);
    let site = client.add_site(URL).await;
    let put = json!({"webhook_url": receiver.url("/site"), "event_list": ["UPDATE_SWITCH", "DELETE_SWITCH"]});

    client.put(&one(site, "shop"), &put).await.success();
    client.put(&format!("/api/webhook/{site}"), &put).await.success();

    assert_eq!(client.list_of("shop").await, [Value::Null; 0]);
    let published = client.act(&switch("shop")).await;
    assert_eq!((&published["deliveries"], bodies(&receiver, "/site").len()), (&json!(1), 1));
    house.close().await;
}

// H-12
#[tokio::test]
async fn the_list_of_an_application_shows_each_webhook_once_as_they_were_made_with_its_own_events() {
    let house = house_of(&["shop", "till"]).await;
    let client = Client::open(&house);
    let events =
        [["UPDATE_SWITCH", "DELETE_SWITCH"], ["UPDATE_CONFIG", "DELETE_CONFIG"], ["UPDATE_ROUTE", "DELETE_ROUTE"]];
    let urls = [URL, URL, "http://www.example.com/third"];
    for (url, events) in urls.into_iter().zip(&events) {
        client.add_of("shop", url, &[]).await;
        client.add_of("till", url, events).await;
        client.add_site(url).await;
    }
    // Not in the order in which they were made, and some twice.
    for index in [2, 0, 1, 0, 2] {
        let put = json!({"webhook_url": urls[index], "event_list": events[index]});
        client.put(&one(3 * index as u64 + 1, "shop"), &put).await.success();
    }

    let expected = [0, 1, 2].map(|index| {
        let (id, url, events) = (3 * index + 1, urls[index], events[index]);
        json!({"webhook_id": id, "webhook_url": url, "webhook_type": 0, "event_list": events})
    });
    assert_eq!(client.list_of("shop").await, expected);
    house.close().await;
}

// H-22
#[tokio::test]
async fn an_event_that_is_subscribed_twice_is_subscribed_once() {
    let (house, receiver) = (house_of(&["shop"]).await, Receiver::new().await);
    let client = Client::open(&house);
    let twice = ["UPDATE_SWITCH", "DELETE_SWITCH", "UPDATE_SWITCH"];
    let webhook = client.add_of("shop", &receiver.url("/cb"), &twice).await;
    assert_eq!(client.events(webhook, "shop").await, ["UPDATE_SWITCH", "DELETE_SWITCH"]);

    for _ in 0..2 {
        let put = json!({"webhook_url": receiver.url("/cb"), "event_list": twice});
        client.put(&one(webhook, "shop"), &put).await.success();
    }

    assert_eq!(client.events(webhook, "shop").await, ["UPDATE_SWITCH", "DELETE_SWITCH"]);
    let published = client.act(&switch("shop")).await;
    assert_eq!((&published["deliveries"], receiver.received().len()), (&json!(1), 1));
    house.close().await;
}

// H-23: there is one writer, and so no race to lose.
#[tokio::test]
async fn the_same_subscription_made_many_times_at_once_is_made_once() {
    let (house, receiver) = (house_of(&["shop"]).await, Receiver::new().await);
    let client = Client::open(&house);
    let webhook = client.add_of("shop", URL, &[]).await;
    let (path, put) =
        (one(webhook, "shop"), json!({"webhook_url": receiver.url("/cb"), "event_list": ["UPDATE_SWITCH"]}));

    for told in join_all((0..16).map(|_| client.put(&path, &put))).await {
        assert_eq!(told.success(), Value::Null);
    }

    assert_eq!(client.events(webhook, "shop").await, ["UPDATE_SWITCH"]);
    assert_eq!(client.act(&switch("shop")).await["deliveries"], 1);
    house.close().await;
}

#[tokio::test]
async fn puts_for_different_applications_at_once_lose_none_of_them() {
    let names: Vec<_> = (0..12).map(|n| format!("app{n}")).collect();
    let house = house_of(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let client = Client::open(&house);
    let webhook = client.add_of("app0", URL, &[]).await;

    let put = fields(&["UPDATE_SWITCH"]);
    let paths: Vec<_> = names.iter().map(|name| one(webhook, name)).collect();
    for told in join_all(paths.iter().map(|path| client.put(path, &put))).await {
        told.success();
    }

    for name in &names {
        assert_eq!(client.events(webhook, name).await, ["UPDATE_SWITCH"], "{name}");
    }
    house.close().await;
}

// H-25
#[tokio::test]
async fn unsubscribing_is_no_error_however_often_and_empties_the_list() {
    let (house, receiver) = (house_of(&["shop"]).await, Receiver::new().await);
    let client = Client::open(&house);
    let webhook = client.add_of("shop", &receiver.url("/cb"), &["UPDATE_SWITCH", "DELETE_SWITCH"]).await;
    let url = receiver.url("/cb");

    for put in [json!({"webhook_url": url, "event_list": []}), json!({"webhook_url": url})] {
        for _ in 0..2 {
            client.put(&one(webhook, "shop"), &put).await.success();
            assert_eq!(client.events(webhook, "shop").await, [""; 0]);
        }
    }

    assert_eq!(client.act(&switch("shop")).await["deliveries"], 0);
    assert_eq!(client.list_of("shop").await, [Value::Null; 0]);
    assert_eq!(client.list().await.len(), 1, "it is there still");
    house.close().await;
}

#[tokio::test]
async fn a_webhook_hears_of_each_application_what_it_wants_of_it_and_nothing_else() {
    let (house, receiver) = (house_of(&["shop", "till", "web"]).await, Receiver::new().await);
    let client = Client::open(&house);
    let url = receiver.url("/cb");
    let webhook = client.add_of("shop", &url, &["UPDATE_SWITCH"]).await;
    client.put(&one(webhook, "till"), &json!({"webhook_url": url, "event_list": ["UPDATE_CONFIG"]})).await.success();

    for application in ["shop", "till", "web"] {
        for action in ["UPDATE_SWITCH", "UPDATE_CONFIG"] {
            let data = json!({"application_name": application, "cluster_name": "c", "key": "k"});
            client.act(&json!({"action_name": action, "action_data": data})).await;
        }
    }

    let heard: Vec<_> = bodies(&receiver, "/cb")
        .iter()
        .map(|body| (body["application_name"].clone(), body["action_name"].clone()))
        .collect();
    assert_eq!(heard, [(json!("shop"), json!("UPDATE_SWITCH")), (json!("till"), json!("UPDATE_CONFIG"))]);
    house.close().await;
}

#[tokio::test]
async fn all_actions_of_the_catalogue_can_be_subscribed_to() {
    let house = house_of(&["shop"]).await;
    let client = Client::open(&house);
    let known: Value = house.json("/api/v1/event-types").await;
    let items = known["items"].as_array().expect("items").iter();
    let actions: Vec<_> = items.filter(|item| item["family"] == "huskar").map(|item| item["type"].clone()).collect();

    let webhook = client.add(&super::of("shop"), &json!({"webhook_url": URL, "event_list": actions})).await;

    assert_eq!(client.events(webhook, "shop").await, texts(&json!(actions)));
    house.close().await;
}

#[tokio::test]
async fn an_application_may_have_any_name() {
    let names = ["a.b", "ünï cödé", "with/slash", "a+b&c=d", "100%"];
    let house: House = house_of(&names).await;
    let client = Client::open(&house);

    for (id, name) in (1..).zip(names) {
        let escaped: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
        let webhook = client.add_of(&escaped, URL, &["UPDATE_SWITCH"]).await;
        assert_eq!((webhook, client.events(webhook, &escaped).await), (id, vec!["UPDATE_SWITCH".to_owned()]));
        let listed = client.list_of(&escaped.replace('+', "%20")).await;
        assert_eq!((listed.len(), &listed[0]["webhook_id"]), (1, &json!(id)), "{name}");
    }
    house.close().await;
}
