//! One event owed to one hook, and what follows from each attempt at it.

use std::time::Duration;

use super::headers::HeaderLines;
use super::id::{EventId, HookId, Seq};
use super::outcome::Outcome;
use super::retry::RetrySchedule;
use super::time::Timestamp;

/// Where a delivery stands.
///
/// ```text
///   pending ⇄ leased → delivered
///      │         └───→ dead
///      └─────────────→ cancelled
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Owed; waits until it is due.
    Pending,
    /// Owed; a node has the right to attempt it.
    Leased,
    /// It arrived.
    Delivered,
    /// Given up: its retry schedule is used up.
    Dead,
    /// Its hook was removed before it arrived.
    Cancelled,
}

impl State {
    /// All states, in the order of the numbers under which they are stored.
    pub const ALL: [Self; 5] = [Self::Pending, Self::Leased, Self::Delivered, Self::Dead, Self::Cancelled];

    /// How the API spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Leased => "leased",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether nothing more will be attempted for it.
    #[must_use]
    pub fn is_finished(self) -> bool {
        !matches!(self, Self::Pending | Self::Leased)
    }

    /// Reads the API's spelling.
    #[must_use]
    pub fn named(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// A delivery as the history shows it.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Its place in the store's order.
    pub seq: Seq,
    /// Which event is owed.
    pub event: EventId,
    /// That event's type.
    pub event_type: String,
    /// To whom.
    pub hook: HookId,
    /// The application that it is about, where the hook gets each apart.
    pub application: Option<String>,
    /// Where it stands.
    pub state: State,
    /// How many attempts have ended.
    pub attempts: u32,
    /// When it was made: as its event was published, unless it is a redelivery.
    pub created_at: Timestamp,
    /// Before when no attempt is made, while it is pending.
    pub due_at: Option<Timestamp>,
    /// When it was delivered, given up or cancelled.
    pub finished_at: Option<Timestamp>,
    /// The delivery that this one does again.
    pub redelivers: Option<Seq>,
    /// The latest one that does this one again.
    pub redelivered_by: Option<Seq>,
    /// Why it ended, where no attempt says so.
    pub reason: Option<String>,
}

/// One HTTP request made for a delivery, and what came of it.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// Counts from 1.
    pub number: u32,
    /// When the request was sent.
    pub started_at: Timestamp,
    /// Until the answer was read, or the attempt was over.
    pub duration: Duration,
    /// What was sent beside the body, secrets masked.
    pub request_headers: HeaderLines,
    /// What came back.
    pub outcome: Outcome,
}

/// What follows from an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It arrived: nothing more to do.
    Done,
    /// Try again, not before then.
    RetryAt(Timestamp),
    /// The schedule is used up: the delivery is dead.
    GiveUp,
    /// The receiver says that it is gone for good: remove the hook.
    DropHook,
}

/// Decides what follows from an attempt. The only place with retry rules.
///
/// `attempt` counts from 1; `dice`, from 0 up to 1, scatters the waits. A
/// receiver's `Retry-After` is the least that is waited, whatever its status. Trouble
/// of our own never kills a delivery.
#[must_use]
pub fn decide(outcome: &Outcome, attempt: u32, schedule: &RetrySchedule, now: Timestamp, dice: f64) -> Next {
    if outcome.arrived() {
        return Next::Done;
    }
    if outcome.status() == Some(410) {
        return Next::DropHook;
    }
    if let Outcome::Hindered(_) = outcome {
        return Next::RetryAt(now.plus(schedule.wait_or_last(attempt, dice)));
    }
    match schedule.wait_after(attempt, dice) {
        Some(wait) => Next::RetryAt(now.plus(wait.max(outcome.retry_after()))),
        None => Next::GiveUp,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::outcome::Answer;
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp::EPOCH;

    fn answered(status: u16, retry_after: Option<u64>) -> Outcome {
        Outcome::Answered(Answer { status, retry_after: retry_after.map(Duration::from_secs), ..Answer::default() })
    }

    fn after(seconds: u64) -> Next {
        Next::RetryAt(NOW.plus(Duration::from_secs(seconds)))
    }

    #[test]
    fn what_follows_from_an_attempt() {
        let schedule: RetrySchedule = "5s,60s".parse().unwrap();
        let refused = Outcome::Failed("connection refused".into());
        let table = [
            (answered(200, None), 1, Next::Done),
            (answered(299, Some(30)), 1, Next::Done),
            (answered(302, None), 1, after(5)),
            (answered(404, None), 2, after(60)),
            (answered(429, Some(30)), 1, after(30)),
            (answered(503, Some(30)), 2, after(60)),
            (answered(500, Some(7)), 1, after(7)),
            (answered(500, None), 3, Next::GiveUp),
            (answered(410, None), 1, Next::DropHook),
            (refused.clone(), 1, after(5)),
            (refused, 3, Next::GiveUp),
            (Outcome::Refused("forbidden".into()), 1, after(5)),
            (Outcome::Hindered("no name server answers".into()), 9, after(60)),
        ];
        for (outcome, attempt, next) in table {
            assert_eq!(decide(&outcome, attempt, &schedule, NOW, 0.5), next, "{outcome:?} {attempt}");
        }
    }

    proptest! {
        #[test]
        fn no_retry_comes_earlier_than_the_receiver_asked(status in 300u16..600, wait in 0u64..86_400, attempt in 1u32..12, dice in 0.0..1.0f64) {
            let next = decide(&answered(status, Some(wait)), attempt, &RetrySchedule::default(), NOW, dice);
            if let Next::RetryAt(at) = next {
                prop_assert!(at.since(NOW) >= Duration::from_secs(wait));
            }
        }
    }
}
