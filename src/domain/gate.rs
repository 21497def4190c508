//! A gate: hooks that want to are asked whether to go on, before something happens.

mod answer;
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
pub use tie::{Named, with_work_id};

/// With what the types of events begin for which hooks are asked by themselves.
const BEFORE: &str = "pre-";

/// Whether a hook on events of this type is asked, unless it says otherwise.
#[must_use]
pub fn is_asked_by_name(event: &str) -> bool {
    event.get(..BEFORE.len()).is_some_and(|start| start.eq_ignore_ascii_case(BEFORE))
}

/// Whether who is asked for such an event may say no.
#[must_use]
pub fn may_refuse(event_type: &EventType) -> bool {
    ccx::find(event_type).is_none_or(|hook| hook.may_refuse)
}

/// Whether a hook is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Gating {
    /// For all that it wants, for nothing; `None`: for those of its events that begin
    /// with `pre-`.
    pub gate: Option<bool>,
    /// What it means if it does not answer.
    pub on_silence: OnSilence,
}

impl Gating {
    /// Whether it is asked for what this event of its filter stands for, which may be
    /// any.
    #[must_use]
    pub fn is_for(self, event: &str) -> bool {
        self.gate.unwrap_or_else(|| is_asked_by_name(event))
    }
}

/// What an error, a time-out or a bad answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnSilence {
    /// No, where who is asked may say no.
    #[default]
    Deny,
    /// Yes.
    Allow,
}

impl OnSilence {
    /// All there are.
    pub const ALL: [Self; 2] = [Self::Deny, Self::Allow];

    /// How the store and the API spell it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deny => "deny",
            Self::Allow => "allow",
        }
    }

    /// Reads that spelling.
    #[must_use]
    pub fn named(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|on_silence| on_silence.as_str() == text)
    }
}

/// Where a gate stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GateState {
    /// Somebody has not decided yet.
    Open,
    /// Nobody who may said no.
    Approved,
    /// Somebody did, or did not answer.
    Refused,
    /// It was not decided in time, or the server died meanwhile: the same as refused.
    Expired,
}

impl GateState {
    /// All there are, in the order of the numbers under which they are stored.
    pub const ALL: [Self; 4] = [Self::Open, Self::Approved, Self::Refused, Self::Expired];

    /// How the API spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Approved => "approved",
            Self::Refused => "refused",
            Self::Expired => "expired",
        }
    }

    /// Reads that spelling.
    #[must_use]
    pub fn named(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// Where a decision stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecisionState {
    /// The hook's request is under way.
    Asked,
    /// It decides later.
    Pending,
    /// It said yes, or somebody did for it.
    Approved,
    /// It said no, or somebody did for it.
    Refused,
    /// It did not answer so that it could be understood.
    Silent,
}

impl DecisionState {
    /// All there are, in the order of the numbers under which they are stored.
    pub const ALL: [Self; 5] = [Self::Asked, Self::Pending, Self::Approved, Self::Refused, Self::Silent];

    /// How the API spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Refused => "refused",
            Self::Silent => "silent",
        }
    }

    /// Whether it is still to be decided.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::Asked | Self::Pending)
    }
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
        Decision {
            hook: HookId(i64::try_from(hook).unwrap() + 1),
            state,
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

    #[test]
    fn a_hook_is_asked_by_the_names_of_its_events_unless_it_says_otherwise() {
        let gating = |gate| Gating { gate, on_silence: DENY };
        for (event, by_name) in [("pre-deploy", true), ("PRE-x", true), ("prepare", false), ("*", false), ("é", false)]
        {
            assert_eq!(gating(None).is_for(event), by_name, "{event}");
            assert!(gating(Some(true)).is_for(event) && !gating(Some(false)).is_for(event));
        }
    }
}
