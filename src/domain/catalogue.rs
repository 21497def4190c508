//! The event types that are known by name: what they mean and what they look like.
//! Any other type may be published too.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::event::EventType;

/// Where the types come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// Kudu's deployments and jobs.
    Kudu,
    /// Huskar's actions.
    Huskar,
    /// CCX's hooks.
    Ccx,
}

/// Whom an action of Huskar's concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The webhooks of its applications, and those of the site.
    Application,
    /// Those of the site alone.
    Site,
}

/// A type that is known.
#[derive(Debug, Deserialize, Serialize)]
pub struct KnownType {
    /// Its name.
    pub r#type: String,
    /// Where it comes from.
    pub family: Family,
    /// Huskar's number for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<u32>,
    /// Whom it concerns, where it is one of Huskar's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<Level>,
    /// How much it matters unless its publisher says so: 0 or 1; likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<u8>,
    /// What has happened, in a sentence.
    pub description: String,
    /// The keys of its payload.
    pub keys: Vec<String>,
    /// A payload.
    pub sample: Box<RawValue>,
}

impl KnownType {
    /// Whether it is one of Huskar's actions.
    #[must_use]
    pub fn is_action(&self) -> bool {
        self.family == Family::Huskar
    }

    /// Whether webhooks of applications hear of it.
    #[must_use]
    pub fn is_of_applications(&self) -> bool {
        self.level == Some(Level::Application)
    }
}

struct Catalogue {
    all: Vec<KnownType>,
    by_key: HashMap<String, usize>,
}

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
    let all: Vec<KnownType> =
        serde_json::from_str(include_str!("../../data/event-types.json")).expect("the catalogue is ours, and tested");
    let by_key = all.iter().enumerate().map(|(index, known)| (known.r#type.to_lowercase(), index)).collect();
    Catalogue { all, by_key }
});

/// All of them: Kudu's, Huskar's by their numbers, CCX's.
#[must_use]
pub fn all() -> &'static [KnownType] {
    &CATALOGUE.all
}

/// What is known of a type, whatever its case.
#[must_use]
pub fn find(event_type: &EventType) -> Option<&'static KnownType> {
    CATALOGUE.by_key.get(&event_type.key()).map(|&index| &CATALOGUE.all[index])
}

/// The action of exactly this name.
#[must_use]
pub fn action(name: &str) -> Option<&'static KnownType> {
    find(&EventType::trusted(name)).filter(|known| known.is_action() && known.r#type == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ccx;
    use std::collections::HashSet;

    #[test]
    fn there_are_two_events_of_kudus_forty_five_actions_of_huskars_and_eight_hooks_of_ccx() {
        let names: HashSet<_> = all().iter().map(|known| known.r#type.as_str()).collect();
        let actions = all().iter().filter(|known| known.is_action());
        assert_eq!((all().len(), names.len(), actions.count()), (55, 55, 45));
        assert!(ccx::ALL.iter().all(|hook| find(&EventType::trusted(hook.name)).is_some()));
        let unlikely =
            ["CHANGE_USER_PASSWORD", "FORGOT_USER_PASSWORD", "OBTAIN_USER_TOKEN", "OBTAIN_APPLICATION_TOKEN"];
        let made = ["CREATE_TEAM", "CREATE_USER", "CREATE_APPLICATION"];
        for known in all().iter().filter(|known| known.is_action()) {
            let name = known.r#type.as_str();
            let expected = u8::from(!unlikely.contains(&name) && !made.contains(&name));
            assert_eq!(known.severity, Some(expected), "{name}");
            assert!(known.code.is_some() && known.level.is_some(), "{name}");
        }
    }

    #[test]
    fn a_sample_has_the_keys_that_its_type_says() {
        for known in all() {
            let sample: serde_json::Map<String, serde_json::Value> = serde_json::from_str(known.sample.get()).unwrap();
            assert_eq!(sample.keys().collect::<HashSet<_>>(), known.keys.iter().collect(), "{}", known.r#type);
        }
    }

    #[test]
    fn a_type_is_known_whatever_its_case_and_an_action_by_its_exact_name() {
        assert!(find(&EventType::trusted("update_Switch")).is_some_and(KnownType::is_of_applications));
        assert!(find(&EventType::trusted("Deployed")).is_none());
        assert!(action("UPDATE_SWITCH").is_some() && action("update_switch").is_none());
        assert!(action("PostDeployment").is_none() && action("_CREATE_SERVICE").is_none());
    }
}
