//! What is measured, in the order in which it happens. Each scenario has servers and databases of its own.

mod backlog;
mod crowd;
mod deliveries;
mod fairness;
mod finished;
mod gates;
mod latency;
mod publishes;
mod triggers;
mod trouble;
mod wide;

use clap::ValueEnum;

use crate::args::{FAN_OUT, Plan};
use crate::disk;
use crate::row::Row;
use crate::stage::Stage;

/// A part that can be measured without the others.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// Publishes that no hook wants
    Publishes,
    /// Events to one hook
    EndToEnd,
    /// Events to 50 hooks
    FanOut,
    /// Publish to receiver, for events that come one by one
    Latency,
    /// What asking at a gate adds to the time of those who are asked
    Gates,
    /// Calls of webhooks, and how late schedules fire
    Triggers,
    /// What one fdatasync costs
    Disk,
    /// Starts, without a database and on 1,000,000 finished deliveries
    StartUp,
    /// Events to one hook with 1,000,000 finished deliveries in the database
    History,
    /// What 50 hooks owe after their receivers were down
    Backlog,
    /// Publishes among 10,000 hooks that want something else
    Crowd,
    /// One event to 10,000 hooks, and who publishes beside it
    Wide,
    /// What slow, hanging and misbehaving receivers cost healthy ones
    Fairness,
}

/// Measures everything in the plan: the rows, and what went wrong if they are not all there.
///
/// # Errors
///
/// If the helpers cannot be started; nothing is measured then.
pub fn everything(plan: &Plan) -> crate::Result<(Vec<Row>, crate::Result<()>)> {
    let mut stage = Stage::set(plan)?;
    let mut measured = Vec::new();
    let done = each(&mut stage, plan, &mut measured);
    let mut rows: Vec<_> = stage.seen.raw_row().into_iter().collect();
    rows.append(&mut measured);
    rows.extend(stage.seen.rows([&stage.publisher, &stage.bystander]));
    Ok((rows, done))
}

/// All processes and files are gone when the stage is, whether this succeeds or fails.
fn each(stage: &mut Stage, plan: &Plan, rows: &mut Vec<Row>) -> crate::Result<()> {
    note("warming up");
    stage.raw()?;
    stage.seen.raw.clear();
    for scenario in &plan.scenarios {
        match scenario {
            Scenario::Publishes => rows.extend(publishes::measure(stage, plan)?),
            Scenario::EndToEnd => rows.push(deliveries::measure(stage, plan, 1, plan.events)?),
            Scenario::FanOut => rows.push(deliveries::measure(stage, plan, FAN_OUT, plan.fan_out_events)?),
            Scenario::Latency => rows.extend(latency::measure(stage, plan)?),
            Scenario::Gates => rows.extend(gates::measure(stage, plan)?),
            Scenario::Triggers => rows.extend(triggers::measure(stage, plan)?),
            Scenario::Disk => rows.extend(disk::measure(stage, plan)?),
            Scenario::StartUp => rows.extend(finished::start_up(stage, plan)?),
            Scenario::History => rows.extend(finished::end_to_end(stage, plan)?),
            Scenario::Backlog => rows.extend(backlog::measure(stage, plan)?),
            Scenario::Crowd => rows.extend(crowd::measure(stage, plan)?),
            Scenario::Wide => rows.extend(wide::measure(stage, plan)?),
            Scenario::Fairness => rows.extend(fairness::measure(stage, plan)?),
        }
    }
    Ok(())
}

/// Tells the person who looks on what happens.
fn note(doing: &str) {
    eprintln!("bench: {doing}");
}
