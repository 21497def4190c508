//! `nyala db backup`

use std::fs::File;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytesize::ByteSize;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tempfile::{NamedTempFile, TempPath};

use super::{inspect, vault};
use crate::cli::exit::Failure;
use crate::cli::output;
use crate::cli::stop::Stop;
use crate::store::sqlite::Inspector;
use crate::store::{Inspect, StoreError};

/// How often the bar moves.
const TICK: Duration = Duration::from_millis(100);

/// Copies the database at `path` into a new file.
pub(super) async fn run(path: &Path, file: &Path) -> Result<(), Failure> {
    let mut stop = Stop::new().map_err(|e| Failure::failed(format!("cannot wait for signals: {e}")))?;
    refuse_existing(file)?;
    // Looked at first: what cannot be read leaves no trace in the backup's folder.
    let size = inspect(path, Inspector::size).await?;
    let key = key(path).await?;
    let begun = begin(file)?;
    let copying = copy(path, begun.to_path_buf(), size);
    tokio::select! {
        copied = copying => copied?,
        // What was begun goes away with its name.
        () = stop.asked() => return Err(Failure::failed("stopped: there is no backup")),
    }
    finish(begun, file)?;
    let written = std::fs::metadata(file).map_or(0, |file| file.len());
    if let Some(key) = key {
        output::note(&format!("the secrets in it are sealed: {key}"));
    }
    output::print(&format!("{} holds {} of {}", file.display(), ByteSize::b(written).display().iec(), path.display()))
}

/// What is to be done about the key of its secrets, if there are any. Whoever makes backups may
/// well not have the key that the server has.
async fn key(path: &Path) -> Result<Option<String>, Failure> {
    let vault = vault(path)?;
    let place = match vault.file() {
        Some(file) => file.path().display().to_string(),
        None => "the NYALA_KEY that is set now".to_owned(),
    };
    match inspect(path, move |database| Ok(database.unlocks(&vault))).await? {
        Ok(true) => Ok(Some(format!("keep {place} as well, but not beside it"))),
        Ok(false) => Ok(None),
        Err(StoreError::Unusable(why)) => Ok(Some(format!(
            "keep the key that the server has as well, but not beside it; it is not to be had here ({why})"
        ))),
        Err(error) => Err(error.into()),
    }
}

fn refuse_existing(file: &Path) -> Result<(), Failure> {
    match file.symlink_metadata() {
        Ok(_) => Err(exists(file)),
        Err(_) => Ok(()),
    }
}

fn exists(file: &Path) -> Failure {
    Failure::usage(format!("{} is there already", file.display()))
        .advise("Nothing is overwritten: give another name, or remove that file first.")
}

/// An empty file beside the one that it will become, for this user alone.
fn begin(file: &Path) -> Result<TempPath, Failure> {
    let begun = NamedTempFile::with_prefix_in(".nyala-backup-", folder(file));
    begun.map(NamedTempFile::into_temp_path).map_err(|e| {
        Failure::usage(format!("cannot write into {} ({e})", folder(file).display()))
            .advise("Give a file in a folder that is there and that this user may write to.")
    })
}

fn folder(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

async fn copy(path: &Path, into: PathBuf, size: u64) -> Result<(), Failure> {
    let bar = bar(size);
    let watched = into.clone();
    let copying = inspect(path, move |database| database.copy_into(&into));
    tokio::pin!(copying);
    let mut tick = tokio::time::interval(TICK);
    let copied = loop {
        tokio::select! {
            copied = &mut copying => break copied,
            _ = tick.tick() => bar.set_position(std::fs::metadata(&watched).map_or(0, |file| file.len())),
        }
    };
    bar.finish_and_clear();
    copied
}

/// On a terminal only: a log file has no use for it.
fn bar(size: u64) -> ProgressBar {
    let target = if io::stderr().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let look = ProgressStyle::with_template("{bar:40} {binary_bytes} of {binary_total_bytes}, {eta} left");
    let bar = ProgressBar::with_draw_target(Some(size), target);
    match look {
        Ok(look) => bar.with_style(look),
        // The usual look will do.
        Err(_) => bar,
    }
}

/// On the disk first, under its name then: who finds the file finds a whole one.
fn finish(begun: TempPath, file: &Path) -> Result<(), Failure> {
    let fail = |e: io::Error| Failure::failed(format!("cannot write {} ({e}): there is no backup", file.display()));
    File::open(&begun).and_then(|file| file.sync_all()).map_err(fail)?;
    begun.persist_noclobber(file).map_err(|e| match e.error.kind() {
        io::ErrorKind::AlreadyExists => exists(file),
        _ => fail(e.error),
    })?;
    File::open(folder(file)).and_then(|folder| folder.sync_all()).map_err(fail)
}
