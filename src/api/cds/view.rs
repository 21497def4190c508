//! Tasks and executions, as CDS shows them.

use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Serialize;
use serde_json::Value;

use super::config::{Config, conditions_of, config_of};
use crate::api::views::status;
use crate::domain::time::Timestamp;
use crate::domain::trigger::incoming::Incoming;
use crate::domain::trigger::{Execution, Kind, Trigger};
use crate::store::page::Page;
use crate::store::{Counted, Reads, Result as Kept};

/// The most executions that are shown with a task, and about how many bytes of what came in.
const MOST: usize = 1000;
const MOST_BYTES: usize = 16 << 20;

/// How many of them are read at once: each may be of a mebibyte.
const CHUNK: usize = 16;

/// A task.
#[derive(Serialize)]
pub(super) struct TaskView<'a> {
    uuid: &'a str,
    r#type: &'static str,
    conditions: Value,
    stopped: bool,
    executions: Option<Vec<ExecutionView<'a>>>,
    nb_executions_total: u64,
    /// Those that were never processed.
    nb_executions_todo: u64,
    configuration: Option<Value>,
    config: &'a Config,
}

impl<'a> TaskView<'a> {
    /// As it stands in a list: without its executions.
    pub(super) fn brief(counted: &Counted, base: &str) -> Value {
        let config = config_of(&counted.trigger, base);
        // Texts and numbers always have a JSON form.
        serde_json::to_value(TaskView::with(counted, &config, None)).unwrap_or_default()
    }

    /// With these executions, written.
    pub(super) fn whole(counted: &Counted, executions: &[Execution], base: &str, now: Timestamp) -> Vec<u8> {
        let (trigger, config) = (&counted.trigger, config_of(&counted.trigger, base));
        let views = executions.iter().map(|execution| ExecutionView::of(trigger, &config, execution, now)).collect();
        serde_json::to_vec(&TaskView::with(counted, &config, Some(views))).unwrap_or_default()
    }

    fn with(counted: &'a Counted, config: &'a Config, executions: Option<Vec<ExecutionView<'a>>>) -> Self {
        let trigger = &counted.trigger;
        Self {
            uuid: &trigger.uuid,
            r#type: task_type(trigger.settings.kind()),
            conditions: conditions_of(trigger),
            stopped: trigger.stopped_at.is_some(),
            executions,
            nb_executions_total: counted.total,
            nb_executions_todo: counted.todo,
            configuration: None,
            config,
        }
    }
}

/// The executions of a task, the newest first; not all of them where they are very many or
/// very large.
pub(super) fn gather(archive: &dyn Reads, trigger: &Trigger) -> Kept<Vec<Execution>> {
    let (mut all, mut page) = (vec![], Page { after: None, limit: CHUNK });
    // Each is shown with the task's config.
    let own = trigger.task.as_ref().map_or(0, String::len);
    let size = |execution: &Execution| own + execution.incoming.as_ref().map_or(0, |incoming| incoming.body.len());
    let mut bytes = 0;
    while all.len() < MOST && bytes < MOST_BYTES {
        let found = archive.executions(trigger.id, page)?;
        bytes += found.items.iter().map(size).sum::<usize>();
        all.extend(found.items);
        match found.next {
            None => break,
            next => page.after = next,
        }
    }
    all.sort_by_key(|execution| std::cmp::Reverse(execution.nanos()));
    Ok(all)
}

/// One firing of a task. Times are nanoseconds since 1970.
#[derive(Serialize)]
pub(in crate::api) struct ExecutionView<'a> {
    uuid: &'a str,
    r#type: &'static str,
    /// Its name within the task.
    timestamp: i64,
    nb_errors: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<&'a str>,
    /// 0: it was never processed.
    processing_timestamp: i64,
    workflow_run: i64,
    status: &'static str,
    config: Option<&'a Config>,
    configuration: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook: Option<WebhookView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scheduled_task: Option<ScheduledTaskView>,
}

#[derive(Serialize)]
struct WebhookView {
    /// The raw query; of a call that is made, its URL.
    #[serde(rename = "request_url")]
    url: String,
    /// Base64.
    #[serde(rename = "request_body")]
    body: String,
    #[serde(rename = "request_header")]
    headers: BTreeMap<String, Vec<String>>,
    #[serde(rename = "request_method")]
    method: String,
}

#[derive(Serialize)]
struct ScheduledTaskView {
    date_scheduled_execution: String,
}

impl<'a> ExecutionView<'a> {
    /// As whoever fired it is told: they know what they sent.
    pub(in crate::api) fn told(trigger: &'a Trigger, execution: &'a Execution) -> Self {
        Self {
            uuid: &trigger.uuid,
            r#type: task_type(trigger.settings.kind()),
            timestamp: execution.nanos(),
            nb_errors: execution.errors,
            last_error: execution.last_error.as_deref(),
            processing_timestamp: execution.processed_at.map_or(0, nanos),
            workflow_run: 0,
            status: execution.status.as_str(),
            config: None,
            configuration: None,
            webhook: execution.incoming.as_ref().map(WebhookView::told),
            scheduled_task: None,
        }
    }

    /// As whoever manages the task is shown it.
    pub(super) fn of(trigger: &'a Trigger, config: &'a Config, execution: &'a Execution, now: Timestamp) -> Self {
        let told = Self::told(trigger, execution);
        let kind = trigger.settings.kind();
        Self {
            status: status(execution, now).as_str(),
            config: Some(config),
            webhook: match kind {
                Kind::Webhook | Kind::Repository => execution.incoming.as_ref().map(WebhookView::of),
                Kind::Scheduler => None,
                Kind::Outgoing => Some(WebhookView::of_call(config)),
            },
            scheduled_task: (kind == Kind::Scheduler)
                .then(|| ScheduledTaskView { date_scheduled_execution: execution.at.rfc3339() }),
            ..told
        }
    }
}

impl WebhookView {
    /// Without its headers and its body, which may be large.
    fn told(incoming: &Incoming) -> Self {
        let (url, method) = (incoming.query.clone(), incoming.method.clone());
        Self { url, method, body: String::new(), headers: BTreeMap::new() }
    }

    fn of(incoming: &Incoming) -> Self {
        let mut headers: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in incoming.headers.iter() {
            headers.entry(name.to_owned()).or_default().push(value.to_owned());
        }
        Self {
            url: incoming.query.clone(),
            body: BASE64_STANDARD.encode(&incoming.body),
            headers,
            method: incoming.method.clone(),
        }
    }

    /// A call as CDS described it: what stands for its variables may be secret.
    fn of_call(config: &Config) -> Self {
        let value = |name: &str| config.get(name).map(|entry| entry.value.clone()).unwrap_or_default();
        Self {
            url: value("URL"),
            body: BASE64_STANDARD.encode(value("payload")),
            headers: BTreeMap::from([("Content-Type".to_owned(), vec!["application/json".to_owned()])]),
            method: value("method"),
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
