//! A request that a trigger makes, and what its event tells of it.

#[cfg(test)]
mod tests;

use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Method};
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::mapping::Values;
use super::proof::sensitive;
use super::settings::{OutgoingCall, Settings};
use super::{Ended, Execution, Policy, Trigger, carry};
use crate::domain::Invalid;
use crate::domain::headers::{CustomHeaders, MASKED, is_ours};
use crate::domain::outcome::{Outcome, usual_reason};
use crate::domain::secrets::HookSecrets;
use crate::domain::time::Timestamp;
use crate::domain::url::{Credentials, HookUrl};

/// How long a call may take, whole: as long as CDS gives it.
pub const TIMEOUT: Duration = Duration::from_mins(1);

/// The methods that a call may have.
const METHODS: [Method; 6] = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::HEAD];

/// The most headers that a call may have of its own.
const MAX_HEADERS: usize = 100;

/// The most of a log, in bytes, and of that the most of the request.
const LOG_BYTES: usize = 16 << 10;
const REQUEST_BYTES: usize = 7 << 10;

/// Names of parameters that carry secrets, besides those that headers have too.
const SECRET_PARAMETERS: [&str; 4] = ["code", "key", "sig", "signature"];

/// A call that can be made.
#[derive(Clone)]
pub struct Call {
    /// One of six.
    pub method: Method,
    /// Absolute, without user info.
    pub url: HookUrl,
    /// What stood in the URL as user info.
    pub credentials: Option<Credentials>,
    /// Without those that Nyala or HTTP itself sets; what may be secret is marked so.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// To the byte.
    pub body: Bytes,
}

impl OutgoingCall {
    /// The call, read. Headers that Nyala or HTTP itself sets are left out.
    ///
    /// # Errors
    /// Names `method`, `url` or `headers`; never a value of a header.
    pub fn read(&self) -> Result<Call, Invalid> {
        let method = METHODS.into_iter().find(|method| method.as_str().eq_ignore_ascii_case(self.method.trim()));
        let method = method
            .ok_or_else(|| Invalid::new("method", "is none of those that can be sent: give one such as POST or GET"))?;
        let (url, credentials) = HookUrl::parse(&self.url)?;
        if self.headers.len() > MAX_HEADERS {
            return Err(Invalid::new("headers", format!("may hold {MAX_HEADERS} headers: send fewer")));
        }
        let headers: Vec<_> = self.headers.iter().map(header).collect::<Result<_, _>>()?;
        let headers = headers.into_iter().filter(|(name, _)| name == CONTENT_TYPE || !is_ours(name)).collect();
        Ok(Call { method, url, credentials, headers, body: self.body.clone().into() })
    }
}

fn header((name, text): &(String, String)) -> Result<(HeaderName, HeaderValue), Invalid> {
    let wrong = |message: String| Invalid::new("headers", message);
    let name: HeaderName = name.trim().parse().map_err(|_| wrong("holds a name that no header can have".into()))?;
    let value = HeaderValue::from_bytes(text.trim().as_bytes());
    let mut value = value.map_err(|_| wrong(format!("holds a value of {name} with a line break: remove it")))?;
    value.set_sensitive(sensitive(name.as_str()));
    Ok((name, value))
}

