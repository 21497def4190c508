//! Doing again what was done: one delivery, or many step by step.

use super::Result;
use crate::domain::id::{DeliveryId, HookId, ReplayId, Seq};
use crate::domain::replay::{NewReplay, Replay, Stretch};
use crate::domain::time::Timestamp;

/// What came of asking for a redelivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redelivered {
    /// A new delivery is owed, now.
    By(DeliveryId),
    /// The old one is owed still: it will be attempted anyway.
    Owed,
    /// Its hook was removed.
    HookRemoved,
    /// There is no such delivery, or its event is kept no longer.
    Absent,
}

/// What came of asking for a replay.
#[derive(Debug, Clone)]
pub enum Begun {
    /// It runs.
    New(Replay),
    /// Another replay of the hook runs already.
    Running(ReplayId),
    /// There is no such hook.
    NoHook,
}

/// What the next step of a replay is to do again.
#[derive(Debug, Clone)]
pub struct Step {
    /// Which replay.
    pub replay: ReplayId,
    /// Its hook.
    pub hook: HookId,
    /// Where it begins: the step counts only if the replay stands there still.
    pub from: Seq,
    /// The deliveries.
    pub deliveries: Vec<Seq>,
    /// Where the step after it begins; `None` if this is the last.
    pub next: Option<Seq>,
}

/// Doing again, by writing.
pub trait Replays {
    /// Owes the event of a finished delivery once more, by a new delivery.
    ///
    /// # Errors
    /// Trouble of the database.
    fn redeliver(&mut self, now: Timestamp, id: DeliveryId) -> Result<Redelivered>;

    /// Begins a replay, whose steps [`Replays::step`] makes.
    ///
    /// # Errors
    /// Trouble of the database.
    fn begin_replay(&mut self, now: Timestamp, new: &NewReplay, stretch: Stretch) -> Result<Begun>;

    /// Makes the redeliveries of one step, and stops a replay whose hook was
    /// removed; answers how many it made.
    ///
    /// # Errors
    /// Trouble of the database.
    fn step(&mut self, now: Timestamp, step: &Step) -> Result<u32>;

    /// Stops a replay, if it runs. False if there is none.
    ///
    /// # Errors
    /// Trouble of the database.
    fn stop_replay(&mut self, now: Timestamp, id: ReplayId) -> Result<bool>;
}

/// Replays, by reading: what may take long is looked up here, where it holds up
/// no writer.
pub trait ReplayArchive {
    /// One replay.
    ///
    /// # Errors
    /// Trouble of the database.
    fn replay(&self, id: ReplayId) -> Result<Option<Replay>>;

    /// Those that run, the oldest first.
    ///
    /// # Errors
    /// Trouble of the database.
    fn running_replays(&self) -> Result<Vec<Replay>>;

    /// What a replay that begins now would go through.
    ///
    /// # Errors
    /// Trouble of the database.
    fn survey(&self, now: Timestamp, new: &NewReplay) -> Result<Stretch>;

    /// The next step of a replay, of at most `limit` redeliveries.
    ///
    /// # Errors
    /// Trouble of the database.
    fn next_step(&self, replay: &Replay, limit: usize) -> Result<Step>;
}
