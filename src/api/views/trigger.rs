//! Triggers and executions, as they are shown.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::api::trigger_fields::of_trigger;
use crate::domain::headers::HeaderLines;
use crate::domain::id::{EventId, ExecutionId};
use crate::domain::time::Timestamp;
use crate::domain::trigger::incoming::Incoming;
use crate::domain::trigger::schedule::Schedule;
use crate::domain::trigger::{Conclusion, Execution, Settings, Status};
use crate::store::Counted;

/// How many firings ahead are shown.
const FIRINGS: usize = 5;

/// When a schedule fires next, each in its own time zone.
pub(in crate::api) fn firings(schedule: &Schedule, now: Timestamp) -> Vec<String> {
    schedule.firings(now, FIRINGS).into_iter().map(|at| schedule.local(at)).collect()
}

/// A trigger.
#[derive(Serialize)]
pub(in crate::api) struct TriggerView {
    uuid: String,
    #[serde(flatten)]
    fields: Map<String, Value>,
    state: &'static str,
    /// Whether requests have to be signed.
    signed: bool,
    /// Where it is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    schedule: Option<ScheduleView>,
    executions: CountsView,
    next_at: Option<Timestamp>,
    created_at: Timestamp,
    updated_at: Timestamp,
    stopped_at: Option<Timestamp>,
    /// Only while nothing is carried out.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    maintenance: bool,
}

/// A schedule, in words.
#[derive(Serialize)]
struct ScheduleView {
    words: String,
    next: Vec<String>,
}

/// How many executions are kept.
#[derive(Serialize)]
struct CountsView {
    total: u64,
    todo: u64,
}

impl TriggerView {
    /// All but its secret; `base` is where others reach this server.
    pub(in crate::api) fn of(counted: Counted, maintenance: bool, base: &str, now: Timestamp) -> Self {
        let Counted { trigger, total, todo, next_at } = counted;
        let schedule = match &trigger.settings {
            Settings::Scheduler(scheduler) => scheduler.schedule().ok(),
            _ => None,
        };
        let next = |schedule: &Schedule| if trigger.stopped_at.is_some() { vec![] } else { firings(schedule, now) };
        Self {
            fields: of_trigger(&trigger),
            state: if trigger.stopped_at.is_some() { "stopped" } else { "started" },
            signed: trigger.has_secret,
            url: trigger.settings.method().map(|_| format!("{base}/webhook/{}", trigger.uuid)),
            schedule: schedule.map(|schedule| ScheduleView { words: schedule.words(), next: next(&schedule) }),
            executions: CountsView { total, todo },
            next_at,
            created_at: trigger.created_at,
            updated_at: trigger.updated_at,
            stopped_at: trigger.stopped_at,
            maintenance,
            uuid: trigger.uuid,
        }
    }
}

/// An execution.
#[derive(Serialize)]
pub(in crate::api) struct ExecutionView {
    id: ExecutionId,
    status: &'static str,
    result: Option<&'static str>,
    at: Timestamp,
    due_at: Option<Timestamp>,
    processed_at: Option<Timestamp>,
    errors: u32,
    error: Option<String>,
    hops: u32,
    /// The sender's own name for it.
    key: Option<String>,
    events: Vec<EventId>,
    /// Only where it waits because nothing is carried out for now.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    maintenance: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<RequestView>,
}

/// What came in.
#[derive(Serialize)]
struct RequestView {
    method: String,
    query: String,
    headers: HeaderLines,
    bytes: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    /// Instead, where it is no text.
    #[serde(skip_serializing_if = "Option::is_none")]
    body_base64: Option<String>,
}

impl ExecutionView {
    /// Without the body of what came in.
    pub(in crate::api) fn of(execution: Execution, events: Vec<EventId>, now: Timestamp) -> Self {
        Self::with(execution, events, now, false)
    }

    /// With it.
    pub(in crate::api) fn whole(execution: Execution, events: Vec<EventId>, now: Timestamp) -> Self {
        Self::with(execution, events, now, true)
    }

    /// The same, where nothing may be carried out for now.
    pub(in crate::api) fn during(self, maintenance: bool) -> Self {
        Self { maintenance: maintenance && self.due_at.is_some(), ..self }
    }

    fn with(execution: Execution, events: Vec<EventId>, now: Timestamp, whole: bool) -> Self {
        Self {
            maintenance: false,
            id: execution.id(),
            status: status(&execution, now).as_str(),
            result: execution.conclusion.map(Conclusion::as_str),
            at: execution.at,
            due_at: execution.due_at,
            processed_at: execution.processed_at,
            errors: execution.errors,
            error: execution.last_error,
            hops: execution.hops,
            key: execution.key,
            events,
            request: execution.incoming.map(|incoming| RequestView::of(incoming, whole)),
        }
    }
}

/// What is due and waits for its turn is enqueued.
pub(in crate::api) fn status(execution: &Execution, now: Timestamp) -> Status {
    match (execution.status, execution.due_at) {
        (Status::Scheduled, Some(due_at)) if due_at <= now => Status::Enqueued,
        (status, _) => status,
    }
}

impl RequestView {
    fn of(incoming: Incoming, whole: bool) -> Self {
        let text = std::str::from_utf8(&incoming.body).ok().filter(|_| whole).map(str::to_owned);
        let encoded = (whole && text.is_none()).then(|| BASE64_STANDARD.encode(&incoming.body));
        Self {
            bytes: incoming.body.len(),
            method: incoming.method,
            query: incoming.query,
            headers: incoming.headers,
            body: text,
            body_base64: encoded,
        }
    }
}
