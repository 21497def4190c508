use bytes::Bytes;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::domain::headers::HeaderLines;

fn call(method: &str, content_type: &str, query: &str, body: impl Into<Bytes>) -> Incoming {
    let mut headers = HeaderLines::default();
    headers.push("Content-Type", content_type);
    Incoming { method: method.to_owned(), query: query.to_owned(), headers, body: body.into() }
}

fn values(json: Value) -> Values {
    match json {
        Value::Object(values) => values,
        other => panic!("no object: {other}"),
    }
}

fn told(incoming: &Incoming) -> Values {
    of_webhook(incoming, &Values::new())
}

#[test]
fn d01_the_query_of_a_call_is_told() {
    let query = "uid=42&branch=master&hash=123456789&message=monmessage&author=sguiheux";
    let incoming = Incoming { query: query.to_owned(), ..Incoming::default() };
    let expected = json!({
        "payload": query,
        "cds.triggered_by.username": "cds.webhook",
        "cds.triggered_by.fullname": "CDS Webhook",
        "uid": "42",
        "branch": "master",
        "hash": "123456789",
        "message": "monmessage",
        "author": "sguiheux",
    });
    assert_eq!(told(&incoming), values(expected));
}

#[test]
fn d02_the_json_of_a_call_is_told() {
    let told = told(&call("POST", "application/json", "", r#"{"test":"hereisatest"}"#));
    assert_eq!(told["test"], "hereisatest");
    assert_eq!(told["payload"], r#"{"test":"hereisatest"}"#);
}

#[test]
fn nested_json_is_flattened() {
    for (nested, flat) in [
        (json!({"a": [1, {"b": 2}]}), json!({"a.a0": "1", "a.a1.b": "2"})),
        (json!([7, {"x": true}]), json!({"0": "7", "1.x": "true"})),
        (json!({"A b/c:D": {"E": null, "f": ""}}), json!({"a_b_c_d.e": "", "a_b_c_d.f": ""})),
        (json!({"o": {}, "l": [], "": 1, "k": {"": 2, "z": false}}), json!({"k.z": "false"})),
        (json!({"m": [[1, 2]]}), json!({"m.m0.m00": "1", "m.m0.m01": "2"})),
        (json!({"A": 1, "a": 2}), json!({"a": "2"})),
        (json!("alone"), json!({})),
    ] {
        assert_eq!(flatten(&nested), values(flat), "{nested}");
    }
}

#[test]
fn numbers_stay_as_they_are_written() {
    let body = r#"{"a":1.50,"b":12345678901234567890123,"c":-0.0,"d":2.5e7}"#;
    let told = told(&call("PUT", "application/vnd.Some+JSON; charset=utf-8", "", body));
    assert_eq!((&told["a"], &told["b"]), (&json!("1.50"), &json!("12345678901234567890123")));
    assert_eq!((&told["c"], &told["d"]), (&json!("-0.0"), &json!("2.5e+7")));
}

#[test]
fn json_that_cannot_be_taken_apart_is_only_the_payload() {
    for body in ["{", "3", "\"text\"", "null", "[1", "{\"a\":\"\\ud800\"}"] {
        let told = told(&call("POST", "Application/JSON", "", body));
        let keys: Vec<_> = told.keys().map(String::as_str).collect();
        assert_eq!(keys, ["payload", "cds.triggered_by.username", "cds.triggered_by.fullname"], "{body}");
        assert_eq!(told["payload"], body);
    }
}

#[test]
fn the_fields_of_a_form_are_told_each_once() {
    let told = told(&call("POST", "application/x-www-form-urlencoded", "q=1", "name=A+b%21&name=second&=x"));
    assert_eq!((&told["name"], &told["q"]), (&json!("A b!"), &json!("1")));
    assert_eq!(told["payload"], "name=A+b%21&name=second&=x");
    assert!(!told.contains_key(""));
}

#[test]
fn no_body_is_lost() {
    for (method, content_type) in [
        ("POST", "text/plain"),
        ("PUT", "application/xml"),
        ("DELETE", "application/json"),
        ("GET", "application/x-www-form-urlencoded"),
    ] {
        let told = told(&call(method, content_type, "a=1", "{\"b\":2}"));
        assert_eq!((&told["payload"], &told["a"]), (&json!("{\"b\":2}"), &json!("1")), "{method}");
        assert!(!told.contains_key("b"), "{method}");
    }
    assert_eq!(told(&call("DELETE", "text/plain", "a=1", ""))["payload"], "a=1");
    assert_eq!(told(&call("POST", "application/json", "a=1", ""))["payload"], "a=1");
}

#[test]
fn a_query_cannot_stand_in_the_place_of_a_body_that_is_not_taken_apart() {
    for (content_type, body) in [("text/plain", "words"), ("application/json", "{")] {
        let told = told(&call("POST", content_type, "payload=other", body));
        assert_eq!(told["payload"], body, "{content_type}");
    }
}

#[test]
fn a_body_that_is_no_text_comes_in_base64() {
    for content_type in ["application/octet-stream", "application/json"] {
        let told = told(&call("POST", content_type, "", vec![0xff, 0x00, 0xfe]));
        assert_eq!((&told["payload"], &told["payload.encoding"]), (&json!("/wD+"), &json!("base64")));
    }
    assert!(!told(&call("POST", "text/plain", "", "é")).contains_key("payload.encoding"));
}

#[test]
fn what_comes_later_wins() {
    let config = json!({
        "project": "P", "workflow": "W", "method": "POST",
        "payload": "of the configuration", "cds.triggered_by.username": "nobody", "a": "config", "b": 5,
    });
    let incoming = call(
        "POST",
        "application/json",
        "a=query&c=query",
        r#"{"c":"body","CDS":{"triggered_by":{"fullname":"Ada"}}}"#,
    );
    let expected = json!({
        "payload": "of the configuration",
        "cds.triggered_by.username": "cds.webhook",
        "a": "query",
        "b": "5",
        "cds.triggered_by.fullname": "Ada",
        "c": "body",
    });
    assert_eq!(of_webhook(&incoming, &values(config)), values(expected));
}

#[test]
fn json_with_too_many_keys_is_only_the_payload_and_says_so() {
    let of = |keys: usize| Value::Object((0..keys).map(|key| (format!("k{key}"), json!(1))).collect());
    assert_eq!(flatten(&of(MAX_FLAT_KEYS)).len(), MAX_FLAT_KEYS);

    let body = of(MAX_FLAT_KEYS + 1).to_string();
    let told = told(&call("POST", "application/json", "payload=other", body.clone()));
    assert_eq!((&told["payload.flattened"], &told["payload"]), (&json!("false"), &json!(body)));
    assert_eq!(told.len(), 4);
}

#[test]
fn a_form_with_too_many_fields_is_only_the_payload_and_says_so() {
    let body = (0..=MAX_FLAT_KEYS).map(|key| format!("k{key}=1")).collect::<Vec<_>>().join("&");
    let told = told(&call("POST", "application/x-www-form-urlencoded", "", body));
    assert_eq!((&told["payload.flattened"], told.len()), (&json!("false"), 4));
}

#[test]
fn a_long_key_over_many_does_not_fill_the_memory() {
    let many: Values = (0..1_000).map(|key| (format!("k{key}"), json!(1))).collect();
    let long = json!({"x".repeat(10_000): many});
    assert_eq!(flatten(&long), flat::refused());
    let deep = (0..200).fold(json!(1), |inner, _| json!({"d": inner}));
    assert_eq!(flatten(&deep), flat::refused());
}

#[test]
fn a_schedule_tells_the_payload_that_it_was_given() {
    let config = json!({
        "project": "P", "workflow": "W", "cron": "* * * * *", "timezone": "UTC", "payload": "{}",
        "git.branch": "main", "method": "kept",
    });
    let expected = json!({
        "a.b": "1",
        "payload": r#"{"a":{"b":1},"git.branch":"over"}"#,
        "git.branch": "main",
        "method": "kept",
        "cds.triggered_by.username": "cds.scheduler",
        "cds.triggered_by.fullname": "CDS Scheduler",
    });
    let told = of_schedule(Some(r#"{"a":{"b":1},"git.branch":"over"}"#), &values(config));
    assert_eq!(told, values(expected));
}

#[test]
fn a_schedule_without_a_payload_tells_who_it_is() {
    for payload in [None, Some(""), Some(" {} ")] {
        let told = of_schedule(payload, &Values::new());
        let keys: Vec<_> = told.keys().map(String::as_str).collect();
        assert_eq!(keys, ["cds.triggered_by.username", "cds.triggered_by.fullname"], "{payload:?}");
    }
    assert_eq!(of_schedule(Some("no json"), &Values::new())["payload"], "no json");
}

proptest! {
    #[test]
    fn whatever_comes_in_is_told(
        method in "(GET|POST|PUT|DELETE|post)",
        media in "(application/json|application/x-www-form-urlencoded|text/plain|a/b\\+json)",
        query in "\\PC{0,20}",
        body in prop_oneof![
            "\\PC{0,40}".prop_map(String::into_bytes),
            "[\\[\\]{}\",:0-9a]{0,40}".prop_map(String::into_bytes),
            prop::collection::vec(any::<u8>(), 0..40),
        ],
    ) {
        let told = told(&call(&method, &media, &query, body));
        prop_assert!(told.contains_key("payload"));
        prop_assert!(told.values().all(Value::is_string));
    }
}

#[test]
fn many_empty_lists_under_a_long_key_are_not_walked_through_to_their_end() {
    let lists = serde_json::Value::Array(vec![serde_json::json!([]); 170_000]);
    let long = serde_json::Map::from_iter([("k".repeat(500_000), lists)]);

    let flat = super::flatten(&serde_json::Value::Object(long));

    assert_eq!(flat.get("payload.flattened").and_then(|value| value.as_str()), Some("false"));
}
