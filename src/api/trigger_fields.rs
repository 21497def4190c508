//! A trigger's fields as JSON, in and out.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::error::ApiError;
use crate::domain::Invalid;
use crate::domain::event::EventType;
use crate::domain::time::Timestamp;
use crate::domain::trigger::proof::{Proof, ProofFields, TriggerSecret};
use crate::domain::trigger::{
    InboundMethod, Kind, Missed, RepositoryHook, Scheduler, SecretChange, Settings, Trigger, USUAL_EVENT, Values,
    Webhook, trigger_name,
};

/// Those that every trigger has.
const COMMON: [&str; 6] = ["kind", "name", "event", "application", "applications", "values"];

/// Those of a webhook's proof.
const PROOF: [&str; 9] = [
    "scheme",
    "header",
    "algorithm",
    "encoding",
    "timestamp_header",
    "project",
    "vcs_server",
    "repository",
    "workflow",
];

const WEBHOOK: [&str; 3] = ["method", "secret", "rate_limit"];
const REPOSITORY: [&str; 3] = ["events", "secret", "rate_limit"];
const SCHEDULER: [&str; 5] = ["cron", "timezone", "seconds", "missed", "payload"];

/// The longest list of values, and of names of events, in bytes of JSON.
const MAX_VALUES: usize = 16 << 10;

/// The most that a schedule's payload may have, in bytes.
const MAX_PAYLOAD: usize = 256 << 10;

/// The most requests a second that may be asked for.
const MAX_RATE: u32 = 1_000_000;

/// Fields as they came.
pub(super) struct TriggerFields(Map<String, Value>);

/// What they come to.
#[derive(Debug)]
pub(super) struct ReadFields {
    pub(super) name: String,
    pub(super) event_type: EventType,
    pub(super) applications: Vec<String>,
    pub(super) settings: Settings,
    pub(super) secret: SecretChange,
}

