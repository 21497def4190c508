//! Ways in over HTTP: parse, call one thing, render.

mod access;
mod asking;
mod auth;
pub mod bodies;
pub mod ccx;
mod cds;
mod connection;
mod error;
mod fired;
pub mod health;
mod hook_fields;
mod huskar;
mod inbound;
mod kudu;
mod lists;
mod origin;
mod publish_fields;
mod publishing;
mod request;
mod router;
mod security_headers;
pub mod server;
mod trigger_fields;
mod v1;
mod views;
mod wrong_tokens;

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use tokio::sync::{Notify, watch};

use crate::clock::Clock;
use crate::delivery::asker::Asker;
use crate::domain::reach::Reach;
use crate::domain::token::Scope;
use crate::publish::Publisher;
use crate::store::db::Db;
use bodies::Bodies;
use cds::out_of_scope::not_here;
use health::Readiness;
use router::Route;

pub use auth::Auth;
pub use fired::Fired;
pub use inbound::Callers;
pub use router::Needs;

/// What every handler can reach.
pub struct App {
    /// The way in for events.
    pub publisher: Publisher,
    /// Asks hooks before something happens.
    pub asker: Asker,
    /// Says that the server stops: nobody is to wait any longer.
    pub stop: watch::Receiver<bool>,
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
    /// Tells those who carry that out that a trigger was fired.
    pub fired: Fired,
    /// How often an execution may fail.
    pub trigger_retries: u32,
    /// How fast triggers are fired.
    pub callers: Callers,
    /// The URL by which others reach this server, if it is known.
    pub public_url: Option<String>,
    /// Knows whom to let in.
    pub auth: Auth,
    /// Whether the database can be written to.
    pub ready: Readiness,
    /// Where hooks may point.
    pub reach: Reach,
    /// The largest body that is taken, in bytes.
    pub max_body: usize,
    /// The room for bodies, all together.
    pub bodies: Bodies,
    /// How long a publish waits for first attempts where the request does not say.
    pub publish_wait: Duration,
    /// How long a former secret signs beside the one in its place.
    pub secret_overlap: Duration,
}

/// Every route: its method, its pattern, and who may take it besides admins.
pub fn routes() -> impl Iterator<Item = (Method, &'static str, Needs)> {
    ROUTES.iter().map(|route| (route.method.clone(), route.pattern, route.needs))
}

/// One line of the list: a method, a pattern, who may take it besides admins, and the
/// handler for it.
macro_rules! route {
    ($method:ident $pattern:literal anyone $handler:path) => {
        route!($method $pattern, Needs::Nothing, $handler)
    };
    ($method:ident $pattern:literal $($scope:ident)|+ => $handler:path) => {
        route!($method $pattern, Needs::OneOf(&[$(Scope::$scope),+]), $handler)
    };
    ($method:ident $pattern:literal, $needs:expr, $handler:path) => {
        Route::new(Method::$method, $pattern, $needs, |app, request| Box::pin($handler(app, request)))
    };
}

