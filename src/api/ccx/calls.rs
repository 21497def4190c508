//! What a call comes to, whichever way it came in.

use std::sync::Arc;
use std::time::Duration;

use prost_reflect::{DynamicMessage, FieldDescriptor, Value};

use super::messages::{Call, to_public_json};
use crate::api::App;
use crate::api::asking::{self, Question};
use crate::api::error::ApiError;
use crate::api::publish_fields::{applications, idempotency_key};
use crate::api::publishing::{self, Said, Wishes};
use crate::api::request::Request;
use crate::domain::access::Caller;
use crate::domain::application::Application;
use crate::domain::event::{EventType, IdempotencyKey};
use crate::domain::gate::{Gate, GateState};

/// Who calls, and what they say beside the message.
pub(super) struct Calling {
    caller: Arc<Caller>,
    applications: Vec<Application>,
    key: Option<IdempotencyKey>,
    wishes: Wishes,
}

impl Calling {
    pub(super) fn of(request: &Request) -> Result<Self, ApiError> {
        let mut wishes = Wishes::of(request)?;
        // What is told is kept, and that is all: whoever calls does not wait for receivers.
        wishes.wait.get_or_insert(Duration::ZERO);
        Ok(Self {
            caller: request.by.caller.clone(),
            applications: applications(request)?,
            key: idempotency_key(request)?,
            wishes,
        })
    }

    /// Asks all hooks that are asked about this, and answers within `timeout`; or, where it
    /// has happened already, keeps it for them.
    pub(super) async fn make(
        &self,
        app: &App,
        call: &Call,
        message: &DynamicMessage,
        timeout: Duration,
    ) -> Result<DynamicMessage, ApiError> {
        let (event_type, payload) = (EventType::trusted(call.hook.name), to_public_json(message));
        let (caller, applications) = (&self.caller, self.applications.clone());
        if call.hook.asked_as.is_some() {
            let said = Said { event_type, applications, payload, deed: None };
            publishing::publish(app, caller, &self.wishes, said).await?;
            return Ok(DynamicMessage::new(call.response()));
        }
        let question = Question { event_type, applications, payload, key: self.key.clone(), timeout, lasts: None };
        let gate = asking::ask(app, caller, question).await?;
        if gate.state == GateState::Open {
            // The server stops: nobody has said no.
            return Err(ApiError::Crowded("the server stops before all hooks have answered: ask again"));
        }
        Ok(answer(call, &gate))
    }
}

/// What the gate came to, in the words of the call.
fn answer(call: &Call, gate: &Gate) -> DynamicMessage {
    let mut answer = DynamicMessage::new(call.response());
    for field in call.response().fields() {
        answer.set_field(&field, value(&field, gate));
    }
    answer
}

fn value(field: &FieldDescriptor, gate: &Gate) -> Value {
    match field.name() {
        "approved" => Value::Bool(gate.approved()),
        "work_id" => Value::String(gate.work_id().unwrap_or_default().to_owned()),
        name => Value::String(gate.answered(name).unwrap_or_default()),
    }
}