impl TriggerFields {
    /// Those of a body.
    pub(super) fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let wrong = |e| {
            ApiError::Malformed(format!(
                "the body cannot be read as an object ({e}): send one such as {{\"kind\": \"webhook\", \"name\": \"…\"}}"
            ))
        };
        serde_json::from_slice(body).map(Self).map_err(wrong)
    }

    /// The names of what is given.
    pub(super) fn names(&self) -> String {
        self.0.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
    }

    /// These instead of those of a trigger that is there; null takes one away.
    pub(super) fn over(self, trigger: &Trigger) -> Result<Self, Invalid> {
        let own = trigger.settings.kind();
        if self.0.get("kind").is_some_and(|kind| kind.as_str() != Some(own.as_str())) {
            return Err(Invalid::new("kind", "cannot be changed: add another trigger"));
        }
        let mut fields = of_trigger(trigger);
        // Who names one means only that.
        if self.0.contains_key("application") || self.0.contains_key("applications") {
            fields.remove("applications");
        }
        // The settings of one proof are none of another's.
        if self.0.contains_key("scheme") {
            fields.retain(|name, _| !PROOF.contains(&name.as_str()));
        }
        for (name, value) in self.0 {
            if name == "secret" || !value.is_null() {
                fields.insert(name, value);
            } else {
                known(own, &name)?;
                fields.remove(&name);
            }
        }
        Ok(Self(fields))
    }

    /// What they come to.
    pub(super) fn read(&self, now: Timestamp) -> Result<ReadFields, ApiError> {
        let kinds = || Invalid::new("kind", "is none of webhook, repository, scheduler: give one of them");
        let kind = self.text("kind")?.as_deref().and_then(Kind::named).filter(|kind| *kind != Kind::Outgoing);
        let kind = kind.ok_or_else(kinds)?;
        for name in self.0.keys() {
            known(kind, name)?;
        }
        let missing = || Invalid::new("name", "is missing: say what people are to call the trigger");
        let (secret, settings) = (self.secret(kind)?, self.settings(kind)?);
        if let Settings::Scheduler(scheduler) = &settings
            && scheduler.next_after(now).is_none()
        {
            return Err(Invalid::new("cron", "has no firing ahead: its years are over, so give others or none").into());
        }
        Ok(ReadFields {
            name: trigger_name(&self.text("name")?.ok_or_else(missing)?)?,
            event_type: EventType::parse(self.text("event")?.as_deref().unwrap_or(USUAL_EVENT))?,
            applications: self.applications()?,
            settings,
            secret,
        })
    }

    /// A schedule alone.
    pub(super) fn into_schedule(self) -> Result<Scheduler, ApiError> {
        if let Some(name) = self.0.keys().find(|name| !SCHEDULER[..3].contains(&name.as_str())) {
            let message = format!("is no field of a schedule: it has {}", SCHEDULER[..3].join(", "));
            return Err(Invalid::new(name.clone(), message).into());
        }
        self.scheduler(Values::new())
    }

    fn settings(&self, kind: Kind) -> Result<Settings, ApiError> {
        let values = self.values()?;
        Ok(match kind {
            Kind::Webhook => {
                let method =
                    self.text("method")?.map_or(Ok(InboundMethod::default()), |text| InboundMethod::parse(&text));
                Settings::Webhook(Webhook { method: method?, proof: self.proof()?, rate_limit: self.rate()?, values })
            }
            Kind::Repository => {
                let events: Vec<String> = self.typed("events", "a list of texts")?.unwrap_or_default();
                within("events", events.iter().map(String::len).sum(), MAX_VALUES)?;
                let (proof, rate_limit) = (self.proof()?, self.rate()?);
                Settings::Repository(RepositoryHook { events, proof, rate_limit, values })
            }
            Kind::Scheduler | Kind::Outgoing => Settings::Scheduler(self.scheduler(values)?),
        })
    }

    fn scheduler(&self, values: Values) -> Result<Scheduler, ApiError> {
        let missing = || Invalid::new("cron", "is missing: give a schedule such as */5 * * * *");
        let wrong = || Invalid::new("missed", "is none of once, all, skip: give one of them");
        let missed = self.text("missed")?.map(|text| Missed::named(&text).ok_or_else(wrong)).transpose()?;
        let payload = self.0.get("payload").filter(|value| !value.is_null()).map(payload).transpose()?;
        let scheduler = Scheduler {
            cron: self.text("cron")?.ok_or_else(missing)?,
            timezone: self.text("timezone")?.unwrap_or_default(),
            seconds: self.typed("seconds", "true or false")?.unwrap_or_default(),
            missed: missed.unwrap_or_default(),
            payload,
            values,
        };
        scheduler.schedule()?;
        Ok(scheduler)
    }

    fn proof(&self) -> Result<Option<Proof>, Invalid> {
        let fields = self.0.iter().filter(|(name, value)| PROOF.contains(&name.as_str()) && !value.is_null());
        let mut texts = Map::new();
        for (name, value) in fields {
            if !value.is_string() {
                return Err(Invalid::new(name.clone(), "is not a text: give a text"));
            }
            texts.insert(name.clone(), value.clone());
        }
        let fields: ProofFields = serde_json::from_value(Value::Object(texts))
            .map_err(|e| Invalid::new("scheme", format!("cannot be read ({e})")))?;
        fields.check()
    }

    fn secret(&self, kind: Kind) -> Result<SecretChange, Invalid> {
        match self.0.get("secret") {
            None => Ok(SecretChange::Kept),
            Some(Value::Null) => Ok(SecretChange::To(None)),
            Some(Value::String(_)) if kind == Kind::Scheduler => {
                Err(Invalid::new("secret", "is no field of a scheduler: nobody calls it"))
            }
            Some(Value::String(text)) => {
                let secret = TriggerSecret::parse(text, self.proof()?.as_ref())?;
                Ok(SecretChange::To(Some(secret.text().to_owned())))
            }
            Some(_) => Err(Invalid::new("secret", "is not a text: give the text that requests are signed with")),
        }
    }

    fn applications(&self) -> Result<Vec<String>, Invalid> {
        let one = self.text("application")?;
        let mut all: Vec<String> = self.typed("applications", "a list of texts")?.unwrap_or_default();
        all.extend(one);
        Ok(all)
    }

    fn values(&self) -> Result<Values, Invalid> {
        let values: Values = self.typed("values", "an object of texts")?.unwrap_or_default();
        if let Some((name, _)) = values.iter().find(|(_, value)| !value.is_string()) {
            return Err(Invalid::new("values", format!("has {name}, which is not a text: give texts only")));
        }
        let bytes = values.iter().map(|(name, value)| name.len() + value.as_str().map_or(0, str::len)).sum();
        within("values", bytes, MAX_VALUES)?;
        Ok(values)
    }

    fn rate(&self) -> Result<Option<u32>, Invalid> {
        let rate: Option<u32> = self.typed("rate_limit", "a number of requests a second")?;
        match rate {
            Some(rate) if !(1..=MAX_RATE).contains(&rate) => {
                Err(Invalid::new("rate_limit", format!("must be from 1 to {MAX_RATE} requests a second")))
            }
            rate => Ok(rate),
        }
    }

    fn text(&self, name: &'static str) -> Result<Option<String>, Invalid> {
        self.typed(name, "a text")
    }

    fn typed<T: DeserializeOwned>(&self, name: &'static str, what: &str) -> Result<Option<T>, Invalid> {
        let Some(value) = self.0.get(name).filter(|value| !value.is_null()) else { return Ok(None) };
        let wrong = |_| Invalid::new(name, format!("is not {what}: give {what}"));
        serde_json::from_value(value.clone()).map(Some).map_err(wrong)
    }
}

