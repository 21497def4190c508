//! What is not within a token's reach is not there.

use nyala::domain::token::Scope;
use serde_json::{Value, json};

use super::{Client, URL, of, one, switch};
use crate::access::token;
use crate::house::House;
use crate::receiver::Receiver;

const ALL: [Scope; 3] = [Scope::Read, Scope::Subscribe, Scope::Publish];

fn somebody<'a>(house: &'a House, name: &str, scopes: &[Scope], applications: &[&str]) -> Client<'a> {
    Client::with(house, token(house, name, scopes, applications))
}

/// The numbers of the webhooks that somebody sees.
async fn seen_by(client: &Client<'_>) -> Vec<u64> {
    client.list().await.iter().map(|webhook| webhook["webhook_id"].as_u64().expect("a number")).collect()
}

/// Every way to reach a webhook: it must be as if it were not there.
async fn absent(client: &Client<'_>, webhook: u64, application: &str) {
    let path = one(webhook, application);
    client.get(&path).await.refused(404, "NotFound", "Webhook not registered.");
    client.put(&path, &json!({"webhook_url": URL})).await.refused(404, "NotFound", "Webhook not registered.");
    client.delete(&path).await.refused(404, "NotFound", "Webhook not registered.");
    assert!(!seen_by(client).await.contains(&webhook));
}

#[tokio::test]
async fn a_token_of_an_application_sees_what_is_of_it_alone() {
    let house = House::new().await;
    let admin = somebody(&house, "admin", &[Scope::Admin], &[]);
    let shop = somebody(&house, "shop", &ALL, &["shop"]);
    let own_admin = somebody(&house, "own admin", &[Scope::Admin], &["shop"]);
    let both = somebody(&house, "both", &ALL, &["shop", "till"]);
    let of_shop = admin.add_of("shop", URL, &["UPDATE_SWITCH"]).await;
    let of_till = admin.add_of("till", URL, &["UPDATE_SWITCH"]).await;
    let of_both = admin.add_of("shop", URL, &["UPDATE_SWITCH"]).await;
    admin.put(&one(of_both, "till"), &json!({"webhook_url": URL, "event_list": ["DELETE_ROUTE"]})).await.success();
    let site = admin.add_site(URL).await;

    assert_eq!(seen_by(&admin).await, [of_shop, of_till, of_both, site]);
    assert_eq!(seen_by(&both).await, [of_shop, of_till, of_both]);
    for client in [&shop, &own_admin] {
        assert_eq!(seen_by(client).await, [of_shop]);
        for webhook in [of_till, of_both, site] {
            absent(client, webhook, "shop").await;
            absent(client, webhook, "till").await;
        }
        let listed = client.list_of("shop").await;
        assert_eq!((listed.len(), &listed[0]["webhook_id"]), (1, &json!(of_shop)));
    }
    // Reach is of a webhook as a whole.
    assert_eq!(both.events(of_both, "till").await, ["DELETE_ROUTE"]);
    assert_eq!(admin.events(of_both, "shop").await, ["UPDATE_SWITCH"]);
    house.close().await;
}

#[tokio::test]
async fn a_token_of_an_application_cannot_reach_for_another() {
    let house = House::new().await;
    let shop = somebody(&house, "shop", &ALL, &["shop"]);
    somebody(&house, "till", &ALL, &["till"]);
    let webhook = shop.add_of("shop", URL, &["UPDATE_SWITCH"]).await;
    let fields = json!({"webhook_url": URL, "event_list": ["UPDATE_SWITCH"]});

    // The same for one that there is and one that there is not.
    for name in ["till", "foo"] {
        let message = format!("application: {name} doesn't exist");
        let added = shop.post(&format!("/api/webhook?{}", of(name)), &fields).await;
        added.refused(400, "ApplicationNotExistedError", &message);
        for told in [
            shop.get(&one(webhook, name)).await,
            shop.put(&one(webhook, name), &fields).await,
            shop.delete(&one(webhook, name)).await,
        ] {
            told.refused(400, "ApplicationNotExistedError", &message);
        }
    }

    assert_eq!(seen_by(&shop).await, [webhook]);
    house.close().await;
}

#[tokio::test]
async fn a_webhook_without_events_belongs_to_the_application_that_it_was_made_for() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    let shop = somebody(&house, "shop", &[Scope::Subscribe], &["shop"]);
    let colleague = somebody(&house, "colleague", &ALL, &["shop"]);
    let till = somebody(&house, "till", &ALL, &["till"]);
    let webhook = shop.add_of("shop", &receiver.url("/cb"), &[]).await;

    assert_eq!(seen_by(&colleague).await, [webhook]);
    assert_eq!(colleague.events(webhook, "shop").await, [""; 0]);
    absent(&till, webhook, "till").await;

    let fields = json!({"webhook_url": receiver.url("/cb"), "event_list": ["UPDATE_SWITCH"]});
    colleague.put(&one(webhook, "shop"), &fields).await.success();
    assert_eq!(colleague.act(&switch("shop")).await["deliveries"], 1);
    assert_eq!(super::bodies(&receiver, "/cb").len(), 1);
    // Once it wants nothing any more, it is theirs still.
    colleague.put(&one(webhook, "shop"), &json!({"webhook_url": URL})).await.success();
    assert_eq!((seen_by(&shop).await, seen_by(&colleague).await), (vec![webhook], vec![webhook]));
    absent(&till, webhook, "till").await;
    house.close().await;
}

