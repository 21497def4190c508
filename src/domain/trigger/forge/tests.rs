//! Recorded requests of every forge, and what is read out of them.

mod acceptance;
mod admission;
mod anything;
mod pulls;
mod pushes;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::*;
use crate::domain::headers::HeaderLines;

/// Where the recorded requests are.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/forges")
}

/// A recorded request, such as `github/push`.
fn recorded(name: &str) -> Incoming {
    let text = std::fs::read_to_string(folder().join(format!("{name}.json"))).expect(name);
    let file: Value = serde_json::from_str(&text).expect(name);
    let mut headers = HeaderLines::default();
    for (header, value) in file["headers"].as_object().expect("headers") {
        headers.push(header, value.as_str().expect("a text"));
    }
    let body = file["body"].as_str().map_or_else(|| file["body"].to_string(), str::to_owned);
    Incoming { method: "POST".to_owned(), query: String::new(), headers, body: body.into() }
}

/// The same request with another value in its body.
fn with(mut incoming: Incoming, pointer: &str, value: Value) -> Incoming {
    let mut body: Value = serde_json::from_slice(&incoming.body).expect("JSON");
    *body.pointer_mut(pointer).expect("a field") = value;
    incoming.body = body.to_string().into();
    incoming
}

/// What a request tells if its event is asked for by name.
fn told(incoming: &Incoming) -> Vec<Values> {
    let names = ["x-github-event", "x-gitlab-event", "x-event-key"];
    let filter: Vec<_> = names.iter().filter_map(|name| incoming.header(name).map(str::to_owned)).collect();
    match read(incoming, &filter) {
        Ok(Read::Changes(events)) => events,
        other => panic!("no changes: {other:?}"),
    }
}

/// What a recorded request tells, which is one event.
fn one(name: &str) -> Values {
    let mut events = told(&recorded(name));
    assert_eq!(events.len(), 1, "{name}");
    events.remove(0)
}

/// Keys and their texts; an empty one stands for a key that is not there.
type Told<'a> = &'a [(&'a str, &'a str)];

/// Fails unless these keys have these texts.
fn assert_told(values: &Values, expected: Told) {
    for (key, text) in expected {
        let own = values.get(*key).map_or("", |value| value.as_str().expect("a text"));
        assert_eq!(own, *text, "{key}");
    }
}
