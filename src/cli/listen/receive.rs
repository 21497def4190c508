//! One request at the receiver: read it, print it, answer it.

use std::error::Error;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use chrono::{DateTime, Local};
use http::header::CONNECTION;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use tokio::sync::mpsc;

use super::Listen;
use super::render::{Received, Style};
use crate::cli::output;
use crate::clock::{Clock, SystemClock};

/// The largest payload that is read, in bytes; what is larger is answered 413.
const MAX_PAYLOAD: usize = 8 * 1024 * 1024;

type BoxError = Box<dyn Error + Send + Sync>;

/// Reads, prints and answers requests as the command line says.
pub(super) struct Receiver {
    told: Listen,
    style: Style,
    seen: AtomicU64,
    report: mpsc::Sender<io::Error>,
}

impl Receiver {
    /// `report` hears of a stdout that cannot be written.
    pub(super) fn new(told: Listen, report: mpsc::Sender<io::Error>) -> Self {
        let style = Style::choose(told.json);
        Self { told, style, seen: AtomicU64::new(0), report }
    }

    /// Prints a request as soon as it is read, and answers it after the delay.
    pub(super) async fn receive(&self, request: Request<Incoming>) -> Result<Response<Empty<Bytes>>, BoxError> {
        let at = now();
        let (parts, body) = request.into_parts();
        // The sender who goes away in the middle gets no answer: nobody is left to read it.
        let (status, body) = match read(body).await? {
            Some(body) => (self.next_status(), body),
            None => (StatusCode::PAYLOAD_TOO_LARGE, Bytes::new()),
        };
        self.print(&Received { at, parts: &parts, body: &body, status });
        tokio::time::sleep(self.told.delay).await;
        Ok(answer(status))
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

fn now() -> DateTime<Local> {
    let millis = SystemClock::default().now().millis();
    DateTime::from_timestamp_millis(millis).unwrap_or_default().with_timezone(&Local)
}
