//! A connection on which a receiver's part is bounded: how much it sends in one attempt,
//! and how long it may leave a request lying.
//!
//! Below TLS, so that what TLS itself says counts too: session tickets have no end
//! either. Heads and bodies have bounds of their own; these are for what lies between.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper_util::client::legacy::connect::{Connected, Connection};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

/// At most so much is taken from a receiver in one attempt, with the handshake, interim
/// answers and the sizes of chunks: four times as much as of a head or of a body.
const TAKEN_BYTES: usize = 256 << 10;

/// Why a connection was ended.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error(
        "the receiver sent more than {} KiB, and its answer was still not whole: it must do with fewer interim \
         answers, headers and chunks",
        TAKEN_BYTES >> 10
    )]
    TooMuch,
    #[error("the receiver did not take the whole request within {}", humantime::format_duration(*.0))]
    Stalled(Duration),
}

impl From<Ended> for io::Error {
    fn from(ended: Ended) -> Self {
        Self::other(ended)
    }
}

/// How many bytes have come over a connection since the last attempt was over. Every
/// answer has that of its connection among its extensions.
#[derive(Debug, Clone, Default)]
pub(super) struct Meter(Arc<AtomicUsize>);

impl Meter {
    /// The attempt is over: what comes from now on counts for the next.
    pub(super) fn reset(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

/// The connection.
pub struct Metered {
    tcp: TcpStream,
    meter: Meter,
    timeout: Duration,
    /// Set while what was to be sent has not been taken.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl Metered {
    /// A receiver has twice as long to take a request as an attempt may last: so the
    /// attempt is always over first, and says why.
    pub(super) fn new(tcp: TcpStream, attempt: Duration) -> Self {
        Self { tcp, meter: Meter::default(), timeout: attempt * 2, stalled: None }
    }

    /// Waits until more can be written, but not for ever: when the attempt is over, nobody
    /// else ends this. Progress does not count, or bytes could be taken one by one.
    fn wait<T>(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        let timeout = self.timeout;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(timeout)));
        ready!(stalled.as_mut().poll(cx));
        Poll::Ready(Err(Ended::Stalled(timeout).into()))
    }
}

impl AsyncRead for Metered {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.meter.0.load(Ordering::Relaxed) > TAKEN_BYTES {
            return Poll::Ready(Err(Ended::TooMuch.into()));
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.tcp).poll_read(cx, buf))?;
        self.meter.0.fetch_add(buf.filled().len() - before, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Metered {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.tcp).poll_write(cx, buf) {
            Poll::Pending => self.wait(cx),
            written @ Poll::Ready(_) => written,
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.tcp).poll_write_vectored(cx, bufs) {
            Poll::Pending => self.wait(cx),
            written @ Poll::Ready(_) => written,
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    /// Called when all that was to be sent has been written.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stalled = None;
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}

impl Connection for Metered {
    fn connected(&self) -> Connected {
        Connected::new().extra(self.meter.clone())
    }
}
