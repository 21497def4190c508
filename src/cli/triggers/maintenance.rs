//! `nyala triggers maintenance`

use http::Method;
use serde_json::{Value, json};

use crate::cli::client::Client;
use crate::cli::exit::Failure;
use crate::cli::output;
use crate::cli::shown::Shown;

/// What it means.
const MEANING: &str = "what fires triggers is kept, and carried out once it is off";

const PATH: [&str; 3] = ["api", "v1", "maintenance"];

/// Say whether maintenance is on, or turn it on or off
///
/// While it is on, what fires triggers is answered and kept as always, and carried out once it is off.
/// It takes an admin's token to change it.
#[derive(clap::Args, Debug)]
pub(super) struct Maintenance {
    /// on or off [default: neither, only say which it is]
    #[arg(value_name = "STATE", value_parser = on_or_off)]
    on: Option<bool>,
}

fn on_or_off(text: &str) -> Result<bool, &'static str> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("give on or off"),
    }
}

/// Whether a trigger is kept from firing by it.
pub(super) fn is_on(trigger: &Shown) -> bool {
    trigger.get("maintenance") == Some(&Value::Bool(true))
}

/// Says so.
pub(super) fn warn() {
    output::note(&format!("maintenance is on: {MEANING}"));
}

impl Maintenance {
    pub(super) async fn run(self, client: &Client, json: bool) -> Result<(), Failure> {
        let request = match self.on {
            None => client.request(Method::GET, &PATH, &[]),
            Some(on) => client
                .request(Method::PUT, &PATH, &[])
                .header("content-type", "application/json")
                .body(json!({ "enabled": on }).to_string()),
        };
        let answer = client.ask(request).await?;
        let maintenance: Shown = answer.json()?;
        let told = match maintenance.get("enabled") {
            Some(Value::Bool(true)) => format!("maintenance is on since {}: {MEANING}", maintenance.text("since")),
            _ => "maintenance is off".to_owned(),
        };
        output::print(&if json { answer.text() } else { told })
    }
}
