//! `/task/{uuid}/execution`: what fired a task, and what came of it.

use std::sync::Arc;

use super::config::config_of;
use super::view::ExecutionView;
use super::{done, null, tasks, text};
use crate::api::App;
use crate::api::access;
use crate::api::error::ApiError;
use crate::api::request::{Asking, Request};
use crate::api::router::Answer;
use crate::domain::audit::Action;
use crate::domain::id::TriggerId;
use crate::domain::trigger::{Execution, Trigger};
use crate::store::Writes;

/// What CDS notes of an execution that a person stopped.
const STOPPED: &str = "DONE";

/// `GET /task/{uuid}/execution`: the task with its executions, the newest first; null where
/// there is none.
pub(in crate::api) async fn list(app: Arc<App>, request: Request) -> Answer {
    let shown = tasks::shown(&app, &request.by, request.param(), request.base_url(&app)).await?;
    Ok(shown.map_or_else(null, text))
}

/// `DELETE /task/{uuid}/execution`: all of them, also those that are not over.
pub(in crate::api) async fn remove_all(app: Arc<App>, request: Request) -> Answer {
    let Some(trigger) = known(&app, &request.by, request.param()).await? else { return Ok(null()) };
    access::remove_executions(&app, &request.by, &trigger).await?;
    list(app, request).await
}

/// `GET /task/{uuid}/execution/{timestamp}`; null where there is no such task.
pub(in crate::api) async fn show(app: Arc<App>, request: Request) -> Answer {
    let Some(trigger) = known(&app, &request.by, request.param()).await? else { return Ok(null()) };
    let none = || ApiError::NotFound("there is no such execution: of each task the newest are kept".into());
    let execution = named(&app, trigger.id, &request.params).await?.ok_or_else(none)?;
    let config = config_of(&trigger, &request.base_url(&app));
    let view = ExecutionView::of(&trigger, &config, &execution, app.clock.now());
    // Texts and numbers always have a JSON form.
    Ok(text(serde_json::to_vec(&view).unwrap_or_default()))
}

/// `POST /task/{uuid}/execution/{timestamp}/stop`: one that is not over publishes nothing.
pub(in crate::api) async fn stop(app: Arc<App>, request: Request) -> Answer {
    let Some(trigger) = known(&app, &request.by, request.param()).await? else { return Ok(null()) };
    let Some(execution) = named(&app, trigger.id, &request.params).await?.filter(Execution::is_open) else {
        return Ok(done());
    };
    // So many that it would not be tried again.
    let errors = execution.errors.max(app.trigger_retries + 1);
    let (now, name) = (app.clock.now(), execution.id().to_string());
    let act = move |store: &mut dyn Writes, trigger: Trigger| {
        store.stop_execution(now, &trigger, &execution, errors, STOPPED)
    };
    access::manage_trigger(&app, &request.by, &trigger.uuid, Action::ExecutionsEnded, Some(name), act).await?;
    Ok(done())
}

/// The task, if there is one that the caller manages.
async fn known(app: &App, by: &Asking, uuid: &str) -> Result<Option<Trigger>, ApiError> {
    match access::trigger(app, by, uuid).await {
        Ok(trigger) => Ok(Some(trigger)),
        Err(ApiError::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The execution that the path names.
async fn named(app: &App, of: TriggerId, params: &[String]) -> Result<Option<Execution>, ApiError> {
    let Some(Ok(nanos)) = params.get(1).map(|text| text.parse::<i64>()) else { return Ok(None) };
    let (at, place) = Execution::of_nanos(nanos);
    Ok(app.db.read(move |archive| archive.execution_at(of, at, place)).await?)
}
