//! `nyala triggers fire`

use bytes::Bytes;
use http::Method;
use http::header::{HeaderName, HeaderValue};

use super::find::Found;
use crate::cli::client::Client;
use crate::cli::exit::Failure;
use crate::cli::shown::Shown;
use crate::cli::{output, payload};

/// Fire a trigger once, now, as if it had been called
#[derive(clap::Args, Debug)]
pub(super) struct Fire {
    /// The trigger's UUID, or its name
    #[arg(value_name = "TRIGGER")]
    which: String,
    /// What comes in: JSON, @FILE to read it from a file, or - for stdin [default: nothing]
    #[arg(long, value_name = "JSON", allow_hyphen_values = true)]
    data: Option<String>,
    /// A header that comes in, as `name: value`, such as 'X-GitHub-Event: push' (repeatable)
    #[arg(long = "header", value_name = "HEADER", value_parser = header)]
    headers: Vec<(HeaderName, HeaderValue)>,
}

fn header(text: &str) -> Result<(HeaderName, HeaderValue), &'static str> {
    let read = |text: &str| {
        let (name, value) = text.split_once(':')?;
        Some((name.trim().parse().ok()?, value.trim().parse().ok()?))
    };
    read(text).ok_or("give a name, a colon and a value, such as 'X-GitHub-Event: push'")
}

impl Fire {
    pub(super) async fn run(self, client: &Client, json: bool) -> Result<(), Failure> {
        let data = self.data.as_deref().map_or_else(|| Ok(Bytes::new()), |data| payload::DATA.read(data))?;
        let found = Found::named(client, &self.which).await?;
        let request = found.request(client, Method::POST, &["fire"]).header("content-type", "application/json");
        let request = self.headers.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        let answer = client.ask(request.body(data)).await?;
        let execution: Shown = answer.json()?;
        let id = execution.text("id");
        output::print(&if json { answer.text() } else { format!("{} is fired as {id}", found.called()) })?;
        if found.trigger.text("state") == "stopped" {
            output::note("the trigger is stopped: this is kept as skipped, and published to nobody");
        }
        found.warn_of_maintenance();
        if !json {
            output::note(&format!("`nyala triggers executions {} {id}` shows what came of it", found.uuid));
        }
        Ok(())
    }
}
