//! Publishes among many hooks that want something else: matching is a look-up, so they should cost nothing.

use super::note;
use crate::args::Plan;
use crate::payload::EVENT_TYPE;
use crate::row::{Base, Row, Unit};
use crate::spread::ratios;
use crate::stage::Stage;
use crate::table::thousands;

/// Connections of the publisher.
const AT: u32 = 32;
/// Pairs of runs, at most.
const ROUNDS: u32 = 3;

/// Publishes a second with one hook and with many, in turn; none of them wants the event.
pub fn measure(stage: &mut Stage, plan: &Plan) -> crate::Result<[Row; 2]> {
    let (mut one_server, mut many_server) = (stage.open("one")?, stage.open("many")?);
    let other = |hook| (format!("Other{hook}"), format!("/hook/other/{hook}"));
    stage.subscribe_each(&mut one_server, (1..=1).map(other))?;
    note(&format!("making {} hooks that want something else", plan.hooks));
    stage.subscribe_each(&mut many_server, (1..=plan.hooks).map(other))?;
    many_server.rest()?;
    let (mut one, mut many) = (Vec::new(), Vec::new());
    for run in 1..=plan.runs.min(ROUNDS) {
        let alone = stage.publish(&mut one_server, EVENT_TYPE, AT)?;
        one_server.rest()?;
        let among_many = stage.publish(&mut many_server, EVENT_TYPE, AT)?;
        many_server.rest()?;
        note(&format!("run {run}, nobody wants it: {alone:.0}/s with 1 hook, {among_many:.0}/s with many"));
        one.push(alone);
        many.push(among_many);
    }
    stage.close(one_server)?;
    stage.close(many_server)?;
    stage.clear("one")?;
    stage.clear("many")?;
    Ok(rows(plan, &one, &many))
}

fn rows(plan: &Plan, one: &[f64], many: &[f64]) -> [Row; 2] {
    let with_one = format!("publishes, {AT} connections, 1 hook of another type");
    let with_many = format!("publishes, {AT} connections, {} hooks of other types", thousands(&plan.hooks));
    [
        Row::runs("crowd_one_hook_publishes", with_one, Unit::PerSecond, one),
        Row::runs("crowd_many_hooks_publishes", with_many, Unit::PerSecond, many)
            .each_over(Base::OneHook, &ratios(many, one)),
    ]
}
