//! The arithmetic behind the rows.

use std::time::Duration;

/// The middle of several runs, and how far they went.
#[derive(Clone, Copy)]
pub struct Spread {
    pub median: f64,
    pub min: f64,
    pub max: f64,
}

impl Spread {
    /// Of these runs.
    pub fn of(runs: &[f64]) -> Self {
        let min = runs.iter().copied().fold(f64::INFINITY, f64::min);
        Self { median: median(runs), min, max: longest(runs) }
    }

    /// In the order of the columns.
    pub fn parts(self) -> [f64; 3] {
        [self.median, self.min, self.max]
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
pub fn percentile(runs: &[f64], percent: usize) -> f64 {
    let within = (runs.len() * percent).div_ceil(100);
    sorted(runs).get(within.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}

/// The longest of them.
pub fn longest(runs: &[f64]) -> f64 {
    runs.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

/// Each of `above` divided by what stands at its place in `below`.
pub fn ratios(above: &[f64], below: &[f64]) -> Vec<f64> {
    above.iter().zip(below).map(|(above, below)| above / below).collect()
}

/// Nanoseconds as milliseconds.
pub fn millis(nanos: u64) -> f64 {
    Duration::from_nanos(nanos).as_secs_f64() * 1e3
}

fn sorted(runs: &[f64]) -> Vec<f64> {
    let mut sorted = runs.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}
