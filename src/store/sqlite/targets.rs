//! Where hooks' requests go, as a transaction sees it.

use std::sync::Arc;

use rusqlite::OptionalExtension;

use super::{Session, rows};
use crate::domain::hook::Order;
use crate::domain::id::HookId;
use crate::domain::signature::Scheme;
use crate::domain::url::HookUrl;
use crate::store::targets::{OpenSecrets, Target};
use crate::store::{Result, StoreError};

const TARGET: &str = "
    SELECT url, insecure_ssl, signatures, max_in_flight, rate_limit, ordering, paused_at
    FROM hooks
    WHERE id = ?1 AND removed_at IS NULL";

impl Session {
    /// The hook's target as this transaction sees it; `None` if it was removed.
    pub(super) fn target(&mut self, id: HookId) -> Result<Option<Arc<Target>>> {
        if let Some(staged) = self.batch.targets.get(&id) {
            return Ok(staged.clone());
        }
        // What could not be opened before may open now: the key may be back.
        if let Some(target) = self.targets.get(id).filter(|target| target.secrets.is_ok()) {
            return Ok(Some(target));
        }
        let target = self.load_target(id)?.map(Arc::new);
        // Unchanged in this transaction, so true whether it commits or not.
        self.targets.set(id, target.clone());
        Ok(target)
    }

    /// The hook's target as it is in this transaction, for when it commits.
    pub(super) fn stage_anew(&mut self, id: HookId) -> Result<()> {
        let target = self.load_target(id)?.map(Arc::new);
        self.batch.targets.insert(id, target);
        Ok(())
    }

    fn load_target(&self, id: HookId) -> Result<Option<Target>> {
        let breaker = self.load_breaker(id)?;
        let in_line = self.is_lined(id)?;
        let target = |row: &rusqlite::Row<'_>| {
            let order = rows::order(row)?;
            let target = Target {
                url: HookUrl::trusted(row.get("url")?),
                secrets: Ok(Arc::default()),
                insecure_ssl: row.get("insecure_ssl")?,
                limits: rows::limits(row)?,
                order,
                lined: in_line || order != Order::None,
                paused: row.get::<_, Option<i64>>("paused_at")?.is_some(),
                breaker,
            };
            Ok((target, rows::signatures(row)?))
        };
        let found = self.sql(TARGET)?.query_row([id.0], target).optional()?;
        let loaded = found.map(|(target, schemes)| Ok(Target { secrets: self.opened(id, &schemes)?, ..target }));
        loaded.transpose()
    }

    /// What does not open is one hook's trouble: all others get their deliveries.
    fn opened(&self, id: HookId, schemes: &[Scheme]) -> Result<std::result::Result<Arc<OpenSecrets>, String>> {
        match self.secrets_of(id).and_then(|secrets| Ok((secrets, self.ca_certificate(id)?))) {
            Ok((secrets, ca)) => Ok(Ok(Arc::new(OpenSecrets::new(secrets, schemes, ca)))),
            Err(StoreError::Unusable(why)) => {
                tracing::error!(hook = id.0, why, "a hook's secrets cannot be opened: it gets nothing until they can");
                Ok(Err(why))
            }
            Err(error) => Err(error),
        }
    }
}
