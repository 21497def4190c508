//! `grpc.health.v1.Health`: whether the server serves, which ends when it stops.

use std::pin::Pin;
use std::sync::Arc;

use futures_util::stream::{self, Stream, StreamExt};
use tokio::sync::{Semaphore, watch};
use tonic::{Request, Response, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::Health;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use super::messages::SERVICE;

/// Knows when the server stops.
pub(super) struct Alive {
    stop: watch::Receiver<bool>,
    watchers: Arc<Semaphore>,
}

/// So many may watch at a time, who need no token: each takes some 16 KiB.
const WATCHERS: usize = 256;

impl Alive {
    pub(super) fn until(stop: watch::Receiver<bool>) -> Self {
        Self { stop, watchers: Arc::new(Semaphore::new(WATCHERS)) }
    }

    /// How it is with this service; the one without a name is the whole server.
    fn status(&self, service: &str) -> Option<ServingStatus> {
        let status = if *self.stop.borrow() { ServingStatus::NotServing } else { ServingStatus::Serving };
        ["", SERVICE].contains(&service).then_some(status)
    }
}

type Watching = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

#[tonic::async_trait]
impl Health for Alive {
    async fn check(&self, request: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        let service = &request.get_ref().service;
        let status = self.status(service).ok_or_else(|| {
            Status::not_found(format!(
                "there is no service of this name: there is {SERVICE}, and the whole server as \"\""
            ))
        });
        status.map(answer).map(Response::new)
    }

    type WatchStream = Watching;

    /// How it is now, and when that changes; it ends when the server stops.
    async fn watch(&self, request: Request<HealthCheckRequest>) -> Result<Response<Watching>, Status> {
        let watcher = self.watchers.clone().try_acquire_owned();
        let watcher = watcher.map_err(|_| Status::resource_exhausted("too many watch already: check now and then"))?;
        let known = self.status(&request.get_ref().service);
        let now = known.unwrap_or(ServingStatus::ServiceUnknown);
        let then = known.filter(|now| *now == ServingStatus::Serving).map(|_| ServingStatus::NotServing);
        let mut stop = self.stop.clone();
        let end = async move {
            // An error means that whoever could stop us is gone, which is the same.
            let _ = stop.wait_for(|stop| *stop).await;
            drop(watcher);
            stream::iter(then)
        };
        let statuses = stream::iter([now]).chain(stream::once(end).flatten());
        Ok(Response::new(Box::pin(statuses.map(answer).map(Ok))))
    }
}

fn answer(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse { status: status.into() }
}
