//! The hooks of CCX: which there are, which of them may be refused, and which belong
//! together.
//!
//! Source: the hook service of CCX; event types carry its names.

use serde_json::{Map, Value};

use super::event::EventType;

/// One of CCX's hooks.
#[derive(Debug, PartialEq, Eq)]
pub struct CcxHook {
    /// Its name, which is the type of its events.
    pub name: &'static str,
    /// For one that is called afterwards: the one that was called before.
    pub asked_as: Option<&'static str>,
    /// Whether who is asked may say no: only what makes something new can be refused.
    pub may_refuse: bool,
    /// The fields that say what it is about.
    subject: &'static [&'static str],
}

const CLUSTER: &[&str] = &["cluster_id"];
const NODE: &[&str] = &["cluster_id", "node_id"];

/// All of them, each with the one that follows it. Which nodes are added is known only
/// afterwards, so an added node is known by its cluster alone.
pub const ALL: [CcxHook; 8] = [
    pre("pre-create-cluster", true, CLUSTER),
    post("post-create-cluster", "pre-create-cluster", CLUSTER),
    pre("pre-add-node", true, CLUSTER),
    post("post-add-node", "pre-add-node", CLUSTER),
    pre("pre-remove-node", false, NODE),
    post("post-remove-node", "pre-remove-node", NODE),
    pre("pre-delete-cluster", false, CLUSTER),
    post("post-delete-cluster", "pre-delete-cluster", CLUSTER),
];

const fn pre(name: &'static str, may_refuse: bool, subject: &'static [&'static str]) -> CcxHook {
    CcxHook { name, asked_as: None, may_refuse, subject }
}

const fn post(name: &'static str, asked_as: &'static str, subject: &'static [&'static str]) -> CcxHook {
    CcxHook { name, asked_as: Some(asked_as), may_refuse: false, subject }
}

/// The hook of this name, whatever its case.
#[must_use]
pub fn find(event_type: &EventType) -> Option<&'static CcxHook> {
    ALL.iter().find(|hook| hook.name.eq_ignore_ascii_case(event_type.as_str()))
}

impl CcxHook {
    /// What a call is about, equal for those that belong together; `None` where it does
    /// not say.
    #[must_use]
    pub fn subject(&self, payload: &[u8]) -> Option<String> {
        let fields: Map<String, Value> = serde_json::from_slice(payload).ok()?;
        let text = |name: &&str| fields.get(*name)?.as_str().filter(|text| !text.is_empty());
        let texts = self.subject.iter().map(text).collect::<Option<Vec<_>>>()?;
        serde_json::to_string(&texts).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_call_afterwards_names_one_before_that_is_about_the_same() {
        for after in ALL.iter().filter(|hook| hook.asked_as.is_some()) {
            let before = ALL.iter().find(|hook| Some(hook.name) == after.asked_as).expect("one before");
            assert_eq!((before.asked_as, before.subject), (None, after.subject), "{}", after.name);
        }
    }

    #[test]
    fn only_what_makes_something_new_may_be_refused() {
        let refusable: Vec<_> = ALL.iter().filter(|hook| hook.may_refuse).map(|hook| hook.name).collect();
        assert_eq!(refusable, ["pre-create-cluster", "pre-add-node"]);
    }

    #[test]
    fn a_subject_is_the_cluster_and_for_a_removed_node_that_too() {
        let hook = |name: &str| find(&EventType::trusted(name)).expect("a hook");
        let payload = br#"{"node_id":"n","cluster_id":"c","work_id":"w"}"#;
        assert_eq!(hook("Pre-Add-Node").subject(payload).as_deref(), Some(r#"["c"]"#));
        assert_eq!(hook("post-remove-node").subject(payload).as_deref(), Some(r#"["c","n"]"#));
        for unsaid in [&br#"{"cluster_id":""}"#[..], b"{}", b"[]", b"{"] {
            assert_eq!(hook("pre-add-node").subject(unsaid), None);
        }
        assert_eq!(hook("pre-remove-node").subject(br#"{"cluster_id":"c"}"#), None);
        assert!(find(&EventType::trusted("pre-deploy")).is_none());
    }
}
