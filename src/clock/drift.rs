//! Notices that somebody set the clock: by one that nobody can set, it can be told how far
//! it should have come.

use std::time::Duration;

use super::Clock;
use crate::domain::time::Timestamp;

/// A clock that is off by less was not set: it is being trimmed, bit by bit.
const TOLERANCE: Duration = Duration::from_secs(1);

/// Readings of the two clocks that lie further apart are not of the same moment.
const SAME_MOMENT: Duration = Duration::from_millis(100);

/// What the clocks said at the last look.
pub(crate) struct Drift(Reading);

#[derive(Clone, Copy)]
struct Reading {
    now: Timestamp,
    elapsed: Duration,
}

/// What somebody did to the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Set {
    /// Set it forward by so much, or the machine slept; it would have been this late.
    Forward(Duration, Timestamp),
    /// Set it back by so much.
    Back(Duration),
}

impl Drift {
    /// Looks for the first time.
    pub(crate) fn new(clock: &dyn Clock) -> Self {
        Self(read(clock))
    }

    /// Looks at the clocks: what time it is, and whether it was set since the last look.
    pub(crate) fn look(&mut self, clock: &dyn Clock) -> (Timestamp, Option<Set>) {
        let reading = read(clock);
        let expected = self.0.now.plus(reading.elapsed.saturating_sub(self.0.elapsed));
        self.0 = reading;
        let (ahead, behind) = (reading.now.since(expected), expected.since(reading.now));
        let set = match () {
            () if ahead > TOLERANCE => Some(Set::Forward(ahead, expected)),
            () if behind > TOLERANCE => Some(Set::Back(behind)),
            () => None,
        };
        (reading.now, set)
    }
}

/// Both clocks at one moment: whoever was held up between them looks again.
fn read(clock: &dyn Clock) -> Reading {
    loop {
        let (elapsed, now) = (clock.elapsed(), clock.now());
        if clock.elapsed().saturating_sub(elapsed) < SAME_MOMENT {
            return Reading { now, elapsed };
        }
    }
}
