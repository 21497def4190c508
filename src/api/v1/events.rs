//! `/api/v1/events`: publishing, and what was published.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use http::header::LOCATION;
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use serde_json::value::RawValue;
use warp::Reply;
use warp::reply::json;

use crate::api::App;
use crate::api::access;
use crate::api::error::ApiError;
use crate::api::publish_fields::{applications, distinct_applications, preferred};
use crate::api::publishing::{self, Said, Wishes};
use crate::api::request::Request;
use crate::api::router::Answer;
use crate::api::views::{EventView, PublishedView};
use crate::domain::Invalid;
use crate::domain::event::EventType;
use crate::domain::id::EventId;
use crate::store::EventFilter;

/// `GET /api/v1/events?type=&application=&since=&until=&limit=&cursor=`
///
/// A page with a `next` may hold fewer items than `limit`, or none: there is a bound to
/// what is looked through for it.
pub(in crate::api) async fn list(app: Arc<App>, request: Request) -> Answer {
    request.only_query(&["type", "application", "since", "until", "limit", "cursor"])?;
    let page = request.page()?;
    let (since, until) = request.times()?;
    let application = request.query_one("application");
    access::check(&request.by.caller.sees(), &request.by.caller, application.as_slice())?;
    let filter = EventFilter {
        within: request.by.caller.sees(),
        event_type: request.query_one("type"),
        application,
        since,
        until,
    };
    let (caller, knows) = (request.by.caller, app.clone());
    app.list(move |archive| archive.events(page, &filter), move |event| EventView::of(event, &caller, &knows)).await
}

/// `GET /api/v1/events/{id}`
pub(in crate::api) async fn show(app: Arc<App>, request: Request) -> Answer {
    let missing = || ApiError::NotFound("there is no such event".into());
    let id: EventId = request.param().parse().map_err(|_| missing())?;
    let found = app.db.read(move |archive| {
        let Some(event) = archive.event(id)? else { return Ok(None) };
        let gate = event.gate.map_or(Ok(None), |gate| archive.gate_id(gate))?;
        Ok(Some((event, gate)))
    });
    let bounds = request.by.caller.sees();
    let found = found.await?.filter(|(event, _)| bounds.hold_one_of(&event.applications));
    let (event, gate) = found.ok_or_else(missing)?;
    Ok(json(&EventView::whole(event, gate, &request.by.caller, &app)).into_response())
}

/// `POST /api/v1/events`: `{"type", "payload", "application" or "applications"}`; the
/// applications also as Kudu's publish takes them
pub(in crate::api) async fn publish(app: Arc<App>, request: Request) -> Answer {
    request.only_query(&["application", "gate"])?;
    let caller = request.by.caller.clone();
    let named = applications(&request)?;
    let wishes = Wishes::of(&request)?;
    let body = request.json_body(&app).await?;
    let mut said = parse(&body)?;
    said.applications.extend(named);
    said.applications.sort();
    said.applications.dedup();
    let kept = publishing::publish(&app, &caller, &wishes, said).await?;
    let location = format!("/api/v1/events/{}", kept.published.id);
    let reply = warp::reply::with_status(json(&PublishedView::of(&kept)), StatusCode::CREATED);
    Ok(preferred(warp::reply::with_header(reply, LOCATION, location), wishes.wait))
}

/// The payload is taken out of the body to the byte.
fn parse(body: &[u8]) -> Result<Said, ApiError> {
    let mut fields: BTreeMap<String, &RawValue> = serde_json::from_slice(body).map_err(|e| not_an_object(&e))?;
    let missing = || Invalid::new("type", "is missing: name the event's type, such as PostDeployment");
    let event_type: String = take(&mut fields, "type", "a text")?.ok_or_else(missing)?;
    let one: Option<String> = take(&mut fields, "application", "a text")?;
    let mut names: Vec<String> = take(&mut fields, "applications", "a list of texts")?.unwrap_or_default();
    names.extend(one);
    let payload = fields.remove("payload").map_or("null", RawValue::get);
    let event = Said {
        event_type: EventType::parse(&event_type).map_err(|invalid| Invalid { field: "type".into(), ..invalid })?,
        applications: distinct_applications(&names)?,
        payload: Bytes::copy_from_slice(payload.as_bytes()),
        deed: None,
    };
    match fields.keys().next() {
        None => Ok(event),
        Some(name) => {
            let message = "is no field of an event: it has type, application, applications, payload";
            Err(Invalid::new(name.clone(), message).into())
        }
    }
}

/// Without what the body says instead: that may be a payload, and is not for the logs.
fn not_an_object(error: &serde_json::Error) -> ApiError {
    ApiError::Malformed(match error.classify() {
        Category::Eof if error.column() == 0 => {
            "the body is empty: send a JSON object with type and payload".to_owned()
        }
        Category::Data => "the body is not a JSON object: send one with type and payload".to_owned(),
        _ => format!("the body is not JSON ({error}): send a JSON object in UTF-8 with type and payload"),
    })
}

fn take<T: DeserializeOwned>(
    fields: &mut BTreeMap<String, &RawValue>,
    name: &'static str,
    what: &str,
) -> Result<Option<T>, Invalid> {
    let Some(raw) = fields.remove(name) else {
        return Ok(None);
    };
    serde_json::from_str(raw.get()).map(Some).map_err(|_| Invalid::new(name, format!("is not {what}")))
}
