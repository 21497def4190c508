//! The ways in which the publisher sends events: as fast as the answers come back, on schedule, and one by one with a watch in hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode, Url};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use crate::payload;
use crate::publisher::client;
use crate::wire::{Tally, Timed, Until, now_nanos};

/// The longest that a connection stays away after a 503, whatever `Retry-After` says: the load is to stay on.
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// Says to all connections of a load whether there is another one to send.
struct Turnstile {
    left: AtomicU32,
    end: Option<Instant>,
}

impl Turnstile {
    fn new(until: Until) -> Self {
        match until {
            Until::Accepted(count) => Self { left: AtomicU32::new(count), end: None },
            Until::Millis(span) => {
                let end = Instant::now() + Duration::from_millis(span);
                Self { left: AtomicU32::new(u32::MAX), end: Some(end) }
            }
        }
    }

    fn lets_through(&self) -> bool {
        match self.end {
            Some(end) => Instant::now() < end,
            None => self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok(),
        }
    }
}

/// Posts the plain payload over so many connections, each of which waits for its answer before it sends the next one.
///
/// # Errors
///
/// If any request is answered with something else than 200 or 503, or not at all.
pub async fn closed(url: &str, connections: u32, until: Until) -> crate::Result<Tally> {
    let client = client()?;
    let url: Url = url.parse()?;
    let body = payload::plain();
    let started = Started::now();
    let turnstile = Arc::new(Turnstile::new(until));
    let mut senders = JoinSet::new();
    for _ in 0..connections {
        let (client, url, body) = (client.clone(), url.clone(), body.clone());
        let turnstile = Arc::clone(&turnstile);
        senders.spawn(async move {
            let (mut accepted, mut refused) = (0, 0);
            while turnstile.lets_through() {
                refused += post(&client, &url, &body).await?;
                accepted += 1;
            }
            Ok((accepted, refused))
        });
    }
    started.gather(senders).await
}

/// Posts this many stamped payloads, evenly spread over time and over the URLs, each at its time even if earlier ones
/// are still out.
///
/// # Errors
///
/// As [`closed`].
pub async fn paced(urls: &[String], per_second: u32, count: u32) -> crate::Result<Tally> {
    let client = client()?;
    let urls: Vec<Url> = urls.iter().map(|url| url.parse()).collect::<Result<_, _>>()?;
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / per_second);
    // Whoever is late catches up: a schedule that waits for the server would hide its worst moments.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let started = Started::now();
    let mut senders = JoinSet::new();
    for url in urls.iter().cycle().take(usize::try_from(count)?) {
        ticks.tick().await;
        let (client, url) = (client.clone(), url.clone());
        senders.spawn(async move {
            let refused = post(&client, &url, &payload::stamped(now_nanos())).await?;
            Ok((1, refused))
        });
    }
    started.gather(senders).await
}

/// Posts the plain payload one after the other until it is enough, and times each.
///
/// # Errors
///
/// As [`closed`].
pub async fn watch(url: &str, enough: &AtomicBool) -> crate::Result<Tally> {
    let client = client()?;
    let url: Url = url.parse()?;
    let body = payload::plain();
    let mut tally = Tally { first_nanos: now_nanos(), ..Tally::default() };
    while !enough.load(Ordering::SeqCst) {
        let (sent_nanos, begun) = (now_nanos(), Instant::now());
        tally.refused += post(&client, &url, &body).await?;
        let took_nanos = u64::try_from(begun.elapsed().as_nanos())?;
        tally.watched.push(Timed { sent_nanos, took_nanos });
    }
    Ok(tally)
}

/// The moment at which a load began, by the clock of this process and by the one that all processes share.
struct Started {
    at: Instant,
    nanos: u64,
}

impl Started {
    fn now() -> Self {
        Self { at: Instant::now(), nanos: now_nanos() }
    }

    /// Waits for all senders and adds up what they accepted and what was refused; the first failure ends the rest.
    async fn gather(self, mut senders: JoinSet<crate::Result<(u32, u32)>>) -> crate::Result<Tally> {
        let mut tally = Tally { first_nanos: self.nanos, ..Tally::default() };
        while let Some(sender) = senders.join_next().await {
            let (accepted, refused) = sender??;
            tally.accepted += accepted;
            tally.refused += refused;
        }
        tally.seconds = self.at.elapsed().as_secs_f64();
        Ok(tally)
    }
}

/// Posts one body until it is accepted, and says how often it was refused before.
async fn post(client: &Client, url: &Url, body: &Bytes) -> crate::Result<u32> {
    let mut refused = 0;
    loop {
        let request = client.post(url.clone()).header(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let response = request.body(body.clone()).send().await?;
        match response.status() {
            // Only a connection whose answer was read to its end can be used again.
            StatusCode::OK => return response.bytes().await.map(|_| refused).map_err(Into::into),
            StatusCode::SERVICE_UNAVAILABLE => {
                refused += 1;
                tokio::time::sleep(pause(&response)).await;
            }
            status => return Err(format!("a post was answered {status}: {}", response.text().await?).into()),
        }
    }
}

/// How long to stay away after a 503: as long as it asks, up to a limit.
fn pause(response: &Response) -> Duration {
    let asked = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    Duration::from_secs(asked.unwrap_or(1)).min(LONGEST_PAUSE)
}
