//! Publishing what somebody did, which Huskar itself only does from within.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::super::App;
use super::super::error::ApiError;
use super::super::publish_fields::{applications, preferred};
use super::super::publishing::{self, Said, Wishes};
use super::super::request::Request;
use super::super::router::Answer;
use super::super::views::PublishedView;
use super::envelope::{self, Refusal, success};
use super::fields::{object, only};
use crate::domain::action::Deed;
use crate::domain::catalogue::{self, KnownType};
use crate::domain::event::EventType;

const FIELDS: [&str; 5] = ["action_name", "action_data", "username", "user_type", "severity"];

/// `POST /api/webhook/actions`
pub(in crate::api) async fn publish(app: Arc<App>, request: Request) -> Answer {
    envelope::told(async {
        let caller = request.by.caller.clone();
        let (wishes, named) = (Wishes::of(&request)?, applications(&request)?);
        let object = object(&app, request).await?;
        only(&object, &FIELDS)?;
        let mut wrong = Map::new();
        let action = action(object.get("action_name")).map_err(|why| wrong.insert("action_name".into(), json!([why])));
        let data = data(object.get("action_data")).map_err(|why| wrong.insert("action_data".into(), json!([why])));
        let username = username(object.get("username")).map_err(|why| wrong.insert("username".into(), json!([why])));
        let user_type = zero_or_one(object.get("user_type"));
        let user_type = user_type.map_err(|why| wrong.insert("user_type".into(), json!([why])));
        let severity = zero_or_one(object.get("severity"));
        let severity = severity.map_err(|why| wrong.insert("severity".into(), json!([why])));
        let (Ok(action), Ok(payload), Ok(username), Ok(user_type), Ok(severity)) =
            (action, data, username, user_type, severity)
        else {
            return Err(Refusal::Fields(wrong));
        };
        let user_type = match user_type {
            Some(user_type) => user_type,
            None => u8::from(is_application(&app, username.as_deref()).await?),
        };
        let severity = severity.unwrap_or_else(|| Deed::unsaid(Some(action)).severity);
        let deed = Some(Deed { username, user_type, severity });
        let event_type = EventType::trusted(&action.r#type);
        let said = Said { event_type, applications: named, payload, deed };
        let kept = publishing::publish(&app, &caller, &wishes, said).await?;
        Ok(preferred(success(&PublishedView::of(&kept)), wishes.wait))
    })
    .await
}

fn action(value: Option<&Value>) -> Result<&'static KnownType, &'static str> {
    match value {
        None => Err("Missing data for required field."),
        Some(Value::String(name)) => catalogue::action(name).ok_or("not a valid event type"),
        Some(_) => Err("Not a valid string."),
    }
}

fn data(value: Option<&Value>) -> Result<Bytes, &'static str> {
    match value {
        None => Err("Missing data for required field."),
        Some(value @ Value::Object(_)) => Ok(value.to_string().into()),
        Some(_) => Err("Not a valid mapping type."),
    }
}

fn username(value: Option<&Value>) -> Result<Option<String>, &'static str> {
    match value {
        None | Some(Value::Null) => Ok(None),
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

/// A user who is an application acts as one.
async fn is_application(app: &App, username: Option<&str>) -> Result<bool, ApiError> {
    let Some(name) = username.map(str::to_owned) else {
        return Ok(false);
    };
    Ok(app.db.read(move |archive| archive.knows_application(&name)).await?)
}
