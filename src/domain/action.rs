//! Huskar's actions: what somebody did to an application or the site, as its
//! publisher tells it.

use std::fmt;

use bytes::Bytes;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use super::catalogue::KnownType;

/// Keys of action data that never leave: they hold what is configured, which may be
/// secret.
const CONFIDENTIAL: [&str; 3] = ["data", "value", "nested"];

/// Who did an action, and how much it matters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deed {
    /// The user; none where nobody said.
    pub username: Option<String>,
    /// 0: a person, 1: an application.
    pub user_type: u8,
    /// 0: hardly, 1: it does.
    pub severity: u8,
}

/// The same, as far as the publisher says it.
#[derive(Debug, Clone)]
pub struct ToldDeed {
    /// The user.
    pub username: Option<String>,
    /// 0 or 1.
    pub user_type: Option<u8>,
    /// 0 or 1.
    pub severity: Option<u8>,
}

impl ToldDeed {
    /// With what is left out as it usually is; a user who is an application acts as one.
    #[must_use]
    pub fn completed(self, known: Option<&KnownType>, by_application: bool) -> Deed {
        let severity = self.severity.unwrap_or_else(|| Deed::unsaid(known).severity);
        Deed { username: self.username, user_type: self.user_type.unwrap_or(u8::from(by_application)), severity }
    }
}

impl Deed {
    /// What is known of an event of which nobody said more.
    #[must_use]
    pub fn unsaid(known: Option<&KnownType>) -> Self {
        Self { username: None, user_type: 0, severity: known.and_then(|known| known.severity).unwrap_or(1) }
    }
}

/// The data of an action, as it is kept.
#[derive(Debug)]
pub struct ActionData {
    /// The object, without what is confidential; to the byte as it came where there
    /// was nothing to take out.
    pub payload: Bytes,
    /// The applications that it names.
    pub applications: Vec<String>,
    /// What its publisher should know.
    pub warnings: Vec<String>,
}

impl ActionData {
    /// Reads a payload of this type, which is JSON. What is no object is kept as it is.
    #[must_use]
    pub fn read(known: &KnownType, payload: Bytes) -> Self {
        let Ok(entries) = serde_json::from_slice::<Entries<'_>>(&payload) else {
            let warnings = vec![format!("the data of {} is a JSON object with {}", known.r#type, listed(&known.keys))];
            return Self { payload, applications: vec![], warnings };
        };
        let applications = entries.applications();
        let mut warnings = entries.missing(&known.keys);
        if entries.misnames_applications() {
            warnings
                .push("action_data names applications by something else than texts: it concerns none of them".into());
        }
        let kept = entries.without_confidential();
        Self { payload: kept.unwrap_or(payload), applications, warnings }
    }
}

fn listed(keys: &[String]) -> String {
    keys.join(", ")
}

/// An object in the order and spelling in which it came, keys that repeat included.
struct Entries<'a>(Vec<(&'a RawValue, &'a RawValue)>);

/// Whether a key, as it is spelt, is this one. Not all that JSON takes for a text is
/// one: half a surrogate pair is none, and no key that anybody knows.
fn is_key(spelt: &RawValue, key: &str) -> bool {
    let spelt = spelt.get();
    if spelt.contains('\\') {
        return serde_json::from_str::<String>(spelt).is_ok_and(|text| text == key);
    }
    spelt.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) == Some(key)
}

