//! How much may be in memory: what is being attempted plus a bounded read-ahead.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Leased;
use crate::domain::id::HookId;
use crate::domain::pace::Showing;

/// Leased deliveries that may be in memory in all.
const PLACES: usize = 8192;

/// Payload bytes that may be in memory in all; one delivery always fits.
const BYTES: usize = 48 << 20;

/// A prompt hook may have so many times its share of workers in memory to begin with.
const SHARES: usize = 4;

/// Any other hook may have so many: one being attempted, and one to follow.
const FEW: usize = 2;

/// Counts the leased deliveries in memory and says whether one more may come.
///
/// A hook that is new, slow or failing has few places, and all such hooks together
/// at most half. One that is prompt begins with four times its share of workers;
/// each delivery that arrives gives it one place more, up to half of what is free,
/// and each that waited long in memory takes half away: a hook that answers at once
/// is never short of work, one that takes its time holds no more than it gets to
/// before the leases run out, and those that hang cannot fill the memory, however
/// many they are.
#[derive(Debug)]
pub struct Room {
    first_quota: usize,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    places: usize,
    /// Those of hooks that are not prompt.
    lagging: usize,
    bytes: usize,
    hooks: HashMap<HookId, Hook>,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Hook {
    places: usize,
    /// What it has earned by being prompt; none otherwise.
    quota: Option<usize>,
    behind: bool,
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
        if held.hook(hook).behind {
            return false;
        }
        let taken = held.take(hook, bytes, self.first_quota);
        if !taken {
            held.hook(hook).behind = true;
        }
        taken
    }

    /// Takes a place for a delivery from the store.
    pub fn take(&self, hook: HookId, bytes: usize) -> bool {
        self.lock().take(hook, bytes, self.first_quota)
    }

