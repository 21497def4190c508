//! The fields of a hook as JSON from outside: one reading for every way in.

mod certificates;
mod secrets;
mod values;

use serde_json::{Map, Value};

use super::access::hook_applications;
use super::error::ApiError;
use crate::domain::Invalid;
use crate::domain::access::Caller;
use crate::domain::filter::Filter;
use crate::domain::gate::Gating;
use crate::domain::hook::{Dialect, HookPatch, NewHook};
use crate::domain::pace::Limits;
use crate::domain::reach::Reach;
use crate::domain::signature::Scheme;
use crate::domain::time::Timestamp;
use crate::domain::url::HookUrl;
use certificates::{CA_CERTIFICATE, CLIENT_CERTIFICATE, ca_certificate, client_certificate};
pub(super) use secrets::secret_alone;
use secrets::{HEADERS, SECRET, SIGNATURES, check_new, headers, no_secret, secret, signatures};
use values::{boolean, description, gate, on_silence, order, text};

/// A field and the names under which it is taken: Nyala's own, then those that
/// Kudu's model binder and Zapier's apps use.
struct Field {
    name: &'static str,
    aliases: &'static [&'static str],
}

const URL: Field = Field { name: "url", aliases: &["hookAddress", "target_url", "hookUrl", "subscription_url"] };
const EVENT: Field = Field { name: "event", aliases: &["hookEventType"] };
const EVENTS: Field = Field { name: "events", aliases: &[] };
const APPLICATION: Field = Field { name: "application", aliases: &[] };
const APPLICATIONS: Field = Field { name: "applications", aliases: &[] };
const INSECURE_SSL: Field = Field { name: "insecure_ssl", aliases: &["insecureSsl"] };
const DESCRIPTION: Field = Field { name: "description", aliases: &[] };
const GATE: Field = Field { name: "gate", aliases: &[] };
const ON_SILENCE: Field = Field { name: "on_silence", aliases: &[] };
const ORDER: Field = Field { name: "order", aliases: &[] };
const MAX_IN_FLIGHT: Field = Field { name: "max_in_flight", aliases: &[] };
const RATE_LIMIT: Field = Field { name: "rate_limit", aliases: &[] };

const ALL: [&Field; 17] = [
    &URL,
    &EVENT,
    &EVENTS,
    &APPLICATION,
    &APPLICATIONS,
    &INSECURE_SSL,
    &DESCRIPTION,
    &GATE,
    &ON_SILENCE,
    &ORDER,
    &MAX_IN_FLIGHT,
    &RATE_LIMIT,
    &SECRET,
    &SIGNATURES,
    &HEADERS,
    &CA_CERTIFICATE,
    &CLIENT_CERTIFICATE,
];

/// The most attempts in flight that a hook may ask for.
const MOST_IN_FLIGHT: u32 = 1000;

/// The most attempts a second; more is as good as no limit.
const HIGHEST_RATE: u32 = 100_000;

/// A JSON object that describes a hook, or a change of one.
pub(super) struct HookFields {
    object: Map<String, Value>,
    dialect: Dialect,
}

impl HookFields {
    /// Reads a body. In dialects, names are taken whatever their case and
    /// unknown ones ignored; in v1 those are refused.
    pub(super) fn parse(body: &[u8], dialect: Dialect) -> Result<Self, ApiError> {
        if body.is_empty() {
            return Err(ApiError::Malformed("the body is empty: send a JSON object with url and event".into()));
        }
        let value = serde_json::from_slice(body).map_err(|e| {
            ApiError::Malformed(format!("the body is not JSON ({e}): send a JSON object with url and event"))
        })?;
        let Value::Object(object) = value else {
            return Err(ApiError::Malformed("the body is not a JSON object: send one with url and event".into()));
        };
        let fields = Self { object, dialect };
        fields.check_names()?;
        Ok(fields)
    }

    fn check_names(&self) -> Result<(), ApiError> {
        if self.dialect != Dialect::V1 {
            return Ok(());
        }
        let known = |name: &String| ALL.iter().any(|field| field.name == name);
        match self.object.keys().find(|name| !known(name)) {
            None => Ok(()),
            Some(name) => {
                let names = ALL.map(|field| field.name).join(", ");
                Err(Invalid::new(name.clone(), format!("is no field of a hook: it has {names}")).into())
            }
        }
    }

