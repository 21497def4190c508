//! Kudu's hooks API, as its clients know it.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use warp::Reply;
use warp::reply::{Response, json};

use super::App;
use super::error::ApiError;
use super::hook_fields::HookFields;
use super::publish_fields::{applications, idempotency_key, payload, prefer_wait, preferred};
use super::request::Request;
use super::router::Answer;
use super::views::{HookView, PublishedView};
use crate::domain::Invalid;
use crate::domain::event::{EventType, Idempotency, NewEvent};
use crate::domain::hook::{Dialect, Hook, Owner};
use crate::domain::id::HookId;
use crate::store::page::{Page, Paged};
use crate::store::{Added, HookFilter};

/// Hooks that are read at a time while a list is streamed.
const LIST_STEP: usize = 100;

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
        only: None,
        applications,
        payload,
    };
    let waits = wait.unwrap_or(app.publish_wait);
    let published = app.publisher.publish(Owner::ADMIN, event, waits).await?;
    Ok(preferred(json(&PublishedView::from(&published)), wait))
}
