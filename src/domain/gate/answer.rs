//! What a hook's answer means.

use http::StatusCode;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

use super::DecisionState;
use crate::domain::outcome::{Answer, Outcome, usual_reason};

/// The longest work id, in bytes: it goes out with every event that follows.
pub const MAX_WORK_ID: usize = 1024;

/// At most so much of a reason is kept, in bytes.
const MAX_REASON: usize = 1024;

/// What a hook that was asked came back with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// Where its decision stands.
    pub state: DecisionState,
    /// Why, in its words or ours.
    pub reason: Option<String>,
    /// What it calls this.
    pub work_id: Option<String>,
    /// What it said, JSON.
    pub answer: Option<String>,
}

impl Answered {
    /// What this outcome means: any 2xx that does not say no is a yes, but for 202, with
    /// which it takes its time.
    #[must_use]
    pub fn of(outcome: &Outcome) -> Self {
        let answer = match outcome {
            Outcome::Answered(answer) => answer,
            Outcome::Failed(why) | Outcome::Refused(why) | Outcome::Hindered(why) => return Self::silent(why),
        };
        if !outcome.arrived() {
            return Self::silent(format!("answered {} {}", answer.status, usual_reason(answer.status)).trim_end());
        }
        read(answer).unwrap_or_else(|why| Self::silent(&format!("its answer {why}")))
    }

    /// It did not say anything that could be understood: why.
    #[must_use]
    pub fn silent(why: &str) -> Self {
        Self { state: DecisionState::Silent, reason: Some(shortened(why)), work_id: None, answer: None }
    }

    /// The same with what is not to be known taken out of what it says for people. Its work
    /// id goes back to it as it is.
    #[must_use]
    pub fn hiding(self, hide: impl Fn(&str) -> String) -> Self {
        let hidden = |text: Option<String>| text.map(|text| hide(&text));
        Self { reason: hidden(self.reason), answer: hidden(self.answer), ..self }
    }

    /// It has decided after a while.
    ///
    /// # Errors
    /// The work id is too long.
    pub fn later(approved: bool, reason: Option<&str>, work_id: Option<&str>) -> Result<Self, String> {
        let state = if approved { DecisionState::Approved } else { DecisionState::Refused };
        let work_id = work_id.filter(|id| !id.is_empty()).map(str::to_owned);
        checked(work_id.as_deref())?;
        Ok(Self { state, reason: reason.map(shortened), work_id, answer: None })
    }
}

/// What is looked for in an answer; one that is there twice is none. Null is not the same
/// as nothing: who computed it meant to say something.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Fields {
    #[serde(deserialize_with = "said")]
    approved: Option<Value>,
    #[serde(deserialize_with = "said")]
    work_id: Option<Value>,
    #[serde(deserialize_with = "said")]
    reason: Option<Value>,
}

/// All of it is read, as whoever is shown it will: no text that is none, no bottomless depth.
fn strictly(body: &[u8]) -> serde_json::Result<Fields> {
    serde_json::from_slice::<Value>(body)?;
    serde_json::from_slice(body)
}

/// Without what is white space to JSON.
fn trimmed(mut body: &[u8]) -> &[u8] {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    while let [first, rest @ ..] = body
        && is_space(first)
    {
        body = rest;
    }
    while let [rest @ .., last] = body
        && is_space(last)
    {
        body = rest;
    }
    body
}

fn said<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

fn read(answer: &Answer) -> Result<Answered, String> {
    if answer.cut {
        return Err("is too long: 64 KiB at most are read".into());
    }
    let pending = answer.status == StatusCode::ACCEPTED;
    let body = trimmed(&answer.body);
    let fields = match body {
        [] => Fields::default(),
        // A list of values would be taken for the fields in their order.
        [b'{', ..] => strictly(body).map_err(|e| format!("cannot be read ({e})"))?,
        _ => return Err("is neither empty nor a JSON object".into()),
    };
    let state = match fields.approved {
        _ if pending => DecisionState::Pending,
        None | Some(Value::Bool(true)) => DecisionState::Approved,
        Some(Value::Bool(false)) => DecisionState::Refused,
        Some(_) => return Err("has an `approved` that is neither true nor false".into()),
    };
    let work_id = match fields.work_id {
        None | Some(Value::Null) => None,
        Some(Value::String(id)) => Some(id).filter(|id| !id.is_empty()),
        Some(Value::Number(id)) => Some(id.to_string()),
        Some(_) => return Err("has a `work_id` that is no text".into()),
    };
    checked(work_id.as_deref())?;
    let reason = fields.reason.as_ref().and_then(Value::as_str).filter(|reason| !reason.is_empty()).map(shortened);
    // As it came: numbers and the order of fields are its own.
    let answer = serde_json::from_slice::<&RawValue>(body).ok().map(|raw| raw.get().to_owned());
    Ok(Answered { state, reason, work_id, answer })
}

