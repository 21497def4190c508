//! Headers that a hook's owner wants its requests to carry.

use reqwest::Method;
use serde_json::{Value, json};

use super::{fields, patch, subscribed, v1};
use crate::bad_input::{check_problem, field};
use crate::house::House;
use crate::receiver::{Receiver, Reply, status};

fn with_headers(url: &str, headers: Value) -> Value {
    let mut fields = fields(url);
    fields["headers"] = headers;
    fields
}

async fn changed(house: &House, hook: &Value, headers: Value) -> Value {
    let response = patch(house, hook, &json!({ "headers": headers })).await;
    assert_eq!(response.status(), 200, "{headers}");
    response.json::<Value>().await.expect("a hook")["headers"].clone()
}

#[tokio::test]
async fn a_hooks_own_headers_are_sent_and_their_values_shown_to_nobody() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    let headers = json!({"X-Api-Key": "SECRET 1", "Authorization": "Bearer SECRET"});
    let hook = subscribed(&house, &with_headers(&receiver.url("/"), headers)).await;

    house.publish_and_wait("E", "{}").await;

    let request = &receiver.wait_for(1).await[0];
    assert_eq!((request.header("x-api-key"), request.header("authorization")), ("SECRET 1", "Bearer SECRET"));
    assert_eq!(hook["headers"], json!({"authorization": "***", "x-api-key": "***"}));
    let listed = house.json("/api/v1/deliveries").await;
    let delivery = listed["items"][0]["id"].as_str().expect("an id").to_owned();
    let attempts = house.json(&format!("/api/v1/deliveries/{delivery}")).await["attempts"][0].to_string();
    assert!(
        attempts.contains(r#"["x-api-key","***"]"#) && attempts.contains(r#"["authorization","***"]"#),
        "{attempts}"
    );
    for path in ["/api/hooks", "/api/v1/hooks", &v1(&hook, ""), "/api/v1/hooks?q=SECRET"] {
        assert!(!house.json(path).await.to_string().contains("SECRET"), "{path}");
    }
    house.close().await;
}

#[tokio::test]
async fn a_change_replaces_all_headers_and_keeps_the_values_that_are_sent_back_as_shown() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    let hook = subscribed(&house, &with_headers(&receiver.url("/"), json!({"x-a": "1", "x-b": "2"}))).await;

    assert_eq!(changed(&house, &hook, json!({"X-A": "***", "x-c": "3"})).await, json!({"x-a": "***", "x-c": "***"}));
    house.publish_and_wait("E", "1").await;
    let other = patch(&house, &hook, &json!({"description": "x", "url": receiver.url("/other")})).await;
    assert_eq!(other.json::<Value>().await.expect("a hook")["headers"], json!({"x-a": "***", "x-c": "***"}));
    house.publish_and_wait("E", "2").await;
    assert_eq!(changed(&house, &hook, Value::Null).await, json!({}));
    house.publish_and_wait("E", "3").await;

    let requests = receiver.wait_for(3).await;
    let sent = |place: usize| ["x-a", "x-b", "x-c"].map(|name| requests[place].header(name));
    assert_eq!([sent(0), sent(1), sent(2)], [["1", "", "3"], ["1", "", "3"], ["", "", ""]]);
    house.close().await;
}

#[tokio::test]
async fn headers_that_cannot_be_sent_are_refused_and_change_nothing() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    let hook = subscribed(&house, &with_headers(&receiver.url("/"), json!({"x-a": "1"}))).await;
    let refused = [
        (json!({"Host": "SECRET"}), "cannot hold host"),
        (json!({"Connection": "SECRET"}), "cannot hold connection"),
        (json!({"webhook-id": "SECRET"}), "cannot hold webhook-id"),
        (json!({"x-a": "SECRET\r\nhost: evil"}), "line break"),
        (json!({"x-a: SECRET\r\nb": "1"}), "no name of a header at place 1"),
        (json!({"x-a": "SECRET", "X-A": "SECRET"}), "twice"),
        (json!({"x-b": "***"}), "no value of x-b"),
        (json!({"x-a": ["SECRET"]}), "give a text"),
        (json!(["SECRET"]), "is no object"),
        (json!("SECRET"), "is no object"),
    ];

    for (headers, remedy) in refused {
        let change = patch(&house, &hook, &json!({ "headers": headers })).await;
        let problem = check_problem(change, field("headers", remedy), remedy).await;
        assert!(!problem.to_string().contains("SECRET"), "{problem}");
        let body = with_headers("http://127.0.0.1:9/new", headers).to_string();
        check_problem(house.send(Method::POST, "/api/v1/hooks", &body).await, field("headers", remedy), remedy).await;
    }
    house.publish_and_wait("E", "{}").await;
    assert_eq!(receiver.wait_for(1).await[0].header("x-a"), "1");
    assert_eq!(house.json("/api/v1/hooks").await["items"].as_array().map(Vec::len), Some(1));
    house.close().await;
}

