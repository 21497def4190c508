//! Places in memory, taken within a transaction.

use crate::store::Leased;
use crate::store::room::Room;

/// Places taken in the room; given back if what they were taken for fails.
pub(super) struct Taken<'a> {
    pub(super) room: &'a Room,
    pub(super) leased: Vec<Leased>,
    /// Whether there was no room in all for something that is due.
    pub(super) crowded: bool,
}

impl<'a> Taken<'a> {
    pub(super) fn none(room: &'a Room) -> Self {
        Self { room, leased: vec![], crowded: false }
    }

    pub(super) fn keep(mut self) -> Vec<Leased> {
        std::mem::take(&mut self.leased)
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.room.give_back_all(&self.leased);
    }
}
