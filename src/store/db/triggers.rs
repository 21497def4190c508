//! The async way to triggers.

use tokio::sync::oneshot;
use zeroize::Zeroizing;

use super::Db;
use crate::domain::time::Timestamp;
use crate::domain::trigger::{Execution, Trigger};
use crate::store::ops::{Act, CarryOp};
use crate::store::{CarriedOut, Carry, Firing, Result, StoreError, Writes, sqlite};

/// A trigger that somebody calls, and what the call has to be signed with.
pub struct Called {
    /// The trigger.
    pub trigger: Trigger,
    /// Its secret, if it has one.
    pub secret: Option<Zeroizing<Vec<u8>>>,
}

impl Db {
    /// The living trigger of this name to the world, with its secret.
    ///
    /// # Errors
    /// Trouble of the database, or the secret does not open.
    pub async fn called(&self, uuid: String) -> Result<Option<Called>> {
        let vault = self.vault.clone();
        self.look(move |archive| {
            let Some(trigger) = archive.trigger_named(&uuid)? else { return Ok(None) };
            let sealed = if trigger.has_secret { archive.sealed_secret(trigger.id)? } else { None };
            let secret = sealed.map(|sealed| sqlite::open_trigger_secret(&vault, trigger.id, &sealed)).transpose()?;
            Ok(Some(Called { trigger, secret }))
        })
        .await
    }

    /// Keeps what fires a trigger; when this returns it is on disk. What `tell` does follows
    /// that in any case, whoever waits.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when too many wait, or trouble of the database: nothing was kept.
    pub async fn fire(
        &self,
        now: Timestamp,
        firing: Firing,
        tell: impl FnOnce(&Execution) + Send + 'static,
    ) -> Result<Execution> {
        let (reply, answer) = oneshot::channel();
        let bytes = firing.incoming.as_ref().map_or(0, |incoming| incoming.body.len());
        let run = move |store: &mut dyn Writes| store.fire(now, &firing);
        self.queue.publish(Box::new(Act { run, tell, adds: Some(bytes), value: None, reply }));
        answer.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Ends an execution; what it published is handed over. Begins at once, whether or not
    /// anybody waits for what comes of it.
    ///
    /// # Errors
    /// As [`Db::fire`]: it is as it was.
    pub fn carry_out(
        &self,
        now: Timestamp,
        lease_until: Timestamp,
        carry: Carry,
    ) -> impl Future<Output = Result<CarriedOut>> + use<> {
        let (reply, answer) = oneshot::channel();
        let bytes = carry.ended.events().iter().map(|event| event.payload.len()).sum();
        self.queue.publish(Box::new(CarryOp { now, lease_until, db: self.clone(), carry, bytes, done: None, reply }));
        async move { answer.await.unwrap_or(Err(StoreError::Closed)) }
    }
}
