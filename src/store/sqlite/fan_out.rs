//! From an event to a delivery for each hook that wants it.
//!
//! A few are added together with the event. Where many hooks want it, their list is
//! kept with the event, and the deliveries follow in steps: a publish that ten
//! thousand hooks want holds up no other.

use std::collections::HashSet;
use std::sync::Arc;

use rusqlite::{OptionalExtension, params};

use super::Session;
use super::rows::{self, state_number};
use super::taken::Taken;
use crate::domain::delivery::State;
use crate::domain::event::Event;
use crate::domain::hook::Order;
use crate::domain::id::{HookId, Lease, Seq};
use crate::domain::time::Timestamp;
use crate::store::room::Room;
use crate::store::{Errand, FannedOut, Leased, Result, StoreError};

/// Deliveries that are added at once.
const STEP: usize = 256;

const ADD_DELIVERY: &str = "
    INSERT INTO deliveries (seq, event_seq, hook_id, state, attempts, due_at, lease, finished_at)
    VALUES (?1, ?2, ?3, ?4, 0, ?5, ?6, ?7)";

/// Hooks whose deliveries cannot come later than those of the next event.
const ORDERED: &str = "SELECT id FROM hooks WHERE ordering <> 'none' AND removed_at IS NULL";

const BEGIN: &str = "INSERT INTO fan_outs (event_seq, done) VALUES (?1, ?2)";

const KEEP_HOOKS: &str = "INSERT INTO fan_out_hooks (event_seq, hooks) VALUES (?1, ?2)";

const OLDEST: &str = "
    SELECT event_seq, done, hooks FROM fan_outs JOIN fan_out_hooks USING (event_seq)
    ORDER BY event_seq LIMIT 1";

const GO_ON: &str = "UPDATE fan_outs SET done = ?2 WHERE event_seq = ?1";

const END: &str = "DELETE FROM fan_outs WHERE event_seq = ?1";

const FORGET_HOOKS: &str = "DELETE FROM fan_out_hooks WHERE event_seq = ?1";

const UNDONE: &str = "
    SELECT deliveries - done FROM fan_outs JOIN events ON seq = event_seq WHERE event_seq = ?1";

/// What is lent to this node as deliveries are made.
pub(super) struct Lends<'a> {
    pub(super) room: &'a Room,
    pub(super) until: Timestamp,
    /// Published for one hook alone, to try it out: goes in any case.
    pub(super) alone: bool,
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

impl Session {
    /// Makes the deliveries of a new event, or begins to.
    pub(super) fn begin_fan_out(
        &mut self,
        now: Timestamp,
        lends: &Lends<'_>,
        event: &Arc<Event>,
        mut hooks: Vec<HookId>,
    ) -> Result<FannedOut> {
        self.reserve(hooks.len());
        if hooks.len() <= STEP {
            return self.owe(now, lends, event, 0, &hooks);
        }
        let first = self.put_ordered_first(&mut hooks)?.max(STEP);
        let ids: Vec<_> = hooks.iter().map(|hook| hook.0).collect();
        self.sql(KEEP_HOOKS)?.execute(params![event.seq.0, rows::list(&ids)])?;
        self.sql(BEGIN)?.execute(params![event.seq.0, number(first)])?;
        let fanned_out = self.owe(now, lends, event, 0, &hooks[..first])?;
        Ok(FannedOut { more: true, ..fanned_out })
    }

