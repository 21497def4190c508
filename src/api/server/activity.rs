//! What goes on on a connection, as far as it tells whether somebody is waited for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

/// What a connection waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing was asked; the client may leave the connection open for a while.
    Idle,
    /// The first request, or the rest of a head whose beginning is there.
    Head,
    /// Us.
    Busy,
    /// The client, to read what we write.
    Blocked,
}

/// Counted by the stream and the requests, looked at by the timeouts. Nothing else
/// is published along with these numbers: they need no order among themselves.
#[derive(Debug)]
pub(super) struct Activity {
    /// HTTP/2: several requests at once, and much talk that belongs to none.
    multiplexed: bool,
    begun: AtomicU32,
    ended: AtomicU32,
    heard: AtomicBool,
    blocked: AtomicBool,
    progress: AtomicU32,
    flushes: AtomicU32,
}

/// All that is known at one moment: where two are equal, nothing has happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Snapshot {
    begun: u32,
    ended: u32,
    heard: bool,
    blocked: bool,
    progress: u32,
}

impl Activity {
    pub(super) fn new(multiplexed: bool) -> Arc<Self> {
        Arc::new(Self {
            multiplexed,
            begun: AtomicU32::default(),
            ended: AtomicU32::default(),
            heard: AtomicBool::default(),
            blocked: AtomicBool::default(),
            progress: AtomicU32::default(),
            flushes: AtomicU32::default(),
        })
    }

    pub(super) fn phase(&self) -> Phase {
        if self.blocked.load(Relaxed) {
            return Phase::Blocked;
        }
        let begun = self.begun.load(Relaxed);
        if begun != self.ended.load(Relaxed) {
            return Phase::Busy;
        }
        if begun == 0 || self.has_heard() { Phase::Head } else { Phase::Idle }
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot {
            begun: self.begun.load(Relaxed),
            ended: self.ended.load(Relaxed),
            heard: self.heard.load(Relaxed),
            blocked: self.blocked.load(Relaxed),
            progress: self.progress.load(Relaxed),
        }
    }

    pub(super) fn is_multiplexed(&self) -> bool {
        self.multiplexed
    }

    /// Whether the beginning of a head is there.
    pub(super) fn has_heard(&self) -> bool {
        !self.multiplexed && self.heard.load(Relaxed)
    }

    /// How many requests are over.
    pub(super) fn ended(&self) -> u32 {
        self.ended.load(Relaxed)
    }

    /// Bytes have come.
    pub(super) fn hear(&self) {
        self.heard.store(true, Relaxed);
    }

    /// The client reads no more for now.
    pub(super) fn block(&self) {
        self.blocked.store(true, Relaxed);
    }

    /// The client has taken so many bytes.
    pub(super) fn take(&self, bytes: usize) {
        // Less is a ping, which says nothing of whether answers are read.
        if bytes >= 512 || self.blocked.load(Relaxed) {
            self.progress.fetch_add(1, Relaxed);
            self.blocked.store(false, Relaxed);
        }
    }

    /// The client has taken all that there was.
    pub(super) fn flush(&self) {
        self.flushes.fetch_add(1, Relaxed);
        self.blocked.store(false, Relaxed);
    }

    /// How often it has.
    pub(super) fn flushes(&self) -> u32 {
        self.flushes.load(Relaxed)
    }

    /// A request's head is there; it is in flight for as long as what is answered here lives.
    pub(super) fn begin(self: &Arc<Self>) -> InFlight {
        self.begun.fetch_add(1, Relaxed);
        self.heard.store(false, Relaxed);
        InFlight(self.clone())
    }
}

/// A request, from its head until the last of its answer was handed over or nobody
/// wants it any more.
#[derive(Debug)]
pub(super) struct InFlight(Arc<Activity>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.heard.store(false, Relaxed);
        self.0.ended.fetch_add(1, Relaxed);
    }
}
