//! A gate: hooks that want to are asked whether to go on, before something happens.

mod answer;
mod gating;
mod state;
mod tie;

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Map, Value};

use super::application::Application;
use super::ccx;
use super::event::{EventType, Idempotency};
use super::hook::Owner;
use super::id::{GateId, HookId, Seq, TokenId};
use super::time::Timestamp;

pub use answer::Answered;
pub use gating::{Gating, OnSilence, is_asked_by_name};
pub use state::{DecisionState, GateState};
pub use tie::{Named, with_work_id};

/// Whether who is asked for such an event may say no.
#[must_use]
pub fn may_refuse(event_type: &EventType) -> bool {
    ccx::find(event_type).is_none_or(|hook| hook.may_refuse)
}

/// What one hook came to.
#[derive(Debug, Clone)]
pub struct Decision {
    /// Who was asked.
    pub hook: HookId,
    /// How it stands.
    pub state: DecisionState,
    /// What its silence means.
    pub on_silence: OnSilence,
    /// Why, in its words or ours.
    pub reason: Option<String>,
    /// What it calls this; it comes back in the events that follow.
    pub work_id: Option<String>,
    /// What it answered, JSON.
    pub answer: Option<String>,
    /// The status of its answer.
    pub status: Option<u16>,
    /// When its answer, or none, was there.
    pub answered_at: Option<Timestamp>,
    /// How long that took.
    pub duration: Option<Duration>,
    /// When it was decided.
    pub decided_at: Option<Timestamp>,
    /// Who decided, if it was a person: a token's name.
    pub decided_by: Option<String>,
}

impl Decision {
    /// That of a hook that is being asked.
    #[must_use]
    pub fn to_come(hook: HookId, on_silence: OnSilence) -> Self {
        Self {
            hook,
            state: DecisionState::Asked,
            on_silence,
            reason: None,
            work_id: None,
            answer: None,
            status: None,
            answered_at: None,
            duration: None,
            decided_at: None,
            decided_by: None,
        }
    }

    /// Yes or no; `None` until it is decided.
    #[must_use]
    pub fn approved(&self) -> Option<bool> {
        match self.state {
            DecisionState::Asked | DecisionState::Pending => None,
            DecisionState::Approved => Some(true),
            DecisionState::Refused => Some(false),
            DecisionState::Silent => Some(self.on_silence == OnSilence::Allow),
        }
    }
}

/// Where a gate stands with these decisions. Who has not answered yet is waited for,
/// because of their work ids; who decides later only while that could change anything.
#[must_use]
pub fn conclude(decisions: &[Decision], may_refuse: bool) -> GateState {
    let any = |state| decisions.iter().any(|decision| decision.state == state);
    let refused = || decisions.iter().any(|decision| decision.approved() == Some(false));
    match () {
        () if any(DecisionState::Asked) => GateState::Open,
        () if !may_refuse => GateState::Approved,
        () if refused() => GateState::Refused,
        () if any(DecisionState::Pending) => GateState::Open,
        () => GateState::Approved,
    }
}

/// Where a gate stands that was open until its time was up, once nobody is waited for:
/// `late` are those who did not decide in time.
#[must_use]
pub fn conclude_late(decisions: &[Decision], may_refuse: bool, late: &[HookId]) -> GateState {
    let in_time = |decision: &&Decision| !late.contains(&decision.hook);
    let refused = decisions.iter().filter(in_time).any(|decision| decision.approved() == Some(false));
    match conclude(decisions, may_refuse) {
        GateState::Refused if !refused => GateState::Expired,
        state => state,
    }
}

/// A gate that somebody asks for.
#[derive(Debug, Clone)]
pub struct NewGate {
    /// What is about to happen.
    pub event_type: EventType,
    /// Which applications it concerns.
    pub applications: Vec<Application>,
    /// A JSON object, to the byte as it came.
    pub payload: Bytes,
    /// Makes it safe to ask again.
    pub idempotency: Option<Idempotency>,
    /// Whose keys these are.
    pub owner: Owner,
    /// By whose token; none where none was asked for.
    pub asker: Option<TokenId>,
    /// Until when it may be decided.
    pub expires_at: Timestamp,
}

