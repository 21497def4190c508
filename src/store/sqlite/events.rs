//! Events, by writing, and the keys that make a publish safe to repeat.

use rusqlite::{OptionalExtension, params};

use super::Session;
use super::recipient::Recipient;
use super::rows;
use crate::domain::catalogue::{self, KnownType};
use crate::domain::event::{Event, Idempotency, NewEvent};
use crate::domain::filter::wanted_by;
use crate::domain::hook::Owner;
use crate::domain::time::Timestamp;
use crate::store::{KEY_RETENTION, Published, Publishing, Result};

const ADD_EVENT: &str = "
    INSERT INTO events (seq, id, type, applications, payload, deliveries, published_at, publisher, deed, gate,
                        trigger_id, execution, hops)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";

const EVENT_BY_SEQ: &str = "SELECT * FROM events WHERE seq = ?1";

const KEY: &str = "
    SELECT event_seq, fingerprint FROM idempotency_keys
    WHERE owner = ?1 AND type = ?2 AND key = ?3 AND created_at > ?4";

/// Replaces only what is too old to count.
const REMEMBER_KEY: &str = "
    INSERT OR REPLACE INTO idempotency_keys (owner, type, key, event_seq, fingerprint, created_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

const UNTRIED: &str = "
    SELECT count(*) FROM deliveries
    WHERE seq BETWEEN ?1 + 1 AND ?1 + ?2 AND attempts = 0 AND state < 2";

impl Session {
    /// What an earlier publish under the same key answered, if there was one.
    pub(super) fn earlier(
        &self,
        now: Timestamp,
        owner: Owner,
        new: &NewEvent,
        idempotency: &Idempotency,
    ) -> Result<Option<Publishing>> {
        let since = now.minus(KEY_RETENTION).millis();
        let key = params![owner.0, new.event_type.key(), idempotency.key.as_str(), since];
        let found = self.sql(KEY)?.query_row(key, |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        let Some((seq, fingerprint)): Option<(i64, [u8; 32])> = found else {
            return Ok(None);
        };
        if fingerprint != idempotency.fingerprint {
            return Ok(Some(Publishing::KeyReused));
        }
        let Some(event) = self.event_by_seq(seq)? else {
            return Ok(None);
        };
        let untried: u32 = self.sql(UNTRIED)?.query_row(params![seq, event.deliveries], |row| row.get(0))?;
        let undone = self.undone(event.seq)?;
        Ok(Some(Publishing::Kept(Published {
            seq: event.seq,
            id: event.id,
            event_type: event.event_type,
            deliveries: event.deliveries,
            untried: untried + undone,
            overflow: false,
            leased: vec![],
            more: false,
        })))
    }

    pub(super) fn remember_key(
        &self,
        now: Timestamp,
        owner: Owner,
        event: &Event,
        idempotency: &Idempotency,
    ) -> Result<()> {
        self.sql(REMEMBER_KEY)?.execute(params![
            owner.0,
            event.event_type.key(),
            idempotency.key.as_str(),
            event.seq.0,
            idempotency.fingerprint,
            now.millis(),
        ])?;
        Ok(())
    }

    /// Who is to get the event: the hooks that want it, in the order in which they were
    /// made, each once; or once for each application, where it gets those apart.
    pub(super) fn wanted_by(&mut self, new: &NewEvent) -> Result<Vec<Recipient>> {
        let mut recipients = vec![];
        let hears_apart = catalogue::find(&new.event_type).is_some_and(KnownType::is_of_applications);
        for pair in wanted_by(&new.event_type, &new.applications) {
            for &(hook, apart) in self.wanting(&pair)?.iter() {
                if !apart {
                    recipients.push(Recipient::of(hook));
                } else if hears_apart {
                    recipients.push(Recipient { hook, application: Some(pair.1.as_str().into()) });
                }
            }
        }
        recipients.sort_unstable();
        recipients.dedup();
        Ok(recipients)
    }

    pub(super) fn add_event(&mut self, now: Timestamp, new: &NewEvent, deliveries: usize) -> Result<Event> {
        let names = new.applications.iter().map(|application| application.as_str().to_owned());
        let event = Event {
            seq: self.next_seq(),
            id: self.ids.next(now),
            event_type: new.event_type.clone(),
            applications: names.collect(),
            payload: new.payload.clone(),
            deliveries: u32::try_from(deliveries).unwrap_or(u32::MAX),
            published_at: now,
            publisher: new.publisher,
            deed: new.deed.clone(),
            gate: new.gate,
            origin: new.origin,
            hops: new.hops,
        };
        self.sql(ADD_EVENT)?.execute(params![
            event.seq.0,
            event.id.0.to_bytes(),
            event.event_type.as_str(),
            rows::list(&event.applications),
            &event.payload[..],
            event.deliveries,
            now.millis(),
            event.publisher.map(|token| token.0),
            event.deed.as_ref().map(rows::json),
            event.gate.map(|gate| gate.0),
            event.origin.map(|origin| origin.trigger.0),
            event.origin.map(|origin| origin.execution.0),
            (event.hops > 0).then_some(event.hops),
        ])?;
        self.batch.rows += 1;
        Ok(event)
    }

    pub(super) fn event_by_seq(&self, seq: i64) -> Result<Option<Event>> {
        Ok(self.sql(EVENT_BY_SEQ)?.query_row([seq], rows::event).optional()?)
    }
}
