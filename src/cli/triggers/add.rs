//! `nyala triggers add`

use http::Method;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::proof::Proving;
use super::published::Published;
use super::schedule::{Timing, Told};
use super::{PATH, calling, shown};
use crate::cli::client::Client;
use crate::cli::client::answer::Answer;
use crate::cli::exit::Failure;
use crate::cli::limit::Limit;
use crate::cli::output;
use crate::cli::shown::Shown;
use crate::domain::trigger::InboundMethod;

#[derive(clap::Subcommand, Debug)]
pub(super) enum Add {
    Webhook(Webhook),
    Repository(Repository),
    Schedule(Schedule),
}

/// Fire whenever somebody calls a URL, which is printed
///
/// What comes in is published: the values of the query and of a JSON body or a form, and under
/// `payload` the whole body. Without a secret, whoever knows the URL can fire the trigger.
#[derive(clap::Args, Debug)]
pub(super) struct Webhook {
    /// What people call it
    name: String,
    #[command(flatten)]
    published: Published,
    /// The only method that fires it: GET, POST, PUT or DELETE [default: POST]
    #[arg(long, value_parser = InboundMethod::parse)]
    method: Option<InboundMethod>,
    #[command(flatten)]
    called: Called,
}

/// Fire whenever a forge tells of a push or a pull request
///
/// GitHub, GitLab, Bitbucket, Gitea and Forgejo are known. The URL to give to the forge is printed, and
/// what to choose there. Without a secret, whoever knows the URL can fire the trigger.
#[derive(clap::Args, Debug)]
pub(super) struct Repository {
    /// What people call it
    name: String,
    #[command(flatten)]
    published: Published,
    /// The forge's own name of an event that fires it, such as `push` or `pull_request` (repeatable)
    /// [default: pushes]
    #[arg(long = "on", value_name = "EVENT")]
    on: Vec<String>,
    #[command(flatten)]
    called: Called,
}

/// Fire by a schedule, which is first shown in words and with the next five firings
#[derive(clap::Args, Debug)]
pub(super) struct Schedule {
    /// What people call it
    name: String,
    /// Minute, hour, day of the month, month and day of the week, such as '*/5 * * * *' or
    /// '30 2 * * MON-FRI'; or a word such as @daily
    #[arg(allow_hyphen_values = true)]
    cron: String,
    #[command(flatten)]
    timing: Timing,
    #[command(flatten)]
    published: Published,
    /// Only show what the schedule comes to
    #[arg(long)]
    dry_run: bool,
}

/// What both that are called have.
#[derive(clap::Args, Debug)]
struct Called {
    #[command(flatten)]
    proving: Proving,
    /// Requests a second that may fire it, or `default` for what the server's --trigger-rate allows
    #[arg(long, value_name = "NUMBER")]
    rate_limit: Option<Limit>,
}

impl Add {
    pub(super) async fn run(self, client: &Client, json: bool) -> Result<(), Failure> {
        match self {
            Self::Webhook(webhook) => webhook.run(client, json).await,
            Self::Repository(repository) => repository.run(client, json).await,
            Self::Schedule(schedule) => schedule.run(client, json).await,
        }
    }
}

impl Webhook {
    async fn run(self, client: &Client, json: bool) -> Result<(), Failure> {
        let mut fields = fields("webhook", &self.name, &self.published);
        if let Some(method) = self.method {
            fields.insert("method".to_owned(), json!(method.as_str()));
        }
        self.called.add(client, fields, json).await
    }
}

impl Repository {
    async fn run(self, client: &Client, json: bool) -> Result<(), Failure> {
        let mut fields = fields("repository", &self.name, &self.published);
        if !self.on.is_empty() {
            fields.insert("events".to_owned(), json!(self.on));
        }
        self.called.add(client, fields, json).await
    }
}

impl Called {
    async fn add(&self, client: &Client, mut fields: Map<String, Value>, json: bool) -> Result<(), Failure> {
        if let Some(Limit(Some(rate))) = self.rate_limit {
            fields.insert("rate_limit".to_owned(), json!(rate));
        }
        let made = self.proving.put_into(&mut fields, None)?;
        let answer = add(client, fields).await?;
        print(&answer, made.as_ref(), json)
    }
}

impl Schedule {
    async fn run(self, client: &Client, json: bool) -> Result<(), Failure> {
        let mut fields = fields("scheduler", &self.name, &self.published);
        fields.insert("cron".to_owned(), json!(self.cron));
        self.timing.put_into(&mut fields)?;
        if self.dry_run || !json {
            let preview = self.timing.preview(client, &self.cron).await?;
            let told: Told = preview.json()?;
            output::print(&if json { preview.text() } else { told.lines() })?;
        }
        if self.dry_run {
            return Ok(());
        }
        print(&add(client, fields).await?, None, json)
    }
}

/// Those that every trigger has.
fn fields(kind: &str, name: &str, published: &Published) -> Map<String, Value> {
    let mut fields = Map::new();
    fields.insert("kind".to_owned(), json!(kind));
    fields.insert("name".to_owned(), json!(name));
    published.put_into(&mut fields);
    fields
}

async fn add(client: &Client, fields: Map<String, Value>) -> Result<Answer, Failure> {
    let request = client.request(Method::POST, &PATH, &[]).header("content-type", "application/json");
    client.ask(request.body(Value::Object(fields).to_string())).await
}

/// The trigger, and the secret that was made for it, if one was: this once.
pub(super) fn print(answer: &Answer, made: Option<&Zeroizing<String>>, json: bool) -> Result<(), Failure> {
    let trigger: Shown = answer.json()?;
    if json {
        return output::print(&with_secret(answer, made)?);
    }
    output::print(&shown::sentence(&trigger))?;
    if let Some(choose) = calling::choose(&trigger) {
        output::print(&choose)?;
    }
    if let Some(made) = made {
        output::print(&format!("the secret, which is not shown again: {}", **made))?;
    }
    if trigger.get("maintenance").is_some() {
        super::maintenance::warn();
    }
    Ok(())
}

fn with_secret(answer: &Answer, made: Option<&Zeroizing<String>>) -> Result<String, Failure> {
    let Some(made) = made else { return Ok(answer.text()) };
    let mut trigger: Map<String, Value> = answer.json()?;
    trigger.insert("secret".to_owned(), json!(**made));
    Ok(Value::Object(trigger).to_string())
}
