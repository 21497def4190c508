//! The knobs of the bench, and the plan that they add up to.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};

use crate::scenarios::Scenario;

/// Connections of the raw loop and of the publisher wherever deliveries are measured.
pub const CONNECTIONS: u32 = 64;
/// Hooks that want every event where fan-out is measured.
pub const FAN_OUT: u32 = 50;

/// Measures publishes, deliveries, latency, fairness, memory and start-up of the release binary.
#[derive(Parser)]
#[command(bin_name = "cargo bench --bench delivery --")]
pub struct Args {
    /// A smaller run of everything, about a minute; knobs given beside it still count
    #[arg(long)]
    quick: bool,
    /// Print one JSON object instead of the table
    #[arg(long)]
    pub json: bool,
    /// Measure these alone, with commas between them
    #[arg(long, value_enum, value_delimiter = ',', value_name = "SCENARIOS")]
    only: Vec<Scenario>,
    /// Leave these out
    #[arg(long, value_enum, value_delimiter = ',', value_name = "SCENARIOS")]
    skip: Vec<Scenario>,
    /// Paired runs wherever one is held against another [default: 5, quick: 3]
    #[arg(long, value_parser = at_least_one())]
    runs: Option<u32>,
    /// Seconds for each raw loop and each run of publishes that nobody wants [default: 2, quick: 0.5]
    #[arg(long, value_parser = positive_seconds)]
    seconds: Option<Duration>,
    /// Events for each run to one hook [default: 40000, quick: 10000]
    #[arg(long, value_parser = at_least_one())]
    events: Option<u32>,
    /// Events for each run at fan-out 50 [default: 3000, quick: 500]
    #[arg(long, value_parser = at_least_one())]
    fan_out_events: Option<u32>,
    /// Seconds during which latency is measured [default: 10, quick: 3]
    #[arg(long, value_parser = at_least_one())]
    latency_seconds: Option<u32>,
    /// Writes of 8 KiB, each with its fdatasync [default: 1000, quick: 200]
    #[arg(long, value_parser = at_least_one())]
    syncs: Option<u32>,
    /// Finished deliveries in the database that is not empty [default: 1000000, quick: 50000]
    #[arg(long, value_parser = at_least_one())]
    finished: Option<u32>,
    /// Deliveries that 50 hooks owe when their receivers come back [default: 1000000, quick: 50000]
    #[arg(long, value_parser = at_least_one())]
    backlog: Option<u32>,
    /// Hooks where there are many [default: 10000, quick: 1000]
    #[arg(long, value_parser = at_least_one())]
    hooks: Option<u32>,
    /// Deliveries that the slow hook owes beside healthy ones [default: 500000, quick: 20000]
    #[arg(long, value_parser = at_least_one())]
    slow_owes: Option<u32>,
    /// Seconds during which healthy hooks are watched, alone and again beside each kind of trouble [default: 6, quick: 2]
    #[arg(long, value_parser = at_least_one())]
    fairness_seconds: Option<u32>,
    /// Seconds after which a single step counts as stuck
    #[arg(long, default_value = "300", value_parser = positive_seconds)]
    limit: Duration,
    /// Where the databases go meanwhile: the disk that is measured
    #[arg(long, default_value = env!("CARGO_TARGET_TMPDIR"), hide_default_value = true)]
    folder: PathBuf,
    /// What cargo adds by itself
    #[arg(long, hide = true)]
    bench: bool,
    /// Set when the bench starts itself again as one of its helpers
    #[arg(long, hide = true)]
    pub role: Option<Role>,
}

/// What a process that the bench started from its own executable is there for.
#[derive(Clone, Copy, ValueEnum)]
pub enum Role {
    Receiver,
    Publisher,
}

/// What to measure and how much of it: the knobs with their defaults filled in.
pub struct Plan {
    pub scenarios: Vec<Scenario>,
    pub runs: u32,
    pub span: Duration,
    pub events: u32,
    pub fan_out_events: u32,
    pub latency_seconds: u32,
    pub syncs: u32,
    pub finished: u32,
    pub backlog: u32,
    pub hooks: u32,
    pub slow_owes: u32,
    pub fairness_seconds: u32,
    pub limit: Duration,
    pub folder: PathBuf,
}

impl Plan {
    /// The plan that the arguments ask for.
    pub fn of(args: &Args) -> Self {
        let sized = |whole, quick| if args.quick { quick } else { whole };
        let span = Duration::from_millis(u64::from(sized(2000, 500)));
        let wanted = |scenario: &Scenario| args.only.is_empty() || args.only.contains(scenario);
        let left = |scenario: &Scenario| wanted(scenario) && !args.skip.contains(scenario);
        Self {
            scenarios: Scenario::value_variants().iter().copied().filter(left).collect(),
            runs: args.runs.unwrap_or(sized(5, 3)),
            span: args.seconds.unwrap_or(span),
            events: args.events.unwrap_or(sized(40_000, 10_000)),
            fan_out_events: args.fan_out_events.unwrap_or(sized(3_000, 500)),
            latency_seconds: args.latency_seconds.unwrap_or(sized(10, 3)),
            syncs: args.syncs.unwrap_or(sized(1_000, 200)),
            finished: args.finished.unwrap_or(sized(1_000_000, 50_000)),
            backlog: args.backlog.unwrap_or(sized(1_000_000, 50_000)),
            hooks: args.hooks.unwrap_or(sized(10_000, 1_000)),
            slow_owes: args.slow_owes.unwrap_or(sized(500_000, 20_000)),
            fairness_seconds: args.fairness_seconds.unwrap_or(sized(6, 2)),
            limit: args.limit,
            folder: args.folder.clone(),
        }
    }
}

fn at_least_one() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..)
}

/// Reads a number of seconds such as `2` or `0.5`.
fn positive_seconds(text: &str) -> std::result::Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(span) if !span.is_zero() => Ok(span),
        _ => Err("must be more than 0".to_owned()),
    }
}
