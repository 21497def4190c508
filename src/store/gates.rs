//! Gates: what was asked, and what came of it.

use std::time::Duration;

use super::Result;
use super::page::{Page, Paged};
use crate::domain::access::Bounds;
use crate::domain::event::EventType;
use crate::domain::gate::{Answered, DecisionState, Gate, GateState, Named, NewGate};
use crate::domain::hook::Owner;
use crate::domain::id::{EventId, GateId, HookId, Seq};
use crate::domain::time::Timestamp;
use crate::domain::token::TokenHash;

/// What came of asking.
#[derive(Debug, Clone)]
pub enum Asked {
    /// It is kept, with what lets each hook that is to be asked decide later: closed
    /// already if there is none.
    New(Gate, Vec<(HookId, DecideToken)>),
    /// It was asked under the same key before.
    Existing(Gate),
    /// The idempotency key stands for another body.
    KeyReused,
    /// More hooks than this would have to be asked.
    TooMany(usize),
}

/// Lets a hook decide once, later.
#[derive(Debug, Clone)]
pub struct DecideToken(pub String);

impl DecideToken {
    /// With what each begins.
    pub const PREFIX: &str = "decide_";

    /// The part of it that nobody can guess.
    #[must_use]
    pub fn random(&self) -> &str {
        self.0.strip_prefix(Self::PREFIX).unwrap_or(&self.0)
    }

    /// Whether a text would tell it.
    #[must_use]
    pub fn is_told_by(&self, text: &str) -> bool {
        text.contains(self.random())
    }
}

/// How a hook's request went.
#[derive(Debug, Clone)]
pub struct Reply {
    /// Which gate.
    pub gate: Seq,
    /// Which hook.
    pub hook: HookId,
    /// The status of its answer, if there was one.
    pub status: Option<u16>,
    /// How long it took.
    pub duration: Duration,
    /// What it means.
    pub answered: Answered,
}

/// What came of deciding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decided {
    /// It counts; the gate stands like this now.
    Done {
        /// Which gate.
        gate: Seq,
        /// For which hook; none where a person decided for all.
        hook: Option<HookId>,
        /// How its decision stands.
        state: DecisionState,
        /// How the gate stands.
        now: GateState,
    },
    /// It was decided before, or the time is up.
    TooLate,
    /// There is no such gate, or the token is not one of its tokens.
    Absent,
}

/// A person's decision.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// Yes or no.
    pub approved: bool,
    /// Why.
    pub reason: Option<String>,
    /// Who: a token's name.
    pub by: String,
}

impl Verdict {
    /// Whether a gate that stands like this stands as it says.
    #[must_use]
    pub fn fits(&self, state: GateState) -> bool {
        state == if self.approved { GateState::Approved } else { GateState::Refused }
    }
}

/// Gates, by writing.
pub trait Gates {
    /// Keeps a gate and a decision to come of each hook that is to be asked.
    ///
    /// # Errors
    /// Trouble of the database.
    fn ask(&mut self, now: Timestamp, new: &NewGate) -> Result<Asked>;

    /// Keeps what a hook that was asked came back with, unless it is decided already.
    /// Answers the gate if this closed it.
    ///
    /// # Errors
    /// Trouble of the database.
    fn replied(&mut self, now: Timestamp, reply: &Reply) -> Result<Option<Gate>>;

    /// Decides for the hook that was given this token.
    ///
    /// # Errors
    /// Trouble of the database.
    fn decide(&mut self, now: Timestamp, gate: GateId, token: TokenHash, answered: &Answered) -> Result<Decided>;

    /// Decides for all hooks that have not, if the gate is within these bounds.
    ///
    /// # Errors
    /// Trouble of the database.
    fn settle(&mut self, now: Timestamp, gate: GateId, within: &Bounds, verdict: &Verdict) -> Result<Decided>;

    /// Closes at most `limit` gates whose time is up; answers which.
    ///
    /// # Errors
    /// Trouble of the database.
    fn expire(&mut self, now: Timestamp, limit: usize) -> Result<Vec<Seq>>;

    /// Closes this gate as it stands, if it is open, whatever the time; answers it.
    ///
    /// # Errors
    /// Trouble of the database.
    fn expire_now(&mut self, now: Timestamp, gate: Seq) -> Result<Option<Gate>>;

    /// Gives open gates that were asked for by then so much more time: the clock was set
    /// forward. Answers how many.
    ///
    /// # Errors
    /// Trouble of the database.
    fn lengthen_gates(&mut self, asked_by: Timestamp, by: Duration) -> Result<usize>;

    /// Closes all gates of which a hook was being asked when whoever asked it died;
    /// answers how many.
    ///
    /// # Errors
    /// Trouble of the database.
    fn abandon(&mut self, now: Timestamp) -> Result<usize>;

    /// Removes these gates with their decisions, the first ones first, until about `limit`
    /// rows are gone; answers how many gates are. One that is open, or to which an event is
    /// tied, stays.
    ///
    /// # Errors
    /// Trouble of the database.
    fn remove_gates(&mut self, gates: &[Seq], limit: usize) -> Result<usize>;
}

/// Which gates are asked for; `None` means any.
#[derive(Debug, Clone, Default)]
pub struct GateFilter {
    /// In this state.
    pub state: Option<GateState>,
    /// Of this type, whatever its case.
    pub event_type: Option<String>,
    /// Which concern this application.
    pub application: Option<String>,
    /// Asked then or later.
    pub since: Option<Timestamp>,
    /// Asked before then.
    pub until: Option<Timestamp>,
    /// Within somebody's reach.
    pub within: Bounds,
}

/// Gates, by reading.
pub trait GateArchive {
    /// One gate.
    ///
    /// # Errors
    /// Trouble of the database.
    fn gate(&self, id: GateId) -> Result<Option<Gate>>;

    /// The id of the gate at this place in the store's order.
    ///
    /// # Errors
    /// Trouble of the database.
    fn gate_id(&self, seq: Seq) -> Result<Option<GateId>>;

    /// Gates that the filter lets through, the newest first, without their payloads.
    ///
    /// # Errors
    /// Trouble of the database.
    fn gates(&self, page: Page, filter: &GateFilter) -> Result<Paged<Gate>>;

    /// When the time of the next open gate is up.
    ///
    /// # Errors
    /// Trouble of the database.
    fn next_expiry(&self) -> Result<Option<Timestamp>>;

    /// The gate that an event of these applications names, if it is this one's or may be read
    /// within these bounds; one's own first.
    ///
    /// # Errors
    /// Trouble of the database.
    fn named_gate(&self, named: &Named, event: &[String], owner: Owner, within: &Bounds) -> Result<Option<Seq>>;

    /// Whether this is one of a gate's tokens.
    ///
    /// # Errors
    /// Trouble of the database.
    fn has_token(&self, gate: GateId, token: TokenHash) -> Result<bool>;

    /// The events within these bounds that are tied to a gate, the oldest first, at most
    /// `limit`: their ids, types and times.
    ///
    /// # Errors
    /// Trouble of the database.
    fn events_of_gate(&self, gate: Seq, within: &Bounds, limit: usize) -> Result<Vec<(EventId, EventType, Timestamp)>>;
}
