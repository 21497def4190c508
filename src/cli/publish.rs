//! `nyala publish`: the last step of a pipeline says what happened.
//!
//! The event carries a key that makes it safe to send twice, so whatever may be cured by waiting is
//! tried again: a pipeline neither loses an event to a restarting server nor waits longer than it
//! was told to.

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use reqwest::RequestBuilder;
use serde::Deserialize;
use ulid::Ulid;

use super::client::again::{Again, idempotency_key, keyed};
use super::client::answer::Answer;
use super::client::waiting::{preference, wait};
use super::client::{Client, Server};
use super::exit::Failure;
use super::output::{self, counted, visible};
use super::payload;
use crate::domain::application::Application;
use crate::domain::event::EventType;
use crate::domain::id::GateId;

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
    /// The gate that was asked before this (`gate_…`, as `nyala gate` prints it): each hook that was
    /// asked there is told its own `work_id`
    #[arg(long, value_name = "ID")]
    gate: Option<GateId>,
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
        let payload = self.data.as_deref().map_or_else(|| Ok(Bytes::new()), |data| payload::DATA.read(data))?;
        let key = self.idempotency_key.clone().unwrap_or_else(|| Ulid::new().to_string());
        let again = Again { within: self.timeout, answered_in: self.wait.unwrap_or_default() };
        let advice = format!("To publish it again and have it happen just once, give --idempotency-key '{key}'.");
        let answer = again.ask(&client, &advice, || self.request(&client, &key, &payload)).await?;
        self.tell(&answer)
    }

    fn request(&self, client: &Client, key: &str, payload: &Bytes) -> RequestBuilder {
        let gate = self.gate.map(|gate| gate.to_string());
        let mut query: Vec<_> = self.applications.iter().map(|name| ("application", name.as_str())).collect();
        query.extend(gate.as_deref().map(|gate| ("gate", gate)));
        let path = ["api", "hooks", "publish", self.event_type.as_str()];
        let request = keyed(client.request(Method::POST, &path, &query), key, payload);
        match self.wait {
            Some(wait) => request.header("prefer", preference(wait)),
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
