//! Wakes those who carry out what fires triggers.

use std::sync::Arc;

use tokio::sync::Notify;

/// Two wait for what fires triggers, and a `Notify` wakes one: so there are two.
#[derive(Debug, Clone, Default)]
pub struct Fired {
    /// Wakes who publishes.
    pub runner: Arc<Notify>,
    /// Wakes who makes calls.
    pub outgoing: Arc<Notify>,
    /// Wakes who forgets what removed triggers leave.
    pub removed: Arc<Notify>,
}

impl Fired {
    /// Wakes both, once.
    pub fn notify_one(&self) {
        self.runner.notify_one();
        self.outgoing.notify_one();
    }
}
