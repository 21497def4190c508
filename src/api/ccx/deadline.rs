//! How long a caller over gRPC waits: `grpc-timeout`.

use std::time::Duration;

use http::HeaderMap;
use tokio::time::Instant;

use crate::api::asking::{MAX_TIMEOUT, TIMEOUT};
use crate::domain::Invalid;

/// What is left for our answer's way back: a twentieth of the whole, but no more than this.
const MOST_MARGIN: Duration = Duration::from_millis(100);

/// Until when an answer is of use.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline {
    began: Instant,
    /// As the caller has it; none where it waits for as long as it takes.
    whole: Option<Duration>,
}

impl Deadline {
    /// That of a call that begins now.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, Invalid> {
        let malformed = || {
            let message =
                "is no time as gRPC writes it: give up to eight digits and one of H, M, S, m, u, n, such as 5S";
            Invalid::new("grpc-timeout", message)
        };
        let mut values = headers.get_all("grpc-timeout").iter();
        let read = |value: &http::HeaderValue| value.to_str().ok().and_then(parse).ok_or_else(malformed);
        let whole = values.next().map(read).transpose()?;
        if values.next().is_some() {
            return Err(malformed());
        }
        Ok(Self { began: Instant::now(), whole })
    }

    /// How long the answer may take so that it comes in time; none if it cannot.
    pub(super) fn left(&self) -> Option<Duration> {
        let Some(whole) = self.whole else { return Some(TIMEOUT) };
        let margin = (whole / 20).min(MOST_MARGIN);
        let left = whole.checked_sub(margin + self.began.elapsed())?;
        (left > Duration::ZERO).then_some(left.min(MAX_TIMEOUT))
    }
}

/// A time as gRPC writes it.
fn parse(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if !(1..=8).contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_hours(number)),
        "M" => Some(Duration::from_mins(number)),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(timeouts: &[&str]) -> Result<Option<Duration>, Invalid> {
        let mut headers = HeaderMap::new();
        for timeout in timeouts {
            headers.append("grpc-timeout", timeout.parse().expect("a header"));
        }
        let deadline = Deadline::of(&headers)?;
        Ok(Deadline { began: deadline.began + MAX_TIMEOUT, ..deadline }.left())
    }

    #[test]
    fn a_time_is_a_number_and_a_unit() {
        let seconds = |text: &str| parse(text).map(|time| time.as_secs_f64());
        assert_eq!(seconds("2H"), Some(7200.0));
        assert_eq!(seconds("3M"), Some(180.0));
        assert_eq!(seconds("99999999S"), Some(99_999_999.0));
        assert_eq!(seconds("1500m"), Some(1.5));
        assert_eq!(seconds("25u"), Some(0.000_025));
        assert_eq!(seconds("0n"), Some(0.0));
        for wrong in ["", "S", "5", "5s", "-5S", "+5S", "5.5S", "123456789S", " 5S", "5 S", "5µ", "H5"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn there_is_a_little_less_time_than_the_caller_has() {
        assert_eq!(left(&[]), Ok(Some(Duration::from_secs(10))));
        assert_eq!(left(&["1S"]), Ok(Some(Duration::from_millis(950))));
        assert_eq!(left(&["10S"]), Ok(Some(Duration::from_millis(9900))));
        assert_eq!(left(&["30S"]), Ok(Some(Duration::from_millis(29_900))));
        assert_eq!(left(&["99999999H"]), Ok(Some(Duration::from_mins(1))));
        assert_eq!(left(&["0S"]), Ok(None));
        assert!(left(&["soon"]).is_err() && left(&["1S", "1S"]).is_err());
    }

    #[test]
    fn what_has_passed_is_gone() {
        let began = Instant::now().checked_sub(Duration::from_secs(2)).expect("a machine that is up");
        let after = |whole| Deadline { began, whole: Some(Duration::from_secs(whole)) }.left();
        assert_eq!(after(2), None);
        assert!(after(4).is_some_and(|left| left > Duration::ZERO && left <= Duration::from_millis(1900)));
    }
}
