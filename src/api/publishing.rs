//! From what a publisher says to an event that is kept: one way for every API.

use std::time::Duration;

use bytes::Bytes;

use super::App;
use super::access::event_applications;
use super::error::ApiError;
use super::publish_fields::{distinct_applications, idempotency_key, prefer_wait};
use super::request::Request;
use crate::domain::Invalid;
use crate::domain::access::Caller;
use crate::domain::action::{ActionData, Deed, ToldDeed};
use crate::domain::application::Application;
use crate::domain::catalogue::{self, KnownType};
use crate::domain::event::{EventType, Idempotency, IdempotencyKey, NewEvent};
use crate::domain::gate::Named;
use crate::domain::id::{GateId, Seq};
use crate::domain::trigger::carry;
use crate::store::Published;

/// What happened, as its publisher says it.
pub(super) struct Said {
    pub(super) event_type: EventType,
    /// The applications that it names beside those in the data of an action.
    pub(super) applications: Vec<Application>,
    /// JSON.
    pub(super) payload: Bytes,
    pub(super) deed: Option<ToldDeed>,
}

/// How a publisher wants it done.
pub(super) struct Wishes {
    key: Option<IdempotencyKey>,
    /// The gate that was asked before.
    gate: Option<GateId>,
    /// How many triggers what happened has passed through already: hooks say so.
    hops: u32,
    /// As it asked for; the server's own where it did not.
    pub(super) wait: Option<Duration>,
}

impl Wishes {
    /// Those of a request.
    pub(super) fn of(request: &Request) -> Result<Self, ApiError> {
        let gate = request.query_all("gate").pop().map(|text| text.parse());
        let what = "is not the id of a gate (gate_…): leave it out for an event that follows none";
        let gate = gate.transpose().map_err(|_| Invalid::new("gate", what))?;
        let hops = carry::hops_of(request.headers.get(carry::HOPS).and_then(|value| value.to_str().ok()));
        Ok(Self { key: idempotency_key(request)?, gate, hops, wait: prefer_wait(request) })
    }
}

/// What came of it.
pub(super) struct Kept {
    pub(super) published: Published,
    /// What the publisher should know.
    pub(super) warnings: Vec<String>,
}

/// Publishes what was said. What is confidential in the data of one of Huskar's
/// actions is not even kept, whichever way it came.
pub(super) async fn publish(app: &App, caller: &Caller, wishes: &Wishes, said: Said) -> Result<Kept, ApiError> {
    let Said { event_type, mut applications, payload, deed } = said;
    let action = catalogue::find(&event_type).filter(|known| known.is_action());
    let (payload, mut warnings) = match action {
        None => (payload, vec![]),
        Some(known) => read(known, payload, &mut applications)?,
    };
    let applications = event_applications(caller, applications)?;
    let key = wishes.key.clone();
    let idempotency = key.map(|key| Idempotency::after(wishes.gate, key, &applications, &payload, deed.as_ref()));
    let deed = match deed {
        None => None,
        Some(told) => Some(completed(app, caller, action, told).await?),
    };
    let (gate, unknown) = tied(app, caller, wishes.gate, &event_type, &applications, &payload).await?;
    warnings.extend(unknown);
    let event = NewEvent {
        event_type,
        idempotency,
        only: None,
        publisher: caller.token,
        introduces: caller.is_admin(),
        gate,
        origin: None,
        hops: wishes.hops,
        applications,
        payload,
        deed,
    };
    let waits = wishes.wait.unwrap_or(app.publish_wait);
    let published = app.publisher.publish(caller.owner(), event, waits).await?;
    Ok(Kept { published, warnings })
}

/// The gate to which an event is tied, if it names one; what its publisher should know if
/// that is not there.
async fn tied(
    app: &App,
    caller: &Caller,
    gate: Option<GateId>,
    event_type: &EventType,
    applications: &[Application],
    payload: &[u8],
) -> Result<(Option<Seq>, Option<String>), ApiError> {
    let given = gate.map(Named::Id);
    let must = given.is_some();
    let Some(named) = given.or_else(|| Named::by(event_type, payload)) else {
        return Ok((None, None));
    };
    let id = if let Named::Id(id) = named { Some(id) } else { None };
    let (owner, bounds) = (caller.owner(), caller.sees());
    let event: Vec<_> = applications.iter().map(|name| name.as_str().to_owned()).collect();
    let found = app.db.look(move |archive| archive.named_gate(&named, &event, owner, &bounds)).await?;
    if found.is_none() && must {
        return Err(Invalid::new("gate", "is not there: name one that was asked with this token").into());
    }
    let unknown = id.filter(|_| found.is_none()).map(|id| format!("the payload names {id}, which is not there"));
    Ok((found, unknown))
}

/// Whether the user is an application is told of those that the caller may know of.
async fn completed(
    app: &App,
    caller: &Caller,
    action: Option<&'static KnownType>,
    told: ToldDeed,
) -> Result<Deed, ApiError> {
    let user = told.username.clone().filter(|name| caller.sees().hold_one_of(std::slice::from_ref(name)));
    let by_application = match user {
        Some(name) if told.user_type.is_none() => app.db.look(move |archive| archive.knows_application(&name)).await?,
        _ => false,
    };
    Ok(told.completed(action, by_application))
}

/// Names that cannot be are told of up to here.
const MOST_TOLD: usize = 3;

fn read(
    known: &KnownType,
    payload: Bytes,
    applications: &mut Vec<Application>,
) -> Result<(Bytes, Vec<String>), ApiError> {
    let mut data = ActionData::read(known, payload);
    let mut named: Vec<_> = applications.iter().map(|application| application.as_str().to_owned()).collect();
    let mut wrong = 0;
    for name in data.applications {
        match Application::parse(&name) {
            Ok(_) => named.push(name),
            Err(_) if wrong == MOST_TOLD => {}
            Err(invalid) => {
                wrong += 1;
                data.warnings.push(format!("action_data names an application whose name {}", invalid.message));
            }
        }
    }
    *applications = distinct_applications(&named)?;
    Ok((data.payload, data.warnings))
}
