//! What a handler can ask of a request.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Buf;
use futures_util::{Stream, StreamExt};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use ulid::Ulid;

use super::App;
use super::bodies::{Body, Broken, Held};
use super::connection::Connection;
use super::error::ApiError;
use crate::domain::Invalid;
use crate::domain::access::Caller;
use crate::domain::audit::{Action, Actor, AuditEntry};
use crate::domain::time::Timestamp;
use crate::store::page::{Cursor, DEFAULT_LIMIT, MAX_LIMIT, Page};

/// Names a request in logs; echoed if the client sent one.
pub(super) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A request whose route is found.
pub(super) struct Request {
    pub method: Method,
    /// The decoded parameters of the path, in the order of the pattern.
    pub params: Vec<String>,
    pub query: String,
    pub headers: HeaderMap,
    pub body: Body,
    /// Who makes it.
    pub by: Asking,
    /// Whether it came over TLS.
    pub tls: bool,
}

/// Who makes a request, and from where.
#[derive(Clone)]
pub(super) struct Asking {
    pub caller: Arc<Caller>,
    pub peer: IpAddr,
}

impl Asking {
    /// Somebody whom nobody asked who they are.
    pub(super) fn nobody(connection: Connection) -> Self {
        Self { caller: Arc::new(Caller::nobody()), peer: connection.peer }
    }

    /// For the audit log: they did this.
    pub(super) fn did(&self, at: Timestamp, action: Action, object: &impl ToString) -> AuditEntry {
        let actor = Actor::caller(&self.caller, self.peer);
        AuditEntry { at, actor, action, object: object.to_string(), detail: None }
    }
}

/// Puts the host that is asked for into `Host`: over HTTP/2 it comes with the URL only, and
/// where it does it counts for more than the header (RFC 9112, 3.2.2; RFC 9113, 8.3.1).
pub(super) fn name_host<B>(request: &mut http::Request<B>) {
    let Some(authority) = request.uri().authority() else { return };
    let (_, host) = authority.as_str().rsplit_once('@').unwrap_or(("", authority.as_str()));
    if let Ok(host) = HeaderValue::from_str(host) {
        request.headers_mut().insert(HOST, host);
    }
}

/// Puts a library's body behind a name.
pub(super) fn boxed(body: impl Stream<Item = Result<impl Buf, impl Into<Broken>>> + Send + 'static) -> Body {
    Box::pin(body.map(|chunk| chunk.map(|mut chunk| chunk.copy_to_bytes(chunk.remaining())).map_err(Into::into)))
}

impl Request {
    /// The URL by which others reach this server, without a slash at its end: the one that it
    /// was told, or the one that this request was made to.
    pub(super) fn base_url(&self, app: &App) -> String {
        let asked = || {
            let host = self.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
            format!("{}://{host}", if self.tls { "https" } else { "http" })
        };
        app.public_url.clone().unwrap_or_else(asked)
    }

    /// The only parameter of the path.
    pub(super) fn param(&self) -> &str {
        self.params.first().map_or("", String::as_str)
    }

    /// All values of a query parameter, decoded.
    pub(super) fn query_all(&self, name: &str) -> Vec<String> {
        let pairs = url::form_urlencoded::parse(self.query.as_bytes());
        pairs.filter(|(key, _)| key == name).map(|(_, value)| value.into_owned()).collect()
    }

    /// The one value of a query parameter, decoded; empty means absent.
    pub(super) fn query_one(&self, name: &str) -> Option<String> {
        self.query_all(name).pop().filter(|value| !value.is_empty())
    }

    /// Refuses query parameters that nobody reads: they are mistakes.
    pub(super) fn only_query(&self, known: &[&str]) -> Result<(), ApiError> {
        for (key, _) in url::form_urlencoded::parse(self.query.as_bytes()) {
            if !known.contains(&key.as_ref()) {
                let message = format!("has no parameter `{key}`: it takes {}", known.join(", "));
                return Err(Invalid::new("query", message).into());
            }
        }
        Ok(())
    }

