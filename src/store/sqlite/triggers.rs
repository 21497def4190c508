//! Triggers, by writing.

use rusqlite::{OptionalExtension, Row, params};
use zeroize::Zeroizing;

use super::Session;
use super::{rows, sealing};
use crate::domain::event::EventType;
use crate::domain::hook::Owner;
use crate::domain::id::TriggerId;
use crate::domain::time::Timestamp;
use crate::domain::trigger::{NewTrigger, OutgoingCall, SecretChange, Settings, Trigger};
use crate::store::vault::{self, Vault};
use crate::store::{Result, Triggers};

pub(super) const BY_UUID: &str = "SELECT * FROM known_triggers WHERE uuid = ?1 AND removed_at IS NULL";

pub(super) const BY_ID: &str = "SELECT * FROM known_triggers WHERE id = ?1 AND removed_at IS NULL";

const ADD: &str = "
    INSERT INTO triggers (revision, uuid, name, event, applications, settings, task, owner, stopped_at,
                          created_at, updated_at)
    VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9)
    RETURNING id";

const KEEP: &str = "
    UPDATE triggers
    SET revision = revision + 1, name = ?2, event = ?3, applications = ?4, settings = ?5, task = ?6, stopped_at = ?7,
        updated_at = ?8
    WHERE id = ?1";

const REMOVE: &str = "
    UPDATE triggers SET removed_at = ?2, revision = revision + 1
    WHERE id = ?1 AND removed_at IS NULL";

const KEEP_SECRET: &str = "
    INSERT INTO trigger_secrets (trigger_id, sealed) VALUES (?1, ?2)
    ON CONFLICT DO UPDATE SET sealed = excluded.sealed";

const FORGET_SECRET: &str = "DELETE FROM trigger_secrets WHERE trigger_id = ?1";

const NEXT_REMOVED: &str = "SELECT id FROM triggers WHERE removed_at IS NOT NULL LIMIT 1";

const FORGET_EXECUTIONS: &str = "
    DELETE FROM executions
    WHERE seq IN (SELECT seq FROM executions WHERE trigger_id = ?1 LIMIT ?2)";

const TAKE_BACK: &str = "DELETE FROM executions WHERE trigger_id = ?1 AND lane = 2 AND status = 0";

const FORGET_KEYS: &str = "
    DELETE FROM execution_keys
    WHERE trigger_id = ?1 AND key IN (SELECT key FROM execution_keys WHERE trigger_id = ?1 LIMIT ?2)";

const FORGET: &str = "DELETE FROM triggers WHERE id = ?1";

const BEGIN_MAINTENANCE: &str = "INSERT OR IGNORE INTO maintenance (id, since) VALUES (1, ?1)";

const END_MAINTENANCE: &str = "DELETE FROM maintenance";

/// Executions that are removed together with their trigger.
const AT_ONCE: i64 = 500;

/// The row in which the secret of a trigger stands.
pub(super) fn secret_row(id: i64) -> vault::Row {
    vault::Row { table: "trigger_secrets", id }
}

/// The secret of a trigger.
///
/// # Errors
/// It does not open.
pub(in crate::store) fn open_secret(vault: &Vault, id: TriggerId, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
    vault.open(secret_row(id.0), sealed)
}

impl Triggers for Session {
    fn trigger(&mut self, uuid: &str) -> Result<Option<Trigger>> {
        Ok(self.sql(BY_UUID)?.query_row([uuid], trigger).optional()?)
    }

    fn add_trigger(&mut self, now: Timestamp, new: &NewTrigger) -> Result<Option<Trigger>> {
        if self.trigger(&new.uuid)?.is_some() {
            return Ok(None);
        }
        let columns = params![
            new.uuid,
            new.name,
            new.event_type.as_str(),
            rows::list(&new.applications),
            rows::json(&new.settings),
            new.task,
            new.owner.0,
            new.stopped.then_some(now.millis()),
            now.millis(),
        ];
        let id = TriggerId(self.sql(ADD)?.query_row(columns, |row| row.get(0))?);
        self.keep_trigger_secret(id, new.secret.as_deref())?;
        self.batch.rows += 1;
        let added = self.trigger_by_id(id)?;
        if let Some(added) = &added {
            self.schedule(now, added)?;
        }
        Ok(added)
    }

