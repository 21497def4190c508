//! One delivery, from its lease to the record.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedSender;
use tracing::Instrument;

use super::request::{compose, on_record};
use super::sender::{Sender, Shortage};
use super::{Policy, SLOW};
use crate::clock::Clock;
use crate::domain::delivery::{Attempt, Next, decide};
use crate::domain::id::{DeliveryId, HookId};
use crate::domain::pace::Showing;
use crate::domain::time::Timestamp;
use crate::store::db::Db;
use crate::store::targets::Target;
use crate::store::{Leased, Record, Recorded, StoreError};

/// What the dispatcher hears of a worker.
#[derive(Debug, Clone, Copy)]
pub(super) enum Heard {
    /// The attempt takes its time, and goes on.
    Slow(HookId),
    /// The attempt is over: the worker is free, the outcome is not on record yet.
    /// What it showed, if it was made.
    Attempt(HookId, Option<Showing>),
    /// All is on record, the delivery is out of memory.
    Delivery(HookId, Aftermath),
}

/// What a delivery that ended left behind.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Aftermath {
    /// Something may be due then.
    pub(super) due_at: Option<Timestamp>,
    /// The hook's breaker has closed.
    pub(super) closed: bool,
}

/// How long to wait before an outcome that could not be recorded is tried again.
const RECORD_AGAIN: Duration = Duration::from_secs(1);

/// How long to wait before an attempt for which this machine had no means is tried again.
const CONNECT_AGAIN: Duration = Duration::from_secs(1);

/// An attempt starts only if its lease lasts so much longer than the attempt may.
const LEASE_SLACK: Duration = Duration::from_secs(10);

/// Carries deliveries; shared by all.
pub(super) struct Worker {
    pub(super) db: Db,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) sender: Sender,
    pub(super) policy: Policy,
    pub(super) ended: UnboundedSender<Heard>,
    /// Tells the sweeper that a hook was removed.
    pub(super) removed: Arc<Notify>,
    /// Outcomes that cannot be recorded at the moment.
    pub(super) unrecorded: AtomicUsize,
}

impl Worker {
    /// Carries one delivery: attempt → decide → record.
    pub(super) async fn carry(self: Arc<Self>, leased: Leased) {
        // An error's span, so that it is there whatever the level of the logs.
        let span = tracing::error_span!(
            "attempt",
            hook = leased.hook.0,
            delivery = %DeliveryId(leased.seq),
            attempt = leased.attempts + 1,
        );
        let aftermath = self.attempt_and_record(&leased).instrument(span).await;
        self.tell(Heard::Delivery(leased.hook, aftermath.unwrap_or_default()));
    }

    async fn attempt_and_record(&self, leased: &Leased) -> Option<Aftermath> {
        let (hook, bytes) = (leased.hook, leased.event.payload.len());
        let Some((target, attempt)) = self.attempt(leased).await else {
            self.tell(Heard::Attempt(hook, None));
            self.db.room().give_back(hook, bytes);
            return None;
        };
        let showing = showing(&attempt);
        self.tell(Heard::Attempt(hook, Some(showing)));
        let now = self.clock.now();
        let next = decide(&attempt.outcome, attempt.number, &self.policy.retry_schedule, now, fastrand::f64());
        log(&attempt, next);
        let recorded = self.record(now, leased, &target, attempt, next).await;
        self.db.room().finished(hook, bytes, showing);
        if next == Next::DropHook {
            self.removed.notify_one();
        }
        match recorded {
            Some(Recorded::Kept { due_at, closed }) => Some(Aftermath { due_at, closed }),
            _ => None,
        }
    }

    /// Makes the attempt, as soon as this machine can; `None` if it is no longer ours
    /// to make.
    async fn attempt(&self, leased: &Leased) -> Option<(Arc<Target>, Attempt)> {
        loop {
            let target = self.ready(leased).await?;
            match self.send(leased, &target).await {
                Ok(attempt) => return Some((target, attempt)),
                Err(shortage) => {
                    tracing::warn!(%shortage, "nobody is charged with it; trying again");
                    tokio::time::sleep(CONNECT_AGAIN).await;
                }
            }
        }
    }

