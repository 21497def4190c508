//! How much is done at a time by whoever must hold up nobody.

use std::time::Duration;

/// How long a step should take.
const STEP: Duration = Duration::from_millis(4);

/// What it begins with, and its bounds.
const LEAST: usize = 16;
const FIRST: usize = 128;
const MOST: usize = 512;

/// The most room that removing a row (or a page of payload) makes, in bytes.
const ROOM_OF_A_ROW: u64 = 8192;

/// How many rows, or pages, one step does, learnt from how long the last one took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stride {
    rows: usize,
}

impl Default for Stride {
    fn default() -> Self {
        Self { rows: FIRST }
    }
}

impl Stride {
    /// So many rows are to be done in the next step.
    #[must_use]
    pub fn rows(self) -> usize {
        self.rows
    }

    /// The same, but not many more than are needed to make so many bytes of room.
    #[must_use]
    pub fn rows_for(self, bytes: u64) -> usize {
        let rows = usize::try_from(bytes / ROOM_OF_A_ROW).unwrap_or(usize::MAX);
        rows.clamp(LEAST, self.rows)
    }

    /// Learns that the last step took so long: what is slow gets smaller at once,
    /// what is fast grows little by little.
    pub fn learn(&mut self, took: Duration) {
        if took > STEP {
            self.rows = (self.rows / 2).max(LEAST);
        } else if took < STEP / 2 {
            self.rows = (self.rows + self.rows / 4).min(MOST);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_disk_gets_smaller_steps_and_a_fast_one_larger_ones() {
        let mut stride = Stride::default();
        let mut after = |took| {
            stride.learn(took);
            stride.rows()
        };

        assert_eq!(after(Duration::from_millis(9)), 64);
        assert_eq!(after(Duration::from_millis(3)), 64);
        assert_eq!(after(Duration::from_millis(1)), 80);
        assert_eq!((0..50).map(|_| after(Duration::from_secs(1))).last(), Some(16));
        assert_eq!((0..50).map(|_| after(Duration::ZERO)).last(), Some(512));
    }

    #[test]
    fn a_little_room_needs_a_small_step() {
        let stride = Stride::default();

        assert_eq!(stride.rows_for(0), 16);
        assert_eq!(stride.rows_for(64 * 8192), 64);
        assert_eq!(stride.rows_for(u64::MAX), 128);
    }
}
