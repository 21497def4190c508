//! What is leased and waits for a worker: one queue a hook, served in turn.

use std::collections::{HashMap, VecDeque};

use crate::domain::id::HookId;
use crate::store::Leased;

/// The queues, and how many attempts are in flight.
pub(super) struct Lanes {
    workers: usize,
    workers_per_hook: usize,
    in_flight: usize,
    by_hook: HashMap<HookId, Lane>,
    /// Hooks that have work and a free worker of their share, in turn.
    ready: VecDeque<HookId>,
}

#[derive(Default)]
struct Lane {
    waiting: VecDeque<Leased>,
    in_flight: usize,
    ready: bool,
}

impl Lanes {
    pub(super) fn new(workers: usize, workers_per_hook: usize) -> Self {
        Self { workers, workers_per_hook, in_flight: 0, by_hook: HashMap::new(), ready: VecDeque::new() }
    }

    /// Puts a delivery at the end of its hook's queue.
    pub(super) fn add(&mut self, leased: Leased) {
        let hook = leased.hook;
        self.by_hook.entry(hook).or_default().waiting.push_back(leased);
        self.make_ready(hook);
    }

    /// The next delivery to attempt, if a worker is free for one.
    pub(super) fn next(&mut self) -> Option<Leased> {
        if self.in_flight >= self.workers {
            return None;
        }
        let hook = self.ready.pop_front()?;
        let lane = self.by_hook.get_mut(&hook)?;
        lane.ready = false;
        let leased = lane.waiting.pop_front()?;
        lane.in_flight += 1;
        self.in_flight += 1;
        self.make_ready(hook);
        Some(leased)
    }

    /// An attempt has ended: its worker is free.
    pub(super) fn ended(&mut self, hook: HookId) {
        let Some(lane) = self.by_hook.get_mut(&hook) else {
            return;
        };
        lane.in_flight -= 1;
        self.in_flight -= 1;
        if lane.in_flight == 0 && lane.waiting.is_empty() {
            self.by_hook.remove(&hook);
        } else {
            self.make_ready(hook);
        }
    }

    fn make_ready(&mut self, hook: HookId) {
        if let Some(lane) = self.by_hook.get_mut(&hook)
            && !lane.ready
            && !lane.waiting.is_empty()
            && lane.in_flight < self.workers_per_hook
        {
            lane.ready = true;
            self.ready.push_back(hook);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::{Event, EventType};
    use crate::domain::id::{EventId, Lease, Seq};
    use crate::domain::time::Timestamp;
    use std::sync::Arc;

    fn leased(hook: i64, seq: i64) -> Leased {
        let event = Event {
            seq: Seq(1),
            id: EventId(ulid::Ulid::nil()),
            event_type: EventType::trusted("E"),
            applications: vec![],
            payload: bytes::Bytes::new(),
            deliveries: 1,
            published_at: Timestamp::EPOCH,
        };
        Leased {
            seq: Seq(seq),
            lease: Lease(seq),
            until: Timestamp::MAX,
            hook: HookId(hook),
            attempts: 0,
            event: Arc::new(event),
        }
    }

    fn started(lanes: &mut Lanes) -> Vec<i64> {
        std::iter::from_fn(|| lanes.next()).map(|leased| leased.seq.0).collect()
    }

    #[test]
    fn hooks_are_served_in_turn_each_up_to_its_share() {
        let mut lanes = Lanes::new(10, 2);
        for seq in 10..14 {
            lanes.add(leased(1, seq));
        }
        lanes.add(leased(2, 20));
        assert_eq!(started(&mut lanes), [10, 20, 11]);
        lanes.ended(HookId(1));
        assert_eq!(started(&mut lanes), [12]);
    }

    #[test]
    fn no_more_attempts_are_in_flight_than_there_are_workers() {
        let mut lanes = Lanes::new(2, 2);
        for hook in 1..=3 {
            lanes.add(leased(hook, hook));
        }
        assert_eq!(started(&mut lanes), [1, 2]);
        lanes.ended(HookId(2));
        assert_eq!(started(&mut lanes), [3]);
    }
}
