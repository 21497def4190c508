//! Errors as CDS tells them: `{"id", "message", "request_id", "from"}`.

use http::StatusCode;
use serde_json::json;
use warp::Reply;
use warp::reply::Response;

use super::super::error::ApiError;

/// Any error at a path of this dialect.
pub(in crate::api) fn error_response(error: &ApiError) -> Response {
    let status = error.status();
    let body = json!({ "id": id(status), "message": error.to_string(), "request_id": "", "from": "" });
    let mut response = warp::reply::with_status(warp::reply::json(&body), status).into_response();
    if let Some((name, value)) = error.header() {
        response.headers_mut().insert(name, value);
    }
    response
}

fn id(status: StatusCode) -> u32 {
    match status {
        StatusCode::BAD_REQUEST => 74,
        StatusCode::UNAUTHORIZED => 10,
        StatusCode::FORBIDDEN => 11,
        StatusCode::NOT_FOUND => 38,
        StatusCode::METHOD_NOT_ALLOWED => 105,
        StatusCode::NOT_IMPLEMENTED => 99,
        _ => 1,
    }
}
