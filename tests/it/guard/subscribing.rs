//! What is refused as a hook is made or changed.

use reqwest::Method;
use serde_json::json;

use super::{ask_for_hook, fields, networks};
use crate::house::House;

#[tokio::test]
async fn each_way_to_name_a_url_refuses_a_forbidden_one_with_the_setting_that_allows_it() {
    let house = House::with(|settings| settings.allow_network = vec![]).await;
    let (_, hook) = ask_for_hook(&house, "/api/v1/hooks", fields("https://example.com/")).await;
    let own = format!("/api/v1/hooks/{}", hook["id"]);
    let forbidden = fields("http://robin:word@127.0.0.1:1/cb");

    for (method, path) in [(Method::POST, "/api/hooks"), (Method::POST, "/hooks"), (Method::POST, "/api/v1/hooks")] {
        let response = house.send(method, path, &forbidden.to_string()).await;
        assert_eq!(response.status(), 422, "{path}");
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        let problem: serde_json::Value = response.json().await.expect("JSON");
        let message =
            "points where hooks may not: 127.0.0.1 is a loopback address: allow it with --allow-network loopback";
        assert_eq!(problem["errors"], json!([{"field": "url", "message": message}]));
        assert!(!problem.to_string().contains("word"), "{problem}");
    }
    let patch = json!({"url": "http://localhost/"}).to_string();
    let changed = house.send(Method::PATCH, &own, &patch).await;

    assert_eq!(changed.status(), 422);
    assert_eq!(house.json(&own).await["url"], "https://example.com/");
    assert_eq!(house.json("/api/hooks").await, json!([]));
    house.close().await;
}

#[tokio::test]
async fn a_hook_from_laxer_times_can_still_be_changed_and_removed() {
    let mut house = House::new().await;
    let hook = house.subscribe("http://127.0.0.1:9/", "E").await;
    let path = format!("/api/v1/hooks/{}", hook["id"]);
    house.stop().await;
    house.change(|settings| settings.allow_network = vec![]);
    house.start_again().await;

    let noted = house.send(Method::PATCH, &path, r#"{"description": "old"}"#).await.status();
    let removed = house.send(Method::DELETE, &path, "").await.status();

    assert_eq!((noted.as_u16(), removed.as_u16()), (200, 204));
    house.close().await;
}

#[tokio::test]
async fn a_network_that_is_allowed_may_be_subscribed() {
    let table = [
        ("loopback", "http://[::ffff:127.1.2.3]/", 201),
        ("loopback", "http://x.localhost/", 201),
        ("loopback", "http://10.0.0.5/", 422),
        ("::1/128", "http://localhost/", 201),
        ("private", "http://0xa000005/", 201),
        ("private", "http://[fd00::1]/", 201),
        ("private", "http://[fd00:ec2::254]/", 422),
        ("private", "http://localhost/", 422),
        ("169.254.0.0/16", "http://[64:ff9b::169.254.169.254]/", 201),
        ("*.example.com", "http://10.0.0.5/", 422),
    ];

    for (network, url, expected) in table {
        let house = House::with(|settings| settings.allow_network = networks(&[network])).await;
        let (status, body) = ask_for_hook(&house, "/api/hooks", fields(url)).await;
        assert_eq!(status, expected, "{network} {url}: {body}");
        house.close().await;
    }
}
