//! What the random operations are, and what the store must hold after them.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use nyala::domain::delivery::State;
use nyala::domain::id::{HookId, Lease, Seq};
use nyala::domain::time::Timestamp;
use nyala::store::Leased;
use proptest::prelude::*;

use super::start;

/// How long leases last here: short, so that some run out.
pub const LEASE: Duration = Duration::from_millis(40);

/// Something to do. Numbers pick one of what there is.
#[derive(Debug, Clone)]
pub enum Act {
    Add,
    Remove(usize),
    Pause(usize),
    Resume(usize),
    CancelOwed(usize),
    Publish,
    Claim,
    Renew(usize),
    Release(usize),
    TakeBack {
        all: bool,
    },
    Record(usize, After),
    /// Records with a lease of which the delivery is out of our hands.
    RecordLate(usize, After),
    Wait(u8),
}

#[derive(Debug, Clone, Copy)]
pub enum After {
    Done,
    Retry(u8),
    GiveUp,
    Gone,
}

/// How a transaction ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Kept,
    /// It is kept, but for all that was done in it.
    Unmarked,
    RolledBack,
    /// The process dies in the midst of it, and the next one opens the database.
    Crashed,
}

/// What is done in a transaction, and how it ends.
pub type Transaction = (Vec<Act>, End);

fn act() -> impl Strategy<Value = Act> {
    let pick = || 0..64_usize;
    prop_oneof![
        2 => Just(Act::Add),
        2 => pick().prop_map(Act::Remove),
        2 => pick().prop_map(Act::Pause),
        2 => pick().prop_map(Act::Resume),
        3 => (1..4_usize).prop_map(Act::CancelOwed),
        5 => Just(Act::Publish),
        4 => Just(Act::Claim),
        1 => pick().prop_map(Act::Renew),
        2 => pick().prop_map(Act::Release),
        1 => any::<bool>().prop_map(|all| Act::TakeBack { all }),
        6 => (pick(), after()).prop_map(|(pick, after)| Act::Record(pick, after)),
        2 => (pick(), after()).prop_map(|(pick, after)| Act::RecordLate(pick, after)),
        2 => any::<u8>().prop_map(Act::Wait),
    ]
}

fn after() -> impl Strategy<Value = After> {
    prop_oneof![
        4 => Just(After::Done),
        4 => any::<u8>().prop_map(After::Retry),
        1 => Just(After::GiveUp),
        1 => Just(After::Gone),
    ]
}

pub fn transactions() -> impl Strategy<Value = Vec<Transaction>> {
    let end = prop_oneof![
        8 => Just(End::Kept),
        1 => Just(End::Unmarked),
        1 => Just(End::RolledBack),
        1 => Just(End::Crashed),
    ];
    prop::collection::vec((prop::collection::vec(act(), 1..5), end), 1..25)
}

/// What the model knows of a delivery that is not finished, or how it ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Owed {
    Pending { due_at: Timestamp },
    Leased { lease: Lease, until: Timestamp },
    Finished(State),
}

/// What the store must hold.
#[derive(Debug, Clone)]
pub struct Model {
    pub now: Timestamp,
    pub living: Vec<HookId>,
    pub paused: HashSet<HookId>,
    pub hooks_made: usize,
    pub deliveries: BTreeMap<Seq, (HookId, Owed)>,
    /// In our hands: each has a place in the room.
    pub held: Vec<Leased>,
    /// Out of our hands, by a record, a release or a lease that ran out.
    pub late: Vec<Leased>,
    pub leases: HashSet<Lease>,
}

impl Model {
    pub fn new() -> Self {
        Self {
            now: start(),
            living: vec![],
            paused: HashSet::new(),
            hooks_made: 0,
            deliveries: BTreeMap::new(),
            held: vec![],
            late: vec![],
            leases: HashSet::new(),
        }
    }

    pub fn owed(&mut self, seq: Seq) -> &mut Owed {
        &mut self.deliveries.get_mut(&seq).expect("a delivery that was published").1
    }

    pub fn is_ours(&mut self, leased: &Leased) -> bool {
        matches!(self.owed(leased.seq), Owed::Leased { lease, .. } if *lease == leased.lease)
    }

    /// Of each delivery that a claim must find: whose it is, and when it is due.
    pub fn pending(&self) -> impl Iterator<Item = (HookId, Timestamp)> {
        self.deliveries.values().filter_map(|&(hook, owed)| match owed {
            Owed::Pending { due_at } if self.living.contains(&hook) && !self.paused.contains(&hook) => {
                Some((hook, due_at))
            }
            _ => None,
        })
    }

    pub fn until(&self) -> Timestamp {
        self.now.plus(LEASE)
    }

    /// Somebody was given a delivery: nobody else may have it.
    pub fn give(&mut self, leased: &Leased) {
        assert!(self.leases.insert(leased.lease), "a lease was given twice: {leased:?}");
        assert!(self.living.contains(&leased.hook), "a removed hook is owed nothing: {leased:?}");
        assert!(!self.paused.contains(&leased.hook), "a paused hook gets nothing: {leased:?}");
        let until = self.until();
        assert_eq!(leased.until, until);
        *self.owed(leased.seq) = Owed::Leased { lease: leased.lease, until };
        self.held.push(leased.clone());
    }

    pub fn take_back(&mut self, all: bool) -> usize {
        let now = self.now;
        let mut count = 0;
        for (_, owed) in self.deliveries.values_mut() {
            if let Owed::Leased { until, .. } = *owed
                && (all || until <= now)
            {
                *owed = Owed::Pending { due_at: now };
                count += 1;
            }
        }
        count
    }
}
