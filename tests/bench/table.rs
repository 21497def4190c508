//! The same rows as a table for people and as an object for programs.

use comfy_table::{CellAlignment, Table, presets};
use serde_json::{Map, Number, Value as Json};

use crate::row::{Base, Row, Unit, Value};
use crate::spread::Spread;

/// The columns that say something of every row, and those of its ratio to another figure of the same run.
const HEADER: [&str; 9] = ["", "unit", "median", "min", "max", "ratio", "min", "max", "to"];
/// The columns of numbers.
const NUMBERS: std::ops::Range<usize> = 2..8;

/// The rows as a table of plain characters.
pub fn plain(rows: &[Row]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN).set_header(HEADER).add_rows(rows.iter().map(cells));
    for column in table.column_iter_mut().skip(NUMBERS.start).take(NUMBERS.len()) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn cells(row: &Row) -> [String; 9] {
    let [value, min, max] = shown(row.value, |number| row.unit.show(number));
    let (base, [ratio, least, most]) = match row.ratio {
        Some((base, ratio)) => (base.name(), shown(ratio, brief)),
        None => ("", Default::default()),
    };
    [row.label.clone(), row.unit.name().into(), value, min, max, ratio, least, most, base.into()]
}

fn shown(value: Value, show: impl Fn(f64) -> String) -> [String; 3] {
    match value {
        Value::One(number) => [show(number), String::new(), String::new()],
        Value::Runs(spread) => spread.parts().map(show),
    }
}

/// The rows as one flat object of numbers. Units are in the names, ratios end in what they are to, such as `_of_raw`;
/// where there were several runs, the name alone is their median, and `_min` and `_max` are beside it. What could not be
/// measured is `null`.
pub fn json(rows: &[Row]) -> Json {
    let mut object = Map::new();
    for row in rows {
        insert(&mut object, &format!("{}{}", row.key, row.unit.suffix()), row.value);
        if let Some((base, ratio)) = row.ratio {
            insert(&mut object, &format!("{}{}", row.key, base.suffix()), ratio);
        }
    }
    Json::Object(object)
}

fn insert(object: &mut Map<String, Json>, name: &str, value: Value) {
    match value {
        Value::One(number) => drop(object.insert(name.into(), rounded(number))),
        Value::Runs(spread) => insert_runs(object, name, spread),
    }
}

fn insert_runs(object: &mut Map<String, Json>, name: &str, spread: Spread) {
    for (end, part) in ["", "_min", "_max"].into_iter().zip(spread.parts()) {
        object.insert(format!("{name}{end}"), rounded(part));
    }
}

/// To the fourth decimal: more would be noise.
fn rounded(number: f64) -> Json {
    Number::from_f64((number * 1e4).round() / 1e4).map_or(Json::Null, Json::Number)
}

impl Base {
    fn name(self) -> &'static str {
        match self {
            Self::Raw => "R",
            Self::Empty => "empty",
            Self::Live => "live",
            Self::OneHook => "1 hook",
            Self::Alone => "alone",
        }
    }

    fn suffix(self) -> &'static str {
        match self {
            Self::Raw => "_of_raw",
            Self::Empty => "_of_empty",
            Self::Live => "_of_live",
            Self::OneHook => "_of_one_hook",
            Self::Alone => "_of_alone",
        }
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
            Self::Milliseconds => brief(number),
            Self::Mebibytes => format!("{number:.1}"),
        }
    }
}

/// With two decimals, unless it is so large that nobody asks for them.
fn brief(number: f64) -> String {
    if number < 1e3 { format!("{number:.2}") } else { thousands(&format!("{number:.0}")) }
}

/// The number with a comma before every third digit from the end.
pub fn thousands(number: &impl ToString) -> String {
    let digits = number.to_string();
    let mut shown = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}
