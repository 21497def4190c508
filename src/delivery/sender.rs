//! One request out, one outcome back. The only file that knows the HTTP client.
//!
//! hyper-util's client rather than reqwest, which wraps it: what lies between
//! costs a tenth of a delivery.

use std::borrow::Cow;
use std::error::Error;
use std::io;
use std::pin::pin;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::RETRY_AFTER;
use http::{HeaderMap, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::ext::ReasonPhrase;
use hyper_util::client::legacy;
use rustix::io::Errno;

use super::allowance::{Allowance, KEPT_BYTES, Way};
use super::clients::{Clients, READ_BYTES};
use super::guard::{Barred, Guard};
use super::metered::Meter;
use super::payload::{Payload, Sending};
use super::request::Request;
use super::resolver::Unresolved;
use super::{SLOW, tls};
use crate::domain::certificate::TlsIdentity;
use crate::domain::headers::HeaderLines;
use crate::domain::mask::Mask;
use crate::domain::outcome::{Answer, Outcome, usual_reason};
use crate::domain::retry::retry_after;
use crate::domain::time::Timestamp;

/// At most so much of an answer's reason phrase is kept.
const REASON_BYTES: usize = 256;

/// At most so much is said of why there is no answer.
const CAUSE_BYTES: usize = 1 << 10;

/// Sends requests; connections are pooled. Redirects are not followed, and
/// proxies that the environment names are not used.
pub struct Sender {
    clients: Clients,
}

impl Sender {
    /// A sender that connects where the guard lets it, and gives up a connection on which
    /// nothing moves for so long; at most so many requests are on their way at a time.
    #[must_use]
    pub fn new(guard: &Guard, timeout: Duration, workers: usize) -> Self {
        Self { clients: Clients::new(guard, timeout, workers) }
    }

    /// Sends a request and reads the answer, whatever it is. `now` dates the
    /// answer, for a `Retry-After` that names a day; `slow` is called if it takes
    /// its time.
    ///
    /// # Errors
    /// There is no connection; nothing was sent.
    pub(super) async fn send(
        &self,
        request: Request,
        allowance: Allowance,
        now: impl Fn() -> Timestamp,
        slow: impl FnOnce(),
    ) -> Result<Outcome, Unsent> {
        let (answered, timeout) = (AtomicU16::new(0), allowance.timeout);
        let mut exchange = pin!(self.exchange(request, allowance, &answered, now));
        let soon = SLOW.min(timeout);
        if let Ok(outcome) = tokio::time::timeout(soon, &mut exchange).await {
            return outcome;
        }
        slow();
        let exchange = tokio::time::timeout(timeout.saturating_sub(soon), exchange).await;
        exchange.unwrap_or_else(|_| Ok(late(timeout, answered.load(Ordering::Relaxed))))
    }

    /// Sends the request and reads the answer. Some answer before they have taken all of
    /// the request, and may yet want it: the attempt goes on until they have.
    async fn exchange(
        &self,
        request: Request,
        allowance: Allowance,
        answered: &AtomicU16,
        now: impl Fn() -> Timestamp,
    ) -> Result<Outcome, Unsent> {
        let (insecure_ssl, secrets) = (request.insecure_ssl, request.secrets.clone());
        let (request, sending) = match outbound(request) {
            Ok(outbound) => outbound,
            Err(e) => return Ok(Outcome::Refused(format!("the URL cannot be called: {}", root_cause(&e)))),
        };
        let identity = secrets.identity.as_deref();
        let answering = match (allowance.way, identity) {
            (Way::Question(hook), identity) => self.clients.asking(hook, identity, insecure_ssl).request(request),
            (Way::Call, _) => self.clients.calling().request(request),
            (Way::Attempt, None) => self.clients.usual(insecure_ssl).request(request),
            (Way::Attempt, Some(identity)) => self.clients.of(identity, insecure_ssl).request(request),
        };
        let outcome = match answering.await {
            Ok(response) => read(response, allowance, &secrets.mask, now).await,
            Err(e) => return unanswered(&e, identity),
        };
        if let Some(status) = outcome.status() {
            answered.store(status, Ordering::Relaxed);
            sending.over().await;
        }
        Ok(outcome)
    }
}

/// The time is up; `answered` is the status of an answer that was whole, or 0.
fn late(timeout: Duration, answered: u16) -> Outcome {
    let timeout = humantime::format_duration(timeout);
    Outcome::Failed(match answered {
        0 => format!("no complete answer within {timeout}"),
        status => format!("answered ({status}), but the whole request was not taken within {timeout}"),
    })
}

/// Why nothing was sent.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unsent {
    /// This machine has run out of something: no receiver is to blame.
    #[error("no connection can be made: {0}")]
    Shortage(String),
    /// The receiver could not be connected to.
    #[error("cannot connect: {0}")]
    Unconnected(String),
}

/// What a machine can be short of: descriptors of the process and of the system,
/// memory, ports.
const SHORTAGES: [Errno; 5] = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM, Errno::ADDRNOTAVAIL];

