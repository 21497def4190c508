//! What is published is what arrives, to the byte.

use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::json;

use super::{FAILED, JOB, SUCCESS, problem, send};
use crate::house::House;
use crate::receiver::Receiver;

/// Publishes each body and requires that it arrives unchanged.
async fn arrive_unchanged(bodies: &[&str]) {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    house.subscribe(&receiver.url("/cb"), "CustomEvent").await;

    for (n, body) in bodies.iter().enumerate() {
        house.publish_and_wait("CustomEvent", body).await;
        assert_eq!(receiver.wait_for(n + 1).await[n].text(), *body);
    }

    house.close().await;
}

// K-32
#[tokio::test]
async fn keys_and_values_arrive_as_they_were_sent() {
    let bodies = [r#"{"FooBar":null,"n":0}"#, r#"{"z":false,"A":"","a":0,"Z":[]}"#, SUCCESS, FAILED, JOB];
    arrive_unchanged(&bodies).await;
}

#[tokio::test]
async fn numbers_that_no_float_can_hold_arrive_as_they_were_sent() {
    arrive_unchanged(&[
        r#"{"big":123456789012345678901234567890,"huge":1e400,"tiny":-1E-400}"#,
        r#"{"precise":0.1000000000000000055511151231257827,"zeros":1.00,"minus":-0,"id":9007199254740993}"#,
        "123456789012345678901234567890",
    ])
    .await;
}

#[tokio::test]
async fn order_and_white_space_and_repeated_keys_arrive_as_they_were_sent() {
    arrive_unchanged(&[
        "{\r\n\t\"b\" : 1 ,\n  \"a\":2\n}\n",
        "  [ 1,2 ]  ",
        r#"{"a":1,"b":2,"a":3,"a":{"a":1,"a":2}}"#,
    ])
    .await;
}

#[tokio::test]
async fn texts_and_their_escapes_arrive_as_they_were_sent() {
    arrive_unchanged(&[
        r#"{"e":"\u00e9\/\ud83d\ude00","é":"é😀","half":"\ud800","nul":"\u0000"}"#,
        r#"{"time":"2013-06-06T01:24:16.5000000Z","offset":"2013-06-06T01:24:16+02:00"}"#,
        "\"a text\"",
    ])
    .await;
}

#[tokio::test]
async fn any_json_value_arrives() {
    let deep = format!("{}{}", "[".repeat(2000), "]".repeat(2000));
    arrive_unchanged(&["5", "true", "null", "[1]", "{}", "\"\"", &deep]).await;
}

#[tokio::test]
async fn a_body_of_many_pieces_arrives_whole() {
    let long = json!({"log": "ä0123456789\n".repeat(70_000)}).to_string();
    arrive_unchanged(&[&long]).await;
}

#[tokio::test]
async fn nothing_at_all_arrives_as_null() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    house.subscribe(&receiver.url("/cb"), "CustomEvent").await;

    for content_type in [None, Some("application/json"), Some("text/plain")] {
        let request = house.client.post(house.url("/api/hooks/publish/CustomEvent"));
        let request = content_type.into_iter().fold(request, |request, text| request.header(CONTENT_TYPE, text));
        assert_eq!(send(request).await.status(), 200, "{content_type:?}");
    }

    let requests = receiver.wait_for(3).await;
    assert!(requests.iter().all(|request| request.text() == "null"));
    house.close().await;
}

#[tokio::test]
async fn what_is_not_json_is_refused_and_nothing_is_published() {
    let house = House::new().await;
    let broken = ["{", "{}}", "{} {}", "{'a':1}", "{a:1}", "[1,]", "01", "NaN", "\"\n\"", "\u{feff}{}", " "];

    for body in broken {
        problem(house.send(Method::POST, "/api/hooks/publish/CustomEvent", body).await, 400, None).await;
    }
    let latin1 = house.client.post(house.url("/api/hooks/publish/CustomEvent")).body(b"\"\xe9\"".to_vec());
    problem(send(latin1).await, 400, None).await;

    assert_eq!(house.json("/api/v1/events").await["items"], json!([]));
    house.close().await;
}

// K-24
#[tokio::test]
async fn what_is_not_json_by_its_own_word_is_refused_and_nothing_is_published() {
    let house = House::new().await;

    for content_type in ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=iso-8859-1"] {
        let request = house.client.post(house.url("/api/hooks/publish/CustomEvent")).body("{}");
        problem(send(request.header(CONTENT_TYPE, content_type)).await, 415, None).await;
    }

    assert_eq!(house.json("/api/v1/events").await["items"], json!([]));
    house.close().await;
}
