//! One connection, from its first byte to its last.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulConnection;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::activity::{Activity, Phase};
use super::answer::{Answer, Room, Streams};
use super::answers::Answers;
use super::http2::has_few_headers;
use super::slots::Slot;
use super::stream::Watched;
use super::timeouts::Timeouts;
use super::{Limits, http2, refusal, tls};
use crate::api::bodies::Broken;
use crate::api::connection::Connection;
use crate::api::error::ApiError;
use crate::api::request::name_host;

/// How long a client over HTTP/2 may take to go once it is told to.
const GOING: Duration = Duration::from_secs(1);

/// What is read at once, at most: a body in pieces of this, or a head where that may be larger.
/// No more than a head usually may have: its buffer grows in steps, and would be twice as large.
pub(super) const READ_BUFFER: usize = 32 << 10;

/// What clients may speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Speaks {
    /// HTTP/1.1, and HTTP/2 where a handshake chooses it.
    Both,
    /// HTTP/2 from the first byte.
    Http2,
}

/// What all connections share.
pub(super) struct Serving<S> {
    answers: S,
    speaks: Speaks,
    limits: Limits,
    room: Room,
    http1: http1::Builder,
    http2: hyper::server::conn::http2::Builder<Streams>,
}

/// How a connection ended.
enum End {
    /// By itself.
    Over(hyper::Result<()>),
    /// The client was waited for long enough.
    Overdue(Phase),
}

impl<S: Answers> Serving<S> {
    pub(super) fn new(answers: S, speaks: Speaks, limits: Limits) -> Arc<Self> {
        let mut http1 = http1::Builder::new();
        // The timeouts are ours: hyper's makes a timer for each request, and closes without a word.
        http1.header_read_timeout(None).max_header_size(limits.max_header);
        http1.max_buf_size(READ_BUFFER.max(limits.max_header));
        let (http2, room) = (http2::builder(&limits), Room::new(&limits));
        Arc::new(Self { answers, speaks, limits, room, http1, http2 })
    }

    /// Serves what is spoken without a handshake to its end.
    pub(super) async fn plain(self: Arc<Self>, stream: TcpStream, peer: IpAddr, stop: watch::Receiver<bool>) {
        let client = Connection { peer, tls: false, http2: self.speaks == Speaks::Http2 };
        match self.speaks {
            Speaks::Both => self.http1(stream, client, stop).await,
            Speaks::Http2 => self.http2(stream, client, stop).await,
        }
    }

    /// Serves what the client chooses in its handshake to its end; `http2` is its place among
    /// those who speak that, if there was one left.
    pub(super) async fn tls(
        self: Arc<Self>,
        acceptor: TlsAcceptor,
        http2: Option<Slot>,
        stream: TcpStream,
        peer: IpAddr,
        mut stop: watch::Receiver<bool>,
    ) {
        let handshake = tokio::time::timeout(self.limits.handshake_timeout, acceptor.accept(stream));
        let stream = tokio::select! {
            stream = handshake => stream,
            () = stopped(&mut stop) => return,
        };
        let client = Connection { peer, tls: true, http2: false };
        // Who chooses nothing may still speak what alone is spoken here.
        let alone = self.speaks == Speaks::Http2;
        match stream {
            Ok(Ok(stream)) if alone || stream.get_ref().1.alpn_protocol() == Some(tls::H2) => {
                self.http2(stream, Connection { http2: true, ..client }, stop).await;
            }
            Ok(Ok(stream)) => {
                drop(http2);
                self.http1(stream, client, stop).await;
            }
            Ok(Err(error)) => tracing::debug!(%peer, %error, "a handshake failed"),
            Err(_) => tracing::debug!(%peer, "a handshake took too long"),
        }
    }

