//! How far something is that takes long: a bar on a terminal, now and then a line
//! elsewhere. All of it on stderr.

use std::io::{self, IsTerminal};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::Instant;

use super::output;

/// How often the server is asked how far it is.
pub const EVERY: Duration = Duration::from_millis(250);

/// How often a line is written where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Shows how far something is.
pub struct Progress {
    what: &'static str,
    bar: Option<ProgressBar>,
    told: Instant,
}

impl Progress {
    /// Nothing is done yet of what, in one word, is being done.
    #[must_use]
    pub fn new(what: &'static str) -> Self {
        let bar = io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{bar:40} {human_pos} of {human_len} {msg}, {eta} to go");
            // The template is ours and correct; the bar can do without.
            let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
            ProgressBar::new(0).with_style(style).with_message(what)
        });
        Self { what, bar, told: Instant::now() }
    }

    /// So many are done.
    pub fn at(&mut self, done: u64, total: u64) {
        if let Some(bar) = &self.bar {
            bar.set_length(total);
            bar.set_position(done);
        } else if self.told.elapsed() >= LINE_EVERY {
            self.told = Instant::now();
            output::note(&format!("{done} of {total} {}", self.what));
        }
    }
}

impl Drop for Progress {
    /// Takes the bar away: what is printed next says how it ended.
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
