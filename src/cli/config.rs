//! `nyala config`

use clap::{ArgMatches, Args};
use comfy_table::Cell;

use super::exit::Failure;
use super::output;
use crate::config::Flags;

/// Show every setting of the server, its value and where it came from
///
/// It takes the options of `nyala serve`, and its environment: what it shows is what a server would go
/// by that was started in the same way. A setting that cannot be used is named, with exit code 2.
#[derive(Debug, Args)]
pub struct Config {
    #[command(flatten)]
    flags: Flags,
    /// Print JSON for programs instead of a table for people
    #[arg(long)]
    json: bool,
}

impl Config {
    /// Prints every setting, its value and where it came from.
    ///
    /// # Errors
    /// A setting cannot be used, just as `serve` would say.
    pub fn run(self, matches: &ArgMatches) -> Result<(), Failure> {
        let (_, shown) = self.flags.resolve(matches).map_err(|e| Failure::usage(e.to_string()))?;
        if self.json {
            let json = serde_json::to_string_pretty(&shown);
            return output::print(&json.map_err(|e| Failure::failed(e.to_string()))?);
        }
        let rows =
            shown.into_iter().map(|shown| vec![Cell::new(shown.name), Cell::new(shown.value), Cell::new(shown.origin)]);
        output::print(&output::table(&["SETTING", "VALUE", "FROM"], rows))
    }
}
