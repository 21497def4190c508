//! The user info of a URL is shown to nobody who asks.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpSocket;

use super::{basic, fields, list, path_of, with_user_info};
use crate::house::House;
use crate::receiver::{Receiver, Reply, status};

const USER_INFO: &str = "robin%40example.com:s3cr%3At";

/// A URL with this user info in it.
pub(super) fn locked(url: &str) -> String {
    with_user_info(url, USER_INFO)
}

/// Requires that nothing of the user info stands in a text, as written, decoded or encoded.
pub(super) fn says_nothing(text: &str) {
    let encoded = basic("robin@example.com:s3cr:t");
    for secret in ["robin", "s3cr", "cr%3At", &encoded["Basic ".len()..]] {
        assert!(!text.contains(secret), "{secret} is shown: {text}");
    }
}

/// The text of an answer, whatever its status.
async fn text(house: &House, method: Method, path: &str, body: &Value) -> String {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let response = house.send(method, path, &body).await;
    let headers = format!("{:?}", response.headers());
    headers + &response.text().await.expect("a body")
}

/// A hook that has failed and one that has not, both with user info.
async fn used_hooks(house: &House, receiver: &Receiver) -> [Value; 2] {
    receiver.answer(|request| status(if request.path == "/broken" { 500 } else { 200 }));
    let broken = house.subscribe(&locked(&receiver.url("/broken")), "E").await;
    let works = house.subscribe(&locked(&receiver.url("/works")), "E").await;
    house.publish_and_wait("E", "{}").await;
    [broken, works]
}

#[tokio::test]
async fn no_answer_about_hooks_shows_user_info() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    let hooks = used_hooks(&house, &receiver).await;
    let url = locked(&receiver.url("/works"));

    let posts = [fields(&url, "E"), fields(&url, "F"), fields(&locked("http://example.com:99999/"), "E")];
    for asked in posts {
        says_nothing(&text(&house, Method::POST, "/api/hooks", &asked).await);
    }
    for hook in hooks {
        let v1 = path_of(&hook).replace("/api/", "/api/v1/");
        says_nothing(&hook.to_string());
        says_nothing(&text(&house, Method::GET, &path_of(&hook), &Value::Null).await);
        says_nothing(&text(&house, Method::GET, &v1, &Value::Null).await);
        says_nothing(&text(&house, Method::PATCH, &v1, &json!({"url": hook["url"].as_str().map(locked)})).await);
    }
    for path in ["/api/hooks", "/api/v1/hooks", "/api/v1/hooks?q=example"] {
        says_nothing(&text(&house, Method::GET, path, &Value::Null).await);
    }

    house.close().await;
}

#[tokio::test]
async fn hooks_cannot_be_found_by_their_user_info() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    house.subscribe(&locked(&receiver.url("/cb")), "E").await;

    for guess in ["robin", "s3cr", "s3cr:t", "%40"] {
        let found = house.json(&format!("/api/v1/hooks?q={}", guess.replace('%', "%25"))).await;
        assert_eq!(found["items"], json!([]), "{guess}");
    }

    house.close().await;
}

#[tokio::test]
async fn no_record_of_an_attempt_shows_user_info() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    used_hooks(&house, &receiver).await;
    let listed = house.json("/api/v1/deliveries").await;
    says_nothing(&listed.to_string());

    for delivery in listed["items"].as_array().expect("a list") {
        let path = format!("/api/v1/deliveries/{}", delivery["id"].as_str().expect("a text"));
        let delivery = house.json(&path).await;
        says_nothing(&delivery.to_string());
        let headers = delivery["attempts"][0]["request_headers"].to_string();
        assert!(headers.contains(r#"["authorization","***"]"#), "{headers}");
    }

    house.close().await;
}

#[tokio::test]
async fn no_reason_of_a_failure_shows_user_info() {
    let house = House::with(|settings| settings.policy.timeout = Duration::from_millis(300)).await;
    let (hangs, untrusted) = (Receiver::new().await, Receiver::self_signed().await);
    hangs.answer(|_| Reply { hang: true, ..status(200) });
    let nobody = TcpSocket::new_v4().expect("a socket");
    nobody.bind(([127, 0, 0, 1], 0).into()).expect("a port");
    let refused = format!("http://{}/", nobody.local_addr().expect("an address"));
    for url in [hangs.url("/"), untrusted.url("/"), refused] {
        house.subscribe(&locked(&url), "E").await;
    }

    house.publish_and_wait("E", "{}").await;

    let hooks = list(&house).await;
    assert!(hooks.iter().all(|hook| hook["last_status"] == "Failure"), "{hooks:?}");
    says_nothing(&json!(hooks).to_string());
    house.close().await;
}
