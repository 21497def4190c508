//! Times on the command line: a point in time, or how long ago.

use std::str::FromStr;
use std::time::Duration;

use crate::clock::{Clock, SystemClock};
use crate::domain::time::Timestamp;

/// A time as a person gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// At this time.
    At(Timestamp),
    /// So long ago.
    Ago(Duration),
}

impl FromStr for When {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(time) = Timestamp::parse_rfc3339(text) {
            return Ok(Self::At(time));
        }
        let wanted = "want a time such as 2026-01-31T23:59:59Z, or how long ago, such as 2h or 3days";
        humantime::parse_duration(text.trim()).map(Self::Ago).map_err(|_| wanted.to_owned())
    }
}

impl When {
    /// The point in time.
    #[must_use]
    pub fn time(self) -> Timestamp {
        match self {
            Self::At(time) => time,
            Self::Ago(duration) => SystemClock::default().now().minus(duration),
        }
    }

    /// The time as the API takes it.
    #[must_use]
    pub fn rfc3339(self) -> String {
        self.time().rfc3339()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_point_or_how_long_ago() {
        assert_eq!("1970-01-01T00:00:01Z".parse(), Ok(When::At(Timestamp::from_millis(1000))));
        assert_eq!("90m".parse(), Ok(When::Ago(Duration::from_mins(90))));
        for text in ["", "2h ago", "-2h", "yesterday", "2026-01-31"] {
            assert!(text.parse::<When>().is_err(), "{text}");
        }
    }
}
