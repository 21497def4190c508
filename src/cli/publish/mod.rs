//! `nyala publish`: the last step of a pipeline says what happened.
//!
//! The event carries a key that makes it safe to send twice, so whatever may be cured by waiting is
//! tried again: a pipeline neither loses an event to a restarting server nor waits longer than it
//! was told to.

mod payload;

use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Method, StatusCode};
use reqwest::RequestBuilder;
use serde::Deserialize;
use tokio::time::Instant;
use ulid::Ulid;

use super::client::answer::Answer;
use super::client::{Client, Server};
use super::exit::Failure;
use super::output::{self, counted, visible};
use crate::domain::application::Application;
use crate::domain::event::{EventType, IdempotencyKey};

/// The wait before the second attempt; it doubles from there.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// The longest wait between two attempts, unless the server asks for more.
const LONGEST_PAUSE: Duration = Duration::from_secs(3);
/// What even the last attempt gets to be answered.
const SHORTEST_ATTEMPT: Duration = Duration::from_secs(1);
/// The longest that a server waits for first attempts.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// Publish an event: every hook that wants it will be told
///
/// It returns as soon as the server has the event on disk, and prints its id. The payload is sent to the byte as it is given. Until --timeout has passed, the event is sent
/// again when the server cannot be reached or says that it is busy; the Idempotency-Key that goes
/// with it keeps it from happening twice.
#[derive(clap::Args, Debug)]
pub struct Publish {
    /// What happened, such as `PostDeployment`
    #[arg(value_name = "TYPE", value_parser = EventType::parse)]
    event_type: EventType,
    /// The payload: JSON, @FILE to read it from a file, or - for stdin [default: null]
    #[arg(long, value_name = "JSON", allow_hyphen_values = true)]
    data: Option<String>,
    /// The application it happened to (repeatable); without one only hooks of any application are
    /// told
    #[arg(long = "application", value_name = "NAME", value_parser = Application::parse)]
    applications: Vec<Application>,
    /// Publishing again with the same key changes nothing [default: a new one]
    #[arg(long, value_name = "KEY", value_parser = idempotency_key)]
    idempotency_key: Option<String>,
    /// Return when every first attempt has ended or this has passed, at most 60s
    #[arg(long, value_name = "DURATION", value_parser = wait)]
    wait: Option<Duration>,
    /// How long to go on trying
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "30s",
        value_parser = humantime::parse_duration
    )]
    timeout: Duration,
    // Last, because its heading would stand over whatever follows.
    #[command(flatten)]
    server: Server,
}

fn idempotency_key(text: &str) -> Result<String, String> {
    let key = IdempotencyKey::parse(text).map_err(|invalid| invalid.message)?;
    // What a header can carry and a person can copy.
    if key.as_str().bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') {
        Ok(key.as_str().to_owned())
    } else {
        Err("may only have visible ASCII characters".to_owned())
    }
}

fn wait(text: &str) -> Result<Duration, String> {
    let wait = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if wait > LONGEST_WAIT {
        return Err(format!("at most {} is possible", humantime::format_duration(LONGEST_WAIT)));
    }
    Ok(wait)
}

/// What the server says about an event that it keeps.
#[derive(Deserialize)]
struct Published {
    id: String,
    #[serde(rename = "type")]
    event_type: Option<String>,
    deliveries: u64,
    #[serde(default)]
    warnings: Vec<String>,
}

impl Publish {
    /// Publishes the event and prints its id.
    ///
    /// # Errors
    /// Exit code 2 when the payload is not JSON, 1 when the server refuses the event, 4 when it
    /// cannot be reached.
    pub async fn run(self) -> Result<(), Failure> {
        let client = self.server.client()?;
        let payload = self.data.as_deref().map_or_else(|| Ok(Bytes::new()), payload::read)?;
        let key = self.idempotency_key.clone().unwrap_or_else(|| Ulid::new().to_string());
        let tried = self.send(&client, &key, &payload).await;
        let worth_repeating = curable(&tried).is_some();
        let failure = match tried {
            Ok(answer) if answer.status.is_success() => return self.tell(&answer),
            Ok(answer) => answer.failure(),
            Err(failure) => failure,
        };
        Err(if worth_repeating { failure.advise(again(&key)) } else { failure })
    }

