//! Hooks, by writing.

use std::sync::Arc;

use rusqlite::{OptionalExtension, params};

use super::Session;
use super::rows;
use super::secrets::signing_key;
use crate::domain::Invalid;
use crate::domain::filter::Filter;
use crate::domain::gate::{Gating, OnSilence};
use crate::domain::headers::CustomHeaders;
use crate::domain::hook::{Dialect, Hook, HookPatch, NewHook, PausedBy};
use crate::domain::id::HookId;
use crate::domain::secrets::HookSecrets;
use crate::domain::time::Timestamp;
use crate::domain::webhook::{Keys, Webhook};
use crate::store::targets::Target;
use crate::store::{Added, Cancelled, Changed, Hooks, Result, StoreError};

const ADD: &str = "
    INSERT INTO hooks (owner, dialect, url, url_key, filter, insecure_ssl, description,
                       max_in_flight, rate_limit, ordering, signatures, header_names, created_at, updated_at,
                       webhook_type, webhook_keys, former_applications, gate, on_silence)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?13, ?14, ?15, ?16, ?17, ?18)
    RETURNING id";

/// The one hook that Kudu's rule leaves for this URL. Asked first: an insert that
/// fails would use up an id.
const BY_URL: &str = "
    SELECT id FROM hooks
    WHERE owner = ?1 AND url_key = ?2 AND dialect = 'kudu' AND removed_at IS NULL";

pub(super) const BY_ID: &str = "SELECT * FROM living_hooks WHERE id = ?1";

/// Unchanged where another hook has the URL already.
const CHANGE: &str = "
    UPDATE OR IGNORE hooks
    SET url = ?2, url_key = ?3, filter = ?4, insecure_ssl = ?5, description = ?6,
        max_in_flight = ?7, rate_limit = ?8, ordering = ?9, signatures = ?10, header_names = ?11,
        updated_at = ?12, former_applications = ?13, webhook_keys = ?14, gate = ?15, on_silence = ?16
    WHERE id = ?1 AND removed_at IS NULL";

const REMOVE: &str = "
    UPDATE hooks SET removed_at = ?2
    WHERE id = ?1 AND removed_at IS NULL AND dialect = coalesce(?3, dialect)";

const ADD_FILTER: &str =
    "INSERT INTO hook_filters (event, application, hook_id, apart, asked) VALUES (?1, ?2, ?3, ?4, ?5)";

const REMOVE_FILTER: &str = "DELETE FROM hook_filters WHERE event = ?1 AND application = ?2 AND hook_id = ?3";

impl Hooks for Session {
    fn hook(&mut self, id: HookId) -> Result<Option<Hook>> {
        self.hook_by_id(id)
    }

    fn add(&mut self, now: Timestamp, new: &NewHook) -> Result<Added> {
        if new.dialect == Dialect::Kudu
            && let Some(existing) = self.by_url(new)?
        {
            let same = existing.filter.same_as(&new.filter);
            return Ok(if same { Added::Existing(existing) } else { Added::Conflict(existing) });
        }
        let headers = new.headers.instead_of(&CustomHeaders::default()).map_err(|e| unchecked(&e))?;
        let key = signing_key(new.secret.as_ref())?;
        let mut secrets = HookSecrets::new(new.credentials.clone(), headers, key).map_err(|e| unchecked(&e))?;
        secrets.client_certificate.clone_from(&new.client_certificate);
        let id = self.insert(now, new, &secrets)?;
        self.add_filters(id, &new.filter, new.webhook, new.gating)?;
        self.keep_secrets(id, &secrets)?;
        self.add_certificates(id, new)?;
        self.batch.targets.insert(id, Some(Arc::new(Target::new(new, secrets))));
        self.batch.rows += 2;
        Ok(Added::New(self.living(id)?))
    }

