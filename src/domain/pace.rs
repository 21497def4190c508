//! How many attempts at one hook may be in flight, and how soon the next may start.
//!
//! Trust is earned: a hook that is new, slow or failing gets one attempt at a time;
//! each that arrives promptly lets one more go with it, up to the hook's share. So a
//! share doubles with every round trip, and is lost with the first that lags.

use std::time::Duration;

/// What whoever owns a hook allows; `None` is what the server allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// Attempts in flight.
    pub max_in_flight: Option<u32>,
    /// Attempts started in a second.
    pub rate_limit: Option<u32>,
}

/// How an attempt looked, whatever its status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Showing {
    /// It arrived, and soon.
    Prompt,
    /// It failed, or took its time.
    Lagging,
}

/// Attempts a second with which a hook begins when its breaker has closed.
const RAMP_START: f64 = 64.0;

/// The rate doubles in this time.
const RAMP_DOUBLES: Duration = Duration::from_millis(500);

/// The ramp is over at this rate: no hook on one machine takes more.
const RAMP_END: f64 = 32_768.0;

/// Starts that timers or a busy moment delayed may catch up so much.
const CATCH_UP: Duration = Duration::from_millis(20);

/// The pace of one hook. Times are read from a clock that never goes back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    earned: usize,
    /// When the next start would come if all kept to the rate.
    next: Duration,
    /// When its breaker closed, while the ramp goes on.
    closed_at: Option<Duration>,
}

impl Default for Pace {
    fn default() -> Self {
        Self { earned: 0, next: Duration::ZERO, closed_at: None }
    }
}

impl Pace {
    /// Whether its latest attempts arrived promptly.
    #[must_use]
    pub fn is_prompt(&self) -> bool {
        self.earned > 0
    }

    /// Attempts that may be in flight, where the server gives a hook `share`.
    #[must_use]
    pub fn in_flight(&self, share: usize, limits: Limits) -> usize {
        let most = limits.max_in_flight.map_or(share, |most| usize::try_from(most).unwrap_or(share));
        (1 + self.earned).min(most.max(1))
    }

    /// When the next attempt may start, as far as rates go; `now` or later.
    #[must_use]
    pub fn may_start(&self, now: Duration, limits: Limits) -> Duration {
        match self.interval(now, limits) {
            Some(_) => self.next.max(now),
            None => now,
        }
    }

    /// An attempt has started.
    pub fn started(&mut self, now: Duration, limits: Limits) {
        match self.interval(now, limits) {
            Some(interval) => self.next = self.next.max(now.saturating_sub(CATCH_UP)) + interval,
            None => self.closed_at = None,
        }
    }

    /// An attempt that had started was not made after all.
    pub fn not_made(&mut self, limits: Limits) {
        let interval = limits.rate_limit.map_or(Duration::ZERO, |rate| Duration::from_secs(1) / rate.max(1));
        self.next = self.next.saturating_sub(interval);
    }

    /// An attempt has shown how the hook does.
    pub fn showed(&mut self, showing: Showing) {
        self.earned = match showing {
            Showing::Prompt => self.earned.saturating_add(1),
            Showing::Lagging => 0,
        };
    }

    /// Its breaker has closed: what waited in the store must not come all at once.
    pub fn breaker_closed(&mut self, now: Duration) {
        self.closed_at = Some(now);
    }

    fn interval(&self, now: Duration, limits: Limits) -> Option<Duration> {
        let ramp = self.closed_at.map(|closed_at| {
            let doublings = now.saturating_sub(closed_at).as_secs_f64() / RAMP_DOUBLES.as_secs_f64();
            RAMP_START * doublings.exp2()
        });
        let ramp = ramp.filter(|rate| *rate < RAMP_END);
        let rate = [ramp, limits.rate_limit.map(f64::from)].into_iter().flatten().reduce(f64::min)?;
        Some(Duration::from_secs_f64(1.0 / rate.max(f64::MIN_POSITIVE)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NONE: Limits = Limits { max_in_flight: None, rate_limit: None };

    fn limited(rate: u32) -> Limits {
        Limits { rate_limit: Some(rate), ..NONE }
    }

    /// Starts as soon as it may, again and again, for `seconds`; answers when.
    fn starts(pace: &mut Pace, limits: Limits, from: Duration, seconds: u64) -> Vec<Duration> {
        let until = from + Duration::from_secs(seconds);
        let mut now = from;
        let mut starts = vec![];
        while starts.len() < 1_000_000 {
            now = pace.may_start(now, limits);
            if now >= until {
                break;
            }
            pace.started(now, limits);
            starts.push(now);
        }
        starts
    }

    #[test]
    fn one_attempt_at_first_and_one_more_for_each_that_is_prompt() {
        let mut pace = Pace::default();
        assert_eq!(pace.in_flight(4, NONE), 1);
        (0..2).for_each(|_| pace.showed(Showing::Prompt));
        assert_eq!(pace.in_flight(4, NONE), 3);
        (0..9).for_each(|_| pace.showed(Showing::Prompt));
        assert_eq!(pace.in_flight(4, NONE), 4);
        assert_eq!(pace.in_flight(4, Limits { max_in_flight: Some(2), ..NONE }), 2);
        pace.showed(Showing::Lagging);
        assert_eq!(pace.in_flight(4, NONE), 1);
        assert!(!pace.is_prompt());
    }

    #[test]
    fn the_rate_doubles_after_a_breaker_has_closed() {
        let mut pace = Pace::default();
        let closed = Duration::from_secs(100);
        pace.breaker_closed(closed);
        let starts = starts(&mut pace, NONE, closed, 4);
        let within = |from: u64, to: u64| {
            let range = closed + Duration::from_millis(from)..closed + Duration::from_millis(to);
            starts.iter().filter(|start| range.contains(*start)).count()
        };
        let (first, second, third) = (within(0, 500), within(500, 1000), within(1000, 1500));
        assert!((40..60).contains(&first), "{first}");
        assert!(second > first * 18 / 10 && second < first * 22 / 10, "{first} {second}");
        assert!(third > second * 18 / 10 && third < second * 22 / 10, "{second} {third}");
    }

    #[test]
    fn the_ramp_ends() {
        let mut pace = Pace::default();
        pace.breaker_closed(Duration::ZERO);
        let later = Duration::from_secs(10);
        assert_eq!(pace.may_start(later, NONE), later);
        pace.started(later, NONE);
        assert_eq!(pace.closed_at, None);
    }

    proptest! {
        #[test]
        fn no_second_has_more_starts_than_its_limit_and_what_may_be_caught_up(rate in 1u32..500, offset in 0u64..1_000_000) {
            let from = Duration::from_micros(offset);
            let starts = starts(&mut Pace::default(), limited(rate), from, 4);
            // A start at either end of the second, and 20 ms to catch up.
            let most = rate + 2 + rate / 50;
            for start in &starts {
                let window = *start..*start + Duration::from_secs(1);
                let count = starts.iter().filter(|other| window.contains(*other)).count();
                prop_assert!(count <= usize::try_from(most).expect("a number"), "{count}");
            }
            prop_assert!(starts.len() + 1 >= usize::try_from(rate * 4).expect("a number"), "{}", starts.len());
        }
    }
}
