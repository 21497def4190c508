//! Bodies: read as they come, and bounded in bytes all together.

use std::error::Error;
use std::future::poll_fn;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::ApiError;
use super::server::Limits;

/// A body as it arrives.
pub(super) type Body = Pin<Box<dyn Stream<Item = Result<Bytes, Broken>> + Send>>;

/// Why a body does not arrive whole.
pub(super) type Broken = Box<dyn Error + Send + Sync>;

/// What needs no room: as much lies in a connection's buffers anyway.
const SMALL: usize = 16 << 10;

/// Room is taken in steps of this, as bytes come: a length that is only announced takes none.
const STEP: usize = 64 << 10;

/// What is read of a body that nobody wants, at most, and for how long.
const UNWANTED: (usize, Duration) = (64 << 10, Duration::from_secs(1));

/// What a handler leaves of a body.
pub(super) struct Rest(Arc<Mutex<Option<Body>>>);

/// One handle for the handler, and one for what it leaves.
pub(super) fn shared(body: Body) -> (Body, Rest) {
    let shared = Arc::new(Mutex::new(Some(body)));
    let ours = Rest(shared.clone());
    (Box::pin(futures_util::stream::poll_fn(move |context| poll(&shared, context))), ours)
}

fn poll(body: &Mutex<Option<Body>>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Broken>>> {
    let mut body = body.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(open) = body.as_mut() else {
        return Poll::Ready(None);
    };
    let polled = open.as_mut().poll_next(context);
    if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
        *body = None;
    }
    polled
}

impl Rest {
    /// Takes what is left, if it is little and comes at once: there are clients (curl 7.88
    /// is one) that lose an answer over HTTP/2 if it comes before they have sent all.
    pub(super) async fn take(self) {
        let (bytes, time) = UNWANTED;
        let taking = async {
            let mut taken = 0;
            while taken < bytes
                && let Some(Ok(chunk)) = poll_fn(|context| poll(&self.0, context)).await
            {
                taken += chunk.len();
            }
        };
        // Who takes longer may lose it.
        let _ = tokio::time::timeout(time, taking).await;
    }
}

/// The room for bodies that are being read or worked on.
pub struct Bodies {
    room: Arc<Semaphore>,
    body_timeout: Duration,
    room_timeout: Duration,
}

/// A body, and the room that it takes: given back when this is dropped.
pub(super) struct Held {
    bytes: Bytes,
    _room: Option<OwnedSemaphorePermit>,
}

impl Deref for Held {
    type Target = Bytes;

    fn deref(&self) -> &Bytes {
        &self.bytes
    }
}

impl Bodies {
    /// As much as these limits allow.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        let room = Arc::new(Semaphore::new(limits.max_bodies.min(Semaphore::MAX_PERMITS)));
        Self { room, body_timeout: limits.body_timeout, room_timeout: limits.room_timeout }
    }

    /// A whole body of at most `limit` bytes.
    pub(super) async fn read(&self, body: Body, headers: &HeaderMap, limit: usize) -> Result<Held, ApiError> {
        let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        if announced.is_some_and(|length| usize::try_from(length).map_or(true, |length| length > limit)) {
            return Err(ApiError::TooLarge(limit));
        }
        let reading = tokio::time::timeout(self.body_timeout, self.gather(body, limit));
        reading.await.unwrap_or(Err(ApiError::TooSlow(self.body_timeout.as_secs())))
    }

    async fn gather(&self, mut body: Body, limit: usize) -> Result<Held, ApiError> {
        let broken = |e: Broken| ApiError::Malformed(format!("the body broke off: {e}"));
        let first = body.next().await.transpose().map_err(broken)?.unwrap_or_default();
        let mut room = self.cover(None, first.len()).await?;
        let mut whole = BytesMut::new();
        while let Some(chunk) = body.next().await.transpose().map_err(broken)? {
            let length = first.len().max(whole.len()) + chunk.len();
            if length > limit {
                return Err(ApiError::TooLarge(limit));
            }
            room = self.cover(room, length).await?;
            if whole.is_empty() {
                whole.extend_from_slice(&first);
            }
            whole.extend_from_slice(&chunk);
        }
        // Most bodies come in one piece, which needs no copy.
        let bytes = if whole.is_empty() { first } else { whole.freeze() };
        if bytes.len() > limit { Err(ApiError::TooLarge(limit)) } else { Ok(Held { bytes, _room: room }) }
    }

    /// Room for `length` bytes, of which `held` is there already.
    async fn cover(
        &self,
        held: Option<OwnedSemaphorePermit>,
        length: usize,
    ) -> Result<Option<OwnedSemaphorePermit>, ApiError> {
        let has = held.as_ref().map_or(SMALL, OwnedSemaphorePermit::num_permits);
        if length <= has {
            return Ok(held);
        }
        let needed = length.next_multiple_of(STEP) - held.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let needed = u32::try_from(needed).unwrap_or(u32::MAX);
        let taking = self.room.clone().acquire_many_owned(needed);
        // Nobody closes it: an error would be the time that ran out.
        let Ok(Ok(mut more)) = tokio::time::timeout(self.room_timeout, taking).await else {
            return Err(ApiError::Crowded("too many large bodies are coming in at once: try again"));
        };
        if let Some(held) = held {
            more.merge(held);
        }
        Ok(Some(more))
    }
}
