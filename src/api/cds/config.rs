//! `NodeHooks`: how CDS describes a task, read and told.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value, json};

use crate::api::error::ApiError;
use crate::domain::Invalid;
use crate::domain::trigger::{InboundMethod, Kind, Settings, Trigger};

/// Where a task is called; made here.
const WEBHOOK_URL: &str = "webHookURL";
/// What a task publishes: our own.
pub(super) const EVENT: &str = "event";
/// What its events concern: our own.
pub(super) const APPLICATION: &str = "application";
/// What they concern where that is not said.
pub(super) const PROJECT: &str = "project";
const WORKFLOW: &str = "workflow";
const METHOD: &str = "method";
const EVENT_FILTER: &str = "eventFilter";
const CRON: &str = "cron";
const TIMEZONE: &str = "timezone";
const PAYLOAD: &str = "payload";

/// When a task fires whose config does not say.
const USUAL_CRON: &str = "0 * * * *";

/// The most that CDS may say of one task, in bytes of JSON.
const MAX_TASK: usize = 64 << 10;

/// One entry of a config.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::api) struct ConfigValue {
    #[serde(deserialize_with = "or_nothing")]
    pub(super) value: String,
    #[serde(deserialize_with = "or_nothing")]
    configurable: bool,
    #[serde(deserialize_with = "or_nothing")]
    r#type: String,
    multiple_choice_list: Option<Vec<String>>,
}

/// By name.
pub(in crate::api) type Config = BTreeMap<String, ConfigValue>;

/// A task, as CDS describes it, and as it is kept beside its trigger.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct NodeHook {
    #[serde(deserialize_with = "or_nothing")]
    id: i64,
    #[serde(deserialize_with = "or_nothing")]
    pub(super) uuid: String,
    #[serde(deserialize_with = "or_nothing")]
    pub(super) node_id: i64,
    #[serde(deserialize_with = "or_nothing")]
    hook_model_id: i64,
    #[serde(deserialize_with = "or_nothing")]
    pub(super) hook_model_name: String,
    #[serde(deserialize_with = "or_nothing")]
    pub(super) config: Config,
    conditions: Value,
}

/// As Go reads JSON: null is what counts where nothing is said.
fn or_nothing<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(from: D) -> Result<T, D::Error> {
    Option::deserialize(from).map(Option::unwrap_or_default)
}

impl ConfigValue {
    /// A text that nobody is asked for.
    pub(super) fn text(value: impl Into<String>) -> Self {
        Self { value: value.into(), r#type: "string".to_owned(), ..Self::default() }
    }
}

impl NodeHook {
    /// What CDS said of a trigger, if it did.
    pub(super) fn of(trigger: &Trigger) -> Option<Self> {
        serde_json::from_str(trigger.task.as_deref()?).ok()
    }

    /// Reads one that stands in something larger; null is one that says nothing.
    pub(super) fn deserialize_from(value: &Value) -> serde_json::Result<Self> {
        or_nothing(value)
    }

    /// As it is kept.
    pub(super) fn kept(mut self) -> Result<String, Invalid> {
        self.config.remove(WEBHOOK_URL);
        // Texts and numbers always have a JSON form.
        let kept = serde_json::to_string(&self).unwrap_or_default();
        if kept.len() > MAX_TASK {
            let message = format!("and all besides have {} bytes: at most {MAX_TASK} are allowed", kept.len());
            return Err(Invalid::new("config", message));
        }
        Ok(kept)
    }

    /// Of which kind the trigger is: by the name of its model, or of the task's type.
    pub(super) fn kind(&self) -> Result<Kind, ApiError> {
        match self.hook_model_name.as_str() {
            "WebHook" | "Webhook" => Ok(Kind::Webhook),
            "RepositoryWebHook" | "RepoWebHook" => Ok(Kind::Repository),
            "Scheduler" => Ok(Kind::Scheduler),
            name @ ("Kafka hook"
            | "Kafka"
            | "RabbitMQ hook"
            | "RabbitMQ"
            | "GerritHook"
            | "Gerrit"
            | "Git Repository Poller"
            | "RepoPoller"
            | "Workflow") => Err(ApiError::NotImplemented(format!(
                "hooks of the model {name} are not here yet: there are WebHook, RepositoryWebHook and Scheduler"
            ))),
            _ => Err(Invalid::new(
                "hook_model_name",
                "is no model that is known: give WebHook, RepositoryWebHook or Scheduler",
            )
            .into()),
        }
    }

    /// The value of an entry that says something.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.config.get(name).map(|entry| entry.value.trim()).filter(|value| !value.is_empty())
    }

    /// What people are to call it: by its workflow, or else its model.
    pub(super) fn name(&self, model: &str) -> String {
        let of_workflow = [PROJECT, WORKFLOW].into_iter().filter_map(|name| self.value(name)).collect::<Vec<_>>();
        let name = if of_workflow.is_empty() { model.to_owned() } else { of_workflow.join("/") };
        name.chars().filter(|c| !c.is_control()).take(64).collect()
    }

