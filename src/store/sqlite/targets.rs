//! Where hooks' requests go, as a transaction sees it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::OptionalExtension;

use super::{Session, rows};
use crate::domain::hook::Order;
use crate::domain::id::HookId;
use crate::domain::signature::Scheme;
use crate::domain::url::HookUrl;
use crate::store::targets::{OpenSecrets, Target};
use crate::store::{Result, StoreError};

/// How long after they did not open a hook's secrets are tried again: the key may be
/// back.
const TRY_AGAIN: Duration = Duration::from_mins(1);

const TARGET: &str = "
    SELECT url, webhook_type, webhook_keys, insecure_ssl, signatures, max_in_flight, rate_limit, ordering, paused_at
    FROM hooks
    WHERE id = ?1 AND removed_at IS NULL";

impl Session {
    /// The hook's target as this transaction sees it; `None` if it was removed.
    pub(super) fn target(&mut self, id: HookId) -> Result<Option<Arc<Target>>> {
        if let Some(staged) = self.batch.targets.get(&id) {
            return Ok(staged.clone());
        }
        if let Some(target) = self.targets.get(id).filter(|target| target.secrets.is_ok() || self.is_sealed(id)) {
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

    fn load_target(&mut self, id: HookId) -> Result<Option<Target>> {
        let breaker = self.load_breaker(id)?;
        let in_line = self.is_lined(id)?;
        let target = |row: &rusqlite::Row<'_>| {
            let order = rows::order(row)?;
            let target = Target {
                url: HookUrl::trusted(row.get("url")?),
                secrets: Ok(Arc::default()),
                webhook: rows::webhook(row)?,
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
        let Some((target, schemes)) = found else {
            self.unopened.remove(&id);
            return Ok(None);
        };
        Ok(Some(Target { secrets: self.opened(id, &schemes)?, ..target }))
    }

    /// What does not open is one hook's trouble: all others get their deliveries.
    fn opened(&mut self, id: HookId, schemes: &[Scheme]) -> Result<std::result::Result<Arc<OpenSecrets>, String>> {
        match self.secrets_of(id).and_then(|secrets| Ok((secrets, self.ca_certificate(id)?))) {
            Ok((secrets, ca)) => {
                self.unopened.remove(&id);
                Ok(Ok(Arc::new(OpenSecrets::new(secrets, schemes, ca))))
            }
            Err(StoreError::Unusable(why)) => {
                if !self.is_sealed(id) {
                    tracing::error!(
                        hook = id.0,
                        why,
                        "a hook's secrets cannot be opened: it gets nothing until they can"
                    );
                    self.unopened.insert(id, (Instant::now(), self.vault.current()));
                }
                Ok(Err(why))
            }
            Err(error) => Err(error),
        }
    }

    /// Whether the hook's secrets did not open when that was last tried, a moment ago
    /// and with the same key: each try reads the key file, and is logged.
    fn is_sealed(&self, id: HookId) -> bool {
        let tried = self.unopened.get(&id);
        tried.is_some_and(|(at, key)| at.elapsed() < TRY_AGAIN && *key == self.vault.current())
    }
}
