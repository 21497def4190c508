//! Ways in over HTTP: parse, call one thing, render.

mod error;
mod health;
mod hook_fields;
mod kudu;
mod publish_fields;
mod request;
mod router;
pub mod server;
mod v1;
mod views;

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use tokio::sync::Notify;

use crate::clock::Clock;
use crate::publish::Publisher;
use crate::store::db::Db;
use router::Route;

/// What every handler can reach.
pub struct App {
    /// The way in for events.
    pub publisher: Publisher,
    /// The store.
    pub db: Db,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Tells the dispatcher that something became due.
    pub wake: Arc<Notify>,
    /// Tells the replayer that a replay began.
    pub replays: Arc<Notify>,
    /// Tells the sweeper that a hook was removed.
    pub removed: Arc<Notify>,
    /// The largest body that is taken, in bytes.
    pub max_body: usize,
    /// How long a publish waits for first attempts where the request does not say.
    pub publish_wait: Duration,
}

/// One line of the list: a method, a pattern, and the handler for it.
macro_rules! route {
    ($method:ident $pattern:literal $handler:path) => {
        Route::new(Method::$method, $pattern, |app, request| Box::pin($handler(app, request)))
    };
}

/// Every route there is. Paths are compared without regard to case, and a
/// slash at their end does not matter.
static ROUTES: [Route; 31] = [
    route!(GET "/healthz" health::alive),
    route!(GET "/readyz" health::ready),
    // Kudu, under both mounts, and its seed's spelling of publish.
    route!(POST "/api/hooks" kudu::subscribe),
    route!(GET "/api/hooks" kudu::list),
    route!(GET "/api/hooks/{id}" kudu::show),
    route!(DELETE "/api/hooks/{id}" kudu::unsubscribe),
    route!(POST "/api/hooks/publish/{type}" kudu::publish),
    route!(POST "/api/hooks/hooks/publish/{type}" kudu::publish),
    route!(POST "/hooks" kudu::subscribe),
    route!(GET "/hooks" kudu::list),
    route!(GET "/hooks/{id}" kudu::show),
    route!(DELETE "/hooks/{id}" kudu::unsubscribe),
    route!(POST "/hooks/publish/{type}" kudu::publish),
    route!(POST "/hooks/hooks/publish/{type}" kudu::publish),
    // Nyala's own.
    route!(GET "/api/v1/hooks" v1::hooks::list),
    route!(POST "/api/v1/hooks" v1::hooks::add),
    route!(GET "/api/v1/hooks/{id}" v1::hooks::show),
    route!(PATCH "/api/v1/hooks/{id}" v1::hooks::change),
    route!(DELETE "/api/v1/hooks/{id}" v1::hooks::remove),
    route!(POST "/api/v1/hooks/{id}/pause" v1::hooks::pause),
    route!(POST "/api/v1/hooks/{id}/resume" v1::hooks::resume),
    route!(POST "/api/v1/hooks/{id}/test" v1::hooks::test),
    route!(POST "/api/v1/hooks/{id}/replay" v1::replays::begin),
    route!(GET "/api/v1/replays/{id}" v1::replays::show),
    route!(DELETE "/api/v1/replays/{id}" v1::replays::stop),
    route!(GET "/api/v1/events" v1::events::list),
    route!(POST "/api/v1/events" v1::events::publish),
    route!(GET "/api/v1/events/{id}" v1::events::show),
    route!(GET "/api/v1/deliveries" v1::deliveries::list),
    route!(GET "/api/v1/deliveries/{id}" v1::deliveries::show),
    route!(POST "/api/v1/deliveries/{id}/redeliver" v1::deliveries::redeliver),
];
