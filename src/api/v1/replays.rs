//! `/api/v1/replays`: many redeliveries to one hook.

use std::sync::Arc;

use http::StatusCode;
use http::header::LOCATION;
use serde::Serialize;
use serde_json::{Map, Value, json as object};
use warp::Reply;
use warp::reply::{json, with_header, with_status};

use crate::api::App;
use crate::api::access::{self, Acted, no_hook};
use crate::api::error::ApiError;
use crate::api::request::{Request, TIME, in_order};
use crate::api::router::Answer;
use crate::domain::Invalid;
use crate::domain::access::Bounds;
use crate::domain::audit::Action;
use crate::domain::delivery::State;
use crate::domain::id::{HookId, ReplayId};
use crate::domain::replay::{NewReplay, Replay};
use crate::domain::time::Timestamp;
use crate::store::{Begun, Writes};

/// A replay: how far it is.
#[derive(Serialize)]
struct ReplayView {
    id: ReplayId,
    hook: HookId,
    state: &'static str,
    total: u32,
    done: u32,
    created_at: Timestamp,
    finished_at: Option<Timestamp>,
}

impl From<Replay> for ReplayView {
    fn from(replay: Replay) -> Self {
        Self {
            id: replay.id,
            hook: replay.hook,
            state: replay.state.as_str(),
            total: replay.total,
            done: replay.done,
            created_at: replay.created_at,
            finished_at: replay.finished_at,
        }
    }
}

/// `POST /api/v1/hooks/{id}/replay`: `{"since", "until", "state", "dry_run"}`
pub(in crate::api) async fn begin(app: Arc<App>, request: Request) -> Answer {
    request.only_query(&[])?;
    let hook = request.param().parse().map_err(|_| no_hook())?;
    let by = request.by.clone();
    let (new, dry_run) = parse(hook, &request.json_body(&app).await?)?;
    access::reached(&app, &by.caller.manages(), hook).await?;
    let now = app.clock.now();
    // Counting may take long: it is done by reading, and holds up no publish.
    let stretch = app.db.read(move |archive| archive.survey(now, &new)).await?;
    if dry_run {
        return Ok(json(&object!({ "dry_run": true, "total": stretch.total })).into_response());
    }
    let begin = move |store: &mut dyn Writes, _| {
        Ok(match store.begin_replay(now, &new, stretch)? {
            Begun::NoHook => Acted::Absent,
            begun @ Begun::New(_) => Acted::Did(begun),
            running @ Begun::Running(_) => Acted::Refused(running),
        })
    };
    let replay = match access::manage(&app, &by, hook, Action::ReplayBegun, begin).await? {
        Begun::New(replay) => replay,
        Begun::NoHook => return Err(no_hook()),
        Begun::Running(other) => {
            let message = format!(
                "is being replayed: wait until GET /api/v1/replays/{other} says done, or stop it with DELETE there"
            );
            return Err(ApiError::Conflict(Invalid::new("hook", message)));
        }
    };
    app.replays.notify_one();
    let location = format!("/api/v1/replays/{}", replay.id);
    let accepted = with_status(json(&ReplayView::from(replay)), StatusCode::ACCEPTED);
    Ok(with_header(accepted, LOCATION, location).into_response())
}

/// `GET /api/v1/replays/{id}`
pub(in crate::api) async fn show(app: Arc<App>, request: Request) -> Answer {
    request.only_query(&[])?;
    let id = id(&request)?;
    let replay = find(&app, &request.by.caller.sees(), id).await?;
    Ok(json(&ReplayView::from(replay)).into_response())
}

/// `DELETE /api/v1/replays/{id}`: stops it; what it has made is delivered. It stays to be shown.
pub(in crate::api) async fn stop(app: Arc<App>, request: Request) -> Answer {
    request.only_query(&[])?;
    let id = id(&request)?;
    find(&app, &request.by.caller.manages(), id).await?;
    let now = app.clock.now();
    let entry = request.by.did(now, Action::ReplayStopped, &id);
    let stopped = app.db.write(move |store| {
        let stopped = store.stop_replay(now, id)?;
        if stopped {
            store.note(&entry)?;
        }
        Ok(stopped)
    });
    if !stopped.await? {
        return Err(missing());
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The replay, if its hook is within reach.
async fn find(app: &App, bounds: &Bounds, id: ReplayId) -> Result<Replay, ApiError> {
    let bounds = bounds.clone();
    let found = app.db.read(move |archive| {
        Ok(match archive.replay(id)? {
            Some(replay) if access::within(archive, &bounds, replay.hook)? => Some(replay),
            _ => None,
        })
    });
    found.await?.ok_or_else(missing)
}

/// Reads what is asked for, and whether it is only to be counted.
fn parse(hook: HookId, body: &[u8]) -> Result<(NewReplay, bool), ApiError> {
    const FIELDS: [&str; 4] = ["since", "until", "state", "dry_run"];
    const WANTED: &str = "send a JSON object with since or state";
    let body = if body.is_empty() { b"{}" } else { body };
    let value = serde_json::from_slice(body)
        .map_err(|e| ApiError::Malformed(format!("the body is not JSON ({e}): {WANTED}")))?;
    let Value::Object(fields) = value else {
        return Err(ApiError::Malformed(format!("the body is not a JSON object: {WANTED}")));
    };
    if let Some(name) = fields.keys().find(|name| !FIELDS.contains(&name.as_str())) {
        let message = format!("is no field of a replay: it has {}", FIELDS.join(", "));
        return Err(Invalid::new(name.clone(), message).into());
    }
    let (since, until) = (time(&fields, "since")?, time(&fields, "until")?);
    in_order(since, until)?;
    let wanted = take(&fields, "state", "delivered, dead or cancelled", |value| {
        value.as_str().and_then(State::named).filter(|state| state.is_finished())
    })?;
    if since.is_none() && wanted.is_none() {
        let message = "is missing: say since when, or which state (dead for what never arrived), or both";
        return Err(Invalid::new("since", message).into());
    }
    let dry_run = take(&fields, "dry_run", "true or false", Value::as_bool)?.unwrap_or(false);
    Ok((NewReplay { hook, wanted, since, until }, dry_run))
}

fn time(fields: &Map<String, Value>, name: &'static str) -> Result<Option<Timestamp>, Invalid> {
    take(fields, name, TIME, |value| value.as_str().and_then(Timestamp::parse_rfc3339))
}

/// A field that must be `what` if it is there; null means that it is not.
fn take<T>(
    fields: &Map<String, Value>,
    name: &'static str,
    what: &str,
    read: impl Fn(&Value) -> Option<T>,
) -> Result<Option<T>, Invalid> {
    let given = fields.get(name).filter(|value| !value.is_null());
    given.map(|value| read(value).ok_or_else(|| Invalid::new(name, format!("is not {what}")))).transpose()
}

fn id(request: &Request) -> Result<ReplayId, ApiError> {
    request.param().parse().map_err(|_| missing())
}

fn missing() -> ApiError {
    ApiError::NotFound("there is no such replay".into())
}
