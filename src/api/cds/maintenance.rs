//! `/admin/maintenance`: while it is on, what fires tasks is kept and not carried out.

use std::sync::Arc;

use super::done;
use crate::api::App;
use crate::api::access;
use crate::api::error::ApiError;
use crate::api::request::Request;
use crate::api::router::Answer;

/// `POST /admin/maintenance?enable=`
pub(in crate::api) async fn set(app: Arc<App>, request: Request) -> Answer {
    let enable = match request.query_one("enable").as_deref() {
        // As Go reads it.
        Some("1" | "t" | "T" | "true" | "TRUE" | "True") => true,
        Some("0" | "f" | "F" | "false" | "FALSE" | "False") => false,
        _ => {
            return Err(ApiError::Malformed("enable is neither true nor false: ask with ?enable=true or false".into()));
        }
    };
    access::set_maintenance(&app, &request.by, enable).await?;
    Ok(done())
}
