//! The only file that asks what time it is.

mod drift;

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use tokio::sync::watch;

use crate::domain::time::Timestamp;

pub(crate) use drift::{Drift, Set};

/// A wait that ends when a clock says so.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What time it is.
pub trait Clock: Send + Sync + 'static {
    /// The time now. People and time servers set it forward and back.
    fn now(&self) -> Timestamp;

    /// Ends once [`Clock::now`] has reached `until`.
    fn sleep_until(&self, until: Timestamp) -> Sleep;

    /// The time since some beginning: never goes back, whatever is done to the calendar.
    fn elapsed(&self) -> Duration;

    /// Ends once [`Clock::elapsed`] has reached `until`.
    fn sleep_until_elapsed(&self, until: Duration) -> Sleep;

    /// Ends once so much time has passed.
    fn sleep(&self, span: Duration) -> Sleep {
        self.sleep_until_elapsed(self.elapsed().saturating_add(span))
    }
}

/// The machine's clock.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    started: Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self { started: Instant::now() }
    }
}

/// How long the system clock sleeps at most before it looks again: a clock that
/// was set forward is noticed within this.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is where the time comes from")]
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(Utc::now().timestamp_millis())
    }

    fn sleep_until(&self, until: Timestamp) -> Sleep {
        let clock = *self;
        Box::pin(async move {
            while clock.now() < until {
                let rest = until.since(clock.now()).max(Duration::from_millis(1));
                tokio::time::sleep(rest.min(LOOK_AGAIN)).await;
            }
        })
    }

    fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    fn sleep_until_elapsed(&self, until: Duration) -> Sleep {
        Box::pin(tokio::time::sleep(until.saturating_sub(self.elapsed())))
    }
}

/// A clock that a test moves by hand; its clones share one hand.
///
/// Not behind `cfg(test)`, because integration tests need it too.
#[derive(Debug, Clone)]
pub struct ManualClock {
    hand: Arc<watch::Sender<Hand>>,
}

#[derive(Debug, Clone, Copy)]
struct Hand {
    now: Timestamp,
    elapsed: Duration,
}

impl ManualClock {
    /// A clock that stands still.
    #[must_use]
    pub fn at(start: Timestamp) -> Self {
        Self { hand: Arc::new(watch::Sender::new(Hand { now: start, elapsed: Duration::ZERO })) }
    }

    /// Lets time pass, and wakes those whose time has come.
    pub fn advance(&self, by: Duration) {
        self.hand.send_modify(|hand| {
            hand.now = hand.now.plus(by);
            hand.elapsed += by;
        });
    }

    /// Sets the calendar forward, as a person does; no time passes.
    pub fn set_forward(&self, by: Duration) {
        self.hand.send_modify(|hand| hand.now = hand.now.plus(by));
    }

    /// Sets the calendar back, as a person does; no time passes.
    pub fn set_back(&self, by: Duration) {
        self.hand.send_modify(|hand| hand.now = hand.now.minus(by));
    }

    fn sleep_to(&self, over: impl Fn(&Hand) -> bool + Send + Sync + 'static) -> Sleep {
        let mut hand = self.hand.subscribe();
        Box::pin(async move {
            // Fails only if the clock is gone, and then no time will come.
            if hand.wait_for(over).await.is_err() {
                std::future::pending::<()>().await;
            }
        })
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.hand.borrow().now
    }

    fn sleep_until(&self, until: Timestamp) -> Sleep {
        self.sleep_to(move |hand| hand.now >= until)
    }

    fn elapsed(&self) -> Duration {
        self.hand.borrow().elapsed
    }

    fn sleep_until_elapsed(&self, until: Duration) -> Sleep {
        self.sleep_to(move |hand| hand.elapsed >= until)
    }
}
