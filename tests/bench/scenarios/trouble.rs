//! Bad receivers, each of which owes something while healthy ones are watched.

use crate::args::Plan;
use crate::table::thousands;

/// Healthy hooks beside one that is bad.
const FEW: u32 = 50;
/// Hooks that hang, and as many healthy ones beside them.
const MANY: u32 = 1_000;
/// What each of these hooks is owed: enough to hang for longer than anybody looks on.
const OWED_BY_EACH: u32 = 5;
/// Events owed to each of the receivers that misbehave.
const MISBEHAVED: u32 = 700;
/// How often those are met, at most.
const ROUNDS: u32 = 3;

/// Bad receivers and what they are owed.
pub struct Trouble {
    /// Part of the rows' keys.
    pub key: &'static str,
    /// As in "beside …".
    pub label: String,
    /// The beginning of their paths at the receiver.
    pub path: &'static str,
    pub hooks: u32,
    /// Events, each owed to all of these hooks.
    pub events: u32,
    pub healthy: Healthy,
    /// How often it is met, each time by a new server: once where it takes long to come about or to get over.
    pub rounds: u32,
    /// Whether it has been there for a while: else it breaks in just before anybody looks.
    pub settled: bool,
}

/// The hooks that are watched. Each event goes to ten of them, so that a thousand of them take no more deliveries a
/// second than fifty do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Healthy {
    /// Event types, each wanted by ten of them.
    pub types: u32,
}

impl Healthy {
    /// Hooks of each type.
    pub const OF_EACH: u32 = 10;

    fn of(hooks: u32) -> Self {
        Self { types: hooks / Self::OF_EACH }
    }

    /// How many there are.
    pub fn hooks(self) -> u32 {
        self.types * Self::OF_EACH
    }
}

/// All troubles, in the order in which they are met.
pub fn all(plan: &Plan) -> [Trouble; 5] {
    let one = |key, path, events, label: &str| {
        let label = format!("1 owed {} that {label}", thousands(&events));
        Trouble {
            key,
            label,
            path,
            hooks: 1,
            events,
            healthy: Healthy::of(FEW),
            rounds: plan.runs.min(ROUNDS),
            settled: false,
        }
    };
    let hang = Trouble {
        key: "hang",
        label: format!("{} that hang", thousands(&MANY)),
        path: "/hang",
        hooks: MANY,
        events: OWED_BY_EACH,
        healthy: Healthy::of(MANY),
        rounds: 1,
        settled: false,
    };
    [
        Trouble { rounds: 1, settled: true, ..one("slow", "/slow/2s", plan.slow_owes, "answers in 2 s") },
        one("drip", "/drip", MISBEHAVED, "drips a byte a second"),
        one("stall", "/stall", MISBEHAVED, "sends headers only"),
        one("huge", "/huge", MISBEHAVED, "answers 800 MB"),
        hang,
    ]
}
