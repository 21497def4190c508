//! `/webhook/{uuid}`: whoever knows its URL fires a trigger, if the request is signed with the
//! trigger's secret, where it has one.

mod callers;

use std::sync::Arc;

use bytes::Bytes;
use data_encoding::HEXLOWER;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use sha2::{Digest, Sha256};
use warp::Reply;
use warp::reply::json;

use super::App;
use super::cds::view::ExecutionView;
use super::error::ApiError;
use super::request::Request;
use super::router::Answer;
use crate::domain::headers::{HeaderLines, MASKED};
use crate::domain::time::Timestamp;
use crate::domain::trigger::incoming::Incoming;
use crate::domain::trigger::proof::{Fault, NotProven, sensitive};
use crate::domain::trigger::{Kind, MAX_INCOMING, Trigger, carry, forge};
use crate::store::Firing;
use crate::store::db::Called;

use callers::Caller;
pub use callers::Callers;

/// Says that what was taken is only kept for now.
const NYALA_MAINTENANCE: HeaderName = HeaderName::from_static("nyala-maintenance");

/// The longest name of a sender's own for what it sends, in bytes.
const MAX_KEY: usize = 255;

/// `GET|POST|PUT|DELETE /webhook/{uuid}`: answered once it is on disk.
pub(super) async fn fire(app: Arc<App>, request: Request) -> Answer {
    let unknown = || ApiError::NotFound("there is no such webhook".into());
    let Called { trigger, secret, maintenance } =
        app.db.called(request.param().to_owned()).await?.ok_or_else(unknown)?;
    check_method(&trigger, &request.method)?;
    let caller = app.callers.of(&trigger, secret);
    let pace =
        |caller: &Caller| caller.pace(app.clock.elapsed(), app.callers.rate_of(&trigger)).map_err(ApiError::TooOften);
    // Who does not have the secret takes nothing from who has.
    let proves = caller.has_secret();
    if !proves {
        pace(&caller)?;
    }
    let (method, query, headers) = (request.method, request.query, request.headers);
    let body = app.bodies.read(request.body, &headers, MAX_INCOMING).await?;
    let now = app.clock.now();
    let (headers, message_id) =
        if proves { prove(caller.clone(), headers, Bytes::clone(&body), now).await? } else { (headers, None) };
    if proves {
        pace(&caller)?;
    }
    let incoming =
        Incoming { method: method.to_string(), query, headers: on_record(&headers), body: Bytes::clone(&body) };
    let forges =
        (trigger.settings.kind() == Kind::Repository).then(|| forge::delivery_id(&incoming).map(str::to_owned));
    let key = forges.flatten().or(message_id).map(short);
    let hops = carry::hops_of(incoming.header(carry::HOPS));
    let firing = Firing { trigger: trigger.id, calls: false, incoming: Some(incoming), key, hops };
    // What comes in calls nobody: the runner alone is woken.
    let fired = app.fired.runner.clone();
    let execution = app.db.fire(now, firing, move |_| fired.notify_one()).await?.ok_or_else(unknown)?;
    let mut response = json(&ExecutionView::told(&trigger, &execution)).into_response();
    if maintenance {
        response.headers_mut().insert(NYALA_MAINTENANCE, HeaderValue::from_static("on"));
    }
    Ok(response)
}

/// Long names go by their hash.
fn short(key: String) -> String {
    if key.len() <= MAX_KEY { key } else { HEXLOWER.encode(&Sha256::digest(&key)) }
}

/// Each trigger is fired by one method; one that fires by itself, by none.
fn check_method(trigger: &Trigger, method: &Method) -> Result<(), ApiError> {
    match trigger.settings.method() {
        Some(own) if own.as_str() == method.as_str() => Ok(()),
        own => Err(ApiError::MethodNotAllowed(own.map_or_else(String::new, |own| own.as_str().to_owned()))),
    }
}

/// Checks the signature, off the async threads: bodies may be large, and keys derived. Answers
/// the sender's name for what it sends, if the signature vouches for that.
async fn prove(
    caller: Arc<Caller>,
    headers: HeaderMap,
    body: Bytes,
    now: Timestamp,
) -> Result<(HeaderMap, Option<String>), ApiError> {
    let checked = tokio::task::spawn_blocking(move || {
        let proven = caller.verify(&headers, &body, now).map(|id| id.map(str::to_owned));
        (proven, headers)
    });
    let (proven, headers) = checked.await.map_err(|_| ApiError::Crowded("the signature could not be checked"))?;
    proven.map(|id| (headers, id)).map_err(|why| refused(&why))
}

fn refused(why: &NotProven) -> ApiError {
    match why.fault() {
        Fault::Busy => ApiError::TooOften(1),
        Fault::Missing | Fault::Wrong | Fault::Untimely => ApiError::Forbidden(why.to_string()),
    }
}

/// The headers as they are kept: without what may be secret.
pub(super) fn on_record(headers: &HeaderMap) -> HeaderLines {
    let mut lines = HeaderLines::default();
    for (name, value) in headers {
        let value = if sensitive(name.as_str()) { MASKED.into() } else { String::from_utf8_lossy(value.as_bytes()) };
        lines.push(name.as_str(), &value);
    }
    lines
}
