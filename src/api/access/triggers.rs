//! Triggers that a caller may see and touch.

use super::Asking;
use crate::api::App;
use crate::api::error::ApiError;
use crate::domain::access::Caller;
use crate::domain::application::Application;
use crate::domain::audit::{Action, AuditEntry};
use crate::domain::time::Timestamp;
use crate::domain::trigger::{SecretChange, Trigger};
use crate::store::page::MAX_LIMIT;
use crate::store::vault::random;
use crate::store::{Result as Kept, Writes};

/// A new trigger's name to the world, which nobody can guess.
pub(in crate::api) fn random_uuid() -> Result<String, ApiError> {
    Ok(uuid::Builder::from_random_bytes(random::<16>()?).into_uuid().to_string())
}

/// The applications that a trigger's events concern: those that a publish of the caller's would.
pub(in crate::api) fn trigger_applications(caller: &Caller, named: &[String]) -> Result<Vec<String>, ApiError> {
    let named = named.iter().map(|name| Application::parse(name)).collect::<Result<Vec<_>, _>>()?;
    let mut all = super::event_applications(caller, named)?;
    all.sort();
    all.dedup();
    Ok(all.iter().map(|name| name.as_str().to_owned()).collect())
}

/// The trigger, if there is one that the caller manages. Who may not fire one may not even see
/// it: its name to the world is all that it takes.
pub(in crate::api) async fn trigger(app: &App, by: &Asking, uuid: &str) -> Result<Trigger, ApiError> {
    let (named, bounds) = (uuid.to_owned(), by.caller.manages());
    let found = app.db.look(move |archive| archive.trigger_named(&named)).await?;
    found.filter(|trigger| trigger.is_within(&bounds)).ok_or_else(no_trigger)
}

/// Does something to a trigger that the caller manages, and puts it on record, both or neither;
/// then whoever carries out what fires triggers looks again.
pub(in crate::api) async fn manage_trigger<T: Send + 'static>(
    app: &App,
    by: &Asking,
    uuid: &str,
    action: Action,
    detail: Option<String>,
    mut act: impl FnMut(&mut dyn Writes, Trigger) -> Kept<T> + Send + 'static,
) -> Result<T, ApiError> {
    let by = by.clone();
    let entry = AuditEntry { detail, ..by.did(app.clock.now(), action, &uuid) };
    let done =
        app.db.write(move |store| manage_trigger_within(store, &by, &entry, &mut act)).await?.ok_or_else(no_trigger)?;
    app.fired.notify_one();
    Ok(done)
}

/// Likewise within a transaction, to the trigger that the entry is of; nothing if there is no
/// such trigger that the caller manages.
pub(in crate::api) fn manage_trigger_within<T>(
    store: &mut dyn Writes,
    by: &Asking,
    entry: &AuditEntry,
    mut act: impl FnMut(&mut dyn Writes, Trigger) -> Kept<T>,
) -> Kept<Option<T>> {
    let bounds = by.caller.manages();
    let Some(trigger) = store.trigger(&entry.object)?.filter(|trigger| trigger.is_within(&bounds)) else {
        return Ok(None);
    };
    let done = act(store, trigger)?;
    store.note(entry)?;
    Ok(Some(done))
}

/// Removes a trigger with its executions; what it published stays.
pub(in crate::api) async fn remove_trigger(app: &App, by: &Asking, uuid: &str) -> Result<(), ApiError> {
    let now = app.clock.now();
    let act = move |store: &mut dyn Writes, trigger: Trigger| store.remove_trigger(now, trigger.id);
    manage_trigger(app, by, uuid, Action::TriggerRemoved, None, act).await?;
    app.fired.removed.notify_one();
    Ok(())
}

/// Starts or stops a trigger; one that is so already stays so.
pub(in crate::api) async fn stop_trigger(
    app: &App,
    by: &Asking,
    uuid: &str,
    stopped: bool,
) -> Result<Trigger, ApiError> {
    let now = app.clock.now();
    let act = move |store: &mut dyn Writes, trigger: Trigger| keep_stopped(store, now, trigger, stopped);
    manage_trigger(app, by, uuid, stopping(stopped), None, act).await
}

/// What is put on record of a trigger that is stopped, or started.
pub(in crate::api) fn stopping(stopped: bool) -> Action {
    if stopped { Action::TriggerStopped } else { Action::TriggerStarted }
}

/// Keeps a trigger as stopped, or started.
pub(in crate::api) fn keep_stopped(
    store: &mut dyn Writes,
    now: Timestamp,
    trigger: Trigger,
    stopped: bool,
) -> Kept<Trigger> {
    let stopped_at = stopped.then(|| trigger.stopped_at.unwrap_or(now));
    store.keep_trigger(now, &Trigger { stopped_at, ..trigger }, &SecretChange::Kept)
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
