//! Errors as CDS tells them: `{"id", "message", "request_id", "from"}`.

use http::StatusCode;
use serde::Serialize;
use warp::Reply;
use warp::reply::Response;

use super::super::error::ApiError;

#[derive(Serialize)]
struct Envelope<'a> {
    id: u32,
    message: &'a str,
    /// The request's `X-Request-Id`.
    request_id: &'a str,
    /// The field at fault, where there is one.
    from: &'a str,
}

/// Any error at a path of this dialect.
pub(in crate::api) fn error_response(error: &ApiError, request_id: &str) -> Response {
    let from = match error {
        ApiError::Invalid(invalid) | ApiError::NotAllowed(invalid) | ApiError::Conflict(invalid) => &*invalid.field,
        _ => "",
    };
    let body = Envelope { id: id(error), message: &error.to_string(), request_id, from };
    let mut response = warp::reply::with_status(warp::reply::json(&body), error.status()).into_response();
    if let Some((name, value)) = error.header() {
        response.headers_mut().insert(name, value);
    }
    response
}

/// CDS's number for an error.
fn id(error: &ApiError) -> u32 {
    match (error, error.status()) {
        // Invalid data.
        (ApiError::Invalid(_) | ApiError::NotAllowed(_), _) => 149,
        (_, StatusCode::UNAUTHORIZED) => 10,
        (_, StatusCode::FORBIDDEN) => 11,
        (_, StatusCode::NOT_FOUND) => 38,
        (_, StatusCode::METHOD_NOT_ALLOWED) => 105,
        (_, StatusCode::NOT_IMPLEMENTED) => 99,
        // Ours, or for now.
        (_, StatusCode::TOO_MANY_REQUESTS) => 1,
        (_, status) if status.is_server_error() => 1,
        // A wrong request.
        _ => 74,
    }
}
