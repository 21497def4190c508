//! How long a client is waited for.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use super::Limits;
use super::activity::{Activity, Phase, Snapshot};

/// Watches one connection. One timer a connection, which is set anew only when it
/// fires or would come too late: a request moves no timer.
pub(super) struct Timeouts {
    activity: Arc<Activity>,
    head: Duration,
    idle: Duration,
    stall: Duration,
    /// How often the client had taken all there was, and when that was seen.
    flushed: (u32, Instant),
    /// Since when the connection is to end, and how long that may take.
    leaving: Option<(Instant, Duration)>,
    seen: Snapshot,
    since: Instant,
    sleep: Pin<Box<Sleep>>,
}

impl Timeouts {
    pub(super) fn new(activity: Arc<Activity>, limits: &Limits) -> Self {
        let (head, idle, stall) = (limits.head_timeout, limits.idle_timeout, limits.stall_timeout);
        let (seen, since) = (activity.snapshot(), Instant::now());
        let flushed = (activity.flushes(), since);
        let sleep = Box::pin(tokio::time::sleep_until(since + head));
        Self { activity, head, idle, stall, flushed, leaving: None, seen, since, sleep }
    }

    /// From now on an idle client has only so long.
    pub(super) fn leave(&mut self, within: Duration) {
        self.leaving = Some((Instant::now(), within));
    }

    /// Ready once the client has been waited for long enough; says for what. To be
    /// asked whenever the connection was polled and has not ended.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Phase> {
        let seen = self.activity.snapshot();
        if seen != self.seen {
            (self.seen, self.since) = (seen, Instant::now());
        }
        let flushes = self.activity.flushes();
        if flushes != self.flushed.0 || self.activity.phase() != Phase::Blocked {
            self.flushed = (flushes, Instant::now());
        }
        loop {
            let phase = self.activity.phase();
            let deadline = self.deadline(phase);
            if let Some(deadline) = deadline.filter(|deadline| *deadline < self.sleep.deadline()) {
                self.sleep.as_mut().reset(deadline);
            }
            ready!(self.sleep.as_mut().poll(context));
            let now = Instant::now();
            match deadline {
                Some(deadline) if now >= deadline => return Poll::Ready(phase),
                Some(deadline) => self.sleep.as_mut().reset(deadline),
                // Only to look again: over HTTP/2 nobody wakes us when the last request ends.
                None => self.sleep.as_mut().reset(now + self.idle),
            }
        }
    }

    /// Until when the client is waited for, unless it waits for us.
    fn deadline(&self, phase: Phase) -> Option<Instant> {
        let deadline = match phase {
            Phase::Busy => return None,
            Phase::Head => self.since + self.head,
            Phase::Idle => self.since + self.idle,
            // A client that reads a byte now and then has twice as long for what hyper buffers.
            Phase::Blocked => (self.since + self.stall).min(self.flushed.1 + 2 * self.stall),
        };
        match self.leaving {
            Some((left, within)) if phase != Phase::Blocked => Some(deadline.min(self.since.max(left) + within)),
            _ => Some(deadline),
        }
    }
}
