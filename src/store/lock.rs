//! One server a database.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// Held for as long as a server has the database; the kernel lets go of it
/// whichever way the process ends.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "it is held, not used")] File);

/// Where the lock of a database is.
#[must_use]
pub fn path_of(database: &Path) -> PathBuf {
    PathBuf::from(format!("{}.lock", database.display()))
}

/// Takes the lock beside the database; `None` where another server has it.
///
/// # Errors
/// The file cannot be made.
pub fn take(database: &Path) -> io::Result<Option<Lock>> {
    let file = File::options().create(true).append(true).open(path_of(database))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(Lock(file))),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}
