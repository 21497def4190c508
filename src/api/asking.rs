//! From what somebody is about to do to whether they may: one way for every API.

use std::time::Duration;

use bytes::Bytes;
use serde_json::value::RawValue;

use super::App;
use super::access::event_applications;
use super::error::ApiError;
use crate::delivery::asker::{Begun, NotAsked};
use crate::domain::Invalid;
use crate::domain::access::Caller;
use crate::domain::application::Application;
use crate::domain::event::{EventType, Idempotency, IdempotencyKey};
use crate::domain::gate::{Gate, GateState, NewGate};
use crate::domain::id::GateId;
use crate::domain::token::Scope;
use crate::store::Reads;

/// How long hooks have to answer where nobody says, and at most.
pub(super) const TIMEOUT: Duration = Duration::from_secs(10);
pub(super) const MAX_TIMEOUT: Duration = Duration::from_mins(1);

/// How much sooner than whoever asked hooks are given up, at most; otherwise a tenth: what
/// they came to has to be kept and told.
const MARGIN: Duration = Duration::from_millis(200);

/// What somebody asks.
pub(super) struct Question {
    /// What is about to happen.
    pub(super) event_type: EventType,
    pub(super) applications: Vec<Application>,
    /// A JSON object.
    pub(super) payload: Bytes,
    /// Makes it safe to ask again.
    pub(super) key: Option<IdempotencyKey>,
    /// By when the answer has to be there.
    pub(super) timeout: Duration,
    /// How long it may take to decide, if that is longer.
    pub(super) lasts: Option<Duration>,
}

/// A JSON object, kept to the byte; nothing at all is an empty one.
pub(super) fn object(body: Bytes) -> Result<Bytes, ApiError> {
    if body.is_empty() {
        return Ok(Bytes::from_static(b"{}"));
    }
    let what = match serde_json::from_slice::<&RawValue>(&body) {
        Ok(raw) if raw.get().starts_with('{') => return Ok(body),
        Ok(_) => "not a JSON object: send one that says what is about to happen".to_owned(),
        Err(e) => format!("not JSON ({e}): send a JSON object in UTF-8"),
    };
    Err(ApiError::Malformed(format!("the body is {what}")))
}

/// Asks, and waits until it is decided, or the time for an answer is up: what is still
/// open then is closed, by whichever clock, unless it was asked for to last longer.
pub(super) async fn ask(app: &App, caller: &Caller, question: Question) -> Result<Gate, ApiError> {
    let (since, timeout) = (app.clock.elapsed(), question.timeout);
    let begun = begin(app, caller, question).await?;
    let ends = begun.gate.expires_at.since(begun.gate.asked_at) <= timeout;
    let left = timeout.saturating_sub(app.clock.elapsed().saturating_sub(since));
    let gate = closed(app, begun, left).await?;
    if gate.state != GateState::Open || !ends || *app.stop.borrow() {
        return Ok(gate);
    }
    let expired = app.db.expire_gate(app.clock.now(), gate.seq).await?;
    Ok(expired.unwrap_or(gate))
}

/// Asks without waiting for what comes of it.
pub(super) async fn begin(app: &App, caller: &Caller, question: Question) -> Result<Begun, ApiError> {
    let Question { event_type, applications, payload, key, timeout, lasts } = question;
    let applications = event_applications(caller, applications)?;
    // Nobody is waited for longer than the gate is open.
    let timeout = timeout.min(lasts.unwrap_or(timeout));
    let margin = MARGIN.min(timeout / 10);
    let lasts = lasts.unwrap_or(timeout.saturating_sub(margin / 2));
    let new = NewGate {
        idempotency: key.map(|key| Idempotency::of(key, &applications, &payload, None)),
        event_type,
        applications,
        payload,
        owner: caller.owner(),
        asker: caller.token,
        expires_at: app.clock.now().plus(lasts),
    };
    app.asker.ask(new, timeout.saturating_sub(margin)).await?.map_err(|why| match why {
        NotAsked::KeyReused => ApiError::KeyReused,
        NotAsked::TooMany(most) => {
            let message = format!("is one that more than {most} hooks want to be asked for: remove some of them");
            Invalid::new("event", message).into()
        }
    })
}

/// The gate once it is closed, or as it stands after so long, or when the server stops.
pub(super) async fn closed(app: &App, begun: Begun, wait: Duration) -> Result<Gate, ApiError> {
    let Begun { gate, closes } = begun;
    if gate.state != GateState::Open {
        return Ok(gate);
    }
    let mut stop = app.stop.clone();
    tokio::select! {
        closed = closes => if let Ok(gate) = closed { return Ok(*gate) },
        () = app.clock.sleep(wait) => {}
        _ = stop.wait_for(|stop| *stop) => {}
    }
    let id = gate.id;
    app.db.read(move |archive| archive.gate(id)).await?.ok_or_else(no_gate)
}

/// The gate, if there is one that the caller may see: who asked may, too.
pub(super) async fn seen(app: &App, caller: &Caller, id: GateId) -> Result<Begun, ApiError> {
    let look = move |archive: &dyn Reads| archive.gate(id);
    let gate = app.db.read(look).await?.filter(|gate| sees(caller, gate)).ok_or_else(no_gate)?;
    let closes = app.db.gate_closes(gate.seq);
    // Again, now that nothing that happens to it is missed.
    let gate = app.db.read(look).await?.ok_or_else(no_gate)?;
    Ok(Begun { gate, closes })
}

fn sees(caller: &Caller, gate: &Gate) -> bool {
    let reads = caller.may(&[Scope::Read]) && caller.sees().hold_one_of(&gate.applications);
    reads || is_askers(caller, gate)
}

/// Whether it is this one who asked.
pub(super) fn is_askers(caller: &Caller, gate: &Gate) -> bool {
    gate.asker.is_some() && gate.asker == caller.token
}

pub(super) fn no_gate() -> ApiError {
    ApiError::NotFound("there is no such gate".into())
}