    /// Takes a place where there may be none, for what a person waits for.
    pub fn take_anyway(&self, hook: HookId, bytes: usize) {
        self.lock().occupy(hook, bytes);
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

    /// Gives a place back after an attempt; `waited_long` if it had to wait for so
    /// long that its lease could have run out.
    pub fn finished(&self, hook: HookId, bytes: usize, showing: Showing, waited_long: bool) {
        let mut held = self.lock();
        held.give_back(hook, bytes);
        match showing {
            Showing::Prompt => held.is_prompt(hook, self.first_quota, waited_long),
            Showing::Lagging => held.lags(hook),
        }
    }

    /// An attempt at this hook takes its time.
    pub fn lags(&self, hook: HookId) {
        self.lock().lags(hook);
    }

    /// Says whether the store has more that is due for this hook.
    pub fn set_behind(&self, hook: HookId, behind: bool) {
        self.lock().hook(hook).behind = behind;
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
    fn hook(&mut self, hook: HookId) -> &mut Hook {
        self.hooks.entry(hook).or_default()
    }

    fn free(&self) -> usize {
        let any_bytes = self.bytes < BYTES;
        if any_bytes { PLACES.saturating_sub(self.places) } else { 0 }
    }

    fn free_for(&self, hook: HookId, first_quota: usize) -> usize {
        let free = self.free();
        let (places, quota) = self.hooks.get(&hook).map_or((0, None), |hook| (hook.places, hook.quota));
        match quota {
            Some(quota) => quota.min((free / 2).max(first_quota)).saturating_sub(places).min(free),
            None => {
                FEW.min(first_quota).saturating_sub(places).min((PLACES / 2).saturating_sub(self.lagging)).min(free)
            }
        }
    }

    fn take(&mut self, hook: HookId, bytes: usize, first_quota: usize) -> bool {
        let fits = self.bytes + bytes <= BYTES || self.places == 0;
        if !fits || self.free_for(hook, first_quota) == 0 {
            return false;
        }
        self.occupy(hook, bytes);
        true
    }

    fn occupy(&mut self, hook: HookId, bytes: usize) {
        self.places += 1;
        self.bytes += bytes;
        let hook = self.hook(hook);
        hook.places += 1;
        let lags = hook.quota.is_none();
        self.lagging += usize::from(lags);
    }

    fn give_back(&mut self, hook: HookId, bytes: usize) {
        self.places = self.places.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
        let Some(entry) = self.hooks.get_mut(&hook) else {
            return;
        };
        entry.places = entry.places.saturating_sub(1);
        let lags = entry.quota.is_none();
        if *entry == Hook::default() {
            self.hooks.remove(&hook);
        }
        self.lagging = self.lagging.saturating_sub(usize::from(lags));
    }

    fn is_prompt(&mut self, hook: HookId, first_quota: usize, waited_long: bool) {
        let entry = self.hook(hook);
        let (quota, were_lagging) = match entry.quota {
            Some(quota) if waited_long => ((quota / 2).max(FEW), 0),
            Some(quota) => ((quota + 1).min(PLACES / 2), 0),
            None => (first_quota, entry.places),
        };
        entry.quota = Some(quota);
        self.lagging = self.lagging.saturating_sub(were_lagging);
    }

    fn lags(&mut self, hook: HookId) {
        if let Some(entry) = self.hooks.get_mut(&hook)
            && entry.quota.take().is_some()
        {
            self.lagging += entry.places;
            if *entry == Hook::default() {
                self.hooks.remove(&hook);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: HookId = HookId(1);
    const B: HookId = HookId(2);

    fn prompt(workers_per_hook: usize) -> Room {
        let room = Room::new(workers_per_hook);
        for hook in [A, B] {
            assert!(room.take(hook, 1));
            room.finished(hook, 1, Showing::Prompt, false);
        }
        room
    }

    #[test]
    fn a_hook_that_is_not_known_to_be_prompt_has_few_places() {
        let room = Room::new(16);
        assert_eq!((0..20).filter(|_| room.take(A, 10)).count(), FEW);
        assert!(room.take(B, 10), "another hook has its own");
    }

    #[test]
    fn a_prompt_hook_begins_with_four_times_its_share() {
        let room = prompt(2);
        assert_eq!((0..20).filter(|_| room.take(A, 10)).count(), 8);
        assert!(room.take(B, 10), "another hook has its own share");
    }

    #[test]
    fn each_arrival_makes_room_for_one_more_and_the_first_that_lags_takes_it_all() {
        let room = prompt(2);
        while room.take(A, 10) {}
        room.finished(A, 10, Showing::Prompt, false);
        assert_eq!(room.free_for(A), 2);
        room.finished(A, 10, Showing::Lagging, false);
        assert_eq!(room.free_for(A), 0);
        (0..6).for_each(|_| room.give_back(A, 10));
        assert_eq!(room.free_for(A), FEW);
    }

    #[test]
    fn a_hook_whose_deliveries_wait_long_reads_less_ahead() {
        let room = prompt(16);
        (0..2).for_each(|_| {
            assert!(room.take(A, 1));
            room.finished(A, 1, Showing::Prompt, true);
        });
        assert_eq!(room.free_for(A), 16);
    }

    #[test]
    fn hooks_that_lag_have_half_of_the_room_at_most() {
        let room = prompt(16);
        let taken = (10..9000).map(HookId).take_while(|&hook| room.take(hook, 1)).count();
        assert_eq!(taken, PLACES / 2);
        assert!(room.take(A, 1), "a prompt hook has the other half");
        room.lags(A);
        assert!(!room.take(A, 1));
        (10..20).for_each(|hook| room.finished(HookId(hook), 1, Showing::Prompt, false));
        assert!(room.take(A, 1));
    }

    #[test]
    fn one_delivery_always_fits_and_bytes_are_bounded() {
        let room = Room::new(2);
        assert!(room.take(A, BYTES + 1));
        assert!(!room.take(B, 1));
        room.finished(A, BYTES + 1, Showing::Prompt, false);
        assert!(room.take(B, 1));
    }

    #[test]
    fn what_is_new_queues_up_behind_what_waits_in_the_store() {
        let room = Room::new(1);
        while room.take_new(A, 1) {}
        room.finished(A, 1, Showing::Prompt, false);
        assert!(!room.take_new(A, 1), "the hook is behind");
        room.set_behind(A, false);
        assert!(room.take_new(A, 1));
    }
}
