//! What asking costs: how much more than the slowest receiver takes by itself, and how many a second.

use super::note;
use crate::args::Plan;
use crate::row::{Pair, Row};
use crate::spread::millis;
use crate::stage::Stage;

/// Asks a second where each is timed.
const PACE: u32 = 50;
/// The hooks that are asked: how long each of them takes by itself.
const TAKE: [&str; 3] = ["0s", "5ms", "20ms"];
/// What is asked there, and what is asked of one hook that answers at once.
const SEVERAL: &str = "pre-several";
const ONE: &str = "pre-one";

/// Two rows of what is added, and one of asks a second, each run of which is held against R.
pub fn measure(stage: &mut Stage, plan: &Plan) -> crate::Result<Vec<Row>> {
    note(&format!("gates at {PACE} asks/s for {} s", plan.latency_seconds));
    let mut server = stage.open("gates")?;
    let several = TAKE.iter().map(|take| (SEVERAL.to_owned(), format!("/gate/{take}/1")));
    stage.subscribe_each(&mut server, several.chain([(ONE.to_owned(), "/gate/0s/2".to_owned())]))?;
    stage.asks(&mut server, SEVERAL, PACE, PACE.div_ceil(4))?;
    let count = PACE.saturating_mul(plan.latency_seconds);
    let added = stage.asks(&mut server, SEVERAL, PACE, count)?;
    let added: Vec<_> = added.into_iter().map(millis).collect();
    let label = format!("an ask beyond the slowest of {} receivers at {PACE} asks/s", TAKE.len());
    let mut rows: Vec<_> = Row::percentiles("ask_added", &label, &added).into();
    let mut pairs = vec![];
    for round in 1..=plan.runs {
        let raw = stage.raw()?;
        let rate = stage.ask_all(&mut server, ONE)?;
        note(&format!("round {round}, asks of one hook: {rate:.0}/s, R {raw:.0}/s"));
        server.rest()?;
        pairs.push(Pair { raw, rate });
    }
    rows.push(Row::pairs("asks", "asks of one hook, 64 connections".to_owned(), &pairs));
    stage.close(server)?;
    stage.clear("gates")?;
    Ok(rows)
}
