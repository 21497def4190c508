//! What is leased and waits for a worker: one queue a hook, served in turn.
//!
//! Prompt hooks go first and may use all workers. The others, new, slow or failing,
//! get one attempt each and together at most half, so that however many hang, half
//! of the workers are left to those that answer.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::time::Duration;

use crate::domain::id::HookId;
use crate::domain::pace::{Limits, Pace, Showing};
use crate::store::Leased;

/// The queues, and how many attempts are in flight.
pub(super) struct Lanes {
    workers: usize,
    workers_per_hook: usize,
    in_flight: usize,
    /// Those at hooks that are not prompt.
    lagging: usize,
    by_hook: HashMap<HookId, Lane>,
    /// Hooks that have work and a free worker of their share, in turn.
    prompt: VecDeque<HookId>,
    others: VecDeque<HookId>,
    /// Hooks that have both, and have to wait for their rate.
    timed: BinaryHeap<Reverse<(Duration, HookId)>>,
    turn: usize,
}

/// One turn in so many is for a hook that is not prompt.
const OTHERS_EVERY: usize = 8;

#[derive(Default)]
struct Lane {
    waiting: VecDeque<Leased>,
    in_flight: usize,
    pace: Pace,
    limits: Limits,
    /// In which of the lists it stands; what stands in another is out of date.
    listed: Listed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Listed {
    #[default]
    Nowhere,
    Prompt,
    Others,
    Timed,
}

/// So many deliveries of a hook that lags stay in memory; the others wait in the store.
const KEPT: usize = 1;

impl Lanes {
    pub(super) fn new(workers: usize, workers_per_hook: usize) -> Self {
        Self {
            workers,
            workers_per_hook,
            in_flight: 0,
            lagging: 0,
            by_hook: HashMap::new(),
            prompt: VecDeque::new(),
            others: VecDeque::new(),
            timed: BinaryHeap::new(),
            turn: 0,
        }
    }

    /// Puts a delivery at the end of its hook's queue.
    pub(super) fn add(&mut self, leased: Leased, limits: Limits) {
        let hook = leased.hook;
        let lane = self.by_hook.entry(hook).or_default();
        lane.limits = limits;
        lane.waiting.push_back(leased);
        self.list(hook);
    }

    /// The next delivery to attempt, if a worker is free for one. `limits` tells
    /// what a hook's owner allows now; `now` is read from a clock that never goes back.
    pub(super) fn next(&mut self, now: Duration, limits: impl Fn(HookId) -> Limits) -> Option<Leased> {
        self.list_those_whose_time_has_come(now);
        while self.in_flight < self.workers {
            let hook = self.next_hook()?;
            let Some(lane) = self.by_hook.get_mut(&hook) else { continue };
            lane.listed = Listed::Nowhere;
            lane.limits = limits(hook);
            let at = lane.pace.may_start(now, lane.limits);
            if at > now {
                lane.listed = Listed::Timed;
                self.timed.push(Reverse((at, hook)));
            } else if let Some(leased) = self.start(hook, now) {
                return Some(leased);
            }
        }
        None
    }

    /// When a hook that waits for its rate may go on.
    pub(super) fn next_time(&self) -> Option<Duration> {
        self.timed.peek().map(|Reverse((at, _))| *at)
    }

    /// An attempt has ended and its worker is free; what it showed, if it was made.
    /// Answers what had better wait in the store.
    pub(super) fn ended(&mut self, hook: HookId, showing: Option<Showing>) -> Vec<Leased> {
        let lags = showing == Some(Showing::Lagging);
        self.in_flight -= 1;
        self.change(hook, |lane| {
            lane.in_flight -= 1;
            match showing {
                Some(showing) => lane.pace.showed(showing),
                None => lane.pace.not_made(lane.limits),
            }
            if lags { lane.withdrawn() } else { vec![] }
        })
    }

    /// An attempt takes its time. Answers what had better wait in the store.
    pub(super) fn lags(&mut self, hook: HookId) -> Vec<Leased> {
        self.change(hook, |lane| {
            lane.pace.showed(Showing::Lagging);
            lane.withdrawn()
        })
    }

    /// The hook's breaker has closed: its backlog is not to come all at once.
    pub(super) fn breaker_closed(&mut self, hook: HookId, now: Duration) {
        self.by_hook.entry(hook).or_default().pace.breaker_closed(now);
    }

