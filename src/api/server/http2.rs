//! What HTTP/2 is given.

use std::time::Duration;

use hyper::server::conn::http2::Builder;
use hyper_util::rt::TokioTimer;

use super::Limits;
use super::answer::Streams;
use super::connection::READ_BUFFER;
use crate::api::error::ApiError;

/// How often a client over HTTP/2 is asked whether it is still there, and how long it may take to say so.
const PING: Duration = Duration::from_secs(30);

/// The head of a request over HTTP/2, at most, whatever it may be otherwise: there are many at once.
const MAX_HEADER_LIST: u32 = 16 << 10;

/// Headers of a request over HTTP/2, at most, as hyper has it over HTTP/1.1: each takes far
/// more than its bytes.
const MAX_HEADERS: usize = 100;

/// What a client may send over HTTP/2 before anybody reads it: on one stream, on all.
const WINDOWS: (u32, u32) = (128 << 10, 256 << 10);

/// Makes connections over HTTP/2.
pub(super) fn builder(limits: &Limits) -> Builder<Streams> {
    let mut http2 = Builder::new(Streams::new(limits));
    http2.timer(TokioTimer::new()).keep_alive_interval(PING).keep_alive_timeout(PING);
    let max_header = u32::try_from(limits.max_header).unwrap_or(u32::MAX);
    http2.max_concurrent_streams(limits.max_streams).max_header_list_size(max_header.min(MAX_HEADER_LIST));
    http2.max_pending_accept_reset_streams(20).max_local_error_reset_streams(64);
    http2.initial_stream_window_size(WINDOWS.0).initial_connection_window_size(WINDOWS.1);
    http2.max_send_buf_size(READ_BUFFER);
    http2
}

/// Refuses a head over HTTP/2 that is small in bytes, but not in memory.
pub(super) fn has_few_headers<B>(request: &http::Request<B>, max_header: usize) -> Result<(), ApiError> {
    if request.headers().len() > MAX_HEADERS {
        return Err(ApiError::HeadTooLarge(max_header.min(MAX_HEADER_LIST as usize)));
    }
    Ok(())
}
