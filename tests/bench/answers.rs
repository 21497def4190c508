//! How the receiver answers: at once, unless the path of the hook asks for something worse.

use std::convert::Infallible;
use std::future;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::stream::{self, Stream};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Either, Empty, Full, StreamBody};
use hyper::Response;
use hyper::body::Frame;
use hyper::header::CONTENT_LENGTH;

/// Nothing, which is the usual answer and costs nothing, or what a bad receiver sends.
pub type Body = Either<Empty<Bytes>, UnsyncBoxBody<Bytes, Infallible>>;

/// A huge answer is 12,500 of these: 800 MB.
static CHUNK: [u8; 64_000] = [b'x'; 64_000];
const CHUNKS: usize = 12_500;
/// Between two bytes of an answer that drips.
const DRIP: Duration = Duration::from_secs(1);

/// What a receiver does once it has read the request.
#[derive(Clone, Copy)]
pub enum Manner {
    /// Answers with an empty 200.
    AtOnce,
    /// The same after a while: `/slow/2s/…`.
    Slow(Duration),
    /// Never answers: `/hang/…`.
    Hang,
    /// Sends a byte a second without end: `/drip/…`.
    Drip,
    /// Sends its headers and then nothing: `/stall/…`.
    Stall,
    /// Answers with 800 MB: `/huge/…`.
    Huge,
    /// Says yes after a while, and how long it took: `/gate/20ms/…`.
    Gate(Duration),
}

impl Manner {
    /// What the path asks for; at once if nothing, or nothing that is understood.
    pub fn of(path: &str) -> Self {
        let mut parts = path.split('/').skip(1);
        match parts.next() {
            Some("slow") => {
                parts.next().and_then(|wait| humantime::parse_duration(wait).ok()).map_or(Self::AtOnce, Self::Slow)
            }
            Some("hang") => Self::Hang,
            Some("drip") => Self::Drip,
            Some("stall") => Self::Stall,
            Some("huge") => Self::Huge,
            Some("gate") => {
                parts.next().and_then(|wait| humantime::parse_duration(wait).ok()).map_or(Self::AtOnce, Self::Gate)
            }
            _ => Self::AtOnce,
        }
    }

    /// Whether its deliveries are counted. Those of bad receivers are not: nobody waits for them.
    pub fn counts(self) -> bool {
        matches!(self, Self::AtOnce)
    }

    /// The answer to a request that began to come in then, when the time for it has come.
    pub async fn answer(self, since: Instant) -> Response<Body> {
        match self {
            Self::AtOnce => empty(),
            Self::Slow(wait) => {
                tokio::time::sleep(wait).await;
                empty()
            }
            Self::Gate(wait) => {
                if !wait.is_zero() {
                    tokio::time::sleep(wait).await;
                }
                approval(since.elapsed())
            }
            Self::Hang => future::pending().await,
            Self::Drip => Response::new(body(drops())),
            Self::Stall => sized(CHUNK.len(), body(stream::pending())),
            Self::Huge => sized(CHUNKS * CHUNK.len(), body(stream::iter((0..CHUNKS).map(|_| &CHUNK[..])))),
        }
    }
}

fn empty() -> Response<Body> {
    Response::new(Either::Left(Empty::new()))
}

/// A yes, with the receiver's own time in nanoseconds.
fn approval(own: Duration) -> Response<Body> {
    let text = format!(r#"{{"approved":true,"work_id":"w","own_nanos":{}}}"#, own.as_nanos());
    Response::new(Either::Right(Full::new(Bytes::from(text)).boxed_unsync()))
}

fn sized(length: usize, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_LENGTH, length.into());
    response
}

fn body(parts: impl Stream<Item = &'static [u8]> + Send + 'static) -> Body {
    use futures_util::StreamExt;
    let frames = parts.map(|part| Ok(Frame::data(Bytes::from_static(part))));
    Either::Right(StreamBody::new(frames).boxed_unsync())
}

fn drops() -> impl Stream<Item = &'static [u8]> {
    stream::unfold((), |()| async {
        tokio::time::sleep(DRIP).await;
        Some((&b"x"[..], ()))
    })
}
