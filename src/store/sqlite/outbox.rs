//! Events on their way in and deliveries on their way out.

use std::sync::Arc;

use rusqlite::{OptionalExtension, params};

use super::Session;
use super::rows::state_number;
use crate::domain::delivery::State;
use crate::domain::event::{Event, NewEvent};
use crate::domain::hook::{Order, Owner};
use crate::domain::id::{HookId, Lease, Seq};
use crate::domain::time::Timestamp;
use crate::store::room::Room;
use crate::store::{Claimed, Leased, Outbox, Published, Publishing, Result, StoreError};

const ADD_DELIVERY: &str = "
    INSERT INTO deliveries (seq, event_seq, hook_id, state, attempts, due_at, lease)
    VALUES (?1, ?2, ?3, ?4, 0, ?5, ?6)";

const RENEW: &str = "UPDATE deliveries SET due_at = ?3 WHERE seq = ?1 AND lease = ?2 AND state = 1";

const RELEASE: &str = "
    UPDATE deliveries SET state = 0, due_at = ?3, lease = NULL
    WHERE seq = ?1 AND lease = ?2 AND state = 1
    RETURNING hook_id";

const RAN_OUT: &str = "SELECT seq, lease FROM deliveries WHERE state = 1 AND due_at <= ?1";

/// Places taken in the room; given back if what they were taken for fails.
pub(super) struct Taken<'a> {
    pub(super) room: &'a Room,
    pub(super) leased: Vec<Leased>,
    /// Whether there was no room in all for something that is due.
    pub(super) crowded: bool,
}

impl<'a> Taken<'a> {
    pub(super) fn none(room: &'a Room) -> Self {
        Self { room, leased: vec![], crowded: false }
    }

    pub(super) fn keep(mut self) -> Vec<Leased> {
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
        let Some(hooks) = self.audience(new)? else {
            return Ok(Publishing::NoSuchHook);
        };
        let event = Arc::new(self.add_event(now, new, hooks.len())?);
        if let Some(idempotency) = &new.idempotency {
            self.remember_key(now, owner, &event, idempotency)?;
        }
        let lends = Lends { room, until, alone: new.only.is_some() };
        let leased = self.owe(now, &lends, &event, &hooks)?;
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
        self.claim_due(now, until, room)
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
    /// The hooks that get the event; `None` if it is for one alone, which is not there.
    fn audience(&mut self, new: &NewEvent) -> Result<Option<Vec<HookId>>> {
        match new.only {
            None => self.wanted_by(new).map(Some),
            Some(hook) => Ok(self.target(hook)?.map(|_| vec![hook])),
        }
    }

    /// Adds a delivery for each hook, leased as far as there is room.
    fn owe(&mut self, now: Timestamp, lends: &Lends<'_>, event: &Arc<Event>, hooks: &[HookId]) -> Result<Vec<Leased>> {
        let mut taken = Taken::none(lends.room);
        for &hook in hooks {
            let seq = self.next_seq();
            let Some(target) = self.target(hook)? else {
                return Err(StoreError::Failed(format!("hook {hook} has a filter and is not there")));
            };
            let its_turn =
                target.order == Order::None || self.take_turn(hook, target.order, &event.applications, seq)?;
            let goes = lends.alone || its_turn && target.held_until().is_none();
            if goes && lends.take(hook, event.payload.len()) {
                // The delivery's own number: no two leases at first hand share it.
                let (lease, until, probe) = (Lease(seq.0), lends.until, lends.alone);
                taken.leased.push(Leased { seq, lease, until, hook, attempts: 0, probe, event: event.clone() });
                self.add_delivery(seq, event, hook, State::Leased, Some(until))?;
            } else {
                self.add_delivery(seq, event, hook, State::Pending, its_turn.then_some(now))?;
                if its_turn {
                    self.queue_up(hook, now)?;
                }
            }
        }
        self.batch.rows += hooks.len();
        Ok(taken.keep())
    }

    /// Keeps an event of our own, with what is owed of it in the store.
    pub(super) fn keep(&mut self, now: Timestamp, new: &NewEvent) -> Result<Event> {
        let hooks = self.wanted_by(new)?;
        let event = Arc::new(self.add_event(now, new, hooks.len())?);
        let nowhere = Room::new(0);
        self.owe(now, &Lends { room: &nowhere, until: now, alone: false }, &event, &hooks)?;
        Ok((*event).clone())
    }

    fn add_delivery(
        &self,
        seq: Seq,
        event: &Event,
        hook: HookId,
        state: State,
        due_at: Option<Timestamp>,
    ) -> Result<()> {
        let lease = (state == State::Leased).then_some(seq.0);
        let due_at = due_at.map(Timestamp::millis);
        self.sql(ADD_DELIVERY)?.execute(params![seq.0, event.seq.0, hook.0, state_number(state), due_at, lease])?;
        Ok(())
    }
}

/// What is lent to this node as it is published.
struct Lends<'a> {
    room: &'a Room,
    until: Timestamp,
    /// Published for one hook alone, to try it out: goes in any case.
    alone: bool,
}

impl Lends<'_> {
    fn take(&self, hook: HookId, bytes: usize) -> bool {
        if self.alone {
            self.room.take_anyway(hook, bytes);
            return true;
        }
        self.room.take_new(hook, bytes)
    }
}
