//! From a request to the values that an event tells.

mod flat;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use url::form_urlencoded;

use super::incoming::Incoming;

pub use flat::{MAX_FLAT_BYTES, MAX_FLAT_KEYS, flatten};

/// Texts by key, in order: what an event tells.
pub type Values = serde_json::Map<String, Value>;

/// The body as it came, or the query string where there is no body.
pub(super) const PAYLOAD: &str = "payload";

/// `base64` where a body is not UTF-8.
const ENCODING: &str = "payload.encoding";

/// `false` where a body has more keys than are taken apart.
const FLATTENED: &str = "payload.flattened";

/// What of a webhook's configuration is about the trigger itself.
const OF_THE_WEBHOOK: [&str; 3] = ["project", "workflow", "method"];

/// What of a schedule's configuration is about the trigger itself.
const OF_THE_SCHEDULE: [&str; 5] = ["project", "workflow", "cron", "timezone", PAYLOAD];

/// What a call of a webhook tells. Later ones win: `payload`, then the configuration,
/// then who triggered it, then the query, then the body. A body that is not taken
/// apart is itself the last of them, so that nothing can stand in its place.
#[must_use]
pub fn of_webhook(incoming: &Incoming, config: &Values) -> Values {
    let mut values = Values::new();
    put_raw(&mut values, incoming);
    put_config(&mut values, config, &OF_THE_WEBHOOK);
    put_triggered_by(&mut values, "cds.webhook", "CDS Webhook");
    values.extend(pairs(incoming.query.as_bytes()));
    match taken_apart(incoming) {
        Some(fields) if !fields.contains_key(FLATTENED) => values.extend(fields),
        Some(refused) => {
            values.extend(refused);
            put_raw(&mut values, incoming);
        }
        None if incoming.body.is_empty() => {}
        None => put_raw(&mut values, incoming),
    }
    values
}

/// What a firing of a schedule tells: the payload that it was given, flattened and raw
/// unless it is `{}`, then the rest of its configuration, then who triggered it.
#[must_use]
pub fn of_schedule(payload: Option<&str>, config: &Values) -> Values {
    let mut values = Values::new();
    if let Some(raw) = payload.filter(|raw| !matches!(raw.trim(), "" | "{}")) {
        values.extend(serde_json::from_str(raw).map(|json| flatten(&json)).unwrap_or_default());
        values.insert(PAYLOAD.to_owned(), raw.into());
    }
    put_config(&mut values, config, &OF_THE_SCHEDULE);
    put_triggered_by(&mut values, "cds.scheduler", "CDS Scheduler");
    values
}

/// The body to the byte, or the query string if there is no body.
fn put_raw(values: &mut Values, incoming: &Incoming) {
    let raw = if incoming.body.is_empty() { incoming.query.as_bytes() } else { &incoming.body };
    let text = std::str::from_utf8(raw).map_or_else(
        |_| {
            values.insert(ENCODING.to_owned(), "base64".into());
            STANDARD.encode(raw)
        },
        str::to_owned,
    );
    values.insert(PAYLOAD.to_owned(), text.into());
}

fn put_config(values: &mut Values, config: &Values, but: &[&str]) {
    let told = config.iter().filter(|(key, _)| !but.contains(&key.as_str()));
    values.extend(told.map(|(key, value)| (key.clone(), flat::text(value).into())));
}

fn put_triggered_by(values: &mut Values, username: &str, fullname: &str) {
    values.insert("cds.triggered_by.username".to_owned(), username.into());
    values.insert("cds.triggered_by.fullname".to_owned(), fullname.into());
}

/// The fields of a body that has fields: a form or JSON, under a method that carries one.
fn taken_apart(incoming: &Incoming) -> Option<Values> {
    let carries = ["POST", "PUT", "PATCH"].iter().any(|method| incoming.method.eq_ignore_ascii_case(method));
    if !carries || incoming.body.is_empty() {
        return None;
    }
    match media_type(incoming).as_str() {
        "application/x-www-form-urlencoded" => Some(form(&incoming.body)),
        media if media == "application/json" || media.ends_with("+json") => {
            let json = serde_json::from_slice(&incoming.body).ok()?;
            matches!(json, Value::Object(_) | Value::Array(_)).then(|| flatten(&json))
        }
        _ => None,
    }
}

/// In small letters and without parameters; empty if the request does not say.
pub(super) fn media_type(incoming: &Incoming) -> String {
    let whole = incoming.header("content-type").unwrap_or_default();
    whole.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn form(body: &[u8]) -> Values {
    if form_urlencoded::parse(body).take(MAX_FLAT_KEYS + 1).count() > MAX_FLAT_KEYS {
        return flat::refused();
    }
    pairs(body)
}

/// The first value of each key, as upstream takes it.
fn pairs(encoded: &[u8]) -> Values {
    let mut values = Values::new();
    for (key, value) in form_urlencoded::parse(encoded).filter(|(key, _)| !key.is_empty()) {
        values.entry(Cow::into_owned(key)).or_insert_with(|| value.into_owned().into());
    }
    values
}
