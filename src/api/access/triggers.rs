//! Triggers that a caller may see and touch.

use super::Asking;
use crate::api::App;
use crate::api::error::ApiError;
use crate::domain::audit::{Action, AuditEntry};
use crate::domain::trigger::Trigger;
use crate::store::page::MAX_LIMIT;
use crate::store::{Result as Kept, Writes};

/// The trigger, if there is one that the caller manages. Who may not fire one may not even see
/// it: its name to the world is all that it takes.
pub(in crate::api) async fn trigger(app: &App, by: &Asking, uuid: &str) -> Result<Trigger, ApiError> {
    let (named, bounds) = (uuid.to_owned(), by.caller.manages());
    let found = app.db.look(move |archive| archive.trigger_named(&named)).await?;
    found.filter(|trigger| trigger.is_within(&bounds)).ok_or_else(no_trigger)
}

/// Does something to a trigger that the caller manages, and puts it on record, both or neither.
pub(in crate::api) async fn manage_trigger<T: Send + 'static>(
    app: &App,
    by: &Asking,
    uuid: &str,
    action: Action,
    detail: Option<String>,
    mut act: impl FnMut(&mut dyn Writes, Trigger) -> Kept<T> + Send + 'static,
) -> Result<T, ApiError> {
    let (uuid, bounds) = (uuid.to_owned(), by.caller.manages());
    let entry = AuditEntry { detail, ..by.did(app.clock.now(), action, &uuid) };
    let done = app.db.write(move |store| {
        let Some(trigger) = store.trigger(&uuid)?.filter(|trigger| trigger.is_within(&bounds)) else {
            return Ok(None);
        };
        let done = act(store, trigger)?;
        store.note(&entry)?;
        Ok(Some(done))
    });
    done.await?.ok_or_else(no_trigger)
}

/// Starts or stops a trigger; one that is so already stays so.
pub(in crate::api) async fn stop_trigger(
    app: &App,
    by: &Asking,
    uuid: &str,
    stopped: bool,
) -> Result<Trigger, ApiError> {
    let (action, now) = (if stopped { Action::TriggerStopped } else { Action::TriggerStarted }, app.clock.now());
    let act = move |store: &mut dyn Writes, trigger: Trigger| {
        let stopped_at = stopped.then(|| trigger.stopped_at.unwrap_or(now));
        store.keep_trigger(now, &Trigger { stopped_at, ..trigger }, &crate::domain::trigger::SecretChange::Kept)
    };
    manage_trigger(app, by, uuid, action, None, act).await
}

/// Removes all executions of a trigger, in steps that hold up nobody; then it fires next when
/// its settings say so.
pub(in crate::api) async fn remove_executions(app: &App, by: &Asking, trigger: &Trigger) -> Result<(), ApiError> {
    let id = trigger.id;
    let Some(until) = app.db.read(move |archive| archive.last_execution(id)).await? else { return Ok(()) };
    loop {
        let found = app.db.read(move |archive| archive.execution_seqs(id, until, MAX_LIMIT)).await?;
        let last = found.len() < MAX_LIMIT;
        app.db.write(move |store| store.remove_executions(&found)).await?;
        if last {
            break;
        }
    }
    let now = app.clock.now();
    let act = move |store: &mut dyn Writes, trigger: Trigger| store.schedule_afresh(now, &trigger);
    let detail = Some("all removed".to_owned());
    manage_trigger(app, by, &trigger.uuid, Action::ExecutionsEnded, detail, act).await?;
    Ok(())
}

/// From now on nothing is carried out, or everything again.
pub(in crate::api) async fn set_maintenance(app: &App, by: &Asking, on: bool) -> Result<(), ApiError> {
    let (now, action) = (app.clock.now(), if on { Action::MaintenanceBegun } else { Action::MaintenanceEnded });
    let entry = by.did(now, action, &"triggers");
    let changed = app.db.write(move |store| {
        let changed = store.set_maintenance(now, on)?;
        if changed {
            store.note(&entry)?;
        }
        Ok(changed)
    });
    if changed.await? {
        let to = if on { "begins: what fires triggers is kept, and not carried out" } else { "is over" };
        tracing::warn!("maintenance {to}");
        app.fired.notify_one();
    }
    Ok(())
}

pub(in crate::api) fn no_trigger() -> ApiError {
    ApiError::NotFound("there is no such trigger".into())
}