    /// Makes some more deliveries of the oldest event that is not done.
    pub(super) fn go_on_fanning_out(&mut self, now: Timestamp, until: Timestamp, room: &Room) -> Result<FannedOut> {
        let columns = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        let oldest = self.sql(OLDEST)?.query_row([], columns).optional()?;
        let Some((event_seq, done, hooks)): Option<(i64, i64, String)> = oldest else {
            return Ok(FannedOut::default());
        };
        let done = usize::try_from(done).unwrap_or(0);
        let hooks: Vec<i64> = rows::from_json(&hooks);
        let missing = || StoreError::Failed(format!("event {event_seq} is not there, but some of its deliveries"));
        let event = Arc::new(self.event_by_seq(event_seq)?.ok_or_else(missing)?);
        let next = (done + STEP).min(hooks.len());
        let step: Vec<_> = hooks.iter().take(next).skip(done).map(|&id| HookId(id)).collect();
        let fanned_out = self.owe(now, &Lends { room, until, alone: false }, &event, done, &step)?;
        if next < hooks.len() {
            self.sql(GO_ON)?.execute(params![event_seq, number(next)])?;
        } else {
            self.sql(END)?.execute([event_seq])?;
            self.sql(FORGET_HOOKS)?.execute([event_seq])?;
        }
        Ok(FannedOut { more: true, ..fanned_out })
    }

    /// How many deliveries of an event are still to be made.
    pub(super) fn undone(&self, event: Seq) -> Result<u32> {
        Ok(self.sql(UNDONE)?.query_row([event.0], |row| row.get(0)).optional()?.unwrap_or(0))
    }

    /// Adds a delivery for each of these hooks, leased as far as there is room. They
    /// follow the event at the places that are its own, after `done` of them.
    fn owe(
        &mut self,
        now: Timestamp,
        lends: &Lends<'_>,
        event: &Arc<Event>,
        done: usize,
        hooks: &[HookId],
    ) -> Result<FannedOut> {
        let mut taken = Taken::none(lends.room);
        let mut made = FannedOut::default();
        let first = event.seq.0 + 1 + number(done);
        for (&hook, seq) in hooks.iter().zip((first..).map(Seq)) {
            let Some(target) = self.target(hook)? else {
                self.add_delivery(seq, event, hook, State::Cancelled, Some(now))?;
                made.untried.push((event.seq, seq));
                continue;
            };
            // What a person tries out stands in no line: it would go out of turn.
            let its_turn = lends.alone
                || target.order == Order::None
                || self.take_turn(hook, target.order, &event.applications, seq)?;
            let goes = lends.alone || its_turn && target.held_until().is_none();
            if goes && lends.take(hook, event.payload.len()) {
                // The delivery's own number: no two leases at first hand share it.
                let (lease, until) = (Lease(seq.0), lends.until);
                let errand = if lends.alone { Errand::Test } else { Errand::Usual };
                taken.leased.push(Leased { seq, lease, until, hook, attempts: 0, errand, event: event.clone() });
                self.add_delivery(seq, event, hook, State::Leased, Some(until))?;
            } else {
                self.add_delivery(seq, event, hook, State::Pending, its_turn.then_some(now))?;
                if its_turn {
                    self.queue_up(hook, now)?;
                }
                made.overflow |= goes;
            }
        }
        self.batch.rows += hooks.len();
        made.leased = taken.keep();
        Ok(made)
    }

    fn add_delivery(&self, seq: Seq, event: &Event, hook: HookId, state: State, at: Option<Timestamp>) -> Result<()> {
        let lease = (state == State::Leased).then_some(seq.0);
        let at = at.map(Timestamp::millis);
        let (due_at, finished_at) = if state == State::Cancelled { (None, at) } else { (at, None) };
        let columns = params![seq.0, event.seq.0, hook.0, state_number(state), due_at, lease, finished_at];
        self.sql(ADD_DELIVERY)?.execute(columns)?;
        Ok(())
    }

    /// Answers how many of them are ordered.
    fn put_ordered_first(&self, hooks: &mut [HookId]) -> Result<usize> {
        let mut statement = self.sql(ORDERED)?;
        let ordered = statement.query_map([], |row| row.get(0).map(HookId))?;
        let ordered: HashSet<_> = ordered.collect::<rusqlite::Result<_>>()?;
        hooks.sort_by_key(|hook| !ordered.contains(hook));
        Ok(hooks.iter().take_while(|hook| ordered.contains(hook)).count())
    }
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
