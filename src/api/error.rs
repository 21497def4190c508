//! What went wrong with a request, as RFC 9457 problem documents: the one table
//! of statuses.

use http::header::{ALLOW, CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use warp::Reply;
use warp::reply::Response;

use crate::domain::Invalid;
use crate::publish::Refusal;
use crate::store::StoreError;

/// How a token may be sent. Basic first: old clients look no further.
const CHALLENGE: &str = r#"Basic realm="nyala", charset="UTF-8", Bearer realm="nyala""#;

/// Why a request was not done.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum ApiError {
    /// A field cannot be taken.
    #[error("{0}")]
    Invalid(#[from] Invalid),
    /// A field says what is not allowed here.
    #[error("{0}")]
    NotAllowed(Invalid),
    /// The body cannot be read at all.
    #[error("{0}")]
    Malformed(String),
    /// Nobody knows who is asking.
    #[error("{0}")]
    Unauthorized(String),
    /// Who is asking may not do this, whatever there is.
    #[error("{0}")]
    Forbidden(String),
    /// Their token is not for this.
    #[error("{0}")]
    OutOfScope(String),
    /// Too many wrong tokens came from there; in so many seconds one is looked at again.
    #[error("too many wrong tokens came from this address: try again in {0} seconds")]
    TooManyWrongTokens(u64),
    /// There is nothing of that name.
    #[error("{0}")]
    NotFound(String),
    /// There is, but not with this method; these would do.
    #[error("this path takes {0}")]
    MethodNotAllowed(String),
    /// The body did not come in time.
    #[error("the body did not arrive within {0} seconds: send it faster")]
    TooSlow(u64),
    /// The head did not come in time.
    #[error("the request's headers did not arrive within {0} seconds: send them faster")]
    HeadTooSlow(u64),
    /// The head is larger than this many bytes, or has too many lines.
    #[error("the headers are larger than {0} bytes or more than 100: send less, or raise --max-header")]
    HeadTooLarge(usize),
    /// The URL alone is larger than a head may be.
    #[error("the URL is too long: all headers have {0} bytes; send a shorter one, or raise --max-header")]
    UrlTooLong(usize),
    /// It came too often; in so many seconds it may come again.
    #[error("this comes too often: try again in {0} seconds")]
    TooOften(u64),
    /// Nobody does that here.
    #[error("{0}")]
    NotImplemented(String),
    /// There is no room now.
    #[error("{0}")]
    Crowded(&'static str),
    /// It contradicts what is there.
    #[error("{0}")]
    Conflict(Invalid),
    /// The body is larger than this many bytes.
    #[error("the body is larger than {0} bytes: send less, or raise --max-body")]
    TooLarge(usize),
    /// The body is not JSON by its own word.
    #[error("the body is {0}: send JSON with `Content-Type: application/json`")]
    NotJson(String),
    /// An idempotency key stands for another body.
    #[error("this Idempotency-Key was used for another body within 24 hours: use a new key for a new event")]
    KeyReused,
    /// The store cannot do it now.
    #[error("{0}")]
    Store(#[from] StoreError),
}

impl ApiError {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Invalid(_) | Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::Unauthorized(_) => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) | Self::OutOfScope(_) => StatusCode::FORBIDDEN,
            Self::TooManyWrongTokens(_) | Self::TooOften(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::NotImplemented(_) => StatusCode::NOT_IMPLEMENTED,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooSlow(_) | Self::HeadTooSlow(_) => StatusCode::REQUEST_TIMEOUT,
            Self::HeadTooLarge(_) => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::UrlTooLong(_) => StatusCode::URI_TOO_LONG,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NotJson(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::NotAllowed(_) | Self::KeyReused => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Store(_) | Self::Crowded(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The field at fault, where there is one.
    fn field(&self) -> Option<FieldError<'_>> {
        match self {
            Self::Invalid(invalid) | Self::NotAllowed(invalid) | Self::Conflict(invalid) => {
                Some(FieldError { field: &invalid.field, message: &invalid.message })
            }
            Self::KeyReused => {
                Some(FieldError { field: "Idempotency-Key", message: "was used for another body within 24 hours" })
            }
            _ => None,
        }
    }

    /// The problem document.
    pub(super) fn document(&self) -> Vec<u8> {
        let status = self.status();
        let problem = Problem {
            r#type: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: &self.to_string(),
            errors: self.field().map(|field| [field]),
        };
        // Texts and numbers can always be written.
        serde_json::to_vec(&problem).unwrap_or_default()
    }

    /// The header that its answer carries beside the usual ones.
    pub(super) fn header(&self) -> Option<(http::HeaderName, HeaderValue)> {
        match self {
            Self::MethodNotAllowed(methods) => HeaderValue::from_str(methods).ok().map(|value| (ALLOW, value)),
            Self::Unauthorized(_) => Some((WWW_AUTHENTICATE, HeaderValue::from_static(CHALLENGE))),
            Self::TooManyWrongTokens(seconds) | Self::TooOften(seconds) => {
                Some((RETRY_AFTER, HeaderValue::from(*seconds)))
            }
            // Somebody has to do something first.
            Self::Store(StoreError::Full(_) | StoreError::Unusable(_)) => {
                Some((RETRY_AFTER, HeaderValue::from_static("30")))
            }
            Self::Store(_) | Self::Crowded(_) => Some((RETRY_AFTER, HeaderValue::from_static("1"))),
            // What is left of the body is not read.
            Self::TooLarge(_) | Self::TooSlow(_) => Some((CONNECTION, HeaderValue::from_static("close"))),
            _ => None,
        }
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::KeyReused => Self::KeyReused,
            Refusal::NoSuchHook => Self::NotFound("there is no such hook".into()),
            Refusal::Store(error) => Self::Store(error),
        }
    }
}

#[derive(Serialize)]
struct Problem<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<[FieldError<'a>; 1]>,
}

#[derive(Serialize)]
struct FieldError<'a> {
    field: &'a str,
    message: &'a str,
}

impl Reply for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.document().into_response();
        *response.status_mut() = self.status();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some((name, value)) = self.header() {
            response.headers_mut().insert(name, value);
        }
        response
    }
}
