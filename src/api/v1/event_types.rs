//! `/api/v1/event-types`: the types that are known by name.

use std::sync::Arc;

use serde_json::json;
use warp::Reply;

use crate::api::App;
use crate::api::request::Request;
use crate::api::router::Answer;
use crate::domain::catalogue;

/// `GET /api/v1/event-types`: all of them, on one page.
pub(in crate::api) async fn list(_app: Arc<App>, request: Request) -> Answer {
    request.only_query(&[])?;
    Ok(warp::reply::json(&json!({ "items": catalogue::all(), "next": null })).into_response())
}
