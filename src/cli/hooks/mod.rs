//! `nyala hooks`: who is told about what.

mod shown;

use std::num::NonZeroUsize;

use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use self::shown::Shown;
use super::client::{Client, Server};
use super::exit::{Exit, Failure};
use super::output;
use crate::domain::id::HookId;

/// How many hooks one page of the list asks for.
const PAGE: usize = 100;

/// Add, list, show and remove hooks: who is told about what
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
    /// List hooks, all of them unless --limit says otherwise
    List {
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
}

/// One page of the list. An item stays the text that it came as, for `--json`.
#[derive(Deserialize)]
struct Page {
    items: Vec<Box<RawValue>>,
    next: Option<String>,
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
            Action::List { limit } => list(&client, limit, json).await,
            Action::Show { id } => show(&client, id, json).await,
            Action::Remove { ids } => remove(&client, &ids, json).await,
        }
    }
}

impl Add {
    async fn run(self, client: &Client, json: bool) -> Result<(), Failure> {
        if self.insecure_ssl {
            output::note(
                "warning: with --insecure-ssl anybody between the server and this URL can read and \
                 forge what is sent",
            );
        }
        let request = client.request(Method::POST, &["api", "hooks"], &[]);
        let request = request.header("content-type", "application/json").body(self.body());
        let answer = client.send(request).await?;
        match answer.status {
            status if status.is_success() => {
                let hook: Shown = answer.json()?;
                output::print(&if json { answer.text() } else { hook.sentence() })
            }
            StatusCode::CONFLICT => Err(answer.failure().advise(
                "This URL is registered for other events or applications: remove that hook first \
                 with `nyala hooks remove ID`, or change it with PATCH /api/v1/hooks/ID \
                 (`nyala hooks list` shows its ID).",
            )),
            _ => Err(answer.failure()),
        }
    }

    fn body(&self) -> String {
        let mut body = json!({ "url": self.url, "events": self.events, "insecure_ssl": self.insecure_ssl });
        if !self.applications.is_empty() {
            body["applications"] = json!(self.applications);
        }
        if let Some(description) = &self.description {
            body["description"] = json!(description);
        }
        body.to_string()
    }
}

async fn list(client: &Client, limit: Option<NonZeroUsize>, json: bool) -> Result<(), Failure> {
    let limit = limit.map_or(usize::MAX, NonZeroUsize::get);
    let (items, more) = gather(client, limit).await?;
    if json {
        let items: Vec<_> = items.iter().map(|item| item.get()).collect();
        output::print(&format!("[{}]", items.join(",\n")))?;
    } else if items.is_empty() {
        output::note("there are no hooks yet: `nyala hooks add URL --event TYPE` adds one");
    } else {
        output::print(&shown::table(&read_all(&items)?))?;
    }
    if more {
        output::note("there are more hooks: raise --limit to see them");
    }
    Ok(())
}

fn read_all(items: &[Box<RawValue>]) -> Result<Vec<Shown>, Failure> {
    let hooks: Result<_, _> = items.iter().map(|item| serde_json::from_str(item.get())).collect();
    hooks.map_err(|_| Failure::failed("the server's list of hooks holds something that is no hook"))
}

/// Up to `limit` hooks, page by page, and whether there are more.
async fn gather(client: &Client, limit: usize) -> Result<(Vec<Box<RawValue>>, bool), Failure> {
    let mut items: Vec<Box<RawValue>> = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let page = page(client, limit - items.len(), cursor.as_deref()).await?;
        items.extend(page.items);
        let more = page.next.is_some() || items.len() > limit;
        items.truncate(limit);
        // A cursor that leads back to itself would never end.
        if !more || items.len() == limit || page.next == cursor {
            return Ok((items, more));
        }
        cursor = page.next;
    }
}

async fn page(client: &Client, wanted: usize, cursor: Option<&str>) -> Result<Page, Failure> {
    let size = wanted.clamp(1, PAGE).to_string();
    let mut query = vec![("limit", size.as_str())];
    query.extend(cursor.map(|cursor| ("cursor", cursor)));
    client.ask(client.request(Method::GET, &["api", "v1", "hooks"], &query)).await?.json()
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
        };

        assert_eq!(add(&[]).body(), r#"{"url":"http://a","events":["A","B"],"insecure_ssl":false}"#);
        assert!(add(&["shop"]).body().ends_with(r#""applications":["shop"]}"#));
    }
}
