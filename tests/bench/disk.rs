//! What one fsync costs here, below which no single acknowledged write can go.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Instant;

use crate::args::Plan;
use crate::process::ensure_wanted;
use crate::row::Row;
use crate::stage::Stage;

/// About what one small transaction adds to a write-ahead log: two pages of 4 KiB.
const WRITE: [u8; 8192] = [0x5a; 8192];
/// The file is written over and over within this many writes, as a log is after its first checkpoint.
const SLOTS: u32 = 512;

/// Two rows of what a write and its fdatasync take.
pub fn measure(stage: &Stage, plan: &Plan) -> crate::Result<[Row; 2]> {
    let times = sync_times(stage.folder(), plan.syncs)?;
    Ok(Row::percentiles("disk_sync", "write 8 KiB and fdatasync", &times))
}

/// Writes 8 KiB and syncs them, so many times, to a file in `folder`; the milliseconds that each took.
///
/// # Errors
///
/// If the disk does not take it.
fn sync_times(folder: &Path, count: u32) -> crate::Result<Vec<f64>> {
    let path = folder.join("sync");
    let file = File::create(&path)?;
    for slot in 0..SLOTS {
        file.write_all_at(&WRITE, offset(slot))?;
    }
    file.sync_all()?;
    let mut times = Vec::new();
    for write in 0..count {
        let begun = Instant::now();
        file.write_all_at(&WRITE, offset(write % SLOTS))?;
        file.sync_data()?;
        times.push(begun.elapsed().as_secs_f64() * 1e3);
        ensure_wanted()?;
    }
    std::fs::remove_file(path)?;
    Ok(times)
}

fn offset(slot: u32) -> u64 {
    u64::from(slot) * 8192
}
