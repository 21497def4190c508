//! What a hook may be asked for with, and what is refused.

use reqwest::Method;
use serde_json::{Value, json};

use super::{fields, list, problem, send, subscribe_with};
use crate::house::House;

const URL: &str = "http://example.com/cb";

#[tokio::test]
async fn the_url_is_taken_under_each_of_its_names() {
    let house = House::new().await;
    let names = ["url", "hookAddress", "target_url", "hookUrl", "subscription_url", "URL", "HOOKADDRESS", "Target_Url"];

    for (n, name) in names.into_iter().enumerate() {
        let url = format!("http://example.com/{n}");
        let (status, hook) = subscribe_with(&house, json!({name: url, "event": "PostDeployment"})).await;
        assert_eq!((status, &hook["url"]), (201, &json!(url)), "{name}");
    }

    assert_eq!(list(&house).await.len(), names.len());
    house.close().await;
}

#[tokio::test]
async fn event_and_insecure_ssl_are_taken_under_kudus_other_names() {
    let house = House::new().await;
    let asked = json!({"hookAddress": URL, "hookEventType": "PostDeployment", "insecureSsl": true});

    let (status, hook) = subscribe_with(&house, asked).await;

    assert_eq!(status, 201);
    assert_eq!((&hook["event"], &hook["insecure_ssl"]), (&json!("PostDeployment"), &json!(true)));
    house.close().await;
}

#[tokio::test]
async fn truths_and_numbers_are_taken_as_kudu_takes_them() {
    let house = House::new().await;
    let truths = [json!(true), json!("true"), json!("True"), json!(1)];
    let falsehoods = [json!(false), json!("false"), json!(0)];

    for (expected, spellings) in [(true, &truths[..]), (false, &falsehoods[..])] {
        for spelling in spellings {
            let url = format!("http://example.com/{expected}/{spelling}").replace('"', "_");
            let (status, hook) =
                subscribe_with(&house, json!({"url": url, "event": 5, "insecure_ssl": spelling})).await;
            assert_eq!((status, &hook["event"]), (201, &json!("5")), "{spelling}");
            assert_eq!(hook["insecure_ssl"], expected, "{spelling}");
        }
    }

    house.close().await;
}

#[tokio::test]
async fn what_the_client_says_about_last_results_is_ignored() {
    let house = House::new().await;
    let asked = json!({
        "url": URL, "event": "PostDeployment", "last_status": "OK", "last_reason": "OK",
        "last_datetime": "0001-01-01T00:00:00", "last_context": "{}", "more": [1],
    });

    let (status, hook) = subscribe_with(&house, asked).await;

    assert_eq!(status, 201);
    assert_eq!(hook.get("last_status"), None);
    assert_eq!(hook.get("more"), None);
    house.close().await;
}

// K-21
#[tokio::test]
async fn blanks_around_a_url_are_taken_away() {
    let house = House::new().await;

    let hook = house.subscribe(&format!(" \t{URL}\n"), "PostDeployment").await;

    assert_eq!(hook["url"], URL);
    assert_eq!(list(&house).await[0]["url"], URL);
    house.close().await;
}

#[tokio::test]
async fn a_url_is_kept_as_it_was_written() {
    let house = House::new().await;

    for url in
        ["HTTP://Example.COM", "http://[::1]:80/", "https://example.com/a/../b?q=%7e#F", "https://bücher.example/ä"]
    {
        let hook = house.subscribe(url, "PostDeployment").await;
        assert_eq!(hook["url"], url);
    }

    house.close().await;
}

// K-08
#[tokio::test]
async fn a_url_that_cannot_be_called_is_refused_and_named() {
    let house = House::new().await;
    let urls = [
        r"htsp://\invalidurl",
        "ftp://example.com/",
        "mailto:robin@example.com",
        "file:///etc/hosts",
        "custom:x",
        "/x",
        "a/b",
        "http://",
        "http:example.com",
        "http://a b",
        "http://example.com/b c",
        "http://example.com:99999/",
        r"c:\x",
        " ",
        "",
    ];

    for url in urls {
        let response = house.send(Method::POST, "/api/hooks", &fields(url, "PostDeployment").to_string()).await;
        problem(response, 400, Some("url")).await;
    }

    assert!(list(&house).await.is_empty());
    house.close().await;
}

#[tokio::test]
async fn a_field_that_cannot_be_taken_is_named() {
    let house = House::new().await;
    let table = [
        (json!({"event": "PostDeployment"}), "url"),
        (json!({"url": null, "event": "PostDeployment"}), "url"),
        (json!({"url": [URL], "event": "PostDeployment"}), "url"),
        (json!({"url": URL, "event": {}}), "event"),
        (json!({"url": URL, "event": " "}), "event"),
        (json!({"url": URL, "event": "x".repeat(257)}), "event"),
        (json!({"url": URL, "event": "PostDeployment", "insecure_ssl": "perhaps"}), "insecure_ssl"),
        (json!({"url": URL, "event": "PostDeployment", "insecure_ssl": null}), "insecure_ssl"),
        (json!({"url": URL, "events": [[]]}), "events"),
    ];

    for (asked, field) in table {
        let response = house.send(Method::POST, "/api/hooks", &asked.to_string()).await;
        problem(response, 400, Some(field)).await;
    }

    assert!(list(&house).await.is_empty());
    house.close().await;
}

// K-23
#[tokio::test]
async fn a_body_that_is_no_object_is_refused() {
    let house = House::new().await;

    for body in
        ["", "null", "[]", "5", r#""http://example.com/""#, "{", "{}}", r#"{"url":"http://example.com/cb","event":"E""#]
    {
        problem(house.send(Method::POST, "/api/hooks", body).await, 400, None).await;
    }

    assert!(list(&house).await.is_empty());
    house.close().await;
}

// K-24
#[tokio::test]
async fn a_body_that_is_not_json_by_its_own_word_is_refused() {
    let house = House::new().await;
    let body = fields(URL, "PostDeployment").to_string();

    for content_type in ["text/plain", "application/x-www-form-urlencoded", "application/xml", "json"] {
        let request = house.client.post(house.url("/api/hooks")).header("content-type", content_type);
        problem(send(request.body(body.clone())).await, 415, None).await;
    }

    assert!(list(&house).await.is_empty());
    house.close().await;
}

#[tokio::test]
async fn json_is_taken_under_each_of_its_media_types_and_without_one() {
    let house = House::new().await;
    let types = [Some("application/json"), Some("text/json"), Some("Application/JSON; Charset=UTF-8"), None];

    for (n, content_type) in types.into_iter().enumerate() {
        let body = fields(&format!("{URL}/{n}"), "PostDeployment").to_string();
        let request = house.client.post(house.url("/api/hooks")).body(body);
        let request = match content_type {
            Some(content_type) => request.header("content-type", content_type),
            None => request,
        };
        let response = send(request).await;
        assert_eq!(response.status(), 201, "{content_type:?}");
        let hook: Value = response.json().await.expect("JSON");
        assert_eq!(hook["event"], "PostDeployment");
    }

    house.close().await;
}