#[tokio::test]
async fn authorization_comes_from_the_url_or_from_a_header_and_never_from_both() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    let url = receiver.url("/").replacen("://", "://robin:word@", 1);
    let both = with_headers(&url, json!({"Authorization": "Bearer SECRET"}));
    let refusal = field("headers", "leave one of them out");

    check_problem(house.send(Method::POST, "/api/hooks", &both.to_string()).await, refusal, "both").await;
    let with_user = subscribed(&house, &fields(&url)).await;
    let headers = json!({"headers": {"authorization": "Bearer SECRET"}});
    check_problem(patch(&house, &with_user, &headers).await, refusal, "a header beside user info").await;
    let with_header = subscribed(&house, &with_headers(&receiver.url("/2"), headers["headers"].clone())).await;
    check_problem(patch(&house, &with_header, &json!({ "url": url + "2" })).await, refusal, "user info beside it")
        .await;
    let moved = json!({"url": receiver.url("/new"), "headers": headers["headers"]});
    assert_eq!(patch(&house, &with_user, &moved).await.status(), 200);

    house.close().await;
}

#[tokio::test]
async fn headers_do_not_follow_the_url_to_another_host_by_themselves() {
    let (receiver, other) = (Receiver::new().await, Receiver::new().await);
    let house = House::new().await;
    let hook = subscribed(&house, &with_headers(&receiver.url("/"), json!({"x-api-key": "HEADERVALUE"}))).await;

    for fields in [json!({"url": other.url("/")}), json!({"url": other.url("/"), "headers": {"x-api-key": "***"}})] {
        let refused = patch(&house, &hook, &fields).await;
        assert_eq!(refused.status(), 400, "{fields}");
        let problem: Value = refused.json().await.expect("a problem");
        assert_eq!(problem["errors"][0]["field"], "headers", "{problem}");
    }
    assert_eq!(patch(&house, &hook, &json!({"url": receiver.url("/elsewhere")})).await.status(), 200);
    assert_eq!(patch(&house, &hook, &json!({"url": other.url("/"), "headers": {}})).await.status(), 200);
    house.publish_and_wait("E", "{}").await;

    assert_eq!(other.wait_for(1).await[0].header("x-api-key"), "");
    house.close().await;
}

#[tokio::test]
async fn what_a_receiver_repeats_of_the_secrets_it_was_sent_is_kept_nowhere() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    receiver.answer(|request| {
        let all: Vec<_> = ["x-api-key", "x-short", "authorization"].map(|name| request.header(name).to_owned()).into();
        let headers = vec![("x-key", all[0].clone()), ("x-short", all[1].clone()), ("x-auth", all[2].clone())];
        // Where it would be cut in half, too.
        let body = format!("{} {} {}{}", all[0], all[2], "x".repeat(4050), all[0]);
        Reply { headers, body: body.into(), reason: Some("Bad SECRETVALUE1"), ..status(400) }
    });
    let url = receiver.url("/").replace("://", "://user:PASSWORD2@");
    let hook = subscribed(&house, &with_headers(&url, json!({"x-api-key": "SECRETVALUE1", "x-short": "S3"}))).await;

    house.publish_and_wait("E", "{}").await;

    let listed = house.json("/api/v1/deliveries").await;
    let delivery = listed["items"][0]["id"].as_str().expect("an id").to_owned();
    let attempt = house.json(&format!("/api/v1/deliveries/{delivery}")).await["attempts"][0].clone();
    let answer = attempt["answer"].to_string();
    for header in [r#"["x-key","***"]"#, r#"["x-short","***"]"#, r#"["x-auth","Basic ***"]"#] {
        assert!(answer.contains(header), "{header}: {answer}");
    }
    let body = attempt["answer"]["body"].as_str().expect("a body");
    assert!(body.starts_with("*** Basic *** xxx") && !body.contains("SECR"), "{body}");
    assert_eq!(attempt["reason"], "Bad ***");
    assert_eq!(house.json(&v1(&hook, "")).await["last_reason"], "Bad ***");
    house.close().await;
}
