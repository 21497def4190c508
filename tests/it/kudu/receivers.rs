//! Receivers that are gone, elsewhere, locked, or not to be trusted.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::{again, ask, basic, list, path_of, paths, problem, subscribe_with, with_user_info};
use crate::house::House;
use crate::receiver::{Received, Receiver, Reply, status};

/// The states of a hook's deliveries, the newest first.
fn states(page: &Value) -> Vec<&str> {
    let items = page["items"].as_array().expect("a list");
    items.iter().map(|delivery| delivery["state"].as_str().expect("a text")).collect()
}

// K-28
#[tokio::test]
async fn a_receiver_that_is_gone_for_good_loses_its_hook() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    receiver.answer(|request| status(if request.path == "/gone" { 410 } else { 200 }));
    let gone = house.subscribe(&receiver.url("/gone"), "E").await;
    let other = house.subscribe(&receiver.url("/other"), "E").await;

    house.publish_and_wait("E", "1").await;
    let published = house.publish_and_wait("E", "2").await;

    assert_eq!(published["deliveries"], 1);
    assert_eq!(list(&house).await, [again(&house, &other).await]);
    problem(house.get(&path_of(&gone)).await, 404, None).await;
    assert_eq!(paths(&receiver.received()), ["/gone", "/other", "/other"]);
    house.close().await;
}

#[tokio::test]
async fn what_a_receiver_that_is_gone_was_owed_is_cancelled() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    receiver.answer(|request| status(if request.text() == "1" { 500 } else { 410 }));
    let hook = house.subscribe(&receiver.url("/gone"), "E").await;

    house.publish_and_wait("E", "1").await;
    house.publish_and_wait("E", "2").await;
    // By then the sweeper has looked.
    house.clock.advance(Duration::from_secs(15));

    let deliveries = format!("/api/v1/deliveries?hook={}", hook["id"]);
    house.until(&deliveries, |page| states(page) == ["dead", "cancelled"]).await;
    house.close().await;
}

#[tokio::test]
async fn a_url_that_was_gone_may_subscribe_again() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    receiver.answer(|_| status(410));
    let gone = house.subscribe(&receiver.url("/cb"), "E").await;
    house.publish_and_wait("E", "1").await;

    receiver.answer(|_| status(200));
    let hook = house.subscribe(&receiver.url("/cb"), "F").await;
    house.publish_and_wait("F", "2").await;

    assert_ne!(hook["id"], gone["id"]);
    assert_eq!(again(&house, &hook).await["last_status"], "OK");
    house.close().await;
}

#[tokio::test]
async fn a_redirect_is_a_failure_and_is_not_followed() {
    let (house, receiver, elsewhere) = (House::new().await, Receiver::new().await, Receiver::new().await);
    let location = elsewhere.url("/moved");
    receiver.answer(move |request| Reply {
        headers: vec![("location", location.clone())],
        ..status(request.path[1..].parse().expect("a status"))
    });
    for code in [301, 302, 303, 307, 308] {
        house.subscribe(&receiver.url(&format!("/{code}")), "E").await;
    }

    house.publish_and_wait("E", "{}").await;
    house.subscribe(&elsewhere.url("/asked"), "F").await;
    house.publish_and_wait("F", "{}").await;

    let told: Vec<_> = list(&house).await.iter().map(|hook| hook["last_status"].clone()).collect();
    assert_eq!(told, ["Moved", "Redirect", "RedirectMethod", "TemporaryRedirect", "308", "OK"]);
    assert_eq!(paths(&elsewhere.received()), ["/asked"]);
    house.until("/api/v1/deliveries?state=pending", |page| states(page).len() == 5).await;
    house.close().await;
}

