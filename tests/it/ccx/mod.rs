//! CCX's hooks, over gRPC and as JSON over HTTP.

mod acceptance;
mod facade;
mod independent;
mod limits;
mod program;
mod reflection;
mod serving;
mod tokens;

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Request, Response, Uri};
use hyper::body::Incoming;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use nyala::api::ccx::proto::PreAddNodeRequest;
use nyala::api::ccx::proto::hook_service_client::HookServiceClient;
use nyala::config::Settings;
use rustls::version::TLS13;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite};
use tonic::Status;
use tonic::body::Body;
use tower_service::Service;

use crate::door::{Authority, tcp};
use crate::house::{House, within};

/// One connection over HTTP/2, to call over.
#[derive(Clone)]
pub struct Channel(SendRequest<Body>);

type Sending = Pin<Box<dyn Future<Output = hyper::Result<Response<Incoming>>> + Send>>;

impl Service<Request<Body>> for Channel {
    type Response = Response<Incoming>;
    type Error = hyper::Error;
    type Future = Sending;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<hyper::Result<()>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Sending {
        Box::pin(self.0.send_request(request))
    }
}

impl Channel {
    /// Over what is connected already.
    pub async fn over(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Self {
        let shaking = handshake(TokioExecutor::new(), TokioIo::new(stream));
        let (send, connection) = within("a handshake", shaking).await.expect("HTTP/2");
        tokio::spawn(connection);
        Self(send)
    }

    /// To a house that speaks gRPC, without TLS.
    pub async fn to(house: &House) -> Self {
        Self::over(tcp(&house.grpc_url()).await).await
    }

    /// The same over TLS.
    pub async fn over_tls(house: &House, authority: &Authority) -> Self {
        Self::over(authority.handshake(&house.grpc_url(), &[&TLS13], &["h2"]).await).await
    }
}

/// Speaks gRPC at a port of its own.
pub fn grpc(settings: &mut Settings) {
    settings.grpc_listen = Some(([127, 0, 0, 1], 0).into());
}

/// A house that speaks gRPC, too.
pub async fn grpc_house() -> House {
    House::with(grpc).await
}

pub fn origin(house: &House) -> Uri {
    house.grpc_url().parse().expect("a URL")
}

/// Who calls hooks, over a connection of its own.
pub async fn hooks(house: &House) -> HookServiceClient<Channel> {
    HookServiceClient::with_origin(Channel::to(house).await, origin(house))
}

/// The example of CCX's documentation.
pub fn add_node() -> PreAddNodeRequest {
    PreAddNodeRequest {
        cluster_id: "1".into(),
        cloud: "c1".into(),
        node_count: 1,
        instance_type: "i1".into(),
        auth_id: "a1".into(),
    }
}

/// A message with a header beside it.
pub fn with<T>(message: T, name: &'static str, value: &str) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    request.metadata_mut().insert(name, value.parse().expect("a value"));
    request
}

/// A message from who has this token.
pub fn by<T>(token: &str, message: T) -> tonic::Request<T> {
    with(message, "authorization", &format!("Bearer {token}"))
}

/// An answer, or what is said in its place.
pub async fn answer<T>(calling: impl Future<Output = Result<tonic::Response<T>, Status>>) -> Result<T, Status> {
    within("an answer", calling).await.map(tonic::Response::into_inner)
}

/// Adds a hook for one of CCX's events to a house without tokens.
pub async fn subscribe(house: &House, url: &str, event: &str) -> i64 {
    let hook = crate::access::hook(house, "", &json!({"url": url, "event": event})).await;
    hook["id"].as_i64().expect("an id")
}
