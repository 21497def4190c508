//! `/api/v1/hooks`: hooks of every dialect.

use std::sync::Arc;

use http::StatusCode;
use http::header::LOCATION;
use warp::Reply;
use warp::reply::json;

use crate::api::App;
use crate::api::access::{self, Acted, hook_applications, no_hook};
use crate::api::error::ApiError;
use crate::api::hook_fields::HookFields;
use crate::api::publish_fields::{prefer_wait, preferred};
use crate::api::request::Request;
use crate::api::router::Answer;
use crate::api::views::{HookView, TestView};
use crate::domain::Invalid;
use crate::domain::audit::Action;
use crate::domain::event::NewEvent;
use crate::domain::hook::{Dialect, HookState};
use crate::domain::id::{DeliveryId, HookId, Seq};
use crate::store::{Added, Changed, HookFilter, Writes};

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
        within: request.by.caller.sees(),
        urls_of: request.by.caller.sees_urls_of(),
    };
    let (now, caller) = (app.clock.now(), request.by.caller);
    app.list(move |archive| archive.hooks(page, &filter), move |hook| HookView::at(now, &caller, hook)).await
}

/// `POST /api/v1/hooks`: always a new hook, its URL may stand among others.
pub(in crate::api) async fn add(app: Arc<App>, request: Request) -> Answer {
    let by = request.by.clone();
    let body = request.json_body(&app).await?;
    let now = app.clock.now();
    let new = HookFields::parse(&body, Dialect::V1)?.into_new_hook(&by.caller, &app.reach, now)?;
    let (Added::New(hook) | Added::Existing(hook) | Added::Conflict(hook), secret) =
        access::add(&app, &by, new).await?;
    let location = format!("/api/v1/hooks/{}", hook.id);
    let view = HookView::at(now, &by.caller, hook).with_secret(secret);
    let reply = warp::reply::with_status(json(&view), StatusCode::CREATED);
    Ok(warp::reply::with_header(reply, LOCATION, location).into_response())
}

/// `GET /api/v1/hooks/{id}`
pub(in crate::api) async fn show(app: Arc<App>, request: Request) -> Answer {
    request.only_query(&[])?;
    let id = id(&request)?;
    let hook = access::seen(&app, &request.by, id).await?;
    let owed = app.db.read(move |archive| archive.owed_to(id)).await?;
    Ok(json(&HookView::at(app.clock.now(), &request.by.caller, hook).with_owed(owed)).into_response())
}

/// `PATCH /api/v1/hooks/{id}`: changes the fields that the body names.
pub(in crate::api) async fn change(app: Arc<App>, request: Request) -> Answer {
    request.only_query(&[])?;
    let (id, by) = (id(&request)?, request.by.clone());
    let body = request.json_body(&app).await?;
    let fields = HookFields::parse(&body, Dialect::V1)?;
    let names = fields.names_given();
    let now = app.clock.now();
    let mut patch = fields.into_patch(&app.reach, now)?;
    patch.applications = patch.applications.map(|named| hook_applications(&by.caller, named)).transpose()?;
    let change = move |store: &mut dyn Writes, _| store.change(now, id, &patch).map(Acted::from);
    match access::manage_in_detail(&app, &by, id, Action::HookChanged, names, change).await? {
        Changed::To(hook) => {
            // It may have let go what waited.
            app.wake.notify_one();
            Ok(json(&HookView::at(now, &by.caller, hook)).into_response())
        }
        Changed::Absent => Err(no_hook()),
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
    let pause = move |store: &mut dyn Writes, _| store.pause(now, id).map(Acted::from);
    let hook = access::manage(&app, &request.by, id, Action::HookPaused, pause).await?;
    Ok(json(&HookView::at(now, &request.by.caller, hook)).into_response())
}

/// `POST /api/v1/hooks/{id}/resume`: what is owed goes out, whether the hook was
/// paused or failing.
pub(in crate::api) async fn resume(app: Arc<App>, request: Request) -> Answer {
    request.only_query(&[])?;
    let (id, now) = (id(&request)?, app.clock.now());
    let resume = move |store: &mut dyn Writes, _| store.resume(now, id).map(Acted::from);
    let hook = access::manage(&app, &request.by, id, Action::HookResumed, resume).await?;
    app.wake.notify_one();
    Ok(json(&HookView::at(now, &request.by.caller, hook)).into_response())
}

/// `POST /api/v1/hooks/{id}/test`: a sample event to this hook alone, at once and
/// whatever its state.
pub(in crate::api) async fn test(app: Arc<App>, request: Request) -> Answer {
    request.only_query(&[])?;
    let (id, by) = (id(&request)?, &request.by);
    let wait = prefer_wait(&request);
    let hook = access::manage(&app, by, id, Action::HookTested, |_, hook| Ok(Acted::Did(hook))).await?;
    let sample = NewEvent { publisher: by.caller.token, ..hook.sample() };
    let published = app.publisher.publish(by.caller.owner(), sample, wait.unwrap_or_default()).await?;
    // The one delivery of an event follows it in the store's order.
    let delivery = DeliveryId(Seq(published.seq.0 + 1));
    let reply = warp::reply::with_status(json(&TestView { event: published.id, delivery }), StatusCode::CREATED);
    let location = format!("/api/v1/deliveries/{delivery}");
    Ok(preferred(warp::reply::with_header(reply, LOCATION, location), wait))
}

/// `DELETE /api/v1/hooks/{id}`
pub(in crate::api) async fn remove(app: Arc<App>, request: Request) -> Answer {
    request.only_query(&[])?;
    access::remove(&app, &request.by, id(&request)?, None).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(super) fn id(request: &Request) -> Result<HookId, ApiError> {
    request.param().parse().map_err(|_| no_hook())
}
