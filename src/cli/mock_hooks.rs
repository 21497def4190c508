//! `nyala mock-hooks`: the server that hooks call while somebody tries them out, CCX's and gates of
//! any pipeline. It prints each request and answers it as its kind wants it.

use std::sync::atomic::{AtomicU64, Ordering};

use http::StatusCode;
use percent_encoding::percent_decode_str;
use serde::Serialize;
use serde_json::{Value, json};

use super::exit::Failure;
use super::output::visible;
use super::receiver::{Arrived, Receiving, Reply};
use crate::domain::event::EventType;
use crate::domain::gate::{is_asked_by_name, may_refuse};

/// Why a request was denied, for whoever is told no.
const REASON: &str = "nyala mock-hooks was started with --deny";

/// Print and approve what hooks are asked, for trying gates out
///
/// The first line says where it listens. Then each request is one line: the name of the hook, and the
/// payload as it came. The name is what the header `nyala-event` says, or else the last segment of the
/// path. Ctrl-C ends it.
///
/// Whatever begins with pre- or carries a `nyala-gate` is asked, and answered
/// `{"approved":true,"work_id":"work-1"}`, the number counting up. pre-remove-node and
/// pre-delete-cluster, which nobody can refuse, get the `work_id` alone; everything else is told, not asked,
/// and gets `{}`.
///
/// The server has to be allowed to call it: `nyala serve --allow-network loopback`. Then
/// `nyala hooks add http://127.0.0.1:19786/ --event pre-deploy` makes it a gate, and
/// `nyala gate pre-deploy` asks it.
#[derive(clap::Args, Debug)]
#[command(mut_arg("listen", |arg| arg.default_value(ADDRESS)), mut_arg("json", |arg| arg.help(JSON)))]
pub struct MockHooks {
    #[command(flatten)]
    receiving: Receiving,
    /// Say no to whatever may be refused, with a reason
    #[arg(long)]
    deny: bool,
    /// Answer gates 202, and print what it takes to decide later
    #[arg(long, conflicts_with = "deny")]
    later: bool,
}

/// Where CCX's hooks look for it.
const ADDRESS: &str = "127.0.0.1:19786";
/// What `--json` gives here.
const JSON: &str = "Print one JSON object a request: time, method, path, headers, body (a string, as it came, and in \
                    `body_base64` where it is not UTF-8), hook, status and answer";

impl MockHooks {
    /// Prints and answers what comes until somebody asks it to stop, or the reader of its output has
    /// gone.
    ///
    /// # Errors
    /// Exit code 1 when the address cannot be listened on, or stdout cannot be written.
    pub async fn run(self) -> Result<(), Failure> {
        let mock = Mock { deny: self.deny, later: self.later, json: self.receiving.json, given: AtomicU64::new(0) };
        self.receiving.run(move |arrived| mock.reply(arrived)).await
    }
}

/// Answers hooks as the command line says.
struct Mock {
    deny: bool,
    later: bool,
    json: bool,
    /// How many pieces of work have a name.
    given: AtomicU64,
}

/// What a line of `--json` says about a request besides the request.
#[derive(Serialize)]
struct Answered<'a> {
    hook: &'a str,
    status: u16,
    answer: &'a Value,
}

impl Mock {
    fn reply(&self, arrived: &Arrived) -> Reply {
        let hook = name(arrived);
        let (status, answer) = match arrived.body {
            Some(_) => (self.status(arrived), self.answer(&hook, arrived.parts.headers.contains_key("nyala-gate"))),
            None => (StatusCode::PAYLOAD_TOO_LARGE, json!({})),
        };
        let told = if self.json {
            arrived.line(Answered { hook: &hook, status: status.as_u16(), answer: &answer })
        } else if status == StatusCode::ACCEPTED {
            format!("{}\n  {}", headline(&hook, arrived), how_to_decide(arrived))
        } else {
            headline(&hook, arrived)
        };
        Reply { told, status, json: Some(answer.to_string()) }
    }

    fn status(&self, arrived: &Arrived) -> StatusCode {
        let later = self.later && arrived.parts.headers.contains_key("nyala-gate");
        if later { StatusCode::ACCEPTED } else { StatusCode::OK }
    }

    fn answer(&self, hook: &str, is_gate: bool) -> Value {
        if !is_gate && !is_asked_by_name(hook) {
            json!({})
        } else if self.later || EventType::parse(hook).is_ok_and(|hook| !may_refuse(&hook)) {
            json!({ "work_id": self.work() })
        } else if self.deny {
            json!({ "approved": false, "work_id": self.work(), "reason": REASON })
        } else {
            json!({ "approved": true, "work_id": self.work() })
        }
    }

    fn work(&self) -> String {
        format!("work-{}", self.given.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

/// Where to send a decision, and what, but for the server's address.
fn how_to_decide(arrived: &Arrived) -> String {
    let header = |name| arrived.parts.headers.get(name).map_or("", |value| value.to_str().unwrap_or_default());
    let (gate, token) = (visible(header("nyala-gate")), visible(header("nyala-gate-token")));
    format!("POST /api/v1/gates/{gate}/decisions {}", json!({ "token": token, "approved": true }))
}

/// What the request is about; `/` where nothing says it.
fn name(arrived: &Arrived) -> String {
    let said = arrived.parts.headers.get("nyala-event").map(|name| String::from_utf8_lossy(name.as_bytes()));
    if let Some(name) = said.filter(|name| !name.is_empty()) {
        return name.into_owned();
    }
    let path = arrived.parts.uri.path().trim_end_matches('/');
    match path.rsplit('/').next() {
        Some(segment) if !segment.is_empty() => percent_decode_str(segment).decode_utf8_lossy().into_owned(),
        _ => "/".to_owned(),
    }
}

/// `pre-add-node {"cluster_id":"1"}`
fn headline(hook: &str, arrived: &Arrived) -> String {
    let hook = visible(hook);
    match &arrived.body {
        None => format!("{hook} -> 413, the payload is too large"),
        Some(body) if body.is_empty() => hook.into_owned(),
        Some(body) => format!("{hook} {}", visible(&String::from_utf8_lossy(body))),
    }
}
