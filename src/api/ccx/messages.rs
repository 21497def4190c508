//! What CCX's hooks take and answer, in each of three shapes.
//!
//! ```text
//! protobuf        over gRPC
//! proto-JSON      {"clusterId":"1","nodeCount":1}     from and to who calls a hook
//! public JSON     {"cluster_id":"1","node_count":1}   to who is asked or told
//! ```

use std::sync::LazyLock;

use bytes::Bytes;
use prost::Message;
use prost_reflect::{
    DescriptorPool, DeserializeOptions, DynamicMessage, MessageDescriptor, MethodDescriptor, SerializeOptions,
};
use serde_json::{Map, Value};

use super::proto::DESCRIPTORS;
use crate::domain::Invalid;
use crate::domain::ccx::{self, CcxHook};

/// The service, as gRPC names it.
pub const SERVICE: &str = "ccx.hook.v1.HookService";

/// One of CCX's hooks, and what it takes and answers.
#[derive(Debug)]
pub struct Call {
    /// What it means.
    pub hook: &'static CcxHook,
    method: MethodDescriptor,
}

/// What becomes of a field that a message does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    /// It is a mistake: for who types a message.
    Refused,
    /// Somebody speaks a newer version.
    Ignored,
}

static CALLS: LazyLock<Vec<Call>> = LazyLock::new(|| {
    // What was compiled in can be read: a test looks for all eight.
    let pool = DescriptorPool::decode(DESCRIPTORS).unwrap_or_default();
    let methods = pool.services().filter(|service| service.full_name() == SERVICE);
    let methods: Vec<_> = methods.flat_map(|service| service.methods().collect::<Vec<_>>()).collect();
    let call = |hook: &'static CcxHook| {
        let spelt_so = |method: &&MethodDescriptor| method.name().eq_ignore_ascii_case(&hook.name.replace('-', ""));
        Some(Call { hook, method: methods.iter().find(spelt_so)?.clone() })
    };
    ccx::ALL.iter().filter_map(call).collect()
});

impl Call {
    /// Those of all hooks.
    #[must_use]
    pub fn all() -> &'static [Call] {
        &CALLS
    }

    /// That of the hook of this name, whatever its case.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Call> {
        CALLS.iter().find(|call| call.hook.name.eq_ignore_ascii_case(name))
    }

    /// Where it is over gRPC, such as `/ccx.hook.v1.HookService/PreAddNode`.
    #[must_use]
    pub fn path(&self) -> String {
        format!("/{SERVICE}/{}", self.method())
    }

    /// What it is called there, such as `PreAddNode`.
    #[must_use]
    pub fn method(&self) -> &str {
        self.method.name()
    }

    /// What it takes.
    #[must_use]
    pub fn request(&self) -> MessageDescriptor {
        self.method.input()
    }

    /// What it answers.
    #[must_use]
    pub fn response(&self) -> MessageDescriptor {
        self.method.output()
    }
}

/// A message out of JSON: names in lowerCamelCase or as they stand in the proto, numbers
/// also as decimal strings, `null` for what is not said.
///
/// # Errors
/// Names the field that cannot be taken, or `body` where it is no object.
pub fn from_json(of: &MessageDescriptor, json: &[u8], unknown: Unknown) -> Result<DynamicMessage, Invalid> {
    let no_object =
        |e| Invalid::new("body", format!("is no JSON object ({e}): give one such as {{\"clusterId\":\"1\"}}"));
    // By way of `Value`: its numbers are numbers also for who can take texts too.
    let fields: Map<String, Value> = serde_json::from_slice(json).map_err(no_object)?;
    let mut message = DynamicMessage::new(of.clone());
    let mut named = vec![];
    for (name, value) in fields {
        let Some(field) = of.get_field_by_json_name(&name).or_else(|| of.get_field_by_name(&name)) else {
            if unknown == Unknown::Refused {
                return Err(no_field(of, name));
            }
            continue;
        };
        if named.contains(&field.number()) {
            return Err(Invalid::new(name, "is there twice, in two spellings: give it once"));
        }
        named.push(field.number());
        let read = DynamicMessage::deserialize_with_options(
            of.clone(),
            Value::Object(Map::from_iter([(name.clone(), value)])),
            &DeserializeOptions::new(),
        );
        let mut read = read.map_err(|e| Invalid::new(name, format!("cannot be taken: {e}")))?;
        if read.has_field(&field) {
            message.set_field(&field, read.take_field(&field).unwrap_or_else(|| field.default_value()));
        }
    }
    Ok(message)
}

