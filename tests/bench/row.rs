//! One line of the result, and the arithmetic behind it.

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

/// The middle of several runs, and how far they went.
#[derive(Clone, Copy)]
pub struct Spread {
    pub median: f64,
    pub min: f64,
    pub max: f64,
}

/// What a row says: one number, or several runs of the same.
#[derive(Clone, Copy)]
pub enum Value {
    One(f64),
    Runs(Spread),
}

/// One row of the table, and one to six members of the JSON object.
pub struct Row {
    /// The start of its names in JSON, without the unit.
    pub key: String,
    pub label: String,
    pub unit: Unit,
    pub value: Value,
    /// The same runs, each divided by its R.
    pub of_raw: Option<Spread>,
}

impl Row {
    /// A row that says one number.
    pub fn one(key: &str, label: String, unit: Unit, number: f64) -> Self {
        Self { key: key.into(), label, unit, value: Value::One(number), of_raw: None }
    }

    /// A row of several runs.
    pub fn runs(key: &str, label: String, unit: Unit, runs: &[f64]) -> Self {
        Self { key: key.into(), label, unit, value: Value::Runs(Spread::of(runs)), of_raw: None }
    }

    /// A row of rates, each held against its R.
    pub fn pairs(key: String, label: String, pairs: &[Pair]) -> Self {
        let rates: Vec<_> = pairs.iter().map(|pair| pair.rate).collect();
        let ratios: Vec<_> = pairs.iter().map(|pair| pair.rate / pair.raw).collect();
        let (value, of_raw) = (Value::Runs(Spread::of(&rates)), Some(Spread::of(&ratios)));
        Self { key, label, unit: Unit::PerSecond, value, of_raw }
    }

    /// Two rows: what half of these milliseconds stay within, and what 99 in 100 do.
    pub fn percentiles(key: &str, label: &str, millis: &[f64]) -> [Self; 2] {
        [50, 99].map(|percent| {
            let label = format!("{label}, p{percent}");
            Self::one(&format!("{key}_p{percent}"), label, Unit::Milliseconds, percentile(millis, percent))
        })
    }
}

impl Spread {
    fn of(runs: &[f64]) -> Self {
        let min = runs.iter().copied().fold(f64::INFINITY, f64::min);
        let max = runs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Self { median: median(runs), min, max }
    }
}

/// The middle one, or the mean of the two in the middle; not a number if there is none.
pub fn median(runs: &[f64]) -> f64 {
    let sorted = sorted(runs);
    let half = sorted.len() / 2;
    match sorted.get(half) {
        None => f64::NAN,
        Some(middle) if sorted.len() % 2 == 1 => *middle,
        Some(upper) => f64::midpoint(sorted[half - 1], *upper),
    }
}

/// The smallest of them that so many in a hundred do not exceed; not a number if there is none.
fn percentile(runs: &[f64], percent: usize) -> f64 {
    let within = (runs.len() * percent).div_ceil(100);
    sorted(runs).get(within.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}

fn sorted(runs: &[f64]) -> Vec<f64> {
    let mut sorted = runs.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}
