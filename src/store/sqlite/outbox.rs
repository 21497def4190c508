//! Events on their way in and deliveries on their way out.

use std::collections::HashSet;
use std::sync::Arc;

use rusqlite::{OptionalExtension, params};

use super::Session;
use super::fan_out::Lends;
use super::recipient::Recipient;
use crate::domain::event::{Event, NewEvent};
use crate::domain::hook::Owner;
use crate::domain::id::{HookId, Lease, Seq};
use crate::domain::time::Timestamp;
use crate::store::room::Room;
use crate::store::{Applications, Claimed, FannedOut, Outbox, Published, Publishing, Result};

const RENEW: &str = "UPDATE deliveries SET due_at = ?3 WHERE seq = ?1 AND lease = ?2 AND state = 1";

const RELEASE: &str = "
    UPDATE deliveries SET state = 0, due_at = ?3, lease = NULL
    WHERE seq = ?1 AND lease = ?2 AND state = 1
    RETURNING hook_id";

const RAN_OUT: &str = "SELECT seq, lease FROM deliveries WHERE state = 1 AND due_at <= ?1";

/// The earlier of two times that there may be.
pub(super) fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    one.into_iter().chain(other).min()
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
        self.room_for(new.payload.len())?;
        for application in new.applications.iter().filter(|_| new.introduces) {
            self.add_application(now, application)?;
        }
        let Some(hooks) = self.audience(new)? else {
            return Ok(Publishing::NoSuchHook);
        };
        let event = Arc::new(self.add_event(now, new, hooks.len())?);
        if let Some(idempotency) = &new.idempotency {
            self.remember_key(now, owner, &event, idempotency)?;
        }
        let lends = Lends { room, until, alone: new.only.is_some() };
        let made = self.begin_fan_out(now, &lends, &event, hooks)?;
        Ok(Publishing::Kept(Published {
            seq: event.seq,
            id: event.id,
            event_type: event.event_type.clone(),
            deliveries: event.deliveries,
            untried: event.deliveries,
            overflow: made.overflow,
            leased: made.leased,
            more: made.more,
        }))
    }

    fn fan_out(&mut self, now: Timestamp, until: Timestamp, room: &Room) -> Result<FannedOut> {
        self.go_on_fanning_out(now, until, room)
    }

    fn claim(&mut self, now: Timestamp, until: Timestamp, room: &Room) -> Result<Claimed> {
        self.claim_due(now, until, room)
    }

    fn renew(&mut self, seq: Seq, lease: Lease, until: Timestamp) -> Result<bool> {
        Ok(self.sql(RENEW)?.execute(params![seq.0, lease.0, until.millis()])? > 0)
    }

    fn release(&mut self, now: Timestamp, leases: &[(Seq, Lease)]) -> Result<Option<Timestamp>> {
        let (mut due_at, mut hooks) = (None, HashSet::new());
        for (seq, lease) in leases {
            let columns = params![seq.0, lease.0, now.millis()];
            let hook = self.sql(RELEASE)?.query_row(columns, |row| row.get(0)).optional()?.map(HookId);
            if let Some(hook) = hook {
                due_at = earlier(due_at, self.queue_up(hook, now)?);
                hooks.insert(hook);
            }
        }
        for hook in hooks {
            due_at = earlier(due_at, self.probe_again(hook)?);
        }
        self.batch.rows += leases.len();
        Ok(due_at)
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
    fn audience(&mut self, new: &NewEvent) -> Result<Option<Vec<Recipient>>> {
        match new.only {
            None => self.wanted_by(new).map(Some),
            Some(hook) => Ok(self.target(hook)?.map(|_| vec![Recipient::of(hook)])),
        }
    }

    /// Keeps an event of our own about a hook of this owner, with what is owed of it
    /// in the store: it goes to hooks of the same owner and of admins, because nobody
    /// else may know of that one.
    pub(super) fn keep(&mut self, now: Timestamp, owner: Owner, new: &NewEvent) -> Result<Event> {
        let mut hooks = self.wanted_by(new)?;
        let owners = [owner, Owner::ADMIN];
        let mut told = vec![];
        for recipient in hooks.drain(..) {
            if self.hook_by_id(recipient.hook)?.is_some_and(|hook| owners.contains(&hook.owner)) {
                told.push(recipient);
            }
        }
        let hooks = told;
        let event = Arc::new(self.add_event(now, new, hooks.len())?);
        let nowhere = Room::new(0);
        self.begin_fan_out(now, &Lends { room: &nowhere, until: now, alone: false }, &event, hooks)?;
        Ok((*event).clone())
    }
}
