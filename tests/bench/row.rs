//! One line of the result.

use crate::spread::{Spread, percentile};

/// A rate, and the R that was measured right before it.
pub struct Pair {
    pub raw: f64,
    pub rate: f64,
}

/// What a figure counts.
#[derive(Clone, Copy)]
pub enum Unit {
    PerSecond,
    Milliseconds,
    Mebibytes,
    Count,
}

/// What a ratio is to: a figure of the same run.
#[derive(Clone, Copy)]
pub enum Base {
    /// R, the bare loop.
    Raw,
    /// An empty database.
    Empty,
    /// Deliveries of what is just being published.
    Live,
    /// One hook instead of many.
    OneHook,
    /// The same with nothing beside it.
    Alone,
}

/// What a row says: one number, or several runs of the same.
#[derive(Clone, Copy)]
pub enum Value {
    One(f64),
    Runs(Spread),
}

impl Value {
    fn of(runs: &[f64]) -> Self {
        match runs {
            [run] => Self::One(*run),
            _ => Self::Runs(Spread::of(runs)),
        }
    }
}

/// One row of the table, and one to six members of the JSON object.
pub struct Row {
    /// The start of its names in JSON, without the unit.
    pub key: String,
    pub label: String,
    pub unit: Unit,
    pub value: Value,
    pub ratio: Option<(Base, Value)>,
}

impl Row {
    /// A row that says one number.
    pub fn one(key: &str, label: String, unit: Unit, number: f64) -> Self {
        Self { key: key.into(), label, unit, value: Value::One(number), ratio: None }
    }

    /// A row of several runs.
    pub fn runs(key: &str, label: String, unit: Unit, runs: &[f64]) -> Self {
        Self { key: key.into(), label, unit, value: Value::of(runs), ratio: None }
    }

    /// A row of rates, each held against its R.
    pub fn pairs(key: &str, label: String, pairs: &[Pair]) -> Self {
        let rates: Vec<_> = pairs.iter().map(|pair| pair.rate).collect();
        let ratios: Vec<_> = pairs.iter().map(|pair| pair.rate / pair.raw).collect();
        Self::runs(key, label, Unit::PerSecond, &rates).each_over(Base::Raw, &ratios)
    }

    /// The same row with its ratio to something.
    pub fn over(mut self, base: Base, ratio: f64) -> Self {
        self.ratio = Some((base, Value::One(ratio)));
        self
    }

    /// The same row with the ratio of each of its runs to something.
    pub fn each_over(mut self, base: Base, ratios: &[f64]) -> Self {
        self.ratio = Some((base, Value::of(ratios)));
        self
    }

    /// Two rows: what half of these milliseconds stay within, and what 99 in 100 do.
    pub fn percentiles(key: &str, label: &str, millis: &[f64]) -> [Self; 2] {
        [50, 99].map(|percent| {
            let label = format!("{label}, p{percent}");
            Self::one(&format!("{key}_p{percent}"), label, Unit::Milliseconds, percentile(millis, percent))
        })
    }
}
