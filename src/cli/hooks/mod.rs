//! `nyala hooks`: who is told about what.

mod asking;
mod certificates;
mod change;
mod replay;
mod secret;
mod shown;
mod state;

use std::num::NonZeroUsize;

use http::{Method, StatusCode};
use serde_json::json;

use self::asking::Asking;
use self::certificates::Certificates;
use self::change::{Change, Limits};
use self::secret::{Given, Proofs};
use self::shown::Shown;
use super::client::pages::gather;
use super::client::{Client, Server};
use super::exit::{Exit, Failure};
use super::output;
use crate::domain::hook::HookState;
use crate::domain::id::HookId;

/// What is said to who wants no certificate looked at.
const INSECURE: &str =
    "warning: with --insecure-ssl anybody between the server and this URL can read and forge what is sent";

/// Add, change, list, show and remove hooks; pause, test and replay them
///
/// A hook says who is told about what: its URL is called when one of its events happens, again and
/// again until it has answered with success or the server gives up.
#[derive(clap::Args, Debug)]
pub struct Hooks {
    #[command(flatten)]
    server: Server,
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand, Debug)]
enum Action {
    /// Add a hook: this URL is called when one of these events happens
    ///
    /// Adding the same hook twice is fine and gives the one that is there.
    Add(Add),
    Change(Change),
    /// List hooks, all of them unless --limit says otherwise
    List {
        /// Only those in this state: active, failing or paused
        #[arg(long, value_parser = state_named)]
        state: Option<HookState>,
        /// Show no more than this many
        #[arg(long, value_name = "N")]
        limit: Option<NonZeroUsize>,
    },
    /// Show everything about a hook
    Show {
        /// The hook's number
        id: HookId,
    },
    /// Remove hooks; what they were still owed is cancelled
    Remove {
        /// The hooks' numbers
        #[arg(required = true, value_name = "ID")]
        ids: Vec<HookId>,
    },
    /// Stop sending to a hook; what happens meanwhile waits for it
    Pause {
        /// The hook's number
        id: HookId,
    },
    /// Send to a paused or failing hook again: what it is owed, and what comes
    Resume {
        /// The hook's number
        id: HookId,
        /// Return when it is owed nothing, and show how far it is
        #[arg(long)]
        wait: bool,
    },
    /// Send a hook an event of its own, to see what it answers
    Test {
        /// The hook's number
        id: HookId,
    },
    Replay(replay::Replay),
    /// Show the secret that a hook signs with
    Secret {
        /// The hook's number
        id: HookId,
    },
    /// Give a hook another secret; the former one signs beside it for a while
    RotateSecret {
        /// The hook's number
        id: HookId,
        #[command(flatten)]
        given: Given,
    },
}

#[derive(clap::Args, Debug)]
struct Add {
    /// Where to send events: an http or https URL
    url: String,
    /// An event type that the hook wants, or * for all (repeatable)
    #[arg(long = "event", value_name = "TYPE", required = true)]
    events: Vec<String>,
    /// An application whose events it wants (repeatable) [default: all]
    #[arg(long = "application", value_name = "NAME")]
    applications: Vec<String>,
    /// What the hook is for, in your words
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Accept any certificate from this URL; anybody in between can then read and forge
    #[arg(long)]
    insecure_ssl: bool,
    #[command(flatten)]
    limits: Limits,
    #[command(flatten)]
    asking: Asking,
    #[command(flatten)]
    given: Given,
    #[command(flatten)]
    proofs: Proofs,
    #[command(flatten)]
    certificates: Certificates,
}

fn state_named(text: &str) -> Result<HookState, &'static str> {
    HookState::named(text).ok_or("want one of active, failing, paused")
}

impl Hooks {
    /// Does what the subcommand says.
    ///
    /// # Errors
    /// Exit code 1 when the server says no, 4 when it cannot be reached.
    pub async fn run(self) -> Result<(), Failure> {
        let client = self.server.client()?;
        let json = self.server.json;
        match self.action {
            Action::Add(add) => add.run(&client, json).await,
            Action::Change(change) => change.run(&client, json).await,
            Action::List { state, limit } => list(&client, state, limit, json).await,
            Action::Show { id } => show(&client, id, json).await,
            Action::Remove { ids } => remove(&client, &ids, json).await,
            Action::Pause { id } => state::pause(&client, id, json).await,
            Action::Resume { id, wait } => state::resume(&client, id, wait, json).await,
            Action::Test { id } => state::test(&client, id, json).await,
            Action::Replay(replay) => replay.run(&client, json).await,
            Action::Secret { id } => secret::show(&client, id, json).await,
            Action::RotateSecret { id, given } => secret::rotate(&client, id, &given, json).await,
        }
    }
}

