//! `/api/v1/triggers`: what publishes by itself.

use std::sync::Arc;

use http::StatusCode;
use http::header::LOCATION;
use serde::Serialize;
use warp::Reply;
use warp::reply::{json, with_header, with_status};

use crate::api::App;
use crate::api::access;
use crate::api::error::ApiError;
use crate::api::request::Request;
use crate::api::router::Answer;
use crate::api::trigger_fields::{ReadFields, TriggerFields};
use crate::api::views::{ExecutionView, TriggerView, firings};
use crate::domain::Invalid;
use crate::domain::access::Caller;
use crate::domain::audit::Action;
use crate::domain::trigger::incoming::Incoming;
use crate::domain::trigger::{Kind, NewTrigger, Scheduler, SecretChange, Trigger, carry};
use crate::store::{Counted, Firing, TriggerFilter, Writes};

/// `GET /api/v1/triggers?kind=&q=&state=&limit=&cursor=`
pub(in crate::api) async fn list(app: Arc<App>, request: Request) -> Answer {
    request.only_query(&["kind", "q", "state", "limit", "cursor"])?;
    let page = request.page()?;
    let stopped = |text: &str| ["started", "stopped"].iter().position(|state| *state == text).map(|index| index == 1);
    let filter = TriggerFilter {
        kind: request.asked("kind", "webhook, repository, scheduler or outgoing", Kind::named)?,
        text: request.query_one("q"),
        stopped: request.asked("state", "started or stopped", stopped)?,
        within: request.by.caller.manages(),
    };
    let (base, now) = (request.base_url(&app), app.clock.now());
    app.list(
        move |archive| {
            let maintenance = archive.maintenance()?.is_some();
            let found = archive.triggers(page, &filter)?;
            let items = found.items.into_iter().map(|counted| (counted, maintenance)).collect();
            Ok(crate::store::page::Paged { items, next: found.next })
        },
        move |(counted, maintenance)| TriggerView::of(counted, maintenance, &base, now),
    )
    .await
}

/// `POST /api/v1/triggers`
pub(in crate::api) async fn add(app: Arc<App>, request: Request) -> Answer {
    request.only_query(&[])?;
    let (by, base) = (request.by.clone(), request.base_url(&app));
    let body = request.json_body(&app).await?;
    let now = app.clock.now();
    let read = TriggerFields::parse(&body)?.read(now)?;
    let new = new_trigger(&by.caller, read)?;
    let added = app.db.write(move |store| {
        let added = store.add_trigger(now, &new)?;
        if let Some(trigger) = &added {
            store.note(&by.did(now, Action::TriggerCreated, &trigger.uuid))?;
        }
        Ok(added)
    });
    let taken = || ApiError::Crowded("the trigger's name to the world is taken: try again");
    let trigger = added.await?.ok_or_else(taken)?;
    // The runner is to learn when it fires.
    app.fired.notify_one();
    let location = format!("/api/v1/triggers/{}", trigger.uuid);
    let view = shown(&app, &trigger.uuid, &base).await?;
    Ok(with_header(with_status(json(&view), StatusCode::CREATED), LOCATION, location).into_response())
}

fn new_trigger(caller: &Caller, read: ReadFields) -> Result<NewTrigger, ApiError> {
    let ReadFields { name, event_type, applications, settings, secret } = read;
    let secret = if let SecretChange::To(secret) = secret { secret } else { None };
    check_secret(settings.proof().is_some(), secret.is_some())?;
    Ok(NewTrigger {
        uuid: access::random_uuid()?,
        name,
        event_type,
        applications: access::trigger_applications(caller, &applications)?,
        settings,
        secret,
        task: None,
        owner: caller.owner(),
        stopped: false,
    })
}

/// A scheme without a secret would look as if something were checked.
fn check_secret(has_scheme: bool, has_secret: bool) -> Result<(), Invalid> {
    if has_scheme && !has_secret {
        return Err(Invalid::new("secret", "is missing: a scheme has nothing to check without it"));
    }
    Ok(())
}

/// `GET /api/v1/triggers/{uuid}`
pub(in crate::api) async fn show(app: Arc<App>, request: Request) -> Answer {
    request.only_query(&[])?;
    let base = request.base_url(&app);
    let trigger = access::trigger(&app, &request.by, request.param()).await?;
    Ok(json(&shown(&app, &trigger.uuid, &base).await?).into_response())
}

