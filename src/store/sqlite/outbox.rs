//! Events on their way in and deliveries on their way out.

use std::sync::Arc;

use rusqlite::{OptionalExtension, params};

use super::Session;
use crate::domain::event::{Event, NewEvent};
use crate::domain::hook::Owner;
use crate::domain::id::{HookId, Lease, Seq};
use crate::domain::time::Timestamp;
use crate::store::room::Room;
use crate::store::{Claimed, Leased, Outbox, Published, Publishing, Result, StoreError};

const ADD_DELIVERY: &str = "
    INSERT INTO deliveries (seq, event_seq, hook_id, state, attempts, due_at, lease)
    VALUES (?1, ?2, ?3, ?4, 0, ?5, ?6)";

/// The head of a queue only ever moves forward here; a claim moves it back to
/// what is true. A removed hook gets no queue: its deliveries are cancelled.
const QUEUE_UP: &str = "
    INSERT INTO hook_queues (hook_id, due_at)
    SELECT ?1, ?2 WHERE NOT EXISTS (SELECT 1 FROM removals WHERE hook_id = ?1)
    ON CONFLICT DO UPDATE SET due_at = min(due_at, excluded.due_at)";

/// Read lazily: hooks without room are passed over, and the reading stops when
/// the room in all is used up.
const DUE_QUEUES: &str = "SELECT hook_id FROM hook_queues WHERE due_at <= ?1 ORDER BY due_at";

const DUE_DELIVERIES: &str = "
    SELECT seq, event_seq, attempts FROM deliveries
    WHERE hook_id = ?1 AND state = 0 AND due_at <= ?2
    ORDER BY due_at, seq
    LIMIT ?3";

const LEASE: &str = "UPDATE deliveries SET state = 1, due_at = ?2, lease = ?3 WHERE seq = ?1";

const HEAD: &str = "SELECT min(due_at) FROM deliveries WHERE hook_id = ?1 AND state = 0";

const MOVE_HEAD: &str = "UPDATE hook_queues SET due_at = ?2 WHERE hook_id = ?1";

const END_QUEUE: &str = "DELETE FROM hook_queues WHERE hook_id = ?1";

const NEXT_DUE: &str = "SELECT min(due_at) FROM hook_queues WHERE due_at > ?1";

const RENEW: &str = "UPDATE deliveries SET due_at = ?3 WHERE seq = ?1 AND lease = ?2 AND state = 1";

const RELEASE: &str = "
    UPDATE deliveries SET state = 0, due_at = ?3, lease = NULL
    WHERE seq = ?1 AND lease = ?2 AND state = 1
    RETURNING hook_id";

const RAN_OUT: &str = "SELECT seq, lease FROM deliveries WHERE state = 1 AND due_at <= ?1";

/// Places taken in the room; given back if what they were taken for fails.
struct Taken<'a> {
    room: &'a Room,
    leased: Vec<Leased>,
    /// Whether there was no room in all for something that is due.
    crowded: bool,
}

impl<'a> Taken<'a> {
    fn none(room: &'a Room) -> Self {
        Self { room, leased: vec![], crowded: false }
    }

    fn keep(mut self) -> Vec<Leased> {
        std::mem::take(&mut self.leased)
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.room.give_back_all(&self.leased);
    }
}

impl Outbox for Session {
    fn publish(
        &mut self,
        now: Timestamp,
        until: Timestamp,
        owner: Owner,
        new: &NewEvent,
        room: &Room,
    ) -> Result<Publishing> {
        if let Some(idempotency) = &new.idempotency
            && let Some(earlier) = self.earlier(now, owner, new, idempotency)?
        {
            return Ok(earlier);
        }
        let hooks = self.wanted_by(new)?;
        let event = Arc::new(self.add_event(now, new, hooks.len())?);
        if let Some(idempotency) = &new.idempotency {
            self.remember_key(now, owner, &event, idempotency)?;
        }
        let leased = self.owe(now, until, &event, &hooks, room)?;
        Ok(Publishing::Kept(Published {
            seq: event.seq,
            id: event.id,
            event_type: event.event_type.clone(),
            deliveries: event.deliveries,
            untried: event.deliveries,
            overflow: leased.len() < hooks.len(),
            leased,
        }))
    }

    fn claim(&mut self, now: Timestamp, until: Timestamp, room: &Room) -> Result<Claimed> {
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
        let next: Option<i64> = self.sql(NEXT_DUE)?.query_row([now.millis()], |row| row.get(0))?;
        claimed.next_due = next.map(Timestamp::from_millis);
        claimed.crowded |= taken.crowded;
        claimed.leased = taken.keep();
        Ok(claimed)
    }

    fn renew(&mut self, seq: Seq, lease: Lease, until: Timestamp) -> Result<bool> {
        Ok(self.sql(RENEW)?.execute(params![seq.0, lease.0, until.millis()])? > 0)
    }

