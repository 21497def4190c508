//! From a request to its handler. One list of routes, rather than a chain of
//! filters, so that a wrong method can be answered with those that would do,
//! and a route costs the same wherever it stands.

use std::borrow::Cow;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};

use http::{HeaderValue, Method};
use percent_encoding::percent_decode_str;
use tracing::Instrument;
use warp::reply::Response;
use warp::{Filter, Reply};

use super::bodies::{self, Body};
use super::connection::Connection;
use super::error::ApiError;
use super::request::{Asking, Request, RequestId, X_REQUEST_ID, boxed};
use super::{App, ROUTES, cds, huskar, security_headers};
use crate::domain::token::Scope;

/// What a handler answers.
pub(super) type Answer = Result<Response, ApiError>;

type Answering = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// Who may take a route.
#[derive(Debug, Clone, Copy)]
pub enum Needs {
    /// Anybody, whoever they are.
    Nothing,
    /// Who has one of these scopes, or is an admin.
    OneOf(&'static [Scope]),
}

/// A method, a pattern of literal segments and `{parameters}`, who may take it, and
/// a handler.
pub(super) struct Route {
    pub(super) method: Method,
    pub(super) pattern: &'static str,
    pub(super) needs: Needs,
    handler: fn(Arc<App>, Request) -> Answering,
}

impl Route {
    pub(super) const fn new(
        method: Method,
        pattern: &'static str,
        needs: Needs,
        handler: fn(Arc<App>, Request) -> Answering,
    ) -> Self {
        Self { method, pattern, needs, handler }
    }

    /// HEAD is GET without the body, which the server leaves out.
    fn takes(&self, method: &Method) -> bool {
        self.method == *method || (self.method == Method::GET && *method == Method::HEAD)
    }
}

/// A route whose pattern was read.
struct Pattern {
    route: &'static Route,
    segments: Vec<&'static str>,
}

static PATTERNS: LazyLock<Vec<Pattern>> = LazyLock::new(|| {
    let read = |route: &'static Route| Pattern { route, segments: route.pattern.split('/').skip(1).collect() };
    ROUTES.iter().map(read).collect()
});

impl Pattern {
    fn fits(&self, segments: &[String]) -> bool {
        let fits = |(expected, segment): (&&str, &String)| {
            if is_parameter(expected) { !segment.is_empty() } else { expected.eq_ignore_ascii_case(segment) }
        };
        self.segments.len() == segments.len() && self.segments.iter().zip(segments).all(fits)
    }

    /// The parameters among segments that fit.
    fn params(&self, segments: Vec<String>) -> Vec<String> {
        let pairs = self.segments.iter().zip(segments);
        pairs.filter(|(expected, _)| is_parameter(expected)).map(|(_, segment)| segment).collect()
    }
}

fn is_parameter(segment: &str) -> bool {
    segment.starts_with('{')
}

/// All routes as one filter.
pub(super) fn filter(app: Arc<App>) -> impl Filter<Extract = (Response,), Error = std::convert::Infallible> + Clone {
    let query = warp::query::raw().or(warp::any().map(String::new)).unify();
    warp::any()
        .and(warp::method())
        .and(warp::path::full())
        .and(query)
        .and(warp::header::headers_cloned())
        .and(warp::ext::get::<Connection>())
        .and(warp::body::stream())
        .then(move |method, path: warp::path::FullPath, query: String, headers, connection, body| {
            let app = app.clone();
            let body = boxed(body);
            async move { answer(app, method, path.as_str(), query, headers, connection, body).await }
        })
        .or_else(|_| std::future::ready(Ok((http::StatusCode::INTERNAL_SERVER_ERROR.into_response(),))))
}

async fn answer(
    app: Arc<App>,
    method: Method,
    path: &str,
    query: String,
    headers: http::HeaderMap,
    connection: Connection,
    body: Body,
) -> Response {
    let id = RequestId::of(&headers);
    let (body, rest) = if connection.http2 {
        let (body, rest) = bodies::shared(body);
        (body, Some(rest))
    } else {
        (body, None)
    };
    // An error's span, so that it is there whatever the level of the logs.
    let span = tracing::error_span!("request", id = id.as_str());
    let answered = async {
        let found = segments(path).and_then(|segments| find(&method, segments));
        // Whether there is a route at all is told only to those who come with a token.
        let needs = found.as_ref().map_or(Needs::OneOf(&Scope::ALL), |(route, _)| route.needs);
        let by = admit(&app, needs, &headers, connection).await?;
        let (route, params) = found?;
        (route.handler)(app, Request { method: method.clone(), params, query, headers, body, by, tls: connection.tls })
            .await
    };
    let answered = answered.instrument(span.clone()).await;
    if let Some(rest) = rest {
        rest.take().await;
    }
    let mut response = answered.unwrap_or_else(|error| {
        span.in_scope(|| log(&method, path, connection.peer, &error));
        told(path, &id, error)
    });
    security_headers::protect(response.headers_mut());
    if let Ok(id) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(X_REQUEST_ID, id);
    }
    response
}

