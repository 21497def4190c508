//! Many redeliveries to one hook, made step by step.

use super::delivery::State;
use super::id::{HookId, ReplayId, Seq};
use super::time::Timestamp;

/// Where a replay stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplayState {
    /// More steps are to come.
    Running,
    /// All its redeliveries are made.
    Done,
    /// Somebody stopped it, or its hook was removed: no more are made.
    Stopped,
}

impl ReplayState {
    /// All states, in the order of the numbers under which they are stored.
    pub const ALL: [Self; 3] = [Self::Running, Self::Done, Self::Stopped];

    /// How the API spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Stopped => "stopped",
        }
    }
}

/// Which deliveries a replay is to do again; `None` means any.
///
/// Where a state is asked for: those in that state that were not done again yet.
/// Otherwise: each that followed from an event and has finished, whatever became
/// of it since. So no event goes out twice by one replay.
#[derive(Debug, Clone, Copy)]
pub struct NewReplay {
    /// To this hook.
    pub hook: HookId,
    /// In this state, a finished one.
    pub wanted: Option<State>,
    /// Made then or later.
    pub since: Option<Timestamp>,
    /// Made before then.
    pub until: Option<Timestamp>,
}

/// The deliveries that a replay goes through, as they were when it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// The first place in the store's order.
    pub from: Seq,
    /// The first place behind it: nothing that came later is done again.
    pub end: Seq,
    /// How many there are to do again.
    pub total: u32,
}

/// A replay as it stands.
#[derive(Debug, Clone)]
pub struct Replay {
    /// Its number.
    pub id: ReplayId,
    /// To whom.
    pub hook: HookId,
    /// Where it stands.
    pub state: ReplayState,
    /// Which deliveries it does again.
    pub wanted: Option<State>,
    /// What is left to go through.
    pub next: Seq,
    /// The first place behind that.
    pub end: Seq,
    /// How many redeliveries it was to make, counted at its beginning.
    pub total: u32,
    /// How many it has made.
    pub done: u32,
    /// When it began. What finished later is not done again.
    pub created_at: Timestamp,
    /// When it was done or stopped.
    pub finished_at: Option<Timestamp>,
}
