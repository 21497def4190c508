//! `/task`: triggers, as CDS knows them.

use std::cmp::Ordering;
use std::sync::Arc;

use super::config::NodeHook;
use super::view::{TaskView, gather};
use super::{check_change, done, keep, text};
use crate::api::App;
use crate::api::access;
use crate::api::error::ApiError;
use crate::api::lists::write_items;
use crate::api::request::{Asking, Request};
use crate::api::router::Answer;
use crate::domain::access::Bounds;
use crate::store::page::{MAX_LIMIT, Page};
use crate::store::{Counted, Reads, Result as Kept, TriggerFilter};

/// By what tasks can be sorted.
type Key = fn(&Counted) -> u64;

/// `GET /task?sort=nb_executions_total:desc,nb_executions_todo`: all of them.
pub(in crate::api) async fn list(app: Arc<App>, request: Request) -> Answer {
    let order = order(&request.query_one("sort").unwrap_or_default())?;
    let (base, within) = (request.base_url(&app), request.by.caller.manages());
    let list = app.db.read(move |archive| {
        let mut found = all(archive, within)?;
        found.sort_by(|one, other| compare(&order, one, other));
        let mut text = b"[".to_vec();
        write_items(&mut text, found, |counted| TaskView::brief(&counted, &base));
        text.push(b']');
        Ok(text)
    });
    Ok(text(list.await?))
}

fn all(archive: &dyn Reads, within: Bounds) -> Kept<Vec<Counted>> {
    let filter = TriggerFilter { within, ..TriggerFilter::default() };
    let (mut all, mut page) = (vec![], Page { after: None, limit: MAX_LIMIT });
    loop {
        let found = archive.triggers(page, &filter)?;
        all.extend(found.items);
        match found.next {
            None => return Ok(all),
            next => page.after = next,
        }
    }
}

/// Keys, and whether each sorts backwards.
fn order(sort: &str) -> Result<Vec<(Key, bool)>, ApiError> {
    let wrong = || {
        ApiError::Malformed(
            "sort has none of the keys nb_executions_total and nb_executions_todo, each with :asc, :desc or nothing \
             behind it"
                .into(),
        )
    };
    let read = |word: &str| {
        let (key, order) = word.trim().split_once(':').unwrap_or((word.trim(), "asc"));
        let key: Key = match key {
            "nb_executions_total" => |counted| counted.total,
            "nb_executions_todo" => |counted| counted.todo,
            _ => return Err(wrong()),
        };
        match order {
            "asc" => Ok((key, false)),
            "desc" => Ok((key, true)),
            _ => Err(wrong()),
        }
    };
    if sort.is_empty() { Ok(vec![]) } else { sort.split(',').map(read).collect() }
}

fn compare(order: &[(Key, bool)], one: &Counted, other: &Counted) -> Ordering {
    let by = |(key, backwards): &(Key, bool)| {
        let order = key(one).cmp(&key(other));
        if *backwards { order.reverse() } else { order }
    };
    order.iter().map(by).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

/// `POST /task`: a `NodeHook`; one that is there is changed.
pub(in crate::api) async fn add(app: Arc<App>, request: Request) -> Answer {
    let by = request.by.clone();
    let body = request.json_body(&app).await?;
    let wrong = |e| ApiError::Malformed(format!("the body cannot be read as a hook ({e}): send a NodeHook"));
    let mut hook: NodeHook = serde_json::from_slice(&body).map_err(wrong)?;
    hook.uuid = keep::uuid(&hook.uuid)?;
    keep::keep(&app, &by, vec![hook]).await?;
    Ok(done())
}

/// `GET /task/{uuid}`, with its executions.
pub(in crate::api) async fn show(app: Arc<App>, request: Request) -> Answer {
    let shown = shown(&app, &request.by, request.param(), request.base_url(&app)).await?;
    Ok(text(shown.ok_or_else(access::no_trigger)?))
}

/// A task with its executions, the newest first, if the caller manages it.
pub(super) async fn shown(app: &App, by: &Asking, uuid: &str, base: String) -> Result<Option<Vec<u8>>, ApiError> {
    let (uuid, bounds, now) = (uuid.to_owned(), by.caller.manages(), app.clock.now());
    let shown = app.db.read(move |archive| {
        let counted = archive.counted_trigger(&uuid)?.filter(|counted| counted.trigger.is_within(&bounds));
        let Some(counted) = counted else { return Ok(None) };
        let executions = gather(archive, &counted.trigger)?;
        Ok(Some(TaskView::whole(&counted, &executions, &base, now)))
    });
    Ok(shown.await?)
}

/// `PUT /task/{uuid}`: starts it anew; whatever the body says.
pub(in crate::api) async fn restart(app: Arc<App>, request: Request) -> Answer {
    set_stopped(&app, request, false).await
}

/// `DELETE /task/{uuid}`: with its executions.
pub(in crate::api) async fn remove(app: Arc<App>, request: Request) -> Answer {
    access::remove_trigger(&app, &request.by, request.param()).await?;
    Ok(done())
}

/// `GET /task/{uuid}/start`. One that calls is not made to call again.
pub(in crate::api) async fn start(app: Arc<App>, request: Request) -> Answer {
    check_change(&request)?;
    set_stopped(&app, request, false).await
}

/// `GET /task/{uuid}/stop`: what fires it is recorded, and skipped.
pub(in crate::api) async fn stop(app: Arc<App>, request: Request) -> Answer {
    check_change(&request)?;
    set_stopped(&app, request, true).await
}

async fn set_stopped(app: &App, request: Request, stopped: bool) -> Answer {
    access::stop_trigger(app, &request.by, request.param(), stopped).await?;
    Ok(done())
}
