//! Attempts, and what follows from them.

use rusqlite::params;

use super::Session;
use super::outbox::earlier;
use super::rows::state_number;
use crate::domain::audit::{Action, AuditEntry};
use crate::domain::delivery::{Attempt, Next, State};
use crate::domain::headers::HeaderLines;
use crate::domain::id::{HookId, Seq};
use crate::domain::outcome::{Answer, Outcome};
use crate::domain::time::Timestamp;
use crate::store::targets::Target;
use crate::store::{Audit, Hooks, Ledger, Record, Recorded, Result};

/// Nothing where the lease is no longer ours.
const FINISH: &str = "
    UPDATE deliveries
    SET state = ?3, attempts = ?4, due_at = ?5, lease = NULL, finished_at = ?6
    WHERE seq = ?1 AND lease = ?2 AND state = 1";

/// A first attempt that arrived, the normal case, lives in the delivery's own
/// row: one row less to write.
const FINISH_AT_ONCE: &str = "
    UPDATE deliveries
    SET state = 2, attempts = 1, due_at = NULL, lease = NULL, finished_at = ?3,
        started_at = ?4, duration_us = ?5, status = ?6, reason = ?7,
        request_headers = ?8, answer_headers = ?9, answer_body = ?10
    WHERE seq = ?1 AND lease = ?2 AND state = 1";

const ADD_ATTEMPT: &str = "
    INSERT INTO attempts (delivery, number, started_at, duration_us, outcome, status, reason,
                          request_headers, answer_headers, answer_body)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";

/// Later means later in the store's order: a late retry never hides what came
/// of a newer event.
const SET_RESULT: &str = "
    INSERT INTO hook_results (hook_id, delivery, event, started_at, status, reason)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6)
    ON CONFLICT DO UPDATE
    SET delivery = excluded.delivery, event = excluded.event, started_at = excluded.started_at,
        status = excluded.status, reason = excluded.reason
    WHERE excluded.delivery >= delivery";

/// A hook's latest result within one transaction.
#[derive(Clone)]
pub(super) struct Latest {
    delivery: Seq,
    event: Seq,
    started_at: Timestamp,
    status: Option<u16>,
    reason: String,
}

impl Ledger for Session {
    fn record(&mut self, now: Timestamp, record: &Record) -> Result<Recorded> {
        let at_once = record.next == Next::Done && record.attempt.number == 1;
        let target = self.target(record.hook)?;
        let due_at = match &record.attempt.outcome {
            Outcome::Answered(answer) if at_once => self.finish_at_once(now, record, answer)?.then_some(None),
            _ => self.finish(now, record, target.as_deref())?,
        };
        let Some(due_at) = due_at else {
            return Ok(Recorded::NotOurs);
        };
        self.batch.rows += 2;
        self.note_result(record);
        let finished = due_at.is_none();
        let (came_due, closed) = self.consequences(now, record, target.as_deref(), finished)?;
        Ok(Recorded::Kept { due_at: earlier(due_at, came_due), closed })
    }
}

impl Session {
    /// What follows for others: for the hook's breaker, and for what stood behind
    /// this delivery. Answers when something is due by that, and whether it closed the
    /// breaker.
    fn consequences(
        &mut self,
        now: Timestamp,
        record: &Record,
        target: Option<&Target>,
        finished: bool,
    ) -> Result<(Option<Timestamp>, bool)> {
        let mut due_at = None;
        if finished && target.is_none_or(|target| target.lined) && self.end_turn(now, record.seq)? {
            due_at = Some(now);
        }
        let Some(target) = target else {
            return Ok((due_at, false));
        };
        match &record.attempt.outcome {
            Outcome::Hindered(_) => Ok((due_at, false)),
            // What the old URL did says nothing of the new one.
            _ if record.url != target.url || record.next == Next::DropHook => Ok((due_at, false)),
            outcome if outcome.arrived() => {
                let closed = self.note_success(now, record.hook, target)?;
                Ok((earlier(due_at, closed.then_some(now)), closed))
            }
            _ => Ok((earlier(due_at, self.note_failure(now, record, target)?), false)),
        }
    }

    /// False if the lease is no longer ours.
    fn finish_at_once(&self, now: Timestamp, record: &Record, answer: &Answer) -> Result<bool> {
        let attempt = &record.attempt;
        let updated = self.sql(FINISH_AT_ONCE)?.execute(params![
            record.seq.0,
            record.lease.0,
            now.millis(),
            attempt.started_at.millis(),
            micros(attempt),
            answer.status,
            unusual_reason(answer),
            lines(&attempt.request_headers),
            lines(&answer.headers),
            body(answer),
        ])?;
        Ok(updated > 0)
    }

