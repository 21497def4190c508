//! Calls over gRPC: who may make which, how large they may be, and who answers.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode};
use http_body_util::{BodyDataStream, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use tokio::sync::watch;
use tonic::Status;
use tonic::body::Body;
use tonic::server::NamedService;
use tonic_health::pb::health_server::HealthServer;
use tonic_reflection::server::Builder;
use tower_service::Service;
use tracing::Instrument;

use super::calls::Calling;
use super::deadline::Deadline;
use super::health::Alive;
use super::hooks::{Beside, Hooks};
use super::messages::{Call, SERVICE};
use super::proto::DESCRIPTORS;
use super::proto::hook_service_server::HookServiceServer;
use super::status;
use crate::api::App;
use crate::api::bodies;
use crate::api::connection::Connection;
use crate::api::error::ApiError;
use crate::api::request::{Asking, Request, RequestId, X_REQUEST_ID, boxed};
use crate::api::router::{self, Needs};
use crate::api::server::Answers;
use crate::domain::token::Scope;

/// The largest message to a service that is no more than a courtesy.
const SMALL: usize = 4 << 10;

/// Answers what comes over gRPC.
pub(in crate::api) struct Grpc {
    app: Arc<App>,
    services: Vec<Served>,
    stop: watch::Receiver<bool>,
}

/// A service, and what is asked of who calls it.
struct Served {
    name: &'static str,
    needs: Needs,
    /// Whether messages may come one after the other; elsewhere there is one, which is read
    /// before anybody is asked.
    streams: bool,
    /// The largest message, in bytes.
    largest: usize,
    answers: Box<dyn Fn(http::Request<Body>) -> Answering + Send + Sync>,
}

type Answering = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;

impl Served {
    fn by<S>(service: S, needs: Needs, streams: bool, largest: usize) -> Self
    where
        S: Service<http::Request<Body>, Response = Response<Body>, Error = Infallible>,
        S: NamedService + Clone + Send + Sync + 'static,
        S::Future: Send + 'static,
    {
        let answers = move |request| -> Answering {
            // They are ready always.
            let mut service = service.clone();
            Box::pin(async move {
                match service.call(request).await {
                    Ok(response) => response,
                    Err(never) => match never {},
                }
            })
        };
        Self { name: S::NAME, needs, streams, largest, answers: Box::new(answers) }
    }
}

impl Grpc {
    pub(in crate::api) fn new(app: Arc<App>, stop: watch::Receiver<bool>) -> Self {
        let hooks = HookServiceServer::new(Hooks { app: app.clone() }).max_decoding_message_size(app.max_body);
        let health = HealthServer::new(Alive::until(stop.clone()));
        let described = || {
            let services =
                [SERVICE, "grpc.health.v1.Health"].into_iter().fold(Builder::configure(), Builder::with_service_name);
            let known = services.register_encoded_file_descriptor_set(DESCRIPTORS);
            known.register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        };
        let publishers = Needs::OneOf(&[Scope::Publish]);
        let anybody_known = Needs::OneOf(&Scope::ALL);
        let mut services =
            vec![Served::by(hooks, publishers, false, app.max_body), Served::by(health, Needs::Nothing, false, SMALL)];
        // What was compiled in can be read: a test asks both.
        services.extend(
            described()
                .build_v1()
                .ok()
                .map(|service| Served::by(service.max_decoding_message_size(SMALL), anybody_known, true, SMALL)),
        );
        services.extend(
            described()
                .build_v1alpha()
                .ok()
                .map(|service| Served::by(service.max_decoding_message_size(SMALL), anybody_known, true, SMALL)),
        );
        Self { app, services, stop }
    }

    /// Lets the caller in, and calls.
    async fn call(&self, mut parts: Parts, body: bodies::Body) -> Result<Response<Body>, Status> {
        let connection = *parts.extensions.get::<Connection>().ok_or_else(|| Status::internal("nobody called"))?;
        let nobody = Asking::nobody(connection);
        let path = parts.uri.path().to_owned();
        let service = self.services.iter().find(|service| path.split('/').nth(1) == Some(service.name));
        // Whether there is a service at all is told only to those who come with a token.
        let needs = service.map_or(Needs::OneOf(&Scope::ALL), |service| service.needs);
        let admitted = router::admit(&self.app, needs, &parts.headers, connection).await;
        let by = admitted.map_err(|error| status::told(&path, &nobody, &error))?;
        let service = service.ok_or_else(no_service)?;
        if service.name == SERVICE && !Call::all().iter().any(|call| call.path() == path) {
            return Err(no_method());
        }
        if service.name == SERVICE {
            let beside = beside(&parts, by.clone()).map_err(|error| status::told(&path, &by, &error))?;
            parts.extensions.insert(Arc::new(beside));
        }
        if service.streams {
            let request = http::Request::from_parts(parts, self.until_the_end(body));
            return Ok((service.answers)(request).await);
        }
        let held = self.app.bodies.read(body, &parts.headers, service.largest).await;
        let held = held.map_err(|error| status::told(&path, &by, &error))?;
        let request = http::Request::from_parts(parts, Body::new(Full::new(Bytes::clone(&held))));
        Ok((service.answers)(request).await)
    }

    /// A body that also ends when the server stops, so that nobody keeps it from that.
    fn until_the_end(&self, body: bodies::Body) -> Body {
        let mut stop = self.stop.clone();
        let stopped = Box::pin(async move {
            // An error means that whoever could stop us is gone, which is the same.
            let _ = stop.wait_for(|stop| *stop).await;
        });
        Body::new(StreamBody::new(body.take_until(stopped).map(|chunk| chunk.map(Frame::data))))
    }
}

/// What a call of a hook brings with it.
fn beside(parts: &Parts, by: Asking) -> Result<Beside, ApiError> {
    let deadline = Deadline::of(&parts.headers)?;
    let body = Box::pin(stream::empty());
    let mut headers = parts.headers.clone();
    // Over gRPC it is the deadline that says how long anybody waits.
    headers.remove("prefer");
    let request = Request { method: Method::POST, params: vec![], query: String::new(), headers, body, by, tls: false };
    let calling = Calling::of(&request)?;
    Ok(Beside { by: request.by, calling, deadline })
}

fn no_service() -> Status {
    Status::unimplemented(format!("there is no such service: there is {SERVICE}, and reflection lists the others"))
}

fn no_method() -> Status {
    let names: Vec<_> = Call::all().iter().map(Call::method).collect();
    Status::unimplemented(format!("there is no such method: {SERVICE} has {} (see reflection)", names.join(", ")))
}

impl Answers for Grpc {
    type Body = Body;

    async fn answer(&self, request: http::Request<Incoming>) -> Response<Body> {
        if !is_grpc(&request) {
            return not_grpc();
        }
        let id = RequestId::of(request.headers());
        let span = tracing::error_span!("request", id = id.as_str());
        let (parts, body) = request.into_parts();
        let (body, rest) = bodies::shared(boxed(BodyDataStream::new(body)));
        let mut response = match self.call(parts, body).instrument(span).await {
            Ok(response) => response,
            Err(status) => {
                rest.take().await;
                status.into_http()
            }
        };
        if let Ok(id) = HeaderValue::from_str(id.as_str()) {
            response.headers_mut().insert(X_REQUEST_ID, id);
        }
        response
    }

    fn refused(&self, error: ApiError) -> Response<Body> {
        status::of(&error).into_http()
    }
}

fn is_grpc(request: &http::Request<Incoming>) -> bool {
    let content_type = request.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    *request.method() == Method::POST && content_type.is_some_and(|value| value.starts_with(b"application/grpc"))
}

/// To somebody at the wrong door, as gRPC over HTTP/2 has it.
fn not_grpc() -> Response<Body> {
    let text = "this port speaks gRPC: HTTP is spoken where --listen says\n";
    let mut response = Response::new(Body::new(Full::from(text)));
    *response.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
