//! A connection's stream, which tells what goes on.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};

use super::activity::{Activity, Phase};

/// How long a client may go on sending after we have said our last word.
const LINGER: Duration = Duration::from_secs(2);

/// How much of that is read, at most.
const MAX_LINGER: usize = 8 << 20;

/// A stream, TCP or TLS, between a client and hyper.
pub(super) struct Watched<T> {
    stream: T,
    activity: Arc<Activity>,
    /// How many requests were over when hyper had last written all it had.
    flushed: u32,
    /// Whether the client has said that it sends no more.
    ended: bool,
    /// The status of the answer that hyper gave by itself, and that was kept back.
    refused: Option<u16>,
}

impl<T: AsyncRead + AsyncWrite + Unpin> Watched<T> {
    pub(super) fn new(stream: T, activity: Arc<Activity>) -> Self {
        Self { stream, activity, flushed: 0, ended: false, refused: None }
    }

    /// The status with which hyper wanted to refuse what is no request.
    pub(super) fn refused(&self) -> Option<u16> {
        self.refused
    }

    /// Whether nothing is being asked, and all answers are written.
    pub(super) fn is_quiet(&self) -> bool {
        matches!(self.activity.phase(), Phase::Head | Phase::Idle) && self.flushed == self.activity.ended()
    }

    /// Says a last word, if there is one, and closes.
    ///
    /// Closing with bytes unread would make the kernel reset the connection, and the
    /// client lose our last word: what it still sends is read for a while, unless there
    /// is no time to `linger`.
    pub(super) async fn close(mut self, last_word: &[u8], linger: bool) {
        let closing = async {
            self.stream.write_all(last_word).await?;
            self.stream.shutdown().await?;
            let (mut scratch, mut read) = ([0; 4096], 0);
            while linger && !self.ended && read < MAX_LINGER {
                let more = self.stream.read(&mut scratch).await?;
                read += more;
                self.ended = more == 0;
            }
            io::Result::Ok(())
        };
        // A client that is gone needs no last word.
        let _ = tokio::time::timeout(LINGER, closing).await;
    }

    /// hyper answers by itself what is no request: with a status alone. Keeping that
    /// back allows a better answer; it is the only thing that it writes while nothing
    /// is asked and all answers are written.
    fn keeps_back(&mut self, first: &[u8]) -> bool {
        if self.activity.is_multiplexed() || !self.is_quiet() {
            return false;
        }
        let status = first.strip_prefix(b"HTTP/1.1 ").and_then(|rest| rest.get(..3));
        let status = status.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
        self.refused = self.refused.or(status);
        status.is_some()
    }

    fn written(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &written {
            Poll::Ready(Ok(bytes)) => self.activity.take(*bytes),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => self.activity.block(),
        }
        written
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncRead for Watched<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        if buffer.filled().len() > before {
            self.activity.hear();
        } else {
            self.ended = true;
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Watched<T> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.keeps_back(bytes) {
            return Poll::Ready(Ok(bytes.len()));
        }
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.keeps_back(slices.first().map_or(&[], |first| first)) {
            return Poll::Ready(Ok(slices.iter().map(|slice| slice.len()).sum()));
        }
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.written(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Poll::Ready(flushed) = Pin::new(&mut self.stream).poll_flush(context) else {
            self.activity.block();
            return Poll::Pending;
        };
        flushed?;
        self.activity.flush();
        self.flushed = self.activity.ended();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.activity.is_multiplexed() {
            return Pin::new(&mut self.stream).poll_shutdown(context);
        }
        // That is for `close`, which may have a word to say before.
        Poll::Ready(Ok(()))
    }
}
