//! Which webhooks hear of which action, and what they are told of who did it.

use nyala::domain::token::Scope;
use serde_json::{Value, json};

use super::catalogue::ACTIONS;
use super::{Client, bodies, house_of, of, switch};
use crate::access::token;
use crate::house::House;
use crate::receiver::Receiver;

/// All actions by name.
fn names() -> Vec<&'static str> {
    ACTIONS.iter().map(|(_, name, ..)| *name).collect()
}

// H-32
#[tokio::test]
async fn each_webhook_of_the_site_hears_of_every_action_even_of_no_application() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    let client = Client::open(&house);
    for path in ["/1", "/2"] {
        client.add_site(&receiver.url(path)).await;
    }

    for name in names() {
        for severity in [Value::Null, json!(0), json!(1)] {
            let mut action = json!({"action_name": name, "action_data": {}});
            if severity.is_number() {
                action["severity"] = severity;
            }
            assert_eq!(client.act(&action).await["deliveries"], 2, "{name}");
        }
    }

    let expected = ACTIONS.iter().flat_map(|(_, name, _, severity, _)| {
        [*severity, 0, 1].map(|severity| {
            json!({
                "application_names": [], "username": null, "user_type": 0, "severity": severity,
                "action_name": name, "action_data": {},
            })
        })
    });
    let expected: Vec<_> = expected.collect();
    assert_eq!(bodies(&receiver, "/1"), expected);
    assert_eq!(bodies(&receiver, "/2"), expected);
    house.close().await;
}

// H-34
#[tokio::test]
async fn a_webhook_of_an_application_hears_of_the_actions_that_concern_applications_and_never_of_others() {
    let (house, receiver) = (house_of(&["shop"]).await, Receiver::new().await);
    let client = Client::open(&house);
    for path in ["/1", "/2"] {
        client.add(&of("shop"), &json!({"webhook_url": receiver.url(path), "event_list": names()})).await;
    }

    for (_, name, of_applications, ..) in ACTIONS {
        for severity in [0, 1] {
            let data = json!({"application_name": "shop"});
            let action = json!({"action_name": name, "action_data": data, "severity": severity});
            assert_eq!(client.act(&action).await["deliveries"], if of_applications { 2 } else { 0 }, "{name}");
        }
    }

    let concerning = ACTIONS.iter().filter(|(_, _, of_applications, ..)| *of_applications);
    let expected = concerning.flat_map(|(_, name, ..)| {
        [0, 1].map(|severity| {
            json!({
                "application_name": "shop", "user_name": null, "user_type": 0, "severity": severity,
                "action_name": name, "action_data": {"application_name": "shop"},
            })
        })
    });
    let expected: Vec<_> = expected.collect();
    assert_eq!(expected.len(), 2 * 28);
    assert_eq!(bodies(&receiver, "/1"), expected);
    assert_eq!(bodies(&receiver, "/2"), expected);
    house.close().await;
}

#[tokio::test]
async fn an_action_on_an_application_reaches_no_webhook_of_another() {
    let (house, receiver) = (house_of(&["shop", "till"]).await, Receiver::new().await);
    let client = Client::open(&house);
    client.add_of("shop", &receiver.url("/shop"), &["UPDATE_SWITCH"]).await;
    client.add_of("till", &receiver.url("/till"), &["UPDATE_SWITCH"]).await;
    client.add_of("till", &receiver.url("/other-action"), &["UPDATE_CONFIG"]).await;

    let published = client.act(&switch("till")).await;

    assert_eq!(published["deliveries"], 1);
    let paths: Vec<_> = receiver.received().iter().map(|request| request.path.clone()).collect();
    assert_eq!(paths, ["/till"]);
    house.close().await;
}

// H-37
#[tokio::test]
async fn an_action_of_the_site_that_names_applications_reaches_the_sites_webhooks_alone() {
    let (house, receiver) = (house_of(&["shop"]).await, Receiver::new().await);
    let client = Client::open(&house);
    client.add_site(&receiver.url("/site")).await;
    client.add_of("shop", &receiver.url("/shop"), &["DELETE_USER"]).await;

    let data = json!({"username": "robin", "user_id": 12, "application_names": ["unknown", "shop"]});
    let published = client.act(&json!({"action_name": "DELETE_USER", "action_data": data})).await;

    assert_eq!(published["deliveries"], 1);
    let body = &bodies(&receiver, "/site")[0];
    assert_eq!((&body["application_names"], &body["action_data"]), (&json!(["unknown", "shop"]), &data));
    house.close().await;
}

