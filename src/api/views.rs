//! What is kept, as JSON: one shape a noun, whichever way it is asked for.

mod attempt;
mod certificate;
mod gate;
mod secret;
mod trigger;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use serde_json::value::RawValue;

use self::attempt::AttemptView;
use self::certificate::CertificateView;
use self::gate::GatingView;
pub(super) use self::gate::{Followed, GateView};
pub(super) use self::secret::SecretView;
pub(super) use self::trigger::{ExecutionView, TriggerView, firings, status};
use super::App;
use super::publishing::Kept;
use crate::domain::access::Caller;
use crate::domain::action::Deed;
use crate::domain::delivery::{Attempt, Delivery};
use crate::domain::event::Event;
use crate::domain::headers::MASKED;
use crate::domain::hook::Hook;
use crate::domain::id::{DeliveryId, EventId, ExecutionId, GateId, HookId, TokenId};
use crate::domain::outcome::status_name;
use crate::domain::signature::Secret;
use crate::domain::time::Timestamp;
use crate::store::EventSummary;

/// A hook: Kudu's eight fields in Kudu's words, then ours. The `last_` fields
/// are absent until the first attempt.
#[derive(Serialize)]
pub(super) struct HookView {
    id: HookId,
    event: String,
    url: String,
    insecure_ssl: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_datetime: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_context: Option<String>,
    events: Vec<String>,
    applications: Vec<String>,
    description: Option<String>,
    #[serde(flatten)]
    gating: GatingView,
    state: &'static str,
    paused_at: Option<Timestamp>,
    paused_by: Option<&'static str>,
    failures: u32,
    failing_since: Option<Timestamp>,
    next_probe_at: Option<Timestamp>,
    order: &'static str,
    max_in_flight: Option<u32>,
    rate_limit: Option<u32>,
    signatures: Vec<&'static str>,
    /// Values are secret, so each is the same.
    headers: BTreeMap<String, &'static str>,
    ca_certificate: Option<CertificateView>,
    client_certificate: Option<CertificateView>,
    dialect: &'static str,
    /// Only where it is one of Huskar's.
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook_type: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<&'static str>,
    created_at: Timestamp,
    updated_at: Timestamp,
    /// Only in v1, and where there are any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    /// Only where the hook has just been made.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    /// Only where one hook is asked for: it has to be counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    owed: Option<u64>,
}

impl HookView {
    /// With how many deliveries it is owed.
    pub(super) fn with_owed(self, owed: u64) -> Self {
        Self { owed: Some(owed), ..self }
    }

    /// With what it signs with, which is shown this once.
    pub(super) fn with_secret(self, secret: Option<Secret>) -> Self {
        Self { secret: secret.map(|secret| secret.text()), ..self }
    }
}

impl HookView {
    /// As this caller may see it now, with what its owner should know.
    pub(super) fn at(now: Timestamp, caller: &Caller, hook: Hook) -> Self {
        let warnings = hook.warnings(now);
        Self { warnings, ..Self::to(caller, hook) }
    }

    /// As this caller may see it.
    pub(super) fn to(caller: &Caller, hook: Hook) -> Self {
        let whole = caller.sees_urls_of().is_none_or(|owner| owner == hook.owner);
        let events = hook.filter.events();
        let (state, gating) = (hook.state().as_str(), GatingView::of(&hook));
        let last = hook.last;
        Self {
            id: hook.id,
            event: events.first().cloned().unwrap_or_default(),
            url: if whole { hook.url.as_str().to_owned() } else { hook.url.shortened() },
            insecure_ssl: hook.insecure_ssl,
            last_status: last.as_ref().map(|last| status_name(last.status).into_owned()),
            last_reason: last.as_ref().map(|last| if whole { &last.reason } else { last.plain_reason() }.to_owned()),
            last_datetime: last.as_ref().map(|last| last.started_at.kudu()),
            last_context: last.and_then(|last| last.context),
            events,
            applications: hook.filter.applications(),
            description: hook.description,
            gating,
            state,
            paused_at: hook.paused.map(|(at, _)| at),
            paused_by: hook.paused.map(|(_, by)| by.as_str()),
            failures: hook.breaker.failures,
            failing_since: hook.breaker.since,
            next_probe_at: hook.breaker.probe_at.filter(|_| hook.paused.is_none()),
            order: hook.order.as_str(),
            max_in_flight: hook.limits.max_in_flight,
            rate_limit: hook.limits.rate_limit,
            signatures: hook.signatures.iter().map(|scheme| scheme.as_str()).collect(),
            headers: hook.header_names.into_iter().map(|name| (name, MASKED)).collect(),
            ca_certificate: hook.certificates.ca.map(CertificateView::from),
            client_certificate: hook.certificates.client.map(CertificateView::from),
            dialect: hook.dialect.as_str(),
            webhook_type: hook.webhook.map(|webhook| webhook.kind.number()),
            payload: hook.webhook.map(|webhook| webhook.keys.as_str()),
            created_at: hook.created_at,
            updated_at: hook.updated_at,
            warnings: vec![],
            secret: None,
            owed: None,
        }
    }
}

