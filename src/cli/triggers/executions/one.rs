//! One execution, whole.

use std::fmt::Write as _;

use http::Method;
use serde::Deserialize;

use super::succeeded;
use crate::cli::client::Client;
use crate::cli::exit::Failure;
use crate::cli::output::{self, block, counted, header_lines, visible, visible_but};
use crate::cli::payload::shown_payload;
use crate::cli::shown::Shown;
use crate::cli::triggers::find::Found;
use crate::domain::id::ExecutionId;

/// How many of the events that came out are shown with their payloads; all are named.
const MOST_SHOWN: usize = 10;

/// An execution, as far as what came in and out goes. No field is required, so that older and newer
/// servers can be asked.
#[derive(Deserialize)]
struct Passed {
    request: Option<Request>,
    #[serde(default)]
    events: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Request {
    method: String,
    query: String,
    headers: Vec<(String, String)>,
    bytes: u64,
    body: Option<String>,
    body_base64: Option<String>,
}

pub(super) async fn show(client: &Client, found: &Found, id: ExecutionId, json: bool) -> Result<(), Failure> {
    let path = ["executions", &id.to_string()];
    let answer = client.send(found.request(client, Method::GET, &path)).await?;
    succeeded(&answer, found)?;
    let (execution, passed): (Shown, Passed) = (answer.json()?, answer.json()?);
    if json {
        return output::print(&answer.text());
    }
    let mut text = execution.details_but(&["request"]);
    if let Some(request) = &passed.request {
        request.tell(&mut text);
    }
    for event in passed.events.iter().take(MOST_SHOWN) {
        tell_event(client, event, &mut text).await?;
    }
    output::print(&text)
}

impl Request {
    /// `came in  POST ?branch=main  12 bytes`, its headers and its body.
    fn tell(&self, text: &mut String) {
        let query = if self.query.is_empty() { String::new() } else { format!(" ?{}", self.query) };
        let bytes = counted(self.bytes, "byte", "bytes");
        let _ = write!(text, "\n\ncame in  {}  {bytes}", visible(&format!("{}{query}", self.method)));
        block(text, "headers", &header_lines(&self.headers));
        block(text, "body", &visible_but(self.body.as_deref().unwrap_or_default(), &['\n', '\t']));
        block(text, "body, which is no text, in base64", &visible(self.body_base64.as_deref().unwrap_or_default()));
    }
}

/// `came out  evt_… GitPush  2 deliveries`, and its payload; or why it cannot be shown: who may fire a
/// trigger may not always read events, and these are kept for a time of their own.
async fn tell_event(client: &Client, event: &str, text: &mut String) -> Result<(), Failure> {
    let answer = client.send(client.request(Method::GET, &["api", "v1", "events", event], &[])).await?;
    let _ = write!(text, "\n\ncame out  {}", visible(event));
    if !answer.status.is_success() {
        let _ = write!(text, "  ({})", answer.failure().what());
        return Ok(());
    }
    let shown: Shown = answer.json()?;
    let deliveries = match shown.get("deliveries").and_then(serde_json::Value::as_u64) {
        Some(count) => format!("  {}", counted(count, "delivery", "deliveries")),
        None => String::new(),
    };
    let _ = write!(text, " {}{deliveries}", shown.text("type"));
    block(text, "payload", &shown_payload(&answer)?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(request: serde_json::Value) -> String {
        let mut text = String::new();
        serde_json::from_value::<Request>(request).unwrap().tell(&mut text);
        text
    }

    #[test]
    fn what_came_in_is_told_and_drives_no_terminal() {
        let text = told(json!({"method": "POST", "query": "a=b\u{1b}", "headers": [["x-a", "\u{1b}c"]], "bytes": 1,
            "body": "one\n\u{1b}[2Jtwo"}));

        let expected = "\n\ncame in  POST ?a=b\\u001b  1 byte\n  headers\n    x-a: \\u001bc\n  body\n    one\n    \
                        \\u001b[2Jtwo";
        assert_eq!(text, expected);
        assert!(told(json!({"body_base64": "AAE="})).ends_with("\n  body, which is no text, in base64\n    AAE="));
    }
}
