//! Who fires which trigger: how often, and with what they prove who they are.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::HeaderMap;
use moka::sync::Cache;
use zeroize::Zeroizing;

use crate::domain::id::TriggerId;
use crate::domain::time::Timestamp;
use crate::domain::trigger::Trigger;
use crate::domain::trigger::proof::{Authenticator, NotProven, TriggerSecret};

/// Triggers that are kept in mind; the ones that are fired least are forgotten first.
const MOST: u64 = 10_000;

/// So much may come at once, after a rest.
const BURST: Duration = Duration::from_secs(1);

/// What is known of whoever fires triggers.
pub struct Callers {
    known: Cache<TriggerId, Arc<Caller>>,
    /// Requests a second, where a trigger does not say itself.
    rate: u32,
}

/// What is known of whoever fires one trigger.
pub(super) struct Caller {
    revision: i64,
    authenticator: Option<Authenticator>,
    /// When the next request would come if all kept to the rate.
    next: Arc<Mutex<Duration>>,
}

impl Callers {
    /// So many requests a second may fire one trigger, where it does not say itself.
    #[must_use]
    pub fn new(rate: u32) -> Self {
        Self { known: Cache::new(MOST), rate }
    }

    pub(super) fn rate_of(&self, trigger: &Trigger) -> u32 {
        trigger.settings.rate_limit().unwrap_or(self.rate)
    }

    /// Whoever fires this trigger, which has this secret.
    pub(super) fn of(&self, trigger: &Trigger, secret: Option<Zeroizing<Vec<u8>>>) -> Arc<Caller> {
        let known = self.known.get(&trigger.id);
        if let Some(known) = known.as_ref().filter(|known| known.revision == trigger.revision) {
            return known.clone();
        }
        let secret = secret.map(|secret| TriggerSecret::trusted(String::from_utf8_lossy(&secret).into_owned()));
        let proof = trigger.settings.proof().cloned();
        let authenticator = secret.map(|secret| Authenticator::new(proof, secret, &trigger.uuid));
        // The pace goes on, whatever else was changed.
        let next = known.map_or_else(Arc::default, |known| known.next.clone());
        let caller = Arc::new(Caller { revision: trigger.revision, authenticator, next });
        self.known.insert(trigger.id, caller.clone());
        caller
    }
}

impl Caller {
    /// Takes note of a request; if it comes too soon, after how many seconds it may come.
    pub(super) fn pace(&self, now: Duration, rate: u32) -> Result<(), u64> {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let interval = BURST / rate.max(1);
        let begins = (*next).max(now);
        // Whole, as a rate of one a second has it.
        let ahead = (begins + interval).saturating_sub(now + BURST.max(interval));
        if !ahead.is_zero() {
            return Err(ahead.as_secs() + 1);
        }
        *next = begins + interval;
        Ok(())
    }

    pub(super) fn has_secret(&self) -> bool {
        self.authenticator.is_some()
    }

    /// Checks a request; answers what its signature says that it is called.
    pub(super) fn verify<'a>(
        &self,
        headers: &'a HeaderMap,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Option<&'a str>, NotProven> {
        let Some(authenticator) = &self.authenticator else { return Ok(None) };
        authenticator.verify(headers, body, now).map(|proven| proven.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_of_requests_may_come_at_once_and_then_one_after_the_other() {
        let caller = Caller { revision: 1, authenticator: None, next: Arc::default() };
        let now = Duration::from_secs(100);

        for _ in 0..5 {
            assert_eq!(caller.pace(now, 5), Ok(()));
        }
        assert_eq!(caller.pace(now, 5), Err(1));
        assert_eq!(caller.pace(now + Duration::from_millis(200), 5), Ok(()));
        assert_eq!(caller.pace(now + Duration::from_millis(200), 5), Err(1));
        for _ in 0..5 {
            assert_eq!(caller.pace(now + Duration::from_secs(9), 5), Ok(()));
        }
    }
}
