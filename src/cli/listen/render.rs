//! How a request is printed.

use std::io::{self, IsTerminal};

use colored_json::{ColorMode, ToColoredJson};
use http::StatusCode;
use serde::Serialize;

use crate::cli::output::{self, visible, visible_but};
use crate::cli::receiver::Arrived;

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
    pub(super) arrived: &'a Arrived,
    pub(super) signature: Option<Signature>,
    pub(super) status: StatusCode,
}

/// What a line of `--json` says about a request besides the request.
#[derive(Serialize)]
struct Judged<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    signature: Option<&'a Signature>,
    status: u16,
}

impl Received<'_> {
    /// The text for stdout, safe for a terminal whatever the sender put into it.
    pub(super) fn render(&self, style: Style) -> String {
        let body = String::from_utf8_lossy(self.arrived.payload());
        let payload = match style {
            Style::Json => return self.arrived.line(self.judged()),
            _ if body.is_empty() => return self.headline(),
            Style::Plain => visible(&body).into_owned(),
            Style::Terminal { colours } => laid_out(&body, colours),
        };
        format!("{}\n{payload}", self.headline())
    }

    /// `12:34:56.789 POST /hook PostDeployment dlv_7 attempt 2 signature right -> 200`
    fn headline(&self) -> String {
        let arrived = self.arrived;
        let mut words = vec![
            arrived.local_time().format("%H:%M:%S%.3f").to_string(),
            arrived.parts.method.to_string(),
            visible(&arrived.path()).into_owned(),
        ];
        words.extend(arrived.header("nyala-event"));
        words.extend(arrived.header("nyala-delivery"));
        words.extend(arrived.header("nyala-attempt").map(|attempt| format!("attempt {attempt}")));
        words.extend(self.signature.as_ref().map(|signature| match signature {
            Signature::Right => "signature right".to_owned(),
            Signature::Wrong(why) => format!("signature WRONG: {}", visible(why)),
        }));
        words.push(format!("-> {}", self.status.as_u16()));
        words.join(" ")
    }

    fn judged(&self) -> Judged<'_> {
        Judged { signature: self.signature.as_ref(), status: self.status.as_u16() }
    }
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
    use bytes::Bytes;
    use http::Request;
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::time::Timestamp;

    fn render(body: &str, style: Style) -> String {
        let request = Request::post("/hook?a=1")
            .header("nyala-event", "PostDeployment")
            .header("nyala-delivery", "dlv_7")
            .header("nyala-attempt", "2")
            .body(())
            .unwrap();
        let (parts, ()) = request.into_parts();
        let body = Some(Bytes::copy_from_slice(body.as_bytes()));
        let arrived = Arrived { at: Timestamp::from_millis(0), parts, body };
        Received { arrived: &arrived, signature: None, status: StatusCode::OK }.render(style)
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
