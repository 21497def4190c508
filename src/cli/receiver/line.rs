//! A request as one line of JSON, for programs.

use std::borrow::Cow;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chrono::SecondsFormat;
use http::HeaderMap;
use serde::Serialize;
use serde_json::{Map, Value};

use super::Arrived;
use crate::cli::output::visible;

/// One line of `--json`.
#[derive(Serialize)]
struct Line<'a, T> {
    time: String,
    method: &'a str,
    path: String,
    headers: Map<String, Value>,
    body: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body_base64: Option<String>,
    #[serde(flatten)]
    more: T,
}

impl Arrived {
    /// One JSON object: the request, and the fields of `more`, which say what came of it.
    pub(in crate::cli) fn line(&self, more: impl Serialize) -> String {
        let body = self.payload();
        let line = Line {
            time: self.local_time().to_rfc3339_opts(SecondsFormat::Millis, false),
            method: self.parts.method.as_str(),
            path: self.path(),
            headers: header_map(&self.parts.headers),
            body: String::from_utf8_lossy(body),
            body_base64: str::from_utf8(body).is_err().then(|| BASE64_STANDARD.encode(body)),
            more,
        };
        let line = serde_json::to_string(&line).unwrap_or_else(|error| error.to_string());
        visible(&line).into_owned()
    }
}

/// Header names are lower case; values of one that comes several times are joined with a comma (RFC
/// 9110, 5.3).
fn header_map(headers: &HeaderMap) -> Map<String, Value> {
    let joined = |name| {
        let values: Vec<_> =
            headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
        values.join(", ")
    };
    headers.keys().map(|name| (name.to_string(), joined(name).into())).collect()
}
