//! `/api/v1/gates`: asking hooks, deciding for them, and what was asked.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http::header::LOCATION;
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use warp::Reply;
use warp::reply::{json, with_header, with_status};

use crate::api::App;
use crate::api::access;
use crate::api::asking::{self, MAX_TIMEOUT, Question, TIMEOUT, no_gate};
use crate::api::error::ApiError;
use crate::api::publish_fields::{applications, idempotency_key, prefer_wait, preferred, prefers_async};
use crate::api::request::Request;
use crate::api::router::Answer;
use crate::api::views::{Followed, GateView};
use crate::domain::Invalid;
use crate::domain::access::{Bounds, Caller};
use crate::domain::audit::{Action, AuditEntry};
use crate::domain::event::EventType;
use crate::domain::gate::{Answered, DecisionState, Gate, GateState};
use crate::domain::id::{GateId, HookId, Seq};
use crate::domain::token::TokenHash;
use crate::store::page::Page;
use crate::store::{Decided, DeliveryFilter, GateFilter, Reads, Result as Kept, Verdict};

/// How long it may take to decide where nobody waits for it, if nobody says, and at most.
const LASTS: Duration = Duration::from_hours(1);
const MAX_LASTS: Duration = Duration::from_hours(7 * 24);

/// The most events, and the most deliveries of each, that a timeline shows.
const MOST_FOLLOWED: usize = 100;

/// `POST /api/v1/gates/{event}?application=&timeout=&expires=`: asks all hooks that want
/// to be, at once.
pub(in crate::api) async fn ask(app: Arc<App>, request: Request) -> Answer {
    request.only_query(&["application", "timeout", "expires"])?;
    let caller = request.by.caller.clone();
    let (wait, at_once) = (prefer_wait(&request), prefers_async(&request));
    let timeout = duration(&request, "timeout", MAX_TIMEOUT)?.unwrap_or(TIMEOUT);
    let lasts = duration(&request, "expires", MAX_LASTS)?;
    if lasts.is_some() && !at_once {
        let message = "counts only where nobody waits for the answer: send `Prefer: respond-async`, too";
        return Err(Invalid::new("expires", message).into());
    }
    let event_type = EventType::parse(request.param())?;
    if event_type.as_str().parse::<GateId>().is_ok() {
        let message =
            "is a gate's id: to decide it, POST to …/approve or …/refuse; to ask, name what is about to happen";
        return Err(Invalid::new("event", message).into());
    }
    let (applications, key) = (applications(&request)?, idempotency_key(&request)?);
    let body = request.json_body(&app).await?;
    let payload = asking::object(Bytes::clone(&body))?;
    let lasts = at_once.then(|| lasts.unwrap_or(LASTS));
    let question = Question { event_type, applications, payload, key, timeout, lasts };
    let gate = if at_once {
        let begun = asking::begin(&app, &caller, question).await?;
        asking::closed(&app, begun, wait.unwrap_or_default()).await?
    } else {
        asking::ask(&app, &caller, question).await?
    };
    Ok(answered(&app, &caller, gate))
}

/// What is decided is 200; what is not, 202, and where to ask again.
fn answered(app: &App, caller: &Caller, gate: Gate) -> warp::reply::Response {
    let status = if gate.state == GateState::Open { StatusCode::ACCEPTED } else { StatusCode::OK };
    let location = format!("/api/v1/gates/{}", gate.id);
    let reply = with_status(json(&GateView::of(gate, caller, app)), status);
    with_header(reply, LOCATION, location).into_response()
}

/// A time such as `10s`, or a number of seconds.
fn duration(request: &Request, name: &'static str, most: Duration) -> Result<Option<Duration>, Invalid> {
    let longest = humantime::format_duration(most);
    let what = format!("a time of more than 0s and at most {longest}, such as 10s");
    request.asked(name, &what, |text| {
        let seconds = || text.parse().ok().map(Duration::from_secs);
        let parsed = seconds().or_else(|| humantime::parse_duration(text).ok());
        parsed.filter(|duration| !duration.is_zero() && *duration <= most)
    })
}

/// `GET /api/v1/gates?state=&event=&application=&since=&until=&limit=&cursor=`
pub(in crate::api) async fn list(app: Arc<App>, request: Request) -> Answer {
    request.only_query(&["state", "event", "application", "since", "until", "limit", "cursor"])?;
    let page = request.page()?;
    let (since, until) = request.times()?;
    let application = request.query_one("application");
    access::check(&request.by.caller.sees(), &request.by.caller, application.as_slice())?;
    let filter = GateFilter {
        state: request.asked("state", "open, approved, refused or expired", GateState::named)?,
        event_type: request.query_one("event"),
        application,
        since,
        until,
        within: request.by.caller.sees(),
    };
    let (caller, knows) = (request.by.caller, app.clone());
    app.list(move |archive| archive.gates(page, &filter), move |gate| GateView::of(gate, &caller, &knows)).await
}

/// `GET /api/v1/gates/{id}`: with `Prefer: wait=N`, once it is decided or N seconds later.
pub(in crate::api) async fn show(app: Arc<App>, request: Request) -> Answer {
    request.only_query(&[])?;
    let (id, wait, caller) = (id(&request)?, prefer_wait(&request), &request.by.caller);
    let begun = asking::seen(&app, caller, id).await?;
    let gate = match wait {
        None => begun.gate,
        Some(wait) => asking::closed(&app, begun, wait).await?,
    };
    Ok(preferred(json(&whole(&app, caller, gate).await?), wait))
}

