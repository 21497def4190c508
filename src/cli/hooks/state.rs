//! `nyala hooks pause`, `resume` and `test`.

use http::Method;

use crate::cli::client::Client;
use crate::cli::client::answer::Answer;
use crate::cli::exit::Failure;
use crate::cli::output;
use crate::cli::progress::{EVERY, Progress};
use crate::cli::shown::Shown;
use crate::domain::id::HookId;

pub(super) async fn pause(client: &Client, id: HookId, json: bool) -> Result<(), Failure> {
    let answer = post(client, id, "pause").await?;
    output::print(&if json { answer.text() } else { format!("hook {id} is paused: what happens meanwhile waits") })
}

pub(super) async fn resume(client: &Client, id: HookId, wait: bool, json: bool) -> Result<(), Failure> {
    let resumed = post(client, id, "resume").await?;
    let answer = if wait { drained(client, id).await? } else { resumed };
    let told = if wait { "is resumed and owed nothing" } else { "is resumed" };
    output::print(&if json { answer.text() } else { format!("hook {id} {told}") })
}

pub(super) async fn test(client: &Client, id: HookId, json: bool) -> Result<(), Failure> {
    let answer = post(client, id, "test").await?;
    let made: Shown = answer.json()?;
    if json {
        return output::print(&answer.text());
    }
    let delivery = made.text("delivery");
    output::print(&format!("hook {id} is sent {} as {delivery}", made.text("event")))?;
    output::note(&format!("`nyala deliveries show {delivery}` shows what came of it"));
    Ok(())
}

async fn post(client: &Client, id: HookId, what: &str) -> Result<Answer, Failure> {
    let path = ["api", "v1", "hooks", &id.to_string(), what];
    client.ask(client.request(Method::POST, &path, &[])).await
}

/// Asks until the hook is owed nothing.
async fn drained(client: &Client, id: HookId) -> Result<Answer, Failure> {
    let path = ["api", "v1", "hooks", &id.to_string()];
    let mut progress = Progress::new("delivered");
    let mut most = 0;
    loop {
        let answer = client.ask(client.request(Method::GET, &path, &[])).await?;
        let hook: Shown = answer.json()?;
        let Some(owed) = hook.get("owed").and_then(serde_json::Value::as_u64) else {
            return Err(Failure::failed(format!("the server does not say what hook {id} is owed"))
                .advise(format!("Look at `nyala deliveries list --hook {id} --state pending`.")));
        };
        if owed == 0 {
            return Ok(answer);
        }
        // More may be published meanwhile.
        most = owed.max(most);
        progress.at(most - owed, most);
        tokio::time::sleep(EVERY).await;
    }
}