fn no_field(of: &MessageDescriptor, name: String) -> Invalid {
    let fields: Vec<_> = of.fields().map(|field| field.json_name().to_owned()).collect();
    let takes = if fields.is_empty() { "none".to_owned() } else { fields.join(", ") };
    Invalid::new(name, format!("is no field of {}: it takes {takes}", of.name()))
}

/// A message as JSON for who calls: lowerCamelCase, with every field.
#[must_use]
pub fn to_json(message: &DynamicMessage) -> Bytes {
    written(message, &SerializeOptions::new().skip_default_fields(false))
}

/// A message as JSON for who is asked or told: the names of the proto, with every field,
/// in the order of their numbers.
#[must_use]
pub fn to_public_json(message: &DynamicMessage) -> Bytes {
    written(message, &SerializeOptions::new().skip_default_fields(false).use_proto_field_name(true))
}

fn written(message: &DynamicMessage, options: &SerializeOptions) -> Bytes {
    let mut text = serde_json::Serializer::new(vec![]);
    // Texts, numbers and lists of them can always be written.
    let _ = message.serialize_with_options(&mut text, options);
    text.into_inner().into()
}

/// A message that came as protobuf.
pub(super) fn from_proto(of: MessageDescriptor, message: &impl Message) -> DynamicMessage {
    let mut dynamic = DynamicMessage::new(of);
    // Both were made of the same file: they have the same fields.
    let _ = dynamic.transcode_from(message);
    dynamic
}

