//! What an attempt sends.

use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::domain::event::EventType;
use crate::domain::gate::{Gate, with_work_id};
use crate::domain::headers::{HeaderLines, MASKED};
use crate::domain::id::DeliveryId;
use crate::domain::time::Timestamp;
use crate::domain::trigger::calling::Call;
use crate::domain::trigger::carry::HOPS;
use crate::domain::url::Credentials;
use crate::store::targets::{OpenSecrets, Target};
use crate::store::{DecideToken, Leased};

/// A request that is ready to be sent.
#[derive(Debug, Clone)]
pub struct Request {
    /// POST, but for what triggers call.
    pub method: Method,
    /// Absolute, without user info, as HTTP writes it.
    pub url: Bytes,
    /// Accept any certificate.
    pub insecure_ssl: bool,
    /// What of it is secret, and whom to trust.
    pub secrets: Arc<OpenSecrets>,
    /// All but those that HTTP itself needs.
    pub headers: HeaderMap,
    /// The event's payload, to the byte; or what the hook's kind is sent of it; or what a trigger
    /// says.
    pub body: Bytes,
}

/// The names of the headers that an attempt carries besides the usual ones.
/// Those that begin with `webhook-` are those of Standard Webhooks 1.0.
const WEBHOOK_ID: HeaderName = HeaderName::from_static("webhook-id");
const WEBHOOK_TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const NYALA_EVENT: HeaderName = HeaderName::from_static("nyala-event");
const NYALA_DELIVERY: HeaderName = HeaderName::from_static("nyala-delivery");
const NYALA_ATTEMPT: HeaderName = HeaderName::from_static("nyala-attempt");
const NYALA_HOPS: HeaderName = HeaderName::from_static(HOPS);
const NYALA_GATE: HeaderName = HeaderName::from_static("nyala-gate");
const NYALA_GATE_TOKEN: HeaderName = HeaderName::from_static("nyala-gate-token");
const NYALA_GATE_EXPIRES: HeaderName = HeaderName::from_static("nyala-gate-expires");

const USUAL_AGENT: HeaderValue = HeaderValue::from_static(concat!("Nyala/", env!("CARGO_PKG_VERSION")));

const WEBHOOK_SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");
/// What receivers of GitHub's webhooks check.
const X_HUB_SIGNATURE_256: HeaderName = HeaderName::from_static("x-hub-signature-256");

/// Composes the attempt that starts now.
///
/// # Errors
/// Why the hook's secrets do not open: without them nothing goes out.
pub(super) fn compose(leased: &Leased, target: &Target, now: Timestamp) -> Result<Request, String> {
    // How receivers, and we, notice that something goes round in circles.
    let hops = Some(leased.event.hops).filter(|hops| *hops > 0).map(|hops| (NYALA_HOPS, HeaderValue::from(hops)));
    let about = [
        (NYALA_DELIVERY, text(DeliveryId(leased.seq).to_string())),
        (NYALA_ATTEMPT, HeaderValue::from(leased.attempts + 1)),
    ];
    let about = about.into_iter().chain(hops);
    signed(target, &message_id(leased), &leased.event.event_type, about, body(leased, target), now)
}

/// Composes what a hook is asked at a gate; `token` lets it decide later.
///
/// # Errors
/// As [`compose`].
pub(super) fn compose_question(
    gate: &Gate,
    target: &Target,
    token: &DecideToken,
    now: Timestamp,
) -> Result<Request, String> {
    let mut secret = text(token.0.clone());
    secret.set_sensitive(true);
    let id = gate.id.to_string();
    let about = [
        (NYALA_GATE, text(id.clone())),
        (NYALA_GATE_TOKEN, secret),
        (NYALA_GATE_EXPIRES, text(gate.expires_at.rfc3339())),
    ];
    signed(target, &id, &gate.event_type, about, gate.payload.clone(), now)
}

