//! `nyala triggers`: what publishes by itself.

mod add;
mod calling;
mod change;
mod executions;
mod find;
mod fire;
mod maintenance;
mod proof;
mod published;
mod schedule;
mod shown;

use std::num::NonZeroUsize;

use http::Method;
use serde_json::json;

use self::find::Found;
use super::client::pages::gather;
use super::client::{Client, Server};
use super::exit::Failure;
use super::listing::one_of;
use super::output;
use super::shown::Shown;
use crate::domain::trigger::Kind;

/// Where triggers are in the API.
const PATH: [&str; 3] = ["api", "v1", "triggers"];

/// Add, change, list, show and remove triggers; start, stop and fire them
///
/// A trigger publishes events by itself: whenever somebody calls its URL (a webhook), a forge calls it
/// (a repository), or the time has come (a schedule). One firing is an execution, which keeps what came
/// in and names the events that came out. Who wants those adds a hook for them (`nyala hooks add`).
///
/// A trigger is named by its UUID, or by its name where no other one has it.
#[derive(clap::Args, Debug)]
pub struct Triggers {
    #[command(flatten)]
    server: Server,
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand, Debug)]
enum Action {
    /// List triggers, all of them unless --limit says otherwise
    List(List),
    /// Add a trigger
    #[command(subcommand)]
    Add(add::Add),
    /// Show everything about a trigger
    Show(Which),
    Change(change::Change),
    /// Remove a trigger with its executions; what it published stays
    Remove(Which),
    /// Let a trigger that was stopped fire again
    Start(Which),
    /// Stop a trigger: what fires it is kept as skipped, and published to nobody
    Stop(Which),
    Fire(fire::Fire),
    Executions(executions::Executions),
    Maintenance(maintenance::Maintenance),
}

/// Which trigger.
#[derive(clap::Args, Debug)]
struct Which {
    /// The trigger's UUID, or its name
    #[arg(value_name = "TRIGGER")]
    which: String,
}

#[derive(clap::Args, Debug)]
struct List {
    /// Only of this kind: webhook, repository, scheduler or outgoing
    #[arg(long, value_parser = kind)]
    kind: Option<Kind>,
    /// Only those that are stopped
    #[arg(long)]
    stopped: bool,
    /// Only those that are not
    #[arg(long, conflicts_with = "stopped")]
    started: bool,
    /// Show no more than this many
    #[arg(long, value_name = "N")]
    limit: Option<NonZeroUsize>,
}

fn kind(text: &str) -> Result<Kind, String> {
    one_of(text, Kind::ALL, Kind::as_str)
}

impl Triggers {
    /// Does what the subcommand says.
    ///
    /// # Errors
    /// Exit code 1 when the server says no, 4 when it cannot be reached.
    pub async fn run(self) -> Result<(), Failure> {
        let client = self.server.client()?;
        let json = self.server.json;
        match self.action {
            Action::List(list) => list.run(&client, json).await,
            Action::Add(add) => add.run(&client, json).await,
            Action::Show(named) => show(&client, &named.which, json).await,
            Action::Change(change) => change.run(&client, json).await,
            Action::Remove(named) => remove(&client, &named.which, json).await,
            Action::Start(named) => set(&client, &named.which, "start", json).await,
            Action::Stop(named) => set(&client, &named.which, "stop", json).await,
            Action::Fire(fire) => fire.run(&client, json).await,
            Action::Executions(executions) => executions.run(&client, json).await,
            Action::Maintenance(maintenance) => maintenance.run(&client, json).await,
        }
    }
}

impl List {
    async fn run(self, client: &Client, json: bool) -> Result<(), Failure> {
        let state = if self.stopped { Some("stopped") } else { self.started.then_some("started") };
        let filters = [("kind", self.kind.map(Kind::as_str)), ("state", state)];
        let filters = filters.into_iter().filter_map(|(name, value)| Some((name, value?.to_owned())));
        let filters: Vec<_> = filters.collect();
        let listed = gather(client, &PATH, &filters, self.limit.map_or(usize::MAX, NonZeroUsize::get)).await?;
        let none = if filters.is_empty() {
            "there are no triggers yet: `nyala triggers add` adds one"
        } else {
            "there are no such triggers"
        };
        listed.print(json, none, shown::table)?;
        if listed.more {
            output::note("there are more triggers: raise --limit to see them");
        }
        if listed.items()?.iter().any(maintenance::is_on) {
            maintenance::warn();
        }
        Ok(())
    }
}

async fn show(client: &Client, which: &str, json: bool) -> Result<(), Failure> {
    let found = Found::named(client, which).await?;
    output::print(&if json { found.answer.text() } else { shown::details(&found.trigger) })?;
    found.warn_of_maintenance();
    Ok(())
}

async fn remove(client: &Client, which: &str, json: bool) -> Result<(), Failure> {
    let found = Found::named(client, which).await?;
    client.ask(found.request(client, Method::DELETE, &[])).await?;
    let told = format!("{} removed", found.called());
    output::print(&if json { json!({ "removed": found.uuid }).to_string() } else { told })
}

/// Starts or stops it.
async fn set(client: &Client, which: &str, what: &str, json: bool) -> Result<(), Failure> {
    let found = Found::named(client, which).await?;
    let answer = client.ask(found.request(client, Method::POST, &[what])).await?;
    let trigger: Shown = answer.json()?;
    let meaning = if trigger.text("state") == "stopped" { ": what fires it is skipped" } else { "" };
    let told = format!("{} is {}{meaning}", found.called(), trigger.text("state"));
    output::print(&if json { answer.text() } else { told })
}