// K-30
#[tokio::test]
async fn user_info_is_sent_at_once_and_decoded() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    receiver.answer(|request| status(if request.header("authorization").is_empty() { 401 } else { 200 }));
    let table = [
        ("u:p", "u:p"),
        ("robin%40example.com:p%3Aw%25", "robin@example.com:p:w%"),
        ("token", "token:"),
        ("token:", "token:"),
        (":word", ":word"),
        ("a:b:c", "a:b:c"),
        ("a@b:c@d", "a@b:c@d"),
        ("%C3%A4:%F0%9F%98%80+", "ä:😀+"),
    ];

    for (n, (user_info, sent)) in table.into_iter().enumerate() {
        let hook = house.subscribe(&with_user_info(&receiver.url(&format!("/{n}")), user_info), &format!("E{n}")).await;
        house.publish_and_wait(&format!("E{n}"), "{}").await;
        let requests = receiver.received();
        assert_eq!((requests.len(), requests[n].header("authorization")), (n + 1, &*basic(sent)), "{user_info}");
        assert_eq!(
            (&hook["url"], &json!("OK")),
            (&json!(receiver.url(&format!("/{n}"))), &again(&house, &hook).await["last_status"])
        );
    }

    house.close().await;
}

#[tokio::test]
async fn user_info_outlives_the_process_and_is_sent_with_every_attempt() {
    let (mut house, receiver) = (House::new().await, Receiver::new().await);
    receiver.answer(|_| status(500));
    house.subscribe(&with_user_info(&receiver.url("/cb"), "robin:word"), "E").await;
    house.publish_and_wait("E", "{}").await;

    house.stop().await;
    receiver.answer(|_| status(200));
    house.start_again().await;
    house.clock.advance(Duration::from_mins(1));

    let requests = receiver.wait_for(2).await;
    let sent: Vec<_> = requests.iter().map(|request| request.header("authorization")).collect();
    assert_eq!(sent, [basic("robin:word"), basic("robin:word")]);
    house.until("/api/v1/deliveries?state=delivered", |page| states(page).len() == 1).await;
    house.close().await;
}

#[tokio::test]
async fn user_info_goes_to_its_own_hook_alone() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    house.subscribe(&with_user_info(&receiver.url("/locked"), "robin:word"), "E").await;
    house.subscribe(&receiver.url("/open"), "E").await;
    house.subscribe(&receiver.url("/at@sign?q=a:b@c"), "E").await;

    house.publish_and_wait("E", "{}").await;

    let with = |request: &&Received| !request.header("authorization").is_empty();
    let requests = receiver.received();
    assert_eq!(requests.len(), 3);
    assert_eq!(requests.iter().filter(with).map(|request| request.path.as_str()).collect::<Vec<_>>(), ["/locked"]);
    house.close().await;
}

// K-31
#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_taken_for_the_hook_that_allows_it_alone() {
    let (house, receiver) = (House::new().await, Receiver::self_signed().await);
    let allows = json!({"url": receiver.url("/any"), "event": "E", "insecure_ssl": true});
    let (_, any) = subscribe_with(&house, allows).await;
    let checked = house.subscribe(&receiver.url("/checked"), "E").await;

    for n in 1..=2 {
        house.publish_and_wait("E", "{}").await;
        let checked = again(&house, &checked).await;
        assert_eq!(checked["last_status"], "Failure");
        assert!(checked["last_reason"].as_str().is_some_and(|reason| reason.contains("certificate")), "{checked}");
        assert_eq!(again(&house, &any).await["last_status"], "OK");
        assert_eq!(paths(&receiver.received()), vec!["/any"; n]);
    }

    house.close().await;
}

// K-31
#[tokio::test]
async fn whether_any_certificate_is_taken_can_be_changed_at_any_time() {
    let (house, receiver) = (House::new().await, Receiver::self_signed().await);
    let hook = house.subscribe(&receiver.url("/cb"), "E").await;
    let path = format!("/api/v1/hooks/{}", hook["id"]);

    for (insecure_ssl, told) in [(true, "OK"), (false, "Failure"), (true, "OK")] {
        let changed = ask(&house, Method::PATCH, &path, &json!({"insecure_ssl": insecure_ssl}).to_string()).await;
        assert_eq!((changed.0, &changed.1["insecure_ssl"]), (200, &json!(insecure_ssl)));
        house.publish_and_wait("E", "{}").await;
        assert_eq!(again(&house, &hook).await["last_status"], told);
    }

    house.close().await;
}
