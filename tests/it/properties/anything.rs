//! Strategies for what clients may send.

use proptest::prelude::*;
use proptest::string::string_regex;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

/// Every route, with parameters that lead somewhere. What is published here is
/// of a type that no generated hook asks for: no test may call out.
pub const ROUTES: [(&str, &str); 24] = [
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("POST", "/api/hooks"),
    ("GET", "/api/hooks"),
    ("GET", "/api/hooks/1"),
    ("DELETE", "/api/hooks/2"),
    ("POST", "/api/hooks/publish/nobody-wants-this"),
    ("POST", "/api/hooks/hooks/publish/nobody-wants-this"),
    ("POST", "/hooks"),
    ("GET", "/hooks"),
    ("GET", "/hooks/1"),
    ("DELETE", "/hooks/3"),
    ("POST", "/hooks/publish/nobody-wants-this"),
    ("POST", "/hooks/hooks/publish/nobody-wants-this"),
    ("GET", "/api/v1/hooks"),
    ("POST", "/api/v1/hooks"),
    ("GET", "/api/v1/hooks/1"),
    ("PATCH", "/api/v1/hooks/1"),
    ("DELETE", "/api/v1/hooks/4"),
    ("GET", "/api/v1/events"),
    ("POST", "/api/v1/events"),
    ("GET", "/api/v1/events/evt_01HF7YAT00YXMEQTDTGTCGG7CS"),
    ("GET", "/api/v1/deliveries"),
    ("GET", "/api/v1/deliveries/dlv_2"),
];

/// Bodies that are taken, to be spoilt. The names that hooks ask for and the
/// types that events have never meet.
const GOOD_BODIES: [&str; 6] = [
    r#"{"url":"http://127.0.0.1:9/x","event":"hook-side"}"#,
    r#"{"url":"HTTP://u%40:p@127.0.0.1:9/?q=1#f","events":["hook-side-1","hook-side-2"],"applications":["shop"]}"#,
    r#"{"hookAddress":"http://[::1]:9/","hookEventType":"hook-side","insecureSsl":"true","id":7}"#,
    r#"{"insecure_ssl":true,"description":"a \u00e4 \ud83d\ude00","application":"shop"}"#,
    r#"{"type":"event-side","payload":{"a" : [1.0, -0, 1E+400, null]},"applications":["shop"]}"#,
    r#"{"type":"event-side","application":"shop","payload":"\ud800"}"#,
];

/// Names of fields that somebody reads.
const FIELDS: [&str; 12] = [
    "url",
    "hookUrl",
    "event",
    "events",
    "application",
    "applications",
    "insecure_ssl",
    "description",
    "type",
    "payload",
    "id",
    "urll",
];

/// Random bytes, good bodies spoilt in a few places, and objects with the right
/// fields and any values.
pub fn any_body() -> impl Strategy<Value = Vec<u8>> {
    let bytes = prop::collection::vec(any::<u8>(), 0..300);
    let no_hook_for_all = |body: &Vec<u8>| !body.contains(&b'*');
    prop_oneof![1 => bytes, 4 => spoilt(), 4 => objects()].prop_filter("a hook for all events", no_hook_for_all)
}

fn spoilt() -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<prop::sample::Index>(), 0..4u8, any::<u8>());
    let good = prop::sample::select(&GOOD_BODIES[..]);
    (good, prop::collection::vec(change, 0..4)).prop_map(|(good, changes)| {
        let mut body = good.as_bytes().to_vec();
        for (index, kind, byte) in changes {
            let at = index.index(body.len() + 1);
            match kind {
                0 => body.insert(at, byte),
                1 if at < body.len() => drop(body.remove(at)),
                2 if at < body.len() => body[at] = byte,
                _ => body.truncate(at),
            }
        }
        body
    })
}

