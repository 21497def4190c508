//! Redeliveries: new deliveries that name old ones.

use rusqlite::{OptionalExtension, params};

use super::Session;
use super::recipient::Recipient;
use super::rows;
use crate::domain::delivery::State;
use crate::domain::hook::Order;
use crate::domain::id::{DeliveryId, HookId, Seq};
use crate::domain::time::Timestamp;
use crate::store::{Redelivered, Result};

/// What is there to be done again, and for whom.
const OLD: &str = "
    SELECT d.event_seq, d.hook_id, d.state, d.application,
           EXISTS (SELECT 1 FROM hooks WHERE id = d.hook_id AND removed_at IS NULL) AS living
    FROM deliveries AS d JOIN events ON events.seq = d.event_seq
    WHERE d.seq = ?1";

const OWE_AGAIN: &str = "
    INSERT INTO deliveries (seq, event_seq, hook_id, state, attempts, due_at, redelivers, created_at, application)
    VALUES (?1, ?2, ?3, 0, 0, ?4, ?5, ?6, ?7)";

/// The latest counts: who follows these finds the end of the chain.
const NAME_REDELIVERY: &str = "UPDATE deliveries SET redelivered_by = ?2 WHERE seq = ?1";

/// A delivery that may be done again.
struct Old {
    seq: Seq,
    event: Seq,
    recipient: Recipient,
    state: State,
    /// Whether its hook is there.
    living: bool,
}

impl Session {
    /// Owes the event of a finished delivery once more.
    pub(super) fn do_again(&mut self, now: Timestamp, old: DeliveryId) -> Result<Redelivered> {
        let columns = |row: &rusqlite::Row<'_>| {
            let recipient = Recipient { hook: HookId(row.get("hook_id")?), application: row.get("application")? };
            let (event, state) = (Seq(row.get("event_seq")?), rows::state(row.get("state")?));
            Ok(Old { seq: old.0, event, recipient, state, living: row.get("living")? })
        };
        let found = self.sql(OLD)?.query_row([old.0.0], columns).optional()?;
        Ok(match found {
            None => Redelivered::Absent,
            Some(old) if !old.state.is_finished() => Redelivered::Owed,
            Some(old) if !old.living => Redelivered::HookRemoved,
            Some(old) => Redelivered::By(DeliveryId(self.owe_again(now, &old)?)),
        })
    }

    /// Adds a delivery of what was owed to the hook before, due now. It joins the end
    /// of the hook's queue, as a new place in the store's order.
    fn owe_again(&mut self, now: Timestamp, old: &Old) -> Result<Seq> {
        let (seq, hook) = (self.next_seq(), old.recipient.hook);
        let its_turn = self.joins_its_line(old, seq)?;
        let due_at = its_turn.then_some(now.millis());
        let application = old.recipient.application.as_deref();
        let columns = params![seq.0, old.event.0, hook.0, due_at, old.seq.0, now.millis(), application];
        self.sql(OWE_AGAIN)?.execute(columns)?;
        self.sql(NAME_REDELIVERY)?.execute([old.seq.0, seq.0])?;
        if its_turn {
            self.queue_up(hook, now)?;
        }
        self.batch.rows += 2;
        Ok(seq)
    }

    /// Answers whether it is due at once: always, but where the hook is ordered.
    fn joins_its_line(&mut self, old: &Old, delivery: Seq) -> Result<bool> {
        let hook = old.recipient.hook;
        let order = self.target(hook)?.map_or(Order::None, |target| target.order);
        if order == Order::None {
            return Ok(true);
        }
        let application = old.recipient.application.as_deref();
        let event = self.event_by_seq(old.event.0)?;
        event.map_or(Ok(true), |event| self.take_turn(delivery, hook, order, &event, application))
    }
}
