//! `nyala triggers executions`: what fired a trigger, and what came of it.

mod one;

use std::io::{BufRead, Write};
use std::num::NonZeroUsize;

use http::{Method, StatusCode};
use serde_json::json;

use super::find::{Found, at};
use crate::cli::client::Client;
use crate::cli::client::answer::Answer;
use crate::cli::client::pages::gather;
use crate::cli::exit::Failure;
use crate::cli::output;
use crate::cli::shown::{Column, Shown, table};
use crate::domain::id::ExecutionId;

/// The list's columns.
const COLUMNS: [Column; 6] = [
    ("ID", "id"),
    ("WHEN", "at"),
    ("STATUS", "status"),
    ("RESULT", "result"),
    ("EVENTS", "events"),
    ("ERROR", "error"),
];

/// List what fired a trigger, or show one of these: what came in, and what came out
///
/// An execution is SCHEDULED, ENQUEUED, DOING or DONE, and comes to something: published, skipped or
/// failed. The newest ones of each trigger are kept (the server's --execution-history), and those that
/// are not over.
#[derive(clap::Args, Debug)]
pub(super) struct Executions {
    /// The trigger's UUID, or its name
    #[arg(value_name = "TRIGGER")]
    which: String,
    /// Show this one whole (`exe_…`)
    #[arg(value_name = "EXECUTION")]
    one: Option<ExecutionId>,
    /// Show no more than this many
    #[arg(long, value_name = "N", default_value = "50")]
    limit: NonZeroUsize,
    /// Stop one that is not over: it publishes nothing
    #[arg(long, value_name = "EXECUTION", conflicts_with_all = ["one", "remove_all"])]
    stop: Option<ExecutionId>,
    /// Remove all of them, also those that are not over
    #[arg(long, conflicts_with = "one")]
    remove_all: bool,
    /// Do not ask before removing them
    #[arg(long, requires = "remove_all")]
    yes: bool,
}

impl Executions {
    pub(super) async fn run(self, client: &Client, json: bool) -> Result<(), Failure> {
        let found = Found::named(client, &self.which).await?;
        if let Some(id) = self.stop {
            return stop(client, &found, id, json).await;
        }
        if self.remove_all {
            if !self.yes {
                ask(&found)?;
            }
            return remove_all(client, &found, json).await;
        }
        match self.one {
            Some(id) => one::show(client, &found, id, json).await?,
            None => list(client, &found, self.limit, json).await?,
        }
        found.warn_of_maintenance();
        Ok(())
    }
}

async fn list(client: &Client, found: &Found, limit: NonZeroUsize, json: bool) -> Result<(), Failure> {
    let listed = gather(client, &at(&found.uuid, &["executions"]), &[], limit.get()).await?;
    let none = format!("{} has not fired", found.called());
    listed.print(json, &none, |items: &[Shown]| table(&COLUMNS, items))?;
    if listed.more {
        output::note("there are more executions: raise --limit to see them");
    }
    Ok(())
}

async fn stop(client: &Client, found: &Found, id: ExecutionId, json: bool) -> Result<(), Failure> {
    let id = id.to_string();
    let answer = client.send(found.request(client, Method::POST, &["executions", &id, "stop"])).await?;
    succeeded(&answer, found)?;
    let told = format!("{id} of {} is stopped: it publishes nothing", found.called());
    output::print(&if json { json!({ "stopped": id }).to_string() } else { told })
}

async fn remove_all(client: &Client, found: &Found, json: bool) -> Result<(), Failure> {
    client.ask(found.request(client, Method::DELETE, &["executions"])).await?;
    let told = format!("all executions of {} removed", found.called());
    output::print(&if json { json!({ "removed": "all" }).to_string() } else { told })
}

/// Goes on only where a person says yes.
fn ask(found: &Found) -> Result<(), Failure> {
    let mut answer = String::new();
    // Nothing can be said about a stderr that is closed.
    let _ = write!(std::io::stderr(), "Remove all executions of {}? [y/N] ", found.called());
    let read = std::io::stdin().lock().read_line(&mut answer);
    match (read, answer.trim().to_lowercase().as_str()) {
        (Ok(1..), "y" | "yes") => Ok(()),
        (Ok(1..), _) => Err(Failure::failed("nothing is removed")),
        // Whoever was asked did not even end a line.
        (Ok(0) | Err(_), _) => {
            let _ = writeln!(std::io::stderr());
            Err(Failure::usage("nothing is removed: nobody answered. Give --yes where nobody can be asked"))
        }
    }
}

/// An error that is told with a way on.
fn succeeded(answer: &Answer, found: &Found) -> Result<(), Failure> {
    match answer.status {
        status if status.is_success() => Ok(()),
        StatusCode::NOT_FOUND | StatusCode::CONFLICT => {
            let advice = format!("`nyala triggers executions {}` shows which there are.", found.uuid);
            Err(answer.failure().advise(advice))
        }
        _ => Err(answer.failure()),
    }
}
