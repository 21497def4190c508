//! What history costs: starts, and events end to end, on a database full of finished deliveries.

use super::note;
use crate::args::{CONNECTIONS, FAN_OUT, Plan};
use crate::payload::EVENT_TYPE;
use crate::row::{Base, Row, Unit};
use crate::server::Server;
use crate::spread::{median, ratios};
use crate::stage::Stage;
use crate::table::thousands;

/// Starts of the server whose median counts.
const STARTS: u32 = 5;
/// Pairs of runs, at most.
const ROUNDS: u32 = 3;
/// The name of the database, which is made once for both scenarios.
const FINISHED: &str = "finished";
/// The type of the events in it; a type of its own, so that what is measured goes to one hook.
const FINISHED_TYPE: &str = "Finished";

/// Milliseconds until the server listens, without a database and with a full one.
pub fn start_up(stage: &mut Stage, plan: &Plan) -> crate::Result<[Row; 3]> {
    let empty = (0..STARTS).map(|_| start_empty(stage)).collect::<crate::Result<Vec<_>>>()?;
    note(&format!("starts on an empty database: {:.1} ms", median(&empty)));
    make(stage, plan)?;
    let full = (0..STARTS).map(|_| start(stage, FINISHED)).collect::<crate::Result<Vec<_>>>()?;
    note(&format!("starts on a full one: {:.1} ms", median(&full)));
    let on_full = "start on a database of finished deliveries".to_owned();
    let finished = "finished deliveries in it".to_owned();
    Ok([
        Row::runs("start_empty", "start without a database".into(), Unit::Milliseconds, &empty),
        Row::runs("start_finished", on_full, Unit::Milliseconds, &full),
        Row::one("start_finished_deliveries", finished, Unit::Count, f64::from(plan.finished)),
    ])
}

/// Events a second to one hook, on an empty database and on a full one in turn.
pub fn end_to_end(stage: &mut Stage, plan: &Plan) -> crate::Result<[Row; 2]> {
    make(stage, plan)?;
    let events = plan.events.div_ceil(2);
    let mut full_server = stage.open(FINISHED)?;
    prepare(stage, &mut full_server, events)?;
    let (mut empty, mut full) = (Vec::new(), Vec::new());
    for run in 1..=plan.runs.min(ROUNDS) {
        let mut empty_server = stage.open("empty")?;
        prepare(stage, &mut empty_server, events)?;
        let before = stage.carry(&mut empty_server, EVENT_TYPE, events, 1)?;
        stage.close(empty_server)?;
        stage.clear("empty")?;
        let after = stage.carry(&mut full_server, EVENT_TYPE, events, 1)?;
        note(&format!("run {run}, {events} events end to end: empty {before:.0}/s, full {after:.0}/s"));
        empty.push(before);
        full.push(after);
    }
    stage.close(full_server)?;
    stage.clear(FINISHED)?;
    Ok(history_rows(plan, &empty, &full))
}

fn history_rows(plan: &Plan, empty: &[f64], full: &[f64]) -> [Row; 2] {
    let what = format!("events end to end, {CONNECTIONS} connections, 1 hook");
    let on_full = format!("the same with {} finished deliveries", thousands(&plan.finished));
    [
        Row::runs("history_empty_events", format!("{what}, empty database"), Unit::PerSecond, empty),
        Row::runs("history_full_events", on_full, Unit::PerSecond, full).each_over(Base::Empty, &ratios(full, empty)),
    ]
}

/// One hook, and enough events for caches and connections to be warm.
fn prepare(stage: &mut Stage, server: &mut Server, events: u32) -> crate::Result<()> {
    stage.subscribe(server, EVENT_TYPE, 1)?;
    stage.carry(server, EVENT_TYPE, events.div_ceil(10), 1).map(drop)
}

/// Fills the database by delivering, unless that has been done.
fn make(stage: &mut Stage, plan: &Plan) -> crate::Result<()> {
    if stage.folder().join(FINISHED).exists() {
        return Ok(());
    }
    note(&format!("making {} finished deliveries over {CONNECTIONS} connections", plan.finished));
    let mut server = stage.open(FINISHED)?;
    stage.subscribe(&mut server, FINISHED_TYPE, FAN_OUT)?;
    let rate = stage.carry(&mut server, FINISHED_TYPE, plan.finished.div_ceil(FAN_OUT), FAN_OUT)?;
    note(&format!("made at {rate:.0} deliveries/s"));
    stage.ready(&mut server)?;
    stage.close(server)
}

fn start_empty(stage: &mut Stage) -> crate::Result<f64> {
    let took = start(stage, "empty")?;
    stage.clear("empty")?;
    Ok(took)
}

/// One start and one clean stop: the milliseconds until the server said that it listens.
fn start(stage: &mut Stage, name: &str) -> crate::Result<f64> {
    let mut server = stage.open(name)?;
    let took = server.took;
    stage.ready(&mut server)?;
    stage.close(server)?;
    Ok(took.as_secs_f64() * 1e3)
}