/// The answer to a publish.
#[derive(Serialize)]
pub(super) struct PublishedView<'a> {
    id: EventId,
    r#type: &'a str,
    deliveries: u32,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    warnings: &'a [String],
}

impl<'a> PublishedView<'a> {
    pub(super) fn of(kept: &'a Kept) -> Self {
        let Kept { published, warnings } = kept;
        let (id, deliveries) = (published.id, published.deliveries);
        Self { id, r#type: published.event_type.as_str(), deliveries, warnings }
    }
}

/// What was sent to try a hook out.
#[derive(Serialize)]
pub(super) struct TestView {
    pub(super) event: EventId,
    pub(super) delivery: DeliveryId,
}

/// An event; its payload only where one event is asked for.
#[derive(Serialize)]
pub(super) struct EventView {
    id: EventId,
    r#type: String,
    applications: Vec<String>,
    published_at: Timestamp,
    published_by: Option<String>,
    /// Only where somebody said.
    #[serde(flatten)]
    deed: Option<Deed>,
    deliveries: u32,
    bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<Box<RawValue>>,
    /// Only there, and where it is tied to one.
    #[serde(skip_serializing_if = "Option::is_none")]
    gate: Option<GateId>,
    /// Of the trigger that published it, if one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    execution: Option<ExecutionId>,
}

impl EventView {
    /// Without its payload, and with those of its applications that the caller may see.
    pub(super) fn of(EventSummary { event, bytes }: EventSummary, caller: &Caller, app: &App) -> Self {
        let bounds = caller.sees();
        // Who is bound to applications need not know who else there is.
        let names = |token: &TokenId| caller.applications().is_empty() || caller.token == Some(*token);
        let seen = |name: &String| bounds.hold_one_of(std::slice::from_ref(name));
        Self {
            id: event.id,
            r#type: event.event_type.as_str().to_owned(),
            applications: event.applications.into_iter().filter(seen).collect(),
            published_at: event.published_at,
            deed: event.deed,
            published_by: event.publisher.filter(names).and_then(|token| app.auth.tokens().name(token)),
            deliveries: event.deliveries,
            bytes,
            payload: None,
            gate: None,
            execution: event.origin.map(|origin| ExecutionId(origin.execution)),
        }
    }

    /// With it, and the gate that was asked before.
    pub(super) fn whole(event: Event, gate: Option<GateId>, caller: &Caller, app: &App) -> Self {
        let bytes = event.payload.len() as u64;
        // An empty payload went out as `null`, and anything else was checked when it came.
        let payload = serde_json::from_slice(&event.payload).ok();
        Self { payload, gate, ..Self::of(EventSummary { event, bytes }, caller, app) }
    }
}

/// A delivery.
#[derive(Serialize)]
pub(super) struct DeliveryView {
    id: DeliveryId,
    event: EventId,
    event_type: String,
    hook: HookId,
    #[serde(skip_serializing_if = "Option::is_none")]
    application: Option<String>,
    state: &'static str,
    attempt_count: u32,
    created_at: Timestamp,
    due_at: Option<Timestamp>,
    finished_at: Option<Timestamp>,
    redelivers: Option<DeliveryId>,
    redelivered_by: Option<DeliveryId>,
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts: Option<Vec<AttemptView>>,
}

impl From<Delivery> for DeliveryView {
    fn from(delivery: Delivery) -> Self {
        Self {
            id: DeliveryId(delivery.seq),
            event: delivery.event,
            event_type: delivery.event_type,
            hook: delivery.hook,
            application: delivery.application,
            state: delivery.state.as_str(),
            attempt_count: delivery.attempts,
            created_at: delivery.created_at,
            due_at: delivery.due_at,
            finished_at: delivery.finished_at,
            redelivers: delivery.redelivers.map(DeliveryId),
            redelivered_by: delivery.redelivered_by.map(DeliveryId),
            reason: delivery.reason,
            attempts: None,
        }
    }
}

impl DeliveryView {
    /// With its attempts, as one sees them who may see the hook's whole URL or not.
    pub(super) fn with_attempts(delivery: Delivery, attempts: Vec<Attempt>, whole: bool) -> Self {
        let attempts = attempts.into_iter().map(|attempt| AttemptView::of(attempt, whole)).collect();
        Self { attempts: Some(attempts), ..delivery.into() }
    }
}

/// Milliseconds to three digits.
fn millis(duration: Duration) -> f64 {
    // Micros of any attempt are far below 2^52.
    #[expect(clippy::cast_precision_loss, reason = "see above")]
    let micros = duration.as_micros() as f64;
    micros / 1000.0
}
