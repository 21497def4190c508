//! Whether a hook is asked whether to go on, and what its silence means.

use std::str::FromStr;

use serde_json::{Map, Value, json};

use crate::domain::gate::OnSilence;

/// The options of a hook that is asked (`nyala gate`).
#[derive(clap::Args, Debug, Default)]
pub(super) struct Asking {
    /// Whether it is asked before its events and may refuse them: true (all of them), false (none) or
    /// auto (those whose type begins with pre-) [default: auto]
    #[arg(long, value_name = "WHETHER")]
    gate: Option<Whether>,
    /// What it means if it is asked and does not answer well, or in time: deny or allow [default: deny]
    #[arg(long, value_name = "WHAT", value_parser = on_silence)]
    on_silence: Option<OnSilence>,
}

/// True, false, or as the event's name says.
#[derive(Clone, Copy, Debug)]
struct Whether(Option<bool>);

impl FromStr for Whether {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self(None)),
            text => text.parse().map(|gate| Self(Some(gate))).map_err(|_| "give true, false or auto"),
        }
    }
}

fn on_silence(text: &str) -> Result<OnSilence, &'static str> {
    OnSilence::named(text).ok_or("give deny or allow")
}

impl Asking {
    /// Puts what was named among the fields of a hook.
    pub(super) fn put_into(&self, fields: &mut Map<String, Value>) {
        if let Some(Whether(gate)) = self.gate {
            fields.insert("gate".to_owned(), json!(gate));
        }
        if let Some(on_silence) = self.on_silence {
            fields.insert("on_silence".to_owned(), json!(on_silence.as_str()));
        }
    }
}