    fn change(&mut self, now: Timestamp, id: HookId, patch: &HookPatch) -> Result<Changed> {
        let Some(mut hook) = self.hook_by_id(id)? else {
            return Ok(Changed::Absent);
        };
        let (old_url, old_filter) = (hook.url.clone(), hook.filter.clone());
        let applied = apply(patch, &mut hook);
        hook.remember_applications_of(&old_filter);
        let secrets = self.patched_secrets(&hook, &old_url, patch)?;
        let secrets = match applied.and(secrets) {
            Err(invalid) => return Ok(Changed::Invalid(invalid)),
            Ok(secrets) => secrets,
        };
        if let Some(secrets) = &secrets {
            hook.header_names = secrets.headers.names().map(str::to_owned).collect();
        }
        if !self.update(now, &hook)? {
            return Ok(Changed::Conflict);
        }
        self.remove_filters(id, &old_filter)?;
        self.add_filters(id, &hook.filter, hook.webhook, hook.gating)?;
        secrets.map_or(Ok(()), |secrets| self.keep_secrets(id, &secrets))?;
        self.change_certificates(id, &hook.certificates, patch)?;
        self.stage_anew(id)?;
        if hook.url != old_url {
            self.forget_failures(now, id)?;
        }
        Ok(Changed::To(self.living(id)?))
    }

    fn pause(&mut self, now: Timestamp, id: HookId) -> Result<Option<Hook>> {
        self.changed(id, |session, hook| match hook.paused {
            Some((_, PausedBy::Person)) => Ok(()),
            _ => session.set_paused(now, id, PausedBy::Person),
        })
    }

    fn resume(&mut self, now: Timestamp, id: HookId) -> Result<Option<Hook>> {
        self.changed(id, |session, _| session.set_resumed(now, id))
    }

    fn remove(&mut self, now: Timestamp, id: HookId, dialect: Option<Dialect>) -> Result<bool> {
        let Some(hook) = self.hook_by_id(id)? else {
            return Ok(false);
        };
        let removed = self.sql(REMOVE)?.execute(params![id.0, now.millis(), dialect.map(Dialect::as_str)])?;
        if removed == 0 {
            return Ok(false);
        }
        self.remove_filters(id, &hook.filter)?;
        self.forget_secrets(id)?;
        self.forget_certificates(id)?;
        self.end_queue(id)?;
        self.sql("DELETE FROM hook_breakers WHERE hook_id = ?1")?.execute([id.0])?;
        self.sql("INSERT INTO removals (hook_id) VALUES (?1)")?.execute([id.0])?;
        self.batch.targets.insert(id, None);
        self.batch.rows += 1;
        Ok(true)
    }

    fn cancel_owed(&mut self, now: Timestamp, limit: usize) -> Result<Cancelled> {
        self.cancel_a_step(now, limit)
    }
}

impl Session {
    fn insert(&self, now: Timestamp, new: &NewHook, secrets: &HookSecrets) -> Result<HookId> {
        let header_names: Vec<_> = secrets.headers.names().collect();
        let wanted = new.filter.applications();
        let unwanted: Vec<_> = new.concerns.iter().filter(|name| !wanted.contains(name)).collect();
        let columns = params![
            new.owner.0,
            new.dialect.as_str(),
            new.url.as_str(),
            new.url.key(),
            rows::filter_to(&new.filter),
            new.insecure_ssl,
            new.description,
            new.limits.max_in_flight,
            new.limits.rate_limit,
            new.order.as_str(),
            rows::signatures_to(&new.signatures),
            rows::list(&header_names),
            now.millis(),
            new.webhook.map(|webhook| webhook.kind.number()),
            new.webhook.and_then(keys),
            rows::list(&unwanted),
            new.gating.gate,
            on_silence(new.gating),
        ];
        Ok(self.sql(ADD)?.query_row(columns, |row| row.get(0).map(HookId))?)
    }

    fn by_url(&self, new: &NewHook) -> Result<Option<Hook>> {
        let key = params![new.owner.0, new.url.key()];
        let id = self.sql(BY_URL)?.query_row(key, |row| row.get(0).map(HookId)).optional()?;
        id.map(|id| self.living(id)).transpose()
    }

    pub(super) fn hook_by_id(&self, id: HookId) -> Result<Option<Hook>> {
        Ok(self.sql(BY_ID)?.query_row([id.0], rows::hook).optional()?)
    }

