//! Answers where hyper gives none, or only a status: to what is no request.

use bytes::BufMut;
use http::header::{CONNECTION, CONTENT_LENGTH};
use http::{HeaderValue, StatusCode};
use warp::Reply;

use crate::api::error::ApiError;
use crate::api::security_headers;

/// The error as an answer of HTTP/1.1, to the byte; the last one on its connection.
pub(super) fn render(error: &ApiError) -> Vec<u8> {
    let body = error.document();
    let mut response = error.clone().into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    security_headers::protect(headers);
    let status = error.status();
    let mut bytes =
        format!("HTTP/1.1 {} {}\r\n", status.as_str(), status.canonical_reason().unwrap_or("")).into_bytes();
    for (name, value) in response.headers() {
        bytes.put_slice(name.as_str().as_bytes());
        bytes.put_slice(b": ");
        bytes.put_slice(value.as_bytes());
        bytes.put_slice(b"\r\n");
    }
    bytes.put_slice(b"\r\n");
    bytes.put_slice(&body);
    bytes
}

/// What is wrong with a head that hyper refused with `status`, as far as it had come.
pub(super) fn of_head(status: u16, head: &[u8], max_header: usize) -> ApiError {
    let too_large = status == StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE.as_u16();
    let first_line = head.iter().position(|&byte| byte == b'\n').unwrap_or(head.len());
    if status == StatusCode::URI_TOO_LONG.as_u16() || (too_large && first_line >= max_header) {
        return ApiError::UrlTooLong(max_header);
    }
    if too_large {
        return ApiError::HeadTooLarge(max_header);
    }
    ApiError::Malformed("this is no request of HTTP/1.1: check its first line and its headers".into())
}
