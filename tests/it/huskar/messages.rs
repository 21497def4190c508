//! What is said of a body that cannot be taken, to the letter: clients compare it.

use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};

use super::{Client, URL, house_of, of, one, told};

const MISSING: &str = r#"{"webhook_url": ["Missing data for required field."]}"#;

/// Adds a webhook by this body, and changes one: each must be refused by this message.
async fn refused_as(client: &Client<'_>, fields: &Value, message: &str) {
    let added = client.post(&format!("/api/webhook?{}", of("shop")), fields).await;
    added.refused(400, "ValidationError", message);
    client.put(&one(1, "shop"), fields).await.refused(400, "ValidationError", message);
    let of_site = client.post("/api/webhook?webhook_type=1", fields).await;
    of_site.refused(400, "ValidationError", message);
}

/// Requires that there is the one webhook that there was, as it was.
async fn nothing_changed(client: &Client<'_>) {
    let list = client.list().await;
    assert_eq!(list, [json!({"webhook_id": 1, "webhook_url": URL, "webhook_type": 0})]);
    assert_eq!(client.events(1, "shop").await, ["DELETE_ROUTE"]);
}

// H-05
#[tokio::test]
async fn a_url_that_cannot_be_taken_is_refused_in_huskars_words() {
    let house = house_of(&["shop"]).await;
    let client = Client::open(&house);
    client.add_of("shop", URL, &["DELETE_ROUTE"]).await;
    let long = format!("http://www.example.com/{}", "a".repeat(2000 - 22));

    for (url, message) in [
        (json!("http://1234123"), "Not a valid URL."),
        (json!(""), "Not a valid URL."),
        (json!(null), "Field may not be null."),
        (json!(7), "Not a valid string."),
        (json!([URL]), "Not a valid string."),
        (json!(long), "Longer than maximum length 2000."),
    ] {
        refused_as(&client, &json!({"webhook_url": url}), &format!(r#"{{"webhook_url": ["{message}"]}}"#)).await;
    }
    refused_as(&client, &json!({}), MISSING).await;

    nothing_changed(&client).await;
    let longest = &long[..2000];
    assert_eq!(client.add_of("shop", longest, &[]).await, 2);
    assert_eq!(client.list().await[1]["webhook_url"], longest);
    house.close().await;
}

// H-06
#[tokio::test]
async fn each_event_that_cannot_be_taken_is_named_by_its_place() {
    let house = house_of(&["shop"]).await;
    let client = Client::open(&house);
    client.add_of("shop", URL, &["DELETE_ROUTE"]).await;
    let unknown = r#"["not a valid event type"]"#;

    for (events, message) in [
        (json!(["UPDATE_SWITCH", "嗷"]), format!(r#"{{"1": {unknown}}}"#)),
        (json!(["update_switch"]), format!(r#"{{"0": {unknown}}}"#)),
        (
            json!(["_CREATE_SERVICE", "PostDeployment", "*"]),
            format!(r#"{{"0": {unknown}, "1": {unknown}, "2": {unknown}}}"#),
        ),
        (
            json!([7, "UPDATE_SWITCH", null, "x"]),
            format!(r#"{{"0": ["Not a valid string."], "2": ["Not a valid string."], "3": {unknown}}}"#),
        ),
        (json!("UPDATE_SWITCH"), r#"["Not a valid list."]"#.to_owned()),
        (json!({"0": "UPDATE_SWITCH"}), r#"["Not a valid list."]"#.to_owned()),
        (json!(null), r#"["Field may not be null."]"#.to_owned()),
    ] {
        let fields = json!({"webhook_url": URL, "event_list": events});
        refused_as(&client, &fields, &format!(r#"{{"event_list": {message}}}"#)).await;
    }

    nothing_changed(&client).await;
    house.close().await;
}

#[tokio::test]
async fn a_type_in_the_body_is_read_and_heeded_by_nobody() {
    let house = house_of(&["shop"]).await;
    let client = Client::open(&house);
    client.add_of("shop", URL, &["DELETE_ROUTE"]).await;

    for (number, message) in [
        (json!(2), "invalid webhook type"),
        (json!(-1), "invalid webhook type"),
        (json!("2"), "invalid webhook type"),
        (json!("one"), "Not a valid integer."),
        (json!([]), "Not a valid integer."),
        (json!(null), "Field may not be null."),
    ] {
        let fields = json!({"webhook_url": URL, "webhook_type": number});
        refused_as(&client, &fields, &format!(r#"{{"webhook_type": ["{message}"]}}"#)).await;
    }
    nothing_changed(&client).await;

    for number in [json!(0), json!(1), json!("1"), json!(" 0 ")] {
        client.add(&of("shop"), &json!({"webhook_url": URL, "webhook_type": number})).await;
    }
    assert!(client.list().await.iter().all(|webhook| webhook["webhook_type"] == 0));
    house.close().await;
}

#[tokio::test]
async fn everything_that_is_wrong_is_said_at_once() {
    let house = house_of(&["shop"]).await;
    let client = Client::open(&house);
    client.add_of("shop", URL, &["DELETE_ROUTE"]).await;

    let fields = json!({"webhook_type": "x", "payload": "all", "event_list": ["x"], "webhook_url": "x"});
    let message = r#"{"webhook_url": ["Not a valid URL."], "event_list": {"0": ["not a valid event type"]}, "webhook_type": ["Not a valid integer."], "payload": ["neither own nor both"]}"#;

    refused_as(&client, &fields, message).await;
    nothing_changed(&client).await;
    house.close().await;
}

#[tokio::test]
async fn a_field_that_nobody_reads_is_refused_with_a_list_of_one_sentence() {
    let house = house_of(&["shop"]).await;
    let client = Client::open(&house);
    client.add_of("shop", URL, &["DELETE_ROUTE"]).await;

    let message = r#"["The fields are webhook_url, event_list, webhook_type, payload: there is no url, \"x\"."]"#;
    let fields = json!({"webhook_url": URL, "url": URL, "\"x\"": 1});
    refused_as(&client, &fields, message).await;

    nothing_changed(&client).await;
    house.close().await;
}

#[tokio::test]
async fn what_is_no_json_by_its_own_word_is_taken_for_an_empty_body() {
    let house = house_of(&["shop"]).await;
    let client = Client::open(&house);
    client.add_of("shop", URL, &["DELETE_ROUTE"]).await;
    let body = json!({"webhook_url": URL}).to_string();

    for (method, path) in
        [(Method::POST, "/api/webhook?application_name=shop"), (Method::PUT, "/api/webhook/1?application_name=shop")]
    {
        for content_type in ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-16"] {
            let request = client.request(method.clone(), path).header(CONTENT_TYPE, content_type).body(body.clone());
            told(request).await.refused(400, "ValidationError", MISSING);
        }
        told(client.request(method.clone(), path)).await.refused(400, "ValidationError", MISSING);
        let request = client.request(method, path).header(CONTENT_TYPE, "application/json");
        told(request).await.refused(400, "ValidationError", MISSING);
    }

    nothing_changed(&client).await;
    house.close().await;
}

#[tokio::test]
async fn what_is_no_object_or_no_json_is_refused() {
    let house = house_of(&["shop"]).await;
    let client = Client::open(&house);
    client.add_of("shop", URL, &["DELETE_ROUTE"]).await;

    for fields in [json!([]), json!(7), json!("x"), json!(null), json!([{"webhook_url": URL}])] {
        refused_as(&client, &fields, r#"{"_schema": ["Invalid input type."]}"#).await;
    }
    for broken in ["{", "{\"webhook_url\":}", "{} {}", "\u{feff}{}"] {
        let request = client.request(Method::POST, "/api/webhook?application_name=shop");
        let told = told(request.header(CONTENT_TYPE, "application/json").body(broken)).await;
        told.refused_like(400, "BadRequest", "the body is not JSON");
    }

    nothing_changed(&client).await;
    house.close().await;
}

#[tokio::test]
async fn json_goes_by_several_names() {
    let house = house_of(&["shop"]).await;
    let client = Client::open(&house);
    let body = json!({"webhook_url": URL}).to_string();

    for content_type in [None, Some("application/json; charset=UTF-8"), Some("application/vnd.huskar+json")] {
        let request = client.request(Method::POST, "/api/webhook?application_name=shop").body(body.clone());
        let request = content_type.into_iter().fold(request, |request, text| request.header(CONTENT_TYPE, text));
        told(request).await.success();
    }

    assert_eq!(client.list().await.len(), 3);
    house.close().await;
}
