//! Inward: the one way an event gets in.

pub mod triggers;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::clock::Clock;
use crate::domain::event::NewEvent;
use crate::domain::hook::Owner;
use crate::store::db::{Db, Kept, NotKept, Publish};
use crate::store::{Published, StoreError};

/// Why an event was not published: nothing was kept.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Refusal {
    /// The idempotency key stands for another body.
    #[error("this Idempotency-Key was used for another body")]
    KeyReused,
    /// It was for one hook alone, and that is not there.
    #[error("there is no such hook")]
    NoSuchHook,
    /// The store cannot keep it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<NotKept> for Refusal {
    fn from(why: NotKept) -> Self {
        match why {
            NotKept::KeyReused => Self::KeyReused,
            NotKept::NoSuchHook => Self::NoSuchHook,
        }
    }
}

/// Publishes events.
#[derive(Clone)]
pub struct Publisher {
    db: Db,
    clock: Arc<dyn Clock>,
    lease: Duration,
    stop: watch::Receiver<bool>,
}

impl Publisher {
    /// A publisher whose deliveries are leased for so long; nobody waits longer
    /// than `stop`.
    #[must_use]
    pub fn new(db: Db, clock: Arc<dyn Clock>, lease: Duration, stop: watch::Receiver<bool>) -> Self {
        Self { db, clock, lease, stop }
    }

    /// Publishes an event: store → wait. When this returns, it and its
    /// deliveries are on disk; with `wait`, every first attempt has ended and is
    /// on record, or so much time has passed.
    ///
    /// # Errors
    /// Nothing was kept.
    pub async fn publish(&self, owner: Owner, event: NewEvent, wait: Duration) -> Result<Published, Refusal> {
        let now = self.clock.now();
        let publish = Publish { now, lease_until: now.plus(self.lease), owner, event, wait: !wait.is_zero() };
        let kept = self.db.publish(publish).await?;
        let Kept { published, first_attempts } = kept.map_err(Refusal::from)?;
        if let Some(first_attempts) = first_attempts {
            let mut stop = self.stop.clone();
            tokio::select! {
                _ = first_attempts => {}
                () = self.clock.sleep_until(now.plus(wait)) => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
        }
        Ok(published)
    }
}
