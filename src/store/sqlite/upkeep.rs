//! What keeps the store in shape.

use std::time::Duration;

use super::Session;
use crate::domain::time::Timestamp;
use crate::store::{Place, Result, Upkeep};

/// A step: few enough to hold up nobody.
const FORGET_KEYS: &str = "
    DELETE FROM idempotency_keys
    WHERE (owner, type, key) IN
        (SELECT owner, type, key FROM idempotency_keys WHERE created_at < ?1 ORDER BY created_at LIMIT ?2)";

impl Upkeep for Session {
    fn forget_keys(&mut self, before: Timestamp, limit: usize) -> Result<usize> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let forgotten = self.sql(FORGET_KEYS)?.execute([before.millis(), limit])?;
        self.batch.rows += forgotten;
        Ok(forgotten)
    }

    fn touch(&mut self) -> Result<()> {
        self.sql("UPDATE counter SET seq = seq WHERE id = 1")?.execute([])?;
        Ok(())
    }

    fn lengthen_leases(&mut self, up_to: Timestamp, by: Duration) -> Result<usize> {
        self.later_leases(up_to, by)
    }

    fn make_due_earlier(&mut self, place: Place, by: Duration, limit: usize) -> Result<Option<Place>> {
        self.earlier_step(place, by, limit)
    }
}