/// A gate that is on disk.
#[derive(Debug, Clone)]
pub struct Gate {
    /// Its place in the store's order.
    pub seq: Seq,
    /// Its name to the world.
    pub id: GateId,
    /// What is about to happen.
    pub event_type: EventType,
    /// Names of the applications that it concerns.
    pub applications: Vec<String>,
    /// A JSON object, to the byte as it came; empty in lists.
    pub payload: Bytes,
    /// Whose keys these are.
    pub owner: Owner,
    /// By whose token it was asked for; none where none was asked for.
    pub asker: Option<TokenId>,
    /// How it stands.
    pub state: GateState,
    /// When it was asked for.
    pub asked_at: Timestamp,
    /// Until when it may be decided.
    pub expires_at: Timestamp,
    /// When it was decided.
    pub closed_at: Option<Timestamp>,
    /// Why, where no hook's decision says it.
    pub reason: Option<String>,
    /// What each hook came to, in the order in which the hooks were made.
    pub decisions: Vec<Decision>,
}

impl Gate {
    /// Whether to go on.
    #[must_use]
    pub fn approved(&self) -> bool {
        self.state == GateState::Approved
    }

    /// Whether it is too late to decide: it has closed, or its time is up.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.state != GateState::Open || self.expires_at <= now
    }

    /// The first work id that a hook gave.
    #[must_use]
    pub fn work_id(&self) -> Option<&str> {
        self.decisions.iter().find_map(|decision| decision.work_id.as_deref())
    }

    /// A text of this name in the first answer that has one.
    #[must_use]
    pub fn answered(&self, name: &str) -> Option<String> {
        let text = |decision: &Decision| {
            let fields: Map<String, Value> = serde_json::from_str(decision.answer.as_deref()?).ok()?;
            fields.get(name)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
        };
        self.decisions.iter().find_map(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use DecisionState::{Approved, Asked, Pending, Refused, Silent};

    fn decision((hook, &(state, on_silence)): (usize, &(DecisionState, OnSilence))) -> Decision {
        let hook = HookId(i64::try_from(hook).unwrap() + 1);
        Decision { state, ..Decision::to_come(hook, on_silence) }
    }

    type Stand = [(DecisionState, OnSilence)];

    fn decisions(of: &Stand) -> Vec<Decision> {
        of.iter().enumerate().map(decision).collect()
    }

    const DENY: OnSilence = OnSilence::Deny;
    const ALLOW: OnSilence = OnSilence::Allow;

    #[test]
    fn a_gate_is_approved_when_all_who_may_refuse_approved() {
        let table: [(&Stand, GateState, GateState); 8] = [
            (&[], GateState::Approved, GateState::Approved),
            (&[(Approved, DENY), (Approved, DENY)], GateState::Approved, GateState::Approved),
            (&[(Approved, DENY), (Refused, ALLOW)], GateState::Refused, GateState::Approved),
            (&[(Silent, ALLOW)], GateState::Approved, GateState::Approved),
            (&[(Silent, DENY)], GateState::Refused, GateState::Approved),
            (&[(Refused, DENY), (Asked, DENY)], GateState::Open, GateState::Open),
            (&[(Refused, DENY), (Pending, DENY)], GateState::Refused, GateState::Approved),
            (&[(Approved, DENY), (Pending, DENY)], GateState::Open, GateState::Approved),
        ];
        for (of, may, may_not) in table {
            assert_eq!(conclude(&decisions(of), true), may, "{of:?}");
            assert_eq!(conclude(&decisions(of), false), may_not, "{of:?}");
        }
    }

    #[test]
    fn a_gate_that_nobody_refused_in_time_expires() {
        let late = [HookId(2)];
        let table: [(&Stand, GateState); 3] = [
            (&[(Approved, DENY), (Silent, DENY)], GateState::Expired),
            (&[(Refused, DENY), (Silent, DENY)], GateState::Refused),
            (&[(Approved, DENY), (Silent, ALLOW)], GateState::Approved),
        ];
        for (of, state) in table {
            assert_eq!(conclude_late(&decisions(of), true, &late), state, "{of:?}");
        }
        assert_eq!(conclude_late(&decisions(&[(Approved, DENY), (Silent, DENY)]), false, &late), GateState::Approved);
    }
}