/// `PATCH /api/v1/triggers/{uuid}`
pub(in crate::api) async fn change(app: Arc<App>, request: Request) -> Answer {
    request.only_query(&[])?;
    let (by, base, uuid) = (request.by.clone(), request.base_url(&app), request.param().to_owned());
    let body = request.json_body(&app).await?;
    let fields = TriggerFields::parse(&body)?;
    let (names, before) = (fields.names(), access::trigger(&app, &by, &uuid).await?);
    let read = fields.over(&before)?.read(app.clock.now())?;
    let has_secret = match &read.secret {
        SecretChange::Kept => before.has_secret,
        SecretChange::To(secret) => secret.is_some(),
    };
    check_secret(read.settings.proof().is_some(), has_secret)?;
    if read.settings.proof() != before.settings.proof()
        && before.has_secret
        && matches!(read.secret, SecretChange::Kept)
    {
        return Err(Invalid::new("secret", "is missing: give it anew with another scheme").into());
    }
    let applications = access::trigger_applications(&by.caller, &read.applications)?;
    let changed = Trigger {
        name: read.name,
        event_type: read.event_type,
        applications,
        settings: read.settings,
        ..before.clone()
    };
    let (secret, now, revision) = (read.secret, app.clock.now(), before.revision);
    let act = move |store: &mut dyn Writes, trigger: Trigger| {
        // Somebody else may have changed it since it was read.
        let fits = trigger.revision == revision;
        fits.then(|| store.keep_trigger(now, &changed, &secret)).transpose()
    };
    let kept = access::manage_trigger(&app, &by, &uuid, Action::TriggerChanged, Some(names), act).await?;
    let stale = || Invalid::new("trigger", "was changed by somebody else just now: look at it, and try again");
    kept.ok_or_else(|| ApiError::Conflict(stale()))?;
    Ok(json(&shown(&app, &uuid, &base).await?).into_response())
}

/// `DELETE /api/v1/triggers/{uuid}`: with its executions; what it published stays.
pub(in crate::api) async fn remove(app: Arc<App>, request: Request) -> Answer {
    request.only_query(&[])?;
    access::remove_trigger(&app, &request.by, request.param()).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `POST /api/v1/triggers/{uuid}/start`
pub(in crate::api) async fn start(app: Arc<App>, request: Request) -> Answer {
    set_stopped(app, request, false).await
}

/// `POST /api/v1/triggers/{uuid}/stop`: what fires it is recorded, and skipped.
pub(in crate::api) async fn stop(app: Arc<App>, request: Request) -> Answer {
    set_stopped(app, request, true).await
}

async fn set_stopped(app: Arc<App>, request: Request, stopped: bool) -> Answer {
    request.only_query(&[])?;
    let (uuid, base) = (request.param().to_owned(), request.base_url(&app));
    access::stop_trigger(&app, &request.by, &uuid, stopped).await?;
    Ok(json(&shown(&app, &uuid, &base).await?).into_response())
}

/// `POST /api/v1/triggers/{uuid}/fire`: once, now, with what is sent; 202 and the execution.
pub(in crate::api) async fn fire(app: Arc<App>, request: Request) -> Answer {
    let (by, uuid, query) = (request.by.clone(), request.param().to_owned(), request.query.clone());
    let trigger = access::trigger(&app, &by, &uuid).await?;
    if trigger.settings.kind() == Kind::Outgoing {
        return Err(Invalid::new("kind", "is outgoing: such a trigger fires once, when it is made").into());
    }
    let headers = crate::api::inbound::on_record(&request.headers);
    let method = request.method.to_string();
    let body = request.json_body(&app).await?;
    let incoming = Incoming { method, query, headers, body: bytes::Bytes::clone(&body) };
    let hops = carry::hops_of(incoming.header(carry::HOPS));
    let firing = Firing { trigger: trigger.id, calls: false, incoming: Some(incoming), key: None, hops };
    let now = app.clock.now();
    let act = move |store: &mut dyn Writes, _| store.fire(now, &firing);
    let execution = access::manage_trigger(&app, &by, &uuid, Action::TriggerFired, None, act).await?;
    let execution = execution.ok_or_else(access::no_trigger)?;
    let location = format!("/api/v1/triggers/{uuid}/executions/{}", execution.id());
    let reply = with_status(json(&ExecutionView::whole(execution, vec![], now)), StatusCode::ACCEPTED);
    Ok(with_header(reply, LOCATION, location).into_response())
}

/// What a schedule comes to.
#[derive(Serialize)]
struct Preview {
    words: String,
    next: Vec<String>,
}

/// `POST /api/v1/triggers/preview`: `{"cron", "timezone", "seconds"}` in words, and when it
/// would fire; nothing is kept.
pub(in crate::api) async fn preview(app: Arc<App>, request: Request) -> Answer {
    request.only_query(&[])?;
    let body = request.json_body(&app).await?;
    let scheduler: Scheduler = TriggerFields::parse(&body)?.into_schedule()?;
    let schedule = scheduler.schedule()?;
    Ok(json(&Preview { words: schedule.words(), next: firings(&schedule, app.clock.now()) }).into_response())
}

async fn shown(app: &App, uuid: &str, base: &str) -> Result<TriggerView, ApiError> {
    let named = uuid.to_owned();
    let found = app.db.read(move |archive| Ok((archive.counted_trigger(&named)?, archive.maintenance()?.is_some())));
    let (counted, maintenance) = found.await?;
    let counted: Counted = counted.ok_or_else(access::no_trigger)?;
    Ok(TriggerView::of(counted, maintenance, base, app.clock.now()))
}
