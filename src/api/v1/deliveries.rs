//! `/api/v1/deliveries`: what is owed, what was done, and what came of it.

use std::sync::Arc;

use http::StatusCode;
use http::header::LOCATION;
use warp::Reply;
use warp::reply::{json, with_header, with_status};

use crate::api::App;
use crate::api::access;
use crate::api::error::ApiError;
use crate::api::request::Request;
use crate::api::router::Answer;
use crate::api::views::DeliveryView;
use crate::domain::Invalid;
use crate::domain::access::{Bounds, Caller};
use crate::domain::audit::Action;
use crate::domain::delivery::State;
use crate::domain::id::DeliveryId;
use crate::store::{DeliveryFilter, Redelivered};

/// `GET /api/v1/deliveries?hook=&event=&state=&since=&until=&limit=&cursor=`
///
/// A page with a `next` may hold fewer items than `limit`, or none: there is a bound to
/// what is looked through for it.
pub(in crate::api) async fn list(app: Arc<App>, request: Request) -> Answer {
    request.only_query(&["hook", "event", "state", "since", "until", "limit", "cursor"])?;
    let page = request.page()?;
    let (since, until) = request.times()?;
    let bounds = request.by.caller.sees();
    let filter = DeliveryFilter {
        hook: request.asked("hook", "the number of a hook", |text| text.parse().ok())?,
        event: request.asked("event", "the id of an event (evt_…)", |text| text.parse().ok())?,
        state: request.asked("state", "pending, leased, delivered, dead or cancelled", State::named)?,
        since,
        until,
    };
    app.list(move |archive| archive.deliveries(page, filter, &bounds), DeliveryView::from).await
}

/// `GET /api/v1/deliveries/{id}`: with its attempts.
pub(in crate::api) async fn show(app: Arc<App>, request: Request) -> Answer {
    let id = request.param().parse().map_err(|_| missing())?;
    Ok(json(&view(&app, &request.by.caller, &request.by.caller.sees(), id).await?).into_response())
}

/// `POST /api/v1/deliveries/{id}/redeliver`: the event goes out once more, by a new delivery.
pub(in crate::api) async fn redeliver(app: Arc<App>, request: Request) -> Answer {
    request.only_query(&[])?;
    let id = request.param().parse().map_err(|_| missing())?;
    // Whose it is never changes, so that it may be asked first.
    view(&app, &request.by.caller, &request.by.caller.manages(), id).await?;
    let now = app.clock.now();
    let entry = request.by.did(now, Action::Redelivered, &id);
    let redelivered = app.db.write(move |store| {
        let redelivered = store.redeliver(now, id)?;
        if matches!(redelivered, Redelivered::By(_)) {
            store.note(&entry)?;
        }
        Ok(redelivered)
    });
    let new = match redelivered.await? {
        Redelivered::By(new) => new,
        Redelivered::Absent => return Err(missing()),
        Redelivered::Owed => {
            let message =
                "is pending or leased: it is attempted anyway; redeliver what is delivered, dead or cancelled";
            return Err(ApiError::Conflict(Invalid::new("state", message)));
        }
        Redelivered::HookRemoved => {
            let message = "was removed: add it again, and publish the event again";
            return Err(ApiError::Conflict(Invalid::new("hook", message)));
        }
    };
    app.wake.notify_one();
    let reply = with_status(json(&view(&app, &request.by.caller, &Bounds::default(), new).await?), StatusCode::CREATED);
    Ok(with_header(reply, LOCATION, format!("/api/v1/deliveries/{new}")).into_response())
}

/// The delivery as the caller may see it, if its hook is within reach.
async fn view(app: &App, caller: &Caller, bounds: &Bounds, id: DeliveryId) -> Result<DeliveryView, ApiError> {
    let bounds = bounds.clone();
    let sees_whole = Bounds { owner: caller.sees_urls_of(), applications: None };
    let found = app.db.read(move |archive| {
        let Some((delivery, attempts)) = archive.delivery(id)? else { return Ok(None) };
        if !access::within(archive, &bounds, delivery.hook)? {
            return Ok(None);
        }
        // A removed hook is somebody's still; one that is forgotten is nobody's.
        let whole = access::within(archive, &sees_whole, delivery.hook)?;
        Ok(Some(DeliveryView::with_attempts(delivery, attempts, whole)))
    });
    found.await?.ok_or_else(missing)
}

fn missing() -> ApiError {
    ApiError::NotFound("there is no such delivery, or it is kept no longer".into())
}
