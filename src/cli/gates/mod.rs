//! `nyala gates`: who was asked whether to go on, what came of it, and deciding it as a person.

mod decisions;

use http::{Method, StatusCode};
use serde_json::json;

use self::decisions::Decided;
use super::client::{Client, Server};
use super::exit::Failure;
use super::listing::{Listing, Span, one_of};
use super::output;
use super::payload::shown_payload;
use super::shown::{Column, Shown};
use crate::domain::application::Application;
use crate::domain::event::EventType;
use crate::domain::gate::GateState;
use crate::domain::id::GateId;

/// The list.
const LISTING: Listing = Listing { noun: "gates", columns: &COLUMNS };
const COLUMNS: [Column; 7] = [
    ("ID", "id"),
    ("STATE", "state"),
    ("EVENT", "event"),
    ("APPLICATIONS", "applications"),
    ("ASKED", "asked_at"),
    ("EXPIRES", "expires_at"),
    ("REASON", "reason"),
];

/// List and show gates, and approve or refuse open ones
///
/// A gate is one asking: before something happens, every hook that wants to be asked says yes or no
/// (`nyala gate` asks). It is open until all have decided, and ends as approved, as refused, or as
/// expired where somebody did not decide in time. An open one can be decided by a person with an admin
/// token, in the place of the hooks that have not; the audit log keeps who did.
#[derive(clap::Args, Debug)]
pub struct Gates {
    #[command(flatten)]
    server: Server,
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand, Debug)]
enum Action {
    /// List gates, the newest first
    List(List),
    /// Show a gate: what each hook came to, what happened since it was asked, and the payload
    Show {
        /// The gate (`gate_…`)
        id: GateId,
    },
    /// Say yes in the place of every hook that has not decided yet
    Approve(Decide),
    /// Say no in the place of every hook that has not decided yet
    Refuse(Decide),
}

#[derive(clap::Args, Debug)]
struct List {
    /// Only in this state: open, approved, refused or expired
    #[arg(long, value_parser = state)]
    state: Option<GateState>,
    /// Only about this event, such as `pre-deploy`
    #[arg(long, value_name = "TYPE", value_parser = EventType::parse)]
    event: Option<EventType>,
    /// Only those which concern this application
    #[arg(long, value_name = "NAME", value_parser = Application::parse)]
    application: Option<Application>,
    #[command(flatten)]
    span: Span,
}

#[derive(clap::Args, Debug)]
struct Decide {
    /// The gate (`gate_…`)
    id: GateId,
    /// Why, for whoever asked and for the audit log
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

fn state(text: &str) -> Result<GateState, String> {
    one_of(text, GateState::ALL, GateState::as_str)
}

impl Gates {
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
            Action::Approve(decide) => decide.run(&client, "approve", json).await,
            Action::Refuse(decide) => decide.run(&client, "refuse", json).await,
        }
    }
}

impl List {
    async fn run(self, client: &Client, json: bool) -> Result<(), Failure> {
        let filters = [
            ("state", self.state.map(|state| state.as_str().to_owned())),
            ("event", self.event.map(|event| event.as_str().to_owned())),
            ("application", self.application.map(|application| application.as_str().to_owned())),
        ];
        LISTING.print(client, filters, self.span, json).await
    }
}

async fn show(client: &Client, id: GateId, json: bool) -> Result<(), Failure> {
    let path = ["api", "v1", "gates", &id.to_string()];
    let answer = client.ask(client.request(Method::GET, &path, &[])).await?;
    let gate: Shown = answer.json()?;
    if json {
        return output::print(&answer.text());
    }
    let decided: Decided = answer.json()?;
    let details = gate.details_but(&["decisions", "timeline", "payload"]);
    output::print(&format!("{details}{}\n\n{}", decided.told(), shown_payload(&answer)?))
}

impl Decide {
    async fn run(self, client: &Client, what: &str, json: bool) -> Result<(), Failure> {
        let id = self.id.to_string();
        let body = self.reason.map_or_else(|| json!({}), |reason| json!({ "reason": reason }));
        let request = client.request(Method::POST, &["api", "v1", "gates", &id, what], &[]);
        let request = request.header("content-type", "application/json").body(body.to_string());
        let answer = client.send(request).await?;
        match answer.status {
            status if status.is_success() => {
                let gate: Shown = answer.json()?;
                output::print(&if json { answer.text() } else { format!("{id} is {}", gate.text("state")) })
            }
            StatusCode::NOT_FOUND => Err(answer.failure().advise("`nyala gates list --state open` shows which wait.")),
            StatusCode::CONFLICT => Err(answer.failure().advise(format!("`nyala gates show {id}` shows who did."))),
            _ => Err(answer.failure()),
        }
    }
}