    /// When it is due again, if it is; `None` if the lease is no longer ours.
    #[expect(clippy::option_option, reason = "not ours, finished, or due again: three things")]
    fn finish(
        &mut self,
        now: Timestamp,
        record: &Record,
        target: Option<&Target>,
    ) -> Result<Option<Option<Timestamp>>> {
        let (state, due_at) = what_follows(now, record, target);
        let finished_at = due_at.is_none().then_some(now.millis());
        let updated = self.sql(FINISH)?.execute(params![
            record.seq.0,
            record.lease.0,
            state_number(state),
            record.attempt.number,
            due_at.map(Timestamp::millis),
            finished_at,
        ])?;
        if updated == 0 {
            return Ok(None);
        }
        self.add_attempt(record)?;
        match due_at {
            Some(due_at) => drop(self.queue_up(record.hook, due_at)?),
            None if record.next == Next::DropHook => self.drop_hook(now, record.hook)?,
            None => {}
        }
        Ok(Some(due_at))
    }

    /// Its receiver said that it is gone.
    fn drop_hook(&mut self, now: Timestamp, hook: HookId) -> Result<()> {
        if self.remove(now, hook, None)? {
            self.note(&AuditEntry::by_server(now, Action::HookRemoved, hook, "its receiver answered 410 Gone"))?;
        }
        Ok(())
    }

    fn add_attempt(&self, record: &Record) -> Result<()> {
        let attempt = &record.attempt;
        let none = Answer::default();
        let (outcome, answer) = match &attempt.outcome {
            Outcome::Answered(answer) => (0, answer),
            Outcome::Failed(_) => (1, &none),
            Outcome::Refused(_) => (2, &none),
            Outcome::Hindered(_) => (3, &none),
        };
        self.sql(ADD_ATTEMPT)?.execute(params![
            record.seq.0,
            attempt.number,
            attempt.started_at.millis(),
            micros(attempt),
            outcome,
            attempt.outcome.status(),
            attempt.outcome.reason(),
            lines(&attempt.request_headers),
            lines(&answer.headers),
            body(answer),
        ])?;
        Ok(())
    }

    fn note_result(&mut self, record: &Record) {
        let newer = |latest: &Latest| latest.delivery > record.seq;
        if self.batch.results.get(&record.hook).is_some_and(newer) {
            return;
        }
        let latest = Latest {
            delivery: record.seq,
            event: record.event,
            started_at: record.attempt.started_at,
            status: record.attempt.outcome.status(),
            reason: record.attempt.outcome.reason().to_owned(),
        };
        self.batch.results.insert(record.hook, latest);
    }

    /// Writes each hook's latest result once for the whole transaction.
    pub(super) fn write_results(&mut self) -> Result<()> {
        for (HookId(hook), latest) in std::mem::take(&mut self.batch.results) {
            self.sql(SET_RESULT)?.execute(params![
                hook,
                latest.delivery.0,
                latest.event.0,
                latest.started_at.millis(),
                latest.status,
                latest.reason,
            ])?;
        }
        Ok(())
    }
}

/// A 410 speaks only for the URL that answered: a hook that has another by now is
/// asked there, at once.
fn what_follows(now: Timestamp, record: &Record, target: Option<&Target>) -> (State, Option<Timestamp>) {
    match record.next {
        Next::Done => (State::Delivered, None),
        Next::RetryAt(at) => (State::Pending, Some(at)),
        Next::GiveUp => (State::Dead, None),
        Next::DropHook => match target {
            Some(target) if target.url != record.url => (State::Pending, Some(now)),
            _ => (State::Dead, None),
        },
    }
}

fn micros(attempt: &Attempt) -> i64 {
    i64::try_from(attempt.duration.as_micros()).unwrap_or(i64::MAX)
}

/// NULL for the reason that goes without saying.
fn unusual_reason(answer: &Answer) -> Option<&str> {
    let usual = http::StatusCode::from_u16(answer.status).ok().and_then(|status| status.canonical_reason());
    (usual != Some(&answer.reason)).then_some(&answer.reason)
}

/// NULL for none.
fn lines(headers: &HeaderLines) -> Option<&str> {
    Some(headers.as_str()).filter(|lines| !lines.is_empty())
}

fn body(answer: &Answer) -> Option<&[u8]> {
    (!answer.body.is_empty()).then_some(&answer.body)
}
