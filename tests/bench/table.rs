//! The same rows as a table for people and as an object for programs.

use comfy_table::{CellAlignment, Table, presets};
use serde_json::{Map, Number, Value as Json};

use crate::row::{Row, Spread, Unit, Value};

/// The columns that say something of every row, and those of its ratio to R.
const HEADER: [&str; 8] = ["", "unit", "median", "min", "max", "of R", "min", "max"];

/// The rows as a table of plain characters.
pub fn plain(rows: &[Row]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN).set_header(HEADER).add_rows(rows.iter().map(cells));
    for column in table.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn cells(row: &Row) -> [String; 8] {
    let show = |number| row.unit.show(number);
    let [value, min, max] = match row.value {
        Value::One(number) => [show(number), String::new(), String::new()],
        Value::Runs(spread) => spread.parts().map(show),
    };
    let [of_raw, least, most] =
        row.of_raw.map(|ratio| ratio.parts().map(|part| format!("{part:.2}"))).unwrap_or_default();
    [row.label.clone(), row.unit.name().into(), value, min, max, of_raw, least, most]
}

/// The rows as one flat object of numbers. Units are in the names, ratios to R end in `_of_raw`; where there were
/// several runs, the name alone is their median, and `_min` and `_max` are beside it. What could not be measured is `null`.
pub fn json(rows: &[Row]) -> Json {
    let mut object = Map::new();
    for row in rows {
        let name = format!("{}{}", row.key, row.unit.suffix());
        match row.value {
            Value::One(number) => drop(object.insert(name, rounded(number))),
            Value::Runs(spread) => insert(&mut object, &name, spread),
        }
        if let Some(ratio) = row.of_raw {
            insert(&mut object, &format!("{}_of_raw", row.key), ratio);
        }
    }
    Json::Object(object)
}

fn insert(object: &mut Map<String, Json>, name: &str, spread: Spread) {
    for (end, part) in ["", "_min", "_max"].into_iter().zip(spread.parts()) {
        object.insert(format!("{name}{end}"), rounded(part));
    }
}

/// To the fourth decimal: more would be noise.
fn rounded(number: f64) -> Json {
    Number::from_f64((number * 1e4).round() / 1e4).map_or(Json::Null, Json::Number)
}

impl Spread {
    fn parts(self) -> [f64; 3] {
        [self.median, self.min, self.max]
    }
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Self::PerSecond => "/s",
            Self::Milliseconds => "ms",
            Self::Mebibytes => "MiB",
            Self::Count => "",
        }
    }

    fn suffix(self) -> &'static str {
        match self {
            Self::PerSecond => "_per_second",
            Self::Milliseconds => "_ms",
            Self::Mebibytes => "_mib",
            Self::Count => "",
        }
    }

    fn show(self, number: f64) -> String {
        match self {
            Self::PerSecond | Self::Count => thousands(&format!("{number:.0}")),
            Self::Milliseconds => format!("{number:.2}"),
            Self::Mebibytes => format!("{number:.1}"),
        }
    }
}

/// Puts a comma before every third digit from the end.
fn thousands(digits: &str) -> String {
    let mut shown = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}
