//! `nyala deliveries`: what is owed, what was done, and doing it again.

mod attempts;

use http::{Method, StatusCode};

use super::client::{Client, Server};
use super::exit::Failure;
use super::listing::{Listing, Span, one_of};
use super::output;
use super::shown::{Column, Shown};
use crate::domain::delivery::State;
use crate::domain::id::{DeliveryId, EventId, HookId};

/// The list.
const LISTING: Listing = Listing { noun: "deliveries", columns: &COLUMNS };
const COLUMNS: [Column; 7] = [
    ("ID", "id"),
    ("HOOK", "hook"),
    ("STATE", "state"),
    ("ATTEMPTS", "attempt_count"),
    ("CREATED", "created_at"),
    ("TYPE", "event_type"),
    ("EVENT", "event"),
];

/// List and show deliveries, and send events again
///
/// A delivery is one event that is owed to one hook. It waits as pending, is leased while it is
/// attempted, and ends as delivered, dead (given up) or cancelled (the hook was removed). Many are
/// sent again at once with `nyala hooks replay`.
#[derive(clap::Args, Debug)]
pub struct Deliveries {
    #[command(flatten)]
    server: Server,
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand, Debug)]
enum Action {
    /// List deliveries, the newest first
    List(List),
    /// Show a delivery with its attempts: what was sent, and what was answered
    Show {
        /// The delivery (`dlv_…`)
        id: DeliveryId,
    },
    /// Send the event of a finished delivery once more, as a new delivery
    Redeliver {
        /// The delivery (`dlv_…`)
        id: DeliveryId,
    },
}

#[derive(clap::Args, Debug)]
struct List {
    /// Only to this hook
    #[arg(long, value_name = "ID")]
    hook: Option<HookId>,
    /// Only of this event (`evt_…`)
    #[arg(long, value_name = "ID")]
    event: Option<EventId>,
    /// Only in this state: pending, leased, delivered, dead or cancelled
    #[arg(long, value_parser = state)]
    state: Option<State>,
    #[command(flatten)]
    span: Span,
}

/// A state by its name.
pub(super) fn state(text: &str) -> Result<State, String> {
    one_of(text, State::ALL, State::as_str)
}

impl Deliveries {
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
            Action::Redeliver { id } => redeliver(&client, id, json).await,
        }
    }
}

impl List {
    async fn run(self, client: &Client, json: bool) -> Result<(), Failure> {
        let filters = [
            ("hook", self.hook.map(|hook| hook.to_string())),
            ("event", self.event.map(|event| event.to_string())),
            ("state", self.state.map(|state| state.as_str().to_owned())),
        ];
        LISTING.print(client, filters, self.span, json).await
    }
}

async fn show(client: &Client, id: DeliveryId, json: bool) -> Result<(), Failure> {
    let path = ["api", "v1", "deliveries", &id.to_string()];
    let answer = client.ask(client.request(Method::GET, &path, &[])).await?;
    let delivery: Shown = answer.json()?;
    if json {
        return output::print(&answer.text());
    }
    output::print(&format!("{}{}", delivery.details_but(&["attempts"]), attempts::told(&answer.json()?)))
}

async fn redeliver(client: &Client, id: DeliveryId, json: bool) -> Result<(), Failure> {
    let path = ["api", "v1", "deliveries", &id.to_string(), "redeliver"];
    let answer = client.send(client.request(Method::POST, &path, &[])).await?;
    if answer.status == StatusCode::NOT_FOUND {
        return Err(answer.failure().advise("`nyala deliveries list` shows which there are."));
    }
    if !answer.status.is_success() {
        return Err(answer.failure());
    }
    let new: Shown = answer.json()?;
    if json {
        return output::print(&answer.text());
    }
    output::print(&format!("{} redelivers {id} to hook {}", new.text("id"), new.text("hook")))
}