async fn whole(app: &App, caller: &Caller, gate: Gate) -> Result<GateView, ApiError> {
    let (seq, bounds) = (gate.seq, caller.sees());
    let followed = app.db.read(move |archive| followed(archive, seq, &bounds)).await?;
    Ok(GateView::whole(gate, &followed, caller, app))
}

/// The events that are tied to it, and those of their deliveries that are within reach.
fn followed(archive: &dyn Reads, gate: Seq, bounds: &Bounds) -> Kept<Vec<Followed>> {
    let page = Page { limit: MOST_FOLLOWED, ..Page::default() };
    let mut followed = vec![];
    for (event, event_type, published_at) in archive.events_of_gate(gate, bounds, MOST_FOLLOWED)? {
        let filter = DeliveryFilter { event: Some(event), ..DeliveryFilter::default() };
        let mut deliveries = archive.deliveries(page, filter, bounds)?.items;
        deliveries.reverse();
        followed.push(Followed { event, event_type, published_at, deliveries });
    }
    Ok(followed)
}

/// The largest body of it, in bytes: anybody may send one, so it takes no room from others.
const MAX_LATE: usize = 8 << 10;

/// What a hook decides that took its time.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Late {
    token: String,
    approved: bool,
    reason: Option<String>,
    #[serde(default, deserialize_with = "name")]
    work_id: Option<String>,
}

/// A text, or a number as it is written: as in answers.
fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text)),
        Value::Number(number) => Ok(Some(number.to_string())),
        _ => Err(D::Error::custom("work_id is no text")),
    }
}

/// What it is told.
#[derive(serde::Serialize)]
struct LateView {
    id: GateId,
    hook: Option<HookId>,
    state: &'static str,
}

/// `POST /api/v1/gates/{id}/decisions`: `{"token", "approved", "reason", "work_id"}`; the
/// token says which hook it is, and is good for this once.
pub(in crate::api) async fn decide(app: Arc<App>, request: Request) -> Answer {
    request.only_query(&[])?;
    let id = id(&request)?;
    let body = request.json_body_up_to(&app, MAX_LATE).await?;
    let late: Late = parse(&body, "{\"token\": \"decide_…\", \"approved\": true}")?;
    let answered = Answered::later(late.approved, late.reason.as_deref(), late.work_id.as_deref())
        .map_err(|_| Invalid::new("work_id", "is longer than 1024 bytes: give a shorter one"))?;
    let absent = || ApiError::NotFound("there is no such gate, or this is none of its tokens".into());
    // Anybody may come here: who only guesses does not keep the writer busy.
    let token = TokenHash::of(late.token.as_bytes());
    if !app.db.look(move |archive| archive.has_token(id, token)).await? {
        return Err(absent());
    }
    let decided = app.db.decide(app.clock.now(), id, token, answered).await?;
    let (hook, state) = done(decided, absent)?;
    Ok(json(&LateView { id, hook, state: state.as_str() }).into_response())
}

fn done(decided: Decided, absent: impl Fn() -> ApiError) -> Result<(Option<HookId>, DecisionState), ApiError> {
    match decided {
        Decided::Done { hook, state, .. } => Ok((hook, state)),
        Decided::TooLate => {
            Err(ApiError::Conflict(Invalid::new("approved", "comes too late: it is decided, or its time is up")))
        }
        Decided::Absent => Err(absent()),
    }
}

/// `POST /api/v1/gates/{id}/approve`: a person says yes for all who have not decided.
pub(in crate::api) async fn approve(app: Arc<App>, request: Request) -> Answer {
    settle(app, request, true).await
}

/// `POST /api/v1/gates/{id}/refuse`: a person says no.
pub(in crate::api) async fn refuse(app: Arc<App>, request: Request) -> Answer {
    settle(app, request, false).await
}

/// What a person says.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    reason: Option<String>,
}

async fn settle(app: Arc<App>, request: Request, approved: bool) -> Answer {
    request.only_query(&[])?;
    let (id, by, now) = (id(&request)?, request.by.clone(), app.clock.now());
    let body = request.json_body(&app).await?;
    let said = if body.is_empty() { Said::default() } else { parse(&body, "{\"reason\": \"…\"}")? };
    let reason = said.reason.map(|reason| Answered::silent(&reason).reason.unwrap_or_default());
    let action = if approved { Action::GateApproved } else { Action::GateRefused };
    let entry = AuditEntry { detail: reason.clone(), ..by.did(now, action, &id) };
    let verdict = Verdict { approved, reason, by: by.caller.name.to_string() };
    done(app.db.settle(now, id, by.caller.manages(), verdict, entry).await?, no_gate)?;
    let gate = asking::seen(&app, &by.caller, id).await?.gate;
    Ok(json(&whole(&app, &by.caller, gate).await?).into_response())
}

/// An object: a list of its values in their order is none.
fn parse<T: DeserializeOwned>(body: &[u8], such_as: &str) -> Result<T, ApiError> {
    let fail = |why: &str| ApiError::Malformed(format!("the body {why}: send an object such as {such_as}"));
    let is_list = body.trim_ascii_start().starts_with(b"[");
    let list = || Err(fail("is a list"));
    if is_list { list() } else { serde_json::from_slice(body).map_err(|e| fail(&format!("cannot be read ({e})"))) }
}

fn id(request: &Request) -> Result<GateId, ApiError> {
    request.param().parse().map_err(|_| no_gate())
}
