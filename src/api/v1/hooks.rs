//! `/api/v1/hooks`: hooks of every dialect.

use std::sync::Arc;

use http::StatusCode;
use http::header::LOCATION;
use warp::Reply;
use warp::reply::json;

use crate::api::App;
use crate::api::error::ApiError;
use crate::api::hook_fields::HookFields;
use crate::api::publish_fields::{prefer_wait, preferred};
use crate::api::request::Request;
use crate::api::router::Answer;
use crate::api::views::{HookView, ListView, TestView};
use crate::domain::Invalid;
use crate::domain::hook::{Dialect, HookState, Owner};
use crate::domain::id::{DeliveryId, HookId, Seq};
use crate::store::{Added, Changed, HookFilter};

/// `GET /api/v1/hooks?q=&state=&event=&application=&limit=&cursor=`
pub(in crate::api) async fn list(app: Arc<App>, request: Request) -> Answer {
    request.only_query(&["q", "state", "event", "application", "limit", "cursor"])?;
    let page = request.page()?;
    let filter = HookFilter {
        dialect: None,
        text: request.query_one("q"),
        state: request.asked("state", "active, failing or paused", HookState::named)?,
        event: request.query_one("event"),
        application: request.query_one("application"),
    };
    let hooks = app.db.read(move |archive| archive.hooks(page, &filter)).await?;
    Ok(json(&ListView::of(hooks, HookView::from)).into_response())
}

/// `POST /api/v1/hooks`: always a new hook, its URL may stand among others.
pub(in crate::api) async fn add(app: Arc<App>, request: Request) -> Answer {
    let body = request.json_body(app.max_body).await?;
    let new = HookFields::parse(&body, Dialect::V1)?.into_new_hook(Owner::ADMIN)?;
    let now = app.clock.now();
    let added = app.db.write(move |store| store.add(now, &new)).await?;
    let (Added::New(hook) | Added::Existing(hook) | Added::Conflict(hook)) = added;
    let location = format!("/api/v1/hooks/{}", hook.id);
    let reply = warp::reply::with_status(json(&HookView::from(hook)), StatusCode::CREATED);
    Ok(warp::reply::with_header(reply, LOCATION, location).into_response())
}

/// `GET /api/v1/hooks/{id}`
pub(in crate::api) async fn show(app: Arc<App>, request: Request) -> Answer {
    request.only_query(&[])?;
    let id = id(&request)?;
    let found = app.db.read(move |archive| Ok(archive.hook(id)?.zip(archive.owed_to(id)?.into()))).await?;
    let (hook, owed) = found.ok_or_else(missing)?;
    Ok(json(&HookView::from(hook).with_owed(owed)).into_response())
}

/// `PATCH /api/v1/hooks/{id}`: changes the fields that the body names.
pub(in crate::api) async fn change(app: Arc<App>, request: Request) -> Answer {
    request.only_query(&[])?;
    let id = id(&request)?;
    let body = request.json_body(app.max_body).await?;
    let patch = HookFields::parse(&body, Dialect::V1)?.into_patch()?;
    let now = app.clock.now();
    match app.db.write(move |store| store.change(now, id, &patch)).await? {
        Changed::To(hook) => {
            // It may have let go what waited.
            app.wake.notify_one();
            Ok(json(&HookView::from(hook)).into_response())
        }
        Changed::Absent => Err(missing()),
        Changed::Invalid(invalid) => Err(invalid.into()),
        Changed::Conflict => {
            let message = "is registered already by another hook: remove that one first";
            Err(ApiError::Conflict(Invalid::new("url", message)))
        }
    }
}

/// `POST /api/v1/hooks/{id}/pause`: from now on nothing goes out, and all is owed.
pub(in crate::api) async fn pause(app: Arc<App>, request: Request) -> Answer {
    request.only_query(&[])?;
    let (id, now) = (id(&request)?, app.clock.now());
    let hook = app.db.write(move |store| store.pause(now, id)).await?;
    Ok(json(&HookView::from(hook.ok_or_else(missing)?)).into_response())
}

/// `POST /api/v1/hooks/{id}/resume`: what is owed goes out, whether the hook was
/// paused or failing.
pub(in crate::api) async fn resume(app: Arc<App>, request: Request) -> Answer {
    request.only_query(&[])?;
    let (id, now) = (id(&request)?, app.clock.now());
    let hook = app.db.write(move |store| store.resume(now, id)).await?;
    app.wake.notify_one();
    Ok(json(&HookView::from(hook.ok_or_else(missing)?)).into_response())
}

/// `POST /api/v1/hooks/{id}/test`: a sample event to this hook alone, at once and
/// whatever its state.
pub(in crate::api) async fn test(app: Arc<App>, request: Request) -> Answer {
    request.only_query(&[])?;
    let id = id(&request)?;
    let wait = prefer_wait(&request);
    let hook = app.db.read(move |archive| archive.hook(id)).await?.ok_or_else(missing)?;
    let published = app.publisher.publish(Owner::ADMIN, hook.sample(), wait.unwrap_or_default()).await?;
    // The one delivery of an event follows it in the store's order.
    let delivery = DeliveryId(Seq(published.seq.0 + 1));
    let reply = warp::reply::with_status(json(&TestView { event: published.id, delivery }), StatusCode::CREATED);
    let location = format!("/api/v1/deliveries/{delivery}");
    Ok(preferred(warp::reply::with_header(reply, LOCATION, location), wait))
}

/// `DELETE /api/v1/hooks/{id}`
pub(in crate::api) async fn remove(app: Arc<App>, request: Request) -> Answer {
    request.only_query(&[])?;
    let id = id(&request)?;
    let now = app.clock.now();
    if !app.db.write(move |store| store.remove(now, id, None)).await? {
        return Err(missing());
    }
    app.removed.notify_one();
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn id(request: &Request) -> Result<HookId, ApiError> {
    request.param().parse().map_err(|_| missing())
}

fn missing() -> ApiError {
    ApiError::NotFound("there is no such hook".into())
}
