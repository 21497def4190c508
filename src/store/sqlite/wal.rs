//! The write-ahead log's file, made as long as it will become.
//!
//! A commit that makes a file longer waits until the disk knows its new length,
//! too: on ext4 that doubles the time of an fsync. SQLite writes its log over and
//! over from the beginning, so this costs only until the first checkpoint, but
//! that is a long time for a server with few events, and anew after each start.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a checkpoint every 10,000 pages lets the log grow to, and some more.
const LENGTH: u64 = 44 << 20;

/// On a disk with less than this left, room is worth more than time.
const ROOMY: u64 = 1 << 30;

/// Written and synced at a time: a commit that comes meanwhile waits for no more.
const STEP: usize = 1 << 20;

/// Lengthens the log of the database at `path` with zeros, beside the server's
/// work, until it is long enough or `stop` says so.
///
/// SQLite reads a log only as far as its checksums hold, so zeros at its end mean
/// nothing; they are only ever appended, so they cover nothing that it wrote; and
/// its locks are on another file, so opening this one disturbs none.
pub(super) fn lengthen(path: &Path, stop: Arc<AtomicBool>) {
    let log = PathBuf::from(format!("{}-wal", path.display()));
    let work = move || {
        if let Err(error) = append_zeros(&log, &stop) {
            tracing::debug!(%error, "the log was not lengthened; commits take a little longer");
        }
    };
    // Without a thread for it, commits take a little longer.
    let _ = std::thread::Builder::new().name("wal".into()).spawn(work);
}

fn append_zeros(log: &Path, stop: &AtomicBool) -> io::Result<()> {
    let mut file = File::options().append(true).open(log)?;
    let disk = rustix::fs::fstatvfs(&file)?;
    if disk.f_bavail.saturating_mul(disk.f_frsize) < ROOMY {
        return Ok(());
    }
    let zeros = vec![0; STEP];
    while file.metadata()?.len() < LENGTH && !stop.load(Ordering::Relaxed) {
        file.write_all(&zeros)?;
        file.sync_data()?;
    }
    Ok(())
}
