//! Kudu's hooks API, as its clients know it.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use warp::Reply;
use warp::reply::{Response, json};

use super::App;
use super::access::{self, no_hook};
use super::error::ApiError;
use super::hook_fields::HookFields;
use super::lists::write_items;
use super::publish_fields::{applications, payload, preferred};
use super::publishing::{self, Said, Wishes};
use super::request::Request;
use super::router::Answer;
use super::views::{HookView, PublishedView};
use crate::domain::Invalid;
use crate::domain::access::Caller;
use crate::domain::event::EventType;
use crate::domain::hook::{Dialect, Hook};
use crate::domain::id::HookId;
use crate::store::page::{Cursor, Page};
use crate::store::{Added, HookFilter, Reads};

/// Hooks that are read at a time while a list is streamed.
const LIST_STEP: usize = 100;

/// `POST /api/hooks`
pub(super) async fn subscribe(app: Arc<App>, request: Request) -> Answer {
    let by = request.by.clone();
    let body = request.json_body(&app).await?;
    let new = HookFields::parse(&body, Dialect::Kudu)?.into_new_hook(&by.caller, &app.reach, app.clock.now())?;
    let (added, secret) = access::add(&app, &by, new).await?;
    match added {
        Added::New(hook) | Added::Existing(hook) => Ok(created(&HookView::to(&by.caller, hook).with_secret(secret))),
        Added::Conflict(hook) if by.caller.sees().hold(&hook) => Err(conflict(&hook)),
        // Somebody moved it out of reach.
        Added::Conflict(_) => {
            Err(ApiError::Conflict(Invalid::new("url", "is registered already for other events: ask an admin")))
        }
    }
}

fn created(hook: &HookView) -> Response {
    warp::reply::with_status(json(hook), StatusCode::CREATED).into_response()
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
pub(super) async fn list(app: Arc<App>, request: Request) -> Answer {
    let caller = request.by.caller;
    let (start, next) = step(&app, caller.clone(), None).await?;
    let start = stream::once(async move { Ok(start) });
    let rest = stream::try_unfold(next, move |next| {
        let (app, caller) = (app.clone(), caller.clone());
        async move {
            let Some(cursor) = next else { return Ok(None) };
            Ok::<_, ApiError>(Some(step(&app, caller, Some(cursor)).await?))
        }
    });
    let end = stream::once(async { Ok(Bytes::from_static(b"]")) });
    let body = warp::reply::stream(start.chain(rest).chain(end));
    Ok(warp::reply::with_header(body, CONTENT_TYPE, "application/json; charset=utf-8").into_response())
}

/// The next hooks as text, and where those after them begin: written where they are read,
/// off the async threads.
async fn step(app: &App, caller: Arc<Caller>, after: Option<Cursor>) -> Result<(Bytes, Option<Cursor>), ApiError> {
    let filter = HookFilter { dialect: Some(Dialect::Kudu), within: caller.sees(), ..HookFilter::default() };
    let look = move |archive: &dyn Reads| {
        let page = archive.hooks(Page { after, limit: LIST_STEP }, &filter)?;
        Ok((chunk(&caller, page.items, after.is_none()), page.next))
    };
    Ok(app.db.read(look).await?)
}

fn chunk(caller: &Caller, hooks: Vec<Hook>, first: bool) -> Bytes {
    let mut text = match (first, hooks.is_empty()) {
        (true, _) => b"[".to_vec(),
        (false, true) => vec![],
        (false, false) => b",".to_vec(),
    };
    write_items(&mut text, hooks, |hook| HookView::to(caller, hook));
    Bytes::from(text)
}

/// `GET /api/hooks/{id}`
pub(super) async fn show(app: Arc<App>, request: Request) -> Answer {
    let id: HookId = request.param().parse().map_err(|_| no_hook())?;
    let hook = access::seen(&app, &request.by, id).await?;
    if hook.dialect != Dialect::Kudu {
        return Err(no_hook());
    }
    Ok(json(&HookView::to(&request.by.caller, hook)).into_response())
}

/// `DELETE /api/hooks/{id}`: 200 also where there is none, as Kudu has it.
pub(super) async fn unsubscribe(app: Arc<App>, request: Request) -> Answer {
    let removed = match request.param().parse() {
        Ok(id) => access::remove(&app, &request.by, id, Some(Dialect::Kudu)).await,
        Err(_) => Ok(()),
    };
    match removed {
        Ok(()) | Err(ApiError::NotFound(_)) => Ok(StatusCode::OK.into_response()),
        Err(error) => Err(error),
    }
}

/// `POST /api/hooks/publish/{type}`
pub(super) async fn publish(app: Arc<App>, request: Request) -> Answer {
    let event_type = EventType::parse(request.param())?;
    let (caller, applications) = (request.by.caller.clone(), applications(&request)?);
    let wishes = Wishes::of(&request)?;
    let body = request.json_body(&app).await?;
    let payload = payload(Bytes::clone(&body))?;
    let kept =
        publishing::publish(&app, &caller, &wishes, Said { event_type, applications, payload, deed: None }).await?;
    Ok(preferred(json(&PublishedView::of(&kept)), wishes.wait))
}
