//! Keeps workers busy: takes what was just published from memory, and claims
//! from the store when there is room (after a start, for retries, and for what
//! had no room when it was published).

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::sync::{Notify, watch};

use super::Policy;
use super::lanes::Lanes;
use super::sender::Sender;
use super::worker::{Aftermath, Heard, Worker};
use crate::clock::Clock;
use crate::domain::id::HookId;
use crate::domain::pace::Limits;
use crate::domain::time::Timestamp;
use crate::store::db::{Db, Handed, Handover};
use crate::store::{Claimed, Leased, Result};

/// How long to wait before a claim that failed is tried again.
const CLAIM_AGAIN: Duration = Duration::from_secs(1);

/// Attempts that are started at once.
const STARTED_AT_ONCE: usize = 64;

/// Messages that are taken at once.
const GULP: usize = 512;

type Claim = Pin<Box<dyn Future<Output = Result<Claimed>> + Send>>;

/// The one task that starts attempts.
pub struct Dispatcher {
    worker: Arc<Worker>,
    lanes: Lanes,
    /// Deliveries with a worker whose outcome is not on record yet.
    carried: usize,
    handover: Handover,
    heard: UnboundedReceiver<Heard>,
    wake: Arc<Notify>,
    claim: Option<Claim>,
    wants_claim: bool,
    /// When something that is pending will be due.
    next_due: Timestamp,
    /// Hooks of which more is due, and how few must be in memory for the next claim.
    behind: HashMap<HookId, usize>,
    /// Whether any place that is given back calls for a claim.
    crowded: bool,
}

impl Dispatcher {
    /// A dispatcher that looks into the store at once, and again whenever `wake`
    /// says so; `removed` tells the sweeper of hooks that answered 410.
    #[must_use]
    pub fn new(
        db: Db,
        handover: Handover,
        clock: Arc<dyn Clock>,
        sender: Arc<Sender>,
        policy: Policy,
        wake: Arc<Notify>,
        removed: Arc<Notify>,
    ) -> Self {
        let (tell, heard) = mpsc::unbounded_channel();
        let lanes = Lanes::new(policy.workers, policy.workers_per_hook);
        let worker = Worker { db, clock, sender, policy, ended: tell, removed, unrecorded: AtomicUsize::new(0) };
        Self {
            worker: Arc::new(worker),
            lanes,
            carried: 0,
            handover,
            heard,
            wake,
            claim: None,
            wants_claim: true,
            next_due: Timestamp::MAX,
            behind: HashMap::new(),
            crowded: false,
        }
    }

