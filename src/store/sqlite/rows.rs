//! Rows into the things that they stand for, and lists into columns.

use bytes::Bytes;
use rusqlite::Row;
use ulid::Ulid;

use super::certificates;
use crate::domain::breaker::Breaker;
use crate::domain::delivery::State;
use crate::domain::event::{Event, EventType};
use crate::domain::filter::{Filter, Pair};
use crate::domain::gate::{Gating, OnSilence};
use crate::domain::hook::{Dialect, Hook, LastResult, Order, Owner, PausedBy};
use crate::domain::id::{EventId, HookId, Seq, TokenId, TriggerId};
use crate::domain::pace::Limits;
use crate::domain::signature::Scheme;
use crate::domain::time::Timestamp;
use crate::domain::trigger::Origin;
use crate::domain::url::HookUrl;
use crate::domain::webhook::{Keys, Kind, Webhook};

/// `Timestamp` as a column that may be empty.
pub(super) fn time(row: &Row<'_>, column: &str) -> rusqlite::Result<Timestamp> {
    row.get(column).map(Timestamp::from_millis)
}

pub(super) fn state(number: i64) -> State {
    let index = usize::try_from(number).unwrap_or(usize::MAX);
    State::ALL.get(index).copied().unwrap_or(State::Cancelled)
}

pub(super) fn state_number(state: State) -> i64 {
    match state {
        State::Pending => 0,
        State::Leased => 1,
        State::Delivered => 2,
        State::Dead => 3,
        State::Cancelled => 4,
    }
}

/// A hook from the columns of `hooks` and, where it has one, of `hook_results`
/// (prefixed with `last_`).
pub(super) fn hook(row: &Row<'_>) -> rusqlite::Result<Hook> {
    let dialect: String = row.get("dialect")?;
    let filter: String = row.get("filter")?;
    Ok(Hook {
        id: HookId(row.get("id")?),
        owner: Owner(row.get("owner")?),
        dialect: Dialect::from_stored(&dialect),
        webhook: webhook(row)?,
        url: HookUrl::trusted(row.get("url")?),
        filter: filter_from(&filter),
        insecure_ssl: row.get("insecure_ssl")?,
        description: row.get("description")?,
        gating: gating(row)?,
        limits: limits(row)?,
        order: order(row)?,
        signatures: signatures(row)?,
        former_applications: row
            .get::<_, Option<String>>("former_applications")?
            .map(|json| from_json(&json))
            .unwrap_or_default(),
        header_names: row.get::<_, Option<String>>("header_names")?.map(|json| from_json(&json)).unwrap_or_default(),
        certificates: certificates::shown(row)?,
        paused: paused(row)?,
        breaker: breaker(row)?,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
        last: last_result(row)?,
    })
}

pub(super) fn limits(row: &Row<'_>) -> rusqlite::Result<Limits> {
    Ok(Limits { max_in_flight: row.get("max_in_flight")?, rate_limit: row.get("rate_limit")? })
}

/// What makes a hook one of Huskar's.
pub(super) fn webhook(row: &Row<'_>) -> rusqlite::Result<Option<Webhook>> {
    let kind = row.get::<_, Option<i64>>("webhook_type")?.and_then(Kind::of_number);
    let keys = row.get::<_, Option<String>>("webhook_keys")?.and_then(|keys| Keys::named(&keys)).unwrap_or_default();
    Ok(kind.map(|kind| Webhook { kind, keys }))
}

/// Whether a hook is asked, and what its silence means.
pub(super) fn gating(row: &Row<'_>) -> rusqlite::Result<Gating> {
    let on_silence = row.get::<_, Option<String>>("on_silence")?;
    let on_silence = on_silence.and_then(|text| OnSilence::named(&text)).unwrap_or_default();
    Ok(Gating { gate: row.get("gate")?, on_silence })
}

pub(super) fn order(row: &Row<'_>) -> rusqlite::Result<Order> {
    let order: String = row.get("ordering")?;
    Ok(Order::named(&order).unwrap_or_default())
}

/// The ways in which a hook signs.
pub(super) fn signatures(row: &Row<'_>) -> rusqlite::Result<Vec<Scheme>> {
    let names: Vec<String> = from_json(&row.get::<_, String>("signatures")?);
    Ok(names.iter().filter_map(|name| Scheme::named(name)).collect())
}

