//! Slows down whoever tries tokens.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::domain::address::client_of;

/// So many wrong tokens from one address are answered at once: a script that was not
/// told of a new token.
const FREE: u32 = 5;

/// Beyond them, the answers come so far apart.
const APART: Duration = Duration::from_secs(1);

/// No answer waits longer than this.
const LONGEST: Duration = Duration::from_secs(10);

/// Addresses that are kept in mind; the ones that may try again at once are forgotten first.
const MOST: usize = 10_000;

/// What a wrong token costs.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Slowed {
    /// The answer comes after this.
    By(Duration),
    /// There have been so many that this one is not answered; after this, one would be.
    TooMuch(Duration),
}

/// When each address has paid for the wrong tokens that came from it.
#[derive(Default)]
pub(super) struct WrongTokens(Mutex<HashMap<IpAddr, Duration>>);

impl WrongTokens {
    /// After what time another wrong token of this address would be answered, if it
    /// would not be now. Nothing is noted.
    pub(super) fn refused(&self, peer: IpAddr, now: Duration) -> Option<Duration> {
        let paid = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let until = *paid.get(&client_of(peer))?;
        until.checked_sub(now + APART * (FREE - 1) + LONGEST).filter(|wait| *wait > Duration::ZERO)
    }

    /// Takes note of a wrong token, `now` being the time since some beginning.
    pub(super) fn note(&self, peer: IpAddr, now: Duration) -> Slowed {
        let mut paid = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if paid.len() >= MOST {
            paid.retain(|_, until| *until > now);
        }
        if paid.len() >= MOST {
            // Somebody comes from everywhere: nobody is answered at once.
            return Slowed::TooMuch(APART);
        }
        let until = paid.entry(client_of(peer)).or_insert(now);
        let begins = (*until).max(now);
        let wait = (begins + APART).saturating_sub(now + APART * FREE);
        if wait > LONGEST {
            return Slowed::TooMuch(wait.saturating_sub(LONGEST));
        }
        *until = begins + APART;
        Slowed::By(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_few_wrong_tokens_cost_nothing_and_more_come_ever_later() {
        let wrong = WrongTokens::default();
        let peer = "192.0.2.1".parse().unwrap();
        assert_eq!(wrong.refused(peer, SECOND), None);
        for _ in 0..5 {
            assert_eq!(wrong.note(peer, SECOND), Slowed::By(Duration::ZERO));
        }
        for wait in 1..=10 {
            assert_eq!(wrong.note(peer, SECOND), Slowed::By(SECOND * wait));
        }
        assert_eq!(wrong.refused(peer, SECOND), Some(SECOND));
        assert_eq!(wrong.note(peer, SECOND), Slowed::TooMuch(SECOND));
        assert_eq!(wrong.refused(peer, SECOND * 2), None);
        assert_eq!(wrong.note(peer, SECOND * 2), Slowed::By(SECOND * 10));
        assert_eq!(wrong.note(peer, SECOND * 60), Slowed::By(Duration::ZERO));
    }

    #[test]
    fn others_are_not_slowed_down_but_for_neighbours_of_ipv6() {
        let wrong = WrongTokens::default();
        let note = |peer: &str| wrong.note(peer.parse().unwrap(), SECOND);
        for host in 0..5 {
            note(&format!("2001:db8::{host}"));
        }
        assert_eq!(note("2001:db8::ffff"), Slowed::By(SECOND));
        assert_eq!(note("2001:db8:0:1::1"), Slowed::By(Duration::ZERO));
        assert_eq!(note("192.0.2.1"), Slowed::By(Duration::ZERO));
    }
}
