//! Publishing what somebody did, which Huskar itself only does from within.

use std::sync::Arc;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::super::App;
use super::super::publish_fields::{applications, preferred};
use super::super::publishing::{self, Said, Wishes};
use super::super::request::Request;
use super::super::router::Answer;
use super::super::views::PublishedView;
use super::envelope::{self, Refusal, success};
use super::fields::{body, object, only};
use crate::domain::MAX_NAME_BYTES;
use crate::domain::action::ToldDeed;
use crate::domain::catalogue::{self, KnownType};
use crate::domain::event::EventType;

const FIELDS: [&str; 5] = ["action_name", "action_data", "username", "user_type", "severity"];

/// `POST /api/webhook/actions`
pub(in crate::api) async fn publish(app: Arc<App>, request: Request) -> Answer {
    envelope::told(async {
        let caller = request.by.caller.clone();
        let (wishes, applications) = (Wishes::of(&request)?, applications(&request)?);
        let body = body(&app, request).await?;
        let fields = ActionFields::read(body.as_deref().map_or(&[][..], |body| body))?;
        let event_type = EventType::trusted(&fields.action.r#type);
        let said = Said { event_type, applications, payload: fields.data, deed: Some(fields.deed) };
        let kept = publishing::publish(&app, &caller, &wishes, said).await?;
        Ok(preferred(success(&PublishedView::of(&kept)), wishes.wait))
    })
    .await
}

/// What a body says.
struct ActionFields {
    action: &'static KnownType,
    /// An object, to the byte.
    data: Bytes,
    deed: ToldDeed,
}

impl ActionFields {
    /// Reads a body; tells all that is wrong with it.
    fn read(body: &[u8]) -> Result<Self, Refusal> {
        let object = object(body)?;
        only(&object, &FIELDS)?;
        let mut wrong = Map::new();
        let mut tell = |name: &str, why: &str| drop(wrong.insert(name.to_owned(), json!([why])));
        let action = action(object.get("action_name")).map_err(|why| tell("action_name", why));
        let data = data(object.get("action_data"), body).map_err(|why| tell("action_data", why));
        let username = username(object.get("username")).map_err(|why| tell("username", why));
        let user_type = zero_or_one(object.get("user_type")).map_err(|why| tell("user_type", why));
        let severity = zero_or_one(object.get("severity")).map_err(|why| tell("severity", why));
        match (action, data, username, user_type, severity) {
            (Ok(action), Ok(data), Ok(username), Ok(user_type), Ok(severity)) => {
                Ok(Self { action, data, deed: ToldDeed { username, user_type, severity } })
            }
            _ => Err(Refusal::Fields(wrong)),
        }
    }
}

fn action(value: Option<&Value>) -> Result<&'static KnownType, &'static str> {
    match value {
        None => Err("Missing data for required field."),
        Some(Value::String(name)) => catalogue::action(name).ok_or("not a valid event type"),
        Some(_) => Err("Not a valid string."),
    }
}

fn data(value: Option<&Value>, body: &[u8]) -> Result<Bytes, &'static str> {
    match value {
        None => Err("Missing data for required field."),
        Some(value @ Value::Object(_)) => {
            // As it came; where it came twice, the last one.
            let raw = serde_json::from_slice::<RawData<'_>>(body).map(|raw| raw.action_data.get().to_owned());
            Ok(raw.unwrap_or_else(|_| value.to_string()).into())
        }
        Some(_) => Err("Not a valid mapping type."),
    }
}

#[derive(Deserialize)]
struct RawData<'a> {
    #[serde(borrow)]
    action_data: &'a RawValue,
}

fn username(value: Option<&Value>) -> Result<Option<String>, &'static str> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(name)) if name.len() > MAX_NAME_BYTES => Err("Longer than maximum length 256."),
        Some(Value::String(name)) => Ok(Some(name.clone())),
        Some(_) => Err("Not a valid string."),
    }
}

fn zero_or_one(value: Option<&Value>) -> Result<Option<u8>, &'static str> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_u64() {
            Some(0) => Ok(Some(0)),
            Some(1) => Ok(Some(1)),
            _ => Err("neither 0 nor 1"),
        },
    }
}