    /// Sends the event until it is answered for good. What waiting cannot cure comes back as the
    /// answer it is.
    async fn send(&self, client: &Client, key: &str, payload: &Bytes) -> Result<Answer, Failure> {
        let start = Instant::now();
        let mut attempt = 0;
        loop {
            attempt += 1;
            let left = self.timeout.saturating_sub(start.elapsed());
            let request = self.request(client, key, payload).timeout(self.patience(left));
            let tried = client.send(request).await;
            let Some((why, asked)) = curable(&tried) else {
                return tried;
            };
            let pause = pause(attempt, asked);
            if start.elapsed().saturating_add(pause) >= self.timeout {
                return tried;
            }
            if attempt == 1 {
                let timeout = humantime::format_duration(self.timeout);
                output::note(&format!("{why}; trying again for up to {timeout}"));
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// One attempt gets half of what is left, so that a server that hangs once leaves time to be
    /// asked again.
    fn patience(&self, left: Duration) -> Duration {
        (left / 2).max(SHORTEST_ATTEMPT) + self.wait.unwrap_or_default()
    }

    fn request(&self, client: &Client, key: &str, payload: &Bytes) -> RequestBuilder {
        let query: Vec<_> = self.applications.iter().map(|name| ("application", name.as_str())).collect();
        let path = ["api", "hooks", "publish", self.event_type.as_str()];
        let request = client
            .request(Method::POST, &path, &query)
            .header(CONTENT_TYPE, "application/json")
            .header("idempotency-key", key)
            .body(payload.clone());
        match self.wait {
            Some(wait) => request.header("prefer", format!("wait={}", whole_seconds(wait))),
            None => request,
        }
    }

    fn tell(&self, answer: &Answer) -> Result<(), Failure> {
        let published: Published = answer.json()?;
        let event_type = published.event_type.as_deref().unwrap_or(self.event_type.as_str());
        if self.server.json {
            output::print(&answer.text())?;
        } else {
            output::print(&summary(&published.id, event_type, published.deliveries))?;
        }
        for warning in &published.warnings {
            output::note(&visible(warning));
        }
        if published.deliveries == 0 {
            output::note(&format!("no hook wants this {} yet: `nyala hooks add` adds one", visible(event_type)));
        }
        Ok(())
    }
}

fn summary(id: &str, event_type: &str, deliveries: u64) -> String {
    format!("{} {}: {}", visible(id), visible(event_type), counted(deliveries, "delivery", "deliveries"))
}

fn again(key: &str) -> String {
    format!("To publish it again and have it happen just once, give --idempotency-key '{key}'.")
}

/// Why it is worth trying again, and how long the server asks to be left alone; nothing where
/// waiting cures nothing.
fn curable(tried: &Result<Answer, Failure>) -> Option<(String, Option<Duration>)> {
    match tried {
        Err(failure) => Some((failure.what().to_owned(), None)),
        Ok(answer) => match answer.status {
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => {
                Some((format!("the server answered {}", answer.status), answer.retry_after()))
            }
            _ => None,
        },
    }
}

/// The wait after the `attempt`-th attempt, counted from 1: at least what the server asked for.
fn pause(attempt: u32, asked: Option<Duration>) -> Duration {
    let doubled = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(attempt.saturating_sub(1)));
    doubled.min(LONGEST_PAUSE).max(asked.unwrap_or_default())
}

/// `Prefer: wait` knows whole seconds only; half a second waits one.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_three_seconds() {
        let pauses: Vec<_> = (1..=6).map(|attempt| pause(attempt, None).as_millis()).collect();

        assert_eq!(pauses, [200, 400, 800, 1600, 3000, 3000]);
        assert_eq!(pause(u32::MAX, None), LONGEST_PAUSE);
    }

    #[test]
    fn a_server_that_asks_for_more_time_gets_it() {
        assert_eq!(pause(1, Some(Duration::from_secs(7))), Duration::from_secs(7));
        assert_eq!(pause(3, Some(Duration::ZERO)), Duration::from_millis(800));
        assert_eq!(pause(1, Some(Duration::MAX)), Duration::MAX);
    }

    #[test]
    fn a_wait_is_rounded_up_to_whole_seconds() {
        assert_eq!(whole_seconds(Duration::from_millis(500)), 1);
        assert_eq!(whole_seconds(Duration::from_secs(10)), 10);
        assert!(wait("61s").is_err());
        assert_eq!(wait("1m"), Ok(LONGEST_WAIT));
    }
}