    /// For the audit log: which fields were given.
    pub(super) fn names_given(&self) -> Option<String> {
        let names: Vec<_> = self.object.keys().map(String::as_str).collect();
        (!names.is_empty()).then(|| names.join(", "))
    }

    /// A hook that is asked for now.
    pub(super) fn into_new_hook(self, caller: &Caller, reach: &Reach, now: Timestamp) -> Result<NewHook, ApiError> {
        let dialect = self.dialect;
        let secret = self.get(&SECRET).map(secret).transpose()?.flatten();
        let patch = self.patch(reach, now)?;
        let missing = || Invalid::new("url", "is missing: name the URL to call, such as https://example.com/hook");
        let (url, credentials) = patch.url.ok_or_else(missing)?;
        let headers = patch.headers.unwrap_or_default();
        check_new(&headers, credentials.as_ref())?;
        let events = patch.events.unwrap_or_default();
        let applications = hook_applications(caller, patch.applications.unwrap_or_default())?;
        Ok(NewHook {
            owner: caller.owner(),
            dialect,
            webhook: None,
            url,
            credentials,
            filter: Filter::product(&events, &applications)?,
            concerns: vec![],
            insecure_ssl: patch.insecure_ssl.unwrap_or(false),
            description: patch.description.flatten(),
            gating: Gating { gate: patch.gate.flatten(), on_silence: patch.on_silence.unwrap_or_default() },
            limits: Limits { max_in_flight: patch.max_in_flight.flatten(), rate_limit: patch.rate_limit.flatten() },
            order: patch.order.unwrap_or_default(),
            secret,
            signatures: patch.signatures.unwrap_or_else(|| vec![Scheme::V1]),
            headers,
            ca_certificate: patch.ca_certificate.flatten(),
            client_certificate: patch.client_certificate.flatten(),
        })
    }

    /// A change that is asked for now, if a new URL is within reach.
    pub(super) fn into_patch(self, reach: &Reach, now: Timestamp) -> Result<HookPatch, ApiError> {
        no_secret(self.get(&SECRET))?;
        self.patch(reach, now)
    }

    fn patch(&self, reach: &Reach, now: Timestamp) -> Result<HookPatch, ApiError> {
        let url = self.get(&URL).map(|value| text(&URL, value)).transpose()?;
        let url = url.map(|url| HookUrl::parse(&url)).transpose()?;
        url.as_ref().map_or(Ok(()), |(url, _)| reach.admit(url)).map_err(ApiError::NotAllowed)?;
        let description = self.get(&DESCRIPTION).map(description).transpose()?;
        let insecure_ssl = self.get(&INSECURE_SSL).map(|value| boolean(&INSECURE_SSL, value)).transpose()?;
        Ok(HookPatch {
            url,
            filter: None,
            keys: None,
            events: self.names(&EVENT, &EVENTS)?,
            applications: self.names(&APPLICATION, &APPLICATIONS)?,
            insecure_ssl,
            description,
            gate: self.get(&GATE).map(gate).transpose()?,
            on_silence: self.get(&ON_SILENCE).map(on_silence).transpose()?,
            max_in_flight: self.limit(&MAX_IN_FLIGHT, MOST_IN_FLIGHT)?,
            rate_limit: self.limit(&RATE_LIMIT, HIGHEST_RATE)?,
            order: self.get(&ORDER).map(order).transpose()?,
            signatures: self.get(&SIGNATURES).map(signatures).transpose()?,
            headers: self.get(&HEADERS).map(headers).transpose()?,
            ca_certificate: self.get(&CA_CERTIFICATE).map(|value| ca_certificate(value, now)).transpose()?,
            client_certificate: self
                .get(&CLIENT_CERTIFICATE)
                .map(|value| client_certificate(value, now))
                .transpose()?,
        })
    }

