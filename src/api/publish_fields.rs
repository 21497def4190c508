//! What a publish says beside its event: one reading for every way in.

use std::collections::HashSet;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use http::header::HeaderName;
use serde_json::value::RawValue;
use warp::Reply;
use warp::reply::Response;

use super::error::ApiError;
use super::request::Request;
use crate::domain::Invalid;
use crate::domain::application::Application;
use crate::domain::event::IdempotencyKey;

/// The longest that a publish may wait for first attempts.
const MAX_WAIT: Duration = Duration::from_mins(1);

/// The most applications that one event may concern.
const MAX_APPLICATIONS: usize = 100;

const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// The applications that a publish names by its query or its header.
pub(super) fn applications(request: &Request) -> Result<Vec<Application>, ApiError> {
    let mut names = request.query_all("application");
    for value in request.headers.get_all("nyala-application") {
        names.push(String::from_utf8_lossy(value.as_bytes()).into_owned());
    }
    let mut applications = distinct_applications(&names)?;
    applications.sort();
    Ok(applications)
}

/// Each named application once, in the order in which they are named.
///
/// Each costs every publish a look-up or two, so there is a limit.
pub(super) fn distinct_applications(names: &[String]) -> Result<Vec<Application>, ApiError> {
    let mut applications = names.iter().map(|name| Application::parse(name)).collect::<Result<Vec<_>, _>>()?;
    let mut seen = HashSet::new();
    applications.retain(|application| seen.insert(application.clone()));
    if applications.len() > MAX_APPLICATIONS {
        let message = format!("are {}: an event concerns at most {MAX_APPLICATIONS}", applications.len());
        return Err(Invalid::new("applications", message).into());
    }
    Ok(applications)
}

pub(super) fn idempotency_key(request: &Request) -> Result<Option<IdempotencyKey>, ApiError> {
    let Some(value) = request.headers.get("idempotency-key") else {
        return Ok(None);
    };
    let key = String::from_utf8_lossy(value.as_bytes());
    Ok(Some(IdempotencyKey::parse(&key)?))
}

/// What a request would prefer (RFC 7240), one preference at a time.
fn preferences(request: &Request) -> impl Iterator<Item = &str> {
    let headers = request.headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    headers.flat_map(|header| header.split([',', ';']))
}

/// `Prefer: respond-async`: not to wait for what comes of it.
pub(super) fn prefers_async(request: &Request) -> bool {
    preferences(request).any(|preference| preference.trim().eq_ignore_ascii_case("respond-async"))
}

/// `Prefer: wait=N`: N seconds, at most 60; anything else is no preference.
pub(super) fn prefer_wait(request: &Request) -> Option<Duration> {
    let mut waits = preferences(request).filter_map(|preference| {
        let (name, value) = preference.split_once('=')?;
        let value = value.trim().trim_matches('"');
        let digits = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
        // More digits than a u64 holds are more than a minute, too.
        let seconds = digits.then(|| value.parse().unwrap_or(u64::MAX))?;
        name.trim().eq_ignore_ascii_case("wait").then_some(seconds)
    });
    waits.next().map(|seconds| Duration::from_secs(seconds).min(MAX_WAIT))
}

/// Says which preference was heeded.
pub(super) fn preferred(reply: impl Reply, wait: Option<Duration>) -> Response {
    let mut response = reply.into_response();
    let applied = wait.and_then(|wait| HeaderValue::from_str(&format!("wait={}", wait.as_secs())).ok());
    if let Some(applied) = applied {
        response.headers_mut().insert(PREFERENCE_APPLIED, applied);
    }
    response
}

/// Any JSON value, kept to the byte; nothing at all is `null`.
pub(super) fn payload(body: Bytes) -> Result<Bytes, ApiError> {
    if body.is_empty() {
        return Ok(Bytes::from_static(b"null"));
    }
    let text = std::str::from_utf8(&body).map_err(|e| {
        ApiError::Malformed(format!("the body is not UTF-8 (byte {}): send JSON in UTF-8", e.valid_up_to()))
    })?;
    serde_json::from_str::<&RawValue>(text)
        .map_err(|e| ApiError::Malformed(format!("the body is not JSON ({e}): send a valid JSON text")))?;
    Ok(body)
}
