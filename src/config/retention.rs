//! Settings of retention: how long things are kept, and how much of them.

use std::time::Duration;

use clap::Args;

use super::values::Limit;
use super::{ConfigError, Layers, refuse};
use crate::domain::retention::{Keep, Retention};

/// The least that the database may be limited to: less holds no history at all.
const LEAST_RETENTION_BYTES: u64 = 1 << 20;

/// A month.
const RETENTION: Keep = Keep::For(Duration::from_hours(30 * 24));

/// A year, as settings spell it.
const AUDIT_RETENTION: Keep = Keep::For(Duration::from_hours(8766));
/// Flags of retention.
#[derive(Debug, Clone, Copy, Args)]
#[group(skip)]
pub(super) struct Flags {
    /// How long finished deliveries are kept, with their attempts and events, counted from the event's publishing; `forever` keeps all [default: 30d]
    #[arg(long, env = "NYALA_RETENTION", value_name = "AGE")]
    retention: Option<Keep>,
    /// How long a delivery may be owed, even by a paused hook, before it is dead; `forever` gives up none [default: 30d]
    #[arg(long, env = "NYALA_OWED_RETENTION", value_name = "AGE")]
    owed_retention: Option<Keep>,
    /// How long the audit log is kept; `forever` keeps all of it [default: 1year]
    #[arg(long, env = "NYALA_AUDIT_RETENTION", value_name = "AGE")]
    audit_retention: Option<Keep>,
    /// When the database uses more than this, the oldest finished events go until it fits, whatever their age [default: unlimited]
    #[arg(long, env = "NYALA_RETENTION_BYTES", value_name = "SIZE")]
    retention_bytes: Option<Limit>,
}

impl Layers<'_> {
    pub(super) fn retention(&mut self, flags: Flags) -> Result<Retention, ConfigError> {
        let retention = Retention {
            finished: self.pick("retention", flags.retention, RETENTION)?,
            owed: self.pick("owed-retention", flags.owed_retention, RETENTION)?,
            audit: self.pick("audit-retention", flags.audit_retention, AUDIT_RETENTION)?,
            bytes: self.pick("retention-bytes", flags.retention_bytes, Limit(None))?.0.map(|size| size.0.as_u64()),
        };
        check(&retention)?;
        Ok(retention)
    }
}

fn check(retention: &Retention) -> Result<(), ConfigError> {
    refuse(&[(
        retention.bytes.is_some_and(|bytes| bytes < LEAST_RETENTION_BYTES),
        "retention-bytes must be at least 1 MiB: give more, or `unlimited`",
    )])
}
