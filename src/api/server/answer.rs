//! Answers on their way out: in pieces, bounded in bytes all together, and given up
//! where nobody takes them.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use hyper::rt::Executor;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Limits;
use super::activity::InFlight;
use crate::api::error::ApiError;

/// Answers up to this need no room.
const SMALL: u64 = 64 << 10;

/// What is handed over at once: over HTTP/2 the last piece may stay for as long as its connection.
const PIECE: usize = 16 << 10;

tokio::task_local! {
    /// What goes on on the stream of HTTP/2 that is being run.
    static PROGRESS: Arc<Progress>;
}

/// How far an answer is.
#[derive(Default)]
struct Progress {
    /// How many pieces were taken.
    taken: AtomicU32,
    /// Whether it is us who have nothing to say for now: somebody watches, and nothing happens.
    quiet: AtomicBool,
}

/// Runs what is asked over HTTP/2: each stream has only so long in all, and for each
/// piece of its answer, so that none that its client does not read stays for ever.
#[derive(Clone)]
pub(super) struct Streams {
    whole: Duration,
    stall: Duration,
}

impl Streams {
    pub(super) fn new(limits: &Limits) -> Self {
        Self { whole: limits.stream_timeout, stall: limits.stall_timeout }
    }
}

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Streams {
    fn execute(&self, stream: F) {
        let progress = Arc::<Progress>::default();
        let stalled = stalled(progress.clone(), self.stall);
        let stream = tokio::time::timeout(self.whole, PROGRESS.scope(progress, stream));
        tokio::spawn(async move {
            // Whichever ends first; dropping a stream resets it.
            tokio::select! {
                _ = stream => {}
                () = stalled => {}
            }
        });
    }
}

/// Ends once an answer has begun of which no piece was taken for `stall`, or up to twice that.
async fn stalled(progress: Arc<Progress>, stall: Duration) {
    let mut before = 0;
    loop {
        tokio::time::sleep(stall).await;
        let now = progress.taken.load(Relaxed);
        if now != 0 && now == before && !progress.quiet.load(Relaxed) {
            return;
        }
        before = now;
    }
}

/// The room for large answers of which something is still to be handed over.
pub(super) struct Room(Arc<Semaphore>);

impl Room {
    pub(super) fn new(limits: &Limits) -> Self {
        Self(Arc::new(Semaphore::new(limits.max_answers.min(Semaphore::MAX_PERMITS))))
    }

    /// Room for this body, if it needs any.
    pub(super) fn take(&self, body: &impl Body) -> Result<Option<OwnedSemaphorePermit>, ApiError> {
        let length = body.size_hint().lower();
        if length <= SMALL {
            return Ok(None);
        }
        let room = self.0.clone().try_acquire_many_owned(u32::try_from(length).unwrap_or(u32::MAX));
        room.map(Some).map_err(|_| ApiError::Crowded("too many large answers are being sent at once: try again"))
    }
}

/// An answer's body, which ends the request.
pub(super) struct Answer<B> {
    body: B,
    /// What came from the body, and was not handed over.
    rest: Bytes,
    /// Whether pieces are copies: a part of the whole would keep all of it.
    copied: bool,
    progress: Option<Arc<Progress>>,
    _room: Option<OwnedSemaphorePermit>,
    _request: InFlight,
}

impl<B> Answer<B> {
    /// To be made by the task that runs the stream.
    pub(super) fn new(body: B, room: Option<OwnedSemaphorePermit>, request: InFlight) -> Self {
        let progress = PROGRESS.try_with(Arc::clone).ok();
        Self { body, rest: Bytes::new(), copied: false, progress, _room: room, _request: request }
    }

    fn piece(&mut self) -> Bytes {
        if let Some(progress) = &self.progress {
            progress.taken.fetch_add(1, Relaxed);
        }
        self.copied |= self.rest.len() > PIECE;
        let piece = self.rest.split_to(self.rest.len().min(PIECE));
        if self.copied { Bytes::copy_from_slice(&piece) } else { piece }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Answer<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        if self.rest.is_empty() {
            let polled = Pin::new(&mut self.body).poll_frame(context);
            if let Some(progress) = &self.progress {
                progress.quiet.store(polled.is_pending(), Relaxed);
            }
            match ready!(polled) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                end => return Poll::Ready(end),
            }
        }
        Poll::Ready(Some(Ok(Frame::data(self.piece()))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (body, rest) = (self.body.size_hint(), self.rest.len() as u64);
        let mut hint = SizeHint::new();
        hint.set_lower(body.lower() + rest);
        if let Some(upper) = body.upper() {
            hint.set_upper(upper + rest);
        }
        hint
    }
}
