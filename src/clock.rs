//! The only file that asks what time it is.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use tokio::sync::watch;

use crate::domain::time::Timestamp;

/// A wait that ends when a clock says so.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What time it is.
pub trait Clock: Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> Timestamp;

    /// Ends once [`Clock::now`] has reached `until`.
    fn sleep_until(&self, until: Timestamp) -> Sleep;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

/// How long the system clock sleeps at most before it looks again: a clock that
/// was set forward is noticed within this.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is where the time comes from")]
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(Utc::now().timestamp_millis())
    }

    fn sleep_until(&self, until: Timestamp) -> Sleep {
        Box::pin(async move {
            while SystemClock.now() < until {
                let rest = until.since(SystemClock.now()).max(Duration::from_millis(1));
                tokio::time::sleep(rest.min(LOOK_AGAIN)).await;
            }
        })
    }
}

/// A clock that a test moves by hand; its clones share one hand.
///
/// Not behind `cfg(test)`, because integration tests need it too.
#[derive(Debug, Clone)]
pub struct ManualClock {
    hand: Arc<watch::Sender<Timestamp>>,
}

impl ManualClock {
    /// A clock that stands still.
    #[must_use]
    pub fn at(start: Timestamp) -> Self {
        Self { hand: Arc::new(watch::Sender::new(start)) }
    }

    /// Moves the hand and wakes those whose time has come.
    pub fn advance(&self, by: Duration) {
        self.hand.send_modify(|now| *now = now.plus(by));
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.hand.borrow()
    }

    fn sleep_until(&self, until: Timestamp) -> Sleep {
        let mut hand = self.hand.subscribe();
        Box::pin(async move {
            // Fails only if the clock is gone, and then no time will come.
            if hand.wait_for(|now| *now >= until).await.is_err() {
                std::future::pending::<()>().await;
            }
        })
    }
}
