//! Points in time, as the store keeps them and as the wire shows them.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Serialize, Serializer};

/// Milliseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The last instant that can be written down.
    pub const MAX: Self = Self(8_210_266_876_799_999);

    /// 1970-01-01.
    pub const EPOCH: Self = Self(0);

    /// From milliseconds since 1970, clamped to what a calendar can show.
    #[must_use]
    pub fn from_millis(millis: i64) -> Self {
        Self(millis.clamp(-Self::MAX.0, Self::MAX.0))
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970.
    #[must_use]
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// So much later; never past [`Timestamp::MAX`].
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self::from_millis(self.0.saturating_add(millis))
    }

    /// So much earlier.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self::from_millis(self.0.saturating_sub(millis))
    }

    /// How long from `earlier` until this; zero if it lies ahead.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Reads RFC 3339, such as `2026-11-21T02:05:23Z` or `2026-11-21T03:05:23.12+01:00`.
    #[must_use]
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let time = DateTime::parse_from_rfc3339(text.trim()).ok()?;
        Some(Self::from_millis(time.timestamp_millis()))
    }

    /// `2026-11-21T02:05:23.120Z`: RFC 3339, always three decimals.
    #[must_use]
    pub fn rfc3339(self) -> String {
        self.calendar().to_rfc3339_opts(SecondsFormat::Millis, true)
    }

    /// `2026-11-21`: the day in UTC.
    #[must_use]
    pub fn day(self) -> String {
        self.calendar().format("%Y-%m-%d").to_string()
    }

    /// `2026-11-21T02:05:23.12Z`: as Kudu writes it, with no trailing zeros.
    #[must_use]
    pub fn kudu(self) -> String {
        let text = self.calendar().format("%Y-%m-%dT%H:%M:%S%.3f").to_string();
        let text = text.trim_end_matches('0').trim_end_matches('.');
        format!("{text}Z")
    }

    fn calendar(self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.rfc3339())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kudus_times_have_no_trailing_zeros() {
        let at = |millis| Timestamp::from_millis(millis).kudu();
        assert_eq!(at(1_370_481_856_587), "2013-06-06T01:24:16.587Z");
        assert_eq!(at(1_370_481_856_500), "2013-06-06T01:24:16.5Z");
        assert_eq!(at(1_370_481_850_000), "2013-06-06T01:24:10Z");
    }

    #[test]
    fn a_time_is_read_as_it_was_written() {
        let time = Timestamp::from_millis(1_370_481_856_500);
        for text in [&time.rfc3339(), "2013-06-06T03:24:16.5+02:00", " 2013-06-06t01:24:16.5000009z "] {
            assert_eq!(Timestamp::parse_rfc3339(text), Some(time), "{text}");
        }
        for text in ["", "2013-06-06", "2013-06-06T01:24:16", "1370481856", "2h", "2013-06-06T01:24:16 02:00"] {
            assert_eq!(Timestamp::parse_rfc3339(text), None, "{text}");
        }
    }

    #[test]
    fn any_number_of_milliseconds_can_be_shown() {
        for millis in [i64::MIN, -1, 0, i64::MAX] {
            assert!(Timestamp::from_millis(millis).rfc3339().ends_with('Z'));
        }
        assert_eq!(Timestamp::MAX.plus(Duration::MAX), Timestamp::MAX);
    }
}
