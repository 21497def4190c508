//! What a run of failures means for a hook: single probes, and in the end a pause.

use std::time::Duration;

use super::retry::RetrySchedule;
use super::time::Timestamp;

/// When a breaker opens, how it probes, and when it gives up hope.
#[derive(Debug, Clone)]
pub struct BreakerRules {
    /// So many failures in a row make a hook failing.
    pub failures: u32,
    /// A hook that has done nothing but fail for so long is paused.
    pub pause_after: Duration,
    /// The waits between probes; the last one goes on.
    pub probes: RetrySchedule,
}

impl Default for BreakerRules {
    fn default() -> Self {
        Self { failures: 5, pause_after: Duration::from_hours(5 * 24), probes: RetrySchedule::default() }
    }
}

/// The longest wait between two probes: a receiver that is back is noticed within it.
const MAX_PROBE_WAIT: Duration = Duration::from_hours(1);

impl BreakerRules {
    fn wait(&self, probes: u32, dice: f64) -> Duration {
        self.probes.wait_or_last(probes + 1, dice).min(MAX_PROBE_WAIT)
    }
}

/// How the latest attempts at a hook went.
///
/// ```text
///   closed ──(so many failures in a row)──→ failing ──(days of them)──→ the hook is paused
///     ↑                                       │
///     └────────────── one success ────────────┘
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Breaker {
    /// Failures since the last success.
    pub failures: u32,
    /// When the first of them was.
    pub since: Option<Timestamp>,
    /// Probes among them.
    pub probes: u32,
    /// The hook is failing, and no attempt is made before this.
    pub probe_at: Option<Timestamp>,
}

impl Breaker {
    /// Whether only single probes are made.
    #[must_use]
    pub fn is_failing(&self) -> bool {
        self.probe_at.is_some()
    }

    /// The breaker after one more failure. `asked` is the receiver's `Retry-After`;
    /// `dice`, from 0 up to 1, scatters the probes.
    ///
    /// What was no probe says nothing new about a failing hook: it was under way
    /// when the breaker opened, or a person tried something out.
    #[must_use]
    pub fn after_failure(self, now: Timestamp, probe: bool, asked: Duration, rules: &BreakerRules, dice: f64) -> Self {
        let failures = self.failures.saturating_add(1);
        let since = self.since.or(Some(now));
        let probe_after = |probes| Some(now.plus(rules.wait(probes, dice).max(asked)));
        match self.probe_at {
            None if failures < rules.failures => Self { failures, since, ..self },
            None => Self { failures, since, probes: 0, probe_at: probe_after(0) },
            Some(probe_at) if !probe || now < probe_at => Self { failures, since, ..self },
            Some(_) => {
                let probes = self.probes.saturating_add(1);
                Self { failures, since, probes, probe_at: probe_after(probes) }
            }
        }
    }

    /// Whether it has failed for so long that a person has to look.
    #[must_use]
    pub fn is_hopeless(&self, now: Timestamp, rules: &BreakerRules) -> bool {
        self.probes > 0 && self.since.is_some_and(|since| now.since(since) >= rules.pause_after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const START: Timestamp = Timestamp::EPOCH;

    fn rules() -> BreakerRules {
        BreakerRules {
            failures: 3,
            pause_after: Duration::from_mins(10),
            probes: "10s,60s,2h".parse().expect("a schedule"),
        }
    }

    fn at(seconds: u64) -> Timestamp {
        START.plus(Duration::from_secs(seconds))
    }

    fn failed(breaker: Breaker, seconds: u64) -> Breaker {
        breaker.after_failure(at(seconds), true, Duration::ZERO, &rules(), 0.5)
    }

    #[test]
    fn it_opens_after_so_many_failures_and_probes_at_its_own_pace() {
        let mut breaker = failed(failed(Breaker::default(), 1), 2);
        assert!(!breaker.is_failing());
        breaker = failed(breaker, 3);
        assert_eq!(breaker.probe_at, Some(at(13)));
        breaker = breaker.after_failure(at(14), false, Duration::ZERO, &rules(), 0.5);
        assert_eq!(breaker.probe_at, Some(at(13)), "an attempt that was under way says nothing new");
        breaker = failed(breaker, 13);
        assert_eq!(breaker.probe_at, Some(at(73)));
        breaker = failed(breaker, 73);
        assert_eq!(breaker.probe_at, Some(at(73 + 3600)), "an hour at most");
        assert_eq!(failed(breaker, 4000).probe_at, Some(at(4000 + 3600)), "the last wait goes on");
        assert_eq!((breaker.failures, breaker.since), (6, Some(at(1))));
    }

    #[test]
    fn a_probe_comes_no_earlier_than_the_receiver_asked() {
        let asked = Duration::from_hours(2);
        let breaker = failed(failed(Breaker::default(), 1), 2).after_failure(at(3), false, asked, &rules(), 0.5);
        assert_eq!(breaker.probe_at, Some(at(7203)));
    }

    #[test]
    fn it_is_hopeless_after_nothing_but_failures_for_long() {
        let open = failed(failed(failed(Breaker::default(), 1), 2), 3);
        assert!(!open.is_hopeless(at(601), &rules()), "it was not probed yet");
        let probed = failed(open, 13);
        assert!(!probed.is_hopeless(at(600), &rules()));
        assert!(probed.is_hopeless(at(601), &rules()));
    }

    proptest! {
        #[test]
        fn a_failing_hook_always_has_a_next_probe_within_an_hour_and_some(steps in prop::collection::vec(0u64..4000, 1..40), dice in 0.0..1.0f64) {
            let (mut now, mut breaker) = (0, Breaker::default());
            for step in steps {
                now += step;
                breaker = breaker.after_failure(at(now), true, Duration::ZERO, &rules(), dice);
                if let Some(probe_at) = breaker.probe_at {
                    prop_assert!(probe_at > START && probe_at.since(at(now)) <= MAX_PROBE_WAIT);
                }
            }
        }
    }
}