/// Why there is no answer: a shortage of ours, the guard, name servers that cannot be
/// asked, or the receiver.
fn unanswered(error: &legacy::Error, identity: Option<&TlsIdentity>) -> Result<Outcome, Unsent> {
    let tls = sources(error).find_map(|e| e.downcast_ref()).map(|error| tls::reason(error, identity));
    let cause = legible(&tls.unwrap_or_else(|| root_cause(error)));
    if !error.is_connect() {
        return Ok(Outcome::Failed(format!("no answer: {cause}")));
    }
    let code = sources(error).find_map(|e| e.downcast_ref::<io::Error>()?.raw_os_error());
    if code.is_some_and(|code| SHORTAGES.iter().any(|errno| errno.raw_os_error() == code)) {
        return Err(Unsent::Shortage(cause));
    }
    match sources(error).find_map(|e| e.downcast_ref::<Barred>()) {
        Some(barred @ (Barred::Forbidden(_) | Barred::PlainHttp)) => Ok(Outcome::Refused(barred.to_string())),
        Some(Barred::Unresolved(silent @ Unresolved::Silent(..))) => Ok(Outcome::Hindered(silent.to_string())),
        Some(theirs @ (Barred::NoIpv6 | Barred::Unresolved(Unresolved::Absent(_) | Unresolved::Unanswered(..)))) => {
            Err(Unsent::Unconnected(theirs.to_string()))
        }
        None => Err(Unsent::Unconnected(cause)),
    }
}

fn outbound(request: Request) -> http::Result<(http::Request<Full<Payload>>, Sending)> {
    let (payload, sending) = Payload::new(request.body);
    let mut outbound = http::Request::builder()
        .method(request.method)
        .uri(http::Uri::from_maybe_shared(request.url)?)
        .body(Full::new(payload))?;
    *outbound.headers_mut() = request.headers;
    Ok((outbound, sending))
}

async fn read(
    mut response: Response<Incoming>,
    allowance: Allowance,
    mask: &Mask,
    now: impl Fn() -> Timestamp,
) -> Outcome {
    let status = response.status().as_u16();
    let mut reason = match response.extensions().get::<ReasonPhrase>() {
        Some(phrase) => String::from_utf8_lossy(&mask.value(phrase.as_bytes())).into_owned(),
        None => usual_reason(status).to_owned(),
    };
    reason.truncate(reason.floor_char_boundary(REASON_BYTES));
    let header = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let retry_after = header.and_then(|value| retry_after(value, now()));
    let headers = kept_headers(response.headers(), mask);
    let nothing = Mask::default();
    let hidden = if let Way::Question(_) = allowance.way { &nothing } else { mask };
    let body = kept_body(&mut response, allowance.kept, hidden).await;
    if let Some(meter) = response.extensions().get::<Meter>() {
        meter.reset();
    }
    match body {
        Ok((body, cut)) => Outcome::Answered(Answer { status, reason, headers, body, cut, retry_after }),
        Err(e) => Outcome::Failed(format!("the answer ({status}) broke off: {}", legible(&root_cause(&e)))),
    }
}

/// Reads the body so that the connection can be used again, and keeps its beginning
/// without secrets; true if there was more than we read.
async fn kept_body(response: &mut Response<Incoming>, most: usize, mask: &Mask) -> hyper::Result<(Bytes, bool)> {
    let mut kept = BytesMut::new();
    let (mut read, mut cut) = (0, false);
    while let Some(frame) = response.frame().await.transpose()? {
        let chunk = frame.into_data().unwrap_or_default();
        read += chunk.len();
        let room = most + mask.reach() - kept.len();
        kept.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if read >= READ_BYTES {
            cut = true;
            break;
        }
    }
    let masked = match mask.cut(&kept, most) {
        Cow::Owned(masked) => Some(masked),
        Cow::Borrowed(_) => None,
    };
    let body = masked.map_or_else(|| kept.freeze(), Bytes::from);
    Ok((body.slice(..body.len().min(most)), cut))
}

fn kept_headers(headers: &HeaderMap, mask: &Mask) -> HeaderLines {
    let mut kept = HeaderLines::default();
    for (name, value) in headers {
        let value = mask.value(value.as_bytes());
        // What is no text grows as it becomes some.
        let value = String::from_utf8_lossy(&value);
        if kept.as_str().len() + name.as_str().len() + value.len() > KEPT_BYTES {
            break;
        }
        kept.push(name.as_str(), &value);
    }
    kept
}

/// A cause as it can be shown: what a certificate says of itself is its owner's to choose.
fn legible(cause: &str) -> String {
    let mut legible = String::with_capacity(cause.len().min(CAUSE_BYTES));
    for c in cause.chars() {
        match c {
            _ if legible.len() >= CAUSE_BYTES => break,
            '"' | '\'' | '\\' => legible.push(c),
            c => legible.extend(c.escape_debug()),
        }
    }
    legible
}

/// The innermost reason: the outer ones only say that a request failed, and
/// may quote the URL.
fn root_cause(error: &(dyn Error + 'static)) -> String {
    sources(error).last().unwrap_or(error).to_string()
}

/// An error and what caused it, the innermost last.
fn sources<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| cause(*error))
}

/// An I/O error passes over what it stands for, and names that one's cause as its own.
fn cause<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(inner) => Some(inner),
        None => error.source(),
    }
}
