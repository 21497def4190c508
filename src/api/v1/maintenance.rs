//! `/api/v1/maintenance`: while it is on, what fires triggers is kept and not carried out.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value};
use warp::Reply;
use warp::reply::json;

use crate::api::App;
use crate::api::access;
use crate::api::error::ApiError;
use crate::api::request::Request;
use crate::api::router::Answer;
use crate::domain::Invalid;
use crate::domain::time::Timestamp;

/// Whether it is on.
#[derive(Serialize)]
struct MaintenanceView {
    enabled: bool,
    since: Option<Timestamp>,
}

/// `GET /api/v1/maintenance`
pub(in crate::api) async fn show(app: Arc<App>, request: Request) -> Answer {
    request.only_query(&[])?;
    view(&app).await
}

/// `PUT /api/v1/maintenance`: `{"enabled": true}`
pub(in crate::api) async fn change(app: Arc<App>, request: Request) -> Answer {
    request.only_query(&[])?;
    let by = request.by.clone();
    let body = request.json_body(&app).await?;
    let such_as = "send an object such as {\"enabled\": true}";
    let fields: Map<String, Value> = serde_json::from_slice(&body)
        .map_err(|e| ApiError::Malformed(format!("the body cannot be read ({e}): {such_as}")))?;
    if let Some(other) = fields.keys().find(|name| *name != "enabled") {
        return Err(Invalid::new(other.clone(), format!("is no field of maintenance: {such_as}")).into());
    }
    let enabled = fields.get("enabled").and_then(Value::as_bool);
    let enabled = enabled.ok_or_else(|| Invalid::new("enabled", format!("is neither true nor false: {such_as}")))?;
    access::set_maintenance(&app, &by, enabled).await?;
    view(&app).await
}

async fn view(app: &App) -> Answer {
    let since = app.db.look(|archive| archive.maintenance()).await?;
    Ok(json(&MaintenanceView { enabled: since.is_some(), since }).into_response())
}
