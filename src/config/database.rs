//! Which database a command looks at.

use std::path::PathBuf;

use clap::{ArgMatches, Args};

use super::values::Path;
use super::{ConfigError, Layers, file};

/// The file in which a server keeps everything, found as `serve` finds it.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Database")]
pub struct Database {
    /// The database file [default: data/nyala.db]
    #[arg(long, global = true, env = "NYALA_DATABASE", value_name = "FILE")]
    database: Option<PathBuf>,
    /// The server's file with settings, where the database may be named
    #[arg(long, global = true, env = "NYALA_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Database {
    /// The path: a flag, else the environment, else the settings file, else the default.
    ///
    /// # Errors
    /// The settings file cannot be used.
    pub fn resolve(self, matches: &ArgMatches) -> Result<PathBuf, ConfigError> {
        let file = self.config.as_deref().map(file::File::read).transpose()?;
        let mut layers = Layers { matches, file, shown: vec![] };
        layers.database(self.database)
    }
}

impl Layers<'_> {
    /// The one setting that more than one command goes by.
    pub(super) fn database(&mut self, typed: Option<PathBuf>) -> Result<PathBuf, ConfigError> {
        Ok(self.pick("database", typed.map(Path), Path("data/nyala.db".into()))?.0)
    }
}
