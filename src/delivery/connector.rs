//! Makes connections where the guard lets them out, and speaks TLS where the URL says so.
//!
//! The HTTP client begins a connection when none is free, and takes whichever is ready
//! first, that one or another that has come free meanwhile. What it has begun it then
//! finishes in a task of its own, to keep it for later, and nothing there ends it: a
//! receiver that answers one connection at once and no handshake of any other would get
//! all descriptors that there are.

use std::error::Error;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::sync::Semaphore;
use tokio::task;
use tower_service::Service;

use super::guard::Guard;
use super::metered::Metered;

/// So many connections that nobody waits for are finished at a time, with all receivers.
const SPARE: usize = 64;

/// What makes connections without TLS, and what all connectors have in common.
#[derive(Clone)]
pub(super) struct Connectors {
    guard: Guard,
    spare: Arc<Semaphore>,
    timeout: Duration,
}

impl Connectors {
    /// A connection for which no attempt waits may take so long.
    pub(super) fn new(guard: &Guard, timeout: Duration) -> Self {
        Self { guard: guard.clone(), spare: Arc::new(Semaphore::new(SPARE)), timeout }
    }

    /// One that speaks TLS like this.
    pub(super) fn with(&self, tls: ClientConfig) -> Connector {
        let https = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1();
        Connector { https: https.wrap_connector(self.guard.clone()), spare: self.spare.clone(), timeout: self.timeout }
    }
}

/// Makes connections.
#[derive(Clone)]
pub(super) struct Connector {
    https: HttpsConnector<Guard>,
    spare: Arc<Semaphore>,
    timeout: Duration,
}

type BoxError = Box<dyn Error + Send + Sync>;

/// Nobody reads this: whoever wanted the connection has another.
#[derive(Debug, thiserror::Error)]
#[error("nobody waits for this connection any more")]
struct Spare;

impl Service<Uri> for Connector {
    type Response = MaybeHttpsStream<TokioIo<Metered>>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.https.poll_ready(cx)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let mut connecting = self.https.call(uri);
        let (spare, timeout) = (self.spare.clone(), self.timeout);
        Box::pin(async move {
            // An attempt is one task: in another, this goes on without it.
            let attempt = task::try_id();
            let awaited = poll_fn(|cx| {
                let awaited = task::try_id() == attempt;
                if awaited { connecting.as_mut().poll(cx).map(Some) } else { Poll::Ready(None) }
            });
            if let Some(connected) = awaited.await {
                return connected;
            }
            let _one = spare.try_acquire().map_err(|_| Spare)?;
            tokio::time::timeout(timeout, connecting).await.map_err(|_| Spare)?
        })
    }
}
