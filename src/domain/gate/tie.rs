//! What ties an event to the gate that was asked before it, and what each hook is told
//! of that.

use bytes::Bytes;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;
use std::ops::Range;

use crate::domain::ccx;
use crate::domain::event::EventType;
use crate::domain::id::GateId;

/// The field in which a hook finds its own name for what is going on.
const WORK_ID: &str = "work_id";

/// With what the types of events begin that a work id in the payload may tie.
const AFTER: &str = "post";

/// How an event names its gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// By its id.
    Id(GateId),
    /// By what one of the hooks called it; `asked_as` if only gates of this type may be
    /// meant.
    WorkId {
        /// A hook's name for it.
        work_id: String,
        /// The type of the gate.
        asked_as: Option<&'static str>,
    },
    /// By what it is about: the type of the gate, and its subject.
    Subject(&'static str, String),
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Fields {
    gate: Option<serde_json::Value>,
    work_id: Option<serde_json::Value>,
}

impl Named {
    /// What an event of this type and payload names; most name nothing, and cost next to
    /// nothing.
    #[must_use]
    pub fn by(event_type: &EventType, payload: &[u8]) -> Option<Self> {
        let after = ccx::find(event_type).filter(|hook| hook.asked_as.is_some());
        let may =
            after.is_some() || holds(payload, b"\"gate_") || is_after(event_type) && holds(payload, b"\"work_id\"");
        if !may {
            return None;
        }
        // A list would be taken for the fields in their order.
        let is_object = payload.trim_ascii_start().starts_with(b"{");
        let fields: Fields = serde_json::from_slice(payload).ok().filter(|_| is_object)?;
        let text = |value: &Option<serde_json::Value>| {
            value.as_ref()?.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
        };
        if let Some(id) = text(&fields.gate).and_then(|id| id.parse().ok()) {
            return Some(Self::Id(id));
        }
        let asked_as = after.and_then(|hook| hook.asked_as);
        if let Some(work_id) = text(&fields.work_id).filter(|_| is_after(event_type)) {
            return Some(Self::WorkId { work_id, asked_as });
        }
        let hook = after?;
        Some(Self::Subject(asked_as?, hook.subject(payload)?))
    }
}

fn is_after(event_type: &EventType) -> bool {
    event_type.as_str().get(..AFTER.len()).is_some_and(|start| start.eq_ignore_ascii_case(AFTER))
}

fn holds(payload: &[u8], text: &[u8]) -> bool {
    memchr::memmem::find(payload, text).is_some()
}

/// The payload as a hook gets it that calls this so: its own work id in place of any
/// other's, or added as the first field; an empty one only in place of another's. All else
/// stays to the byte.
#[must_use]
pub fn with_work_id(payload: &Bytes, work_id: &str) -> Bytes {
    let Ok(spans) = serde_json::from_slice::<Spans>(payload) else {
        return payload.clone();
    };
    // Texts always have a JSON form.
    let value = serde_json::to_string(work_id).unwrap_or_default();
    let ranges: Vec<_> = spans.work_ids.iter().filter_map(|raw| range_in(payload, raw.get())).collect();
    let mut body = Vec::with_capacity(payload.len() + value.len() + 16);
    let mut rest = 0;
    if ranges.is_empty() {
        if work_id.is_empty() {
            return payload.clone();
        }
        // The object begins after what may be white space.
        let open = payload.iter().position(|byte| *byte == b'{').map_or(0, |place| place + 1);
        body.extend_from_slice(&payload[..open]);
        let field = serde_json::json!({ WORK_ID: work_id }).to_string();
        body.extend_from_slice(field.trim_start_matches('{').trim_end_matches('}').as_bytes());
        body.extend_from_slice(if spans.is_empty { b"" } else { b"," });
        rest = open;
    }
    for range in ranges {
        body.extend_from_slice(&payload[rest..range.start]);
        body.extend_from_slice(value.as_bytes());
        rest = range.end;
    }
    body.extend_from_slice(&payload[rest..]);
    Bytes::from(body)
}

/// Where a part of a text stands in it.
fn range_in(whole: &[u8], part: &str) -> Option<Range<usize>> {
    let start = (part.as_ptr() as usize).checked_sub(whole.as_ptr() as usize)?;
    (start + part.len() <= whole.len()).then_some(start..start + part.len())
}

/// The name of a field: bytes, because some are no text (half a surrogate pair).
struct Name(Vec<u8>);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;

        impl Visitor<'_> for Bytes {
            type Value = Name;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_bytes<E>(self, name: &[u8]) -> Result<Name, E> {
                Ok(Name(name.to_vec()))
            }

            fn visit_str<E>(self, name: &str) -> Result<Name, E> {
                Ok(Name(name.into()))
            }
        }

        deserializer.deserialize_bytes(Bytes)
    }
}

