//! Tasks and executions, as CDS shows them.

use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Serialize;
use serde_json::Value;

use crate::domain::time::Timestamp;
use crate::domain::trigger::incoming::Incoming;
use crate::domain::trigger::{Execution, Kind, Trigger};

/// One firing of a task. Times are nanoseconds since 1970.
#[derive(Serialize)]
pub(in crate::api) struct ExecutionView {
    uuid: String,
    r#type: &'static str,
    /// Its name within the task.
    timestamp: i64,
    nb_errors: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
    /// 0: it was never processed.
    processing_timestamp: i64,
    workflow_run: i64,
    status: &'static str,
    config: Value,
    configuration: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook: Option<WebhookView>,
}

#[derive(Serialize)]
struct WebhookView {
    /// The raw query.
    #[serde(rename = "request_url")]
    url: String,
    /// Base64.
    #[serde(rename = "request_body")]
    body: String,
    #[serde(rename = "request_header")]
    header: BTreeMap<String, Vec<String>>,
    #[serde(rename = "request_method")]
    method: String,
}

impl ExecutionView {
    /// As whoever fired it is told: no more than what they sent.
    pub(in crate::api) fn told(trigger: &Trigger, execution: &Execution) -> Self {
        Self {
            uuid: trigger.uuid.clone(),
            r#type: task_type(trigger.settings.kind()),
            timestamp: execution.nanos(),
            nb_errors: execution.errors,
            last_error: execution.last_error.clone(),
            processing_timestamp: execution.processed_at.map_or(0, nanos),
            workflow_run: 0,
            status: execution.status.as_str(),
            config: Value::Null,
            configuration: None,
            webhook: execution.incoming.as_ref().map(WebhookView::of),
        }
    }
}

impl WebhookView {
    fn of(incoming: &Incoming) -> Self {
        let mut header: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in incoming.headers.iter() {
            header.entry(name.to_owned()).or_default().push(value.to_owned());
        }
        Self {
            url: incoming.query.clone(),
            body: BASE64_STANDARD.encode(&incoming.body),
            header,
            method: incoming.method.clone(),
        }
    }
}

fn nanos(at: Timestamp) -> i64 {
    at.millis().saturating_mul(1_000_000)
}

fn task_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Webhook => "Webhook",
        Kind::Repository => "RepoWebHook",
        Kind::Scheduler => "Scheduler",
        Kind::Outgoing => "OutgoingWebhook",
    }
}