    /// What its config comes to as fields of a trigger; null where it says nothing.
    pub(super) fn fields(&self, kind: Kind) -> Result<Map<String, Value>, Invalid> {
        let mut fields = Map::from_iter([("kind".to_owned(), kind.as_str().into())]);
        for name in [METHOD, CRON, TIMEZONE, PAYLOAD] {
            if is_own(kind, name) && kind != Kind::Repository {
                fields.insert(name.to_owned(), self.value(name).into());
            }
        }
        match kind {
            Kind::Scheduler => drop(fields.insert(CRON.to_owned(), self.value(CRON).unwrap_or(USUAL_CRON).into())),
            Kind::Repository => {
                if self.value(METHOD).is_some_and(|method| !method.eq_ignore_ascii_case("POST")) {
                    return Err(Invalid::new("method", "is not POST: forges send nothing else"));
                }
                fields.insert("events".to_owned(), json!(filter(self.value(EVENT_FILTER).unwrap_or_default())));
            }
            Kind::Webhook | Kind::Outgoing => {}
        }
        fields.insert("values".to_owned(), self.values(kind).into());
        Ok(fields)
    }

    /// What each event tells besides: all that is not about the trigger itself.
    pub(super) fn values(&self, kind: Kind) -> Map<String, Value> {
        let told = self.config.iter().filter(|(name, _)| !is_own(kind, name));
        told.map(|(name, entry)| (name.clone(), entry.value.clone().into())).collect()
    }
}

/// Whether an entry of a config is a setting of the trigger.
fn is_own(kind: Kind, name: &str) -> bool {
    let own: &[&str] = match kind {
        Kind::Webhook => &[METHOD],
        Kind::Repository => &[METHOD, EVENT_FILTER],
        Kind::Scheduler => &[CRON, TIMEZONE, PAYLOAD],
        Kind::Outgoing => &[METHOD, "URL", PAYLOAD, "model_name", "model_type"],
    };
    own.contains(&name) || [WEBHOOK_URL, EVENT, APPLICATION].contains(&name)
}

/// The events of a filter.
fn filter(text: &str) -> Vec<&str> {
    text.split(';').map(str::trim).filter(|name| !name.is_empty()).collect()
}

/// The conditions of a task.
pub(super) fn conditions_of(trigger: &Trigger) -> Value {
    let told = NodeHook::of(trigger).map(|hook| hook.conditions).filter(|told| !told.is_null());
    told.unwrap_or_else(|| json!({"plain": null, "lua_script": ""}))
}

/// The config of a task: what CDS said, as far as it still holds, and what was said through
/// another API since.
pub(super) fn config_of(trigger: &Trigger, base: &str) -> Config {
    let told = NodeHook::of(trigger);
    if trigger.settings.kind() == Kind::Outgoing {
        return told.map(|hook| hook.config).unwrap_or_default();
    }
    let mut current = current(trigger);
    let by_cds = told.is_some();
    let mut config = told.map(|hook| hook.config).unwrap_or_default();
    config.retain(|name, entry| {
        let Some(value) = current.remove(name) else { return false };
        if meant(name, &entry.value) != meant(name, &value) {
            entry.value = value;
        }
        true
    });
    // What CDS did not say need not be told to it, where it is as usual.
    current.retain(|name, value| !by_cds || !is_usual(name, value));
    config.extend(current.into_iter().map(|(name, value)| (name, ConfigValue::text(value))));
    if trigger.settings.method().is_some() {
        let (name, url) = webhook_url(base, &trigger.uuid);
        config.insert(name.to_owned(), url);
    }
    config
}

/// Where a task is called, as an entry of its config.
pub(super) fn webhook_url(base: &str, uuid: &str) -> (&'static str, ConfigValue) {
    (WEBHOOK_URL, ConfigValue::text(format!("{base}/webhook/{uuid}")))
}

/// What a trigger's settings are, as entries of a config.
fn current(trigger: &Trigger) -> BTreeMap<String, String> {
    let (values, own) = match &trigger.settings {
        Settings::Webhook(webhook) => (&webhook.values, vec![(METHOD, webhook.method.as_str().to_owned())]),
        Settings::Repository(repository) => {
            (&repository.values, vec![(METHOD, "POST".to_owned()), (EVENT_FILTER, repository.events.join(";"))])
        }
        Settings::Scheduler(scheduler) => {
            let payload = scheduler.payload.clone().unwrap_or_else(|| "{}".to_owned());
            let timezone = meant(TIMEZONE, &scheduler.timezone);
            (&scheduler.values, vec![(CRON, scheduler.cron.clone()), (TIMEZONE, timezone), (PAYLOAD, payload)])
        }
        Settings::Outgoing(call) => (&call.values, vec![]),
    };
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut current: BTreeMap<_, _> = values.iter().map(|(name, value)| (name.clone(), text(value))).collect();
    current.extend(own.into_iter().map(|(name, value)| (name.to_owned(), value)));
    current.insert(EVENT.to_owned(), trigger.event_type.as_str().to_owned());
    current.extend(trigger.applications.first().map(|name| (APPLICATION.to_owned(), name.clone())));
    current
}

/// What an entry comes to: where it is empty, the usual.
fn meant(name: &str, value: &str) -> String {
    let value = value.trim();
    match (name, value) {
        (METHOD, "") => InboundMethod::default().as_str().to_owned(),
        (METHOD, method) => method.to_ascii_uppercase(),
        (CRON, "") => USUAL_CRON.to_owned(),
        (TIMEZONE, "") => "UTC".to_owned(),
        (PAYLOAD, "") => "{}".to_owned(),
        (EVENT_FILTER, _) => filter(value).join(";"),
        _ => value.to_owned(),
    }
}

/// Whether an entry says what counts in any case, or what CDS has no word for.
fn is_usual(name: &str, value: &str) -> bool {
    match name {
        EVENT | APPLICATION => true,
        METHOD | CRON | TIMEZONE | PAYLOAD | EVENT_FILTER => meant(name, value) == meant(name, ""),
        _ => false,
    }
}
