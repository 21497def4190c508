//! The envelope of all answers: `{"status", "message", "data"}`.

use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde::Serialize;
use serde_json::{Map, Value, json};
use warp::Reply;
use warp::reply::Response;

use super::super::error::ApiError;
use super::super::router::Answer;
use crate::domain::Invalid;

/// Why a request was not done, in Huskar's words.
pub(super) enum Refusal {
    /// What is wrong with which field.
    Fields(Map<String, Value>),
    /// There is a field that nobody reads.
    UnknownFields(String),
    /// A parameter of the query is missing.
    Missing(&'static str),
    /// There is no such application, or none that the caller may know of.
    NoApplication(String),
    /// The caller may not.
    NoAuthority(String),
    /// There is no such webhook, or none that the caller may know of.
    NotRegistered,
    /// What may go wrong anywhere.
    Api(ApiError),
}

impl Refusal {
    /// One thing is wrong with one field.
    pub(super) fn field(name: &str, message: impl Into<String>) -> Self {
        Self::Fields(Map::from_iter([(name.to_owned(), json!([message.into()]))]))
    }
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        Self::Api(error)
    }
}

#[derive(Serialize)]
struct Envelope<'a, T: Serialize> {
    status: &'a str,
    message: &'a str,
    data: T,
}

/// It was done.
pub(super) fn success(data: &impl Serialize) -> Response {
    response(text(data))
}

/// The envelope of what was done.
pub(super) fn text(data: &impl Serialize) -> Vec<u8> {
    // What we show is texts and numbers, which always have a JSON form.
    serde_json::to_vec(&Envelope { status: "SUCCESS", message: "", data }).unwrap_or_default()
}

pub(super) fn response(text: Vec<u8>) -> Response {
    warp::reply::with_header(text, CONTENT_TYPE, "application/json").into_response()
}

/// What came of it, in the envelope.
pub(super) async fn told(doing: impl Future<Output = Result<Response, Refusal>>) -> Answer {
    match doing.await {
        Ok(response) => Ok(response),
        Err(Refusal::Api(error)) => Err(error),
        Err(refusal) => Ok(refused(&refusal)),
    }
}

fn refused(refusal: &Refusal) -> Response {
    let bad = StatusCode::BAD_REQUEST;
    match refusal {
        Refusal::Fields(fields) => envelope(bad, "ValidationError", &python_json(&json!(fields))),
        Refusal::UnknownFields(sentence) => envelope(bad, "ValidationError", &python_json(&json!([sentence]))),
        Refusal::Missing(name) => envelope(bad, "BadRequest", &format!("\"{name}\" is required field.")),
        Refusal::NoApplication(name) => {
            envelope(bad, "ApplicationNotExistedError", &format!("application: {name} doesn't exist"))
        }
        Refusal::NoAuthority(message) => envelope(bad, "NoAuthError", message),
        Refusal::NotRegistered => envelope(StatusCode::NOT_FOUND, "NotFound", "Webhook not registered."),
        Refusal::Api(error) => error_response(error),
    }
}

/// Any error at a path of this dialect.
pub(in crate::api) fn error_response(error: &ApiError) -> Response {
    let mut response = match error {
        ApiError::Invalid(invalid) | ApiError::Conflict(invalid) => {
            envelope(error.status(), "ValidationError", &fields_of(invalid))
        }
        ApiError::NotAllowed(invalid) => envelope(error.status(), "ValidationError", &fields_of(invalid)),
        ApiError::Unauthorized(_) => {
            envelope(error.status(), "Unauthorized", "The token is missing, invalid or expired.")
        }
        ApiError::OutOfScope(message) => envelope(StatusCode::BAD_REQUEST, "NoAuthError", message),
        _ => envelope(error.status(), &name(error.status()), &error.to_string()),
    };
    if let Some((name, value)) = error.header() {
        response.headers_mut().insert(name, value);
    }
    response
}

fn fields_of(invalid: &Invalid) -> String {
    python_json(&json!({ invalid.field.as_ref(): [invalid.message] }))
}

fn envelope(status: StatusCode, name: &str, message: &str) -> Response {
    let body = warp::reply::json(&Envelope { status: name, message, data: () });
    warp::reply::with_status(body, status).into_response()
}

/// A status in Huskar's spelling, such as `NotFound`.
fn name(status: StatusCode) -> String {
    status.canonical_reason().unwrap_or("Error").split([' ', '-']).collect()
}

/// JSON with a blank after each comma and colon, as Huskar's clients compare it.
fn python_json(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(python_json).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) => {
            let field = |(name, value): (&String, &Value)| format!("{}: {}", json!(name), python_json(value));
            format!("{{{}}}", fields.iter().map(field).collect::<Vec<_>>().join(", "))
        }
        plain => plain.to_string(),
    }
}
