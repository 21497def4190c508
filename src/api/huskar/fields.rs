//! The body of a webhook: its URL and its events.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde_json::{Map, Value, json};

use super::super::App;
use super::super::bodies::Held;
use super::super::error::ApiError;
use super::super::request::Request;
use super::envelope::Refusal;
use crate::domain::access::Caller;
use crate::domain::catalogue;
use crate::domain::filter::{ANY, Filter, Pair};
use crate::domain::gate::Gating;
use crate::domain::headers::GivenHeaders;
use crate::domain::hook::{Dialect, NewHook, Order};
use crate::domain::pace::Limits;
use crate::domain::signature::Scheme;
use crate::domain::url::{Credentials, HookUrl};
use crate::domain::webhook::{Keys, Kind, Webhook};

/// The longest URL, in characters.
const MAX_URL: usize = 2000;

/// Wrong events are told of up to here.
const MOST_TOLD: usize = 20;

const FIELDS: [&str; 4] = ["webhook_url", "event_list", "webhook_type", "payload"];

/// What a body asks for.
pub(super) struct WebhookFields {
    pub(super) url: HookUrl,
    pub(super) credentials: Option<Credentials>,
    /// Each once, as it stands in the catalogue.
    pub(super) events: Vec<String>,
    pub(super) keys: Option<Keys>,
}

impl WebhookFields {
    /// Reads the body of a request; what is no JSON by its own word is an empty one.
    pub(super) async fn read(app: &App, request: Request) -> Result<Self, Refusal> {
        let body = body(app, request).await?;
        let object = object(body.as_deref().map_or(&[][..], |body| body))?;
        only(&object, &FIELDS)?;
        let mut wrong = Map::new();
        let url = url(object.get("webhook_url")).map_err(|why| wrong.insert("webhook_url".into(), json!([why])));
        let events = events(object.get("event_list")).map_err(|why| wrong.insert("event_list".into(), why));
        if let Some(why) = object.get("webhook_type").and_then(not_a_type) {
            wrong.insert("webhook_type".into(), json!([why]));
        }
        let keys = keys(object.get("payload")).map_err(|why| wrong.insert("payload".into(), json!([why])));
        match (url, events, keys) {
            (Ok((url, credentials)), Ok(events), Ok(keys)) if wrong.is_empty() => {
                app.reach.admit(&url).map_err(|invalid| {
                    ApiError::NotAllowed(crate::domain::Invalid { field: "webhook_url".into(), ..invalid })
                })?;
                Ok(Self { url, credentials, events, keys })
            }
            _ => Err(Refusal::Fields(wrong)),
        }
    }

    /// A webhook that this caller asks for; of an application, if one is named.
    pub(super) fn into_new(self, caller: &Caller, kind: Kind, application: Option<&str>) -> Result<NewHook, Refusal> {
        let filter = match application {
            None => Filter::trusted(vec![Pair { event: ANY.into(), application: ANY.into() }]),
            Some(application) => Filter::trusted(vec![])
                .with_events_of(application, &self.events)
                .map_err(|invalid| Refusal::field("event_list", invalid.message))?,
        };
        Ok(NewHook {
            owner: caller.owner(),
            dialect: Dialect::Huskar,
            gating: Gating::default(),
            webhook: Some(Webhook { kind, keys: self.keys.unwrap_or_default() }),
            url: self.url,
            credentials: self.credentials,
            filter,
            concerns: application.into_iter().map(str::to_owned).collect(),
            insecure_ssl: false,
            description: None,
            limits: Limits::default(),
            order: Order::None,
            secret: None,
            signatures: vec![Scheme::V1],
            headers: GivenHeaders::default(),
            ca_certificate: None,
            client_certificate: None,
        })
    }
}

/// The body of a request; what is no JSON by its own word is none.
pub(super) async fn body(app: &App, request: Request) -> Result<Option<Held>, Refusal> {
    match request.json_body(app).await {
        Ok(body) => Ok(Some(body)),
        Err(ApiError::NotJson(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The JSON object in a body; nothing at all is an empty one.
pub(super) fn object(body: &[u8]) -> Result<Map<String, Value>, Refusal> {
    if body.is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Refusal::field("_schema", "Invalid input type.")),
        Err(e) => Err(ApiError::Malformed(format!("the body is not JSON ({e}): send a JSON object")).into()),
    }
}

/// Refuses fields that nobody reads.
pub(super) fn only(object: &Map<String, Value>, known: &[&str]) -> Result<(), Refusal> {
    let unknown: Vec<_> = object.keys().filter(|name| !known.contains(&name.as_str())).map(String::as_str).collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let sentence = format!("The fields are {}: there is no {}.", known.join(", "), unknown.join(", "));
    Err(Refusal::UnknownFields(sentence))
}

fn url(value: Option<&Value>) -> Result<(HookUrl, Option<Credentials>), &'static str> {
    let text = match value {
        None => return Err("Missing data for required field."),
        Some(Value::Null) => return Err("Field may not be null."),
        Some(Value::String(text)) => text,
        Some(_) => return Err("Not a valid string."),
    };
    if text.chars().count() > MAX_URL {
        return Err("Longer than maximum length 2000.");
    }
    let parsed = HookUrl::parse(text).ok().filter(|_| is_url(text));
    parsed.ok_or("Not a valid URL.")
}

/// Huskar's rule, which is narrower than that of the web: a host is a dotted name,
/// `localhost` or an address in its usual spelling, and user info has both parts.
fn is_url(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let Some(rest) = lower.strip_prefix("http://").or_else(|| lower.strip_prefix("https://")) else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (user_info, host) = authority.rsplit_once('@').map_or((None, authority), |(info, host)| (Some(info), host));
    if user_info
        .is_some_and(|info| !info.split_once(':').is_some_and(|(name, word)| !name.is_empty() && !word.is_empty()))
    {
        return false;
    }
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split(']').next().is_some_and(|address| address.parse::<Ipv6Addr>().is_ok());
    }
    let host = host.split(':').next().unwrap_or_default();
    host == "localhost" || host.parse::<Ipv4Addr>().is_ok() || is_dotted_name(host)
}