// H-38
#[tokio::test]
async fn an_action_on_an_application_that_nobody_knows_reaches_the_sites_webhooks_with_its_severity() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    let admin = Client::with(&house, token(&house, "admin", &[Scope::Admin], &[]));
    let ci = Client::with(&house, token(&house, "ci", &[Scope::Publish], &[]));
    admin.add_site(&receiver.url("/site")).await;

    let data = json!({"application_name": "unknown", "cluster_name": "c", "key": "k"});
    let published = ci.act(&json!({"action_name": "UPDATE_SERVICE", "action_data": data})).await;

    assert_eq!(published["deliveries"], 1);
    let body = &bodies(&receiver, "/site")[0];
    assert_eq!((&body["severity"], &body["application_names"]), (&json!(1), &json!(["unknown"])));
    house.close().await;
}

// H-39
#[tokio::test]
async fn obtaining_a_token_concerns_no_application_and_hardly_matters() {
    let (house, receiver) = (house_of(&["shop"]).await, Receiver::new().await);
    let client = Client::open(&house);
    client.add_site(&receiver.url("/site")).await;
    client.add_of("shop", &receiver.url("/shop"), &["OBTAIN_USER_TOKEN"]).await;

    let data = json!({"username": "robin", "user_id": 12, "application_name": "shop"});
    client.act(&json!({"action_name": "OBTAIN_USER_TOKEN", "action_data": data})).await;

    assert_eq!(bodies(&receiver, "/shop"), [Value::Null; 0]);
    assert_eq!(bodies(&receiver, "/site")[0]["severity"], 0);
    house.close().await;
}

// H-40
#[tokio::test]
async fn a_user_who_is_an_application_acts_as_one_unless_the_publisher_says_otherwise() {
    let (house, receiver) = (house_of(&["shop"]).await, Receiver::new().await);
    let client = Client::open(&house);
    client.add_site(&receiver.url("/site")).await;
    let act = async |who: Value| {
        let mut action = json!({"action_name": "DELETE_TEAM", "action_data": {}});
        for (key, value) in who.as_object().expect("an object") {
            action[key] = value.clone();
        }
        client.act(&action).await;
    };

    for who in [
        json!({"username": "shop"}),
        json!({"username": "robin"}),
        json!({"username": "Shop"}),
        json!({"username": null}),
        json!({}),
        json!({"username": "shop", "user_type": 0}),
        json!({"username": "robin", "user_type": 1}),
        json!({"username": "shop", "user_type": null, "severity": null}),
    ] {
        act(who).await;
    }

    let told: Vec<_> =
        bodies(&receiver, "/site").iter().map(|body| (body["username"].clone(), body["user_type"].clone())).collect();
    let expected = [("shop", 1), ("robin", 0), ("Shop", 0), ("", 0), ("", 0), ("shop", 0), ("robin", 1), ("shop", 1)]
        .map(|(name, number)| (if name.is_empty() { Value::Null } else { json!(name) }, json!(number)));
    assert_eq!(told, expected);
    house.close().await;
}

#[tokio::test]
async fn an_empty_list_of_applications_says_nothing_of_them() {
    let (house, receiver) = (house_of(&["shop"]).await, Receiver::new().await);
    let client = Client::open(&house);
    client.add_site(&receiver.url("/site")).await;
    client.add_of("shop", &receiver.url("/shop"), &["UPDATE_SWITCH"]).await;

    for data in [json!({"application_names": []}), json!({"application_names": [], "application_name": "shop"})] {
        client.act(&json!({"action_name": "UPDATE_SWITCH", "action_data": data})).await;
    }

    let names: Vec<_> = bodies(&receiver, "/site").iter().map(|body| body["application_names"].clone()).collect();
    assert_eq!(names, [json!([]), json!(["shop"])]);
    assert_eq!(bodies(&receiver, "/shop").len(), 1);
    house.close().await;
}
