//! One request at the receiver, read to its end.

use bytes::Bytes;
use chrono::{DateTime, Local};
use http::Request;
use http::request::Parts;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};

use super::BoxError;
use crate::cli::output::visible;
use crate::clock::{Clock, SystemClock};
use crate::domain::time::Timestamp;

/// The largest payload that is read, in bytes.
const MAX_PAYLOAD: usize = 8 * 1024 * 1024;

/// A request that came.
#[derive(Debug)]
pub(in crate::cli) struct Arrived {
    /// When its head was there.
    pub(in crate::cli) at: Timestamp,
    pub(in crate::cli) parts: Parts,
    /// Its payload; nothing where it was too large to be read.
    pub(in crate::cli) body: Option<Bytes>,
}

impl Arrived {
    /// Reads a request, but for a payload that is too large: that is left where it is.
    pub(super) async fn read(request: Request<Incoming>) -> Result<Self, BoxError> {
        let at = SystemClock::default().now();
        let (parts, body) = request.into_parts();
        Ok(Self { at, parts, body: read(body).await? })
    }

    /// The payload; nothing of one that was not read.
    pub(in crate::cli) fn payload(&self) -> &[u8] {
        self.body.as_deref().unwrap_or_default()
    }

    /// The path with its query.
    pub(in crate::cli) fn path(&self) -> String {
        self.parts.uri.path_and_query().map_or_else(|| self.parts.uri.to_string(), ToString::to_string)
    }

    /// A header's value, safe for a terminal.
    pub(in crate::cli) fn header(&self, name: &str) -> Option<String> {
        let value = self.parts.headers.get(name)?;
        Some(visible(&String::from_utf8_lossy(value.as_bytes())).into_owned())
    }

    /// When it came, by the clock on the wall.
    pub(in crate::cli) fn local_time(&self) -> DateTime<Local> {
        DateTime::from_timestamp_millis(self.at.millis()).unwrap_or_default().with_timezone(&Local)
    }
}

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
