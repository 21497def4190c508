//! Says in time that a hook's certificate ends: its deliveries would fail.

use std::time::Duration;

use crate::clock::Clock;
use crate::domain::time::Timestamp;
use crate::store::Result;
use crate::store::db::Db;

/// How often it is said, by the clock that nobody can set.
const EVERY: Duration = Duration::from_hours(24);

/// So long before its end a certificate is spoken of in the log.
const NOTICE: Duration = Duration::from_hours(14 * 24);

/// Looks at the start and once a day.
#[derive(Default)]
pub(super) struct Expiry {
    /// When it looked last, by the clock that nobody can set.
    last: Option<Duration>,
}

impl Expiry {
    /// Looks, if it is time to.
    pub(super) async fn look(&mut self, db: &Db, clock: &dyn Clock) -> Result<()> {
        let (elapsed, now) = (clock.elapsed(), clock.now());
        if self.last.is_some_and(|last| elapsed < last + EVERY) {
            return Ok(());
        }
        let by = now.plus(NOTICE);
        for (hook, certificates) in db.read(move |archive| archive.certificates_ending(by)).await? {
            for (field, about) in certificates.iter().filter(|(_, about)| about.not_after <= by) {
                warn(hook.0, field.as_str(), about.not_after, now);
            }
        }
        self.last = Some(elapsed);
        Ok(())
    }
}

fn warn(hook: i64, certificate: &str, until: Timestamp, now: Timestamp) {
    let not_after = until.rfc3339();
    if until < now {
        tracing::warn!(hook, certificate, not_after, "a hook's certificate has expired: give it a new one");
    } else {
        tracing::warn!(hook, certificate, not_after, "a hook's certificate expires soon: give it a new one");
    }
}