/// An error in the words of whoever has this path: a dialect may have an envelope of
/// its own.
fn told(path: &str, id: &RequestId, error: ApiError) -> Response {
    let segments = segments(path).unwrap_or_else(|_| path.split('/').skip(1).map(str::to_owned).collect());
    match segments.as_slice() {
        [api, webhook, ..] if api.eq_ignore_ascii_case("api") && webhook.eq_ignore_ascii_case("webhook") => {
            huskar::envelope::error_response(&error)
        }
        [first, ..] if cds::PATHS.iter().any(|own| own.eq_ignore_ascii_case(first)) => {
            cds::envelope::error_response(&error, id.as_str())
        }
        _ => error.into_response(),
    }
}

/// Lets in whoever may do what needs this.
pub(super) async fn admit(
    app: &App,
    needs: Needs,
    headers: &http::HeaderMap,
    connection: Connection,
) -> Result<Asking, ApiError> {
    let Needs::OneOf(scopes) = needs else {
        return Ok(Asking::nobody(connection));
    };
    let caller = app.auth.caller(headers, connection).await?;
    if caller.may(scopes) {
        return Ok(Asking { caller, peer: connection.peer });
    }
    let scopes: Vec<_> = scopes.iter().map(|scope| scope.as_str()).collect();
    Err(ApiError::OutOfScope(format!(
        "this token may not do that: it takes one with the scope {}",
        scopes.join(" or ")
    )))
}

/// The decoded segments of a path; a slash at its end adds none.
fn segments(path: &str) -> Result<Vec<String>, ApiError> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    let not_utf8 = |_| ApiError::Malformed("the path is not UTF-8: escape names as UTF-8".into());
    let decoded = |segment| percent_decode_str(segment).decode_utf8().map(Cow::into_owned).map_err(not_utf8);
    path.split('/').map(decoded).collect()
}

fn find(method: &Method, segments: Vec<String>) -> Result<(&'static Route, Vec<String>), ApiError> {
    let mut allowed = vec![];
    for pattern in PATTERNS.iter().filter(|pattern| pattern.fits(&segments)) {
        if pattern.route.takes(method) {
            return Ok((pattern.route, pattern.params(segments)));
        }
        allowed.push(pattern.route.method.as_str());
    }
    if allowed.is_empty() {
        return Err(ApiError::NotFound("there is nothing at this path: see the README for what there is".into()));
    }
    Err(ApiError::MethodNotAllowed(allowed.join(", ")))
}

/// The name of a trigger to the world may be all that it takes to fire it.
fn without_uuids(path: &str) -> String {
    let shown =
        |segment: &str| if uuid::Uuid::try_parse(segment).is_ok() { "…".to_owned() } else { segment.to_owned() };
    path.split('/').map(shown).collect::<Vec<_>>().join("/")
}

/// Trouble of ours is an error; a request that was refused is a detail.
pub(super) fn log(method: &Method, path: &str, peer: IpAddr, error: &ApiError) {
    let (status, path) = (error.status().as_u16(), without_uuids(path));
    if error.status().is_server_error() && !matches!(error, ApiError::Crowded(_) | ApiError::NotImplemented(_)) {
        tracing::error!(%method, path, %peer, status, %error, "a request failed");
    } else {
        tracing::debug!(%method, path, %peer, status, %error, "a request was refused");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(method: &Method, path: &str) -> Result<(&'static str, Vec<String>), u16> {
        segments(path)
            .and_then(|segments| find(method, segments))
            .map(|(route, params)| (route.pattern, params))
            .map_err(|error| error.status().as_u16())
    }

    #[test]
    fn a_path_is_found_whatever_its_case_and_with_a_slash_at_its_end() {
        for path in ["/api/hooks", "/API/Hooks/", "/api/h%6Foks"] {
            assert_eq!(found(&Method::GET, path), Ok(("/api/hooks", vec![])));
        }
    }

    #[test]
    fn parameters_are_decoded_one_segment_each() {
        let publish = found(&Method::POST, "/hooks/publish/a%2Fb%20c");
        assert_eq!(publish, Ok(("/hooks/publish/{type}", vec!["a/b c".to_owned()])));
    }

    #[test]
    fn what_is_not_there_is_not_found_and_what_is_names_its_methods() {
        for path in ["/", "/api", "/api//hooks", "/api/hooks/1/2", "/api/hooks//"] {
            assert_eq!(found(&Method::GET, path), Err(404), "{path}");
        }
        assert_eq!(found(&Method::PUT, "/hooks"), Err(405));
        let hooks = segments("/hooks").unwrap();
        let error = find(&Method::PUT, hooks).err().map(|e| e.to_string());
        assert_eq!(error.as_deref(), Some("this path takes POST, GET"));
        assert_eq!(found(&Method::HEAD, "/healthz"), Ok(("/healthz", vec![])));
    }
}
