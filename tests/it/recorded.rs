//! Requests on record and what must be answered: `data/recorded/*.json`, and those of
//! another API in a folder of its own beneath, replayed in the order of their names,
//! each once, against one fresh house whose hooks all point at one receiver that
//! answers 200.
//!
//! A file is one JSON object:
//!
//! ```text
//! about     what the request shows, a sentence
//! request   method, path (with its query), headers (if any), body (if any: a text, sent to the byte)
//! answer    status, content_type (without parameters; absent where there is none), body
//! ```
//!
//! An object in the expected body stands for one that has those fields, as
//! expected, and perhaps more; all else must be equal. These texts are
//! placeholders:
//!
//! ```text
//! <receiver>    anywhere in the file: the receiver's address, such as http://127.0.0.1:4711
//! <token …>     likewise: the token of that name, where there are any
//! <event id>    evt_ and a ULID
//! <time>        a time as RFC 3339 has it
//! <number>      a whole number from 1 on
//! <text>        any text but the empty one
//! <absent>      no such field
//! <nothing>     instead of a body: no bytes at all
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use chrono::DateTime;
use nyala::domain::id::EventId;
use reqwest::Response;
use reqwest::header::CONTENT_TYPE;
use serde::Deserialize;
use serde_json::Value;

use crate::house::{House, within};
use crate::receiver::Receiver;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Recording {
    about: String,
    request: Request,
    answer: Answer,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    method: String,
    path: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    status: u16,
    content_type: Option<String>,
    body: Value,
}

#[tokio::test]
async fn every_request_on_record_is_answered_as_recorded() {
    let (house, receiver) = (House::new().await, Receiver::new().await);

    replay_all(&house, &receiver, "data/recorded", &[]).await;

    house.close().await;
}

/// Replays the recordings of a folder, with what stands for these placeholders.
pub async fn replay_all(house: &House, receiver: &Receiver, folder: &str, placeholders: &[(&str, &str)]) {
    let recordings = recordings(folder);
    assert!(!recordings.is_empty(), "there are no recordings");

    let mut owed = 0;
    for (name, text) in recordings {
        let text = text.replace("<receiver>", &receiver.url(""));
        let text = placeholders.iter().fold(text, |text, (placeholder, value)| text.replace(placeholder, value));
        let recording = read(&name, &text);
        let body = &recording.answer.body;
        owed += body["deliveries"].as_u64().or(body["data"]["deliveries"].as_u64()).unwrap_or(0);
        if let Err(difference) = replay(house, &recording).await {
            panic!("{name} ({}): {difference}", recording.about);
        }
    }

    assert_eq!(receiver.received().len() as u64, owed, "what was published arrived, each once");
}

/// The recordings of a folder, by name and in its order.
fn recordings(folder: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = fs::read_dir(&folder).expect("the folder of recordings");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a recording").path()).collect();
    paths.retain(|path| path.is_file());
    paths.sort();
    let name = |path: &PathBuf| path.file_name().expect("a name").to_string_lossy().into_owned();
    paths.iter().map(|path| (name(path), fs::read_to_string(path).expect("a recording"))).collect()
}

fn read(name: &str, text: &str) -> Recording {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{name} is no recording: {error}"))
}

async fn replay(house: &House, recording: &Recording) -> Result<(), String> {
    let Request { method, path, headers, body } = &recording.request;
    let mut request = house.client.request(method.parse().expect("a method"), house.url(path));
    for (name, value) in headers {
        request = request.header(name, value);
    }
    if let Some(body) = body {
        request = request.body(body.clone());
    }
    let response = within("an answer", request.send()).await.expect("an answer");
    compare(&recording.answer, response).await
}

async fn compare(expected: &Answer, response: Response) -> Result<(), String> {
    let status = response.status().as_u16();
    let content_type = response.headers().get(CONTENT_TYPE).map(|value| value.to_str().expect("text").to_owned());
    let media_type = content_type.as_deref().map(|text| text.split(';').next().unwrap_or_default());
    let body = response.text().await.expect("a body");
    if status != expected.status {
        return Err(format!("status {status} instead of {}: {body}", expected.status));
    }
    if media_type != expected.content_type.as_deref() {
        return Err(format!("content type {media_type:?} instead of {:?}", expected.content_type));
    }
    if expected.body == "<nothing>" {
        return if body.is_empty() { Ok(()) } else { Err(format!("a body: {body}")) };
    }
    let body = serde_json::from_str(&body).map_err(|error| format!("a body that is no JSON ({error}): {body}"))?;
    fits("body", &expected.body, Some(&body))
}

/// Whether `got` is what is expected `at` this place.
fn fits(at: &str, expected: &Value, got: Option<&Value>) -> Result<(), String> {
    let same = match (expected, got) {
        (Value::Object(fields), Some(Value::Object(_))) => {
            return fields.iter().try_for_each(|(name, value)| {
                fits(&format!("{at}.{name}"), value, got.and_then(|object| object.get(name)))
            });
        }
        (Value::Array(items), Some(Value::Array(others))) if items.len() == others.len() => {
            let mut pairs = items.iter().zip(others).enumerate();
            return pairs.try_for_each(|(index, (item, other))| fits(&format!("{at}[{index}]"), item, Some(other)));
        }
        (Value::String(text), _) if text.starts_with('<') => fits_placeholder(text, got),
        _ => Some(expected) == got,
    };
    if same { Ok(()) } else { Err(format!("{at} is {} instead of {expected}", got.unwrap_or(&Value::Null))) }
}

fn fits_placeholder(placeholder: &str, got: Option<&Value>) -> bool {
    let text = got.and_then(Value::as_str);
    match placeholder {
        "<absent>" => got.is_none(),
        "<event id>" => text.is_some_and(|text| text.parse::<EventId>().is_ok()),
        "<time>" => text.is_some_and(|text| DateTime::parse_from_rfc3339(text).is_ok()),
        "<number>" => got.and_then(Value::as_u64).is_some_and(|number| number > 0),
        "<text>" => text.is_some_and(|text| !text.is_empty()),
        other => panic!("{other} is no placeholder"),
    }
}
