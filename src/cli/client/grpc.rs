//! Calls over gRPC, with the same token, authorities and time-outs as over HTTP.

use std::convert::Infallible;
use std::error::Error;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes};
use http::header::CONTENT_TYPE;
use http::uri::PathAndQuery;
use http::{HeaderMap, Request, Response};
use http_body_util::combinators::WithTrailers;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use prost::Message;
use prost_reflect::DynamicMessage;
use reqwest::Body;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::{Code, Status};
use tower_service::Service;

use super::answer::{NAME_A_TOKEN, NAME_ANOTHER_TOKEN};
use super::{Client, distrust, root_cause};
use crate::cli::exit::Failure;
use crate::cli::output::visible;

/// The largest answer that is taken, in bytes.
const MAX_ANSWER: usize = 4 << 20;

/// What to do about a server that does not answer.
const REMEDY: &str = "Does a server speak gRPC there, over TLS where it says https:// and without where it says http://? \
     `nyala local-server NAME` starts one; name another with --server or NYALA_GRPC_SERVER.";

/// Further words of an error, which nobody here reads.
const DETAILS: &str = "grpc-status-details-bin";

/// A way to one server that speaks gRPC.
#[derive(Clone, Debug)]
pub struct GrpcClient(pub(super) Client);

impl GrpcClient {
    /// Calls a method with a message; answers what it said, as protobuf.
    ///
    /// # Errors
    /// Exit code 4 when nobody answers, 1 when the answer is an error or is not gRPC.
    pub async fn call(&self, path: PathAndQuery, message: DynamicMessage, within: Duration) -> Result<Bytes, Failure> {
        let origin = self.0.address().parse();
        let origin = origin.map_err(|_| Failure::usage("--server: this address cannot be called"))?;
        let mut calls = tonic::client::Grpc::with_origin(self.clone(), origin).max_decoding_message_size(MAX_ANSWER);
        let mut request = tonic::Request::new(message);
        request.set_timeout(within);
        calls.ready().await?;
        let answered = calls.unary(request, path, AsIs).await;
        answered.map(tonic::Response::into_inner).map_err(|status| failure(&status))
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        let why = root_cause(error);
        let remedy = distrust(&why).unwrap_or(REMEDY);
        Failure::unreachable(format!("cannot reach {}: {why}", self.0.address())).advise(remedy)
    }

    /// Whatever answers, it does not speak gRPC.
    fn stranger(&self, answer: &http::response::Parts) -> Failure {
        let kind = answer.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let kind = visible(kind.unwrap_or("no content type"));
        Failure::failed(format!("{} answered {} ({kind}), not with gRPC", self.0.address(), answer.status)).advise(
            "It speaks gRPC at an address of its own (--grpc-listen of `nyala serve`): name that with --server or \
             NYALA_GRPC_SERVER.",
        )
    }

    async fn exchange(self, request: Request<tonic::body::Body>) -> Result<Response<Whole>, Failure> {
        // One message, which is there already.
        let broken = |error: &dyn Error| Failure::failed(format!("the message cannot be sent: {error}"));
        let (parts, body) = request.into_parts();
        let body = body.collect().await.map_err(|error| broken(&error))?.to_bytes();
        let request = reqwest::Request::try_from(Request::from_parts(parts, body)).map_err(|error| broken(&error))?;
        let answer = self.0.http.execute(request).await.map_err(|error| self.unreachable(&error))?;
        let (mut parts, body) = Response::<Body>::from(answer).into_parts();
        let kind = parts.headers.get(CONTENT_TYPE).map(http::HeaderValue::as_bytes);
        if !kind.is_some_and(|kind| kind.starts_with(b"application/grpc")) {
            return Err(self.stranger(&parts));
        }
        parts.headers.remove(DETAILS);
        Ok(Response::from_parts(parts, self.whole(body).await?))
    }

    /// The answer to its end, so that whatever may go wrong on the way has gone wrong.
    async fn whole(&self, body: Body) -> Result<Whole, Failure> {
        let read = Limited::new(body, MAX_ANSWER).collect().await;
        let read = read.map_err(|error| match error.downcast_ref::<reqwest::Error>() {
            Some(error) => self.unreachable(error),
            None if error.is::<LengthLimitError>() => {
                Failure::failed(format!("the answer is larger than {MAX_ANSWER} bytes"))
            }
            None => Failure::failed(format!("the answer cannot be read: {}", visible(&error.to_string()))),
        })?;
        let mut trailers = read.trailers().cloned().unwrap_or_default();
        // tonic panics where they are not as they should be.
        trailers.remove(DETAILS);
        Ok(Full::new(read.to_bytes()).with_trailers(ready(Some(Ok(trailers)))))
    }
}

/// What the server says, or why there is no answer.
fn failure(status: &Status) -> Failure {
    if let Some(ours) = status.source().and_then(|cause| cause.downcast_ref::<Failure>()) {
        return ours.clone();
    }
    let failure = Failure::failed(format!("{:?}: {}", status.code(), visible(status.message())));
    match status.code() {
        Code::Unauthenticated => failure.advise(NAME_A_TOKEN),
        Code::PermissionDenied => failure.advise(NAME_ANOTHER_TOKEN),
        _ => failure,
    }
}

/// An answer that is all there.
type Whole = WithTrailers<Full<Bytes>, Ready<Option<Result<HeaderMap, Infallible>>>>;

impl Service<Request<tonic::body::Body>> for GrpcClient {
    type Response = Response<Whole>;
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Whole>, Failure>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<tonic::body::Body>) -> Self::Future {
        Box::pin(self.clone().exchange(request))
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
