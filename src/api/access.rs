//! What a caller may see and touch: what lies beyond behaves as if it were not there.

mod triggers;

use super::App;
use super::error::ApiError;
use super::request::Asking;
use crate::domain::Invalid;
use crate::domain::access::{Bounds, Caller};
use crate::domain::application::Application;
use crate::domain::audit::{Action, AuditEntry};
use crate::domain::filter::ANY;
use crate::domain::hook::{Dialect, Hook, NewHook};
use crate::domain::id::HookId;
use crate::domain::signature::Secret;
use crate::store::{Added, Changed, Reads, Result as Kept, Writes};

pub(super) use triggers::{
    keep_stopped, manage_trigger, manage_trigger_within, no_trigger, random_uuid, remove_executions, remove_trigger,
    set_maintenance, stop_trigger, stopping, trigger, trigger_applications,
};

/// The hook, if there is one that the caller may see.
pub(super) async fn seen(app: &App, by: &Asking, id: HookId) -> Result<Hook, ApiError> {
    reached(app, &by.caller.sees(), id).await
}

/// The hook, if there is one within these bounds.
pub(super) async fn reached(app: &App, bounds: &Bounds, id: HookId) -> Result<Hook, ApiError> {
    let hook = app.db.read(move |archive| archive.hook(id)).await?;
    hook.filter(|hook| bounds.hold(hook)).ok_or_else(no_hook)
}

/// Adds a hook; a new one is put on record, and its secret answered, this once.
pub(super) async fn add(app: &App, by: &Asking, new: NewHook) -> Result<(Added, Option<Secret>), ApiError> {
    let (now, by) = (app.clock.now(), by.clone());
    let added = app.db.write(move |store| {
        let added = store.add(now, &new)?;
        let Added::New(hook) = &added else {
            return Ok((added, None));
        };
        store.note(&by.did(now, Action::HookCreated, &hook.id))?;
        let keys = store.signing_keys(now, hook.id)?;
        Ok((added, keys.map(|keys| keys.current.secret)))
    });
    Ok(added.await?)
}

/// Removes a hook (of one dialect only, if one is given).
pub(super) async fn remove(app: &App, by: &Asking, id: HookId, dialect: Option<Dialect>) -> Result<(), ApiError> {
    let now = app.clock.now();
    let remove = move |store: &mut dyn Writes, _| Ok(store.remove(now, id, dialect)?.then_some(()).into());
    manage(app, by, id, Action::HookRemoved, remove).await?;
    app.removed.notify_one();
    Ok(())
}

/// What came of acting.
pub(super) enum Acted<T> {
    /// It was done: this is put on record.
    Did(T),
    /// It was not, for a reason.
    Refused(T),
    /// There was nothing to do it to.
    Absent,
}

impl<T> From<Option<T>> for Acted<T> {
    fn from(done: Option<T>) -> Self {
        done.map_or(Self::Absent, Self::Did)
    }
}

impl From<Changed> for Acted<Changed> {
    fn from(changed: Changed) -> Self {
        match changed {
            Changed::Absent => Self::Absent,
            Changed::To(_) => Self::Did(changed),
            Changed::Conflict | Changed::Invalid(_) => Self::Refused(changed),
        }
    }
}

/// Does something to a hook that the caller manages, and puts it on record, both or
/// neither; an error where there is none.
pub(super) async fn manage<T: Send + 'static>(
    app: &App,
    by: &Asking,
    id: HookId,
    action: Action,
    act: impl FnMut(&mut dyn Writes, Hook) -> Kept<Acted<T>> + Send + 'static,
) -> Result<T, ApiError> {
    manage_in_detail(app, by, id, action, None, act).await
}

/// The same, with more about it on record.
pub(super) async fn manage_in_detail<T: Send + 'static>(
    app: &App,
    by: &Asking,
    id: HookId,
    action: Action,
    detail: Option<String>,
    act: impl FnMut(&mut dyn Writes, Hook) -> Kept<Acted<T>> + Send + 'static,
) -> Result<T, ApiError> {
    manage_within(app, by, by.caller.manages(), id, action, detail, act).await
}

/// The same to a hook within these bounds.
pub(super) async fn manage_within<T: Send + 'static>(
    app: &App,
    by: &Asking,
    bounds: Bounds,
    id: HookId,
    action: Action,
    detail: Option<String>,
    mut act: impl FnMut(&mut dyn Writes, Hook) -> Kept<Acted<T>> + Send + 'static,
) -> Result<T, ApiError> {
    let entry = AuditEntry { detail, ..by.did(app.clock.now(), action, &id) };
    let done = app.db.write(move |store| {
        let Some(hook) = store.hook(id)?.filter(|hook| bounds.hold(hook)) else {
            return Ok(None);
        };
        match act(store, hook)? {
            Acted::Did(what) => store.note(&entry).map(|()| Some(what)),
            Acted::Refused(why) => Ok(Some(why)),
            Acted::Absent => Ok(None),
        }
    });
    done.await?.ok_or_else(no_hook)
}

/// Whether a hook, which may have been removed, is within reach.
pub(super) fn within(archive: &dyn Reads, bounds: &Bounds, hook: HookId) -> Kept<bool> {
    Ok(bounds.are_none() || archive.reaches(bounds, hook)?)
}

pub(super) fn no_hook() -> ApiError {
    ApiError::NotFound("there is no such hook".into())
}

/// The applications that a hook asks for, or that are the caller's where it names none.
pub(super) fn hook_applications(caller: &Caller, named: Vec<String>) -> Result<Vec<String>, ApiError> {
    if named.is_empty() || caller.applications().is_empty() {
        let own = || caller.applications().iter().map(|own| own.as_str().to_owned()).collect();
        return Ok(if named.is_empty() { own() } else { named });
    }
    check(&caller.manages(), caller, &named)?;
    Ok(named)
}

/// The applications that a publish names, or the caller's only one where it names none.
pub(super) fn event_applications(caller: &Caller, named: Vec<Application>) -> Result<Vec<Application>, ApiError> {
    let own = caller.applications();
    match (named.is_empty(), own) {
        (_, []) => Ok(named),
        (true, [only]) => Ok(vec![only.clone()]),
        (true, _) => {
            let message = format!("is missing: name one or more of those that this token is for: {}", listed(own));
            Err(Invalid::new("application", message).into())
        }
        (false, _) => {
            let texts: Vec<_> = named.iter().map(|name| name.as_str().to_owned()).collect();
            check(&caller.manages(), caller, &texts)?;
            Ok(named)
        }
    }
}

/// The same answer whether there is such an application or not.
pub(super) fn check(bounds: &Bounds, caller: &Caller, named: &[String]) -> Result<(), ApiError> {
    if bounds.hold_all(named) {
        return Ok(());
    }
    let all = if named.iter().any(|name| name == ANY) { " and not for all" } else { "" };
    Err(ApiError::OutOfScope(format!("this token is for {}{all}: name only those", listed(caller.applications()))))
}

fn listed(applications: &[Application]) -> String {
    applications.iter().map(Application::as_str).collect::<Vec<_>>().join(", ")
}
