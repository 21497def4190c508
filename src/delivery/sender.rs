//! One request out, one outcome back. The only file that knows the HTTP client.

use std::error::Error;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::RETRY_AFTER;
use hyper::ext::ReasonPhrase;
use reqwest::redirect::Policy;
use reqwest::{Client, Response};

use super::request::Request;
use crate::domain::headers::HeaderLines;
use crate::domain::outcome::{Answer, Outcome};
use crate::domain::retry::retry_after;
use crate::domain::time::Timestamp;

/// At most so much of an answer's body is read; the connection is closed on more.
const READ_BYTES: usize = 64 << 10;

/// At most so much of an answer's body is kept, and so much of its headers.
const KEPT_BYTES: usize = 4 << 10;

/// How long a connection that nobody uses is kept.
const IDLE: Duration = Duration::from_secs(30);

/// Sends requests; connections are pooled.
pub struct Sender {
    checking: Client,
    accepting_any: Client,
    timeout: Duration,
}

impl Sender {
    /// A sender that gives each request so long, whole. Many hooks may share a
    /// host, so it keeps as many idle connections to one as there are workers:
    /// closing and opening them costs more than the requests.
    ///
    /// # Errors
    /// TLS cannot be set up on this machine: why.
    pub fn new(timeout: Duration, workers: usize) -> Result<Self, String> {
        let client = || {
            Client::builder()
                .no_proxy()
                .redirect(Policy::none())
                .referer(false)
                .tcp_nodelay(true)
                .pool_idle_timeout(IDLE)
                .pool_max_idle_per_host(workers)
        };
        // A machine without certificates of authorities can still call http.
        let checking = client().build().or_else(|error| {
            tracing::warn!(
                error = root_cause(&error),
                "this machine has no certificates of authorities: https hooks fail until they are installed (ca-certificates)"
            );
            client().tls_certs_only([]).build()
        });
        Ok(Self {
            checking: checking.map_err(|e| root_cause(&e))?,
            accepting_any: client().tls_danger_accept_invalid_certs(true).build().map_err(|e| root_cause(&e))?,
            timeout,
        })
    }

    /// Sends a request and reads the answer, whatever it is. `now` dates the
    /// answer, for a `Retry-After` that names a day.
    pub(super) async fn send(&self, request: Request, now: impl Fn() -> Timestamp) -> Outcome {
        match tokio::time::timeout(self.timeout, self.exchange(request, now)).await {
            Ok(outcome) => outcome,
            Err(_) => {
                Outcome::Failed(format!("no complete answer within {}", humantime::format_duration(self.timeout)))
            }
        }
    }

    async fn exchange(&self, request: Request, now: impl Fn() -> Timestamp) -> Outcome {
        let client = if request.insecure_ssl { &self.accepting_any } else { &self.checking };
        let post = client.post(&request.url).headers(request.headers).body(request.body);
        match post.send().await {
            Ok(response) => read(response, now).await,
            Err(e) if e.is_builder() => Outcome::Refused(format!("the URL cannot be called: {}", root_cause(&e))),
            Err(e) if e.is_connect() => Outcome::Failed(format!("cannot connect: {}", root_cause(&e))),
            Err(e) => Outcome::Failed(format!("no answer: {}", root_cause(&e))),
        }
    }
}

async fn read(mut response: Response, now: impl Fn() -> Timestamp) -> Outcome {
    let status = response.status();
    let usual = || status.canonical_reason().unwrap_or_default().to_owned();
    let reason = match response.extensions().get::<ReasonPhrase>() {
        Some(phrase) => String::from_utf8_lossy(phrase.as_bytes()).into_owned(),
        None => usual(),
    };
    let header = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let retry_after = header.and_then(|value| retry_after(value, now()));
    let headers = kept_headers(response.headers());
    match kept_body(&mut response).await {
        Ok(body) => Outcome::Answered(Answer { status: status.as_u16(), reason, headers, body, retry_after }),
        Err(e) => Outcome::Failed(format!("the answer ({}) broke off: {}", status.as_u16(), root_cause(&e))),
    }
}

/// Reads the body so that the connection can be used again, and keeps its beginning.
async fn kept_body(response: &mut Response) -> reqwest::Result<Bytes> {
    let mut kept = BytesMut::new();
    let mut read = 0;
    while let Some(chunk) = response.chunk().await? {
        read += chunk.len();
        let room = KEPT_BYTES - kept.len();
        kept.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if read >= READ_BYTES {
            break;
        }
    }
    Ok(kept.freeze())
}

fn kept_headers(headers: &HeaderMap) -> HeaderLines {
    let mut kept = HeaderLines::default();
    for (name, value) in headers {
        if kept.as_str().len() + name.as_str().len() + value.len() > KEPT_BYTES {
            break;
        }
        kept.push(name.as_str(), &String::from_utf8_lossy(value.as_bytes()));
    }
    kept
}

/// The innermost reason: the outer ones only say that a request failed, and
/// may quote the URL.
fn root_cause(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
