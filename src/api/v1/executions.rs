//! `/api/v1/triggers/{uuid}/executions`: what fired a trigger, and what came of it.

use std::sync::Arc;

use http::StatusCode;
use warp::Reply;
use warp::reply::json;

use crate::api::App;
use crate::api::access;
use crate::api::error::ApiError;
use crate::api::request::{Asking, Request};
use crate::api::router::Answer;
use crate::api::views::ExecutionView;
use crate::domain::Invalid;
use crate::domain::audit::Action;
use crate::domain::id::{ExecutionId, Seq};
use crate::domain::trigger::{Execution, Trigger};
use crate::store::page::Paged;
use crate::store::{self, Writes};

/// `GET …/executions?limit=&cursor=`: the newest first, without what came in.
pub(in crate::api) async fn list(app: Arc<App>, request: Request) -> Answer {
    request.only_query(&["limit", "cursor"])?;
    let page = request.page()?;
    let trigger = access::trigger(&app, &request.by, request.param()).await?;
    let now = app.clock.now();
    app.list(
        move |archive| {
            let Paged { items, next } = archive.executions(trigger.id, page)?;
            let maintenance = archive.maintenance()?.is_some();
            let with_events = |execution: Execution| {
                let events = archive.events_of_execution(execution.seq)?;
                Ok((execution, events, maintenance))
            };
            Ok(Paged { items: items.into_iter().map(with_events).collect::<store::Result<_>>()?, next })
        },
        move |(execution, events, maintenance)| ExecutionView::of(execution, events, now).during(maintenance),
    )
    .await
}

/// `GET …/executions/{id}`
pub(in crate::api) async fn show(app: Arc<App>, request: Request) -> Answer {
    request.only_query(&[])?;
    let (trigger, id) = named(&app, &request.by, &request.params).await?;
    let of = trigger.id;
    let found = app.db.read(move |archive| {
        let execution = archive.execution(of, id)?;
        Ok((execution, archive.events_of_execution(id)?, archive.maintenance()?.is_some()))
    });
    let (execution, events, maintenance) = found.await?;
    let execution = execution.ok_or_else(no_execution)?;
    Ok(json(&ExecutionView::whole(execution, events, app.clock.now()).during(maintenance)).into_response())
}

/// `POST …/executions/{id}/stop`: one that is not over publishes nothing.
pub(in crate::api) async fn stop(app: Arc<App>, request: Request) -> Answer {
    request.only_query(&[])?;
    let (trigger, id) = named(&app, &request.by, &request.params).await?;
    let of = trigger.id;
    let found = app.db.read(move |archive| archive.execution(of, id)).await?;
    let execution = found.ok_or_else(no_execution)?;
    let (now, errors, name) = (app.clock.now(), execution.errors, execution.id().to_string());
    let act = move |store: &mut dyn Writes, trigger: Trigger| {
        store.stop_execution(now, &trigger, &execution, errors, "stopped by a person")
    };
    let (by, uuid) = (request.by.clone(), trigger.uuid);
    if !access::manage_trigger(&app, &by, &uuid, Action::ExecutionsEnded, Some(name), act).await? {
        return Err(ApiError::Conflict(Invalid::new("execution", "is over: there is nothing to stop")));
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `DELETE …/executions`: all of them, also those that are not over.
pub(in crate::api) async fn remove_all(app: Arc<App>, request: Request) -> Answer {
    request.only_query(&[])?;
    let trigger = access::trigger(&app, &request.by, request.param()).await?;
    access::remove_executions(&app, &request.by, &trigger).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn named(app: &App, by: &Asking, params: &[String]) -> Result<(Trigger, Seq), ApiError> {
    let uuid = params.first().map_or("", String::as_str);
    let trigger = access::trigger(app, by, uuid).await?;
    let id = params.get(1).and_then(|text| text.parse().ok());
    let ExecutionId(seq) = id.ok_or_else(no_execution)?;
    Ok((trigger, seq))
}

fn no_execution() -> ApiError {
    ApiError::NotFound("there is no such execution: of each trigger the newest are kept".into())
}