fn is_dotted_name(host: &str) -> bool {
    let labels: Vec<_> = host.strip_suffix('.').unwrap_or(host).split('.').collect();
    let is_label = |label: &&str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    let top = labels.last().copied().unwrap_or_default();
    let is_top = top.len() >= 2 && !top.bytes().all(|byte| byte.is_ascii_digit());
    labels.len() >= 2 && is_top && labels.iter().all(is_label)
}

fn events(value: Option<&Value>) -> Result<Vec<String>, Value> {
    let items = match value {
        None => return Ok(vec![]),
        Some(Value::Array(items)) => items,
        Some(Value::Null) => return Err(json!(["Field may not be null."])),
        Some(_) => return Err(json!(["Not a valid list."])),
    };
    let (mut events, mut wrong) = (vec![], Map::new());
    for (index, item) in items.iter().enumerate() {
        if wrong.len() == MOST_TOLD {
            break;
        }
        match item.as_str() {
            None => drop(wrong.insert(index.to_string(), json!(["Not a valid string."]))),
            Some(name) if catalogue::action(name).is_none() => {
                wrong.insert(index.to_string(), json!(["not a valid event type"]));
            }
            Some(name) if events.iter().any(|event| event == name) => {}
            Some(name) => events.push(name.to_owned()),
        }
    }
    if wrong.is_empty() { Ok(events) } else { Err(Value::Object(wrong)) }
}

/// The query alone says of which kind a webhook is; here it is only read.
fn not_a_type(value: &Value) -> Option<&'static str> {
    let number = match value {
        Value::Null => return Some("Field may not be null."),
        Value::String(text) => text.trim().parse().ok(),
        value => value.as_i64(),
    };
    match number {
        None => Some("Not a valid integer."),
        Some(number) => Kind::of_number(number).is_none().then_some("invalid webhook type"),
    }
}

fn keys(value: Option<&Value>) -> Result<Option<Keys>, &'static str> {
    match value {
        None => Ok(None),
        Some(value) => value.as_str().and_then(Keys::named).map(Some).ok_or("neither own nor both"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_what_huskar_takes_for_one() {
        for text in [
            "http://example.com",
            "HTTPS://Example.com:8443/a?b=c#d",
            "http://a.b.example.com/",
            "http://localhost:1/",
            "http://127.0.0.1/x",
            "http://[::1]:80/x",
            "http://u:p@foo.bar",
            "http://sub_domain.example.com",
        ] {
            assert!(url(Some(&json!(text))).is_ok(), "{text}");
        }
        for text in [
            "http://1234123",
            "http://hooks",
            "http://a.b",
            "http://u@foo.bar",
            "http://u:@foo.bar",
            "http://:p@foo.bar",
            " http://foo.bar",
            "foo.bar",
            "ftp://foo.bar/x",
            "http://",
            "http://0x7f.1",
            "http://foo..bar",
            "javascript:alert(1)",
            "",
        ] {
            assert_eq!(url(Some(&json!(text))).err(), Some("Not a valid URL."), "{text}");
        }
        assert_eq!(url(Some(&json!(format!("http://foo.bar/{}", "a".repeat(2000))))).err().map(str::len), Some(32));
    }

    #[test]
    fn an_event_list_names_each_item_that_is_wrong() {
        let wrong = events(Some(&json!(["UPDATE_SWITCH", "嗷", 7, "UPDATE_SWITCH"]))).unwrap_err();
        assert_eq!(wrong, json!({"1": ["not a valid event type"], "2": ["Not a valid string."]}));
        assert_eq!(events(Some(&json!(["UPDATE_SWITCH", "UPDATE_SWITCH"]))).unwrap(), ["UPDATE_SWITCH"]);
        assert_eq!(events(Some(&json!("UPDATE_SWITCH"))).unwrap_err(), json!(["Not a valid list."]));
    }

    #[test]
    fn a_type_may_be_a_number_or_its_text() {
        for (value, expected) in [
            (json!(0), None),
            (json!("1"), None),
            (json!(2), Some("invalid webhook type")),
            (json!("x"), Some("Not a valid integer.")),
            (json!(null), Some("Field may not be null.")),
        ] {
            assert_eq!(not_a_type(&value), expected, "{value}");
        }
    }
}
