//! `Prefer: wait`: how long a server may let an answer wait (RFC 7240, 4.3).

use std::time::Duration;

/// The longest that a server waits.
pub const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// A wait from the command line.
///
/// # Errors
/// Where it is none, or longer than a server waits, in words.
pub fn wait(text: &str) -> Result<Duration, String> {
    at_most(text, LONGEST_WAIT)
}

/// A duration from the command line that has a limit.
///
/// # Errors
/// Where it is none, or above the limit, in words.
pub fn at_most(text: &str, limit: Duration) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if duration > limit {
        return Err(format!("at most {} is possible", humantime::format_duration(limit)));
    }
    Ok(duration)
}

/// The header's value: it knows whole seconds only, and half a second waits one.
#[must_use]
pub fn preference(wait: Duration) -> String {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    format!("wait={seconds}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_rounded_up_to_whole_seconds() {
        assert_eq!(preference(Duration::from_millis(500)), "wait=1");
        assert_eq!(preference(Duration::from_secs(10)), "wait=10");
        assert!(wait("61s").is_err());
        assert_eq!(wait("1m"), Ok(LONGEST_WAIT));
    }
}
