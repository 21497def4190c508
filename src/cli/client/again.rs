//! Sending again what carries an `Idempotency-Key`, or changes nothing, until somebody answers it.

use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use reqwest::RequestBuilder;
use tokio::time::Instant;

use super::Client;
use super::answer::Answer;
use crate::cli::exit::Failure;
use crate::cli::output;
use crate::domain::event::IdempotencyKey;

/// The wait before the second attempt; it doubles from there.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// The longest wait between two attempts, unless the server asks for more.
const LONGEST_PAUSE: Duration = Duration::from_secs(3);
/// What even the last attempt gets to be answered.
const SHORTEST_ATTEMPT: Duration = Duration::from_secs(1);

/// A key from the command line: what a header can carry and a person can copy.
///
/// # Errors
/// Where it is something else, in words.
pub fn idempotency_key(text: &str) -> Result<String, String> {
    let key = IdempotencyKey::parse(text).map_err(|invalid| invalid.message)?;
    if key.as_str().bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') {
        Ok(key.as_str().to_owned())
    } else {
        Err("may only have visible ASCII characters".to_owned())
    }
}

/// Makes the request one that brings this JSON, and that the server does once however often it comes.
pub fn keyed(request: RequestBuilder, key: &str, json: &Bytes) -> RequestBuilder {
    request.header(CONTENT_TYPE, "application/json").header("idempotency-key", key).body(json.clone())
}

/// How long to go on trying.
#[derive(Clone, Copy, Debug)]
pub struct Again {
    /// From the first attempt until no further one is begun.
    pub within: Duration,
    /// How long the server may take to answer by what it was asked for.
    pub answered_in: Duration,
}

impl Again {
    /// Sends the request until it is answered for good; an answer with an error status is a failure,
    /// and one that waiting might have cured comes with this advice.
    ///
    /// # Errors
    /// Exit code 1 when the server says no, 4 when it cannot be reached.
    pub async fn ask(
        self,
        client: &Client,
        advice: &str,
        request: impl Fn() -> RequestBuilder,
    ) -> Result<Answer, Failure> {
        let tried = self.send(client, request).await;
        let is_curable = curable(&tried).is_some();
        let failure = match tried {
            Ok(answer) if answer.status.is_success() => return Ok(answer),
            Ok(answer) => answer.failure(),
            Err(failure) => failure,
        };
        Err(if is_curable { failure.advise(advice) } else { failure })
    }

    /// What waiting cannot cure comes back as the answer it is.
    async fn send(self, client: &Client, request: impl Fn() -> RequestBuilder) -> Result<Answer, Failure> {
        let start = Instant::now();
        let mut attempt = 0;
        loop {
            attempt += 1;
            let left = self.within.saturating_sub(start.elapsed());
            let tried = client.send(request().timeout(self.patience(left))).await;
            let Some((why, asked)) = curable(&tried) else {
                return tried;
            };
            let pause = pause(attempt, asked);
            if start.elapsed().saturating_add(pause) >= self.within {
                return tried;
            }
            if attempt == 1 {
                let within = humantime::format_duration(self.within);
                output::note(&format!("{why}; trying again for up to {within}"));
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// One attempt gets half of what is left, so that a server that hangs once leaves time to be
    /// asked again.
    fn patience(self, left: Duration) -> Duration {
        (left / 2).max(SHORTEST_ATTEMPT) + self.answered_in
    }
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
    fn an_attempt_outlasts_what_the_server_was_asked_to_take() {
        let again = Again { within: Duration::from_secs(30), answered_in: Duration::from_mins(1) };

        assert_eq!(again.patience(Duration::from_secs(30)), Duration::from_secs(75));
        assert_eq!(again.patience(Duration::ZERO), Duration::from_secs(61));
    }
}
