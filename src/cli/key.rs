//! `nyala key`: what secrets are sealed with.

use std::path::{Path, PathBuf};

use clap::{ArgMatches, Args, Subcommand};

use super::exit::Failure;
use super::output;
use crate::clock::{Clock, SystemClock};
use crate::config::{Database, key};
use crate::service;
use crate::store::sqlite::{Rotated, Rotation};
use crate::store::vault::Key;

/// Change the key that hooks' secrets are sealed with
///
/// It is in a file beside the database that ends in .key, or in the environment as
/// `NYALA_KEY`. A copy of it, kept apart from backups, is all that opens them.
#[derive(Debug, Args)]
pub struct KeyCommand {
    #[command(flatten)]
    database: Database,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Seal all secrets with a new key, and put the former one aside
    ///
    /// Works beside a running server where the key is in its file. Where it is in
    /// `NYALA_KEY`, stop the server first; the new key is printed, and nothing else.
    Rotate,
}

impl KeyCommand {
    /// Does what the subcommand says.
    ///
    /// # Errors
    /// Exit code 2 when the database or its key cannot be used, 1 for anything else.
    pub async fn run(self, matches: &ArgMatches) -> Result<(), Failure> {
        let usage = |e: &dyn std::fmt::Display| Failure::usage(e.to_string());
        let path = self.database.resolve(matches).map_err(|e| usage(&e))?;
        let given = key().map_err(|e| usage(&e))?;
        let Action::Rotate = self.action;
        super::private_files();
        let rotating = tokio::task::spawn_blocking(move || match given {
            None => rotate_file(&path),
            Some(former) => rotate_given(&path, &former),
        });
        rotating.await.map_err(|e| Failure::failed(e.to_string()))?
    }
}

fn rotate_file(path: &Path) -> Result<(), Failure> {
    let mut rotation = open(&real_path(path)?)?;
    let rotated = rotation.in_file(SystemClock::default().now())?;
    let file = rotation.file().path().display();
    output::print(&format!("the secrets of {} are sealed with a new key, in {file}", hooks(rotated.sealed)))?;
    output::note(&format!(
        "backups from before need the former key, which is in {} now: make a new backup and a new copy of the key file, \
         and remove that one once you need none of those backups",
        rotation.file().former().path().display()
    ));
    all_opened(rotated)
}

/// The new key is out before it is needed: nothing that happens then can lose it.
fn rotate_given(path: &Path, former: &Key) -> Result<(), Failure> {
    let path = real_path(path)?;
    let mut rotation = open(&path)?;
    let _lock = service::lock(&path).map_err(|e| {
        Failure::failed(e.to_string()).advise("It has NYALA_KEY from its start, and could not learn of a new one.")
    })?;
    rotation.check(former)?;
    let new = Key::random()?;
    let printed = output::emit(&new.text());
    printed.map_err(|e| Failure::failed(format!("cannot write the new key to stdout ({e}): nothing was changed")))?;
    let rotated = rotation.to(SystemClock::default().now(), &new, former).map_err(|e| {
        Failure::from(e).advise("The key on stdout is not in use: nothing was changed, NYALA_KEY stays as it is.")
    })?;
    output::note(&format!(
        "the secrets of {} are sealed with the key on stdout: set NYALA_KEY to it before the server starts, and \
         keep the former one for as long as backups from before",
        hooks(rotated.sealed)
    ));
    all_opened(rotated)
}

fn real_path(path: &Path) -> Result<PathBuf, Failure> {
    let absent = |e| {
        let what = format!("cannot read {} ({e}): name the server's database with --database", path.display());
        Failure::usage(what)
    };
    path.canonicalize().map_err(absent)
}

fn open(path: &Path) -> Result<Rotation, Failure> {
    Ok(Rotation::open(path)?)
}

fn all_opened(rotated: Rotated) -> Result<(), Failure> {
    if rotated.left == 0 {
        return Ok(());
    }
    let what = format!("the secrets of {} did not open with the former key and stay as they were", hooks(rotated.left));
    Err(Failure::failed(what).advise("`nyala db check` tells more."))
}

fn hooks(count: usize) -> String {
    output::counted(count, "hook", "hooks")
}
