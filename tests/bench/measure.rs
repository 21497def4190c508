//! What is measured, in the order in which it happens. Each part has a server and a database of its own.

use std::time::Duration;

use crate::args::{CONNECTIONS, FAN_OUT, PACE, Plan, UNWANTED_AT};
use crate::disk;
use crate::figures::Figures;
use crate::row::{Pair, median};
use crate::stage::Stage;

/// Starts of the server whose median counts.
const STARTS: u32 = 5;
/// Rounds of publishes that nobody wants, at most: each is three runs long.
const UNWANTED_ROUNDS: u32 = 3;

/// Measures everything in the plan.
///
/// # Errors
///
/// If the server or a helper ends, answers wrongly or gets stuck, or the bench is told to stop; all processes and
/// files are gone then.
pub fn everything(plan: &Plan) -> crate::Result<Figures> {
    let mut stage = Stage::set(plan)?;
    note("warming up");
    stage.raw()?;
    stage.seen.raw.clear();
    note("syncs of this disk");
    let sync_ms = disk::sync_times(stage.folder(), plan.syncs)?;
    let unwanted = unwanted(&mut stage, plan)?;
    let end_to_end = delivered(&mut stage, plan, 1, plan.events)?;
    let fan_out = delivered(&mut stage, plan, FAN_OUT, plan.fan_out_events)?;
    let latency_nanos = latency(&mut stage, plan)?;
    let (start_empty_ms, start_finished_ms) = match plan.finished {
        Some(finished) => (start_empty(&mut stage)?, start_finished(&mut stage, finished)?),
        None => (Vec::new(), Vec::new()),
    };
    let seen = stage.seen;
    Ok(Figures { seen, sync_ms, unwanted, end_to_end, fan_out, latency_nanos, start_empty_ms, start_finished_ms })
}

fn note(doing: &str) {
    eprintln!("bench: {doing}");
}

/// Publishes that no hook wants, at each number of connections; one R for each round.
fn unwanted(stage: &mut Stage, plan: &Plan) -> crate::Result<Vec<(u32, Vec<Pair>)>> {
    let mut server = stage.open("unwanted")?;
    let mut all: Vec<_> = UNWANTED_AT.map(|connections| (connections, Vec::new())).into();
    for round in 1..=plan.runs.min(UNWANTED_ROUNDS) {
        let raw = stage.raw()?;
        for (connections, pairs) in &mut all {
            let rate = stage.publish(&mut server, *connections)?;
            note(&format!("round {round}, nobody wants it, connections {connections}: {rate:.0}/s, R {raw:.0}/s"));
            server.rest()?;
            pairs.push(Pair { raw, rate });
        }
    }
    stage.close(server)?;
    stage.clear("unwanted")?;
    Ok(all)
}

/// Deliveries to so many hooks, each run right after an R of its own.
fn delivered(stage: &mut Stage, plan: &Plan, hooks: u32, events: u32) -> crate::Result<Vec<Pair>> {
    let mut server = stage.open("delivered")?;
    stage.subscribe(&mut server, hooks)?;
    stage.carry(&mut server, events.div_ceil(10), hooks)?;
    let mut pairs = Vec::new();
    for run in 1..=plan.runs {
        let raw = stage.raw()?;
        let rate = stage.carry(&mut server, events, hooks)?;
        note(&format!("run {run}, {events} events, hooks {hooks}: {rate:.0} deliveries/s, R {raw:.0}/s"));
        pairs.push(Pair { raw, rate });
    }
    stage.close(server)?;
    stage.clear("delivered")?;
    Ok(pairs)
}

/// How long events take that come one by one.
fn latency(stage: &mut Stage, plan: &Plan) -> crate::Result<Vec<u64>> {
    note(&format!("latency at {PACE} events/s for {} s", plan.latency_seconds));
    let mut server = stage.open("latency")?;
    stage.subscribe_latency(&mut server)?;
    stage.latencies(&mut server, PACE.div_ceil(4))?;
    let latencies = stage.latencies(&mut server, PACE.saturating_mul(plan.latency_seconds))?;
    stage.close(server)?;
    stage.clear("latency")?;
    Ok(latencies)
}

/// Milliseconds of each start without a database.
fn start_empty(stage: &mut Stage) -> crate::Result<Vec<f64>> {
    let mut times = Vec::new();
    for _ in 0..STARTS {
        times.push(start(stage, "empty")?);
        stage.clear("empty")?;
    }
    note(&format!("starts on an empty database: {:.1} ms", median(&times)));
    Ok(times)
}

/// Milliseconds of each start on a database with so many finished deliveries, all of them made by delivering.
fn start_finished(stage: &mut Stage, finished: u32) -> crate::Result<Vec<f64>> {
    note(&format!("making {finished} finished deliveries over {CONNECTIONS} connections"));
    let mut server = stage.open("finished")?;
    stage.subscribe(&mut server, FAN_OUT)?;
    let rate = stage.carry(&mut server, finished.div_ceil(FAN_OUT), FAN_OUT)?;
    note(&format!("made at {rate:.0} deliveries/s"));
    stage.ready(&mut server)?;
    stage.close(server)?;
    let times = (0..STARTS).map(|_| start(stage, "finished")).collect::<crate::Result<Vec<_>>>()?;
    note(&format!("starts on them: {:.1} ms", median(&times)));
    stage.clear("finished")?;
    Ok(times)
}

/// One start and one clean stop: the milliseconds until the server said that it listens.
fn start(stage: &mut Stage, name: &str) -> crate::Result<f64> {
    let mut server = stage.open(name)?;
    let took: Duration = server.took;
    stage.ready(&mut server)?;
    stage.close(server)?;
    Ok(took.as_secs_f64() * 1e3)
}
