//! How long events take that come one by one.

use super::note;
use crate::args::Plan;
use crate::payload::EVENT_TYPE;
use crate::row::Row;
use crate::spread::millis;
use crate::stage::{Paced, Stage};

/// Events a second.
const PACE: u32 = 50;

/// From publish to receiver, with one hook.
pub fn measure(stage: &mut Stage, plan: &Plan) -> crate::Result<[Row; 2]> {
    note(&format!("latency at {PACE} events/s for {} s", plan.latency_seconds));
    let mut server = stage.open("latency")?;
    let types = [EVENT_TYPE.to_owned()];
    stage.subscribe_each(&mut server, [(EVENT_TYPE.to_owned(), "/latency/1".to_owned())].into_iter())?;
    let paced = |count| Paced { per_second: PACE, count, hooks: 1 };
    stage.latencies(&mut server, &types, paced(PACE.div_ceil(4)))?;
    let count = PACE.saturating_mul(plan.latency_seconds);
    let latencies = stage.latencies(&mut server, &types, paced(count))?;
    stage.settle(u64::from(count), &server)?;
    stage.close(server)?;
    stage.clear("latency")?;
    let millis: Vec<_> = latencies.into_iter().map(millis).collect();
    Ok(Row::percentiles("latency", &format!("publish to receiver at {PACE} events/s"), &millis))
}
