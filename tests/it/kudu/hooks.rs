//! Subscribing, listing, getting and unsubscribing.

use std::slice::from_ref;

use futures_util::{StreamExt, stream};
use reqwest::Method;
use serde_json::{Value, json};

use super::{again, ask, fields, list, path_of, problem, subscribe_with, unsubscribe};
use crate::house::House;

const AAA: &str = "http://www.gothere.com/aaabbbbbbaaa";
const AAA2: &str = "http://www.gothere.com/aaabbbbbbaaa2";
const AAA3: &str = "http://www.gothere.com/aaabbbbbbaaa3";

fn urls(hooks: &[Value]) -> Vec<&str> {
    hooks.iter().map(|hook| hook["url"].as_str().expect("a text")).collect()
}

// K-01
#[tokio::test]
async fn a_hook_that_was_added_is_listed_and_found_by_its_id() {
    let house = House::new().await;

    let hook = house.subscribe(AAA, "PostDeployment").await;

    assert_eq!((&hook["url"], &hook["event"]), (&json!(AAA), &json!("PostDeployment")));
    assert_eq!(hook["insecure_ssl"], false);
    assert_eq!(list(&house).await, from_ref(&hook));
    assert_eq!(again(&house, &hook).await, hook);
    house.close().await;
}

#[tokio::test]
async fn an_id_is_a_number() {
    let house = House::new().await;

    let hook = house.subscribe(AAA, "PostDeployment").await;

    assert!(hook["id"].is_u64(), "{hook}");
    assert!(list(&house).await[0]["id"].is_u64());
    house.close().await;
}

// K-34
#[tokio::test]
async fn a_hook_that_was_never_called_has_no_last_result() {
    let house = House::new().await;

    let hook = house.subscribe(AAA, "PostDeployment").await;

    for hook in [again(&house, &hook).await, list(&house).await.remove(0), hook] {
        let fields = hook.as_object().expect("an object");
        assert!(!fields.keys().any(|name| name.starts_with("last_")), "{hook}");
    }
    house.close().await;
}

// K-02, K-03
#[tokio::test]
async fn a_hook_that_was_removed_is_gone_and_the_others_stay_as_they_were() {
    let house = House::new().await;
    let aaa = house.subscribe(AAA, "PostDeployment").await;
    let aaa2 = house.subscribe(AAA2, "PostDeployment").await;
    let aaa3 = house.subscribe(AAA3, "PostDeployment").await;

    unsubscribe(&house, &aaa2).await;
    assert_eq!(list(&house).await, [aaa.clone(), aaa3.clone()]);
    assert_eq!(again(&house, &aaa).await, aaa);
    unsubscribe(&house, &aaa).await;

    assert_eq!(list(&house).await, from_ref(&aaa3));
    assert_eq!(again(&house, &aaa3).await, aaa3);
    problem(house.get(&path_of(&aaa)).await, 404, None).await;
    house.close().await;
}

// K-04, K-33
#[tokio::test]
async fn removing_what_is_not_there_is_no_error() {
    let house = House::new().await;

    for id in ["http%3A%2F%2Fwww.gothere.com%2Faaa", "1", "0", "635115138561234567", "99999999999999999999"] {
        let removed = ask(&house, Method::DELETE, &format!("/api/hooks/{id}"), "").await;
        assert_eq!(removed, (200, Value::Null), "{id}");
    }

    assert!(list(&house).await.is_empty());
    house.close().await;
}

#[tokio::test]
async fn asking_for_what_is_not_there_is_answered_with_404() {
    let house = House::new().await;
    house.subscribe(AAA, "PostDeployment").await;

    for id in ["2", "01", "x", "635115138561234567", "99999999999999999999"] {
        problem(house.get(&format!("/api/hooks/{id}")).await, 404, None).await;
    }

    house.close().await;
}

// K-05
#[tokio::test]
async fn an_id_that_the_client_gives_is_ignored() {
    let house = House::new().await;
    let hook = |url: &str, insecure_ssl: bool| json!({"id": "111", "url": url, "event": "PostDeployment", "insecure_ssl": insecure_ssl});

    house.subscribe(AAA, "PostDeployment").await;
    assert_eq!(subscribe_with(&house, hook(AAA2, false)).await.0, 201);
    assert_eq!(subscribe_with(&house, hook(AAA3, true)).await.0, 201);

    let hooks = list(&house).await;
    assert_eq!(urls(&hooks), [AAA, AAA2, AAA3]);
    assert_ne!(hooks[1]["id"], hooks[2]["id"]);
    assert!(hooks.iter().all(|hook| hook["id"] != "111" && hook["id"] != 111));
    assert_eq!((&hooks[1]["insecure_ssl"], &hooks[2]["insecure_ssl"]), (&json!(false), &json!(true)));
    house.close().await;
}

#[tokio::test]
async fn an_id_is_never_given_out_again() {
    let mut house = House::new().await;
    let removed = house.subscribe(AAA, "PostDeployment").await;
    unsubscribe(&house, &removed).await;

    house.stop().await;
    house.start_again().await;
    let hook = house.subscribe(AAA, "PostDeployment").await;

    assert!(hook["id"].as_u64() > removed["id"].as_u64(), "{hook}");
    house.close().await;
}

#[tokio::test]
async fn hooks_outlive_the_process() {
    let mut house = House::new().await;
    let asked = json!({"url": AAA, "event": "PostDeployment", "insecure_ssl": true, "applications": ["shop"]});
    let (_, hook) = subscribe_with(&house, asked).await;

    house.stop().await;
    house.start_again().await;

    assert_eq!(list(&house).await, [hook]);
    house.close().await;
}

// More than the list reads at a time.
#[tokio::test]
async fn a_long_list_is_complete_and_in_the_order_in_which_hooks_were_made() {
    let house = House::new().await;
    let count = 501;
    let subscribing = stream::iter(0..count).map(|n| {
        let house = &house;
        async move { house.subscribe(&format!("http://example.com/{n}"), "PostDeployment").await }
    });
    let mut made: Vec<_> = subscribing.buffer_unordered(32).collect().await;
    made.sort_by_key(|hook| hook["id"].as_u64());

    let listed = list(&house).await;

    assert_eq!(listed.len(), count);
    assert_eq!(listed, made);
    house.close().await;
}

#[tokio::test]
async fn hooks_of_the_other_api_are_not_kudus_business() {
    let house = House::new().await;
    let (_, other) = ask(&house, Method::POST, "/api/v1/hooks", &fields(AAA, "PostDeployment").to_string()).await;

    let kudus = house.subscribe(AAA, "TriggeredJobFinished").await;
    let removed = ask(&house, Method::DELETE, &path_of(&other), "").await;

    assert_eq!(removed.0, 200);
    assert_eq!(list(&house).await, [kudus]);
    problem(house.get(&path_of(&other)).await, 404, None).await;
    let all = house.json("/api/v1/hooks").await;
    assert_eq!(all["items"].as_array().map(Vec::len), Some(2));
    house.close().await;
}
