//! Kudu's hooks API, as its clients know it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderValue, StatusCode};
use serde_json::value::RawValue;
use warp::Reply;
use warp::reply::{Response, json};

use super::App;
use super::error::ApiError;
use super::hook_fields::HookFields;
use super::request::Request;
use super::router::Answer;
use super::views::{HookView, PublishedView};
use crate::domain::Invalid;
use crate::domain::application::Application;
use crate::domain::event::{EventType, Idempotency, IdempotencyKey, NewEvent};
use crate::domain::hook::{Dialect, Hook, Owner};
use crate::domain::id::HookId;
use crate::store::page::{Page, Paged};
use crate::store::{Added, HookFilter};

/// The longest that a publish may wait for first attempts.
pub(super) const MAX_WAIT: Duration = Duration::from_mins(1);

/// The most applications that one event may concern.
const MAX_APPLICATIONS: usize = 100;

/// Hooks that are read at a time while a list is streamed.
const LIST_STEP: usize = 500;

const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// `POST /api/hooks`
pub(super) async fn subscribe(app: Arc<App>, request: Request) -> Answer {
    let body = request.json_body(app.max_body).await?;
    let new = HookFields::parse(&body, Dialect::Kudu)?.into_new_hook(Owner::ADMIN)?;
    let now = app.clock.now();
    let added = app.db.write(move |store| store.add(now, &new)).await?;
    match added {
        Added::New(hook) | Added::Existing(hook) => Ok(created(hook)),
        Added::Conflict(hook) => Err(conflict(&hook)),
    }
}

fn created(hook: Hook) -> Response {
    warp::reply::with_status(json(&HookView::from(hook)), StatusCode::CREATED).into_response()
}

fn conflict(hook: &Hook) -> ApiError {
    ApiError::Conflict(Invalid::new(
        "url",
        format!(
            "is registered already, as hook {}, for other events (events: {}; applications: {}): remove or change that \
             hook, or name the same events",
            hook.id,
            hook.filter.events().join(", "),
            hook.filter.applications().join(", "),
        ),
    ))
}

/// `GET /api/hooks`: a bare array, streamed, so that its length costs no memory.
pub(super) async fn list(app: Arc<App>, _: Request) -> Answer {
    let first = page(&app, Page { after: None, limit: LIST_STEP }).await?;
    let rest = stream::try_unfold(first.next, move |next| {
        let app = app.clone();
        async move {
            let Some(cursor) = next else { return Ok(None) };
            let page = page(&app, Page { after: Some(cursor), limit: LIST_STEP }).await?;
            Ok::<_, ApiError>(Some((chunk(page.items, false), page.next)))
        }
    });
    let end = stream::once(async { Ok(Bytes::from_static(b"]")) });
    let start = stream::once(async move { Ok(chunk(first.items, true)) });
    let body = warp::reply::stream(start.chain(rest).chain(end));
    Ok(warp::reply::with_header(body, CONTENT_TYPE, "application/json; charset=utf-8").into_response())
}

async fn page(app: &App, page: Page) -> Result<Paged<Hook>, ApiError> {
    let filter = HookFilter { dialect: Some(Dialect::Kudu), ..HookFilter::default() };
    Ok(app.db.read(move |archive| archive.hooks(page, &filter)).await?)
}

fn chunk(hooks: Vec<Hook>, first: bool) -> Bytes {
    let mut text = if first { String::from("[") } else { String::new() };
    for (index, hook) in hooks.into_iter().enumerate() {
        if !(first && index == 0) {
            text.push(',');
        }
        // Texts and numbers always have a JSON form.
        text.push_str(&serde_json::to_string(&HookView::from(hook)).unwrap_or_default());
    }
    Bytes::from(text)
}

/// `GET /api/hooks/{id}`
pub(super) async fn show(app: Arc<App>, request: Request) -> Answer {
    let missing = || ApiError::NotFound("there is no such hook".into());
    let id: HookId = request.param().parse().map_err(|_| missing())?;
    let hook = app.db.read(move |archive| archive.hook(id)).await?;
    let hook = hook.filter(|hook| hook.dialect == Dialect::Kudu).ok_or_else(missing)?;
    Ok(json(&HookView::from(hook)).into_response())
}

/// `DELETE /api/hooks/{id}`: 200 also where there is none, as Kudu has it.
pub(super) async fn unsubscribe(app: Arc<App>, request: Request) -> Answer {
    if let Ok(id) = request.param().parse::<HookId>() {
        let now = app.clock.now();
        app.db.write(move |store| store.remove(now, id, Some(Dialect::Kudu))).await?;
        app.removed.notify_one();
    }
    Ok(StatusCode::OK.into_response())
}

/// `POST /api/hooks/publish/{type}`
pub(super) async fn publish(app: Arc<App>, request: Request) -> Answer {
    let event_type = EventType::parse(request.param())?;
    let applications = applications(&request)?;
    let key = idempotency_key(&request)?;
    let wait = prefer_wait(&request);
    let body = request.json_body(app.max_body).await?;
    let payload = payload(body)?;
    let event = NewEvent {
        event_type,
        idempotency: key.map(|key| Idempotency::of(key, &applications, &payload)),
        applications,
        payload,
    };
    let waits = wait.unwrap_or(app.publish_wait);
    let published = app.publisher.publish(Owner::ADMIN, event, waits).await?;
    Ok(preferred(json(&PublishedView::from(&published)), wait))
}

/// The applications that a publish names by its query or its header.
pub(super) fn applications(request: &Request) -> Result<Vec<Application>, ApiError> {
    let mut names = request.query_all("application");
    for value in request.headers.get_all("nyala-application") {
        names.push(String::from_utf8_lossy(value.as_bytes()).into_owned());
    }
    distinct_applications(&names)
}

/// Each named application once.
///
/// Each costs every publish a look-up or two, so there is a limit.
pub(super) fn distinct_applications(names: &[String]) -> Result<Vec<Application>, ApiError> {
    let mut applications = names.iter().map(|name| Application::parse(name)).collect::<Result<Vec<_>, _>>()?;
    applications.sort();
    applications.dedup();
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

/// `Prefer: wait=N` (RFC 7240): N seconds, at most 60; anything else is no preference.
pub(super) fn prefer_wait(request: &Request) -> Option<Duration> {
    let headers = request.headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    let mut waits = headers.flat_map(|header| header.split([',', ';'])).filter_map(|preference| {
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
fn payload(body: Bytes) -> Result<Bytes, ApiError> {
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
