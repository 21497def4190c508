//! Reading JSON of which nothing is certain.

use chrono::{DateTime, NaiveDateTime};
use serde_json::{Number, Value};

use crate::domain::time::Timestamp;
use crate::domain::trigger::mapping::Values;

/// Seconds beyond this would be after the year 5000: then they are milliseconds.
const LAST_SECOND: i64 = 100_000_000_000;

/// The text or number there, as a text.
pub(super) fn text(value: &Value, pointer: &str) -> Option<String> {
    match value.pointer(pointer)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The text there, if it says something.
pub(super) fn filled(value: &Value, pointer: &str) -> Option<String> {
    text(value, pointer).filter(|text| !text.is_empty())
}

/// The text there; without it the event is not what its header says.
pub(super) fn required(value: &Value, pointer: &str) -> Result<String, String> {
    filled(value, pointer).ok_or_else(|| format!("the event has no `{}`: it is not of this forge", dotted(pointer)))
}

/// The object there; without it the event is not what its header says.
pub(super) fn object<'a>(value: &'a Value, pointer: &str) -> Result<&'a Value, String> {
    let found = value.pointer(pointer).filter(|found| found.is_object());
    found.ok_or_else(|| format!("the event has no object `{}`: it is not of this forge", dotted(pointer)))
}

/// The list there; empty if there is none.
pub(super) fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The whole number there.
pub(super) fn number(value: &Value, pointer: &str) -> Option<u64> {
    value.pointer(pointer).and_then(Value::as_u64)
}

/// Whether `true` stands there.
pub(super) fn is_true(value: &Value, pointer: &str) -> bool {
    value.pointer(pointer).and_then(Value::as_bool).unwrap_or(false)
}

/// The point in time there, as RFC 3339.
pub(super) fn time(value: &Value, pointer: &str) -> Option<String> {
    let at = match value.pointer(pointer)? {
        Value::Number(number) => of_number(number)?,
        Value::String(text) => of_text(text.trim())?,
        _ => return None,
    };
    Some(at.rfc3339())
}

/// Seconds or milliseconds since 1970.
fn of_number(number: &Number) -> Option<Timestamp> {
    let number = number.as_i64()?;
    let seconds = number.abs() < LAST_SECOND;
    Some(Timestamp::from_millis(if seconds { number * 1000 } else { number }))
}

/// RFC 3339; Bitbucket Server's `2017-09-19T09:58:11+1000`; older GitLab's
/// `2017-09-15 16:50:55 UTC`.
fn of_text(text: &str) -> Option<Timestamp> {
    let offset = || DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%z").ok();
    let utc = || NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S UTC").ok();
    Timestamp::parse_rfc3339(text)
        .or_else(|| offset().map(|time| Timestamp::from_millis(time.timestamp_millis())))
        .or_else(|| utc().map(|time| Timestamp::from_millis(time.and_utc().timestamp_millis())))
}

/// Writes a text that is there.
pub(super) fn put(values: &mut Values, key: &str, text: Option<&str>) {
    if let Some(text) = text {
        values.insert(key.to_owned(), text.into());
    }
}

/// Whether it names no commit, as before a branch is made and after it is gone.
pub(super) fn is_nothing(hash: &str) -> bool {
    hash.bytes().all(|byte| byte == b'0')
}

/// The event written again, without the lists of files of its commits, which can be long.
pub(super) fn slim(event: &Value) -> String {
    let mut event = event.clone();
    if let Some(commits) = event.get_mut("commits").and_then(Value::as_array_mut) {
        commits.iter_mut().for_each(without_files);
    }
    event.get_mut("head_commit").into_iter().for_each(without_files);
    event.to_string()
}

fn without_files(commit: &mut Value) {
    for list in ["added", "removed", "modified"] {
        commit.get_mut(list).into_iter().for_each(|list| *list = Value::Null);
    }
}

fn dotted(pointer: &str) -> String {
    pointer.trim_start_matches('/').replace('/', ".")
}
