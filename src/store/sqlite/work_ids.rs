//! What hooks that were asked at a gate call it, for those who are told what followed.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::{OptionalExtension, Row};

use super::Session;
use crate::domain::event::Event;
use crate::domain::id::{HookId, Seq};
use crate::domain::url::HookUrl;
use crate::store::Result;

const OF_GATE: &str = "
    SELECT hook_id, work_id, owner, url FROM decisions JOIN hooks ON hooks.id = hook_id
    WHERE decisions.gate = ?1";

const HOOK: &str = "SELECT owner, url FROM hooks WHERE id = ?1";

/// Whose a hook is, and its URL up to the last segment.
type Integrator = (i64, String);

/// What is known of a gate.
#[derive(Debug, Default)]
pub(super) struct WorkIds {
    /// Of each hook that was asked; empty where it gave none.
    own: HashMap<HookId, Arc<str>>,
    /// Of each integrator with an address for each event; `None` where two of them differ.
    shared: HashMap<Integrator, Option<Arc<str>>>,
}

impl WorkIds {
    fn add(&mut self, hook: HookId, work_id: Option<Arc<str>>, integrator: Integrator) {
        if let Some(id) = work_id.clone().filter(|id| !id.is_empty()) {
            let shared = self.shared.entry(integrator).or_insert_with(|| Some(id.clone()));
            if shared.as_ref() != Some(&id) {
                *shared = None;
            }
        }
        self.own.insert(hook, work_id.unwrap_or_default());
    }
}

impl Session {
    /// What a hook calls what an event tells of, if that is tied to a gate and it was asked
    /// there, or another hook of the same integrator was. Empty where it gave it no name;
    /// `None`: whoever published may know.
    pub(super) fn work_id_for(&mut self, event: &Event, hook: HookId) -> Result<Option<Arc<str>>> {
        let Some(gate) = event.gate else { return Ok(None) };
        let work_ids = self.work_ids(gate)?;
        if let Some(own) = work_ids.own.get(&hook) {
            return Ok(Some(own.clone()));
        }
        if work_ids.shared.is_empty() {
            return Ok(None);
        }
        let found = self.sql(HOOK)?.query_row([hook.0], |row| integrator(row, 0)).optional()?;
        Ok(found.and_then(|integrator| work_ids.shared.get(&integrator).cloned().flatten()))
    }

    /// Read once in a transaction, for all whom an event goes to.
    fn work_ids(&mut self, gate: Seq) -> Result<Arc<WorkIds>> {
        if let Some(known) = self.batch.work_ids.get(&gate) {
            return Ok(known.clone());
        }
        let mut work_ids = WorkIds::default();
        {
            let mut statement = self.sql(OF_GATE)?;
            let mut rows = statement.query([gate.0])?;
            while let Some(row) = rows.next()? {
                work_ids.add(HookId(row.get(0)?), row.get(1)?, integrator(row, 2)?);
            }
        }
        let work_ids = Arc::new(work_ids);
        self.batch.work_ids.insert(gate, work_ids.clone());
        Ok(work_ids)
    }

    /// This transaction changes what is known of a gate.
    pub(super) fn forget_work_ids(&mut self, gate: Seq) {
        self.batch.work_ids.remove(&gate);
    }
}

fn integrator(row: &Row<'_>, first: usize) -> rusqlite::Result<Integrator> {
    Ok((row.get(first)?, HookUrl::trusted(row.get(first + 1)?).base().to_owned()))
}
