//! Moves what the store keeps in the time of a clock that somebody set: it keeps times of
//! the wall clock, because it outlives the process.
//!
//! **Forward** (or the machine slept): leases would run out under attempts that are
//! alive, and these would be made again. So leases move along. What is pending does
//! not: it is tried early at worst, and after a sleep its wait is truly over.
//!
//! **Back:** what is pending would wait so much longer, so it moves along, in steps.
//! What came to be pending between the setting and the look moves with it, because
//! nothing tells it apart, and is tried early. Leases stay: one that lasts too long
//! hurts nobody, while one that was made after the setting would be cut short.

use std::collections::VecDeque;
use std::time::Duration;

use crate::clock::{Clock, Drift, Set};
use crate::domain::time::Timestamp;
use crate::store::db::Db;
use crate::store::{Place, Result};

/// How far the clocks are apart, and what is still to be moved.
pub(super) struct ClockSet {
    drift: Drift,
    lease: Duration,
    moves: VecDeque<Move>,
}

#[derive(Clone, Copy)]
enum Move {
    Leases { up_to: Timestamp, by: Duration },
    Pending { from: Place, by: Duration },
}

impl ClockSet {
    /// Looks for the first time; leases are given for so long.
    pub(super) fn new(clock: &dyn Clock, lease: Duration) -> Self {
        Self { drift: Drift::new(clock), lease, moves: VecDeque::new() }
    }

    /// Looks at the clocks; answers what time it is.
    pub(super) fn look(&mut self, clock: &dyn Clock) -> Timestamp {
        let (now, set) = self.drift.look(clock);
        match set {
            None => {}
            Some(Set::Forward(by, expected)) => {
                tracing::warn!(?by, "the clock was set forward, or the machine slept: leases last as much longer");
                self.moves.push_back(Move::Leases { up_to: expected.plus(self.lease), by });
            }
            Some(Set::Back(by)) => {
                tracing::warn!(?by, "the clock was set back: what is pending is due as much earlier");
                self.moves.push_back(Move::Pending { from: Place::first(now), by });
            }
        }
        now
    }

    /// Makes the next step of what is to be moved; false if there is nothing. A
    /// step that failed is made again.
    pub(super) async fn step(&mut self, db: &Db, limit: usize) -> Result<bool> {
        let Some(next) = self.moves.front_mut() else { return Ok(false) };
        let over = match next {
            Move::Leases { up_to, by } => {
                let (up_to, by) = (*up_to, *by);
                db.write(move |store| store.lengthen_leases(up_to, by)).await?;
                true
            }
            Move::Pending { from, by } => {
                let (place, by) = (*from, *by);
                let more = db.write(move |store| store.make_due_earlier(place, by, limit)).await?;
                *from = more.unwrap_or(*from);
                more.is_none()
            }
        };
        if over {
            self.moves.pop_front();
        }
        Ok(true)
    }
}
