//! One delivery, from its lease to the record.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedSender;
use tracing::Instrument;

use super::allowance::Allowance;
use super::request::{compose, on_record};
use super::sender::{Sender, Unsent};
use super::{Policy, SLOW};
use crate::clock::Clock;
use crate::domain::delivery::{Attempt, Next, decide};
use crate::domain::id::{DeliveryId, HookId, Lease, Seq};
use crate::domain::outcome::Outcome;
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
    /// Deliveries that waited are in the store again, to be looked at then.
    GivenBack(Option<Timestamp>),
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

/// Deliveries that are given back in one transaction.
const RELEASED_AT_ONCE: usize = 256;

/// An attempt starts only if its lease lasts so much longer than the attempt may.
const LEASE_SLACK: Duration = Duration::from_secs(10);

/// Carries deliveries; shared by all.
pub(super) struct Worker {
    pub(super) db: Db,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) sender: Arc<Sender>,
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
        self.tell(Heard::Delivery(leased.hook, aftermath));
    }

    async fn attempt_and_record(&self, leased: &Leased) -> Aftermath {
        let (hook, bytes) = (leased.hook, leased.event.payload.len());
        let (target, attempt) = match self.attempt(leased).await {
            Ok(made) => made,
            Err(given_back) => {
                self.tell(Heard::Attempt(hook, None));
                self.db.room().give_back(hook, bytes);
                return given_back;
            }
        };
        let (showing, now) = (showing(&attempt), self.clock.now());
        self.tell(Heard::Attempt(hook, showing));
        let next = decide(&attempt.outcome, attempt.number, &self.policy.retry_schedule, now, fastrand::f64());
        log(&attempt, next);
        let recorded = self.record(now, leased, &target, attempt, next).await;
        let waited_long = leased.until.since(now) < self.policy.lease() / 2;
        match showing {
            Some(showing) => self.db.room().finished(hook, bytes, showing, waited_long),
            None => self.db.room().give_back(hook, bytes),
        }
        if next == Next::DropHook {
            self.removed.notify_one();
        }
        match recorded {
            Some(Recorded::Kept { due_at, closed }) => Aftermath { due_at, closed },
            _ => Aftermath::default(),
        }
    }

    /// Makes the attempt, as soon as this machine can. If it is no longer ours to
    /// make, the delivery was given back.
    async fn attempt(&self, leased: &Leased) -> Result<(Arc<Target>, Attempt), Aftermath> {
        let mut short_for = Duration::ZERO;
        loop {
            let target = self.ready(leased).await?;
            match self.send(leased, &target).await {
                Ok(attempt) => return Ok((target, attempt)),
                Err((attempt, _)) if short_for >= self.policy.timeout => return Ok((target, attempt)),
                Err((_, shortage)) => {
                    tracing::warn!(%shortage, "nobody is charged with it; trying again");
                    tokio::time::sleep(CONNECT_AGAIN).await;
                    short_for += CONNECT_AGAIN;
                }
            }
        }
    }

    /// Where the request goes, if it is still ours to send. A delivery whose
    /// hook was removed or is held back by now is given back.
    async fn ready(&self, leased: &Leased) -> Result<Arc<Target>, Aftermath> {
        let now = self.clock.now();
        let target = self.db.targets().get(leased.hook);
        if target.is_none() {
            self.removed.notify_one();
        }
        let Some(target) = target.filter(|target| target.lets_out(leased.errand)) else {
            let due_at = self.release(vec![(leased.seq, leased.lease)], now).await;
            return Err(Aftermath { due_at, closed: false });
        };
        let needed = now.plus(self.policy.timeout + LEASE_SLACK);
        if needed <= leased.until || self.renew(leased, now).await {
            return Ok(target);
        }
        Err(Aftermath::default())
    }

    /// Gives deliveries back that waited in memory; answers when their hooks are to
    /// be looked at.
    pub(super) async fn give_back(self: Arc<Self>, leased: Vec<Leased>) {
        let now = self.clock.now();
        for step in leased.chunks(RELEASED_AT_ONCE) {
            let due_at = self.release(step.iter().map(|one| (one.seq, one.lease)).collect(), now).await;
            self.db.room().give_back_all(step);
            self.tell(Heard::GivenBack(due_at));
        }
    }

    async fn release(&self, leases: Vec<(Seq, Lease)>, now: Timestamp) -> Option<Timestamp> {
        match self.db.write(move |store| store.release(now, &leases)).await {
            Ok(due_at) => due_at,
            Err(error) => {
                tracing::warn!(%error, "deliveries could not be given back: their leases will run out");
                None
            }
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

    /// An attempt; with the shortage, if this machine could not make it.
    async fn send(&self, leased: &Leased, target: &Target) -> Result<Attempt, (Attempt, Unsent)> {
        let started_at = self.clock.now();
        let stopwatch = Instant::now();
        let composed = compose(leased, target, started_at);
        let request_headers = composed.as_ref().map(|request| on_record(&request.headers)).unwrap_or_default();
        let attempt = |outcome| Attempt {
            number: leased.attempts + 1,
            started_at,
            duration: stopwatch.elapsed(),
            request_headers,
            outcome,
        };
        let request = match composed {
            Ok(request) => request,
            Err(why) => return Ok(attempt(Outcome::Hindered(why))),
        };
        let allowance = Allowance::of_attempt(self.policy.timeout);
        match self.sender.send(request, allowance, || self.clock.now(), || self.lags(leased.hook)).await {
            Ok(outcome) => Ok(attempt(outcome)),
            Err(unsent @ Unsent::Unconnected(_)) => Ok(attempt(Outcome::Failed(unsent.to_string()))),
            Err(shortage) => Err((attempt(Outcome::Hindered(shortage.to_string())), shortage)),
        }
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
            errand: leased.errand,
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

/// How the hook did: what matters for its share of workers is whether it arrived,
/// soon, and with an answer that left the connection usable. Trouble of our own shows
/// nothing.
fn showing(attempt: &Attempt) -> Option<Showing> {
    let whole = match &attempt.outcome {
        Outcome::Answered(answer) => !answer.cut,
        Outcome::Failed(_) | Outcome::Refused(_) => false,
        Outcome::Hindered(_) => return None,
    };
    let prompt = whole && attempt.outcome.arrived() && attempt.duration < SLOW;
    Some(if prompt { Showing::Prompt } else { Showing::Lagging })
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