impl Call {
    /// What an answer may repeat and nobody else may know.
    #[must_use]
    pub fn secrets(&self) -> HookSecrets {
        let marked = self.headers.iter().filter(|(_, value)| value.is_sensitive());
        let marked = marked.map(|(_, value)| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let decoded = |value: &str| percent_decode_str(value).decode_utf8_lossy().into_owned();
        let target = self.target();
        let given = parameters(&target).filter(|(name, _)| is_secret(name));
        let given = given.flat_map(|(_, value)| [value.to_owned(), decoded(value)]);
        let pairs: Vec<_> = marked.chain(given).map(|value| ("x-secret".to_owned(), value)).collect();
        let headers = CustomHeaders::trusted(&pairs);
        HookSecrets { credentials: self.credentials.clone(), headers, keys: vec![], client_certificate: None }
    }

    /// The first lines of the request as they are told, secrets masked.
    #[must_use]
    pub fn line(&self) -> String {
        let target = self.target();
        let (path, _) = target.split_once('?').unwrap_or((&target, ""));
        let mut line = format!("{} {path}", self.method);
        for (number, (name, value)) in parameters(&target).enumerate() {
            let value = if is_secret(name) { MASKED } else { value };
            line.push(if number == 0 { '?' } else { '&' });
            line.push_str(name);
            if !value.is_empty() {
                line.extend(["=", value]);
            }
        }
        let url = url::Url::parse(self.url.as_str()).ok();
        let host = url.map(|url| url.authority().to_owned()).unwrap_or_default();
        format!("{line} HTTP/1.1\nhost: {host}\n")
    }

    /// Its path and query, as they are sent.
    fn target(&self) -> String {
        let url = url::Url::parse(self.url.as_str()).ok();
        url.map(|url| url[url::Position::BeforePath..url::Position::AfterQuery].to_owned()).unwrap_or_default()
    }
}

/// The parameters in a query, as they are written.
fn parameters(target: &str) -> impl Iterator<Item = (&str, &str)> {
    let query = target.split_once('?').map_or("", |(_, query)| query);
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

fn is_secret(name: &str) -> bool {
    let name = percent_decode_str(name).decode_utf8_lossy().to_ascii_lowercase();
    SECRET_PARAMETERS.contains(&name.as_str()) || sensitive(&name)
}

/// A call that was made, or that had to be refused.
#[derive(Debug, Clone)]
pub struct Made {
    /// When it began.
    pub start: Timestamp,
    /// When it was over.
    pub done: Timestamp,
    /// Its line and headers, secrets masked; empty if there was no request.
    pub sent: String,
    /// What came of it.
    pub outcome: Outcome,
}

/// What comes of an execution whose call was made, and when it is tried again if it failed.
/// What has failed for the last time publishes, too: that it did.
#[must_use]
pub fn ended(policy: Policy, trigger: &Trigger, execution: &Execution, made: &Made) -> (Ended, Option<Timestamp>) {
    let event = |status| carry::event(trigger, execution, told(trigger, made, status));
    let Some(why) = failure(&made.outcome) else {
        // What was made is not made again because it cannot be told.
        let untold = |why| Ended::GaveUp { why, events: vec![] };
        return (event("Success").map_or_else(untold, |event| Ended::Published(vec![event])), None);
    };
    match policy.again_at(execution.errors, made.done) {
        Some(again_at) => (Ended::Failed(why), Some(again_at)),
        None => (Ended::GaveUp { why, events: event("Fail").into_iter().collect() }, None),
    }
}

/// Why it failed, if it did: redirects are not followed, and count as answers.
fn failure(outcome: &Outcome) -> Option<String> {
    match outcome.status() {
        Some(status) if status < 400 => None,
        Some(status) => Some(format!("answered {status} {}", usual_reason(status)).trim_end().to_owned()),
        None => Some(outcome.reason().to_owned()),
    }
}

/// The trigger's values, and what came of the call in the words of CDS; nobody's value can
/// stand in place of that.
fn told(trigger: &Trigger, made: &Made, status: &str) -> Values {
    let mut told = Values::new();
    let values = if let Settings::Outgoing(call) = &trigger.settings { Some(&call.values) } else { None };
    told.extend(values.into_iter().flatten().map(|(key, value)| (key.clone(), text(value))));
    let mut tell = |name: &str, value: String| told.insert(name.to_owned(), value.into());
    tell("status", status.to_owned());
    tell("start", made.start.rfc3339());
    tell("done", made.done.rfc3339());
    tell("log", log(made));
    // Empty where there was no answer.
    tell("http.status", made.outcome.status().map_or_else(String::new, |status| status.to_string()));
    told
}

fn text(value: &Value) -> Value {
    match value {
        Value::Null => "".into(),
        Value::String(_) => value.clone(),
        other => other.to_string().into(),
    }
}

/// What was sent but for the body, and what was answered.
fn log(made: &Made) -> String {
    let sent = &made.sent[..made.sent.floor_char_boundary(REQUEST_BYTES)];
    let answered = match &made.outcome {
        Outcome::Answered(answer) => {
            let head = format!("HTTP {} {}\n", answer.status, answer.reason);
            format!("{head}{}\n{}", answer.headers.as_str(), String::from_utf8_lossy(&answer.body))
        }
        other => other.reason().to_owned(),
    };
    let mut log = if sent.is_empty() { answered } else { format!("{}\n\n{answered}", sent.trim_end()) };
    log.truncate(log.floor_char_boundary(LOG_BYTES));
    log
}