    /// Changes a lane, and counts anew what it has in flight.
    fn change<T: Default>(&mut self, hook: HookId, change: impl FnOnce(&mut Lane) -> T) -> T {
        let Some(lane) = self.by_hook.get_mut(&hook) else {
            return T::default();
        };
        self.lagging -= lane.lagging();
        let changed = change(lane);
        self.lagging += lane.lagging();
        if lane.is_forgettable() {
            self.by_hook.remove(&hook);
        } else {
            self.list(hook);
        }
        changed
    }

    fn start(&mut self, hook: HookId, now: Duration) -> Option<Leased> {
        let share = self.workers_per_hook;
        let lane = self.by_hook.get_mut(&hook).filter(|lane| lane.has_worker(share))?;
        let leased = lane.waiting.pop_front()?;
        self.lagging -= lane.lagging();
        lane.in_flight += 1;
        lane.pace.started(now, lane.limits);
        self.lagging += lane.lagging();
        self.in_flight += 1;
        self.list(hook);
        Some(leased)
    }

    /// Prompt hooks first, but now and then one of the others, lest they wait for ever
    /// while prompt hooks keep all workers busy.
    fn next_hook(&mut self) -> Option<HookId> {
        self.turn = self.turn.wrapping_add(1);
        if self.turn.is_multiple_of(OTHERS_EVERY) {
            self.next_other().or_else(|| self.next_prompt())
        } else {
            self.next_prompt().or_else(|| self.next_other())
        }
    }

    fn next_prompt(&mut self) -> Option<HookId> {
        while let Some(hook) = self.prompt.pop_front() {
            let Some(lane) = self.by_hook.get_mut(&hook).filter(|lane| lane.listed == Listed::Prompt) else {
                continue;
            };
            if lane.pace.is_prompt() {
                return Some(hook);
            }
            lane.listed = Listed::Others;
            self.others.push_back(hook);
        }
        None
    }

    fn next_other(&mut self) -> Option<HookId> {
        while self.lagging < (self.workers / 2).max(1) {
            let hook = self.others.pop_front()?;
            if self.by_hook.get(&hook).is_some_and(|lane| lane.listed == Listed::Others) {
                return Some(hook);
            }
        }
        None
    }

    fn list_those_whose_time_has_come(&mut self, now: Duration) {
        while self.next_time().is_some_and(|at| at <= now)
            && let Some(Reverse((_, hook))) = self.timed.pop()
        {
            if let Some(lane) = self.by_hook.get_mut(&hook).filter(|lane| lane.listed == Listed::Timed) {
                lane.listed = Listed::Nowhere;
            }
            self.list(hook);
        }
    }

    /// Lists a hook that has work and a free worker where it belongs now.
    fn list(&mut self, hook: HookId) {
        let Some(lane) = self.by_hook.get_mut(&hook) else {
            return;
        };
        let (listed, list) =
            if lane.pace.is_prompt() { (Listed::Prompt, &mut self.prompt) } else { (Listed::Others, &mut self.others) };
        if lane.listed == listed || lane.listed == Listed::Timed {
            return;
        }
        if !lane.waiting.is_empty() && lane.has_worker(self.workers_per_hook) {
            lane.listed = listed;
            list.push_back(hook);
        }
    }
}

impl Lane {
    fn has_worker(&self, share: usize) -> bool {
        self.in_flight < self.pace.in_flight(share, self.limits)
    }

    /// What counts among those that lag.
    fn lagging(&self) -> usize {
        if self.pace.is_prompt() { 0 } else { self.in_flight }
    }

    /// Takes out what waits, but for the next; in the order in which it came.
    fn withdrawn(&mut self) -> Vec<Leased> {
        let keep = KEPT.min(self.waiting.len());
        self.waiting.split_off(keep).into()
    }

    /// Nothing to do, and nothing that a new lane would not know.
    fn is_forgettable(&self) -> bool {
        self.waiting.is_empty() && self.in_flight == 0 && self.listed == Listed::Nowhere && self.pace == Pace::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::{Event, EventType};
    use crate::domain::id::{EventId, Lease, Seq};
    use crate::domain::time::Timestamp;
    use crate::store::Errand;
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
            publisher: None,
            deed: None,
            gate: None,
            origin: None,
            hops: 0,
        };
        Leased {
            seq: Seq(seq),
            lease: Lease(seq),
            until: Timestamp::MAX,
            hook: HookId(hook),
            application: None,
            work_id: None,
            attempts: 0,
            errand: Errand::Usual,
            event: Arc::new(event),
        }
    }

