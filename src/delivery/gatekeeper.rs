//! Gates whose time is up are closed then.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};

use crate::clock::{Clock, Drift, Set};
use crate::store::Result;
use crate::store::db::Db;

/// How long to leave the store alone when it is in trouble.
const AGAIN: Duration = Duration::from_secs(1);

/// The one task that closes gates whose time is up.
pub struct Gatekeeper {
    /// The store.
    pub db: Db,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Says that there is another gate.
    pub opened: Arc<Notify>,
}

impl Gatekeeper {
    /// Runs until `stop` says so.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut drift = Drift::new(&*self.clock);
        while !*stop.borrow() {
            let closed = tokio::select! {
                closed = self.close_next(&mut drift) => closed,
                // An error means that whoever could stop us is gone.
                changed = stop.changed() => if changed.is_err() { break } else { continue },
            };
            if let Err(error) = closed {
                tracing::error!(%error, "gates whose time is up cannot be closed; trying again");
                tokio::time::sleep(AGAIN).await;
            }
        }
    }

    /// Waits for the next gate's time to be up, or for another gate to come.
    async fn close_next(&self, drift: &mut Drift) -> Result<()> {
        // Before looking, so that none is missed that comes meanwhile.
        let opened = self.opened.notified();
        let next = self.db.look(|archive| archive.next_expiry()).await?;
        let Some(at) = next else {
            opened.await;
            return Ok(());
        };
        tokio::select! {
            () = opened => Ok(()),
            () = self.clock.sleep_until(at) => self.close(drift).await,
        }
    }

    /// If the clock was set forward, nobody's time is up for that.
    async fn close(&self, drift: &mut Drift) -> Result<()> {
        let (now, set) = drift.look(&*self.clock);
        if let Some(Set::Forward(by, asked_by)) = set {
            self.db.write(move |store| store.lengthen_gates(asked_by, by)).await?;
        }
        self.db.expire_gates(now).await
    }
}
