//! CDS's hooks µService over triggers: what it calls a task is a trigger.

pub(super) mod envelope;
pub(super) mod view;

use std::sync::Arc;

use warp::Reply;
use warp::reply::json;

use super::App;
use super::request::Request;
use super::router::Answer;

/// With what the paths begin whose errors are told in CDS's envelope.
pub(super) const PATHS: [&str; 5] = ["webhook", "task", "mon", "admin", "v2"];

/// `GET /mon/version`
pub(super) async fn version(_: Arc<App>, _: Request) -> Answer {
    Ok(json(&serde_json::json!({ "version": env!("CARGO_PKG_VERSION") })).into_response())
}
