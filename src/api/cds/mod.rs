//! CDS's hooks µService over triggers: what it calls a task is a trigger.

pub(super) mod bulk;
mod config;
pub(super) mod envelope;
pub(super) mod execute;
pub(super) mod executions;
mod interpolate;
mod keep;
pub(super) mod maintenance;
pub(super) mod mon;
pub(super) mod out_of_scope;
pub(super) mod tasks;
pub(super) mod view;

use http::Method;
use http::header::CONTENT_TYPE;
use warp::Reply;
use warp::reply::{Response, with_header};

use super::error::ApiError;
use super::origin;
use super::request::Request;

/// With what the paths begin whose errors are told in CDS's envelope.
pub(super) const PATHS: [&str; 5] = ["webhook", "task", "mon", "admin", "v2"];

/// It was done, and there is nothing to tell.
fn done() -> Response {
    http::StatusCode::OK.into_response()
}

/// What CDS answers about a task that it does not know.
fn null() -> Response {
    text(b"null".to_vec())
}

/// JSON that is written already.
fn text(text: Vec<u8>) -> Response {
    with_header(text, CONTENT_TYPE, "application/json").into_response()
}

/// Some of CDS's GETs change something: those are for nobody who only looks, and for no page of
/// another site.
fn check_change(request: &Request) -> Result<(), ApiError> {
    if request.method == Method::HEAD {
        return Err(ApiError::MethodNotAllowed("GET".into()));
    }
    origin::check_fetched(&request.headers)
}
