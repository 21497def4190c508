//! `nyala hooks change`

use http::Method;
use serde_json::{Map, Value, json};

use super::INSECURE;
use super::asking::Asking;
use super::certificates::OtherCertificates;
use super::secret::Proofs;
use super::shown::Shown;
use crate::cli::client::Client;
use crate::cli::exit::Failure;
use crate::cli::limit::Limit;
use crate::cli::output;
use crate::domain::hook::Order;
use crate::domain::id::HookId;

/// Change a hook: what is not named stays as it is
///
/// What is repeatable takes the place of all that there is of its kind: name again what is to stay.
/// Another secret is given with `nyala hooks rotate-secret`.
#[derive(clap::Args, Debug)]
#[command(
    mut_arg("order", |arg| arg.help(ORDER)),
    mut_arg("gate", |arg| arg.help(GATE)),
    mut_arg("on_silence", |arg| arg.help(ON_SILENCE)),
    mut_arg("signatures", |arg| arg.help(SIGNATURES)),
    mut_arg("headers", |arg| arg.help(HEADERS))
)]
pub(super) struct Change {
    /// The hook's number
    id: HookId,
    /// Another URL, with its own user info or none; what failed at the old one is forgotten
    #[arg(long)]
    url: Option<String>,
    /// An event type that it wants from now on, or * for all (repeatable)
    #[arg(long = "event", value_name = "TYPE")]
    events: Vec<String>,
    /// An application whose events it wants from now on, or * for all (repeatable)
    #[arg(long = "application", value_name = "NAME")]
    applications: Vec<String>,
    /// What the hook is for, in your words; an empty text takes it away
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Accept any certificate from its URL; anybody in between can then read and forge
    #[arg(long)]
    insecure_ssl: bool,
    /// Accept only a certificate that is good for its URL
    #[arg(long, conflicts_with = "insecure_ssl")]
    no_insecure_ssl: bool,
    #[command(flatten)]
    limits: Limits,
    #[command(flatten)]
    asking: Asking,
    #[command(flatten)]
    proofs: Proofs,
    /// Take all headers of its own away
    #[arg(long, conflicts_with = "headers")]
    no_headers: bool,
    #[command(flatten)]
    certificates: OtherCertificates,
}

/// The options that say something else of a hook that is there.
const ORDER: &str = "In which order it gets what is published from now on: none, hook (one at a time) or application \
                     (one at a time of each)";
const GATE: &str = "Whether it is asked before its events and may refuse them, from now on: true (all of them), false \
                    (none) or auto (those whose type begins with pre-)";
const ON_SILENCE: &str = "What it means from now on if it is asked and does not answer well, or in time: deny or allow";
const SIGNATURES: &str = "A way to sign from now on: v1, v1a or github (repeatable)";
const HEADERS: &str = "A header that its requests carry from now on, as `name: value` (repeatable); the value is \
                       secret, and *** keeps the one that there is";

/// How much a hook gets, and in which order.
#[derive(clap::Args, Debug, Default)]
pub(super) struct Limits {
    /// In which order it gets its events: none, hook (one at a time) or application (one at a time of each) [default: none]
    #[arg(long, value_name = "ORDER", value_parser = order)]
    order: Option<Order>,
    /// Attempts at a time, or `default` for what the server's --workers-per-hook allows
    #[arg(long, value_name = "NUMBER")]
    max_in_flight: Option<Limit>,
    /// Attempts a second, or `default` for no limit
    #[arg(long, value_name = "NUMBER")]
    rate_limit: Option<Limit>,
}

fn order(text: &str) -> Result<Order, &'static str> {
    Order::named(text).ok_or("give none, hook or application")
}

impl Limits {
    /// Puts what was named among the fields of a hook.
    pub(super) fn put_into(&self, fields: &mut Map<String, Value>) {
        let numbers = [("max_in_flight", self.max_in_flight), ("rate_limit", self.rate_limit)];
        for (name, Limit(number)) in numbers.into_iter().filter_map(|(name, limit)| Some((name, limit?))) {
            fields.insert(name.to_owned(), json!(number));
        }
        if let Some(order) = self.order {
            fields.insert("order".to_owned(), json!(order.as_str()));
        }
    }
}

impl Change {
    pub(super) async fn run(self, client: &Client, json: bool) -> Result<(), Failure> {
        let fields = self.fields()?;
        if fields.is_empty() {
            return Err(Failure::usage("nothing is to change: name a field, such as --url or --rate-limit"));
        }
        if self.insecure_ssl {
            output::note(INSECURE);
        }
        let id = self.id.to_string();
        let request = client.request(Method::PATCH, &["api", "v1", "hooks", &id], &[]);
        let request = request.header("content-type", "application/json").body(Value::Object(fields).to_string());
        let answer = client.ask(request).await?;
        let hook: Shown = answer.json()?;
        hook.warnings().for_each(|warning| output::note(&format!("warning: {warning}")));
        output::print(&if json { answer.text() } else { hook.sentence() })
    }

    fn fields(&self) -> Result<Map<String, Value>, Failure> {
        let mut fields = Map::new();
        if let Some(url) = &self.url {
            fields.insert("url".to_owned(), json!(url));
        }
        if let Some(text) = &self.description {
            fields.insert("description".to_owned(), if text.is_empty() { Value::Null } else { json!(text) });
        }
        for (name, names) in [("events", &self.events), ("applications", &self.applications)] {
            if !names.is_empty() {
                fields.insert(name.to_owned(), json!(names));
            }
        }
        if self.insecure_ssl || self.no_insecure_ssl {
            fields.insert("insecure_ssl".to_owned(), json!(self.insecure_ssl));
        }
        self.limits.put_into(&mut fields);
        self.asking.put_into(&mut fields);
        self.proofs.put_into(&mut fields)?;
        self.certificates.put_into(&mut fields)?;
        if self.no_headers {
            fields.insert("headers".to_owned(), Value::Null);
        }
        Ok(fields)
    }
}