    /// A number, or null for what the server allows.
    #[expect(clippy::option_option, reason = "not given, none, or a number: three things")]
    fn limit(&self, field: &Field, most: u32) -> Result<Option<Option<u32>>, Invalid> {
        let Some(value) = self.get(field) else {
            return Ok(None);
        };
        if value.is_null() {
            return Ok(Some(None));
        }
        let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
        if let Some(number) = number.filter(|number| (1..=most).contains(number)) {
            Ok(Some(Some(number)))
        } else {
            let message = format!("is no whole number from 1 to {most}: give one, or null for the server's own");
            Err(Invalid::new(field.name, message))
        }
    }

    /// The field under any of its names; the last one counts if it comes twice.
    fn get(&self, field: &Field) -> Option<&Value> {
        let exact = self.object.get(field.name);
        if exact.is_some() || self.dialect == Dialect::V1 {
            return exact;
        }
        let names = || std::iter::once(&field.name).chain(field.aliases);
        let fits = |key: &String| names().any(|name| name.eq_ignore_ascii_case(key));
        self.object.iter().rfind(|(key, _)| fits(key)).map(|(_, value)| value)
    }

    /// One name and a list of names, together; `None` where neither is given.
    fn names(&self, one: &Field, many: &Field) -> Result<Option<Vec<String>>, ApiError> {
        let one_name = self.get(one).filter(|value| !value.is_null());
        let names = self.get(many).filter(|value| !value.is_null());
        if one_name.is_none() && names.is_none() {
            return Ok(None);
        }
        let mut all = vec![];
        if let Some(value) = one_name {
            all.push(text(one, value)?);
        }
        match names {
            Some(Value::Array(values)) => {
                for value in values {
                    all.push(text(many, value)?);
                }
            }
            Some(value) => all.push(text(many, value)?),
            None => {}
        }
        Ok(Some(all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kudu(body: &str) -> Result<NewHook, String> {
        let fields = HookFields::parse(body.as_bytes(), Dialect::Kudu).map_err(|e| e.to_string())?;
        fields.into_new_hook(&Caller::open(), &Reach::default(), Timestamp::EPOCH).map_err(|e| e.to_string())
    }

    #[test]
    fn names_bind_whatever_their_case_and_under_their_aliases() {
        for body in [
            r#"{"URL":"http://a/","Event":"E"}"#,
            r#"{"hookAddress":"http://a/","hookEventType":"E","id":"x","last_status":null}"#,
            r#"{"target_url":"http://a/","events":["E"]}"#,
            r#"{"HOOKURL":"http://a/","events":"E"}"#,
        ] {
            let hook = kudu(body).unwrap();
            assert_eq!(hook.url.as_str(), "http://a/");
            assert_eq!(hook.filter.events(), ["E"]);
        }
    }

    #[test]
    fn scalars_are_taken_as_texts_and_truths() {
        let hook = kudu(r#"{"url":"http://a/","event":5,"insecure_ssl":"True"}"#).unwrap();
        assert_eq!(hook.filter.events(), ["5"]);
        assert!(hook.insecure_ssl);
        assert!(!kudu(r#"{"url":"http://a/","event":"E","insecure_ssl":0}"#).unwrap().insecure_ssl);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let table = [
            (r#"{"event":"E"}"#, "url: is missing"),
            (r#"{"url":"http://a/"}"#, "event: is missing"),
            (r#"{"url":null,"event":"E"}"#, "url: is null"),
            (r#"{"url":["http://a/"],"event":"E"}"#, "url: is not a text"),
            (r#"{"url":"http://a/","event":"E","insecure_ssl":null}"#, "insecure_ssl: is neither"),
            (r#"{"url":"http://a/","events":[[]]}"#, "events: is not a text"),
            ("[]", "the body is not a JSON object"),
            ("null", "the body is not a JSON object"),
            ("{", "the body is not JSON"),
            ("", "the body is empty"),
        ];
        for (body, message) in table {
            let error = kudu(body).unwrap_err();
            assert!(error.starts_with(message), "{body}: {error}");
        }
    }

    #[test]
    fn v1_refuses_what_it_does_not_know() {
        let error = HookFields::parse(br#"{"urll":"http://a/"}"#, Dialect::V1).err().map(|e| e.to_string());
        assert!(error.is_some_and(|error| error.starts_with("urll: is no field")));
    }
}
