//! Redeliveries: new deliveries that name old ones.

use rusqlite::{OptionalExtension, params};

use super::Session;
use super::rows;
use crate::domain::hook::Order;
use crate::domain::id::{DeliveryId, HookId, Seq};
use crate::domain::time::Timestamp;
use crate::store::{Redelivered, Result};

/// What is there to be done again, and for whom.
const OLD: &str = "
    SELECT d.event_seq, d.hook_id, d.state,
           EXISTS (SELECT 1 FROM hooks WHERE id = d.hook_id AND removed_at IS NULL) AS living
    FROM deliveries AS d JOIN events ON events.seq = d.event_seq
    WHERE d.seq = ?1";

const OWE_AGAIN: &str = "
    INSERT INTO deliveries (seq, event_seq, hook_id, state, attempts, due_at, redelivers, created_at)
    VALUES (?1, ?2, ?3, 0, 0, ?4, ?5, ?6)";

/// The latest counts: who follows these finds the end of the chain.
const NAME_REDELIVERY: &str = "UPDATE deliveries SET redelivered_by = ?2 WHERE seq = ?1";

impl Session {
    /// Owes the event of a finished delivery once more.
    pub(super) fn do_again(&mut self, now: Timestamp, old: DeliveryId) -> Result<Redelivered> {
        let columns = |row: &rusqlite::Row<'_>| {
            Ok((Seq(row.get(0)?), HookId(row.get(1)?), rows::state(row.get(2)?), row.get::<_, bool>(3)?))
        };
        let found = self.sql(OLD)?.query_row([old.0.0], columns).optional()?;
        Ok(match found {
            None => Redelivered::Absent,
            Some((.., state, _)) if !state.is_finished() => Redelivered::Owed,
            Some((.., false)) => Redelivered::HookRemoved,
            Some((event, hook, ..)) => Redelivered::By(DeliveryId(self.owe_again(now, hook, event, old.0)?)),
        })
    }

    /// Adds a delivery of an event that was owed to the hook before, due now. It
    /// joins the end of the hook's queue, as a new place in the store's order.
    pub(super) fn owe_again(&mut self, now: Timestamp, hook: HookId, event: Seq, redelivers: Seq) -> Result<Seq> {
        let seq = self.next_seq();
        let its_turn = self.joins_its_line(hook, event, seq)?;
        let due_at = its_turn.then_some(now.millis());
        self.sql(OWE_AGAIN)?.execute(params![seq.0, event.0, hook.0, due_at, redelivers.0, now.millis()])?;
        self.sql(NAME_REDELIVERY)?.execute([redelivers.0, seq.0])?;
        if its_turn {
            self.queue_up(hook, now)?;
        }
        self.batch.rows += 2;
        Ok(seq)
    }

    /// Answers whether it is due at once: always, but where the hook is ordered.
    fn joins_its_line(&mut self, hook: HookId, event: Seq, delivery: Seq) -> Result<bool> {
        let order = self.target(hook)?.map_or(Order::None, |target| target.order);
        if order == Order::None {
            return Ok(true);
        }
        let applications = self.event_by_seq(event.0)?.map(|event| event.applications).unwrap_or_default();
        self.take_turn(hook, order, &applications, delivery)
    }
}
