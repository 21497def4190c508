//! `nyala applications`: which there are.

use std::num::NonZeroUsize;

use http::{Method, StatusCode};
use serde_json::json;

use super::client::pages::gather;
use super::client::{Client, Server};
use super::exit::Failure;
use super::output::{self, visible};
use super::shown::{Column, Shown, table};
use crate::domain::application::Application;

/// The list's columns.
const COLUMNS: [Column; 2] = [("NAME", "name"), ("SINCE", "created_at")];

/// List and add applications
///
/// Webhooks can be made for applications that are known here. One becomes known by this command, by
/// an event that an admin publishes for it, and by a token that is made for it.
#[derive(clap::Args, Debug)]
pub struct Applications {
    #[command(flatten)]
    server: Server,
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand, Debug)]
enum Action {
    /// List applications, the first one first
    List {
        /// Show no more than this many
        #[arg(long, value_name = "N", default_value = "1000")]
        limit: NonZeroUsize,
    },
    /// Make applications known
    Add {
        /// Their names
        #[arg(required = true, value_name = "NAME", value_parser = Application::parse)]
        names: Vec<Application>,
    },
}

impl Applications {
    /// Does what the subcommand says.
    ///
    /// # Errors
    /// Exit code 1 when the server says no, 4 when it cannot be reached.
    pub async fn run(self) -> Result<(), Failure> {
        let client = self.server.client()?;
        let json = self.server.json;
        match self.action {
            Action::List { limit } => list(&client, limit, json).await,
            Action::Add { names } => add(&client, &names, json).await,
        }
    }
}

const PATH: [&str; 3] = ["api", "v1", "applications"];

async fn list(client: &Client, limit: NonZeroUsize, json: bool) -> Result<(), Failure> {
    let listed = gather(client, &PATH, &[], limit.get()).await?;
    listed.print(json, "no application is known", |items: &[Shown]| table(&COLUMNS, items))?;
    if listed.more {
        output::note("there are more applications: raise --limit to see them");
    }
    Ok(())
}

async fn add(client: &Client, names: &[Application], json: bool) -> Result<(), Failure> {
    for name in names {
        let request = client.request(Method::POST, &PATH, &[]).header("content-type", "application/json");
        let answer = client.ask(request.body(json!({ "name": name.as_str() }).to_string())).await?;
        let told = if answer.status == StatusCode::CREATED { "is known now" } else { "was known" };
        output::print(&if json { answer.text() } else { format!("{} {told}", visible(name.as_str())) })?;
    }
    Ok(())
}
