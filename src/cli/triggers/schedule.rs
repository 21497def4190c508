//! When a trigger fires by itself.

use std::fmt::Write as _;

use http::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::find::at;
use crate::cli::client::Client;
use crate::cli::client::answer::Answer;
use crate::cli::exit::Failure;
use crate::cli::output::visible;
use crate::cli::payload;
use crate::domain::trigger::Missed;

/// How a schedule is read, and what its events tell.
#[derive(clap::Args, Debug, Default)]
pub(super) struct Timing {
    /// The time zone that the schedule is read in, such as Europe/Paris [default: UTC]
    #[arg(long, value_name = "ZONE")]
    timezone: Option<String>,
    /// The first of six fields is the second; without this the sixth is the year
    #[arg(long)]
    seconds: bool,
    /// What becomes of firings that were missed while no server ran: once (one for all), all or skip
    /// [default: once]
    #[arg(long, value_name = "WHAT", value_parser = missed)]
    missed: Option<Missed>,
    /// What each event tells: a JSON object, @FILE to read it from a file, or - for stdin
    #[arg(long, value_name = "JSON", allow_hyphen_values = true)]
    payload: Option<String>,
}

fn missed(text: &str) -> Result<Missed, &'static str> {
    Missed::named(text).ok_or("give once, all or skip")
}

impl Timing {
    /// Puts what was named among the fields of a trigger.
    ///
    /// # Errors
    /// Exit code 2 when the payload cannot be read, or is no JSON.
    pub(super) fn put_into(&self, fields: &mut Map<String, Value>) -> Result<(), Failure> {
        if let Some(zone) = &self.timezone {
            fields.insert("timezone".to_owned(), json!(zone));
        }
        if self.seconds {
            fields.insert("seconds".to_owned(), json!(true));
        }
        if let Some(missed) = self.missed {
            fields.insert("missed".to_owned(), json!(missed.as_str()));
        }
        if let Some(given) = &self.payload {
            // As a text it is kept as it was written.
            let text = payload::PAYLOAD.read(given)?;
            fields.insert("payload".to_owned(), json!(String::from_utf8_lossy(&text)));
        }
        Ok(())
    }

    /// Asks what the schedule comes to; nothing is kept.
    ///
    /// # Errors
    /// Exit code 1 when it is none, 4 when the server cannot be reached.
    pub(super) async fn preview(&self, client: &Client, cron: &str) -> Result<Answer, Failure> {
        let mut body = json!({ "cron": cron, "seconds": self.seconds });
        if let Some(zone) = &self.timezone {
            body["timezone"] = json!(zone);
        }
        let request = client.request(Method::POST, &at("preview", &[]), &[]);
        client.ask(request.header("content-type", "application/json").body(body.to_string())).await
    }
}

/// A schedule as the server tells it.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Told {
    words: String,
    next: Vec<String>,
}

impl Told {
    /// In words, and the next firings below.
    pub(super) fn lines(&self) -> String {
        let mut text = visible(&self.words).into_owned();
        for time in &self.next {
            let _ = write!(text, "\n  {}", visible(time));
        }
        text
    }
}
