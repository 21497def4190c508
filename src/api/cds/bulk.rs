//! `/task/bulk`: many tasks at once.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value};
use warp::Reply;

use super::config::NodeHook;
use super::keep::{self, STEP};
use super::{check_change, done};
use crate::api::App;
use crate::api::access;
use crate::api::error::ApiError;
use crate::api::request::{Asking, Request};
use crate::api::router::Answer;
use crate::domain::Invalid;
use crate::domain::audit::Action;
use crate::domain::trigger::{Kind, Trigger};
use crate::store::page::{Cursor, Page};
use crate::store::{Result as Kept, TriggerFilter, Writes};

/// `POST /task/bulk`: hooks by uuid; those that are there are changed, the others are added.
/// Answers the same, each with the URL under which it is called.
pub(in crate::api) async fn add(app: Arc<App>, request: Request) -> Answer {
    let (by, base) = (request.by.clone(), request.base_url(&app));
    let mut told = read(&app, request).await?;
    let mut hooks = vec![];
    for (key, value) in &mut told {
        let mut hook = hook(key, value)?;
        hook.uuid = keep::uuid(if hook.uuid.is_empty() { key } else { &hook.uuid })?;
        enrich(value, &hook, &base)?;
        hooks.push(hook);
    }
    let names: BTreeSet<_> = hooks.iter().map(|hook| &hook.uuid).collect();
    if names.len() < hooks.len() {
        return Err(Invalid::new("uuid", "stands there twice: name each task once").into());
    }
    keep::keep(&app, &by, hooks).await?;
    Ok(warp::reply::json(&told).into_response())
}

/// Puts in what is made here.
fn enrich(value: &mut Value, hook: &NodeHook, base: &str) -> Result<(), ApiError> {
    let Value::Object(fields) = value else { return Ok(()) };
    fields.insert("uuid".to_owned(), hook.uuid.clone().into());
    if !matches!(hook.kind()?, Kind::Webhook | Kind::Repository) {
        return Ok(());
    }
    let config = fields.entry("config").or_insert(Value::Null);
    if config.is_null() {
        *config = Value::Object(Map::new());
    }
    if let Value::Object(config) = config {
        let (name, entry) = super::config::webhook_url(base, &hook.uuid);
        // Texts always have a JSON form.
        config.insert(name.to_owned(), serde_json::to_value(entry).unwrap_or_default());
    }
    Ok(())
}

/// `DELETE /task/bulk`: the body as of POST; what is not there is passed over.
pub(in crate::api) async fn remove(app: Arc<App>, request: Request) -> Answer {
    let by = request.by.clone();
    let told = read(&app, request).await?;
    let mut uuids = vec![];
    for (key, value) in &told {
        let hook = hook(key, value)?;
        uuids.push(if hook.uuid.is_empty() { key.clone() } else { hook.uuid });
    }
    let now = app.clock.now();
    let remove = move |store: &mut dyn Writes, trigger: Trigger| store.remove_trigger(now, trigger.id).map(|_| ());
    for step in uuids.chunks(STEP) {
        manage_step(&app, &by, Action::TriggerRemoved, step.to_vec(), remove).await?;
    }
    app.fired.removed.notify_one();
    Ok(done())
}

/// `GET /task/bulk/start`: all of the caller's, but for those that call.
pub(in crate::api) async fn start(app: Arc<App>, request: Request) -> Answer {
    set_stopped(&app, request, false).await
}

/// `GET /task/bulk/stop`: all of the caller's.
pub(in crate::api) async fn stop(app: Arc<App>, request: Request) -> Answer {
    set_stopped(&app, request, true).await
}

async fn set_stopped(app: &App, request: Request, stopped: bool) -> Answer {
    check_change(&request)?;
    let by = request.by;
    let mut page = Page { after: None, limit: STEP };
    let (now, within) = (app.clock.now(), by.caller.manages());
    let keep =
        move |store: &mut dyn Writes, trigger: Trigger| access::keep_stopped(store, now, trigger, stopped).map(|_| ());
    loop {
        let filter = TriggerFilter { stopped: Some(!stopped), within: within.clone(), ..TriggerFilter::default() };
        let found = app.db.read(move |archive| archive.triggers(page, &filter)).await?;
        let of_it = |trigger: &Trigger| stopped || trigger.settings.kind() != Kind::Outgoing;
        let uuids = found.items.into_iter().map(|counted| counted.trigger).filter(of_it);
        let uuids = uuids.map(|trigger| trigger.uuid).collect();
        manage_step(app, &by, access::stopping(stopped), uuids, keep).await?;
        let Some(Cursor(after)) = found.next else { break };
        page.after = Some(Cursor(after));
    }
    app.fired.notify_one();
    Ok(done())
}

/// Does something to these, as they are by now; what is not there is passed over.
async fn manage_step(
    app: &App,
    by: &Asking,
    action: Action,
    uuids: Vec<String>,
    act: impl Fn(&mut dyn Writes, Trigger) -> Kept<()> + Send + 'static,
) -> Result<(), ApiError> {
    let (now, by) = (app.clock.now(), by.clone());
    let step = move |store: &mut dyn Writes| {
        for uuid in &uuids {
            access::manage_trigger_within(store, &by, &by.did(now, action, uuid), &act)?;
        }
        Ok(())
    };
    Ok(app.db.write(step).await?)
}

async fn read(app: &App, request: Request) -> Result<Map<String, Value>, ApiError> {
    let body = request.json_body(app).await?;
    let wrong = |e| ApiError::Malformed(format!("the body cannot be read ({e}): send an object of NodeHooks by uuid"));
    let told: Option<Map<String, Value>> = serde_json::from_slice(&body).map_err(wrong)?;
    Ok(told.unwrap_or_default())
}

fn hook(key: &str, value: &Value) -> Result<NodeHook, ApiError> {
    let wrong = |e| ApiError::Malformed(format!("{key} cannot be read as a hook ({e}): send a NodeHook"));
    NodeHook::deserialize_from(value).map_err(wrong)
}
