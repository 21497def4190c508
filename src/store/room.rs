//! How much may be in memory: what is being attempted plus a bounded read-ahead.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Leased;
use crate::domain::id::HookId;

/// Leased deliveries that may be in memory in all.
const PLACES: usize = 8192;

/// Payload bytes that may be in memory in all; one delivery always fits.
const BYTES: usize = 48 << 20;

/// A hook may have so many times its share of workers in memory to begin with.
const SHARES: usize = 4;

/// Counts the leased deliveries in memory and says whether one more may come.
///
/// A hook begins with four times its share of workers. Each delivery that
/// arrives gives it one place more, up to half of what is free, and each that
/// fails takes it back to the beginning: a hook that answers at once is never
/// short of work, and one that hangs cannot fill the memory.
#[derive(Debug)]
pub struct Room {
    first_quota: usize,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    places: usize,
    bytes: usize,
    hooks: HashMap<HookId, Hook>,
}

#[derive(Debug, PartialEq, Eq)]
struct Hook {
    places: usize,
    quota: usize,
    behind: bool,
}

impl Hook {
    fn new(quota: usize) -> Self {
        Self { places: 0, quota, behind: false }
    }
}

impl Room {
    /// An empty room, for hooks with so many workers each.
    #[must_use]
    pub fn new(workers_per_hook: usize) -> Self {
        Self { first_quota: SHARES * workers_per_hook, held: Mutex::default() }
    }

    /// Takes a place for a delivery that was just published, unless the hook is
    /// behind: then it has to queue up in the store like those before it.
    pub fn take_new(&self, hook: HookId, bytes: usize) -> bool {
        let mut held = self.lock();
        if held.hook(hook, self.first_quota).behind {
            return false;
        }
        let taken = held.take(hook, bytes, self.first_quota);
        if !taken {
            held.hook(hook, self.first_quota).behind = true;
        }
        taken
    }

    /// Takes a place for a delivery from the store.
    pub fn take(&self, hook: HookId, bytes: usize) -> bool {
        self.lock().take(hook, bytes, self.first_quota)
    }

    /// Gives a place back that no attempt was made from.
    pub fn give_back(&self, hook: HookId, bytes: usize) {
        self.lock().give_back(hook, bytes);
    }

    /// Gives the places of all of these back; no attempt was made from them.
    pub fn give_back_all(&self, leased: &[Leased]) {
        for leased in leased {
            self.give_back(leased.hook, leased.event.payload.len());
        }
    }

    /// Gives a place back after an attempt that arrived, or did not.
    pub fn finished(&self, hook: HookId, bytes: usize, arrived: bool) {
        let mut held = self.lock();
        held.give_back(hook, bytes);
        let entry = held.hook(hook, self.first_quota);
        entry.quota = if arrived { (entry.quota + 1).min(PLACES / 2) } else { self.first_quota };
        if *entry == Hook::new(self.first_quota) {
            held.hooks.remove(&hook);
        }
    }

    /// Says whether the store has more that is due for this hook.
    pub fn set_behind(&self, hook: HookId, behind: bool) {
        self.lock().hook(hook, self.first_quota).behind = behind;
    }

    /// How many more deliveries of this hook may come now.
    #[must_use]
    pub fn free_for(&self, hook: HookId) -> usize {
        self.lock().free_for(hook, self.first_quota)
    }

    /// How many more deliveries may come in all.
    #[must_use]
    pub fn free(&self) -> usize {
        self.lock().free()
    }

    /// Whether nothing is in memory.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lock().places == 0
    }

    /// How many deliveries of this hook are in memory.
    #[must_use]
    pub fn held_by(&self, hook: HookId) -> usize {
        self.lock().hooks.get(&hook).map_or(0, |hook| hook.places)
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn hook(&mut self, hook: HookId, first_quota: usize) -> &mut Hook {
        self.hooks.entry(hook).or_insert_with(|| Hook::new(first_quota))
    }

    fn free(&self) -> usize {
        let any_bytes = self.bytes < BYTES;
        if any_bytes { PLACES.saturating_sub(self.places) } else { 0 }
    }

    fn free_for(&mut self, hook: HookId, first_quota: usize) -> usize {
        let free = self.free();
        let hook = self.hook(hook, first_quota);
        let most = hook.quota.min((free / 2).max(first_quota));
        most.saturating_sub(hook.places).min(free)
    }

    fn take(&mut self, hook: HookId, bytes: usize, first_quota: usize) -> bool {
        let fits = self.bytes + bytes <= BYTES || self.places == 0;
        if !fits || self.free_for(hook, first_quota) == 0 {
            return false;
        }
        self.places += 1;
        self.bytes += bytes;
        self.hook(hook, first_quota).places += 1;
        true
    }

    fn give_back(&mut self, hook: HookId, bytes: usize) {
        self.places = self.places.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
        if let Some(hook) = self.hooks.get_mut(&hook) {
            hook.places = hook.places.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: HookId = HookId(1);
    const B: HookId = HookId(2);

    #[test]
    fn a_hook_begins_with_four_times_its_share() {
        let room = Room::new(2);
        let taken = (0..20).filter(|_| room.take(A, 10)).count();
        assert_eq!(taken, 8);
        assert!(room.take(B, 10), "another hook has its own share");
    }

    #[test]
    fn each_arrival_makes_room_for_one_more_and_a_failure_for_none() {
        let room = Room::new(2);
        while room.take(A, 10) {}
        room.finished(A, 10, true);
        assert_eq!(room.free_for(A), 2);
        room.finished(A, 10, false);
        assert_eq!(room.free_for(A), 2);
    }

    #[test]
    fn one_delivery_always_fits_and_bytes_are_bounded() {
        let room = Room::new(2);
        assert!(room.take(A, BYTES + 1));
        assert!(!room.take(B, 1));
        room.finished(A, BYTES + 1, true);
        assert!(room.take(B, 1));
    }

    #[test]
    fn what_is_new_queues_up_behind_what_waits_in_the_store() {
        let room = Room::new(1);
        while room.take_new(A, 1) {}
        room.finished(A, 1, true);
        assert!(!room.take_new(A, 1), "the hook is behind");
        room.set_behind(A, false);
        assert!(room.take_new(A, 1));
    }
}
