//! Whether the process lives, and whether it can do its work.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::Mutex;
use warp::Reply;

use super::App;
use super::request::Request;
use super::router::Answer;
use crate::store::StoreError;

/// A write that takes longer than this counts as one that does not work.
const PATIENCE: Duration = Duration::from_millis(1500);

/// `GET /healthz`: the process lives.
pub(super) async fn alive(_: Arc<App>, _: Request) -> Answer {
    Ok(warp::reply::json(&json!({"status": "ok"})).into_response())
}

/// How long a result is answered again: whoever asks makes no more work than that.
const GOOD_FOR: Duration = Duration::from_secs(1);

/// When a write was last tried, since some beginning, and what came of it.
#[derive(Default)]
pub struct Readiness(Mutex<Option<(Duration, Result<(), StoreError>)>>);

impl Readiness {
    /// Whether the database can be written to, as it was within the last second.
    async fn of(&self, app: &App) -> Result<(), StoreError> {
        let mut tried = self.0.lock().await;
        if let Some((at, result)) = &*tried
            && app.clock.elapsed() < *at + GOOD_FOR
        {
            return result.clone();
        }
        let touched = tokio::time::timeout(PATIENCE, app.db.write(|store| store.touch())).await;
        let result = touched.unwrap_or_else(|_| Err(StoreError::Failed("a write takes too long".into())));
        *tried = Some((app.clock.elapsed(), result.clone()));
        result
    }
}

/// `GET /readyz`: it can write, or could a moment ago.
pub(super) async fn ready(app: Arc<App>, _: Request) -> Answer {
    app.ready.of(&app).await?;
    Ok(warp::reply::json(&json!({"status": "ready"})).into_response())
}
