//! What publishes look up again and again: who wants what, and which applications are
//! known. It is small, and a look here costs the same however many hooks there are.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use rusqlite::params;

use super::Session;
use crate::domain::id::HookId;
use crate::store::Result;

/// An exact look-up: hooks that want something else cost nothing.
const WANTED_BY: &str = "SELECT hook_id, apart FROM hook_filters WHERE event = ?1 AND application = ?2";

/// Pairs and applications that are remembered, at most; likewise the hooks of all pairs.
const MOST_PAIRS: usize = 4096;
const MOST_HOOKS: usize = 65_536;

/// Hooks that want a pair, and whether they get each application apart.
type Wanting = Arc<[(HookId, bool)]>;

/// As it is on disk: nothing is remembered of a transaction that changes it.
#[derive(Default)]
pub(super) struct Remembered {
    wanting: HashMap<(String, String), Wanting>,
    /// Of all pairs.
    hooks: usize,
    applications: HashSet<String>,
}

impl Remembered {
    fn keep(&mut self, pair: (String, String), wanting: &Wanting) {
        if wanting.len() > MOST_HOOKS {
            return;
        }
        if self.wanting.len() >= MOST_PAIRS || self.hooks + wanting.len() > MOST_HOOKS {
            (self.wanting, self.hooks) = (HashMap::new(), 0);
        }
        self.hooks += wanting.len();
        self.wanting.insert(pair, wanting.clone());
    }
}

impl Session {
    /// The hooks that want this pair.
    pub(super) fn wanting(&mut self, pair: &(String, String)) -> Result<Wanting> {
        if let Some(wanting) = self.remembered.wanting.get(pair) {
            return Ok(wanting.clone());
        }
        let wanting: Wanting = {
            let mut statement = self.sql(WANTED_BY)?;
            let rows = statement.query_map(params![pair.0, pair.1], |row| Ok((HookId(row.get(0)?), row.get(1)?)))?;
            rows.collect::<rusqlite::Result<_>>()?
        };
        if !self.batch.forgot {
            self.remembered.keep(pair.clone(), &wanting);
        }
        Ok(wanting)
    }

    /// Whether this application is remembered to be known.
    pub(super) fn remembers_application(&self, name: &str) -> bool {
        self.remembered.applications.contains(name)
    }

    /// This application was found to be known.
    pub(super) fn remember_application(&mut self, name: &str) {
        if self.batch.forgot {
            return;
        }
        if self.remembered.applications.len() >= MOST_PAIRS {
            self.remembered.applications.clear();
        }
        self.remembered.applications.insert(name.to_owned());
    }

    /// This transaction changes what is remembered: until it ends, nobody knows what
    /// will be on disk.
    pub(super) fn forget(&mut self) {
        self.remembered = Remembered::default();
        self.batch.forgot = true;
    }
}
