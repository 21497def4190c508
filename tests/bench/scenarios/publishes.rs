//! Publishes that no hook wants: what keeping an event costs.

use super::note;
use crate::args::Plan;
use crate::payload::EVENT_TYPE;
use crate::row::{Pair, Row};
use crate::stage::Stage;

/// Connections at which it is measured.
const AT: [u32; 3] = [1, 32, 256];
/// Rounds, at most: each is three runs long.
const ROUNDS: u32 = 3;

/// A row for each number of connections; one R for each round.
pub fn measure(stage: &mut Stage, plan: &Plan) -> crate::Result<Vec<Row>> {
    let mut server = stage.open("publishes")?;
    let mut all: Vec<_> = AT.map(|connections| (connections, Vec::new())).into();
    for round in 1..=plan.runs.min(ROUNDS) {
        let raw = stage.raw()?;
        for (connections, pairs) in &mut all {
            let rate = stage.publish(&mut server, EVENT_TYPE, *connections)?;
            note(&format!("round {round}, nobody wants it, connections {connections}: {rate:.0}/s, R {raw:.0}/s"));
            server.rest()?;
            pairs.push(Pair { raw, rate });
        }
    }
    stage.close(server)?;
    stage.clear("publishes")?;
    Ok(all.iter().map(|(connections, pairs)| row(*connections, pairs)).collect())
}

fn row(connections: u32, pairs: &[Pair]) -> Row {
    let label = format!("publishes nobody wants, connections: {connections}");
    Row::pairs(&format!("publish_unwanted_{connections}_connections"), label, pairs)
}
