//! What runs of failures do to hooks, and what people do about it.

use std::sync::Arc;

use rusqlite::{OptionalExtension, params};

use super::Session;
use crate::domain::audit::{Action, AuditEntry};
use crate::domain::breaker::Breaker;
use crate::domain::hook::{Hook, PausedBy};
use crate::domain::id::HookId;
use crate::domain::time::Timestamp;
use crate::store::targets::Target;
use crate::store::{Audit, Errand, Record, Result};

pub(super) const BREAKER: &str = "SELECT failures, since, probes, probe_at FROM hook_breakers WHERE hook_id = ?1";

const SET_BREAKER: &str = "
    INSERT OR REPLACE INTO hook_breakers (hook_id, failures, since, probes, probe_at)
    VALUES (?1, ?2, ?3, ?4, ?5)";

const FORGET_BREAKER: &str = "DELETE FROM hook_breakers WHERE hook_id = ?1";

const PAUSE: &str = "UPDATE hooks SET paused_at = ?2, paused_by = ?3 WHERE id = ?1 AND removed_at IS NULL";

const RESUME: &str = "UPDATE hooks SET paused_at = NULL, paused_by = NULL WHERE id = ?1";

/// The leased ones have an index of their own, and are few.
const UNDER_WAY: &str = "SELECT EXISTS (SELECT 1 FROM deliveries WHERE state = 1 AND hook_id = ?1)";

impl Session {
    /// A probe that is given back was none, but a queue waits for its outcome as long as
    /// its lease would have lasted. Once a failing hook has nothing under way, its next probe
    /// goes out when its breaker says; answers when that is.
    pub(super) fn probe_again(&mut self, hook: HookId) -> Result<Option<Timestamp>> {
        let target = self.target(hook)?.filter(|target| !target.paused);
        let Some(probe_at) = target.and_then(|target| target.breaker.probe_at) else {
            return Ok(None);
        };
        if self.sql(UNDER_WAY)?.query_row([hook.0], |row| row.get(0))? {
            return Ok(None);
        }
        self.hold_queue(hook, probe_at)?;
        Ok(Some(probe_at))
    }

    /// An attempt arrived; answers whether that closed the hook's breaker.
    pub(super) fn note_success(&mut self, now: Timestamp, hook: HookId, target: &Target) -> Result<bool> {
        if target.breaker == Breaker::default() {
            return Ok(false);
        }
        self.forget_breaker(hook, target)?;
        if target.breaker.is_failing() && !target.paused {
            self.let_queue_go(hook, now)?;
        }
        Ok(target.breaker.is_failing())
    }

    /// An attempt did not arrive, and not for a reason of ours. Answers when something
    /// will be due by that.
    pub(super) fn note_failure(
        &mut self,
        now: Timestamp,
        record: &Record,
        target: &Target,
    ) -> Result<Option<Timestamp>> {
        let (hook, asked) = (record.hook, record.attempt.outcome.retry_after());
        let probe = record.errand == Errand::Probe;
        let breaker = target.breaker.after_failure(now, probe, asked, &self.rules, record.dice);
        self.keep_breaker(hook, breaker, target)?;
        if target.paused {
            return Ok(None);
        }
        if breaker.is_hopeless(now, &self.rules) {
            return self.pause_hopeless(now, hook);
        }
        if breaker.is_failing() && !target.breaker.is_failing() {
            tracing::warn!(hook = hook.0, "failing: its backlog waits, single probes go out");
        }
        let probe_at = breaker.probe_at.filter(|_| breaker.probe_at != target.breaker.probe_at);
        if let Some(probe_at) = probe_at {
            self.hold_queue(hook, probe_at)?;
        }
        Ok(probe_at)
    }

    /// Pauses a hook that does nothing but fail, and tells those who want to know.
    fn pause_hopeless(&mut self, now: Timestamp, hook: HookId) -> Result<Option<Timestamp>> {
        tracing::warn!(hook = hook.0, "paused: it has done nothing but fail for days");
        self.set_paused(now, hook, PausedBy::Breaker)?;
        self.note(&AuditEntry::by_server(now, Action::HookPaused, hook, "it has done nothing but fail"))?;
        // So that its last result is the one that led to this.
        self.write_results()?;
        let hook = self.living(hook)?;
        self.keep(now, hook.owner, &hook.disabled())?;
        Ok(Some(now))
    }

    pub(super) fn set_paused(&mut self, now: Timestamp, hook: HookId, by: PausedBy) -> Result<()> {
        // Read before it is changed: what is read is known to others at once.
        let target = self.target(hook)?;
        self.sql(PAUSE)?.execute(params![hook.0, now.millis(), by.as_str()])?;
        self.hold_queue(hook, Timestamp::MAX)?;
        if let Some(target) = target {
            self.stage(hook, Target { paused: true, ..(*target).clone() });
        }
        Ok(())
    }

    /// Forgets pause and breaker alike: what the hook is owed may go out.
    pub(super) fn set_resumed(&mut self, now: Timestamp, hook: HookId) -> Result<()> {
        let target = self.target(hook)?;
        self.sql(RESUME)?.execute([hook.0])?;
        if let Some(target) = target {
            let target = Target { paused: false, ..(*target).clone() };
            self.forget_breaker(hook, &target)?;
        }
        self.let_queue_go(hook, now)
    }

    /// What failed at an old URL says nothing of the new one.
    pub(super) fn forget_failures(&mut self, now: Timestamp, hook: HookId) -> Result<()> {
        if let Some(target) = self.target(hook)? {
            self.note_success(now, hook, &target)?;
        }
        Ok(())
    }

    /// `None` if there is no such hook.
    pub(super) fn changed(
        &mut self,
        id: HookId,
        change: impl FnOnce(&mut Self, &Hook) -> Result<()>,
    ) -> Result<Option<Hook>> {
        let Some(hook) = self.hook_by_id(id)? else {
            return Ok(None);
        };
        change(self, &hook)?;
        self.batch.rows += 1;
        self.hook_by_id(id)
    }

    pub(super) fn keep_breaker(&mut self, hook: HookId, breaker: Breaker, target: &Target) -> Result<()> {
        self.sql(SET_BREAKER)?.execute(params![
            hook.0,
            breaker.failures,
            breaker.since.map(Timestamp::millis),
            breaker.probes,
            breaker.probe_at.map(Timestamp::millis),
        ])?;
        self.stage(hook, Target { breaker, ..target.clone() });
        Ok(())
    }

    fn forget_breaker(&mut self, hook: HookId, target: &Target) -> Result<()> {
        self.sql(FORGET_BREAKER)?.execute([hook.0])?;
        self.stage(hook, Target { breaker: Breaker::default(), ..target.clone() });
        Ok(())
    }

    /// The hook's target as it will be once this transaction commits.
    pub(super) fn stage(&mut self, hook: HookId, target: Target) {
        self.batch.targets.insert(hook, Some(Arc::new(target)));
    }

    pub(super) fn load_breaker(&self, hook: HookId) -> Result<Breaker> {
        let breaker = self.sql(BREAKER)?.query_row([hook.0], super::rows::breaker).optional()?;
        Ok(breaker.unwrap_or_default())
    }
}
