//! How what hooks decided, and what happened when, is shown to people.

use comfy_table::Cell;
use serde::Deserialize;

use crate::cli::output::{self, visible};
use crate::cli::shown::{self, Column, Shown};

/// The decisions' columns.
const COLUMNS: [Column; 7] = [
    ("HOOK", "hook"),
    ("DECISION", "state"),
    ("REASON", "reason"),
    ("WORK ID", "work_id"),
    ("STATUS", "status"),
    ("MS", "duration_ms"),
    ("DECIDED BY", "decided_by"),
];

/// A gate, as far as its decisions and its timeline go. No field is required, so that older and newer
/// servers can be asked.
#[derive(Deserialize)]
pub(super) struct Decided {
    #[serde(default)]
    decisions: Vec<Shown>,
    #[serde(default)]
    timeline: Vec<Moment>,
}

/// Something that happened.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Moment {
    at: String,
    what: String,
    hook: Option<i64>,
    event: Option<String>,
    delivery: Option<String>,
    detail: Option<String>,
}

impl Decided {
    /// Both, each after an empty line.
    pub(super) fn told(&self) -> String {
        let decisions = match self.decisions.as_slice() {
            [] => "no hook was asked".to_owned(),
            decisions => shown::table(&COLUMNS, decisions),
        };
        if self.timeline.is_empty() {
            return format!("\n\n{decisions}");
        }
        let timeline = output::table(&["TIME", "WHAT", "DETAIL"], self.timeline.iter().map(Moment::row));
        format!("\n\n{decisions}\n\n{timeline}")
    }
}

impl Moment {
    /// `2026-01-31T23:59:59.000Z  decided  hook 3: change freeze`
    fn row(&self) -> Vec<Cell> {
        let hook = self.hook.map(|hook| format!("hook {hook}"));
        let names = hook.iter().chain(&self.event).chain(&self.delivery);
        let names = names.map(|name| visible(name)).collect::<Vec<_>>().join(" ");
        let detail = self.detail.as_deref().map(visible).unwrap_or_default();
        let joint = if names.is_empty() || detail.is_empty() { "" } else { ": " };
        vec![Cell::new(visible(&self.at)), Cell::new(visible(&self.what)), Cell::new(format!("{names}{joint}{detail}"))]
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn decisions_are_a_table_and_the_timeline_another() {
        let decided: Decided = serde_json::from_value(json!({
            "decisions": [{"hook": 3, "state": "refused", "reason": "\u{1b}[2J", "work_id": null, "status": 200,
                "duration_ms": 1.9}],
            "timeline": [{"at": "T1", "what": "asked"}, {"at": "T2", "what": "decided", "hook": 3, "detail": "no"},
                {"at": "T3", "what": "published", "event": "evt_1"}],
        }))
        .unwrap();

        let told = decided.told();

        let lines: Vec<_> = told.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        assert_eq!(
            lines[2..4],
            ["HOOK DECISION REASON WORK ID STATUS MS DECIDED BY", "3 refused \\u001b[2J - 200 1.9 -"]
        );
        assert_eq!(lines[5..], ["TIME WHAT DETAIL", "T1 asked", "T2 decided hook 3: no", "T3 published evt_1"]);
    }

    #[test]
    fn a_gate_of_any_server_can_be_shown() {
        let decided: Decided = serde_json::from_value(json!({"id": "gate_1"})).unwrap();

        assert_eq!(decided.told(), "\n\nno hook was asked");
    }
}
