//! Calls over gRPC, with the same token, authorities and time-outs as over HTTP.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes};
use http::uri::PathAndQuery;
use http_body_util::BodyExt;
use prost::Message;
use prost_reflect::DynamicMessage;
use reqwest::Body;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::{Request, Status};
use tower_service::Service;

use super::Client;

/// The largest answer that is taken, in bytes.
const MAX_ANSWER: usize = 4 << 20;

impl Client {
    /// Calls a method with a message; answers what it said, as protobuf.
    ///
    /// # Errors
    /// What the server says, or why there is no answer.
    pub async fn call(&self, path: PathAndQuery, message: DynamicMessage, within: Duration) -> Result<Bytes, Status> {
        let origin = self.base.as_str().trim_end_matches('/').parse();
        let origin = origin.map_err(|_| Status::invalid_argument("the server's address is no URI"))?;
        let mut calls = tonic::client::Grpc::with_origin(Calls(self.http.clone()), origin);
        calls = calls.max_decoding_message_size(MAX_ANSWER);
        let mut request = Request::new(message);
        request.set_timeout(within);
        calls.ready().await.map_err(|error| Status::unavailable(super::root_cause(&*error)))?;
        Ok(calls.unary(request, path, AsIs).await?.into_inner())
    }
}

/// Our HTTP client as tonic takes one.
struct Calls(reqwest::Client);

type BoxError = Box<dyn Error + Send + Sync>;

type Answering = Pin<Box<dyn Future<Output = Result<http::Response<Body>, BoxError>> + Send>>;

impl Service<http::Request<tonic::body::Body>> for Calls {
    type Response = http::Response<Body>;
    type Error = BoxError;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<tonic::body::Body>) -> Answering {
        let client = self.0.clone();
        Box::pin(async move {
            // One message, which is there already.
            let (parts, body) = request.into_parts();
            let body = body.collect().await?.to_bytes();
            let request = reqwest::Request::try_from(http::Request::from_parts(parts, body))?;
            Ok(client.execute(request).await?.into())
        })
    }
}

/// Writes messages and leaves answers as they are: whoever asked knows how to read them.
struct AsIs;

impl Codec for AsIs {
    type Encode = DynamicMessage;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for AsIs {
    type Item = DynamicMessage;
    type Error = Status;

    fn encode(&mut self, message: DynamicMessage, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        message.encode(buffer).map_err(|error| Status::internal(error.to_string()))
    }
}

impl Decoder for AsIs {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}
