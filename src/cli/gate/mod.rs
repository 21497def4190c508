//! `nyala gate`: the step of a pipeline that asks whether to go on.
//!
//! It is asked under a key, so asking again after a connection that broke asks nobody twice.

mod verdict;

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use reqwest::RequestBuilder;
use tokio::time::Instant;
use ulid::Ulid;

use self::verdict::Verdict;
use super::client::again::{Again, idempotency_key, keyed};
use super::client::answer::Answer;
use super::client::waiting::{LONGEST_WAIT, at_most, preference};
use super::client::{Client, Server};
use super::exit::Failure;
use super::output::{self, visible};
use super::payload;
use crate::domain::application::Application;
use crate::domain::event::EventType;

/// How long a server may be away at a time.
const ABSENCE: Duration = Duration::from_secs(30);
/// How much longer than its time a gate is looked at: the server ends it itself, also after a restart.
const GRACE: Duration = Duration::from_secs(2);
/// How often an open gate is looked at, at the most, where the server does not wait.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The longest that a gate may stay open.
const LONGEST_OPEN: Duration = Duration::from_hours(7 * 24);

/// How to use it in a pipeline, for the end of its help.
const EXAMPLE: &str = "\
Exit codes:
  0  yes: go on
  1  the server answered with an error, or something else went wrong
  2  wrong usage or bad input, found before anything was sent
  3  no: do not go on; why is on stderr
  4  the server cannot be reached, after retries

In a pipeline that stops at the first step that fails (set -e):
  gate=$(nyala gate pre-deploy --data @plan.json)
  ./deploy
  nyala publish post-deploy --data @result.json --gate \"$gate\"";

/// Ask the hooks that want to be asked whether to go on: yes or no
///
/// Every hook that wants to be asked about this event is asked at once: those of its type where it
/// begins with pre-, and those with `--gate true` (`nyala hooks add`). The answer is yes where none of
/// them says no; where nobody wants to be asked, it is yes. It exits with 0 for yes and with 3 for no,
/// prints the id of this gate, and says on stderr which hook said no, and why. While the server cannot
/// be reached or is busy, it is asked again for 30 seconds: nobody is asked twice.
///
/// Without --wait, all must answer within --timeout. With it, who is asked may take their time
/// (answer 202 first), and a person may decide with `nyala gates approve` or `nyala gates refuse`.
#[derive(clap::Args, Debug)]
#[command(after_long_help = EXAMPLE)]
pub struct Gate {
    /// What is about to happen, such as `pre-deploy`
    #[arg(value_name = "EVENT", value_parser = EventType::parse)]
    event_type: EventType,
    /// What those who are asked should know: a JSON object, @FILE to read it from a file, or - for
    /// stdin [default: {}]
    #[arg(long, value_name = "JSON", allow_hyphen_values = true)]
    data: Option<String>,
    /// The application that it is about to happen to (repeatable); without one only hooks of any
    /// application are asked
    #[arg(long = "application", value_name = "NAME", value_parser = Application::parse)]
    applications: Vec<Application>,
    /// How long a hook may take to answer, at most 60s; what it means if it does not is its
    /// `--on-silence`
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = timeout)]
    timeout: Duration,
    /// Wait so long for hooks that decide later, and for people, at most 7days; undecided by then is a
    /// no
    #[arg(long, value_name = "DURATION", value_parser = wait)]
    wait: Option<Duration>,
    /// Take it for a no where nobody is asked: a name that is mistyped, or a hook that is gone
    #[arg(long)]
    require_hook: bool,
    /// Asking again with the same key asks nobody again and gives the same gate [default: a new one]
    #[arg(long, value_name = "KEY", value_parser = idempotency_key)]
    idempotency_key: Option<String>,
    // Last, because its heading would stand over whatever follows.
    #[command(flatten)]
    server: Server,
}

fn timeout(text: &str) -> Result<Duration, String> {
    some_time(text, LONGEST_WAIT)
}

fn wait(text: &str) -> Result<Duration, String> {
    some_time(text, LONGEST_OPEN)
}

