//! What is due, leased from the store: fairly between hooks, as far as there is room.

use std::sync::{Arc, Weak};

use rusqlite::{Row, params};

use super::Session;
use super::taken::Taken;
use crate::domain::event::Event;
use crate::domain::id::{HookId, Lease, Seq};
use crate::domain::time::Timestamp;
use crate::store::room::Room;
use crate::store::{Claimed, Errand, Leased, Result, StoreError};

/// Read lazily: hooks with little room are passed over, and the reading stops when
/// the room in all is used up.
const DUE_QUEUES: &str = "SELECT hook_id FROM hook_queues WHERE due_at <= ?1 ORDER BY due_at";

const DUE_DELIVERIES: &str = "
    SELECT seq, event_seq, attempts, application FROM deliveries
    WHERE hook_id = ?1 AND state = 0 AND due_at <= ?2
    ORDER BY due_at, seq
    LIMIT ?3";

/// Events that are remembered, twice as many as can be in memory at once.
const REMEMBERED: usize = 16_384;

/// A delivery, its event, the attempts that have ended, and the application that it
/// is about.
type Due = (Seq, i64, u32, Option<Arc<str>>);

const LEASE: &str = "UPDATE deliveries SET state = 1, due_at = ?2, lease = ?3 WHERE seq = ?1";

impl Session {
    pub(super) fn claim_due(&mut self, now: Timestamp, until: Timestamp, room: &Room) -> Result<Claimed> {
        let mut claimed = Claimed::default();
        let hooks = self.due_hooks(now, room, &mut claimed)?;
        let share = (room.free() / hooks.len().max(1)).max(1);
        let mut taken = Taken::none(room);
        for hook in hooks {
            let behind = self.claim_of(hook, now, until, share, &mut taken)?;
            room.set_behind(hook, behind);
            if behind {
                claimed.behind.push(hook);
            }
            if taken.crowded {
                break;
            }
        }
        claimed.next_due = self.next_due(now)?;
        claimed.crowded |= taken.crowded;
        claimed.leased = taken.keep();
        Ok(claimed)
    }

    /// The hooks of which something is due and that have room, at most as many
    /// as there is room in all.
    fn due_hooks(&self, now: Timestamp, room: &Room, claimed: &mut Claimed) -> Result<Vec<HookId>> {
        let free = room.free();
        let mut hooks = vec![];
        let mut statement = self.sql(DUE_QUEUES)?;
        let mut rows = statement.query([now.millis()])?;
        while let Some(row) = rows.next()? {
            if hooks.len() >= free {
                claimed.crowded = true;
                break;
            }
            let hook = HookId(row.get(0)?);
            match (room.free_for(hook), room.held_by(hook)) {
                // Others have what it could have: any place that comes free may be for it.
                (0, 0) => claimed.crowded = true,
                // Not worth a look until more has ended: a claim for one hook is not to
                // touch the queues of all.
                (free, held) if 2 * free < held.max(1) => claimed.behind.push(hook),
                _ => hooks.push(hook),
            }
        }
        Ok(hooks)
    }

    /// Leases up to `share` deliveries of a hook, of a failing one a single probe;
    /// answers whether more is due.
    fn claim_of(
        &mut self,
        hook: HookId,
        now: Timestamp,
        until: Timestamp,
        share: usize,
        taken: &mut Taken<'_>,
    ) -> Result<bool> {
        let target = self.target(hook)?;
        let probe = target.is_some_and(|target| target.breaker.is_failing());
        let errand = if probe { Errand::Probe } else { Errand::Usual };
        let limit = if probe { 1 } else { share.min(taken.room.free_for(hook)) };
        let before = taken.leased.len();
        for (seq, event_seq, attempts, application) in self.due_deliveries(hook, now, limit)? {
            let event = self.shared_event(event_seq)?;
            // Before room is taken: nothing may fail between that and the lease.
            let work_id = self.work_id_for(&event, hook)?;
            if !taken.room.take(hook, event.payload.len()) {
                // The hook has its share, or there are too many bytes in all.
                taken.crowded = taken.room.free() == 0 || taken.room.free_for(hook) > 0;
                break;
            }
            let lease = Lease(self.next_seq().0);
            taken.leased.push(Leased { seq, lease, until, hook, application, work_id, attempts, errand, event });
            self.sql(LEASE)?.execute(params![seq.0, until.millis(), lease.0])?;
            self.batch.rows += 1;
        }
        if probe && taken.leased.len() > before {
            // Until its outcome says when the next one goes out.
            self.hold_queue(hook, until)?;
            return Ok(false);
        }
        self.move_head(hook, now)
    }

    fn due_deliveries(&self, hook: HookId, now: Timestamp, limit: usize) -> Result<Vec<Due>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut statement = self.sql(DUE_DELIVERIES)?;
        let due = |row: &Row<'_>| Ok((Seq(row.get(0)?), row.get(1)?, row.get(2)?, row.get(3)?));
        let rows = statement.query_map([hook.0, now.millis(), limit], due)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The event, shared with all deliveries of it that are in memory: a backlog of
    /// fifty hooks owes the same events fifty times.
    fn shared_event(&mut self, seq: i64) -> Result<Arc<Event>> {
        if let Some(event) = self.events.get(&seq).and_then(Weak::upgrade) {
            return Ok(event);
        }
        let missing = || StoreError::Failed(format!("a delivery owes event {seq}, which is not there"));
        let event = Arc::new(self.event_by_seq(seq)?.ok_or_else(missing)?);
        if self.events.len() >= REMEMBERED {
            self.events.retain(|_, event| event.strong_count() > 0);
        }
        self.events.insert(seq, Arc::downgrade(&event));
        Ok(event)
    }
}