/// A message that goes out as protobuf.
pub(super) fn to_proto<T: Message + Default>(message: &DynamicMessage) -> T {
    // Both were made of the same file: they have the same fields.
    message.transcode_to().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::proto::PreAddNodeRequest;
    use super::*;

    fn read(hook: &str, json: &str, unknown: Unknown) -> Result<DynamicMessage, String> {
        let call = Call::find(hook).expect("a hook");
        from_json(&call.request(), json.as_bytes(), unknown).map_err(|invalid| invalid.to_string())
    }

    fn shapes(hook: &str, json: &str) -> (String, String) {
        let message = read(hook, json, Unknown::Refused).expect("a message");
        let text = |bytes: Bytes| String::from_utf8(bytes.to_vec()).expect("a text");
        (text(to_json(&message)), text(to_public_json(&message)))
    }

    #[test]
    fn each_hook_is_a_call_of_the_service() {
        let names: Vec<_> = Call::all().iter().map(|call| call.hook.name).collect();
        assert_eq!(names, ccx::ALL.map(|hook| hook.name));
        for call in Call::all() {
            let (takes, answers) = (call.request(), call.response());
            let path = format!("/{SERVICE}/{}", takes.name().strip_suffix("Request").expect("a request"));
            assert_eq!((call.path(), answers.name().strip_suffix("Response").is_some()), (path, true));
            assert_eq!(answers.get_field_by_name("approved").is_some(), call.hook.may_refuse, "{}", call.hook.name);
            assert_eq!(answers.fields().len() == 0, call.hook.asked_as.is_some(), "{}", call.hook.name);
        }
        assert!(Call::find("Pre-Add-NODE").is_some() && Call::find("add-node").is_none());
    }

    #[test]
    fn a_message_is_camel_case_for_who_calls_and_snake_case_for_who_is_asked() {
        let typed = r#"{"clusterId":"1","cloud":"c1","nodeCount":1,"instanceType":"i1","authId":"a1"}"#;
        let public = r#"{"cluster_id":"1","cloud":"c1","node_count":1,"instance_type":"i1","auth_id":"a1"}"#;
        assert_eq!(shapes("pre-add-node", typed), (typed.to_owned(), public.to_owned()));
        assert_eq!(shapes("pre-add-node", public), (typed.to_owned(), public.to_owned()));
        let mixed = r#"{"auth_id":"a1","nodeCount":"1","instanceType":"i1","cloud":"c1","cluster_id":"1"}"#;
        assert_eq!(shapes("pre-add-node", mixed), (typed.to_owned(), public.to_owned()));
    }

    #[test]
    fn every_field_is_there_in_the_order_of_their_numbers() {
        let public = r#"{"cluster_id":"","cluster_name":"","datastore_type":"","cloud":"","node_count":0,"instance_type":"","cluster_status":"","node_ids":[],"work_id":""}"#;
        assert_eq!(shapes("post-create-cluster", "{}").1, public);
        let nothing = r#"{"workId":null,"nodeIds":null,"nodeCount":null}"#;
        assert_eq!(shapes("post-create-cluster", nothing).1, public);
        let (typed, public) = shapes("post-add-node", r#"{"node_ids":["a","b"],"workId":"w\"ö"}"#);
        assert!(typed.contains(r#""nodeIds":["a","b"],"workId":"w\"ö""#), "{typed}");
        assert!(public.contains(r#""node_ids":["a","b"],"work_id":"w\"ö""#), "{public}");
    }

    #[test]
    fn a_count_is_a_whole_number_or_one_in_a_text() {
        for (count, is) in [("3", 3), ("\"3\"", 3), ("-1", -1), ("2147483647", i32::MAX), ("1.0", 1), ("0", 0)] {
            let json = shapes("pre-add-node", &format!("{{\"nodeCount\":{count}}}")).1;
            assert!(json.contains(&format!("\"node_count\":{is},")), "{json}");
        }
        for count in ["2147483648", "1.5", "\"\"", "\"x\"", "true", "[1]", "1e99", "{}"] {
            let refused = read("pre-add-node", &format!("{{\"nodeCount\":{count}}}"), Unknown::Ignored);
            assert!(refused.as_ref().is_err_and(|error| error.contains("nodeCount")), "{count}: {refused:?}");
        }
    }

    #[test]
    fn what_is_no_message_is_refused_with_the_field_at_fault() {
        for (json, says) in [
            ("", "body: is no JSON object"),
            ("null", "body: is no JSON object"),
            ("[]", "body: is no JSON object"),
            (r#"{"clusterId":"1""#, "body: is no JSON object"),
            (r#"{"clusterId":1}"#, "clusterId: cannot be taken"),
            (r#"{"cluster_id":{}}"#, "cluster_id: cannot be taken"),
            (r#"{"clusterId":"1","cluster_id":"2"}"#, "cluster_id: is there twice"),
        ] {
            let refused = read("pre-add-node", json, Unknown::Ignored);
            assert!(refused.as_ref().is_err_and(|error| error.starts_with(says)), "{json}: {refused:?}");
        }
    }

    #[test]
    fn unknown_fields_are_mistakes_or_none() {
        let json = r#"{"clusterId":"1","clusterID":"2","node_id":{"a":[1]}}"#;
        let refused = read("pre-delete-cluster", json, Unknown::Refused).expect_err("a refusal");
        assert_eq!(refused, "clusterID: is no field of PreDeleteClusterRequest: it takes clusterId, authId");
        let message = read("pre-delete-cluster", json, Unknown::Ignored).expect("a message");
        assert_eq!(to_public_json(&message), r#"{"cluster_id":"1","auth_id":""}"#);
    }

    #[test]
    fn protobuf_says_the_same() {
        let sent = PreAddNodeRequest { cluster_id: "1".into(), node_count: -7, ..PreAddNodeRequest::default() };
        let message = from_proto(Call::find("pre-add-node").expect("a hook").request(), &sent);
        assert_eq!(message.get_field_by_name("node_count").as_deref().and_then(prost_reflect::Value::as_i32), Some(-7));
        assert_eq!(to_proto::<PreAddNodeRequest>(&message), sent);
    }
}
