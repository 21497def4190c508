//! Gates as JSON.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::api::App;
use crate::api::asking::is_askers;
use crate::domain::access::Caller;
use crate::domain::delivery::Delivery;
use crate::domain::event::EventType;
use crate::domain::gate::{Decision, Gate};
use crate::domain::hook::Hook;
use crate::domain::id::{DeliveryId, EventId, GateId, HookId};
use crate::domain::time::Timestamp;

/// A gate: what was asked, and what it came to.
#[derive(Serialize)]
pub(in crate::api) struct GateView {
    id: GateId,
    event: String,
    applications: Vec<String>,
    state: &'static str,
    approved: bool,
    work_id: Option<String>,
    reason: Option<String>,
    asked_at: Timestamp,
    asked_by: Option<String>,
    expires_at: Timestamp,
    closed_at: Option<Timestamp>,
    decisions: Vec<DecisionView>,
    /// Only where one gate is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeline: Option<Vec<Moment>>,
}

/// Whether a hook is asked; nothing where it is not, and nobody said that it should not be.
#[derive(Serialize)]
#[expect(clippy::option_option, reason = "not shown, null, or a truth: three things")]
pub(in crate::api) struct GatingView {
    /// As it was given; null: by the names of its events.
    #[serde(skip_serializing_if = "Option::is_none")]
    gate: Option<Option<bool>>,
    /// Those of its events for which it is asked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    asked_for: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    on_silence: Option<&'static str>,
}

impl GatingView {
    pub(in crate::api) fn of(hook: &Hook) -> Self {
        let (given, asked) = (hook.gating.gate, hook.is_asked());
        let asked_for = hook.filter.events().into_iter().filter(|event| asked && hook.gating.is_for(event));
        Self {
            gate: (asked || given.is_some()).then_some(given),
            asked_for: asked_for.collect(),
            on_silence: asked.then(|| hook.gating.on_silence.as_str()),
        }
    }
}

/// What one hook came to.
#[derive(Serialize)]
struct DecisionView {
    hook: HookId,
    state: &'static str,
    approved: Option<bool>,
    reason: Option<String>,
    work_id: Option<String>,
    /// Null for those who neither asked nor may see what hooks answer.
    answer: Option<Box<RawValue>>,
    status: Option<u16>,
    duration_ms: Option<f64>,
    decided_at: Option<Timestamp>,
    decided_by: Option<String>,
}

/// Something that happened to a gate.
#[derive(Serialize)]
struct Moment {
    at: Timestamp,
    what: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hook: Option<HookId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<EventId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery: Option<DeliveryId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

/// An event that followed a gate, with its deliveries.
pub(in crate::api) struct Followed {
    pub(in crate::api) event: EventId,
    pub(in crate::api) event_type: EventType,
    pub(in crate::api) published_at: Timestamp,
    pub(in crate::api) deliveries: Vec<Delivery>,
}

impl GateView {
    /// As this caller may see it.
    pub(in crate::api) fn of(gate: Gate, caller: &Caller, app: &App) -> Self {
        let (approved, bounds) = (gate.approved(), caller.sees());
        let work_id = gate.work_id().map(str::to_owned);
        // Who is bound to applications need not know what others' hooks say, nor who else there is.
        let unbound = caller.applications().is_empty();
        let whole = is_askers(caller, &gate) || unbound && caller.sees_urls_of().is_none();
        let refusal = gate.decisions.iter().find(|decision| decision.approved() == Some(false));
        let reason = gate.reason.or_else(|| refusal.filter(|_| !approved)?.reason.clone());
        let name = |token| app.auth.tokens().name(token);
        let asked_by = gate.asker.filter(|token| unbound || caller.token == Some(*token));
        Self {
            id: gate.id,
            event: gate.event_type.as_str().to_owned(),
            applications: gate
                .applications
                .into_iter()
                .filter(|name| bounds.hold_one_of(std::slice::from_ref(name)))
                .collect(),
            state: gate.state.as_str(),
            approved,
            work_id,
            reason,
            asked_at: gate.asked_at,
            asked_by: asked_by.and_then(name),
            expires_at: gate.expires_at,
            closed_at: gate.closed_at,
            decisions: gate.decisions.into_iter().map(|decision| DecisionView::of(decision, whole, unbound)).collect(),
            payload: None,
            timeline: None,
        }
    }

    /// With what was asked, and all that happened since.
    pub(in crate::api) fn whole(gate: Gate, followed: &[Followed], caller: &Caller, app: &App) -> Self {
        let payload = serde_json::from_slice(&gate.payload).ok();
        let timeline = Some(timeline(&gate, followed, caller.applications().is_empty()));
        Self { payload, timeline, ..Self::of(gate, caller, app) }
    }
}

impl DecisionView {
    fn of(decision: Decision, whole: bool, names: bool) -> Self {
        Self {
            hook: decision.hook,
            state: decision.state.as_str(),
            approved: decision.approved(),
            reason: decision.reason,
            work_id: decision.work_id,
            answer: decision.answer.filter(|_| whole).and_then(|answer| RawValue::from_string(answer).ok()),
            status: decision.status,
            duration_ms: decision.duration.map(super::millis),
            decided_at: decision.decided_at,
            decided_by: decision.decided_by.filter(|_| names),
        }
    }
}

/// The oldest first.
fn timeline(gate: &Gate, followed: &[Followed], names: bool) -> Vec<Moment> {
    let mut moments = vec![];
    for decision in &gate.decisions {
        let moment = |at, what, detail| Moment { hook: Some(decision.hook), ..Moment::of(at, what, detail) };
        moments.push(moment(gate.asked_at, "asked", None));
        let answered = decision.answered_at.filter(|at| decision.decided_at != Some(*at));
        let status = decision.status.map(|status| format!("answered {status}"));
        moments.extend(answered.map(|at| moment(at, "answered", status)));
        let by = decision.decided_by.as_ref().filter(|_| names).map(|by| format!("by {by}"));
        let said = decision.reason.clone().into_iter().chain(by).collect::<Vec<_>>().join(", ");
        let detail = Some(said).filter(|said| !said.is_empty());
        moments.extend(decision.decided_at.map(|at| moment(at, decision.state.as_str(), detail)));
    }
    let closed = gate.closed_at.map(|at| Moment::of(at, "closed", Some(gate.state.as_str().to_owned())));
    moments.extend(closed);
    for Followed { event, event_type, published_at, deliveries } in followed {
        let published = Moment::of(*published_at, "published", Some(event_type.as_str().to_owned()));
        moments.push(Moment { event: Some(*event), ..published });
        for delivery in deliveries {
            let at = delivery.finished_at.unwrap_or(delivery.created_at);
            let (hook, delivered) = (Some(delivery.hook), Some(DeliveryId(delivery.seq)));
            let due = delivery.due_at.map(|due| format!("due at {}", due.rfc3339()));
            let moment = Moment::of(at, delivery.state.as_str(), delivery.reason.clone().or(due));
            moments.push(Moment { hook, event: Some(*event), delivery: delivered, ..moment });
        }
    }
    // What happened at one time stays in this order, in which one thing leads to another.
    moments.sort_by_key(|moment| moment.at);
    moments
}

impl Moment {
    fn of(at: Timestamp, what: &'static str, detail: Option<String>) -> Self {
        Self { at, what, hook: None, event: None, delivery: None, detail }
    }
}
