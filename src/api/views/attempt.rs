//! Attempts as JSON.

use serde::Serialize;

use crate::domain::delivery::Attempt;
use crate::domain::headers::HeaderLines;
use crate::domain::outcome::Outcome;
use crate::domain::time::Timestamp;

/// An attempt: what was sent beside the payload, and what came of it.
#[derive(Serialize)]
pub(super) struct AttemptView {
    number: u32,
    started_at: Timestamp,
    duration_ms: f64,
    outcome: &'static str,
    status: Option<u16>,
    reason: String,
    request_headers: HeaderLines,
    /// Absent where there was none, and for those who may not see the hook's whole URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<AnswerView>,
}

/// An answer: headers in the order in which they came, and how the body begins,
/// with replacement characters where it is no UTF-8.
#[derive(Serialize)]
struct AnswerView {
    headers: HeaderLines,
    body: String,
}

impl AttemptView {
    /// As one sees it who may see the hook's whole URL or not: answers repeat URLs, in
    /// `location` and on pages that say what was not found.
    pub(super) fn of(attempt: Attempt, whole: bool) -> Self {
        let outcome = attempt.outcome;
        let reason = if whole { outcome.reason() } else { outcome.plain_reason() }.to_owned();
        let status = outcome.status();
        let (outcome, answer) = match outcome {
            Outcome::Answered(answer) => ("answered", Some(answer)),
            Outcome::Failed(_) => ("failed", None),
            Outcome::Refused(_) => ("refused", None),
            Outcome::Hindered(_) => ("hindered", None),
        };
        Self {
            number: attempt.number,
            started_at: attempt.started_at,
            duration_ms: super::millis(attempt.duration),
            outcome,
            status,
            reason,
            request_headers: attempt.request_headers,
            answer: answer.filter(|_| whole).map(|answer| AnswerView {
                headers: answer.headers,
                body: String::from_utf8_lossy(&answer.body).into_owned(),
            }),
        }
    }
}