/// Composes what a trigger calls; `hops` with itself. Nothing is signed: there is no hook whose
/// secret could do it.
pub(super) fn compose_call(call: Call, hops: u32) -> Request {
    let mut headers = HeaderMap::with_capacity(16);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(USER_AGENT, USUAL_AGENT);
    headers.insert(NYALA_HOPS, HeaderValue::from(hops));
    // The HTTP client would say nothing of a body that is empty, and some servers want to hear it.
    if call.body.is_empty() && matches!(call.method, Method::POST | Method::PUT | Method::PATCH) {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(0));
    }
    let secrets = OpenSecrets::new(call.secrets(), &[], None);
    let Call { method, url, credentials, headers: own, body } = call;
    if own.iter().any(|(name, _)| name == CONTENT_TYPE) {
        headers.remove(CONTENT_TYPE);
    }
    for (name, value) in own {
        headers.append(name, value);
    }
    if let Some(credentials) = &credentials {
        headers.insert(AUTHORIZATION, basic(credentials));
    }
    Request { method, url: url.wire().clone(), insecure_ssl: false, secrets: Arc::new(secrets), headers, body }
}

/// A request that is signed as the hook has it, with what it is about.
fn signed(
    target: &Target,
    id: &str,
    event_type: &EventType,
    about: impl IntoIterator<Item = (HeaderName, HeaderValue)>,
    body: Bytes,
    now: Timestamp,
) -> Result<Request, String> {
    let secrets = target.secrets.as_ref().map_err(Clone::clone)?;
    let mut headers = HeaderMap::with_capacity(16);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    headers.insert(USER_AGENT, USUAL_AGENT);
    let signatures = secrets.signing.sign(id, now, &body);
    headers.insert(WEBHOOK_ID, text(id.to_owned()));
    headers.insert(WEBHOOK_TIMESTAMP, HeaderValue::from(now.seconds()));
    headers.insert(NYALA_EVENT, text(event_type.as_str().to_owned()));
    headers.extend(about);
    // Signatures are kept on record as they are: they are good for this one message,
    // and who looks for the reason of a mismatch needs them.
    let signed = [(WEBHOOK_SIGNATURE, signatures.webhook), (X_HUB_SIGNATURE_256, signatures.github)];
    headers.extend(signed.into_iter().filter_map(|(name, value)| Some((name, text(value?)))));
    headers.extend(secrets.headers.iter().cloned());
    if let Some(credentials) = &secrets.credentials {
        headers.insert(AUTHORIZATION, basic(credentials));
    }
    let url = target.url.wire().clone();
    let method = Method::POST;
    Ok(Request { method, url, insecure_ssl: target.insecure_ssl, secrets: secrets.clone(), headers, body })
}

/// What is escaped in the name of a message. Above all the dot: with one in the name,
/// which a publisher has a part in, what is signed could be read in two ways (Standard
/// Webhooks 1.0, signature scheme).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');

/// A name of what is sent, the same for each attempt. An event that goes to one hook
/// in several bodies goes under as many names.
fn message_id(leased: &Leased) -> String {
    match &leased.application {
        None => leased.event.id.to_string(),
        Some(application) => format!("{}:{}", leased.event.id, utf8_percent_encode(application, ESCAPED)),
    }
}

fn body(leased: &Leased, target: &Target) -> Bytes {
    let payload = &leased.event.payload;
    match (target.webhook, &leased.work_id) {
        (Some(webhook), _) => webhook.body(&leased.event, leased.application.as_deref()),
        (None, Some(work_id)) => with_work_id(payload, work_id),
        (None, None) => payload.clone(),
    }
}

/// The headers as they are kept on record: secrets masked.
pub(super) fn on_record(headers: &HeaderMap) -> HeaderLines {
    let mut lines = HeaderLines::default();
    for (name, value) in headers {
        let value = if value.is_sensitive() { MASKED.into() } else { String::from_utf8_lossy(value.as_bytes()) };
        lines.push(name.as_str(), &value);
    }
    lines
}

/// Names of events may have letters beyond ASCII: they go out as UTF-8. Control
/// characters, which would be refused here, never get this far.
fn text(value: String) -> HeaderValue {
    HeaderValue::from_maybe_shared(Bytes::from(value)).unwrap_or_else(|_| HeaderValue::from_static(""))
}

fn basic(credentials: &Credentials) -> HeaderValue {
    let pair = format!("{}:{}", credentials.username, credentials.password);
    let mut value = text(format!("Basic {}", BASE64_STANDARD.encode(pair)));
    value.set_sensitive(true);
    value
}
