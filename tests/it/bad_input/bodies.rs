//! Bodies that cannot be taken.

use serde_json::json;

use super::{Refusal, close_in_order, field, post, refused, whole};
use crate::house::House;

const SUBSCRIBE: [&str; 3] = ["/api/hooks", "/hooks/", "/api/v1/hooks"];

/// Bodies that are no description of a hook, whoever reads them.
const NO_HOOKS: &[(&[u8], Refusal)] = &[
    (b"", whole(400, "send a JSON object")),
    (b"null", whole(400, "with url and event")),
    (b"[]", whole(400, "with url and event")),
    (br#"[{"url":"http://a/","event":"E"}]"#, whole(400, "with url and event")),
    (br#""http://a/""#, whole(400, "with url and event")),
    (b"17", whole(400, "with url and event")),
    (br#"{"url":"http://a/","event":"#, whole(400, "not JSON")),
    (br#"{"url":"http://a/","event":"E"}}"#, whole(400, "not JSON")),
    (b"url=http://a/&event=E", whole(400, "not JSON")),
    (b"{\"url\":\"http://a/\xff\",\"event\":\"E\"}", whole(400, "not JSON")),
    (b"\xef\xbb\xbf{\"url\":\"http://a/\",\"event\":\"E\"}", whole(400, "not JSON")),
    (br#"{"event":"E"}"#, field("url", "such as https://example.com/hook")),
    (br#"{"url":null,"event":"E"}"#, field("url", "give a text")),
    (br#"{"url":{},"event":"E"}"#, field("url", "give a text")),
    (br#"{"url":["http://a/"],"event":"E"}"#, field("url", "give a text")),
    (br#"{"url":5,"event":"E"}"#, field("url", "give an absolute http or https URL")),
    (br#"{"url":"","event":"E"}"#, field("url", "give an absolute http or https URL")),
    (br#"{"url":"/relative","event":"E"}"#, field("url", "give an absolute http or https URL")),
    (br#"{"url":"//a/","event":"E"}"#, field("url", "give an absolute http or https URL")),
    (br#"{"url":"ftp://a/","event":"E"}"#, field("url", "only http and https")),
    (br#"{"url":"javascript:alert(1)","event":"E"}"#, field("url", "give an absolute http or https URL")),
    (br#"{"url":"http://a:65536/","event":"E"}"#, field("url", "port")),
    (br#"{"url":"http://a:-1/","event":"E"}"#, field("url", "port")),
    (br#"{"url":"http://","event":"E"}"#, field("url", "host")),
    (br#"{"url":"http://a b/","event":"E"}"#, field("url", "white space")),
    (br#"{"url":"http://a/\r\nX: y","event":"E"}"#, field("url", "control character")),
    (br#"{"url":"http://a/"}"#, field("event", "such as PostDeployment")),
    (br#"{"url":"http://a/","event":null}"#, field("event", "such as PostDeployment")),
    (br#"{"url":"http://a/","events":[]}"#, field("event", "such as PostDeployment")),
    (br#"{"url":"http://a/","event":"  "}"#, field("event", "such as PostDeployment")),
    (br#"{"url":"http://a/","event":["E"]}"#, field("event", "give a text")),
    (br#"{"url":"http://a/","events":{"E":1}}"#, field("events", "give a text")),
    (br#"{"url":"http://a/","events":["E",null]}"#, field("events", "give a text")),
    (br#"{"url":"http://a/","event":"a\u0000b"}"#, field("event", "remove it")),
    (br#"{"url":"http://a/","event":"a\nb"}"#, field("event", "remove it")),
    (br#"{"url":"http://a/","event":"a\u0085b"}"#, field("event", "remove it")),
    (br#"{"url":"http://a/","event":".."}"#, field("event", "dot segment")),
    (br#"{"url":"http://a/","event":"E","applications":[[]]}"#, field("applications", "give a text")),
    (br#"{"url":"http://a/","event":"E","application":"\u001b[2J"}"#, field("application", "remove it")),
    (br#"{"url":"http://a/","event":"E","insecure_ssl":null}"#, field("insecure_ssl", "true nor false")),
    (br#"{"url":"http://a/","event":"E","insecure_ssl":"maybe"}"#, field("insecure_ssl", "true nor false")),
    (br#"{"url":"http://a/","event":"E","insecure_ssl":[true]}"#, field("insecure_ssl", "true nor false")),
    (br#"{"url":"http://a/","event":"E","description":{}}"#, field("description", "give a text")),
];

/// Bodies that are no event of Nyala's own API.
const NO_EVENTS: &[(&[u8], Refusal)] = &[
    (b"", whole(400, "JSON object")),
    (b"null", whole(400, "JSON object")),
    (b"[]", whole(400, "JSON object")),
    (br#""E""#, whole(400, "JSON object")),
    (br#"{"type":"E","payload":{]}"#, whole(400, "JSON object")),
    (b"{\"type\":\"E\",\"payload\":\"\xff\"}", whole(400, "JSON object")),
    (br#"{"payload":1}"#, field("type", "such as PostDeployment")),
    (br#"{"type":null}"#, field("type", "a text")),
    (br#"{"type":5}"#, field("type", "a text")),
    (br#"{"type":["E"]}"#, field("type", "a text")),
    (br#"{"type":""}"#, field("type", "give a name")),
    (br#"{"type":"*"}"#, field("type", "name one")),
    (br#"{"type":"a\u0000b"}"#, field("type", "remove it")),
    (br#"{"type":"E","application":[]}"#, field("application", "a text")),
    (br#"{"type":"E","application":"*"}"#, field("application", "name one")),
    (br#"{"type":"E","applications":"shop"}"#, field("applications", "a list of texts")),
    (br#"{"type":"E","applications":[5]}"#, field("applications", "a list of texts")),
    (br#"{"type":"E","applications":["a\u0007"]}"#, field("application", "remove it")),
];

#[tokio::test]
async fn what_describes_no_hook_is_refused_with_field_and_remedy() {
    let house = House::new().await;

    for path in SUBSCRIBE {
        for &(body, expected) in NO_HOOKS {
            refused(&house, post(&house, path, body), expected).await;
        }
    }

    close_in_order(house).await;
}

#[tokio::test]
async fn what_is_no_event_is_refused_with_field_and_remedy() {
    let house = House::new().await;

    for &(body, expected) in NO_EVENTS {
        refused(&house, post(&house, "/api/v1/events", body), expected).await;
    }

    close_in_order(house).await;
}

#[tokio::test]
async fn a_publish_whose_body_is_no_json_in_utf8_is_refused() {
    let house = House::new().await;
    let bodies: [(&[u8], &str); 8] = [
        (b"{", "not JSON"),
        (b"{} {}", "not JSON"),
        (b"{'a': 1}", "not JSON"),
        (b"NaN", "not JSON"),
        (b"01", "not JSON"),
        (b"   ", "not JSON"),
        (b"\"\xff\"", "send JSON in UTF-8"),
        (b"\"\xed\xa0\x80\"", "send JSON in UTF-8"),
    ];

    for path in ["/api/hooks/publish/E", "/hooks/publish/E/", "/api/hooks/hooks/publish/E"] {
        for (body, remedy) in bodies {
            refused(&house, post(&house, path, body), whole(400, remedy)).await;
        }
    }

    close_in_order(house).await;
}

#[tokio::test]
async fn what_is_too_long_is_refused_with_its_bound() {
    let house = House::new().await;
    let long = "x".repeat(10_000);
    let many: Vec<_> = (0..40).map(|n| format!("n{n}")).collect();
    let hooks = [
        (json!({"url": format!("http://a/{long}"), "event": "E"}), field("url", "4096 bytes")),
        (json!({"url": "http://a/", "event": long}), field("event", "at most 256")),
        (json!({"url": "http://a/", "events": ["E", long]}), field("event", "at most 256")),
        (json!({"url": "http://a/", "event": "E", "application": long}), field("application", "at most 256")),
        (json!({"url": "http://a/", "event": "E", "description": long}), field("description", "at most 1024")),
        (json!({"url": "http://a/", "events": many, "applications": many}), field("events", "use * or several hooks")),
    ];

    for path in SUBSCRIBE {
        for (body, expected) in &hooks {
            refused(&house, post(&house, path, body.to_string()), *expected).await;
        }
    }
    let event = json!({"type": long}).to_string();
    refused(&house, post(&house, "/api/v1/events", event), field("type", "at most 256")).await;
    let path = format!("/api/hooks/publish/{long}");
    refused(&house, post(&house, &path, "1"), field("event", "at most 256")).await;

    close_in_order(house).await;
}

#[tokio::test]
async fn a_field_that_nyalas_own_api_does_not_know_is_the_field_at_fault() {
    let house = House::new().await;

    let hook = post(&house, "/api/v1/hooks", r#"{"url":"http://a/","event":"E","urll":1}"#);
    refused(&house, hook, field("urll", "it has url, event")).await;
    let event = post(&house, "/api/v1/events", r#"{"type":"E","body":{}}"#);
    refused(&house, event, field("body", "it has type, application, applications, payload")).await;

    close_in_order(house).await;
}
