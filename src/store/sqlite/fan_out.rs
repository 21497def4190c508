//! From an event to a delivery for each hook that wants it.
//!
//! A few are added together with the event. Where many hooks want it, their list is
//! kept with the event, and the deliveries follow in steps: a publish that ten
//! thousand hooks want holds up no other.

use std::collections::HashSet;
use std::sync::Arc;

use rusqlite::{OptionalExtension, params};

use super::Session;
use super::recipient::{self, Recipient};
use super::rows::state_number;
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
    INSERT INTO deliveries (seq, event_seq, hook_id, state, attempts, due_at, lease, finished_at, application)
    VALUES (?1, ?2, ?3, ?4, 0, ?5, ?6, ?7, ?8)";

/// Hooks whose deliveries cannot come later than those of the next event.
const ORDERED: &str = "SELECT id FROM hooks WHERE ordering <> 'none' AND removed_at IS NULL";

const BEGIN: &str = "INSERT INTO fan_outs (event_seq, done) VALUES (?1, ?2)";

const KEEP_HOOKS: &str = "INSERT INTO fan_out_hooks (event_seq, hooks, applications) VALUES (?1, ?2, ?3)";

const OLDEST: &str = "
    SELECT event_seq, done, hooks, applications FROM fan_outs JOIN fan_out_hooks USING (event_seq)
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
        mut recipients: Vec<Recipient>,
    ) -> Result<FannedOut> {
        self.reserve(recipients.len());
        if recipients.len() <= STEP {
            return self.owe(now, lends, event, 0, &recipients);
        }
        let first = self.put_ordered_first(&mut recipients)?.max(STEP);
        let (hooks, applications) = recipient::to_columns(&recipients);
        self.sql(KEEP_HOOKS)?.execute(params![event.seq.0, hooks, applications])?;
        self.sql(BEGIN)?.execute(params![event.seq.0, number(first)])?;
        let fanned_out = self.owe(now, lends, event, 0, &recipients[..first])?;
        Ok(FannedOut { more: true, ..fanned_out })
    }

    /// Makes some more deliveries of the oldest event that is not done.
    pub(super) fn go_on_fanning_out(&mut self, now: Timestamp, until: Timestamp, room: &Room) -> Result<FannedOut> {
        let columns = |row: &rusqlite::Row<'_>| {
            let applications: Option<String> = row.get(3)?;
            let recipients = recipient::from_columns(&row.get::<_, String>(2)?, applications.as_deref());
            Ok((row.get(0)?, row.get(1)?, recipients))
        };
        let oldest = self.sql(OLDEST)?.query_row([], columns).optional()?;
        let Some((event_seq, done, recipients)): Option<(i64, i64, Vec<Recipient>)> = oldest else {
            return Ok(FannedOut::default());
        };
        let done = usize::try_from(done).unwrap_or(0);
        let missing = || StoreError::Failed(format!("event {event_seq} is not there, but some of its deliveries"));
        let event = Arc::new(self.event_by_seq(event_seq)?.ok_or_else(missing)?);
        let next = (done + STEP).min(recipients.len());
        let step = recipients.get(done..next).unwrap_or_default();
        let fanned_out = self.owe(now, &Lends { room, until, alone: false }, &event, done, step)?;
        if next < recipients.len() {
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
        recipients: &[Recipient],
    ) -> Result<FannedOut> {
        let mut taken = Taken::none(lends.room);
        let mut made = FannedOut::default();
        let (event_seq, first) = (event.seq, event.seq.0 + 1 + number(done));
        for (recipient, seq) in recipients.iter().zip((first..).map(Seq)) {
            let hook = recipient.hook;
            let Some(target) = self.target(hook)? else {
                self.add_delivery(seq, event_seq, recipient, State::Cancelled, Some(now))?;
                made.untried.push((event.seq, seq));
                continue;
            };
            // What a person tries out stands in no line: it would go out of turn.
            let its_turn = lends.alone
                || target.order == Order::None
                || self.take_turn(seq, hook, target.order, event, recipient.application.as_deref())?;
            let goes = lends.alone || its_turn && target.held_until().is_none();
            // Before room is taken: nothing after that may fail.
            let lent = if goes { Some(self.lend(lends, seq, recipient, event)?) } else { None };
            if let Some(lent) = lent.filter(|_| lends.take(hook, event.payload.len())) {
                taken.leased.push(lent);
                self.add_delivery(seq, event_seq, recipient, State::Leased, Some(lends.until))?;
            } else {
                self.add_delivery(seq, event_seq, recipient, State::Pending, its_turn.then_some(now))?;
                if its_turn {
                    self.queue_up(hook, now)?;
                }
                made.overflow |= goes;
            }
        }
        self.batch.rows += recipients.len();
        made.leased = taken.keep();
        Ok(made)
    }

    /// A new delivery, as it is lent.
    fn lend(&mut self, lends: &Lends<'_>, seq: Seq, recipient: &Recipient, event: &Arc<Event>) -> Result<Leased> {
        Ok(Leased {
            seq,
            // The delivery's own number: no two leases at first hand share it.
            lease: Lease(seq.0),
            until: lends.until,
            hook: recipient.hook,
            application: recipient.application.clone(),
            work_id: self.work_id_for(event, recipient.hook)?,
            attempts: 0,
            errand: if lends.alone { Errand::Test } else { Errand::Usual },
            event: event.clone(),
        })
    }

    fn add_delivery(
        &self,
        seq: Seq,
        event: Seq,
        recipient: &Recipient,
        state: State,
        at: Option<Timestamp>,
    ) -> Result<()> {
        let lease = (state == State::Leased).then_some(seq.0);
        let at = at.map(Timestamp::millis);
        let (due_at, finished_at) = if state == State::Cancelled { (None, at) } else { (at, None) };
        let Recipient { hook, application } = recipient;
        let state = state_number(state);
        self.sql(ADD_DELIVERY)?.execute(params![
            seq.0,
            event.0,
            hook.0,
            state,
            due_at,
            lease,
            finished_at,
            application.as_deref()
        ])?;
        Ok(())
    }

    /// Answers how many of them are ordered.
    fn put_ordered_first(&self, recipients: &mut [Recipient]) -> Result<usize> {
        let mut statement = self.sql(ORDERED)?;
        let ordered = statement.query_map([], |row| row.get(0).map(HookId))?;
        let ordered: HashSet<_> = ordered.collect::<rusqlite::Result<_>>()?;
        recipients.sort_by_key(|recipient| !ordered.contains(&recipient.hook));
        Ok(recipients.iter().take_while(|recipient| ordered.contains(&recipient.hook)).count())
    }
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
