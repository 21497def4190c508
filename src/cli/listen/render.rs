//! How a request is printed.

use std::borrow::Cow;
use std::io::{self, IsTerminal};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use chrono::{DateTime, Local, SecondsFormat};
use colored_json::{ColorMode, ToColoredJson};
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::cli::output::{self, visible, visible_but};

/// For whom a request is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// A program that reads JSON lines.
    Json,
    /// A file or a pipe: the payload stands on one line, as it came.
    Plain,
    /// A person: the payload is laid out, and coloured if so.
    Terminal { colours: bool },
}

impl Style {
    /// The style for the stdout that we have.
    pub(super) fn choose(json: bool) -> Self {
        match json {
            true => Self::Json,
            false if io::stdout().is_terminal() => Self::Terminal { colours: output::colours() },
            false => Self::Plain,
        }
    }
}

/// What the keys of the command line say about a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Signature {
    /// One of them signed it.
    Right,
    /// None did, or nobody can tell, and why.
    Wrong(String),
}

/// A request that came, and the status that it is answered with.
pub(super) struct Received<'a> {
    pub(super) at: DateTime<Local>,
    pub(super) parts: &'a Parts,
    pub(super) body: &'a Bytes,
    pub(super) signature: Option<Signature>,
    pub(super) status: StatusCode,
}

/// One line of `--json`.
#[derive(Serialize)]
struct Line<'a> {
    time: String,
    method: &'a str,
    path: String,
    headers: Map<String, Value>,
    body: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body_base64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signature: Option<&'a Signature>,
    status: u16,
}

impl Received<'_> {
    /// The text for stdout, safe for a terminal whatever the sender put into it.
    pub(super) fn render(&self, style: Style) -> String {
        let body = String::from_utf8_lossy(self.body);
        let payload = match style {
            Style::Json => return self.line(),
            _ if body.is_empty() => return self.headline(),
            Style::Plain => visible(&body).into_owned(),
            Style::Terminal { colours } => laid_out(&body, colours),
        };
        format!("{}\n{payload}", self.headline())
    }

    /// `12:34:56.789 POST /hook PostDeployment dlv_7 attempt 2 signature right -> 200`
    fn headline(&self) -> String {
        let mut words = vec![
            self.at.format("%H:%M:%S%.3f").to_string(),
            self.parts.method.to_string(),
            visible(&self.path()).into_owned(),
        ];
        words.extend(self.header("nyala-event"));
        words.extend(self.header("nyala-delivery"));
        words.extend(self.header("nyala-attempt").map(|attempt| format!("attempt {attempt}")));
        words.extend(self.signature.as_ref().map(|signature| match signature {
            Signature::Right => "signature right".to_owned(),
            Signature::Wrong(why) => format!("signature WRONG: {}", visible(why)),
        }));
        words.push(format!("-> {}", self.status.as_u16()));
        words.join(" ")
    }

    fn line(&self) -> String {
        let line = Line {
            time: self.at.to_rfc3339_opts(SecondsFormat::Millis, false),
            method: self.parts.method.as_str(),
            path: self.path(),
            headers: header_map(&self.parts.headers),
            body: String::from_utf8_lossy(self.body),
            body_base64: str::from_utf8(self.body).is_err().then(|| BASE64_STANDARD.encode(self.body)),
            signature: self.signature.as_ref(),
            status: self.status.as_u16(),
        };
        let line = serde_json::to_string(&line).unwrap_or_else(|error| error.to_string());
        visible(&line).into_owned()
    }

    fn path(&self) -> String {
        self.parts.uri.path_and_query().map_or_else(|| self.parts.uri.to_string(), ToString::to_string)
    }

    fn header(&self, name: &str) -> Option<String> {
        let value = self.parts.headers.get(name)?;
        Some(visible(&String::from_utf8_lossy(value.as_bytes())).into_owned())
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

/// JSON with a line for each member; other text keeps its lines.
fn laid_out(body: &str, colours: bool) -> String {
    let mode = if colours { ColorMode::On } else { ColorMode::Off };
    match body.to_colored_json(mode) {
        // The escape characters in there are the colours': those of the payload are escaped by JSON
        // itself.
        Ok(json) => visible_but(&json, &['\t', '\n', '\u{1b}']).into_owned(),
        Err(_) => body.lines().map(visible).collect::<Vec<_>>().join("\n"),
    }
}

#[cfg(test)]
mod tests {
    use http::Request;
    use serde_json::json;

    use super::*;

    fn render(body: &str, style: Style) -> String {
        let request = Request::post("/hook?a=1")
            .header("nyala-event", "PostDeployment")
            .header("nyala-delivery", "dlv_7")
            .header("nyala-attempt", "2")
            .body(())
            .unwrap();
        let (parts, ()) = request.into_parts();
        let body = Bytes::copy_from_slice(body.as_bytes());
        let at = DateTime::from_timestamp_millis(0).unwrap().with_timezone(&Local);
        Received { at, parts: &parts, body: &body, signature: None, status: StatusCode::OK }.render(style)
    }

    #[test]
    fn a_request_is_one_line_and_its_payload_another() {
        let text = render("{\"b\": 1.0,\n \"a\": 1}", Style::Plain);

        let (headline, payload) = text.split_once('\n').unwrap();
        assert!(headline.ends_with(" POST /hook?a=1 PostDeployment dlv_7 attempt 2 -> 200"), "{headline}");
        assert_eq!(payload, "{\"b\": 1.0,\\n \"a\": 1}");
    }

    #[test]
    fn a_request_without_a_payload_is_one_line() {
        assert_eq!(render("", Style::Plain).lines().count(), 1);
    }

    #[test]
    fn a_payload_for_a_person_keeps_its_numbers_and_its_order() {
        let text = render(r#"{"b":1.00,"a":[12345678901234567890123]}"#, Style::Terminal { colours: false });

        let (_, payload) = text.split_once('\n').unwrap();
        assert_eq!(payload, "{\n  \"b\": 1.00,\n  \"a\": [\n    12345678901234567890123\n  ]\n}");
    }

    #[test]
    fn a_hostile_payload_drives_no_terminal() {
        let in_json = "{\"a\":\"\u{9b}2J\",\"\\u001b[2J\":\"\\u001b]0;x\\u0007\"}";
        let in_text = "\u{1b}[2J\rgone\nline";

        for style in [Style::Plain, Style::Terminal { colours: false }, Style::Json] {
            for body in [in_json, in_text] {
                let text = render(body, style);
                assert!(!text.contains(['\u{1b}', '\u{9b}', '\r', '\u{7}']), "{style:?}: {text:?}");
            }
        }
        let coloured = render(in_json, Style::Terminal { colours: true });
        assert!(!coloured.contains("\u{1b}[2J") && !coloured.contains("\u{1b}]") && !coloured.contains('\u{9b}'));
    }

    #[test]
    fn a_json_line_holds_the_body_to_the_character() {
        let body = "{\"a\": 1.0,\n\"b\":\"\u{9b}\"}";

        let text = render(body, Style::Json);

        let line: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["body"], body);
        assert_eq!(line["path"], "/hook?a=1");
        assert_eq!(line["headers"]["nyala-attempt"], json!("2"));
        assert_eq!(line["status"], 200);
        assert_eq!(text.lines().count(), 1);
    }
}