fn checked(work_id: Option<&str>) -> Result<(), String> {
    match work_id {
        Some(id) if id.len() > MAX_WORK_ID => {
            Err(format!("has a `work_id` of {} bytes: at most {MAX_WORK_ID}", id.len()))
        }
        _ => Ok(()),
    }
}

fn shortened(text: &str) -> String {
    text[..text.floor_char_boundary(MAX_REASON)].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16, body: &str) -> Answered {
        let body = body.to_owned().into();
        Answered::of(&Outcome::Answered(Answer { status, body, reason: "Reason".into(), ..Answer::default() }))
    }

    #[test]
    fn a_2xx_that_does_not_say_no_is_a_yes() {
        use DecisionState::{Approved, Pending, Refused, Silent};
        let table = [
            (200, "", Approved),
            (204, " \r\n", Approved),
            (200, "{}", Approved),
            (200, r#"{"approved":true}"#, Approved),
            (201, r#"{"approved":false}"#, Refused),
            (202, "", Pending),
            (202, r#"{"approved":true}"#, Pending),
            (200, r#"{"approved":"yes"}"#, Silent),
            (200, r#"{"approved":null}"#, Silent),
            (200, r#"{"approved":1}"#, Silent),
            (200, r#"{"approved":false,"approved":true}"#, Silent),
            (200, r#"{"work_id":[]}"#, Silent),
            (200, "<html>", Silent),
            (202, "<html>", Silent),
            (200, "\u{c}", Silent),
            (200, r#"{"x":"\ud800"}"#, Silent),
            (200, "true", Silent),
            (200, "[]", Silent),
            (302, "", Silent),
            (404, r#"{"approved":true}"#, Silent),
            (500, "", Silent),
        ];
        for (status, body, state) in table {
            let answered = answered(status, body);
            assert_eq!(answered.state, state, "{status} {body}");
            assert_eq!(answered.reason.is_some(), state == Silent, "{status} {body}");
        }
        assert_eq!(answered(500, "").reason.as_deref(), Some("answered 500 Internal Server Error"));
    }

    #[test]
    fn the_work_id_the_reason_and_the_answer_are_kept() {
        let body = r#"{"approved":false, "work_id":"w","reason":"frozen","n":1.50}"#;
        let said = answered(200, body);
        assert_eq!((said.work_id.as_deref(), said.reason.as_deref()), (Some("w"), Some("frozen")));
        assert_eq!(said.answer.as_deref(), Some(body));
        assert_eq!(answered(200, r#"{"work_id":17}"#).work_id.as_deref(), Some("17"));
        assert_eq!(answered(200, r#"{"work_id":""}"#).work_id, None);
        assert_eq!(answered(202, r#"{"work_id":"w"}"#).work_id.as_deref(), Some("w"));
    }

    #[test]
    fn what_is_too_long_is_cut_or_no_answer() {
        let long = |length| format!(r#"{{"reason":"{0}","work_id":"w"}}"#, "é".repeat(length));
        assert_eq!(answered(200, &long(600)).reason.map(|reason| reason.len()), Some(MAX_REASON));
        let id = format!(r#"{{"work_id":"{}"}}"#, "x".repeat(MAX_WORK_ID + 1));
        assert_eq!(answered(200, &id).state, DecisionState::Silent);
        let deep = format!(r#"{{"x":{}{}}}"#, "[".repeat(200), "]".repeat(200));
        assert_eq!(answered(200, &deep).state, DecisionState::Silent);
        let bytes = Answer { status: 200, body: (&b"{\"x\":\"\xff\"}"[..]).into(), ..Answer::default() };
        assert_eq!(Answered::of(&Outcome::Answered(bytes)).state, DecisionState::Silent);
        let cut = Answer { status: 200, cut: true, ..Answer::default() };
        assert_eq!(Answered::of(&Outcome::Answered(cut)).state, DecisionState::Silent);
        assert!(Answered::later(true, None, Some(&"x".repeat(MAX_WORK_ID + 1))).is_err());
    }
}