/// Every route there is. Paths are compared without regard to case, and a
/// slash at their end does not matter.
static ROUTES: [Route; 116] = [
    route!(GET "/healthz" anyone health::alive),
    route!(GET "/readyz" anyone health::ready),
    // Kudu, under both mounts, and its seed's spelling of publish.
    route!(POST "/api/hooks" Subscribe => kudu::subscribe),
    route!(GET "/api/hooks" Read | Subscribe => kudu::list),
    route!(GET "/api/hooks/{id}" Read | Subscribe => kudu::show),
    route!(DELETE "/api/hooks/{id}" Subscribe => kudu::unsubscribe),
    route!(POST "/api/hooks/publish/{type}" Publish => kudu::publish),
    route!(POST "/api/hooks/hooks/publish/{type}" Publish => kudu::publish),
    route!(POST "/hooks" Subscribe => kudu::subscribe),
    route!(GET "/hooks" Read | Subscribe => kudu::list),
    route!(GET "/hooks/{id}" Read | Subscribe => kudu::show),
    route!(DELETE "/hooks/{id}" Subscribe => kudu::unsubscribe),
    route!(POST "/hooks/publish/{type}" Publish => kudu::publish),
    route!(POST "/hooks/hooks/publish/{type}" Publish => kudu::publish),
    // Huskar.
    route!(GET "/api/webhook" Read | Subscribe => huskar::list),
    route!(POST "/api/webhook" Read | Subscribe => huskar::add),
    route!(POST "/api/webhook/actions" Publish => huskar::publish),
    route!(GET "/api/webhook/application/{name}" Read | Subscribe => huskar::list_of_application),
    route!(GET "/api/webhook/{id}" Read | Subscribe => huskar::show),
    route!(PUT "/api/webhook/{id}" Read | Subscribe => huskar::change),
    route!(DELETE "/api/webhook/{id}" Read | Subscribe => huskar::remove),
    // CCX.
    route!(POST "/ccx/hooks/{hook}" Publish => ccx::call),
    // Nyala's own.
    route!(GET "/api/v1/applications" Read | Subscribe => v1::applications::list),
    route!(POST "/api/v1/applications" Admin => v1::applications::add),
    route!(GET "/api/v1/event-types" Read | Publish | Subscribe => v1::event_types::list),
    route!(GET "/api/v1/hooks" Read | Subscribe => v1::hooks::list),
    route!(POST "/api/v1/hooks" Subscribe => v1::hooks::add),
    route!(GET "/api/v1/hooks/{id}" Read | Subscribe => v1::hooks::show),
    route!(PATCH "/api/v1/hooks/{id}" Subscribe => v1::hooks::change),
    route!(DELETE "/api/v1/hooks/{id}" Subscribe => v1::hooks::remove),
    route!(POST "/api/v1/hooks/{id}/pause" Subscribe => v1::hooks::pause),
    route!(POST "/api/v1/hooks/{id}/resume" Subscribe => v1::hooks::resume),
    route!(POST "/api/v1/hooks/{id}/test" Subscribe => v1::hooks::test),
    route!(GET "/api/v1/hooks/{id}/secret" Subscribe => v1::secrets::show),
    route!(POST "/api/v1/hooks/{id}/secret/rotate" Subscribe => v1::secrets::rotate),
    route!(POST "/api/v1/hooks/{id}/replay" Subscribe => v1::replays::begin),
    route!(GET "/api/v1/replays/{id}" Read | Subscribe => v1::replays::show),
    route!(DELETE "/api/v1/replays/{id}" Subscribe => v1::replays::stop),
    route!(GET "/api/v1/events" Read => v1::events::list),
    route!(POST "/api/v1/events" Publish => v1::events::publish),
    route!(GET "/api/v1/events/{id}" Read => v1::events::show),
    route!(GET "/api/v1/deliveries" Read | Subscribe => v1::deliveries::list),
    route!(GET "/api/v1/deliveries/{id}" Read | Subscribe => v1::deliveries::show),
    route!(POST "/api/v1/deliveries/{id}/redeliver" Subscribe => v1::deliveries::redeliver),
    route!(GET "/api/v1/gates" Read => v1::gates::list),
    route!(POST "/api/v1/gates/{event}" Publish => v1::gates::ask),
    route!(GET "/api/v1/gates/{id}" Read | Publish => v1::gates::show),
    // The token in the body is the proof.
    route!(POST "/api/v1/gates/{id}/decisions" anyone v1::gates::decide),
    route!(POST "/api/v1/gates/{id}/approve" Admin => v1::gates::approve),
    route!(POST "/api/v1/gates/{id}/refuse" Admin => v1::gates::refuse),
    route!(GET "/api/v1/triggers" Publish => v1::triggers::list),
    route!(POST "/api/v1/triggers" Publish => v1::triggers::add),
    route!(POST "/api/v1/triggers/preview" Publish => v1::triggers::preview),
    route!(GET "/api/v1/triggers/{uuid}" Publish => v1::triggers::show),
    route!(PATCH "/api/v1/triggers/{uuid}" Publish => v1::triggers::change),
    route!(DELETE "/api/v1/triggers/{uuid}" Publish => v1::triggers::remove),
    route!(POST "/api/v1/triggers/{uuid}/start" Publish => v1::triggers::start),
    route!(POST "/api/v1/triggers/{uuid}/stop" Publish => v1::triggers::stop),
    route!(POST "/api/v1/triggers/{uuid}/fire" Publish => v1::triggers::fire),
    route!(GET "/api/v1/triggers/{uuid}/executions" Publish => v1::executions::list),
    route!(DELETE "/api/v1/triggers/{uuid}/executions" Publish => v1::executions::remove_all),
    route!(GET "/api/v1/triggers/{uuid}/executions/{id}" Publish => v1::executions::show),
    route!(POST "/api/v1/triggers/{uuid}/executions/{id}/stop" Publish => v1::executions::stop),
    route!(GET "/api/v1/maintenance" Read | Publish => v1::maintenance::show),
    route!(PUT "/api/v1/maintenance" Admin => v1::maintenance::change),
    route!(GET "/api/v1/audit" Admin => v1::audit::list),
    // Whoever knows its URL fires a trigger.
    route!(GET "/webhook/{uuid}" anyone inbound::fire),
    route!(POST "/webhook/{uuid}" anyone inbound::fire),
    route!(PUT "/webhook/{uuid}" anyone inbound::fire),
    route!(DELETE "/webhook/{uuid}" anyone inbound::fire),
    // CDS: bulk before the tasks, whose names are whatever one likes.
    route!(GET "/task" Publish => cds::tasks::list),
    route!(POST "/task" Publish => cds::tasks::add),
    route!(POST "/task/bulk" Publish => cds::bulk::add),
    route!(DELETE "/task/bulk" Publish => cds::bulk::remove),
    route!(GET "/task/bulk/start" Publish => cds::bulk::start),
    route!(GET "/task/bulk/stop" Publish => cds::bulk::stop),
    route!(POST "/task/execute" Publish => cds::execute::execute),
    route!(GET "/task/{uuid}" Publish => cds::tasks::show),
    route!(PUT "/task/{uuid}" Publish => cds::tasks::restart),
    route!(DELETE "/task/{uuid}" Publish => cds::tasks::remove),
    route!(GET "/task/{uuid}/start" Publish => cds::tasks::start),
    route!(GET "/task/{uuid}/stop" Publish => cds::tasks::stop),
    route!(GET "/task/{uuid}/execution" Publish => cds::executions::list),
    route!(DELETE "/task/{uuid}/execution" Publish => cds::executions::remove_all),
    route!(GET "/task/{uuid}/execution/{timestamp}" Publish => cds::executions::show),
    route!(POST "/task/{uuid}/execution/{timestamp}/stop" Publish => cds::executions::stop),
    route!(GET "/mon/version" anyone cds::mon::version),
    route!(GET "/mon/status" anyone cds::mon::status),
    route!(GET "/mon/metrics" anyone cds::mon::metrics),
    route!(GET "/mon/metrics/all" anyone cds::mon::metrics_as_json),
    route!(POST "/admin/maintenance" Admin => cds::maintenance::set),
    // What it does for CDS alone.
    route!(POST "/admin/repository/event/{vcs}/{repository}/{uuid}/stop" Admin => not_here),
    route!(POST "/admin/repository/event/{vcs}/{repository}/{uuid}/restart" Admin => not_here),
    route!(DELETE "/admin/repository/{vcs}/{repository}" Admin => not_here),
    route!(GET "/admin/scheduler" Admin => not_here),
    route!(POST "/admin/scheduler/resync" Admin => not_here),
    route!(GET "/admin/scheduler/execution/{hook}" Admin => not_here),
    route!(DELETE "/admin/scheduler/execution/{hook}" Admin => not_here),
    route!(GET "/admin/scheduler/{vcs}/{repository}/{workflow}" Admin => not_here),
    route!(GET "/admin/outgoing/{project}/{vcs}/{repository}/{workflow}" Admin => not_here),
    route!(GET "/admin/outgoing/{project}/{vcs}/{repository}/{workflow}/{hook}" Admin => not_here),
    route!(POST "/v2/webhook/repository" anyone not_here),
    route!(POST "/v2/webhook/repository/{project}/{kind}/{vcs}/{uuid}" anyone not_here),
    route!(POST "/v2/webhook/workflow/{project}/{vcs}/{repository}/{workflow}/{uuid}" anyone not_here),
    route!(GET "/v2/repository" Publish => not_here),
    route!(GET "/v2/repository/event/{vcs}/{repository}" Publish => not_here),
    route!(DELETE "/v2/repository/event/{vcs}/{repository}" Publish => not_here),
    route!(GET "/v2/repository/event/{vcs}/{repository}/{uuid}" Publish => not_here),
    route!(POST "/v2/repository/event/callback" Publish => not_here),
    route!(POST "/v2/repository/key/{project}/{vcs}/{repository}" Publish => not_here),
    route!(POST "/v2/workflow/key/{project}/{vcs}/{repository}/{workflow}" Publish => not_here),
    route!(POST "/v2/workflow/manual" Publish => not_here),
    route!(POST "/v2/workflow/outgoing" Publish => not_here),
    route!(DELETE "/v2/workflow/outgoing/{project}" Publish => not_here),
    route!(POST "/v2/workflow/scheduler" Publish => not_here),
    route!(DELETE "/v2/workflow/scheduler/{vcs}/{repository}/{workflow}" Publish => not_here),
];
