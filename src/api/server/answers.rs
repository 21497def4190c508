//! Who answers what is asked over a connection.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::{Body, Incoming};
use hyper::service::Service;
use warp::Reply;

use crate::api::bodies::Broken;
use crate::api::error::ApiError;
use crate::api::security_headers;

/// Answers requests.
pub(in crate::api) trait Answers: Send + Sync + 'static {
    /// What an answer says.
    type Body: Body<Data = Bytes, Error: Into<Broken>> + Send + Unpin + 'static;

    /// Answers this one.
    fn answer(&self, request: Request<Incoming>) -> impl Future<Output = Response<Self::Body>> + Send;

    /// Tells of an error that came before anybody looked at the request.
    fn refused(&self, error: ApiError) -> Response<Self::Body>;
}

/// Answers over HTTP.
pub(super) struct Web<S, B> {
    answers: S,
    /// Warp's body has no name: it is the one that this answers with.
    refused: fn(ApiError) -> Response<B>,
}

/// Answers with what the service does, and with problem documents.
pub(super) fn web<S>(answers: S) -> impl Answers
where
    S: Service<Request<Incoming>, Response = warp::reply::Response, Error = Infallible, Future: Send>,
    S: Send + Sync + 'static,
{
    Web { answers, refused }
}

fn refused(error: ApiError) -> warp::reply::Response {
    let mut response = error.into_response();
    security_headers::protect(response.headers_mut());
    response
}

impl<S, B> Answers for Web<S, B>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible, Future: Send> + Send + Sync + 'static,
    B: Body<Data = Bytes, Error: Into<Broken>> + Send + Unpin + 'static,
{
    type Body = B;

    async fn answer(&self, request: Request<Incoming>) -> Response<B> {
        match self.answers.call(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }

    fn refused(&self, error: ApiError) -> Response<B> {
        (self.refused)(error)
    }
}