impl Add {
    async fn run(self, client: &Client, json: bool) -> Result<(), Failure> {
        if self.insecure_ssl {
            output::note(INSECURE);
        }
        let request = client.request(Method::POST, &["api", "hooks"], &[]);
        let request = request.header("content-type", "application/json").body(self.body()?);
        let answer = client.send(request).await?;
        match answer.status {
            status if status.is_success() => {
                let hook: Shown = answer.json()?;
                output::print(&if json { answer.text() } else { hook.sentences() })
            }
            StatusCode::CONFLICT => {
                Err(answer.failure().advise("`nyala hooks change ID` and `nyala hooks remove ID` do that."))
            }
            _ => Err(answer.failure()),
        }
    }

    fn body(&self) -> Result<String, Failure> {
        let mut body = json!({ "url": self.url, "events": self.events, "insecure_ssl": self.insecure_ssl });
        if !self.applications.is_empty() {
            body["applications"] = json!(self.applications);
        }
        if let Some(description) = &self.description {
            body["description"] = json!(description);
        }
        if let Some(fields) = body.as_object_mut() {
            self.limits.put_into(fields);
            self.asking.put_into(fields);
            self.given.put_into(fields);
            self.proofs.put_into(fields)?;
            self.certificates.put_into(fields)?;
        }
        Ok(body.to_string())
    }
}

async fn list(
    client: &Client,
    state: Option<HookState>,
    limit: Option<NonZeroUsize>,
    json: bool,
) -> Result<(), Failure> {
    let limit = limit.map_or(usize::MAX, NonZeroUsize::get);
    let filters: Vec<_> = state.map(|state| ("state", state.as_str().to_owned())).into_iter().collect();
    let listed = gather(client, &["api", "v1", "hooks"], &filters, limit).await?;
    listed.print(json, "there are no hooks yet: `nyala hooks add URL --event TYPE` adds one", shown::table)?;
    if listed.more {
        output::note("there are more hooks: raise --limit to see them");
    }
    Ok(())
}

async fn show(client: &Client, id: HookId, json: bool) -> Result<(), Failure> {
    let id = id.to_string();
    let answer = client.ask(client.request(Method::GET, &["api", "v1", "hooks", &id], &[])).await?;
    let hook: Shown = answer.json()?;
    if json {
        return output::print(&answer.text());
    }
    output::print(&hook.details())
}

/// Removes each hook that is there; one that is not keeps none of the others from going.
async fn remove(client: &Client, ids: &[HookId], json: bool) -> Result<(), Failure> {
    let mut removed = Vec::new();
    let mut failed = Vec::new();
    for id in ids {
        let path = ["api", "v1", "hooks", &id.to_string()];
        match client.ask(client.request(Method::DELETE, &path, &[])).await {
            Ok(_) if json => removed.push(*id),
            Ok(_) => output::print(&format!("hook {id} removed"))?,
            // Nobody is there for the rest either.
            Err(failure) if failure.exit() == Exit::Unreachable => return Err(failure),
            Err(failure) => failed.push((*id, failure)),
        }
    }
    if json {
        let failed: Vec<_> = failed.iter().map(|(id, _)| *id).collect();
        output::print(&json!({ "removed": removed, "failed": failed }).to_string())?;
    }
    if failed.is_empty() { Ok(()) } else { Err(Failure::failed(blame(&failed))) }
}

fn blame(failed: &[(HookId, Failure)]) -> String {
    let lines: Vec<_> = failed.iter().map(|(id, failure)| format!("hook {id} is not removed: {failure}")).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_given_is_not_sent() {
        let add = |applications: &[&str]| Add {
            url: "http://a".to_owned(),
            events: vec!["A".to_owned(), "B".to_owned()],
            applications: applications.iter().map(|&name| name.to_owned()).collect(),
            description: None,
            insecure_ssl: false,
            limits: Limits::default(),
            asking: Asking::default(),
            given: Given::default(),
            proofs: Proofs::default(),
            certificates: Certificates::default(),
        };

        assert_eq!(add(&[]).body().unwrap(), r#"{"url":"http://a","events":["A","B"],"insecure_ssl":false}"#);
        assert!(add(&["shop"]).body().unwrap().ends_with(r#""applications":["shop"]}"#));
    }
}
