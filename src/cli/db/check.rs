//! `nyala db check`

use std::path::Path;

use serde_json::json;

use super::{inspect, vault};
use crate::cli::exit::Failure;
use crate::cli::output::{self, visible};
use crate::clock::{Clock, SystemClock};
use crate::store::{Inspect, Trouble};

/// Prints a line for each trouble.
pub(super) async fn run(path: &Path, json: bool) -> Result<(), Failure> {
    let now = SystemClock::default().now();
    let mut troubles = inspect(path, move |database| database.troubles(now)).await?;
    if troubles.is_empty() {
        troubles.extend(unsealed(path).await?);
    }
    output::print(&if json { as_json(path, &troubles) } else { as_text(path, &troubles) })?;
    match troubles.len() {
        0 => Ok(()),
        1 => Err(Failure::failed(format!("there is trouble with {}", path.display()))),
        count => Err(Failure::failed(format!("there are {count} troubles with {}", path.display()))),
    }
}

/// What is sealed but does not open, with the key that a server would take.
async fn unsealed(path: &Path) -> Result<Vec<Trouble>, Failure> {
    let vault = vault(path)?;
    inspect(path, move |database| database.unsealed(&vault)).await
}

fn as_json(path: &Path, troubles: &[Trouble]) -> String {
    json!({ "database": path.display().to_string(), "well": troubles.is_empty(), "troubles": troubles }).to_string()
}

fn as_text(path: &Path, troubles: &[Trouble]) -> String {
    if troubles.is_empty() {
        return format!("{} is well", path.display());
    }
    let line = |trouble: &Trouble| format!("{}: {}", visible(&trouble.what), trouble.remedy);
    troubles.iter().map(line).collect::<Vec<_>>().join("\n")
}
