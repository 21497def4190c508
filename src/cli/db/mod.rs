//! `nyala db`: the database itself, beside the server that may have it open.

mod backup;
mod check;
mod stats;

use std::path::{Path, PathBuf};

use clap::{ArgMatches, Args, Subcommand};

use super::exit::{Failure, off_thread};
use crate::config::{Database, key};
use crate::store::Result;
use crate::store::sqlite::Inspector;
use crate::store::vault::Vault;

/// Check, back up and measure the database, also while a server has it open
///
/// To restore a backup, stop the server, put the copy in the database's place,
/// remove the files named after it that end in -wal and -shm, and start the server.
/// The secrets in it are sealed: it needs the key that was in use when it was made.
#[derive(Debug, Args)]
pub struct Db {
    #[command(flatten)]
    database: Database,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Read everything and say what is wrong; ends with 1 if anything is
    ///
    /// Secrets are opened with the key that a server would take; where it is not to be had, that is
    /// wrong, too. For a copy that is kept apart from its key, set `NYALA_KEY`.
    Check {
        /// Print JSON for programs instead of text for people
        #[arg(long)]
        json: bool,
    },
    /// Copy the database, as it is at one moment, into a new file
    Backup {
        /// The new file; one that is there is never overwritten
        file: PathBuf,
    },
    /// Show how much the database holds; every count is exact
    Stats {
        /// Print JSON for programs instead of a table for people
        #[arg(long)]
        json: bool,
    },
}

impl Db {
    /// Does what the subcommand says.
    ///
    /// # Errors
    /// Exit code 2 when there is no database to be looked at, 1 for anything else.
    pub async fn run(self, matches: &ArgMatches) -> std::result::Result<(), Failure> {
        let path = self.database.resolve(matches).map_err(|e| Failure::usage(e.to_string()))?;
        match self.action {
            Action::Check { json } => check::run(&path, json).await,
            Action::Backup { file } => backup::run(&path, &file).await,
            Action::Stats { json } => stats::run(&path, json).await,
        }
    }
}

/// What opens the secrets of the database at `path`, as a server would have it.
fn vault(path: &Path) -> std::result::Result<Vault, Failure> {
    let given = key().map_err(|e| Failure::usage(e.to_string()))?;
    // A server takes the file beside where the database really is.
    let place = || path.canonicalize().unwrap_or_else(|_| path.to_owned());
    Ok(given.map_or_else(|| Vault::beside(&place()), Vault::given))
}

/// Opens the database and does something with it, off the async threads.
async fn inspect<T: Send + 'static>(
    path: &Path,
    act: impl FnOnce(&Inspector) -> Result<T> + Send + 'static,
) -> std::result::Result<T, Failure> {
    let path = path.to_owned();
    off_thread(move || act(&Inspector::open(&path)?)).await
}