    const NOW: Duration = Duration::ZERO;

    fn started_at(lanes: &mut Lanes, now: Duration, limits: Limits) -> Vec<i64> {
        std::iter::from_fn(|| lanes.next(now, |_| limits)).map(|leased| leased.seq.0).collect()
    }

    fn started(lanes: &mut Lanes) -> Vec<i64> {
        started_at(lanes, NOW, Limits::default())
    }

    /// Lanes in which these hooks have shown themselves prompt.
    fn with_prompt(workers: usize, share: usize, hooks: impl Iterator<Item = i64>) -> Lanes {
        let mut lanes = Lanes::new(workers, share);
        for hook in hooks {
            for _ in 0..share {
                lanes.add(leased(hook, 0), Limits::default());
                assert_eq!(started(&mut lanes), [0]);
                lanes.ended(HookId(hook), Some(Showing::Prompt));
            }
        }
        lanes
    }

    #[test]
    fn hooks_are_served_in_turn_each_up_to_its_share() {
        let mut lanes = with_prompt(10, 2, 1..=2);
        for seq in 10..14 {
            lanes.add(leased(1, seq), Limits::default());
        }
        lanes.add(leased(2, 20), Limits::default());
        assert_eq!(started(&mut lanes), [10, 20, 11]);
        lanes.ended(HookId(1), Some(Showing::Prompt));
        assert_eq!(started(&mut lanes), [12]);
    }

    #[test]
    fn no_more_attempts_are_in_flight_than_there_are_workers() {
        let mut lanes = with_prompt(2, 2, 1..=3);
        for hook in 1..=3 {
            lanes.add(leased(hook, hook), Limits::default());
        }
        assert_eq!(started(&mut lanes), [1, 2]);
        lanes.ended(HookId(2), Some(Showing::Prompt));
        assert_eq!(started(&mut lanes), [3]);
    }

    #[test]
    fn a_hook_that_has_shown_nothing_gets_one_attempt_at_a_time() {
        let mut lanes = Lanes::new(10, 4);
        (10..14).for_each(|seq| lanes.add(leased(1, seq), Limits::default()));
        assert_eq!(started(&mut lanes), [10]);
        lanes.ended(HookId(1), Some(Showing::Prompt));
        assert_eq!(started(&mut lanes), [11, 12]);
        lanes.ended(HookId(1), Some(Showing::Lagging));
        lanes.ended(HookId(1), None);
        assert_eq!(started(&mut lanes), [13]);
    }

    #[test]
    fn hooks_that_hang_leave_half_of_the_workers_to_those_that_answer() {
        let mut lanes = with_prompt(8, 4, 1..=2);
        (10..30).for_each(|hook| lanes.add(leased(hook, hook), Limits::default()));
        assert_eq!(started(&mut lanes), [10, 11, 12, 13]);
        (0..5).for_each(|seq| lanes.add(leased(1, seq), Limits::default()));
        assert_eq!(started(&mut lanes), [0, 1, 2, 3]);
        lanes.lags(HookId(1));
        lanes.ended(HookId(10), Some(Showing::Lagging));
        assert_eq!(started(&mut lanes), [] as [i64; 0], "those that lag hold more than half already");
        lanes.add(leased(2, 40), Limits::default());
        assert_eq!(started(&mut lanes), [40]);
    }

    #[test]
    fn a_hook_waits_for_its_rate_and_others_do_not() {
        let mut lanes = with_prompt(8, 4, 1..=1);
        let slow = Limits { rate_limit: Some(2), ..Limits::default() };
        (10..13).for_each(|seq| lanes.add(leased(1, seq), Limits::default()));
        let second = Duration::from_secs(1);
        assert_eq!(started_at(&mut lanes, second, slow), [10]);
        assert!(lanes.next_time().is_some_and(|at| at > second && at <= second + second / 2));
        lanes.add(leased(2, 20), Limits::default());
        assert_eq!(started_at(&mut lanes, second, slow), [20]);
        assert_eq!(started_at(&mut lanes, second + second / 2, slow), [11]);
    }
}
