//! How long things are kept, and how much of them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::time::Timestamp;

/// The shortest age that may be set: below it, people would look in vain for what
/// has just happened.
const LEAST_AGE: Duration = Duration::from_mins(1);

/// How long things are kept, and how much of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// How long an event is kept of which nothing is owed any more, counted from its publishing.
    pub finished: Keep,
    /// How long a delivery may be owed.
    pub owed: Keep,
    /// How long the audit log is kept.
    pub audit: Keep,
    /// How many bytes finished events may make the database use; `None`: any number.
    pub bytes: Option<u64>,
}

/// Until what age something is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// It stays whatever its age.
    Forever,
    /// It goes when it is older than this.
    For(Duration),
}

/// A text that says no age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("give an age of at least 1m, such as 30d or 12h, or `forever`")]
pub struct NotAnAge;

impl Keep {
    /// What is older than this goes now; `None` if nothing does.
    #[must_use]
    pub fn before(self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Forever => None,
            Self::For(age) => Some(now.minus(age)),
        }
    }
}

/// Neither `0` nor `never` is read: either may mean that nothing is kept or that
/// nothing goes, and a mistake about that cannot be taken back.
impl FromStr for Keep {
    type Err = NotAnAge;

    fn from_str(text: &str) -> Result<Self, NotAnAge> {
        match text.trim() {
            "forever" => Ok(Self::Forever),
            age => match humantime::parse_duration(age) {
                Ok(age) if age >= LEAST_AGE => Ok(Self::For(age)),
                _ => Err(NotAnAge),
            },
        }
    }
}

impl fmt::Display for Keep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Forever => f.write_str("forever"),
            Self::For(age) => humantime::format_duration(*age).fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_read_as_it_is_shown() {
        for text in ["forever", "1m", "30days", "12h"] {
            let keep: Keep = text.parse().unwrap();
            assert_eq!(keep.to_string(), text);
        }
    }

    #[test]
    fn what_may_mean_two_things_is_refused() {
        for text in ["0", "0s", "never", "none", "", "59s", "-1d", "soon"] {
            assert_eq!(text.parse::<Keep>(), Err(NotAnAge), "{text}");
        }
    }

    #[test]
    fn what_is_kept_forever_is_never_too_old() {
        let now = Timestamp::from_millis(100_000);
        assert_eq!(Keep::Forever.before(now), None);
        assert_eq!(Keep::For(Duration::from_mins(1)).before(now), Some(Timestamp::from_millis(40_000)));
    }
}
