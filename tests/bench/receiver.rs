//! The receiver: answers every POST with an empty 200 and counts it, and does as little else as it can.
//!
//! Posts to `/raw` are answered but not counted, those to `/latency/…` are also read for the time at which they were sent,
//! and some paths are answered badly on purpose (see [`Manner`]).

use std::convert::Infallible;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::answers::{Body, Manner};
use crate::wire::{Ask, Heard, now_nanos, say};
use crate::{payload, process};

/// What has arrived since the last `Expect`.
#[derive(Default)]
struct Arrivals {
    count: AtomicU64,
    expected: AtomicU64,
    latencies: Mutex<Vec<u64>>,
}

/// Serves until the bench closes stdin.
///
/// # Errors
///
/// If it cannot listen, or the bench says what it does not understand.
pub fn run() -> crate::Result<()> {
    process::raise_file_limit()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let arrivals = Arc::new(Arrivals::default());
    let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", 0)))?;
    // Bound so that nobody else gets it, and never listened at.
    let refusing = TcpSocket::new_v4()?;
    refusing.bind(([127, 0, 0, 1], 0).into())?;
    say(&Heard::Listening { port: listener.local_addr()?.port(), refusing: refusing.local_addr()?.port() })?;
    runtime.spawn(accept(listener, Arc::clone(&arrivals)));
    for line in io::stdin().lines() {
        say(&arrivals.answer(&serde_json::from_str(&line?)?))?;
    }
    Ok(())
}

impl Arrivals {
    fn answer(&self, ask: &Ask) -> Heard {
        match *ask {
            Ask::Expect(count) => {
                self.latencies().clear();
                self.count.store(0, Ordering::SeqCst);
                self.expected.store(count, Ordering::SeqCst);
                Heard::Ready
            }
            Ask::Count => Heard::Count(self.count.load(Ordering::SeqCst)),
            Ask::Latencies => Heard::Latencies(self.latencies().clone()),
        }
    }

    fn count_one(&self) {
        let count = self.count.fetch_add(1, Ordering::SeqCst) + 1;
        if count == self.expected.load(Ordering::SeqCst) {
            // Nobody is left to tell if this fails: the bench has gone, and stdin ends next.
            let _ = say(&Heard::Reached { at_nanos: now_nanos() });
        }
    }

    fn keep_latency(&self, body: &[u8]) {
        let now = now_nanos();
        if let Some(sent) = payload::sent_nanos(body) {
            self.latencies().push(now.saturating_sub(sent));
        }
    }

    fn latencies(&self) -> std::sync::MutexGuard<'_, Vec<u64>> {
        self.latencies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn accept(listener: TcpListener, arrivals: Arc<Arrivals>) -> Infallible {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(serve(stream, Arc::clone(&arrivals)))),
            // Out of file handles, most likely: others must end before a new one can be had.
            Err(_) => tokio::task::yield_now().await,
        }
    }
}

/// Serves one connection; how it ends is the other side's concern, which sees it too.
async fn serve(stream: TcpStream, arrivals: Arc<Arrivals>) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| receive(&arrivals, request));
    let _ = http1::Builder::new().auto_date_header(false).serve_connection(TokioIo::new(stream), service).await;
}

async fn receive(arrivals: &Arrivals, request: Request<Incoming>) -> hyper::Result<Response<Body>> {
    let since = Instant::now();
    let (head, mut body) = request.into_parts();
    let path = head.uri.path();
    if path.starts_with("/latency/") {
        arrivals.keep_latency(&body.collect().await?.to_bytes());
    } else {
        while let Some(frame) = body.frame().await {
            frame?;
        }
    }
    let manner = Manner::of(path);
    if manner.counts() && path != "/raw" {
        arrivals.count_one();
    }
    Ok(manner.answer(since).await)
}