    fn release(&mut self, now: Timestamp, leases: &[(Seq, Lease)]) -> Result<()> {
        for (seq, lease) in leases {
            let columns = params![seq.0, lease.0, now.millis()];
            let hook = self.sql(RELEASE)?.query_row(columns, |row| row.get(0)).optional()?;
            if let Some(hook) = hook {
                self.queue_up(HookId(hook), now)?;
            }
        }
        self.batch.rows += leases.len();
        Ok(())
    }

    fn take_back(&mut self, now: Timestamp, all: bool) -> Result<usize> {
        let by = if all { i64::MAX } else { now.millis() };
        let leases: Vec<_> = {
            let mut statement = self.sql(RAN_OUT)?;
            let rows = statement.query_map([by], |row| Ok((Seq(row.get(0)?), Lease(row.get(1)?))))?;
            rows.collect::<rusqlite::Result<_>>()?
        };
        self.release(now, &leases)?;
        Ok(leases.len())
    }
}

impl Session {
    /// Adds a delivery for each hook, leased as far as there is room.
    fn owe(
        &mut self,
        now: Timestamp,
        until: Timestamp,
        event: &Arc<Event>,
        hooks: &[HookId],
        room: &Room,
    ) -> Result<Vec<Leased>> {
        let mut taken = Taken::none(room);
        for &hook in hooks {
            let seq = self.next_seq();
            let leases = room.take_new(hook, event.payload.len());
            if leases {
                // The delivery's own number: no two leases at first hand share it.
                let lease = Lease(seq.0);
                taken.leased.push(Leased { seq, lease, until, hook, attempts: 0, event: event.clone() });
                self.target(hook)?;
            }
            let (state, due_at, lease) = if leases { (1, until, Some(seq.0)) } else { (0, now, None) };
            self.sql(ADD_DELIVERY)?.execute(params![seq.0, event.seq.0, hook.0, state, due_at.millis(), lease])?;
            if !leases {
                self.queue_up(hook, now)?;
            }
        }
        self.batch.rows += hooks.len();
        Ok(taken.keep())
    }

    pub(super) fn queue_up(&self, hook: HookId, due_at: Timestamp) -> Result<()> {
        self.sql(QUEUE_UP)?.execute(params![hook.0, due_at.millis()])?;
        Ok(())
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
            if room.free_for(hook) > 0 {
                hooks.push(hook);
            } else {
                claimed.behind.push(hook);
            }
        }
        Ok(hooks)
    }

    /// Leases up to `share` deliveries of a hook; answers whether more is due.
    fn claim_of(
        &mut self,
        hook: HookId,
        now: Timestamp,
        until: Timestamp,
        share: usize,
        taken: &mut Taken<'_>,
    ) -> Result<bool> {
        self.target(hook)?;
        let limit = share.min(taken.room.free_for(hook));
        for (seq, event_seq, attempts) in self.due_deliveries(hook, now, limit)? {
            let event = self.shared_event(event_seq, taken)?;
            if !taken.room.take(hook, event.payload.len()) {
                taken.crowded = true;
                break;
            }
            let lease = Lease(self.next_seq().0);
            taken.leased.push(Leased { seq, lease, until, hook, attempts, event });
            self.sql(LEASE)?.execute(params![seq.0, until.millis(), lease.0])?;
            self.batch.rows += 1;
        }
        let head: Option<i64> = self.sql(HEAD)?.query_row([hook.0], |row| row.get(0))?;
        match head {
            Some(due_at) => self.sql(MOVE_HEAD)?.execute([hook.0, due_at])?,
            None => self.sql(END_QUEUE)?.execute([hook.0])?,
        };
        Ok(head.is_some_and(|due_at| due_at <= now.millis()))
    }

    fn due_deliveries(&self, hook: HookId, now: Timestamp, limit: usize) -> Result<Vec<(Seq, i64, u32)>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut statement = self.sql(DUE_DELIVERIES)?;
        let due = |row: &rusqlite::Row<'_>| Ok((Seq(row.get(0)?), row.get(1)?, row.get(2)?));
        let rows = statement.query_map([hook.0, now.millis(), limit], due)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The event, shared with the delivery that was claimed just before if that
    /// owes the same one.
    fn shared_event(&self, seq: i64, taken: &Taken<'_>) -> Result<Arc<Event>> {
        if let Some(last) = taken.leased.last()
            && last.event.seq.0 == seq
        {
            return Ok(last.event.clone());
        }
        let event = self.event_by_seq(seq)?;
        let missing = || StoreError::Failed(format!("a delivery owes event {seq}, which is not there"));
        event.map(Arc::new).ok_or_else(missing)
    }
}
