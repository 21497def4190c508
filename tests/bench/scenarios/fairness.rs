//! What bad receivers cost healthy ones: how long an event takes to those, alone and then beside each kind of trouble.

use super::note;
use super::trouble::{self, Healthy, Trouble};
use crate::args::Plan;
use crate::row::{Base, Row, Unit};
use crate::server::Server;
use crate::spread::{millis, percentile, ratios};
use crate::stage::{Paced, Stage};
use crate::table::thousands;

/// Events a second for the healthy hooks, in all. Each goes to ten, and those arrive together: so that 99 in 100 mean
/// more than the one event that took longest, there must be some hundreds.
const PACE: u32 = 100;
/// Warms connections and caches up.
const WARM_UP: u32 = 100;
/// The type of the events that the bad receivers are owed.
const TROUBLE: &str = "Trouble";

/// What half and what 99 in 100 of the deliveries to healthy hooks stayed within, in milliseconds.
struct Latency {
    p50: f64,
    p99: f64,
}

/// The same healthy hooks alone, and then beside trouble, in each round.
struct Seen {
    trouble: Trouble,
    alone: Vec<Latency>,
    beside: Vec<Latency>,
}

/// Rows of the healthy hooks alone, followed by those of as many beside each kind of trouble.
pub fn measure(stage: &mut Stage, plan: &Plan) -> crate::Result<Vec<Row>> {
    let seen = trouble::all(plan).into_iter().map(|trouble| meet(stage, plan, trouble));
    let seen = seen.collect::<crate::Result<Vec<_>>>()?;
    Ok(seen.chunk_by(|one, next| one.trouble.healthy == next.trouble.healthy).flat_map(rows).collect())
}

/// Every trouble is met for as long in all, in however many rounds.
fn meet(stage: &mut Stage, plan: &Plan, trouble: Trouble) -> crate::Result<Seen> {
    note(&format!("{} healthy hooks beside {}", thousands(&trouble.healthy.hooks()), trouble.label));
    let events = PACE.saturating_mul(plan.fairness_seconds).div_ceil(trouble.rounds);
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    for round in 1..=trouble.rounds {
        let mut server = stage.open("fairness")?;
        let types = healthy(stage, &mut server, trouble.healthy)?;
        let before = watch_alone(stage, &mut server, &types, events)?;
        begin(stage, &mut server, &trouble)?;
        let after = watch(stage, &mut server, &types, events)?;
        note(&format!("round {round}, p99: alone {:.2} ms, beside it {:.2} ms", before.p99, after.p99));
        stage.abandon(server, "fairness")?;
        alone.push(before);
        beside.push(after);
    }
    Ok(Seen { trouble, alone, beside })
}

/// Makes the healthy hooks: the types that they want.
fn healthy(stage: &mut Stage, server: &mut Server, healthy: Healthy) -> crate::Result<Vec<String>> {
    let types: Vec<_> = (1..=healthy.types).map(|number| format!("Healthy{number}")).collect();
    let of_type = |event_type: &String| {
        let event_type = event_type.clone();
        (1..=Healthy::OF_EACH).map(move |hook| (event_type.clone(), format!("/latency/{event_type}/{hook}")))
    };
    stage.subscribe_each(server, types.iter().flat_map(of_type))?;
    Ok(types)
}

/// Makes the bad hooks and what they are owed.
fn begin(stage: &mut Stage, server: &mut Server, trouble: &Trouble) -> crate::Result<()> {
    let bad = |hook| (TROUBLE.to_owned(), format!("{}/{hook}", trouble.path));
    stage.subscribe_each(server, (1..=trouble.hooks).map(bad))?;
    stage.publish_all(server, TROUBLE, trouble.events)?;
    if trouble.settled { server.rest() } else { Ok(()) }
}

fn watch_alone(stage: &mut Stage, server: &mut Server, types: &[String], events: u32) -> crate::Result<Latency> {
    watch(stage, server, types, WARM_UP)?;
    let latency = watch(stage, server, types, events)?;
    stage.settle(u64::from(events) * u64::from(Healthy::OF_EACH), server)?;
    Ok(latency)
}

fn watch(stage: &mut Stage, server: &mut Server, types: &[String], events: u32) -> crate::Result<Latency> {
    let paced = Paced { per_second: PACE, count: events, hooks: Healthy::OF_EACH };
    let latencies: Vec<_> = stage.latencies(server, types, paced)?.into_iter().map(millis).collect();
    Ok(Latency { p50: percentile(&latencies, 50), p99: percentile(&latencies, 99) })
}

/// A percentile, and where it stands in a [`Latency`].
type Figure = (u32, fn(&Latency) -> f64);

const FIGURES: [Figure; 2] = [(50, |latency| latency.p50), (99, |latency| latency.p99)];

fn rows(seen: &[Seen]) -> Vec<Row> {
    let hooks = seen.first().map_or(0, |first| first.trouble.healthy.hooks());
    let alone = FIGURES.map(|(percent, figure)| {
        let runs: Vec<_> = seen.iter().flat_map(|one| &one.alone).map(figure).collect();
        let label = format!("publish to {} healthy hooks at {PACE} events/s, alone, p{percent}", thousands(&hooks));
        Row::runs(&format!("fair_{hooks}_alone_p{percent}"), label, Unit::Milliseconds, &runs)
    });
    alone.into_iter().chain(seen.iter().flat_map(beside)).collect()
}

fn beside(seen: &Seen) -> [Row; 2] {
    FIGURES.map(|(percent, figure)| {
        let alone: Vec<_> = seen.alone.iter().map(figure).collect();
        let beside: Vec<_> = seen.beside.iter().map(figure).collect();
        let key = format!("fair_beside_{}_p{percent}", seen.trouble.key);
        let label = format!("the same beside {}, p{percent}", seen.trouble.label);
        Row::runs(&key, label, Unit::Milliseconds, &beside).each_over(Base::Alone, &ratios(&beside, &alone))
    })
}
