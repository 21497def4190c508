//! Events on their whole way, to one hook or to several.

use super::note;
use crate::args::{CONNECTIONS, Plan};
use crate::payload::EVENT_TYPE;
use crate::row::{Pair, Row};
use crate::stage::Stage;

/// Deliveries to so many hooks, each run right after an R of its own.
pub fn measure(stage: &mut Stage, plan: &Plan, hooks: u32, events: u32) -> crate::Result<Row> {
    let mut server = stage.open("deliveries")?;
    stage.subscribe(&mut server, EVENT_TYPE, hooks)?;
    stage.carry(&mut server, EVENT_TYPE, events.div_ceil(10), hooks)?;
    let mut pairs = Vec::new();
    for run in 1..=plan.runs {
        let raw = stage.raw()?;
        let rate = stage.carry(&mut server, EVENT_TYPE, events, hooks)?;
        note(&format!("run {run}, {events} events, hooks {hooks}: {rate:.0} deliveries/s, R {raw:.0}/s"));
        pairs.push(Pair { raw, rate });
    }
    stage.close(server)?;
    stage.clear("deliveries")?;
    Ok(row(hooks, &pairs))
}

fn row(hooks: u32, pairs: &[Pair]) -> Row {
    if hooks == 1 {
        let label = format!("events end to end, {CONNECTIONS} connections, 1 hook");
        Row::pairs("end_to_end_events", label, pairs)
    } else {
        let label = format!("deliveries, {CONNECTIONS} connections, {hooks} hooks");
        Row::pairs(&format!("fan_out_{hooks}_deliveries"), label, pairs)
    }
}