fn within(name: &'static str, bytes: usize, most: usize) -> Result<(), Invalid> {
    if bytes > most {
        return Err(Invalid::new(name, format!("has {bytes} bytes: at most {most} are allowed")));
    }
    Ok(())
}

/// JSON, or a text that is JSON: as it stands there.
fn payload(value: &Value) -> Result<String, Invalid> {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    within("payload", text.len(), MAX_PAYLOAD)?;
    match serde_json::from_str::<Map<String, Value>>(&text) {
        Ok(_) => Ok(text),
        Err(_) => Err(Invalid::new("payload", "is no JSON object: give one, such as {\"environment\": \"staging\"}")),
    }
}

/// Refuses what no trigger of this kind has.
fn known(kind: Kind, name: &str) -> Result<(), Invalid> {
    let (own, proof): (&[&str], &[&str]) = match kind {
        Kind::Webhook => (&WEBHOOK, &PROOF),
        Kind::Repository => (&REPOSITORY, &PROOF),
        Kind::Scheduler | Kind::Outgoing => (&SCHEDULER, &[]),
    };
    let all = || COMMON.iter().chain(own).chain(proof);
    if all().any(|known| *known == name) {
        return Ok(());
    }
    let names: Vec<_> = all().copied().collect();
    let message = format!("is no field of a {} trigger: it has {}", kind.as_str(), names.join(", "));
    Err(Invalid::new(name.to_owned(), message))
}

/// The fields of a trigger that is there, but for its secret.
pub(super) fn of_trigger(trigger: &Trigger) -> Map<String, Value> {
    // Settings are texts, numbers and lists, which always have a JSON form.
    let settings = serde_json::to_value(&trigger.settings).unwrap_or_default();
    let mut fields = Map::new();
    fields.insert("name".into(), trigger.name.clone().into());
    fields.insert("event".into(), trigger.event_type.as_str().into());
    fields.insert("applications".into(), trigger.applications.clone().into());
    for (name, value) in settings.as_object().into_iter().flatten() {
        match (name.as_str(), value) {
            ("proof", Value::Object(proof)) => fields.extend(proof.clone()),
            // It is kept as it was written.
            ("payload", Value::String(text)) => {
                fields.insert(name.clone(), serde_json::from_str(text).unwrap_or_else(|_| value.clone()));
            }
            _ => {
                fields.insert(name.clone(), value.clone());
            }
        }
    }
    fields
}