fn some_time(text: &str, limit: Duration) -> Result<Duration, String> {
    let time = at_most(text, limit)?;
    if time.is_zero() { Err("want more than 0".to_owned()) } else { Ok(time) }
}

impl Gate {
    /// Asks, waits if it was told to, and prints the gate's id.
    ///
    /// # Errors
    /// Exit code 3 when the answer is no, 2 when the payload is no JSON object, 1 when the server
    /// refuses to ask, 4 when it cannot be reached.
    pub async fn run(self) -> Result<(), Failure> {
        let client = self.server.client()?;
        let payload = self.payload()?;
        let asked = self.ask(&client, &payload).await?;
        let answer = until_decided(&client, asked, self.wait.unwrap_or_default()).await?;
        let verdict: Verdict = answer.json()?;
        output::print(&if self.server.json { answer.text() } else { verdict.id() })?;
        verdict.judge(self.event_type.as_str(), self.require_hook).map_err(|failure| {
            let wants_time = self.wait.is_none() && verdict.is_late();
            if wants_time { failure.advise("Give --wait to wait for those who need more time.") } else { failure }
        })
    }

    fn payload(&self) -> Result<Bytes, Failure> {
        let Some(data) = &self.data else { return Ok(Bytes::from_static(b"{}")) };
        let payload = payload::DATA.read(data)?;
        if payload.trim_ascii_start().starts_with(b"{") {
            return Ok(payload);
        }
        Err(Failure::usage("--data: want a JSON object, such as {\"version\":\"1.2\"}"))
    }

    async fn ask(&self, client: &Client, payload: &Bytes) -> Result<Answer, Failure> {
        let key = self.idempotency_key.clone().unwrap_or_else(|| Ulid::new().to_string());
        let again = Again { within: ABSENCE + self.timeout, answered_in: self.timeout };
        let advice = format!("To ask it again and have nobody asked twice, give --idempotency-key '{key}'.");
        again.ask(client, &advice, || self.request(client, &key, payload)).await
    }

    fn request(&self, client: &Client, key: &str, payload: &Bytes) -> RequestBuilder {
        let mut query: Vec<_> =
            self.applications.iter().map(|name| ("application", name.as_str().to_owned())).collect();
        query.push(("timeout", humantime::format_duration(self.timeout).to_string()));
        query.extend(self.wait.map(|wait| ("expires", humantime::format_duration(wait).to_string())));
        let query: Vec<_> = query.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let path = ["api", "v1", "gates", self.event_type.as_str()];
        let request = keyed(client.request(Method::POST, &path, &query), key, payload);
        if self.wait.is_some() { request.header("prefer", "respond-async") } else { request }
    }
}

/// The last answer about the gate: the one that says how it was decided, or that it is open though its
/// time is up.
async fn until_decided(client: &Client, asked: Answer, wait: Duration) -> Result<Answer, Failure> {
    let start = Instant::now();
    let mut answer = asked;
    let mut verdict: Verdict = answer.json()?;
    if verdict.is_open() {
        output::note(&verdict.open());
    }
    while verdict.is_open() && start.elapsed() < wait + GRACE {
        let looked = Instant::now();
        let step = (wait + GRACE).saturating_sub(start.elapsed()).clamp(LOOK_EVERY, LONGEST_WAIT);
        answer = look(client, &verdict.id, step).await?;
        verdict = answer.json()?;
        if verdict.is_open() {
            tokio::time::sleep(LOOK_EVERY.saturating_sub(looked.elapsed())).await;
        }
    }
    Ok(answer)
}

/// Asks for the gate, to be answered when it is decided or the step has passed.
async fn look(client: &Client, id: &str, step: Duration) -> Result<Answer, Failure> {
    let again = Again { within: ABSENCE + step, answered_in: step };
    let advice = format!("It may still be decided: `nyala gates show {}` tells.", visible(id));
    let path = ["api", "v1", "gates", id];
    let request = || client.request(Method::GET, &path, &[]).header("prefer", preference(step));
    again.ask(client, &advice, request).await
}
