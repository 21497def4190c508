//! Whether the process lives, and whether it can do its work.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use warp::Reply;

use super::App;
use super::request::Request;
use super::router::Answer;
use crate::store::StoreError;

/// A write that takes longer than this counts as one that does not work.
const PATIENCE: Duration = Duration::from_secs(2);

/// `GET /healthz`: the process lives.
pub(super) async fn alive(_: Arc<App>, _: Request) -> Answer {
    Ok(warp::reply::json(&json!({"status": "ok"})).into_response())
}

/// `GET /readyz`: it can write.
pub(super) async fn ready(app: Arc<App>, _: Request) -> Answer {
    let touched = tokio::time::timeout(PATIENCE, app.db.write(|store| store.touch())).await;
    touched.unwrap_or_else(|_| Err(StoreError::Failed("a write takes too long".into())))?;
    Ok(warp::reply::json(&json!({"status": "ready"})).into_response())
}
