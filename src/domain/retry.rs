//! When to try again.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::time::Timestamp;

/// The longest that a receiver's `Retry-After` is heeded.
const MAX_RETRY_AFTER: Duration = Duration::from_hours(24);

/// How far a wait may differ from the schedule, so that many deliveries that
/// failed together do not come back together.
const JITTER: f64 = 0.1;

/// The most waits that a schedule may have.
const MAX_WAITS: usize = 100;

/// The waits between attempts; one more attempt than there are waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetrySchedule(Vec<Duration>);

/// A text that is not a retry schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{part}` is not a wait: give up to 100 durations such as 5s,5m,2h")]
pub struct NotASchedule {
    part: String,
}

impl RetrySchedule {
    /// The wait after attempt number `attempt` (from 1), scattered by `dice`
    /// (0 up to 1); `None` when the schedule is used up.
    #[must_use]
    pub fn wait_after(&self, attempt: u32, dice: f64) -> Option<Duration> {
        let index = usize::try_from(attempt).ok()?.checked_sub(1)?;
        self.0.get(index).map(|wait| scattered(*wait, dice))
    }

    /// The same, but the last wait goes on for ever.
    #[must_use]
    pub fn wait_or_last(&self, attempt: u32, dice: f64) -> Duration {
        let last = || self.0.last().map_or(Duration::ZERO, |wait| scattered(*wait, dice));
        self.wait_after(attempt, dice).unwrap_or_else(last)
    }
}

fn scattered(wait: Duration, dice: f64) -> Duration {
    wait.mul_f64(1.0 - JITTER + 2.0 * JITTER * dice.clamp(0.0, 1.0))
}

impl Default for RetrySchedule {
    fn default() -> Self {
        let minutes = [5, 30, 120, 300, 600, 840, 1200, 1440];
        let later = minutes.map(|m| Duration::from_secs(m * 60));
        Self([Duration::from_secs(5)].into_iter().chain(later).collect())
    }
}

impl FromStr for RetrySchedule {
    type Err = NotASchedule;

    fn from_str(text: &str) -> Result<Self, NotASchedule> {
        let year = Duration::from_hours(366 * 24);
        let wait = |part: &str| match humantime::parse_duration(part.trim()) {
            Ok(wait) if wait <= year => Ok(wait),
            _ => Err(NotASchedule { part: part.to_owned() }),
        };
        let waits: Vec<_> = text.split(',').map(wait).collect::<Result<_, _>>()?;
        if waits.len() > MAX_WAITS {
            return Err(NotASchedule { part: text.to_owned() });
        }
        Ok(Self(waits))
    }
}

impl fmt::Display for RetrySchedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waits: Vec<_> = self.0.iter().map(|&wait| spelled(wait)).collect();
        f.write_str(&waits.join(","))
    }
}

/// `1day 2h` as `1day2h`, so that a schedule can be read back.
fn spelled(wait: Duration) -> String {
    humantime::format_duration(wait).to_string().replace(' ', "")
}

/// Reads a `Retry-After` header: seconds or an HTTP date (RFC 9110, 10.2.3), as
/// a wait from `now` of at most a day; `None` where it is neither.
#[must_use]
pub fn retry_after(header: &str, now: Timestamp) -> Option<Duration> {
    let header = header.trim();
    let wait = if header.bytes().all(|b| b.is_ascii_digit()) && !header.is_empty() {
        // More digits than a u64 holds is a very long wait, too.
        Duration::from_secs(header.parse().unwrap_or(u64::MAX))
    } else {
        let date = httpdate::parse_http_date(header).ok()?;
        let millis = date.duration_since(std::time::UNIX_EPOCH).ok()?.as_millis();
        Timestamp::from_millis(i64::try_from(millis).ok()?).since(now)
    };
    Some(wait.min(MAX_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp::MAX;

    #[test]
    fn a_schedule_reads_as_it_was_written() {
        let text = "5s,5m,30m,2h,5h,10h,14h,20h,1day";
        assert_eq!(text.parse::<RetrySchedule>().unwrap(), RetrySchedule::default());
        assert_eq!(RetrySchedule::default().to_string(), text);
        assert!("5s,,5m".parse::<RetrySchedule>().is_err());
        assert!("5 parsecs".parse::<RetrySchedule>().is_err());
        assert!("9999years".parse::<RetrySchedule>().is_err());
    }

    #[test]
    fn a_schedule_ends() {
        let schedule: RetrySchedule = "1s,2s".parse().unwrap();
        assert_eq!(schedule.wait_after(2, 0.5), Some(Duration::from_secs(2)));
        assert_eq!(schedule.wait_after(3, 0.5), None);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_and_at_most_a_day() {
        assert_eq!(retry_after("30", NOW), Some(Duration::from_secs(30)));
        assert_eq!(retry_after("99999999999999999999999", NOW), Some(MAX_RETRY_AFTER));
        let now = Timestamp::from_millis(784_111_777_000);
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:50:07 GMT", now), Some(Duration::from_secs(30)));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:07 GMT", now), Some(Duration::ZERO));
        for nonsense in ["", "-5", "soon", "1.5"] {
            assert_eq!(retry_after(nonsense, now), None, "{nonsense}");
        }
    }

    proptest! {
        #[test]
        fn jitter_stays_within_a_tenth_of_the_schedule(dice in 0.0..1.0f64, attempt in 1u32..10) {
            let exact = RetrySchedule::default().wait_after(attempt, 0.5).unwrap();
            let wait = RetrySchedule::default().wait_after(attempt, dice).unwrap();
            prop_assert!(wait >= exact.mul_f64(0.899) && wait <= exact.mul_f64(1.101));
        }

        #[test]
        fn any_retry_after_is_at_most_a_day(header in ".*") {
            prop_assert!(retry_after(&header, NOW).is_none_or(|wait| wait <= MAX_RETRY_AFTER));
        }
    }
}
