//! Huskar's two kinds of hooks, and the body that each gets.

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;

use super::action::Deed;
use super::catalogue;
use super::event::Event;

/// What a webhook hears of; Huskar's `webhook_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Certain actions on certain applications, each application apart.
    Application,
    /// Everything.
    Site,
}

impl Kind {
    /// Huskar's number.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::Application => 0,
            Self::Site => 1,
        }
    }

    /// Reads Huskar's number.
    #[must_use]
    pub fn of_number(number: i64) -> Option<Self> {
        [Self::Application, Self::Site].into_iter().find(|kind| i64::from(kind.number()) == number)
    }
}

/// Which keys a webhook wants in its bodies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Keys {
    /// Those of its kind.
    #[default]
    Own,
    /// Those of both kinds.
    Both,
}

impl Keys {
    /// All there are.
    pub const ALL: [Self; 2] = [Self::Own, Self::Both];

    /// How the store and the API spell it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Both => "both",
        }
    }

    /// Reads that spelling.
    #[must_use]
    pub fn named(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|keys| keys.as_str() == text)
    }
}

/// What makes a hook one of Huskar's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Webhook {
    /// What it hears of.
    pub kind: Kind,
    /// Which keys its bodies have.
    pub keys: Keys,
}

impl Webhook {
    /// Whether it gets an event once for each of its applications.
    #[must_use]
    pub fn is_apart(self) -> bool {
        self.kind == Kind::Application
    }

    /// What it is sent of an event, about this application if it gets each apart.
    #[must_use]
    pub fn body(self, event: &Event, application: Option<&str>) -> Bytes {
        let known = catalogue::find(&event.event_type);
        let deed = event.deed.clone().unwrap_or_else(|| Deed::unsaid(known));
        let (site, apart) = (!self.is_apart(), self.is_apart());
        let both = self.keys == Keys::Both;
        let application = application.or(event.applications.first().map(String::as_str));
        let body = Body {
            application_names: (site || both).then_some(&event.applications),
            application_name: (apart || both).then_some(application),
            username: (site || both).then_some(deed.username.as_deref()),
            user_name: (apart || both).then_some(deed.username.as_deref()),
            user_type: deed.user_type,
            severity: deed.severity,
            action_name: known.map_or(event.event_type.as_str(), |known| &known.r#type),
            // What is no JSON was never let in.
            action_data: serde_json::from_slice(&event.payload).ok(),
        };
        // Texts, numbers and what is JSON already can always be written.
        serde_json::to_vec(&body).unwrap_or_default().into()
    }
}

#[derive(Serialize)]
#[expect(clippy::option_option, reason = "not there, null or a text: three things")]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    application_names: Option<&'a Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    application_name: Option<Option<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<Option<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_name: Option<Option<&'a str>>,
    user_type: u8,
    severity: u8,
    action_name: &'a str,
    action_data: Option<&'a RawValue>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::EventType;
    use crate::domain::id::{EventId, Seq};
    use crate::domain::time::Timestamp;

    fn event(name: &str, applications: &[&str], deed: Option<Deed>) -> Event {
        Event {
            seq: Seq(1),
            id: EventId(ulid::Ulid::nil()),
            event_type: EventType::trusted(name),
            applications: applications.iter().map(|&name| name.to_owned()).collect(),
            payload: Bytes::from_static(br#"{"key": 1.00}"#),
            deliveries: 1,
            published_at: Timestamp::EPOCH,
            publisher: None,
            deed,
            gate: None,
            origin: None,
            hops: 0,
        }
    }

    fn body(kind: Kind, keys: Keys, event: &Event, application: Option<&str>) -> String {
        String::from_utf8(Webhook { kind, keys }.body(event, application).to_vec()).unwrap()
    }

    #[test]
    fn each_kind_has_its_own_keys() {
        let deed = Deed { username: Some("u".into()), user_type: 1, severity: 0 };
        let event = event("UPDATE_SWITCH", &["a", "b"], Some(deed));
        let rest = r#""user_type":1,"severity":0,"action_name":"UPDATE_SWITCH","action_data":{"key": 1.00}}"#;
        assert_eq!(
            body(Kind::Site, Keys::Own, &event, None),
            format!(r#"{{"application_names":["a","b"],"username":"u",{rest}"#)
        );
        assert_eq!(
            body(Kind::Application, Keys::Own, &event, Some("b")),
            format!(r#"{{"application_name":"b","user_name":"u",{rest}"#)
        );
        let both =
            format!(r#"{{"application_names":["a","b"],"application_name":"b","username":"u","user_name":"u",{rest}"#);
        assert_eq!(body(Kind::Application, Keys::Both, &event, Some("b")), both);
    }

    #[test]
    fn what_nobody_said_is_what_the_catalogue_says() {
        let site = |event: &Event| body(Kind::Site, Keys::Own, event, None);
        let token = site(&event("obtain_user_token", &[], None));
        assert!(token.starts_with(r#"{"application_names":[],"username":null,"user_type":0,"severity":0,"#), "{token}");
        assert!(token.contains(r#""action_name":"OBTAIN_USER_TOKEN""#), "{token}");
        let other = site(&event("Deployed", &[], None));
        assert!(other.contains(r#""severity":1,"action_name":"Deployed""#), "{other}");
    }
}
