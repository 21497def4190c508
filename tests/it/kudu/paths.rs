//! One API, many spellings of its paths.

use reqwest::Method;
use serde_json::{Value, json};

use super::{ask, fields, list, problem};
use crate::house::House;
use crate::receiver::Receiver;

/// Spellings of the place where hooks are, each with a slash after it or not.
const MOUNTS: [&str; 6] = ["/api/hooks", "/hooks", "/API/Hooks", "/HOOKS", "/api/hooks/", "/Hooks/"];

// K-20
#[tokio::test]
async fn every_spelling_of_the_mount_does_the_same() {
    let house = House::new().await;
    let mut made = vec![];

    for (n, mount) in MOUNTS.into_iter().enumerate() {
        let asked = fields(&format!("http://example.com/{n}"), "PostDeployment").to_string();
        let (status, hook) = ask(&house, Method::POST, mount, &asked).await;
        assert_eq!(status, 201, "POST {mount}");
        made.push(hook);
        assert_eq!(house.json(mount).await, json!(made), "GET {mount}");
    }

    assert_eq!(list(&house).await, made);
    house.close().await;
}

// K-20
#[tokio::test]
async fn every_spelling_of_a_hooks_path_does_the_same() {
    let house = House::new().await;

    for spelling in ["/api/hooks/{}", "/hooks/{}", "/API/Hooks/{}/", "/hOOKs/{}/"] {
        let hook = house.subscribe("http://example.com/cb", "PostDeployment").await;
        let path = spelling.replace("{}", &hook["id"].to_string());
        assert_eq!(house.json(&path).await, hook, "GET {path}");
        assert_eq!(ask(&house, Method::DELETE, &path, "").await, (200, Value::Null), "DELETE {path}");
        assert!(list(&house).await.is_empty(), "DELETE {path}");
    }

    house.close().await;
}

// K-20
#[tokio::test]
async fn every_spelling_of_publish_does_the_same() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    house.subscribe(&receiver.url("/cb"), "CustomEvent").await;
    let paths = [
        "/api/hooks/publish/CustomEvent",
        "/hooks/publish/CustomEvent",
        "/API/HOOKS/PUBLISH/CustomEvent/",
        "/Hooks/Publish/CustomEvent/",
        // As Kudu's wiki spells it.
        "/api/hooks/hooks/publish/CustomEvent",
        "/api/Hooks/hooks/Publish/CustomEvent/",
    ];

    for (n, path) in paths.into_iter().enumerate() {
        let (status, published) = ask(&house, Method::POST, path, &json!({"n": n}).to_string()).await;
        assert_eq!((status, &published["type"], &published["deliveries"]), (200, &json!("CustomEvent"), &json!(1)));
    }

    receiver.wait_for(paths.len()).await;
    house.until("/api/v1/deliveries?state=delivered", |page| page["items"].as_array().map(Vec::len) == Some(6)).await;
    house.close().await;
}

#[tokio::test]
async fn an_event_type_is_one_decoded_segment() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    house.subscribe(&receiver.url("/cb"), "bau/fertig ä?").await;

    let published = house.publish_and_wait("bau%2Ffertig%20%C3%A4%3F", "{}").await;

    assert_eq!(published["type"], "bau/fertig ä?");
    let request = &receiver.wait_for(1).await[0];
    assert_eq!(request.headers["nyala-event"].as_bytes(), "bau/fertig ä?".as_bytes());
    house.close().await;
}

#[tokio::test]
async fn what_is_no_path_is_not_found_and_what_is_names_its_methods() {
    let house = House::new().await;

    for path in ["/api/hook", "/api/hooks/1/2", "/api/hooks/publish/a/b", "/api//hooks"] {
        problem(house.get(path).await, 404, None).await;
    }
    for (method, path) in [
        (Method::PUT, "/api/hooks"),
        (Method::DELETE, "/hooks"),
        (Method::POST, "/hooks/123"),
        (Method::GET, "/hooks/publish/X"),
    ] {
        let response = house.send(method, path, "{}").await;
        assert!(response.headers().contains_key("allow"), "{path}");
        problem(response, 405, None).await;
    }

    house.close().await;
}