    async fn http1<T>(self: Arc<Self>, stream: T, client: Connection, mut stop: watch::Receiver<bool>)
    where
        T: AsyncRead + AsyncWrite + Unpin + 'static,
    {
        let activity = Activity::new(false);
        let mut timeouts = Timeouts::new(activity.clone(), &self.limits);
        let stream = TokioIo::new(Watched::new(stream, activity.clone()));
        let mut http = self.http1.serve_connection(stream, self.clone().service(client, &activity));
        let end = drive(&mut http, &mut timeouts, &mut stop, Duration::ZERO).await;
        let parts = http.into_parts();
        let stream = parts.io.into_inner();
        let stopping = *stop.borrow();
        match end {
            End::Overdue(Phase::Head) if activity.has_heard() && stream.is_quiet() && !stopping => {
                let overdue = ApiError::HeadTooSlow(self.limits.head_timeout.as_secs());
                stream.close(&refusal::render(&overdue), true).await;
            }
            // Nothing of a request is there: nobody misses an answer.
            End::Overdue(_) => {}
            End::Over(result) => {
                note(client, result);
                let refused = stream
                    .refused()
                    .map(|status| refusal::render(&refusal::of_head(status, &parts.read_buf, self.limits.max_header)));
                stream.close(&refused.unwrap_or_default(), !stopping).await;
            }
        }
    }

    async fn http2<T>(self: Arc<Self>, stream: T, client: Connection, mut stop: watch::Receiver<bool>)
    where
        T: AsyncRead + AsyncWrite + Unpin + 'static,
    {
        let activity = Activity::new(true);
        let mut timeouts = Timeouts::new(activity.clone(), &self.limits);
        let stream = TokioIo::new(Watched::new(stream, activity.clone()));
        let mut http = self.http2.serve_connection(stream, self.clone().service(client, &activity));
        let mut end = drive(&mut http, &mut timeouts, &mut stop, GOING).await;
        if let End::Overdue(Phase::Idle | Phase::Head) = end {
            Pin::new(&mut http).graceful_shutdown();
            timeouts.leave(GOING);
            end = drive(&mut http, &mut timeouts, &mut stop, GOING).await;
        }
        if let End::Over(result) = end {
            note(client, result);
        }
    }

    /// What hyper calls for each request.
    fn service(
        self: Arc<Self>,
        client: Connection,
        activity: &Arc<Activity>,
    ) -> impl Service<
        http::Request<Incoming>,
        Response = http::Response<impl Body<Data = Bytes, Error: Into<Broken>> + Send + use<S>>,
        Error = Infallible,
        Future: Send,
    > + use<S> {
        let activity = activity.clone();
        service_fn(move |mut request: http::Request<Incoming>| {
            let in_flight = activity.begin();
            let fits = has_few_headers(&request, self.limits.max_header).and_then(|()| has_path(&request));
            name_host(&mut request);
            request.extensions_mut().insert(client);
            let serving = self.clone();
            async move {
                let mut response = match fits {
                    Ok(()) => serving.answers.answer(request).await,
                    Err(error) => serving.answers.refused(error),
                };
                let room = serving.room.take(response.body()).unwrap_or_else(|full| {
                    response = serving.answers.refused(full);
                    None
                });
                Ok(response.map(|body| Answer::new(body, room, in_flight)))
            }
        })
    }
}

/// Refuses what asks for no path, such as CONNECT and `OPTIONS *`: warp panics where there is none.
fn has_path<B>(request: &http::Request<B>) -> Result<(), ApiError> {
    match request.uri().path_and_query() {
        Some(asked) if asked.as_str().starts_with(['/', '?']) && request.method() != Method::CONNECT => Ok(()),
        _ => Err(ApiError::Malformed("the request names no path: ask for one such as /healthz".into())),
    }
}

/// Polls a connection until it ends, or its client is waited for no longer. When the
/// server stops, an idle client may take `going`.
async fn drive<C>(http: &mut C, timeouts: &mut Timeouts, stop: &mut watch::Receiver<bool>, going: Duration) -> End
where
    C: GracefulConnection<Error = hyper::Error> + Unpin,
{
    let mut stopping = false;
    loop {
        let ended = poll_fn(|context| match Pin::new(&mut *http).poll(context) {
            Poll::Ready(result) => Poll::Ready(End::Over(result)),
            Poll::Pending => timeouts.poll(context).map(End::Overdue),
        });
        tokio::select! {
            biased;
            end = ended => return end,
            () = stopped(stop), if !stopping => {
                stopping = true;
                timeouts.leave(going);
                Pin::new(&mut *http).graceful_shutdown();
            }
        }
    }
}

/// Ends when the server stops.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that whoever could stop us is gone, which is the same.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// A client that goes away in the middle is its own business.
fn note(client: Connection, result: hyper::Result<()>) {
    if let Err(error) = result {
        tracing::debug!(peer = %client.peer, %error, "a connection broke off");
    }
}
