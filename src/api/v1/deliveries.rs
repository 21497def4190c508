//! `/api/v1/deliveries`: what is owed, what was done, and what came of it.

use std::sync::Arc;

use warp::Reply;
use warp::reply::json;

use crate::api::App;
use crate::api::error::ApiError;
use crate::api::request::Request;
use crate::api::router::Answer;
use crate::api::views::{DeliveryView, ListView};
use crate::domain::delivery::State;
use crate::domain::id::DeliveryId;
use crate::store::DeliveryFilter;

/// `GET /api/v1/deliveries?hook=&event=&state=&limit=&cursor=`
pub(in crate::api) async fn list(app: Arc<App>, request: Request) -> Answer {
    request.only_query(&["hook", "event", "state", "limit", "cursor"])?;
    let page = request.page()?;
    let filter = DeliveryFilter {
        hook: request.asked("hook", "the number of a hook", |text| text.parse().ok())?,
        event: request.asked("event", "the id of an event (evt_…)", |text| text.parse().ok())?,
        state: request.asked("state", "pending, leased, delivered, dead or cancelled", State::named)?,
    };
    let deliveries = app.db.read(move |archive| archive.deliveries(page, filter)).await?;
    Ok(json(&ListView::of(deliveries, DeliveryView::from)).into_response())
}

/// `GET /api/v1/deliveries/{id}`: with its attempts.
pub(in crate::api) async fn show(app: Arc<App>, request: Request) -> Answer {
    let missing = || ApiError::NotFound("there is no such delivery".into());
    let id: DeliveryId = request.param().parse().map_err(|_| missing())?;
    let found = app.db.read(move |archive| archive.delivery(id)).await?;
    Ok(json(&DeliveryView::from(found.ok_or_else(missing)?)).into_response())
}
