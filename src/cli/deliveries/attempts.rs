//! How the attempts of a delivery are shown to people.

use std::fmt::Write as _;

use serde::Deserialize;

use crate::cli::output::{block, header_lines, visible, visible_but};

/// A delivery, as far as its attempts go. No field is required, so that older and
/// newer servers can be asked.
#[derive(Deserialize)]
pub(super) struct Attempted {
    #[serde(default)]
    attempts: Vec<Attempt>,
}

#[derive(Deserialize)]
#[serde(default)]
struct Attempt {
    number: u32,
    started_at: String,
    duration_ms: f64,
    outcome: String,
    status: Option<u16>,
    reason: String,
    request_headers: Headers,
    answer: Option<Answer>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Answer {
    headers: Headers,
    body: String,
}

type Headers = Vec<(String, String)>;

impl Default for Attempt {
    fn default() -> Self {
        Self {
            number: 0,
            started_at: "-".to_owned(),
            duration_ms: 0.0,
            outcome: "-".to_owned(),
            status: None,
            reason: String::new(),
            request_headers: vec![],
            answer: None,
        }
    }
}

/// All attempts, each after an empty line.
pub(super) fn told(delivery: &Attempted) -> String {
    let mut text = String::new();
    for attempt in &delivery.attempts {
        let _ = write!(text, "\n\n{}", attempt.headline());
        block(&mut text, "sent", &header_lines(&attempt.request_headers));
        if let Some(answer) = &attempt.answer {
            block(&mut text, "answered", &header_lines(&answer.headers));
            block(&mut text, "body", &visible_but(&answer.body, &['\n', '\t']));
        }
    }
    text
}

impl Attempt {
    /// `attempt 2  2026-01-31T23:59:59.000Z  12.3 ms  500 Internal Server Error`
    fn headline(&self) -> String {
        let result = self.status.map_or_else(|| format!("{}:", self.outcome), |status| status.to_string());
        let (time, duration) = (&self.started_at, self.duration_ms);
        let line = format!("attempt {}  {time}  {duration:.1} ms  {result} {}", self.number, self.reason);
        visible(line.trim_end()).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn attempts_are_told_with_what_was_sent_and_answered() {
        let answered = json!({
            "number": 1, "started_at": "T", "duration_ms": 12.34, "outcome": "answered", "status": 500,
            "reason": "Not Now", "request_headers": [["webhook-id", "evt_1"]],
            "answer": {"headers": [["a", "b"], ["a", "\u{1b}c"]], "body": "busy\n\u{1b}[2Jnow"},
        });
        let failed = json!({"number": 2, "started_at": "T", "outcome": "failed", "reason": "cannot connect"});
        let delivery = serde_json::from_value(json!({ "attempts": [answered, failed] })).unwrap();

        let text = told(&delivery);

        let expected = "\n\nattempt 1  T  12.3 ms  500 Not Now\n  sent\n    webhook-id: evt_1\n  answered\n    a: b\n    \
                        a: \\u001bc\n  body\n    busy\n    \\u001b[2Jnow\n\nattempt 2  T  0.0 ms  failed: cannot connect";
        assert_eq!(text, expected);
    }
}
