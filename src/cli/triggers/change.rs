//! `nyala triggers change`

use http::Method;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::add::print;
use super::find::Found;
use super::proof::Proving;
use super::published::Published;
use super::schedule::{Timing, Told};
use crate::cli::client::Client;
use crate::cli::exit::Failure;
use crate::cli::limit::Limit;
use crate::cli::output;
use crate::domain::trigger::InboundMethod;

/// Change a trigger: what is not named stays as it is
///
/// What is repeatable takes the place of all that there is of its kind: name again what is to stay. With
/// another scheme the secret has to be given anew.
#[derive(clap::Args, Debug)]
#[command(
    mut_arg("event", |arg| arg.help("Another type of its events")),
    mut_arg("scheme", |arg| arg.help(SCHEME)),
    mut_arg("timezone", |arg| arg.help("Another time zone that the schedule is read in, or UTC")),
    mut_arg("missed", |arg| arg.help(MISSED))
)]
pub(super) struct Change {
    /// The trigger's UUID, or its name
    #[arg(value_name = "TRIGGER")]
    which: String,
    /// What people call it from now on
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    published: Published,
    /// Its events concern no application any more
    #[arg(long, conflicts_with = "applications")]
    no_applications: bool,
    /// Its events tell nothing besides any more
    #[arg(long, conflicts_with = "values")]
    no_values: bool,
    #[command(flatten)]
    called: Called,
    #[command(flatten)]
    scheduled: Scheduled,
}

/// What can be changed of a webhook and a repository.
#[derive(clap::Args, Debug)]
struct Called {
    /// A webhook: the only method that fires it from now on: GET, POST, PUT or DELETE
    #[arg(long, value_parser = InboundMethod::parse)]
    method: Option<InboundMethod>,
    /// A repository: the forge's own name of an event that fires it from now on (repeatable)
    #[arg(long = "on", value_name = "EVENT")]
    on: Vec<String>,
    #[command(flatten)]
    proving: Proving,
    /// Requests need not be signed any more: whoever knows its URL can fire it
    #[arg(long, conflicts_with_all = ["secret_file", "secret_env", "secret_generate", "scheme"])]
    no_secret: bool,
    /// Requests a second that may fire it, or `default` for what the server's --trigger-rate allows
    #[arg(long, value_name = "NUMBER")]
    rate_limit: Option<Limit>,
}

/// What can be changed of a schedule.
#[derive(clap::Args, Debug)]
struct Scheduled {
    /// Another schedule, such as '*/5 * * * *'
    #[arg(long, allow_hyphen_values = true)]
    cron: Option<String>,
    #[command(flatten)]
    timing: Timing,
    /// The sixth field is the year
    #[arg(long, conflicts_with = "seconds")]
    no_seconds: bool,
    /// Its events tell no payload any more
    #[arg(long, conflicts_with = "payload")]
    no_payload: bool,
}

const SCHEME: &str = "How requests are signed from now on: github, gitlab, bitbucket, gitea, standard-webhooks, hmac, \
                      cds, or auto: seen from each request";
const MISSED: &str = "What becomes from now on of firings that were missed while no server ran: once (one for all), \
                      all or skip";

impl Change {
    pub(super) async fn run(self, client: &Client, json: bool) -> Result<(), Failure> {
        let mut fields = self.fields()?;
        let found = Found::named(client, &self.which).await?;
        let made = self.prove(&mut fields, &found)?;
        if fields.is_empty() {
            return Err(Failure::usage("nothing is to change: name a field, such as --event or --cron"));
        }
        let is_rescheduled = ["cron", "timezone", "seconds"].iter().any(|name| fields.contains_key(*name));
        let request = found.request(client, Method::PATCH, &[]).header("content-type", "application/json");
        let answer = client.ask(request.body(Value::Object(fields).to_string())).await?;
        if is_rescheduled && !json {
            let mut trigger: Map<String, Value> = answer.json()?;
            let told = trigger.remove("schedule").and_then(|schedule| serde_json::from_value::<Told>(schedule).ok());
            output::print(&told.unwrap_or_default().lines())?;
        }
        print(&answer, made.as_ref(), json)
    }

    /// All but what proves who calls it.
    fn fields(&self) -> Result<Map<String, Value>, Failure> {
        let mut fields = Map::new();
        let Called { method, on, no_secret, rate_limit, .. } = &self.called;
        let Scheduled { cron, timing, no_seconds, no_payload } = &self.scheduled;
        let mut put = |name: &str, value: Option<Value>| {
            fields.extend(value.map(|value| (name.to_owned(), value)));
        };
        put("name", self.name.as_ref().map(|name| json!(name)));
        put("applications", self.no_applications.then(|| json!([])));
        put("values", self.no_values.then_some(Value::Null));
        put("method", method.map(|method| json!(method.as_str())));
        put("events", (!on.is_empty()).then(|| json!(on)));
        put("secret", no_secret.then_some(Value::Null));
        // It would have nothing to check.
        put("scheme", no_secret.then_some(Value::Null));
        put("rate_limit", rate_limit.map(|Limit(rate)| json!(rate)));
        put("cron", cron.as_ref().map(|cron| json!(cron)));
        put("seconds", no_seconds.then_some(Value::Bool(false)));
        put("payload", no_payload.then_some(Value::Null));
        self.published.put_into(&mut fields);
        timing.put_into(&mut fields)?;
        Ok(fields)
    }

    fn prove(&self, fields: &mut Map<String, Value>, found: &Found) -> Result<Option<Zeroizing<String>>, Failure> {
        let before = found.trigger.get("scheme").and_then(Value::as_str);
        self.called.proving.put_into(fields, before)
    }
}
