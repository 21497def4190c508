//! Asking at gates on schedule, and what that adds to the receivers' own time.

use std::time::{Duration, Instant};

use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Client, Url};
use serde::Deserialize;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use crate::payload;
use crate::publisher::client;
use crate::wire::{Tally, Timed, now_nanos};

/// What a gate came to, as far as the bench looks at it.
#[derive(Deserialize)]
struct Gate {
    approved: bool,
    decisions: Vec<Decision>,
}

#[derive(Deserialize)]
struct Decision {
    answer: Answer,
}

#[derive(Deserialize)]
struct Answer {
    own_nanos: u64,
}

/// Asks so often, evenly spread over time, each at its time even if earlier ones are still open.
///
/// # Errors
///
/// If any answer is something else than a yes of hooks that say how long they took.
pub async fn paced(url: &str, per_second: u32, count: u32) -> crate::Result<Tally> {
    let (client, url): (_, Url) = (client()?, url.parse()?);
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / per_second);
    // As with events: whoever is late catches up.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (mut tally, started) = (Tally { first_nanos: now_nanos(), ..Tally::default() }, Instant::now());
    let mut asking = JoinSet::new();
    for _ in 0..count {
        ticks.tick().await;
        asking.spawn(ask(client.clone(), url.clone()));
    }
    while let Some(asked) = asking.join_next().await {
        tally.watched.push(asked??);
        tally.accepted += 1;
    }
    tally.seconds = started.elapsed().as_secs_f64();
    Ok(tally)
}

/// Asks once: what it took beyond the slowest receiver's own time.
async fn ask(client: Client, url: Url) -> crate::Result<Timed> {
    let (sent_nanos, begun) = (now_nanos(), Instant::now());
    let request = client.post(url).header(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let body = request.body(payload::plain()).send().await?.error_for_status()?.bytes().await?;
    let took = u64::try_from(begun.elapsed().as_nanos())?;
    let gate: Gate = serde_json::from_slice(&body)?;
    let slowest = gate.decisions.iter().map(|decision| decision.answer.own_nanos).max();
    match slowest {
        Some(slowest) if gate.approved => Ok(Timed { sent_nanos, took_nanos: took.saturating_sub(slowest) }),
        _ => Err(format!("a gate was not approved: {}", String::from_utf8_lossy(&body)).into()),
    }
}
