//! CCX's hooks as JSON, for who has no gRPC.

use std::sync::Arc;

use http::HeaderValue;
use http::header::CONTENT_TYPE;
use warp::Reply;

use super::calls::Calling;
use super::messages::{Call, Unknown, from_json, to_json};
use crate::api::App;
use crate::api::asking::TIMEOUT;
use crate::api::error::ApiError;
use crate::api::request::Request;
use crate::api::router::Answer;

/// `POST /ccx/hooks/{hook}`: proto-JSON in and out. Fields that are not known are left alone.
pub(in crate::api) async fn call(app: Arc<App>, request: Request) -> Answer {
    let call = Call::find(request.param()).ok_or_else(no_hook)?;
    let calling = Calling::of(&request)?;
    let body = request.json_body(&app).await?;
    let message = from_json(&call.request(), &body, Unknown::Ignored)?;
    let answer = calling.make(&app, call, &message, TIMEOUT).await?;
    let mut response = to_json(&answer).to_vec().into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

fn no_hook() -> ApiError {
    let names: Vec<_> = Call::all().iter().map(|call| call.hook.name).collect();
    ApiError::NotFound(format!("CCX has no such hook: it has {}", names.join(", ")))
}
