//! What CDS's service does for CDS alone: its own repository events, schedulers and runs.

use std::sync::Arc;

use crate::api::App;
use crate::api::error::ApiError;
use crate::api::request::Request;
use crate::api::router::Answer;

/// All of it.
pub(in crate::api) async fn not_here(_: Arc<App>, _: Request) -> Answer {
    Err(ApiError::NotImplemented(
        "this is for CDS alone, and is not done here: make a trigger instead (a task, or POST /api/v1/triggers)".into(),
    ))
}
