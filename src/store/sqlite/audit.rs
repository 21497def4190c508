//! The audit log, and what each caller can reach.

use std::ops::RangeInclusive;

use rusqlite::{Connection, Row, params};

use super::archive::Reader;
use super::{Session, rows, tokens};
use crate::domain::access::Bounds;
use crate::domain::audit::{Action, Actor, AuditEntry};
use crate::domain::id::{HookId, TokenId};
use crate::domain::time::Timestamp;
use crate::domain::token::Token;
use crate::store::page::{Cursor, Page, Paged};
use crate::store::{AccessArchive, Audit, AuditFilter, Result};

const NOTE: &str = "
    INSERT INTO audit (at, token, name, address, action, object, detail)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";

const FORGET: &str = "DELETE FROM audit WHERE seq IN (SELECT seq FROM audit WHERE at < ?1 LIMIT ?2)";

/// Newest first, before the last one of the page before.
const ENTRIES: &str = "
    SELECT * FROM audit
    WHERE seq < ?1
      AND action = coalesce(?3, action) AND object = coalesce(?4, object) AND name = coalesce(?5, name)
      AND at >= coalesce(?6, at) AND at < coalesce(?7, at + 1)
    ORDER BY seq DESC
    LIMIT ?2";

/// Tombstones too, whose filters stand nowhere else: their history is within reach
/// of whoever reached the hook. Of the hooks from one to another: one alone is not
/// judged otherwise than among all.
const HOOKS_WITHIN: &str = "
    SELECT id FROM hooks
    WHERE id BETWEEN ?3 AND ?4 AND owner = coalesce(?1, owner)
      AND (?2 IS NULL OR (filter <> '[]' OR former_applications IS NOT NULL) AND NOT EXISTS (
          SELECT 1 FROM json_each(filter) AS pair
          WHERE json_extract(pair.value, '$[1]') NOT IN (SELECT value FROM json_each(?2))
          UNION ALL
          SELECT 1 FROM json_each(former_applications) AS former
          WHERE former.value NOT IN (SELECT value FROM json_each(?2))))";

pub(super) fn note(conn: &Connection, entry: &AuditEntry) -> Result<()> {
    let AuditEntry { at, actor, action, object, detail } = entry;
    let columns = params![
        at.millis(),
        actor.token.map(|token| token.0),
        actor.name,
        actor.address.map(|address| address.to_string()),
        action.as_str(),
        object,
        detail,
    ];
    conn.prepare_cached(NOTE)?.execute(columns)?;
    Ok(())
}

impl Audit for Session {
    fn note(&mut self, entry: &AuditEntry) -> Result<()> {
        self.batch.rows += 1;
        note(&self.conn, entry)
    }

    fn forget_audit(&mut self, before: Timestamp, limit: usize) -> Result<usize> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let forgotten = self.sql(FORGET)?.execute(params![before.millis(), limit])?;
        self.batch.rows += forgotten;
        Ok(forgotten)
    }

    fn tokens_used(&mut self, used: &[(TokenId, Timestamp)]) -> Result<()> {
        self.note_uses(used)
    }
}

impl AccessArchive for Reader {
    fn token_changes(&self) -> Result<i64> {
        tokens::changes(&self.0)
    }

    fn known_tokens(&self) -> Result<Vec<Token>> {
        tokens::all(&self.0)
    }

    fn hooks_within(&self, bounds: &Bounds) -> Result<Vec<HookId>> {
        self.within(bounds, HookId(0)..=HookId(i64::MAX))
    }

    fn reaches(&self, bounds: &Bounds, hook: HookId) -> Result<bool> {
        Ok(!self.within(bounds, hook..=hook)?.is_empty())
    }

    fn audit(&self, page: Page, filter: &AuditFilter) -> Result<Paged<AuditEntry>> {
        let before = page.after.map_or(i64::MAX, |Cursor(seq)| seq);
        let millis = |time: Option<Timestamp>| time.map(Timestamp::millis);
        let action = filter.action.map(Action::as_str);
        let (since, until) = (millis(filter.since), millis(filter.until));
        let mut statement = self.sql(ENTRIES)?;
        let columns = params![before, page.rows(), action, filter.object, filter.actor, since, until];
        let entries = statement.query_map(columns, |row| Ok((row.get::<_, i64>("seq")?, entry(row)?)))?;
        let entries = entries.collect::<rusqlite::Result<_>>()?;
        let cut = Paged::cut(entries, page.limit, |(seq, _): &(i64, AuditEntry)| *seq);
        Ok(Paged { items: cut.items.into_iter().map(|(_, entry)| entry).collect(), next: cut.next })
    }
}

impl Reader {
    fn within(&self, bounds: &Bounds, hooks: RangeInclusive<HookId>) -> Result<Vec<HookId>> {
        let owner = bounds.owner.map(|owner| owner.0);
        let applications = bounds.applications.as_deref().and_then(rows::list);
        let mut statement = self.sql(HOOKS_WITHIN)?;
        let params = params![owner, applications, hooks.start().0, hooks.end().0];
        let ids = statement.query_map(params, |row| row.get(0).map(HookId))?;
        Ok(ids.collect::<rusqlite::Result<_>>()?)
    }
}

fn entry(row: &Row<'_>) -> rusqlite::Result<AuditEntry> {
    let address: Option<String> = row.get("address")?;
    let action: String = row.get("action")?;
    let unknown = || rusqlite::Error::InvalidColumnType(0, action.clone(), rusqlite::types::Type::Text);
    Ok(AuditEntry {
        at: rows::time(row, "at")?,
        actor: Actor {
            token: row.get::<_, Option<i64>>("token")?.map(TokenId),
            name: row.get("name")?,
            address: address.and_then(|address| address.parse().ok()),
        },
        action: Action::named(&action).ok_or_else(unknown)?,
        object: row.get("object")?,
        detail: row.get("detail")?,
    })
}
