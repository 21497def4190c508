//! How a trigger is shown, whatever the server's version says about it.

use comfy_table::Cell;
use serde_json::Value;

use crate::cli::output::{self, plain, visible};
use crate::cli::shown::Shown;

/// The list's columns.
const COLUMNS: [&str; 7] = ["NAME", "KIND", "EVENT", "STATE", "FIRED BY", "NEXT", "EXECUTIONS"];

/// The list of triggers, for people.
pub(super) fn table(triggers: &[Shown]) -> String {
    output::table(&COLUMNS, triggers.iter().map(row))
}

fn row(trigger: &Shown) -> Vec<Cell> {
    let texts = ["name", "kind", "event", "state"].map(|field| trigger.text(field));
    let more = [fired_by(trigger), next(trigger), executions(trigger)];
    texts.into_iter().chain(more).map(Cell::new).collect()
}

/// `every 5 minutes`, or `POST https://…`
fn fired_by(trigger: &Shown) -> String {
    if let Some(schedule) = trigger.get("schedule") {
        return plain(schedule.get("words"));
    }
    match (trigger.text("method").as_str(), trigger.text("url").as_str()) {
        // Its URL is the one that it calls itself.
        _ if trigger.text("kind") == "outgoing" => "itself, once".to_owned(),
        (_, "-") => "-".to_owned(),
        // A forge knows no other.
        ("-", url) => format!("POST {url}"),
        (method, url) => format!("{method} {url}"),
    }
}

/// When it fires next, by the clocks of its own zone.
fn next(trigger: &Shown) -> String {
    let next = trigger.get("schedule").and_then(|schedule| schedule.get("next"));
    plain(next.and_then(|next| next.get(0)))
}

/// `12, 1 to do`
fn executions(trigger: &Shown) -> String {
    let Some(counts) = trigger.get("executions") else { return "-".to_owned() };
    match plain(counts.get("todo")).as_str() {
        "0" | "-" => plain(counts.get("total")),
        todo => format!("{}, {todo} to do", plain(counts.get("total"))),
    }
}

/// All that the server says, under its names: what a newer one adds needs no newer client.
pub(super) fn details(trigger: &Shown) -> String {
    output::aligned(trigger.fields().flat_map(|(name, value)| match (name.as_str(), value) {
        ("schedule", Value::Object(schedule)) => {
            vec![("schedule", plain(schedule.get("words"))), ("next", plain(schedule.get("next")))]
        }
        ("executions", Value::Object(_)) => vec![("executions", executions(trigger))],
        ("values", Value::Object(values)) => {
            let pair = |(name, text): (&String, &Value)| format!("{}={}", visible(name), plain(Some(text)));
            vec![("values", values.iter().map(pair).collect::<Vec<_>>().join(", "))]
        }
        (name, value) => vec![(name, plain(Some(value)))],
    }))
}

/// `trigger nightly: every 5 minutes it publishes Tick of shop`
pub(super) fn sentence(trigger: &Shown) -> String {
    let applications = match trigger.text("applications").as_str() {
        "-" => String::new(),
        names => format!(" of {names}"),
    };
    let by = fired_by(trigger);
    let joint = if trigger.get("schedule").is_some() { ", it" } else { "" };
    format!("trigger {}: {by}{joint} publishes {}{applications}", trigger.text("name"), trigger.text("event"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(value: Value) -> Shown {
        serde_json::from_value(value).unwrap()
    }

    fn cells(trigger: &Shown) -> Vec<String> {
        row(trigger).iter().map(Cell::content).collect()
    }

    #[test]
    fn each_kind_says_what_fires_it() {
        let schedule = shown(json!({"name": "tick", "kind": "scheduler", "event": "Tick", "applications": ["shop"],
            "schedule": {"words": "every 5 minutes", "next": ["T1", "T2"]}, "executions": {"total": 3, "todo": 1}}));
        let webhook = shown(json!({"name": "w", "url": "http://a/webhook/1", "method": "PUT", "event": "E"}));
        let outgoing = shown(json!({"kind": "outgoing", "method": "POST", "url": "http://b"}));
        let forge = shown(json!({"name": "f", "url": "http://a/webhook/2", "event": "E", "applications": []}));

        assert_eq!(sentence(&schedule), "trigger tick: every 5 minutes, it publishes Tick of shop");
        assert_eq!(cells(&schedule)[4..], ["every 5 minutes", "T1", "3, 1 to do"]);
        assert_eq!(sentence(&webhook), "trigger w: PUT http://a/webhook/1 publishes E");
        assert_eq!(cells(&outgoing)[4], "itself, once");
        assert_eq!(cells(&forge)[4..], ["POST http://a/webhook/2", "-", "-"]);
    }

    #[test]
    fn all_is_shown_under_its_name_and_nothing_drives_a_terminal() {
        let trigger = shown(json!({"name": "a\u{1b}[2J", "values": {"b\u{7}": "c\u{1b}"}, "new": {"x": 1},
            "schedule": {"words": "w\u{1b}", "next": ["T1", "T2"]}}));

        let told = details(&trigger);

        assert_eq!(
            told,
            "name      a\\u001b[2J\nvalues    b\\u0007=c\\u001b\nnew       {\"x\":1}\nschedule  w\\u001b\nnext      T1, T2"
        );
    }
}