pub(super) fn signatures_to(schemes: &[Scheme]) -> String {
    json(&schemes.iter().map(|scheme| scheme.as_str()).collect::<Vec<_>>())
}

pub(super) fn paused(row: &Row<'_>) -> rusqlite::Result<Option<(Timestamp, PausedBy)>> {
    let at: Option<i64> = row.get("paused_at")?;
    let by: Option<String> = row.get("paused_by")?;
    Ok(at.map(|at| (Timestamp::from_millis(at), PausedBy::from_stored(&by.unwrap_or_default()))))
}

/// A breaker from the columns of `hook_breakers`, which are NULL where there is none.
pub(super) fn breaker(row: &Row<'_>) -> rusqlite::Result<Breaker> {
    let time = |column| row.get::<_, Option<i64>>(column).map(|millis| millis.map(Timestamp::from_millis));
    Ok(Breaker {
        failures: row.get::<_, Option<u32>>("failures")?.unwrap_or_default(),
        since: time("since")?,
        probes: row.get::<_, Option<u32>>("probes")?.unwrap_or_default(),
        probe_at: time("probe_at")?,
    })
}

fn last_result(row: &Row<'_>) -> rusqlite::Result<Option<LastResult>> {
    let Some(delivery) = row.get("last_delivery")? else {
        return Ok(None);
    };
    let context: Option<Vec<u8>> = row.get("last_context")?;
    Ok(Some(LastResult {
        delivery: Seq(delivery),
        started_at: time(row, "last_started_at")?,
        status: row.get("last_status")?,
        reason: row.get("last_reason")?,
        context: context.map(|bytes| cut_text(&bytes)),
    }))
}

/// Text that may have been cut within a character.
fn cut_text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(e) => String::from_utf8_lossy(&bytes[..e.valid_up_to()]).into_owned(),
    }
}

/// An event from the columns of `events`, with the payload as the last one.
pub(super) fn event(row: &Row<'_>) -> rusqlite::Result<Event> {
    let payload: Vec<u8> = row.get("payload")?;
    let id: [u8; 16] = row.get("id")?;
    let event_type: String = row.get("type")?;
    let applications: Option<String> = row.get("applications")?;
    Ok(Event {
        seq: Seq(row.get("seq")?),
        id: EventId(Ulid::from_bytes(id)),
        event_type: EventType::trusted(&event_type),
        applications: applications.map(|json| from_json(&json)).unwrap_or_default(),
        payload: Bytes::from(payload),
        deliveries: row.get("deliveries")?,
        published_at: time(row, "published_at")?,
        publisher: row.get::<_, Option<i64>>("publisher")?.map(TokenId),
        deed: row.get::<_, Option<String>>("deed")?.and_then(|json| serde_json::from_str(&json).ok()),
        gate: row.get::<_, Option<i64>>("gate")?.map(Seq),
        origin: origin(row)?,
        hops: row.get::<_, Option<u32>>("hops")?.unwrap_or_default(),
    })
}

fn origin(row: &Row<'_>) -> rusqlite::Result<Option<Origin>> {
    let Some(execution) = row.get("execution")? else { return Ok(None) };
    let trigger = TriggerId(row.get("trigger_id")?);
    Ok(Some(Origin { trigger, execution: Seq(execution) }))
}

pub(super) fn filter_to(filter: &Filter) -> String {
    let pairs: Vec<_> = filter.pairs().iter().map(|pair| (&pair.event, &pair.application)).collect();
    json(&pairs)
}

fn filter_from(json: &str) -> Filter {
    let pairs: Vec<(String, String)> = from_json(json);
    let pair = |(event, application)| Pair { event, application };
    Filter::trusted(pairs.into_iter().map(pair).collect())
}

/// A list as a column; an empty one as NULL.
pub(super) fn list<T: serde::Serialize>(items: &[T]) -> Option<String> {
    (!items.is_empty()).then(|| json(&items))
}

pub(super) fn json<T: serde::Serialize>(value: &T) -> String {
    // Texts, numbers and lists of them always have a JSON form.
    serde_json::to_string(value).unwrap_or_default()
}

/// A list from a column that this file wrote; empty if somebody else did.
pub(super) fn from_json<T: serde::de::DeserializeOwned + Default>(json: &str) -> T {
    serde_json::from_str(json).unwrap_or_default()
}
