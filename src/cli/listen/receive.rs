//! One request at the receiver: read it, print it, answer it.

use std::error::Error;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use chrono::{DateTime, Local};
use http::header::CONNECTION;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use tokio::sync::mpsc;

use super::Listen;
use super::render::{Received, Signature, Style};
use crate::cli::output;
use crate::cli::verify::keys::Checker;
use crate::clock::{Clock, SystemClock};
use crate::domain::time::Timestamp;

/// The largest payload that is read, in bytes; what is larger is answered 413.
const MAX_PAYLOAD: usize = 8 * 1024 * 1024;

type BoxError = Box<dyn Error + Send + Sync>;

/// Reads, prints and answers requests as the command line says.
pub(super) struct Receiver {
    told: Listen,
    checker: Option<Checker>,
    style: Style,
    seen: AtomicU64,
    report: mpsc::Sender<io::Error>,
}

impl Receiver {
    /// `report` hears of a stdout that cannot be written.
    pub(super) fn new(told: Listen, checker: Option<Checker>, report: mpsc::Sender<io::Error>) -> Self {
        let style = Style::choose(told.json);
        Self { told, checker, style, seen: AtomicU64::new(0), report }
    }

    /// Prints a request as soon as it is read, and answers it after the delay.
    pub(super) async fn receive(&self, request: Request<Incoming>) -> Result<Response<Empty<Bytes>>, BoxError> {
        let now = SystemClock::default().now();
        let (parts, body) = request.into_parts();
        // The sender who goes away in the middle gets no answer: nobody is left to read it.
        let body = read(body).await?;
        let signature = body.as_ref().and_then(|body| self.check(&parts.headers, body, now));
        let status = self.status(body.is_some(), signature.as_ref());
        self.print(&Received { at: local(now), parts: &parts, body: &body.unwrap_or_default(), signature, status });
        tokio::time::sleep(self.told.delay).await;
        Ok(answer(status))
    }

    /// Nothing where there is no key to check with.
    fn check(&self, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Option<Signature> {
        Some(match self.checker.as_ref()?.check(headers, body, now) {
            Ok(_) => Signature::Right,
            Err(mismatch) => Signature::Wrong(mismatch.to_string()),
        })
    }

    fn status(&self, was_read: bool, signature: Option<&Signature>) -> StatusCode {
        match signature {
            _ if !was_read => StatusCode::PAYLOAD_TOO_LARGE,
            Some(Signature::Wrong(_)) => StatusCode::UNAUTHORIZED,
            Some(Signature::Right) | None => self.next_status(),
        }
    }

    fn next_status(&self) -> StatusCode {
        let earlier = self.seen.fetch_add(1, Ordering::Relaxed);
        if earlier < self.told.fail_first { StatusCode::INTERNAL_SERVER_ERROR } else { self.told.status }
    }

    fn print(&self, received: &Received<'_>) {
        if let Err(error) = output::emit(&received.render(self.style)) {
            // A full channel holds an earlier report, and one ends it all.
            let _ = self.report.try_send(error);
        }
    }
}

/// The whole payload, or nothing where it is too large: then it is left where it is.
async fn read(body: Incoming) -> Result<Option<Bytes>, BoxError> {
    let announced = body.size_hint().lower();
    if usize::try_from(announced).map_or(true, |announced| announced > MAX_PAYLOAD) {
        return Ok(None);
    }
    match Limited::new(body, MAX_PAYLOAD).collect().await {
        Ok(body) => Ok(Some(body.to_bytes())),
        Err(error) if error.is::<LengthLimitError>() => Ok(None),
        Err(error) => Err(error),
    }
}

fn answer(status: StatusCode) -> Response<Empty<Bytes>> {
    let mut answer = Response::new(Empty::new());
    *answer.status_mut() = status;
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        // The rest of the payload is still on its way and nobody will read it.
        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    answer
}

fn local(time: Timestamp) -> DateTime<Local> {
    DateTime::from_timestamp_millis(time.millis()).unwrap_or_default().with_timezone(&Local)
}
