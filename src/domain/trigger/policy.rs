//! How triggers are carried out: settings of the server.

use std::time::Duration;

use crate::domain::time::Timestamp;

/// How triggers are carried out.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// How long after a failure an execution is tried again.
    pub retry_delay: Duration,
    /// How often it may fail.
    pub retries: u32,
    /// How many executions of each trigger are kept.
    pub history: usize,
    /// How many requests a second may fire one trigger, where it does not say itself.
    pub rate_limit: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self { retry_delay: Duration::from_mins(2), retries: 3, history: 10, rate_limit: 5000 }
    }
}

impl Policy {
    /// When an execution that failed so often before, and just now, is tried again.
    #[must_use]
    pub fn again_at(&self, failed: u32, now: Timestamp) -> Option<Timestamp> {
        (failed + 1 < self.retries).then(|| now.plus(self.retry_delay))
    }
}