/// The values of all fields of an object that are called `work_id`.
struct Spans<'a> {
    work_ids: Vec<&'a RawValue>,
    is_empty: bool,
}

impl<'de> Deserialize<'de> for Spans<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Spans<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Spans<'de>, A::Error> {
                let mut spans = Spans { work_ids: vec![], is_empty: true };
                while let Some(Name(name)) = map.next_key()? {
                    spans.is_empty = false;
                    if name == WORK_ID.as_bytes() {
                        spans.work_ids.push(map.next_value()?);
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(spans)
            }
        }

        deserializer.deserialize_map(Object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ulid::Ulid;

    fn named(event_type: &str, payload: &str) -> Option<Named> {
        Named::by(&EventType::trusted(event_type), payload.as_bytes())
    }

    #[test]
    fn an_event_names_its_gate_by_its_id_a_work_id_or_what_it_is_about() {
        let id = GateId(Ulid::from_parts(7, 8));
        let by_id = format!(r#"{{"gate":"{id}","work_id":"w"}}"#);
        assert_eq!(named("anything", &by_id), Some(Named::Id(id)));
        let work_id = |asked_as| Some(Named::WorkId { work_id: "w".into(), asked_as });
        assert_eq!(named("PostDeployment", r#"{"work_id":"w"}"#), work_id(None));
        assert_eq!(named("post-add-node", r#"{"cluster_id":"c","work_id":"w"}"#), work_id(Some("pre-add-node")));
        let subject = Some(Named::Subject("pre-add-node", r#"["c"]"#.into()));
        assert_eq!(named("post-add-node", r#"{"cluster_id":"c","work_id":""}"#), subject);
    }

    #[test]
    fn most_events_name_none() {
        let table = [
            ("Deployed", r#"{"work_id":"w"}"#),
            ("post-deploy", r#"{"gate":"north"}"#),
            ("post-deploy", r#"{"gate":"gate_x"}"#),
            ("post-deploy", r#"{"a":{"work_id":"w"}}"#),
            ("post-deploy", r#"{"work_id":7}"#),
            ("post-deploy", r#"["work_id"]"#),
            ("post-deploy", r#"["\"work_id\"","w"]"#),
            ("post-add-node", r#"{"cluster_id":""}"#),
            ("post-remove-node", r#"{"cluster_id":"c"}"#),
            ("pre-add-node", r#"{"cluster_id":"c"}"#),
        ];
        for (event_type, payload) in table {
            assert_eq!(named(event_type, payload), None, "{event_type} {payload}");
        }
    }

    #[test]
    fn each_hook_gets_its_own_work_id_and_all_else_to_the_byte() {
        let table = [
            (r#" { "a" : 1.50, "work_id" : "w" }"#, "x", r#" { "a" : 1.50, "work_id" : "x" }"#),
            (
                r#"{"work_id":null,"b":{"work_id":1},"work_id":[2]}"#,
                "x",
                r#"{"work_id":"x","b":{"work_id":1},"work_id":"x"}"#,
            ),
            (r#"{"work_id":"w"}"#, "", r#"{"work_id":""}"#),
            (r#" {"gate":"g"}"#, "\"x\"", r#" {"work_id":"\"x\"","gate":"g"}"#),
            (r#"{"\ud800":1,"work_id":"w"}"#, "x", r#"{"\ud800":1,"work_id":"x"}"#),
            (r#"{"w\u006frk_id":"w"}"#, "x", r#"{"w\u006frk_id":"x"}"#),
            ("{ }", "x", r#"{"work_id":"x" }"#),
            (r#"{"gate":"g"}"#, "", r#"{"gate":"g"}"#),
            (r#"["work_id"]"#, "x", r#"["work_id"]"#),
            ("null", "x", "null"),
        ];
        for (payload, work_id, expected) in table {
            let body = with_work_id(&Bytes::from_static(payload.as_bytes()), work_id);
            assert_eq!(std::str::from_utf8(&body).unwrap(), expected, "{payload}");
        }
    }
}