    /// A query parameter that must be `what` if it is there.
    pub(super) fn asked<T>(
        &self,
        name: &'static str,
        what: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Invalid> {
        let parse = |text: String| parse(&text).ok_or_else(|| Invalid::new(name, format!("is not {what}")));
        self.query_one(name).map(parse).transpose()
    }

    /// The stretch of time from `since` up to, but without, `until`.
    pub(super) fn times(&self) -> Result<(Option<Timestamp>, Option<Timestamp>), Invalid> {
        let since = self.asked("since", TIME, Timestamp::parse_rfc3339)?;
        let until = self.asked("until", TIME, Timestamp::parse_rfc3339)?;
        in_order(since, until)?;
        Ok((since, until))
    }

    /// Which page is asked for, by `limit` and `cursor`.
    pub(super) fn page(&self) -> Result<Page, ApiError> {
        let after = self.query_one("cursor").map(|text| text.parse::<Cursor>()).transpose()?;
        let limit = match self.query_one("limit") {
            None => DEFAULT_LIMIT,
            Some(text) => match text.parse() {
                Ok(limit) if (1..=MAX_LIMIT).contains(&limit) => limit,
                _ => {
                    let message = format!("must be a number from 1 to {MAX_LIMIT}");
                    return Err(Invalid::new("limit", message).into());
                }
            },
        };
        Ok(Page { after, limit })
    }

    /// The body, if it is JSON by its own word (or says nothing), in UTF-8 and
    /// no larger than `max_body`; empty where there is none. Hold it for as long as its
    /// bytes are worked on: it takes room.
    pub(super) async fn json_body(self, app: &App) -> Result<Held, ApiError> {
        self.json_body_up_to(app, app.max_body).await
    }

    /// The same, if it is no larger than so many bytes.
    pub(super) async fn json_body_up_to(self, app: &App, most: usize) -> Result<Held, ApiError> {
        let not_json = not_json(&self.headers);
        let body = app.bodies.read(self.body, &self.headers, most.min(app.max_body)).await?;
        match not_json {
            Some(what) if !body.is_empty() => Err(ApiError::NotJson(what)),
            _ => Ok(body),
        }
    }
}

/// What a time from outside must be; a bare `+` in a query means a space.
pub(super) const TIME: &str = "a time in RFC 3339, such as 2026-01-31T23:59:59Z (in a query write + as %2B)";

/// Refuses a stretch of time that nothing could lie in.
pub(super) fn in_order(since: Option<Timestamp>, until: Option<Timestamp>) -> Result<(), Invalid> {
    match since.zip(until) {
        Some((since, until)) if since >= until => {
            Err(Invalid::new("until", "is not later than since: nothing can lie between them"))
        }
        _ => Ok(()),
    }
}

/// What the body is, if by its own word it is no JSON in UTF-8.
fn not_json(headers: &HeaderMap) -> Option<String> {
    let text = |name| headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    if let Some(encoding) = text(CONTENT_ENCODING)
        && !encoding.eq_ignore_ascii_case("identity")
    {
        return Some(format!("encoded as {encoding}"));
    }
    let content_type = text(CONTENT_TYPE)?;
    let Ok(mime) = content_type.parse::<mime::Mime>() else {
        return Some(content_type);
    };
    let json = mime.subtype() == mime::JSON || mime.suffix() == Some(mime::JSON);
    let utf8 = mime.get_param(mime::CHARSET).is_none_or(|charset| charset == mime::UTF_8);
    (!json || !utf8).then_some(content_type)
}

/// A name for one request.
pub(super) struct RequestId(String);

impl RequestId {
    /// The client's own, if it is short and plain; otherwise a new one.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let plain = |id: &&str| (1..=128).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic());
        let given = headers.get(X_REQUEST_ID).and_then(|value| value.to_str().ok()).filter(plain);
        // An id for logs needs no time in it.
        let made = || Ulid::from_parts(fastrand::u64(..) >> 16, fastrand::u128(..)).to_string();
        Self(given.map_or_else(made, str::to_owned))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(uri: &str, header: Option<&str>) -> Option<String> {
        let mut request = http::Request::new(());
        *request.uri_mut() = uri.parse().expect("a URI");
        if let Some(header) = header {
            request.headers_mut().insert(HOST, header.parse().expect("a header"));
        }
        name_host(&mut request);
        request.headers().get(HOST).map(|host| host.to_str().expect("text").to_owned())
    }

    #[test]
    fn the_host_in_the_url_is_the_host_that_counts() {
        assert_eq!(host("https://nyala.example:8443/a", None).as_deref(), Some("nyala.example:8443"));
        assert_eq!(host("http://evil.example/", Some("localhost")).as_deref(), Some("evil.example"));
        assert_eq!(host("http://localhost@evil.example/", None).as_deref(), Some("evil.example"));
        assert_eq!(host("/a", Some("localhost:8080")).as_deref(), Some("localhost:8080"));
        assert_eq!(host("/a", None), None);
    }
}