    /// Where the request goes, if it is still ours to send. A delivery whose
    /// hook was removed or is held back by now is given back.
    async fn ready(&self, leased: &Leased) -> Option<Arc<Target>> {
        let now = self.clock.now();
        let target = self.db.targets().get(leased.hook);
        if !target.as_ref().is_some_and(|target| leased.probe || target.held_until().is_none()) {
            self.release(leased, now).await;
            if target.is_none() {
                self.removed.notify_one();
            }
            return None;
        }
        let needed = now.plus(self.policy.timeout + LEASE_SLACK);
        (needed <= leased.until || self.renew(leased, now).await).then_some(target).flatten()
    }

    async fn release(&self, leased: &Leased, now: Timestamp) {
        let lease = [(leased.seq, leased.lease)];
        if let Err(error) = self.db.write(move |store| store.release(now, &lease)).await {
            tracing::warn!(%error, "a delivery could not be given back: its lease will run out");
        }
    }

    async fn renew(&self, leased: &Leased, now: Timestamp) -> bool {
        let (seq, lease, until) = (leased.seq, leased.lease, now.plus(self.policy.lease()));
        match self.db.write(move |store| store.renew(seq, lease, until)).await {
            Ok(ours) => ours,
            Err(error) => {
                tracing::warn!(%error, "a lease could not be renewed: somebody will claim the delivery again");
                false
            }
        }
    }

    async fn send(&self, leased: &Leased, target: &Target) -> Result<Attempt, Shortage> {
        let started_at = self.clock.now();
        let request = compose(leased, target, started_at);
        let request_headers = on_record(&request.headers);
        let stopwatch = Instant::now();
        let outcome = self.sender.send(request, || self.clock.now(), || self.lags(leased.hook)).await?;
        Ok(Attempt { number: leased.attempts + 1, started_at, duration: stopwatch.elapsed(), request_headers, outcome })
    }

    /// Records until it is recorded: an outcome is never forgotten while we
    /// live, and while any waits here no new attempt starts.
    async fn record(
        &self,
        now: Timestamp,
        leased: &Leased,
        target: &Target,
        attempt: Attempt,
        next: Next,
    ) -> Option<Recorded> {
        let record = Arc::new(Record {
            seq: leased.seq,
            lease: leased.lease,
            hook: leased.hook,
            event: leased.event.seq,
            url: target.url.clone(),
            attempt,
            next,
            probe: leased.probe,
            dice: fastrand::f64(),
        });
        let first = self.db.record(now, record.clone()).await;
        let recorded = match first {
            Err(StoreError::Closed) | Ok(_) => first,
            Err(error) => {
                tracing::error!(%error, "an outcome cannot be recorded; no new attempts start until it is");
                self.unrecorded.fetch_add(1, Ordering::Relaxed);
                let later = self.record_later(now, record).await;
                self.unrecorded.fetch_sub(1, Ordering::Relaxed);
                later
            }
        };
        match &recorded {
            Ok(Recorded::Kept { .. }) => {}
            Ok(Recorded::NotOurs) => tracing::warn!("the lease had run out: the outcome is not on record"),
            Err(error) => tracing::warn!(%error, "the outcome is not on record: the event will be sent again"),
        }
        recorded.ok()
    }

    async fn record_later(&self, now: Timestamp, record: Arc<Record>) -> Result<Recorded, StoreError> {
        loop {
            tokio::time::sleep(RECORD_AGAIN).await;
            match self.db.record(now, record.clone()).await {
                Err(StoreError::Closed) => return Err(StoreError::Closed),
                Err(_) => {}
                recorded => return recorded,
            }
        }
    }

    fn lags(&self, hook: HookId) {
        self.db.room().lags(hook);
        self.tell(Heard::Slow(hook));
    }

    fn tell(&self, heard: Heard) {
        // Nobody listens once the dispatcher has stopped.
        let _ = self.ended.send(heard);
    }
}

/// How the hook did: what matters for its share of workers is whether it arrived, and soon.
fn showing(attempt: &Attempt) -> Showing {
    let prompt = attempt.outcome.arrived() && attempt.duration < SLOW;
    if prompt { Showing::Prompt } else { Showing::Lagging }
}

/// A failure is said once, here; a success only to those who ask for details.
fn log(attempt: &Attempt, next: Next) {
    let status = attempt.outcome.status();
    let reason = attempt.outcome.reason();
    match next {
        Next::Done => tracing::debug!(status, "arrived"),
        Next::RetryAt(at) => tracing::info!(status, reason, again = %at.rfc3339(), "did not arrive"),
        Next::GiveUp => tracing::warn!(status, reason, "did not arrive; given up: the schedule is used up"),
        Next::DropHook => tracing::warn!(status, reason, "gone for good, says the receiver"),
    }
}
