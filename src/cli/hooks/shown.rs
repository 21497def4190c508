//! How a hook is shown, whatever the server's version says about it.

use comfy_table::Cell;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::cli::output::{self, plain};

/// The list's columns: title and field.
const COLUMNS: [(&str, &str); 7] = [
    ("ID", "id"),
    ("STATE", "state"),
    ("URL", "url"),
    ("EVENTS", "events"),
    ("APPLICATIONS", "applications"),
    ("LAST STATUS", "last_status"),
    ("LAST TIME", "last_datetime"),
];

/// A hook as the server shows it. No field is required, so that older and newer servers can be
/// asked.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct Shown(Map<String, Value>);

impl Shown {
    fn text(&self, field: &str) -> String {
        plain(self.0.get(field))
    }

    fn row(&self) -> Vec<Cell> {
        COLUMNS.iter().map(|(_, field)| Cell::new(self.text(field))).collect()
    }

    /// All that the server says, under its names: what a newer one adds needs no newer client.
    pub(super) fn details(&self) -> String {
        output::aligned(self.0.iter().map(|(name, value)| (name.as_str(), plain(Some(value)))))
    }

    /// The same, and what is shown this once.
    pub(super) fn sentences(&self) -> String {
        let told = self.sentence();
        if !self.0.contains_key("secret") {
            return told;
        }
        let secret = self.text("secret");
        format!(
            "{told}\nits requests are signed with {secret} (`nyala hooks secret {}` shows it again)",
            self.text("id")
        )
    }

    /// What the server says that its owner should know.
    pub(super) fn warnings(&self) -> impl Iterator<Item = String> {
        let warnings = self.0.get("warnings").and_then(Value::as_array);
        warnings.into_iter().flatten().map(|warning| plain(Some(warning)))
    }

    /// `hook 1: https://example.com/cb is told about PostDeployment of shop`
    pub(super) fn sentence(&self) -> String {
        let field = if self.0.contains_key("events") { "events" } else { "event" };
        let events = match self.text(field).as_str() {
            "*" => "every event".to_owned(),
            names => names.to_owned(),
        };
        let applications = match self.text("applications").as_str() {
            "*" | "-" => "any application".to_owned(),
            names => names.to_owned(),
        };
        format!("hook {}: {} is told about {events} of {applications}", self.text("id"), self.text("url"))
    }
}

/// The list of hooks, for people.
pub(super) fn table(hooks: &[Shown]) -> String {
    output::table(&COLUMNS.map(|(title, _)| title), hooks.iter().map(Shown::row))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(value: Value) -> Shown {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_hook_of_any_server_can_be_shown() {
        let kudu = shown(json!({"id": 1, "event": "PostDeployment", "url": "http://a", "insecure_ssl": false}));
        let v1 = shown(json!({"id": 2, "url": "http://b", "events": ["*"], "applications": ["shop", "cart"]}));

        assert_eq!(kudu.sentence(), "hook 1: http://a is told about PostDeployment of any application");
        assert_eq!(v1.sentence(), "hook 2: http://b is told about every event of shop, cart");
    }

    #[test]
    fn a_row_has_a_cell_for_each_column_whatever_is_missing() {
        let row = shown(json!({"id": 3, "last_status": null})).row();

        let cells: Vec<_> = row.iter().map(Cell::content).collect();
        assert_eq!(cells, ["3", "-", "-", "-", "-", "-", "-"]);
    }
}
