//! What is on its way to a receiver, and whether the receiver has taken it.

use bytes::{Buf, Bytes};
use tokio::sync::oneshot;

/// A payload that is being sent; the HTTP client drops it as soon as all of it is.
pub(super) struct Payload {
    bytes: Bytes,
    _sending: oneshot::Sender<()>,
}

/// Knows whether a payload is still being sent.
pub(super) struct Sending(oneshot::Receiver<()>);

impl Payload {
    pub(super) fn new(bytes: Bytes) -> (Self, Sending) {
        let (dropped, sending) = oneshot::channel();
        (Self { bytes, _sending: dropped }, Sending(sending))
    }
}

impl Sending {
    /// Waits until all of it is on its way, or nothing of it can be sent any more.
    pub(super) async fn over(self) {
        // Nothing is ever said: that nobody could say it any more is what counts.
        let _ = self.0.await;
    }
}

impl Buf for Payload {
    fn remaining(&self) -> usize {
        self.bytes.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.bytes.chunk()
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
    }
}
