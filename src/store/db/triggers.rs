//! The async way to triggers.

use tokio::sync::oneshot;
use zeroize::Zeroizing;

use super::Db;
use crate::domain::id::TriggerId;
use crate::domain::time::Timestamp;
use crate::domain::trigger::{Execution, Trigger};
use crate::store::ops::{Act, CarryOp};
use crate::store::{CarriedOut, Carry, Firing, Result, StoreError, Writes, sqlite};

/// Schedules that are looked at in one transaction.
const STEP: usize = 500;

/// A trigger that somebody calls, and what the call has to be signed with.
pub struct Called {
    /// The trigger.
    pub trigger: Trigger,
    /// Its secret, if it has one.
    pub secret: Option<Zeroizing<Vec<u8>>>,
    /// Whether what fires it is only kept for now.
    pub maintenance: bool,
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
            if sealed.is_none() && trigger.has_secret {
                // It was removed between the two looks.
                return Ok(None);
            }
            let secret = sealed.map(|sealed| sqlite::open_trigger_secret(&vault, trigger.id, &sealed)).transpose()?;
            let maintenance = archive.maintenance()?.is_some();
            Ok(Some(Called { trigger, secret, maintenance }))
        })
        .await
    }

    /// Keeps what fires a trigger; when this returns it is on disk. What `tell` does follows
    /// that in any case, whoever waits. None if the trigger is not there any more.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when too many wait, or trouble of the database: nothing was kept.
    pub async fn fire(
        &self,
        now: Timestamp,
        firing: Firing,
        tell: impl FnOnce(&Option<Execution>) + Send + 'static,
    ) -> Result<Option<Execution>> {
        let (reply, answer) = oneshot::channel();
        let bytes = firing.incoming.as_ref().map_or(0, |incoming| incoming.body.len());
        let run = move |store: &mut dyn Writes| store.fire(now, &firing);
        self.queue.publish(Box::new(Act { run, tell, adds: Some(bytes), value: None, reply }));
        answer.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Sees to it that all triggers fire next when their schedules say so, in steps.
    ///
    /// # Errors
    /// Trouble of the database: some may have been looked at.
    pub async fn schedule_anew(&self, now: Timestamp) -> Result<()> {
        let mut after = Some(TriggerId(0));
        while let Some(from) = after {
            after = self.write(move |store| store.schedule_anew(now, from, STEP)).await?;
        }
        Ok(())
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
