//! Outward: from a leased delivery to a recorded attempt.
//!
//! ```text
//! dispatcher   takes what was just published from memory, claims the rest when there is room
//!     └─ lanes     one queue a hook, served in turn
//!     └─ worker    carries one delivery: compose → send → decide → record
//!            └─ request · sender
//! sweeper      cancels what removed hooks owe, takes back leases that ran out
//! ```

pub mod dispatcher;
mod lanes;
mod request;
pub mod sender;
pub mod sweeper;
mod tls;
mod worker;

use std::time::Duration;

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
}

/// How much longer than an attempt a lease lasts: time to wait for a worker, and
/// for the outcome to be recorded.
const LEASE_MARGIN: Duration = Duration::from_mins(1);

impl Policy {
    /// How long a delivery is leased for.
    #[must_use]
    pub fn lease(&self) -> Duration {
        self.timeout + LEASE_MARGIN
    }
}