fn objects() -> impl Strategy<Value = Vec<u8>> {
    let value = prop_oneof![
        Just(r#""http://127.0.0.1:9/""#.to_owned()),
        Just(r#"["hook-side"]"#.to_owned()),
        Just(r#""hook-side-2""#.to_owned()),
        json_text().prop_map(|text| if text.starts_with('"') { text.replacen('"', "\"hook-side ", 1) } else { text }),
    ];
    let members = prop::collection::vec((prop::sample::select(&FIELDS[..]), value), 0..6);
    members.prop_map(|members| {
        let members: Vec<_> = members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        format!("{{{}}}", members.join(",")).into_bytes()
    })
}

/// Paths of known and unknown words, ids and oddities.
pub fn any_path() -> impl Strategy<Value = String> {
    let word =
        prop::sample::select(&["api", "v1", "hooks", "events", "deliveries", "publish", "healthz", "readyz"][..]);
    let id = prop::sample::select(&["1", "-1", "9223372036854775808", "evt_", "evt_01HF7YAT00YXMEQTDTGTCGG7CS"][..]);
    let odd = prop::sample::select(&["", ".", "..", "%00", "%ff%fe", "%2e%2E", "%2f", "%", "%zz", "dlv_1", "*"][..]);
    let segment = prop_oneof![
        4 => word.prop_map(str::to_owned),
        2 => id.prop_map(str::to_owned),
        2 => odd.prop_map(str::to_owned),
        1 => any::<String>().prop_map(|text| text.replace(['?', '#'], "")),
    ];
    prop::collection::vec(segment, 0..7).prop_map(|segments| format!("/{}", segments.join("/")))
}

/// Queries of known parameters with odd values, and any text.
pub fn any_query() -> impl Strategy<Value = String> {
    let name =
        prop::sample::select(&["limit", "cursor", "q", "event", "application", "hook", "state", "%00", "", "wait"][..]);
    let value = prop_oneof![
        prop::sample::select(
            &["", "1", "0", "-1", "c5", "c-1", "cffffffffffffffff", "dead", "%", "%ff", "%00", "*"][..]
        )
        .prop_map(str::to_owned),
        any::<String>().prop_map(|text| text.replace('#', "")),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<i64>().prop_map(|number| format!("c{number:x}")),
    ];
    let pair = (name, value).prop_map(|(name, value)| format!("{name}={value}"));
    prop::collection::vec(pair, 0..5).prop_map(|pairs| pairs.join("&"))
}

/// Headers that somebody reads.
const READ: [&str; 12] = [
    "content-type",
    "content-encoding",
    "prefer",
    "idempotency-key",
    "nyala-application",
    "x-request-id",
    "authorization",
    "accept",
    "accept-encoding",
    "range",
    "cookie",
    "origin",
];

/// Values that mean something to one of them.
const ODD: [&str; 9] = [
    "",
    "application/json",
    "application/json; charset",
    "*/*;;;=",
    "wait=0",
    "wait=18446744073709551616",
    "respond-async, wait=\"1\";x",
    "identity",
    "bytes=0-",
];

/// Headers with odd values and with any bytes that a value may have.
pub fn any_headers() -> impl Strategy<Value = HeaderMap> {
    let odd = prop::sample::select(&ODD[..]).prop_map(|text| text.as_bytes().to_vec());
    let bytes = prop::collection::vec(prop_oneof![Just(b'\t'), 32..127u8, 128..=255u8], 0..300);
    let header = (prop::sample::select(&READ[..]), prop_oneof![odd, bytes]);
    prop::collection::vec(header, 0..8).prop_map(|headers| {
        let parts = headers.into_iter().map(|(name, value)| {
            (HeaderName::from_static(name), HeaderValue::from_bytes(&value).expect("a value without controls"))
        });
        parts.collect()
    })
}

/// Bytes that begin like HTTP, or do not.
pub fn any_wire() -> impl Strategy<Value = Vec<u8>> {
    let start = prop::sample::select(
        &[
            "",
            "GET / HTTP/1.1\r\n",
            "POST /api/hooks HTTP/1.1\r\ncontent-length: 5\r\n",
            "POST /api/hooks HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            "GET http://a/ HTTP/1.0\r\n\r\n",
            "CONNECT a:1 HTTP/1.1\r\n\r\n",
            "OPTIONS * HTTP/1.1\r\n\r\n",
            "GET /healthz HTTP/9.9\r\n\r\n",
            "\u{16}\u{3}\u{1}",
        ][..],
    );
    let rest = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..400),
        string_regex("([a-z-]{1,12}: ?[ -~]{0,20}\r\n){0,8}(\r\n)?[0-9a-f]{0,9}\r\n")
            .expect("a pattern")
            .prop_map(String::into_bytes),
    ];
    (start, rest).prop_map(|(start, rest)| [start.as_bytes(), &rest].concat())
}

/// JSON with odd white space, numbers and escapes.
pub fn json_text() -> impl Strategy<Value = String> {
    let number = string_regex("-?(0|[1-9][0-9]{0,40})(\\.[0-9]{1,30})?([eE][+-]?[0-9]{1,4})?").expect("a pattern");
    let escaped = string_regex("\"([ !#-\\[\\]-~äß€😀]|\\\\[\"\\\\/bfnrt]|\\\\u[0-9a-fA-F]{4}){0,20}\"")
        .expect("a pattern")
        .boxed();
    let word = prop::sample::select(&["null", "true", "false", "[]", "{}"][..]).prop_map(str::to_owned);
    let leaf = prop_oneof![number, escaped.clone(), word];
    let value = leaf.prop_recursive(6, 60, 8, move |inner| {
        let inner =
            (blank(), inner, blank()).prop_map(|(before, value, after)| format!("{before}{value}{after}")).boxed();
        let member = (blank(), escaped.clone(), blank(), inner.clone());
        let member = member.prop_map(|(before, name, after, value)| format!("{before}{name}{after}:{value}"));
        prop_oneof![
            prop::collection::vec(inner, 0..8).prop_map(|values| format!("[{}]", values.join(","))),
            prop::collection::vec(member, 0..8).prop_map(|members| format!("{{{}}}", members.join(","))),
        ]
    });
    (blank(), value, blank()).prop_map(|(before, value, after)| format!("{before}{value}{after}"))
}

fn blank() -> impl Strategy<Value = String> {
    string_regex("[ \t\r\n]{0,3}").expect("a pattern")
}