    fn keep_trigger(&mut self, now: Timestamp, trigger: &Trigger, secret: &SecretChange) -> Result<Trigger> {
        self.sql(KEEP)?.execute(params![
            trigger.id.0,
            trigger.name,
            trigger.event_type.as_str(),
            rows::list(&trigger.applications),
            rows::json(&trigger.settings),
            trigger.task,
            trigger.stopped_at.map(Timestamp::millis),
            now.millis(),
        ])?;
        if let SecretChange::To(secret) = secret {
            self.keep_trigger_secret(trigger.id, secret.as_deref())?;
        }
        self.batch.rows += 1;
        let kept = self.trigger_by_id(trigger.id)?.unwrap_or_else(|| trigger.clone());
        self.schedule(now, &kept)?;
        Ok(kept)
    }

    fn schedule_afresh(&mut self, now: Timestamp, trigger: &Trigger) -> Result<()> {
        let taken_back = self.sql(TAKE_BACK)?.execute([trigger.id.0])?;
        self.batch.rows += taken_back;
        self.schedule(now, trigger)
    }

    fn remove_trigger(&mut self, now: Timestamp, id: TriggerId) -> Result<bool> {
        let removed = self.sql(REMOVE)?.execute(params![id.0, now.millis()])? > 0;
        // Most have no more; the rest goes in steps.
        self.sql(FORGET_EXECUTIONS)?.execute([id.0, AT_ONCE])?;
        self.keep_trigger_secret(id, None)?;
        self.batch.rows += 1;
        Ok(removed)
    }

    fn forget_triggers(&mut self, limit: usize) -> Result<usize> {
        let Some(id) = self.sql(NEXT_REMOVED)?.query_row([], |row| row.get::<_, i64>(0)).optional()? else {
            return Ok(0);
        };
        let most = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut gone = self.sql(FORGET_EXECUTIONS)?.execute([id, most])?;
        gone += self.sql(FORGET_KEYS)?.execute([id, most])?;
        if gone == 0 {
            gone = self.sql(FORGET)?.execute([id])?;
        }
        self.batch.rows += gone;
        Ok(gone)
    }

    fn set_maintenance(&mut self, now: Timestamp, on: bool) -> Result<bool> {
        let changed = if on {
            self.sql(BEGIN_MAINTENANCE)?.execute([now.millis()])?
        } else {
            self.sql(END_MAINTENANCE)?.execute([])?
        };
        self.batch.rows += changed;
        Ok(changed > 0)
    }
}

impl Session {
    pub(super) fn trigger_by_id(&self, id: TriggerId) -> Result<Option<Trigger>> {
        Ok(self.sql(BY_ID)?.query_row([id.0], trigger).optional()?)
    }

    /// Seals the secret in place of what was, or writes over that.
    fn keep_trigger_secret(&self, id: TriggerId, secret: Option<&str>) -> Result<()> {
        let Some(secret) = secret else {
            self.overwriting(|session| Ok(session.sql(FORGET_SECRET)?.execute([id.0])?))?;
            return Ok(());
        };
        // Somebody may have given the database another key.
        sealing::unlock(&self.conn, &self.vault)?;
        let sealed = self.vault.seal(secret_row(id.0), secret.as_bytes())?;
        self.overwriting(|session| Ok(session.sql(KEEP_SECRET)?.execute(params![id.0, sealed])?))?;
        Ok(())
    }
}

/// A trigger from the columns of `known_triggers`.
pub(super) fn trigger(row: &Row<'_>) -> rusqlite::Result<Trigger> {
    let (event_type, settings): (String, String) = (row.get("event")?, row.get("settings")?);
    let applications: Option<String> = row.get("applications")?;
    let time = |column| row.get::<_, Option<i64>>(column).map(|millis| millis.map(Timestamp::from_millis));
    Ok(Trigger {
        id: TriggerId(row.get("id")?),
        revision: row.get("revision")?,
        uuid: row.get("uuid")?,
        name: row.get("name")?,
        event_type: EventType::trusted(&event_type),
        applications: applications.map(|json| rows::from_json(&json)).unwrap_or_default(),
        // Settings that this version does not know do nothing.
        settings: serde_json::from_str(&settings).unwrap_or(Settings::Outgoing(OutgoingCall::default())),
        has_secret: row.get("has_secret")?,
        task: row.get("task")?,
        owner: Owner(row.get("owner")?),
        stopped_at: time("stopped_at")?,
        created_at: rows::time(row, "created_at")?,
        updated_at: rows::time(row, "updated_at")?,
    })
}
