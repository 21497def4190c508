//! How executions end: with what they publish, in one.

use rusqlite::{OptionalExtension, Row, params};

use super::Session;
use super::executions::{END, number};
use crate::domain::id::{ExecutionId, Seq, TriggerId};
use crate::domain::time::Timestamp;
use crate::domain::trigger::{Conclusion, Ended, Trigger};
use crate::store::room::Room;
use crate::store::{CarriedOut, Carry, Outbox, Published, Publishing, Result, StoreError};

/// What is not over.
const OPEN: &str = "
    SELECT trigger_id, errors, key, status = 2 AS doing FROM executions
    WHERE seq = ?1 AND (due_at IS NOT NULL OR status = 2)";

const MAINTENANCE: &str = "SELECT EXISTS (SELECT 1 FROM maintenance)";

const TAKE_KEY: &str = "
    INSERT OR IGNORE INTO execution_keys (trigger_id, key, execution, created_at) VALUES (?1, ?2, ?3, ?4)";

const WHO_HAS_KEY: &str = "SELECT execution FROM execution_keys WHERE trigger_id = ?1 AND key = ?2";

/// What stands in a column for each, and is not over.
struct Open {
    trigger: TriggerId,
    errors: u32,
    key: Option<String>,
    doing: bool,
}

impl Session {
    /// Ends an execution: publishes, and keeps when its trigger fires next, all in one.
    pub(super) fn end_execution(
        &mut self,
        now: Timestamp,
        until: Timestamp,
        carry: &Carry,
        room: &Room,
    ) -> Result<CarriedOut> {
        let open = |row: &Row<'_>| {
            let trigger = TriggerId(row.get(0)?);
            Ok(Open { trigger, errors: row.get(1)?, key: row.get(2)?, doing: row.get(3)? })
        };
        let Some(open) = self.sql(OPEN)?.query_row([carry.execution.0], open).optional()? else {
            return Ok(CarriedOut::Over);
        };
        let Some(trigger) = self.trigger_by_id(open.trigger)?.filter(|trigger| trigger.revision == carry.revision)
        else {
            return Ok(CarriedOut::Changed);
        };
        // What was begun before may end.
        if !open.doing && self.sql(MAINTENANCE)?.query_row([], |row| row.get(0))? {
            return Ok(CarriedOut::Changed);
        }
        let (conclusion, errors, why) = self.concluded_as(now, &open, carry)?;
        self.end(now, carry, errors, conclusion, why.as_deref())?;
        let published = match conclusion {
            Conclusion::Published | Conclusion::Failed => self.publish_all(now, until, &trigger, carry, room)?,
            Conclusion::Skipped => vec![],
        };
        Ok(CarriedOut::Done(published))
    }

    /// What it comes to, how often it has failed with this, and why.
    fn concluded_as(
        &mut self,
        now: Timestamp,
        open: &Open,
        carry: &Carry,
    ) -> Result<(Conclusion, u32, Option<String>)> {
        Ok(match &carry.ended {
            Ended::Published(_) => match self.is_taken(now, open, carry.execution)? {
                None => (Conclusion::Published, open.errors, None),
                Some(earlier) => {
                    let why = format!("the same came before, as {earlier}: it is published once");
                    (Conclusion::Skipped, open.errors, Some(why))
                }
            },
            Ended::Skipped(why) => (Conclusion::Skipped, open.errors, Some(why.clone())),
            Ended::Failed(why) | Ended::GaveUp { why, .. } => (Conclusion::Failed, open.errors + 1, Some(why.clone())),
        })
    }

    /// Takes the sender's name of what is published, if it has one; or who has that.
    fn is_taken(&mut self, now: Timestamp, open: &Open, execution: Seq) -> Result<Option<ExecutionId>> {
        let Some(key) = &open.key else { return Ok(None) };
        let columns = params![open.trigger.0, key, execution.0, now.millis()];
        if self.sql(TAKE_KEY)?.execute(columns)? > 0 {
            return Ok(None);
        }
        let earlier: i64 = self.sql(WHO_HAS_KEY)?.query_row(params![open.trigger.0, key], |row| row.get(0))?;
        Ok(Some(ExecutionId(Seq(earlier))).filter(|earlier| earlier.0 != execution))
    }

    fn end(
        &mut self,
        now: Timestamp,
        carry: &Carry,
        errors: u32,
        conclusion: Conclusion,
        why: Option<&str>,
    ) -> Result<()> {
        let again_at = carry.again_at.filter(|_| conclusion == Conclusion::Failed).map(Timestamp::millis);
        let columns = params![carry.execution.0, again_at, errors, why, number(conclusion), now.millis()];
        self.sql(END)?.execute(columns)?;
        self.batch.rows += 1;
        self.schedule_next(carry.trigger, carry.next)
    }

    /// All or none: what was taken of the room for the first ones is given back where a later
    /// one fails.
    fn publish_all(
        &mut self,
        now: Timestamp,
        until: Timestamp,
        trigger: &Trigger,
        carry: &Carry,
        room: &Room,
    ) -> Result<Vec<Published>> {
        let mut all: Vec<Published> = vec![];
        for event in carry.ended.events() {
            match self.publish(now, until, trigger.owner, event, room) {
                Ok(Publishing::Kept(published)) => all.push(published),
                other => {
                    for published in &all {
                        room.give_back_all(&published.leased);
                    }
                    let refused = || StoreError::Failed("an execution's event was refused".into());
                    return Err(other.err().unwrap_or_else(refused));
                }
            }
        }
        Ok(all)
    }
}