    /// Runs until `stop` says so, then waits until what is in flight is on
    /// record; whoever called decides how long.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let wake = self.wake.clone();
        let (mut handed, mut heard) = (Vec::new(), Vec::new());
        while !*stop.borrow() {
            let more = self.start_attempts();
            self.start_claim();
            let next_time = self.next_time();
            tokio::select! {
                // An error means that whoever could stop us is gone.
                changed = stop.changed() => if changed.is_err() { break },
                _ = self.heard.recv_many(&mut heard, GULP) => heard.drain(..).for_each(|heard| self.note(heard)),
                _ = self.handover.recv_many(&mut handed, GULP) => handed.drain(..).for_each(|handed| self.take_handed(handed)),
                claimed = finished(&mut self.claim) => self.take_claimed(claimed),
                () = wake.notified() => self.wants_claim = true,
                () = tokio::task::yield_now(), if more => {}
                () = rate(next_time, &*self.worker.clock) => {}
                () = self.worker.clock.sleep_until(self.next_due) => {
                    self.next_due = Timestamp::MAX;
                    self.wants_claim = true;
                }
            }
        }
        self.finish().await;
    }

    async fn finish(&mut self) {
        while self.carried > 0 {
            match self.heard.recv().await {
                Some(heard) => self.note(heard),
                None => return,
            }
        }
    }

    /// Nothing starts while outcomes cannot be recorded.
    fn is_stalled(&self) -> bool {
        self.worker.unrecorded.load(Ordering::Relaxed) > 0
    }

    /// When a hook that waits for its rate may go on.
    fn next_time(&self) -> Option<Duration> {
        self.lanes.next_time().filter(|_| !self.is_stalled())
    }

    /// Starts what may start, but only some at a time: requests that come in must not
    /// wait until thousands of attempts have begun. Answers whether there may be more.
    fn start_attempts(&mut self) -> bool {
        if self.is_stalled() {
            return false;
        }
        let now = self.worker.clock.elapsed();
        let db = &self.worker.db;
        for _ in 0..STARTED_AT_ONCE {
            let Some(leased) = self.lanes.next(now, |hook| limits(db, hook)) else {
                return false;
            };
            self.carried += 1;
            tokio::spawn(self.worker.clone().carry(leased));
        }
        true
    }

    fn start_claim(&mut self) {
        if !self.wants_claim || self.claim.is_some() {
            return;
        }
        self.wants_claim = false;
        let db = self.worker.db.clone();
        let now = self.worker.clock.now();
        let until = now.plus(self.worker.policy.lease());
        self.claim = Some(Box::pin(async move { db.claim(now, until).await }));
    }

    fn take_handed(&mut self, handed: Handed) {
        self.wants_claim |= handed.overflow;
        self.take(handed.leased);
    }

    fn take(&mut self, leased: Vec<Leased>) {
        for leased in leased {
            let limits = limits(&self.worker.db, leased.hook);
            self.lanes.add(leased, limits);
        }
    }

    fn take_claimed(&mut self, claimed: Result<Claimed>) {
        self.claim = None;
        let claimed = match claimed {
            Ok(claimed) => claimed,
            Err(error) => {
                tracing::error!(%error, "what is due cannot be claimed; trying again");
                self.next_due = self.worker.clock.now().plus(CLAIM_AGAIN);
                return;
            }
        };
        let room = self.worker.db.room();
        self.crowded = claimed.crowded;
        let half = |&hook: &HookId| (hook, room.held_by(hook).midpoint(room.free_for(hook)));
        self.behind = claimed.behind.iter().map(half).collect();
        // Never later than what was recorded while the claim was under way.
        self.next_due = claimed.next_due.map_or(self.next_due, |due_at| self.next_due.min(due_at));
        // Nothing in memory may end any more that would call for the next claim.
        let idle = |&hook: &HookId| room.held_by(hook) == 0 && room.free_for(hook) > 0;
        self.wants_claim |= if claimed.crowded { room.is_empty() } else { claimed.behind.iter().any(idle) };
        self.take(claimed.leased);
    }

    /// What waits for a hook that lags makes room for others.
    fn give_back(&self, leased: Vec<Leased>) {
        if !leased.is_empty() {
            tokio::spawn(self.worker.clone().give_back(leased));
        }
    }

    fn note(&mut self, heard: Heard) {
        match heard {
            Heard::Slow(hook) => {
                let waiting = self.lanes.lags(hook);
                self.give_back(waiting);
            }
            Heard::Attempt(hook, showing) => {
                let waiting = self.lanes.ended(hook, showing);
                self.give_back(waiting);
            }
            Heard::GivenBack(due_at) => {
                self.next_due = due_at.map_or(self.next_due, |due_at| self.next_due.min(due_at));
                self.wants_claim |= self.crowded;
            }
            Heard::Delivery(hook, Aftermath { due_at, closed }) => {
                self.carried -= 1;
                if closed {
                    self.lanes.breaker_closed(hook, self.worker.clock.elapsed());
                }
                self.next_due = due_at.map_or(self.next_due, |due_at| self.next_due.min(due_at));
                let few = self.behind.get(&hook).copied();
                let short = few.is_some_and(|few| self.worker.db.room().held_by(hook) <= few);
                self.wants_claim |= self.crowded || short;
            }
        }
    }
}

/// What a hook's owner allows now.
fn limits(db: &Db, hook: HookId) -> Limits {
    db.targets().get(hook).map_or_else(Limits::default, |target| target.limits())
}

/// The time at which a hook that waits for its rate may go on; never, while none does.
async fn rate(at: Option<Duration>, clock: &dyn Clock) {
    match at {
        Some(at) => clock.sleep_until_elapsed(at).await,
        None => std::future::pending().await,
    }
}

/// The claim's answer; never, while there is none.
async fn finished(claim: &mut Option<Claim>) -> Result<Claimed> {
    match claim {
        Some(claim) => claim.await,
        None => std::future::pending().await,
    }
}
