//! How things are shown, whatever the server's version says about them.

use comfy_table::Cell;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::output::{self, plain};

/// A column of a list: its title and the field below it.
pub type Column = (&'static str, &'static str);

/// A thing as the server shows it. No field is required, so that older and newer
/// servers can be asked.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct Shown(Map<String, Value>);

impl Shown {
    /// A field, if it is there.
    #[must_use]
    pub fn get(&self, field: &str) -> Option<&Value> {
        self.0.get(field)
    }

    /// A field as a person wants to read it.
    #[must_use]
    pub fn text(&self, field: &str) -> String {
        plain(self.get(field))
    }

    /// All that the server says, in its order.
    pub fn fields(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.0.iter()
    }

    /// All that the server says but these fields, under its names: what a newer one
    /// adds needs no newer client.
    #[must_use]
    pub fn details_but(&self, left_out: &[&str]) -> String {
        let fields = self.0.iter().filter(|(name, _)| !left_out.contains(&name.as_str()));
        output::aligned(fields.map(|(name, value)| (name.as_str(), plain(Some(value)))))
    }
}

/// A list, for people.
#[must_use]
pub fn table(columns: &[Column], items: &[Shown]) -> String {
    let titles: Vec<_> = columns.iter().map(|(title, _)| *title).collect();
    let row = |item: &Shown| columns.iter().map(|(_, field)| Cell::new(item.text(field))).collect();
    output::table(&titles, items.iter().map(row))
}
