//! `nyala db stats`

use std::path::Path;

use bytesize::ByteSize;

use super::inspect;
use crate::cli::exit::Failure;
use crate::cli::output;
use crate::domain::time::Timestamp;
use crate::store::sqlite::Inspector;
use crate::store::{Inspect, Stats};

/// Prints sizes and counts, all of one moment.
pub(super) async fn run(path: &Path, json: bool) -> Result<(), Failure> {
    let stats = inspect(path, Inspector::stats).await?;
    if json {
        let json = serde_json::to_string_pretty(&stats);
        return output::print(&json.map_err(|e| Failure::failed(e.to_string()))?);
    }
    output::print(&output::aligned(lines(path, &stats)))
}

fn lines(path: &Path, stats: &Stats) -> Vec<(&'static str, String)> {
    let size = |bytes| ByteSize::b(bytes).display().iec().to_string();
    let time = |time: Option<Timestamp>| time.map_or_else(|| "-".to_owned(), Timestamp::rfc3339);
    let (hooks, deliveries) = (&stats.hooks, &stats.deliveries);
    vec![
        ("database", path.display().to_string()),
        ("schema", stats.schema.to_string()),
        (
            "file",
            format!("{} ({} in use, {} free)", size(stats.bytes.file), size(stats.bytes.used), size(stats.bytes.free)),
        ),
        ("log", size(stats.bytes.log)),
        ("hooks", format!("{} ({} paused), {} removed", hooks.living, hooks.paused, hooks.removed)),
        ("events", stats.events.to_string()),
        ("oldest event", time(stats.oldest_event)),
        ("deliveries", deliveries.all.to_string()),
        ("  pending", deliveries.pending.to_string()),
        ("  leased", deliveries.leased.to_string()),
        ("  delivered", deliveries.delivered.to_string()),
        ("  dead", deliveries.dead.to_string()),
        ("  cancelled", deliveries.cancelled.to_string()),
        ("owed", deliveries.owed.to_string()),
        ("oldest owed", time(stats.oldest_owed)),
        ("attempts", format!("{} besides first ones that arrived", stats.attempts)),
    ]
}
