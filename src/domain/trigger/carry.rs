//! What comes of an execution, and when its trigger fires next.

use std::time::Duration;

use serde_json::Value;

use super::forge::{self, Read};
use super::mapping;
use super::mapping::Values;
use super::settings::{Missed, Scheduler, Settings};
use super::{Ended, Execution, Origin, Trigger};
use crate::domain::application::Application;
use crate::domain::event::NewEvent;
use crate::domain::hook::Owner;
use crate::domain::id::EventId;
use crate::domain::time::Timestamp;

/// An event that has passed through more triggers than this goes round in circles.
pub const MAX_HOPS: u32 = 8;

/// A firing that comes later than this is one that was missed: a server starts faster.
const LATE: Duration = Duration::from_mins(1);

/// What CDS says of an execution of a task that was stopped.
pub const STOPPED: &str = "Executions skipped: Task has been stopped";

/// The header that says how many triggers an event has passed through.
pub const HOPS: &str = "nyala-hops";

/// The event of ours that this request was made for, if its headers name one.
#[must_use]
pub fn event_of(message_id: &str) -> Option<EventId> {
    // An event that goes to one hook in several bodies goes under as many names.
    message_id.split_once(':').map_or(message_id, |(event, _)| event).parse().ok()
}

/// How many triggers what came in has passed through, by its header.
#[must_use]
pub fn hops_of(header: Option<&str>) -> u32 {
    let digits = header.map(str::trim).filter(|text| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()));
    digits.map_or(0, |digits| digits.parse().unwrap_or(u32::MAX))
}

/// What comes of an execution that nobody has to be asked for; `comes_back`: it was fired by
/// an event that a trigger had published.
#[must_use]
pub fn ended(trigger: &Trigger, execution: &Execution, now: Timestamp, comes_back: bool) -> Ended {
    if comes_back && trigger.stopped_at.is_none() {
        return Ended::Skipped("a loop: an event that a trigger published has come back".to_owned());
    }
    if let Some(why) = held_back(trigger, execution) {
        return Ended::Skipped(why);
    }
    match (&trigger.settings, &execution.incoming) {
        (Settings::Webhook(webhook), Some(incoming)) => {
            published(trigger, execution, vec![mapping::of_webhook(incoming, &webhook.values)])
        }
        (Settings::Repository(repository), Some(incoming)) => match forge::read(incoming, &repository.events) {
            Ok(Read::Changes(changes)) => {
                let with_values = |change: Values| repository.values.clone().into_iter().chain(change).collect();
                published(trigger, execution, changes.into_iter().map(with_values).collect())
            }
            Ok(Read::Nothing(why)) => Ended::Skipped(why),
            Err(why) => Ended::Failed(why),
        },
        (Settings::Scheduler(scheduler), fired_by) => {
            let late = fired_by.is_none() && execution.errors == 0 && now.since(execution.at) > LATE;
            if late && scheduler.missed == Missed::Skip {
                return Ended::Skipped(format!("missed: it was due at {}", execution.at.rfc3339()));
            }
            let told = mapping::of_schedule(scheduler.payload.as_deref(), &scheduler.values);
            published(trigger, execution, vec![told])
        }
        _ => Ended::Failed("there is nothing in it that this trigger could publish".to_owned()),
    }
}

/// Why an execution is skipped whatever is in it, if it is.
#[must_use]
pub fn held_back(trigger: &Trigger, execution: &Execution) -> Option<String> {
    if trigger.stopped_at.is_some() {
        return Some(STOPPED.to_owned());
    }
    let circles = execution.hops > MAX_HOPS;
    circles.then(|| format!("a loop: it has passed through {} triggers, and may through {MAX_HOPS}", execution.hops))
}

/// When the trigger fires next by itself after this execution.
#[must_use]
pub fn next(trigger: &Trigger, execution: &Execution, now: Timestamp) -> Option<Timestamp> {
    let Settings::Scheduler(scheduler @ Scheduler { missed, .. }) = &trigger.settings else { return None };
    if trigger.stopped_at.is_some() || execution.incoming.is_some() {
        return None;
    }
    scheduler.next_after(match missed {
        Missed::All => execution.at,
        Missed::Once | Missed::Skip => execution.at.max(now),
    })
}

/// What is published, an event for each of what is told.
fn published(trigger: &Trigger, execution: &Execution, told: Vec<Values>) -> Ended {
    let events: Result<Vec<_>, _> = told.into_iter().map(|told| event(trigger, execution, told)).collect();
    events.map_or_else(Ended::Failed, Ended::Published)
}

/// An event that tells this.
///
/// # Errors
/// The trigger names an application that there cannot be.
pub(super) fn event(trigger: &Trigger, execution: &Execution, told: Values) -> Result<NewEvent, String> {
    let applications: Result<Vec<_>, _> = trigger.applications.iter().map(|name| Application::parse(name)).collect();
    Ok(NewEvent {
        event_type: trigger.event_type.clone(),
        applications: applications.map_err(|invalid| invalid.to_string())?,
        payload: payload(trigger, execution, told).into(),
        idempotency: None,
        only: None,
        publisher: None,
        deed: None,
        introduces: trigger.owner == Owner::ADMIN,
        gate: None,
        origin: Some(Origin { trigger: trigger.id, execution: execution.seq }),
        hops: hops_with(execution),
    })
}

/// How many triggers what comes of an execution has passed through.
#[must_use]
pub fn hops_with(execution: &Execution) -> u32 {
    execution.hops.saturating_add(1)
}

/// What is told, and by what; whoever fires a trigger cannot say that in its place.
fn payload(trigger: &Trigger, execution: &Execution, mut told: Values) -> Vec<u8> {
    let mut tell = |name: &str, value: String| told.insert(name.to_owned(), Value::String(value));
    tell("nyala.trigger", trigger.name.clone());
    tell("nyala.execution", execution.id().to_string());
    if let Settings::Scheduler(_) = trigger.settings {
        tell("nyala.scheduled_at", execution.at.rfc3339());
    }
    // Texts always have a JSON form.
    serde_json::to_vec(&told).unwrap_or_default()
}
