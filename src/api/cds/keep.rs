//! From `NodeHooks` to triggers that are kept.

use serde_json::{Value, json};

use super::config::{APPLICATION, EVENT, NodeHook, PROJECT};
use crate::api::App;
use crate::api::access;
use crate::api::error::ApiError;
use crate::api::request::Asking;
use crate::api::trigger_fields::{ReadFields, TriggerFields};
use crate::domain::Invalid;
use crate::domain::access::Caller;
use crate::domain::application::Application;
use crate::domain::audit::Action;
use crate::domain::time::Timestamp;
use crate::domain::trigger::{NewTrigger, SecretChange, Trigger};
use crate::store::{Result as Kept, Writes};

/// Triggers of one transaction.
pub(super) const STEP: usize = 100;

/// The longest name of a task to the world, in bytes.
const MAX_UUID: usize = 128;

/// What becomes of a hook.
enum Plan {
    /// A trigger of its own.
    Add(NewTrigger),
    /// The trigger that is there, changed.
    Keep(Trigger),
}

/// The uuid of a hook as it was given, or a random one.
pub(super) fn uuid(given: &str) -> Result<String, ApiError> {
    let given = given.trim();
    if given.is_empty() {
        return access::random_uuid();
    }
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.~".contains(&b);
    // Those words stand in paths.
    let taken = ["bulk", "execute", ".", ".."].iter().any(|word| word.eq_ignore_ascii_case(given));
    if given.len() > MAX_UUID || taken || !given.bytes().all(plain) {
        return Err(Invalid::new("uuid", "is none: give one such as 11111111-2222-3333-4444-555555555555").into());
    }
    Ok(given.to_owned())
}

/// Keeps hooks as triggers, that are started: those that are there are changed, the others are
/// added. Nothing is kept where one of them is wrong.
pub(super) async fn keep(app: &App, by: &Asking, hooks: Vec<NodeHook>) -> Result<(), ApiError> {
    for hook in &hooks {
        plan(app.clock.now(), &by.caller, hook, None)?;
    }
    let now = app.clock.now();
    for step in hooks.chunks(STEP) {
        let (step, by) = (step.to_vec(), by.clone());
        app.db.write(move |store| keep_step(store, now, &by, &step)).await??;
    }
    // The runner is to learn when they fire.
    app.fired.notify_one();
    Ok(())
}

fn keep_step(store: &mut dyn Writes, now: Timestamp, by: &Asking, hooks: &[NodeHook]) -> Kept<Result<(), ApiError>> {
    let bounds = by.caller.manages();
    let mut plans = vec![];
    for hook in hooks {
        let before = store.trigger(&hook.uuid)?;
        if before.as_ref().is_some_and(|trigger| !trigger.is_within(&bounds)) {
            return Ok(Err(ApiError::Conflict(Invalid::new("uuid", "is taken: give another one"))));
        }
        match plan(now, &by.caller, hook, before) {
            Ok(plan) => plans.push(plan),
            Err(error) => return Ok(Err(error)),
        }
    }
    for plan in plans {
        let (action, uuid) = match &plan {
            Plan::Add(new) => {
                store.add_trigger(now, new)?;
                (Action::TriggerCreated, &new.uuid)
            }
            Plan::Keep(trigger) => {
                store.keep_trigger(now, trigger, &SecretChange::Kept)?;
                (Action::TriggerChanged, &trigger.uuid)
            }
        };
        store.note(&by.did(now, action, uuid))?;
    }
    Ok(Ok(()))
}

fn plan(now: Timestamp, caller: &Caller, hook: &NodeHook, before: Option<Trigger>) -> Result<Plan, ApiError> {
    let mut fields = hook.fields(hook.kind()?)?;
    let told = before.as_ref().and_then(NodeHook::of);
    // What was said before and is not said any more is as usual again.
    let unsaid = |name| told.as_ref().is_some_and(|told| told.value(name).is_some());
    if let Some(event) = hook.value(EVENT).map(Value::from).or_else(|| unsaid(EVENT).then_some(Value::Null)) {
        fields.insert(EVENT.to_owned(), event);
    }
    if before.is_none() || hook.value(APPLICATION).is_some() || unsaid(APPLICATION) {
        fields.insert("applications".to_owned(), json!(applications(caller, hook)));
    }
    if before.is_none() {
        fields.insert("name".to_owned(), hook.name(&hook.hook_model_name).into());
    }
    // Texts and lists of them always have a JSON form.
    let fields = TriggerFields::parse(&serde_json::to_vec(&fields).unwrap_or_default())?;
    let task = Some(hook.clone().kept()?);
    let Some(before) = before else {
        let ReadFields { name, event_type, applications, settings, .. } = fields.read(now)?;
        let (uuid, applications) = (hook.uuid.clone(), access::trigger_applications(caller, &applications)?);
        let (secret, owner, stopped) = (None, caller.owner(), false);
        return Ok(Plan::Add(NewTrigger {
            uuid,
            name,
            event_type,
            applications,
            settings,
            secret,
            task,
            owner,
            stopped,
        }));
    };
    let ReadFields { event_type, applications, settings, .. } = fields.over(&before)?.read(now)?;
    let applications = access::trigger_applications(caller, &applications)?;
    Ok(Plan::Keep(Trigger { event_type, applications, settings, task, stopped_at: None, ..before }))
}

/// The application that a hook names; or its project, if that may be one of the caller's.
pub(super) fn applications<'a>(caller: &Caller, hook: &'a NodeHook) -> Vec<&'a str> {
    let is_theirs = |name: &&str| Application::parse(name).is_ok() && caller.manages().hold_all(&[(*name).to_owned()]);
    let named = hook.value(APPLICATION).or_else(|| hook.value(PROJECT).filter(is_theirs));
    named.into_iter().collect()
}