    pub(super) fn living(&self, id: HookId) -> Result<Hook> {
        let hook = self.hook_by_id(id)?;
        hook.ok_or_else(|| StoreError::Failed(format!("hook {id} was there and is not")))
    }

    fn update(&self, now: Timestamp, hook: &Hook) -> Result<bool> {
        let columns = params![
            hook.id.0,
            hook.url.as_str(),
            hook.url.key(),
            rows::filter_to(&hook.filter),
            hook.insecure_ssl,
            hook.description,
            hook.limits.max_in_flight,
            hook.limits.rate_limit,
            hook.order.as_str(),
            rows::signatures_to(&hook.signatures),
            rows::list(&hook.header_names),
            now.millis(),
            rows::list(&hook.former_applications),
            hook.webhook.and_then(keys),
            hook.gating.gate,
            on_silence(hook.gating),
        ];
        Ok(self.sql(CHANGE)?.execute(columns)? > 0)
    }

    fn add_filters(&mut self, id: HookId, filter: &Filter, webhook: Option<Webhook>, gating: Gating) -> Result<()> {
        self.forget();
        let apart = webhook.is_some_and(Webhook::is_apart);
        for pair in filter.pairs() {
            let (event, application) = pair.key();
            let asked = webhook.is_none() && gating.is_for(&event);
            self.sql(ADD_FILTER)?.execute(params![event, application, id.0, apart, asked])?;
        }
        Ok(())
    }

    fn remove_filters(&mut self, id: HookId, filter: &Filter) -> Result<()> {
        self.forget();
        for pair in filter.pairs() {
            let (event, application) = pair.key();
            self.sql(REMOVE_FILTER)?.execute(params![event, application, id.0])?;
        }
        Ok(())
    }
}

/// The column of what is not as usual.
fn on_silence(gating: Gating) -> Option<&'static str> {
    (gating.on_silence != OnSilence::default()).then(|| gating.on_silence.as_str())
}

/// Likewise.
fn keys(webhook: Webhook) -> Option<&'static str> {
    (webhook.keys != Keys::Own).then(|| webhook.keys.as_str())
}

/// Changes the hook as the patch says.
fn apply(patch: &HookPatch, hook: &mut Hook) -> std::result::Result<(), Invalid> {
    if let Some((url, _)) = &patch.url {
        hook.url = url.clone();
    }
    if let (Some(_), true) = (hook.webhook, patch.events.is_some() || patch.applications.is_some()) {
        let field = if patch.events.is_some() { "events" } else { "applications" };
        return Err(Invalid::new(field, "are those of a webhook: change them by PUT /api/webhook/{id}"));
    }
    if patch.events.is_some() || patch.applications.is_some() {
        let events = patch.events.clone().unwrap_or_else(|| hook.filter.events());
        let applications = patch.applications.clone().unwrap_or_else(|| hook.filter.applications());
        hook.filter = Filter::product(&events, &applications)?;
    }
    if let Some(filter) = &patch.filter {
        hook.filter = filter.clone();
    }
    if let (Some(keys), Some(webhook)) = (patch.keys, &mut hook.webhook) {
        webhook.keys = keys;
    }
    if let Some(insecure_ssl) = patch.insecure_ssl {
        hook.insecure_ssl = insecure_ssl;
    }
    if let Some(description) = &patch.description {
        hook.description.clone_from(description);
    }
    hook.limits.max_in_flight = patch.max_in_flight.unwrap_or(hook.limits.max_in_flight);
    hook.limits.rate_limit = patch.rate_limit.unwrap_or(hook.limits.rate_limit);
    hook.gating.gate = patch.gate.unwrap_or(hook.gating.gate);
    hook.gating.on_silence = patch.on_silence.unwrap_or(hook.gating.on_silence);
    hook.order = patch.order.unwrap_or(hook.order);
    if let Some(signatures) = &patch.signatures {
        hook.signatures.clone_from(signatures);
    }
    Ok(())
}

/// What the door lets through can be kept; whoever came another way is told.
fn unchecked(invalid: &Invalid) -> StoreError {
    StoreError::Failed(invalid.to_string())
}
