//! Outward: from a leased delivery to a recorded attempt.
//!
//! ```text
//! dispatcher   takes what was just published from memory, claims the rest when there is room
//!     └─ lanes     one queue a hook, served in turn
//!     └─ worker    carries one delivery: compose → send → decide → record
//!            └─ request · sender
//!                   └─ clients one for each way to speak TLS
//!                          └─ connector · guard · metered
//! asker        asks the hooks of a gate: compose → send → judge → record, with the same sender
//! gatekeeper   closes gates whose time is up
//! outgoing     makes the calls of triggers: compose → send → decide → record, with the same sender
//! replayer     makes the redeliveries of replays, a step at a time
//! sweeper      cancels what removed hooks owe, takes back leases that ran out
//!     └─ clock_set moves leases and waits along when somebody sets the clock
//!     └─ expiry    says that hooks' certificates end
//!     └─ retention removes what has grown old
//! ```

mod allowance;
pub mod asker;
mod clients;
mod clock_set;
mod connector;
pub mod dispatcher;
mod expiry;
pub mod gatekeeper;
pub mod guard;
mod lanes;
mod metered;
pub mod outgoing;
mod payload;
pub mod replayer;
mod request;
mod resolver;
mod retention;
pub mod sender;
pub mod sweeper;
mod tls;
mod worker;

use std::time::Duration;

use crate::domain::breaker::BreakerRules;
use crate::domain::retry::RetrySchedule;

/// How delivery is to behave.
#[derive(Debug, Clone)]
pub struct Policy {
    /// The waits between attempts.
    pub retry_schedule: RetrySchedule,
    /// How long one attempt may take, whole.
    pub timeout: Duration,
    /// Attempts in flight, in all.
    pub workers: usize,
    /// Attempts in flight for one hook.
    pub workers_per_hook: usize,
    /// So many failures in a row make a hook failing.
    pub breaker_failures: u32,
    /// A hook that has done nothing but fail for so long is paused.
    pub breaker_pause_after: Duration,
}

/// How much longer than an attempt a lease lasts: time to wait for a worker, and
/// for the outcome to be recorded.
const LEASE_MARGIN: Duration = Duration::from_mins(1);

/// An attempt that takes longer is slow: its hook has lost its share of workers.
const SLOW: Duration = Duration::from_secs(1);

impl Policy {
    /// The rules of the hooks' breakers: probes wait as retries do.
    #[must_use]
    pub fn breaker_rules(&self) -> BreakerRules {
        BreakerRules {
            failures: self.breaker_failures,
            pause_after: self.breaker_pause_after,
            probes: self.retry_schedule.clone(),
        }
    }

    /// How long a delivery is leased for.
    #[must_use]
    pub fn lease(&self) -> Duration {
        self.timeout + LEASE_MARGIN
    }
}
