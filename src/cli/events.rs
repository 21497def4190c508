//! `nyala events`: what was published.

use std::num::NonZeroUsize;

use http::Method;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::client::pages::gather;
use super::client::{Client, Server};
use super::exit::Failure;
use super::output::{self, visible_but};
use super::shown::{Column, Shown, table};
use super::when::When;
use crate::domain::id::EventId;

/// The list's columns.
const COLUMNS: [Column; 6] = [
    ("ID", "id"),
    ("TYPE", "type"),
    ("APPLICATIONS", "applications"),
    ("PUBLISHED", "published_at"),
    ("DELIVERIES", "deliveries"),
    ("BYTES", "bytes"),
];

/// List and show events
///
/// An event is something that happened and was published: its type, the applications that it
/// concerns, and its payload. What came of it at each hook is in `nyala deliveries list --event ID`.
#[derive(clap::Args, Debug)]
pub struct Events {
    #[command(flatten)]
    server: Server,
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand, Debug)]
enum Action {
    /// List events, the newest first
    List(List),
    /// Show an event with its payload
    Show {
        /// The event (`evt_…`)
        id: EventId,
    },
}

#[derive(clap::Args, Debug)]
struct List {
    /// Only of this type
    #[arg(long = "type", value_name = "TYPE")]
    event_type: Option<String>,
    /// Only those which concern this application
    #[arg(long, value_name = "NAME")]
    application: Option<String>,
    /// Only those published then or later: a time, or how long ago, such as 2h
    #[arg(long, value_name = "TIME")]
    since: Option<When>,
    /// Only those published before then
    #[arg(long, value_name = "TIME")]
    until: Option<When>,
    /// Show no more than this many
    #[arg(long, value_name = "N", default_value = "50")]
    limit: NonZeroUsize,
}

#[derive(Deserialize)]
struct Payload {
    payload: Option<Box<RawValue>>,
}

impl Events {
    /// Does what the subcommand says.
    ///
    /// # Errors
    /// Exit code 1 when the server says no, 4 when it cannot be reached.
    pub async fn run(self) -> Result<(), Failure> {
        let client = self.server.client()?;
        let json = self.server.json;
        match self.action {
            Action::List(list) => list.run(&client, json).await,
            Action::Show { id } => show(&client, id, json).await,
        }
    }
}

impl List {
    async fn run(self, client: &Client, json: bool) -> Result<(), Failure> {
        let filters = [
            ("type", self.event_type),
            ("application", self.application),
            ("since", self.since.map(When::rfc3339)),
            ("until", self.until.map(When::rfc3339)),
        ];
        let filters: Vec<_> = filters.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        let listed = gather(client, &["api", "v1", "events"], &filters, self.limit.get()).await?;
        listed.print(json, "there are no such events", |items: &[Shown]| table(&COLUMNS, items))?;
        if listed.more {
            output::note("there are more events: raise --limit to see them");
        }
        Ok(())
    }
}

/// The payload keeps its bytes, but for those that could drive a terminal.
async fn show(client: &Client, id: EventId, json: bool) -> Result<(), Failure> {
    let path = ["api", "v1", "events", &id.to_string()];
    let answer = client.ask(client.request(Method::GET, &path, &[])).await?;
    let event: Shown = answer.json()?;
    if json {
        return output::print(&answer.text());
    }
    let payload = answer.json::<Payload>()?.payload;
    let payload = payload.as_ref().map_or("null", |payload| payload.get());
    output::print(&format!("{}\n\n{}", event.details_but("payload"), visible_but(payload, &['\n', '\t'])))
}