#[tokio::test]
async fn who_writes_for_an_application_manages_what_another_token_made_for_it() {
    let house = House::new().await;
    let admin = somebody(&house, "admin", &[Scope::Admin], &[]);
    let shop = somebody(&house, "shop", &[Scope::Subscribe], &["shop"]);
    let colleague = somebody(&house, "colleague", &[Scope::Subscribe], &["shop"]);
    let theirs =
        [shop.add_of("shop", URL, &["UPDATE_SWITCH"]).await, admin.add_of("shop", URL, &["UPDATE_SWITCH"]).await];

    for webhook in theirs {
        let shown = colleague.get(&one(webhook, "shop")).await.success();
        assert_eq!(shown["webhook_url"], URL, "who may change it sees all of it");
        let fields = json!({"webhook_url": "http://www.example.com/new", "event_list": ["DELETE_SWITCH"]});
        colleague.put(&one(webhook, "shop"), &fields).await.success();
        assert_eq!(admin.events(webhook, "shop").await, ["DELETE_SWITCH"]);
        colleague.delete(&one(webhook, "shop")).await.success();
    }

    assert_eq!(admin.list().await, [Value::Null; 0]);
    house.close().await;
}

#[tokio::test]
async fn who_may_only_read_does_not_see_what_in_a_url_may_be_secret() {
    let house = House::new().await;
    let admin = somebody(&house, "admin", &[Scope::Admin], &[]);
    let free = somebody(&house, "reader", &[Scope::Read], &[]);
    let bound = somebody(&house, "reader of shop", &[Scope::Read], &["shop"]);
    let secret = "https://hooks.example.com/services/T0/PATHSECRET?key=QUERYSECRET";
    let webhook = admin.add_of("shop", secret, &["UPDATE_SWITCH"]).await;
    let site = admin.add_site(secret).await;

    for (client, sees) in [(&free, vec![webhook, site]), (&bound, vec![webhook])] {
        assert_eq!(seen_by(client).await, sees);
        let mut shown = vec![client.get(&one(webhook, "shop")).await.success()];
        shown.extend(client.list().await);
        shown.extend(client.list_of("shop").await);
        assert!(shown.iter().all(|webhook| webhook["webhook_url"] == "https://hooks.example.com/…"), "{shown:?}");
    }
    assert_eq!(admin.list().await[1]["webhook_url"], secret);
    house.close().await;
}

#[tokio::test]
async fn a_subscriber_of_no_application_in_particular_has_its_own_webhooks() {
    let house = House::new().await;
    let admin = somebody(&house, "admin", &[Scope::Admin], &[]);
    let (one_, other) =
        (somebody(&house, "one", &[Scope::Subscribe], &[]), somebody(&house, "other", &[Scope::Subscribe], &[]));
    somebody(&house, "shop", &[Scope::Read], &["shop"]);
    let mine = one_.add_of("shop", URL, &["UPDATE_SWITCH"]).await;
    let theirs = other.add_of("shop", URL, &["UPDATE_SWITCH"]).await;

    absent(&one_, theirs, "shop").await;

    assert_eq!((seen_by(&one_).await, seen_by(&other).await), (vec![mine], vec![theirs]));
    assert_eq!(one_.list_of("shop").await.len(), 1);
    assert_eq!(admin.list_of("shop").await.len(), 2);
    house.close().await;
}

#[tokio::test]
async fn what_once_was_of_more_stays_beyond_the_reach_of_one_application() {
    let house = House::new().await;
    let admin = somebody(&house, "admin", &[Scope::Admin], &[]);
    let shop = somebody(&house, "shop", &ALL, &["shop"]);
    somebody(&house, "till", &ALL, &["till"]);
    let webhook = admin.add_of("shop", URL, &["UPDATE_SWITCH"]).await;
    for events in [json!(["UPDATE_SWITCH"]), json!([])] {
        admin.put(&one(webhook, "till"), &json!({"webhook_url": URL, "event_list": events})).await.success();
    }

    // Its history is of both.
    absent(&shop, webhook, "shop").await;
    assert_eq!(shop.list_of("shop").await, [Value::Null; 0]);
    house.close().await;
}

#[tokio::test]
async fn a_token_publishes_for_its_own_applications_only() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    let admin = somebody(&house, "admin", &[Scope::Admin], &[]);
    admin.add_site(&receiver.url("/site")).await;
    let shop = somebody(&house, "shop", &[Scope::Publish], &["shop"]);
    let both = somebody(&house, "both", &[Scope::Publish], &["shop", "till"]);
    let of_none = json!({"action_name": "DELETE_TEAM", "action_data": {"team_id": 1}});
    let of_many = json!({"action_name": "IMPORT_SWITCH", "action_data": {"application_names": ["shop", "web"]}});

    for action in [&switch("till"), &switch("web"), &of_many] {
        shop.post("/api/webhook/actions", action).await.refused_like(400, "NoAuthError", "this token is for shop");
    }
    let told = both.post("/api/webhook/actions", &of_none).await;
    told.refused_like(400, "ValidationError", r#"{"application": ["is missing"#);
    both.act(&switch("till")).await;
    shop.act(&of_none).await;

    let names: Vec<_> =
        super::bodies(&receiver, "/site").iter().map(|body| body["application_names"].clone()).collect();
    assert_eq!(names, [json!(["till"]), json!(["shop"])], "its own where it names none");
    house.close().await;
}
