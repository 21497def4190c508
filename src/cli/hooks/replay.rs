//! `nyala hooks replay`: send again what a hook was sent, or what never arrived.

use http::Method;
use serde::Deserialize;
use serde_json::json;

use crate::cli::client::Client;
use crate::cli::client::answer::Answer;
use crate::cli::deliveries;
use crate::cli::exit::Failure;
use crate::cli::output::{self, counted};
use crate::cli::progress::{EVERY, Progress};
use crate::cli::when::When;
use crate::domain::delivery::State;
use crate::domain::id::HookId;

/// Send again what a hook was sent, or what never arrived
///
/// Give --since, --state or both. With a state, only those in it go out that were not sent again
/// since.
#[derive(clap::Args, Debug)]
pub(super) struct Replay {
    /// The hook's number
    id: HookId,
    /// Only what was owed then or later: a time, or how long ago, such as 2h
    #[arg(long, value_name = "TIME")]
    since: Option<When>,
    /// Only what was owed before then
    #[arg(long, value_name = "TIME")]
    until: Option<When>,
    /// Only what is dead, delivered or cancelled
    #[arg(long, value_parser = finished)]
    state: Option<State>,
    /// Only count
    #[arg(long)]
    dry_run: bool,
    /// Return when all is queued, and show how far it is
    #[arg(long, conflicts_with = "dry_run")]
    wait: bool,
}

fn finished(text: &str) -> Result<State, String> {
    let state = deliveries::state(text)?;
    if state.is_finished() { Ok(state) } else { Err("want one of delivered, dead, cancelled".to_owned()) }
}

/// A replay as the server shows it.
#[derive(Deserialize)]
struct Shown {
    id: u64,
    state: String,
    total: u64,
    done: u64,
}

#[derive(Deserialize)]
struct Counted {
    total: u64,
}

impl Replay {
    pub(super) async fn run(self, client: &Client, json: bool) -> Result<(), Failure> {
        if self.since.is_none() && self.state.is_none() {
            return Err(Failure::usage("give --since, --state or both: `--state dead` sends what never arrived"));
        }
        let path = ["api", "v1", "hooks", &self.id.to_string(), "replay"];
        let request = client.request(Method::POST, &path, &[]).header("content-type", "application/json");
        let answer = client.ask(request.body(self.body())).await?;
        let (answer, told) = if self.dry_run {
            let total = answer.json::<Counted>()?.total;
            (answer, format!("hook {}: {} would be owed again", self.id, counted(total, "delivery", "deliveries")))
        } else if self.wait {
            let (answer, replay) = follow(client, answer).await?;
            (answer, format!("hook {}: {} of {} owed again", self.id, replay.done, replay.total))
        } else {
            let Shown { id, total, .. } = answer.json()?;
            let owed = counted(total, "delivery is", "deliveries are");
            (answer, format!("replay {id} of hook {}: {owed} owed again", self.id))
        };
        output::print(&if json { answer.text() } else { told })
    }

    fn body(&self) -> String {
        let mut body = json!({ "dry_run": self.dry_run });
        let texts = [
            ("since", self.since.map(When::rfc3339)),
            ("until", self.until.map(When::rfc3339)),
            ("state", self.state.map(|state| state.as_str().to_owned())),
        ];
        for (name, text) in texts {
            if let Some(text) = text {
                body[name] = json!(text);
            }
        }
        body.to_string()
    }
}

/// Asks until the replay has ended.
async fn follow(client: &Client, mut answer: Answer) -> Result<(Answer, Shown), Failure> {
    let mut progress = Progress::new("owed again");
    loop {
        let replay: Shown = answer.json()?;
        progress.at(replay.done, replay.total);
        match replay.state.as_str() {
            "running" => {}
            "done" => return Ok((answer, replay)),
            _ => {
                let Shown { id, done, total, .. } = replay;
                return Err(Failure::failed(format!("replay {id} was stopped: {done} of {total} owed again")));
            }
        }
        tokio::time::sleep(EVERY).await;
        let path = ["api", "v1", "replays", &replay.id.to_string()];
        answer = client.ask(client.request(Method::GET, &path, &[])).await?;
    }
}