impl Entries<'_> {
    fn get(&self, key: &str) -> Option<&RawValue> {
        self.0.iter().rfind(|(name, _)| is_key(name, key)).map(|(_, value)| *value)
    }

    /// `application_names`, if there are any, or else `application_name`.
    fn applications(&self) -> Vec<String> {
        let many = self.get("application_names").and_then(|value| serde_json::from_str(value.get()).ok());
        let one = || self.get("application_name").and_then(|value| serde_json::from_str(value.get()).ok());
        many.filter(|names: &Vec<_>| !names.is_empty()).unwrap_or_else(|| one().into_iter().collect())
    }

    /// Whether they are neither names nor null.
    fn misnames_applications(&self) -> bool {
        let is = |key, ok: fn(&str) -> bool| self.get(key).is_none_or(|value| value.get() == "null" || ok(value.get()));
        !is("application_names", |text| serde_json::from_str::<Vec<String>>(text).is_ok())
            || !is("application_name", |text| serde_json::from_str::<String>(text).is_ok())
    }

    fn missing(&self, keys: &[String]) -> Vec<String> {
        // One or many: either says whom it concerns.
        let is_said = |key: &str| key.starts_with("application_name") && self.get("application_names").is_some();
        let absent = keys.iter().filter(|key| self.get(key).is_none() && !is_said(key));
        absent.map(|key| format!("action_data has no {key}, which hooks may look for")).collect()
    }

    /// None where there is nothing to take out.
    fn without_confidential(&self) -> Option<Bytes> {
        let is_confidential = |spelt: &RawValue| CONFIDENTIAL.iter().any(|key| is_key(spelt, key));
        if !self.0.iter().any(|(key, _)| is_confidential(key)) {
            return None;
        }
        let mut text = String::from("{");
        for (key, value) in self.0.iter().filter(|(key, _)| !is_confidential(key)) {
            if text.len() > 1 {
                text.push(',');
            }
            text.push_str(key.get());
            text.push(':');
            text.push_str(value.get());
        }
        text.push('}');
        Some(text.into())
    }
}

impl<'de> Deserialize<'de> for Entries<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Entries<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = vec![];
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::catalogue;

    fn read(name: &str, payload: &'static str) -> ActionData {
        ActionData::read(catalogue::action(name).unwrap(), Bytes::from_static(payload.as_bytes()))
    }

    #[test]
    fn what_is_confidential_is_taken_out_however_it_is_spelt() {
        let payload = r#"{"application_name":"a","cluster_name":"c","key":"k","d\u0061ta":{"x":1},"value":"s","nested":[],"n":1.00}"#;
        let data = read("UPDATE_CONFIG", payload);
        assert_eq!(data.payload, r#"{"application_name":"a","cluster_name":"c","key":"k","n":1.00}"#);
        assert_eq!(data.warnings, [""; 0]);
        assert_eq!(read("UPDATE_CONFIG", r#"{"data":1}"#).payload, "{}");
    }

    #[test]
    fn a_key_that_is_no_text_does_not_let_the_others_out() {
        let payload = r#"{"\ud800":"half","k\u0065y":"k","value":"s"}"#;
        assert_eq!(read("UPDATE_CONFIG", payload).payload, r#"{"\ud800":"half","k\u0065y":"k"}"#);
    }

    #[test]
    fn what_is_not_confidential_stays_to_the_byte() {
        let payload = r#"{ "application_name": "a" , "deep": {"value": 1}, "deep":2 }"#;
        assert_eq!(read("UPDATE_CONFIG", payload).payload, payload);
    }

    #[test]
    fn applications_are_many_or_one_or_none() {
        let applications = |payload| read("IMPORT_SWITCH", payload).applications;
        assert_eq!(applications(r#"{"application_names":["a","b"],"application_name":"c"}"#), ["a", "b"]);
        assert_eq!(applications(r#"{"application_name":"c"}"#), ["c"]);
        assert_eq!(applications(r#"{"application_names":7,"application_name":null}"#), [""; 0]);
        assert_eq!(applications(r#"{"application_names":[],"application_name":"c"}"#), ["c"]);
        assert_eq!(applications("[]"), [""; 0]);
    }

    #[test]
    fn a_key_that_is_missing_is_a_warning() {
        let data = read("DELETE_SWITCH", r#"{"application_name":"a","key":null}"#);
        assert_eq!(data.warnings, ["action_data has no cluster_name, which hooks may look for"]);
        assert_eq!(read("DELETE_SWITCH", "7").warnings.len(), 1);
    }
}
