//! `/task/execute`: one call that CDS has us make.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::config::{Config, ConfigValue, EVENT, NodeHook};
use super::interpolate::interpolate;
use super::view::TaskView;
use super::{keep, text};
use crate::api::App;
use crate::api::access;
use crate::api::error::ApiError;
use crate::api::request::{Asking, Request};
use crate::api::router::Answer;
use crate::domain::Invalid;
use crate::domain::access::Caller;
use crate::domain::audit::Action;
use crate::domain::event::EventType;
use crate::domain::reach::Reach;
use crate::domain::time::Timestamp;
use crate::domain::trigger::{
    Execution, Kind, NewTrigger, OutgoingCall, SecretChange, Settings, Trigger, USUAL_EVENT, trigger_name,
};
use crate::domain::url::HookUrl;
use crate::store::page::Page;
use crate::store::{Firing, Reads, Result as Kept, Writes};

/// The most bytes of a call's URL, and of its body.
const MAX_URL: usize = 4096;
const MAX_BODY: usize = 1 << 20;

/// How many runs of one node may be called for at the same time.
const SLOTS: u32 = 64;

/// How often to look again where somebody else was faster.
const TRIES: u32 = 64;

/// A run of a node of a workflow, as far as it matters.
#[derive(Deserialize, Default)]
#[serde(default)]
struct NodeRun {
    workflow_node_id: i64,
    num: i64,
    subnumber: i64,
    uuid: Option<String>,
    status: Option<String>,
    build_parameters: Option<Vec<Parameter>>,
    outgoinghook: Option<NodeHook>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Parameter {
    name: Option<String>,
    value: Option<String>,
}

/// A call and what it is kept with.
struct Call {
    /// What its uuid is made of, but for the place.
    identity: String,
    /// Without a uuid.
    new: NewTrigger,
}

/// `POST /task/execute`: a `WorkflowNodeRun` with an `outgoinghook` of the builtin model
/// `WebHook`.
/// Answers the task with the one execution that was made.
pub(in crate::api) async fn execute(app: Arc<App>, request: Request) -> Answer {
    let (by, base) = (request.by.clone(), request.base_url(&app));
    let body = request.json_body(&app).await?;
    let wrong = |e| ApiError::Malformed(format!("the body cannot be read ({e}): send a WorkflowNodeRun"));
    let run: NodeRun = serde_json::from_slice(&body).map_err(wrong)?;
    let call = run.call(&by.caller, &app.reach)?;
    let (uuid, execution) = fire(&app, &by, &call).await?;
    app.fired.notify_one();
    let now = app.clock.now();
    let found = app.db.read(move |archive| archive.counted_trigger(&uuid)).await?;
    let counted = found.ok_or(ApiError::Crowded("the task was removed just now: try again"))?;
    Ok(text(TaskView::whole(&counted, &[execution], &base, now)))
}

impl NodeRun {
    fn call(self, caller: &Caller, reach: &Reach) -> Result<Call, ApiError> {
        // A run that is to be called for waits for that; some versions say that it is being built.
        if !matches!(self.status.as_deref().unwrap_or_default(), "" | "Building" | "Waiting") {
            return Err(Invalid::new("status", "is not Building: nothing is called for a run that is over").into());
        }
        let missing = || Invalid::new("outgoinghook", "is missing: there is nothing to call");
        let mut hook = self.outgoinghook.ok_or_else(missing)?;
        check_model(&hook)?;
        let node = if self.workflow_node_id == 0 { hook.node_id } else { self.workflow_node_id };
        let told = identity(node, caller, &hook.config);
        let values = self.build_parameters.unwrap_or_default().into_iter();
        let values = values.filter_map(|parameter| Some((parameter.name?, parameter.value.unwrap_or_default())));
        let mut call = outgoing(&hook, &values.collect(), reach)?;
        let number = |number: i64| ConfigValue::text(number.to_string());
        let run = self.uuid.unwrap_or_default();
        hook.config.extend([
            ("HookRunID".to_owned(), ConfigValue::text(run)),
            ("Number".to_owned(), number(self.num)),
            ("SubNumber".to_owned(), number(self.subnumber)),
            ("HookID".to_owned(), number(node)),
        ]);
        call.values = hook.values(Kind::Outgoing);
        Ok(Call { identity: told, new: new_trigger(caller, hook, call)? })
    }
}

fn new_trigger(caller: &Caller, hook: NodeHook, call: OutgoingCall) -> Result<NewTrigger, ApiError> {
    let named: Vec<_> = keep::applications(caller, &hook).into_iter().map(str::to_owned).collect();
    Ok(NewTrigger {
        uuid: String::new(),
        name: trigger_name(&hook.name(model(&hook)))?,
        event_type: EventType::parse(hook.value(EVENT).unwrap_or(USUAL_EVENT))?,
        applications: access::trigger_applications(caller, &named)?,
        settings: Settings::Outgoing(call),
        secret: None,
        task: Some(hook.kept()?),
        owner: caller.owner(),
        stopped: false,
    })
}

/// The name of a hook's model.
fn model(hook: &NodeHook) -> &str {
    hook.value("model_name").unwrap_or(hook.hook_model_name.as_str())
}

fn check_model(hook: &NodeHook) -> Result<(), ApiError> {
    if hook.value("model_type").is_some_and(|model| !model.eq_ignore_ascii_case("builtin")) {
        return Err(Invalid::new("model_type", "is not builtin: there are no others").into());
    }
    match model(hook) {
        "WebHook" | "Webhook" => Ok(()),
        "Workflow" => Err(ApiError::NotImplemented("there are no workflows here to call: give a WebHook".into())),
        _ => Err(Invalid::new("model_name", "is no model that is known: give WebHook").into()),
    }
}

/// What a task's uuid is made of: the node, the model, and what of all else stays the same from
/// run to run.
fn identity(node: i64, caller: &Caller, config: &Config) -> String {
    #[derive(Serialize)]
    struct Same<'a>(i64, Vec<&'a str>, &'a Config);
    let applications = caller.applications().iter().map(crate::domain::application::Application::as_str);
    let same = Same(caller.owner().0, applications.collect(), config);
    // Texts and numbers always have a JSON form.
    let hash = Sha256::digest(serde_json::to_vec(&same).unwrap_or_default());
    let hash = hash.iter().take(8).fold(0_u64, |hash, byte| hash << 8 | u64::from(*byte));
    format!("{node}/WebHook/{hash}")
}

/// The call itself, with the values of its variables.
fn outgoing(hook: &NodeHook, values: &BTreeMap<String, String>, reach: &Reach) -> Result<OutgoingCall, ApiError> {
    let value = |name: &'static str, most| interpolate(name, hook.value(name).unwrap_or_default(), values, most);
    let method = value("method", 32)?.trim().to_ascii_uppercase();
    let method = if method.is_empty() { "POST".to_owned() } else { method };
    let as_spelled = |invalid: Invalid| Invalid { field: "URL".into(), ..invalid };
    let (url, credentials) = HookUrl::parse(&value("URL", MAX_URL)?).map_err(as_spelled)?;
    if credentials.is_some() {
        let message = "has a user's name or password in it, which would be shown: leave them out";
        return Err(Invalid::new("URL", message).into());
    }
    reach.admit(&url).map_err(|invalid| ApiError::NotAllowed(as_spelled(invalid)))?;
    let call = OutgoingCall {
        method,
        url: url.as_str().to_owned(),
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: value("payload", MAX_BODY)?,
        values: crate::domain::trigger::Values::new(),
    };
    // As whoever makes it reads it.
    call.read()?;
    Ok(call)
}

/// Has a trigger make the call, that makes no other meanwhile: each is told but one. Where a run
/// is still being called for, there is another one for the next.
async fn fire(app: &App, by: &Asking, call: &Call) -> Result<(String, Execution), ApiError> {
    let (mut slot, now) = (1, app.clock.now());
    for _ in 0..TRIES + SLOTS {
        let uuid = BASE64_STANDARD.encode(match slot {
            1 => call.identity.clone(),
            slot => format!("{}/{slot}", call.identity),
        });
        let named = uuid.clone();
        let (trigger, is_open) = app.db.read(move |archive| look(archive, &named)).await?;
        let is_ours =
            |trigger: &Trigger| trigger.is_within(&by.caller.manages()) && trigger.settings.kind() == Kind::Outgoing;
        if trigger.as_ref().is_some_and(|trigger| !is_ours(trigger)) {
            return Err(ApiError::Conflict(Invalid::new(
                "outgoinghook",
                "has the uuid of something else: remove that",
            )));
        }
        if is_open && slot == SLOTS {
            return Err(ApiError::Crowded("too many runs of this node are being called for: try again"));
        }
        if is_open {
            slot += 1;
            continue;
        }
        let new = NewTrigger { uuid: uuid.clone(), ..call.new.clone() };
        let (by, revision) = (by.clone(), trigger.map(|trigger| trigger.revision));
        let fired = app.db.write(move |store| take(store, now, &by, &new, revision)).await?;
        if let Some(execution) = fired {
            return Ok((uuid, execution));
        }
    }
    Err(ApiError::Crowded("too many runs of this node come at once: try again"))
}

/// The trigger of this uuid, and whether it still has something to call.
fn look(archive: &dyn Reads, uuid: &str) -> Kept<(Option<Trigger>, bool)> {
    let Some(trigger) = archive.trigger_named(uuid)? else { return Ok((None, false)) };
    // It is never given more than one.
    let latest = archive.executions(trigger.id, Page { after: None, limit: 1 })?.items;
    let is_open = latest.first().is_some_and(Execution::is_open);
    Ok((Some(trigger), is_open))
}

/// Fires a trigger that is as it was looked at; none if it is otherwise by now.
fn take(
    store: &mut dyn Writes,
    now: Timestamp,
    by: &Asking,
    new: &NewTrigger,
    revision: Option<i64>,
) -> Kept<Option<Execution>> {
    let before = store.trigger(&new.uuid)?;
    if before.as_ref().map(|trigger| trigger.revision) != revision {
        return Ok(None);
    }
    let trigger = match before {
        None => {
            store.note(&by.did(now, Action::TriggerCreated, &new.uuid))?;
            store.add_trigger(now, new)?
        }
        // Also where it stays the same: who has looked at it before is to look again.
        Some(before) => {
            let new = new.clone();
            let (event_type, applications) = (new.event_type, new.applications);
            let changed = Trigger { event_type, applications, settings: new.settings, task: new.task, ..before };
            Some(store.keep_trigger(now, &changed, &SecretChange::Kept)?)
        }
    };
    let Some(trigger) = trigger else { return Ok(None) };
    store.note(&by.did(now, Action::TriggerFired, &new.uuid))?;
    store.fire(now, &Firing { trigger: trigger.id, calls: true, incoming: None, key: None, hops: 0 })
}
