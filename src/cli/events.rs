//! `nyala events`: what was published.

use http::Method;

use super::client::{Client, Server};
use super::exit::Failure;
use super::listing::{Listing, Span};
use super::output;
use super::payload::shown_payload;
use super::shown::{Column, Shown};
use crate::domain::id::EventId;

/// The list.
const LISTING: Listing = Listing { noun: "events", columns: &COLUMNS };
const COLUMNS: [Column; 7] = [
    ("ID", "id"),
    ("TYPE", "type"),
    ("APPLICATIONS", "applications"),
    ("PUBLISHED", "published_at"),
    ("DELIVERIES", "deliveries"),
    ("BYTES", "bytes"),
    ("EXECUTION", "execution"),
];

/// List and show events
///
/// An event is something that happened and was published: its type, the applications that it
/// concerns, and its payload. What came of it at each hook is in `nyala deliveries list --event ID`. Where
/// a trigger published it, its execution is named, too (`nyala triggers executions`).
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
    #[command(flatten)]
    span: Span,
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
        let filters = [("type", self.event_type), ("application", self.application)];
        LISTING.print(client, filters, self.span, json).await
    }
}

async fn show(client: &Client, id: EventId, json: bool) -> Result<(), Failure> {
    let path = ["api", "v1", "events", &id.to_string()];
    let answer = client.ask(client.request(Method::GET, &path, &[])).await?;
    let event: Shown = answer.json()?;
    if json {
        return output::print(&answer.text());
    }
    output::print(&format!("{}\n\n{}", event.details_but(&["payload"]), shown_payload(&answer)?))
}
