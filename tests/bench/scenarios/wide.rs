//! One event that very many hooks want, and what it does to somebody who publishes something else meanwhile.

use std::thread;
use std::time::Duration;

use super::note;
use crate::args::Plan;
use crate::row::{Base, Pair, Row, Unit};
use crate::server::Server;
use crate::spread::{longest, millis, percentile, ratios};
use crate::stage::Stage;
use crate::table::thousands;
use crate::wire::{Job, Timed, Until};

/// What everybody wants, and what nobody does.
const WANTED: &str = "Wide";
const UNWANTED: &str = "Narrow";
/// How long the bystander publishes alone before the event that everybody wants.
const ALONE: Duration = Duration::from_millis(700);

/// What one repetition saw, in milliseconds unless it says otherwise.
struct Seen {
    deliveries: Pair,
    arrived: f64,
    published: f64,
    alone: Bystander,
    beside: Bystander,
}

/// How long the bystander's publishes took.
struct Bystander {
    p99: f64,
    longest: f64,
}

/// Fans one event out several times over, each time with a bystander.
pub fn measure(stage: &mut Stage, plan: &Plan) -> crate::Result<Vec<Row>> {
    let mut server = stage.open("wide")?;
    note(&format!("making {} hooks that want the same", plan.hooks));
    stage.subscribe(&mut server, WANTED, plan.hooks)?;
    stage.carry(&mut server, WANTED, 1, plan.hooks)?;
    let mut seen = Vec::new();
    for run in 1..=plan.runs {
        let one = fan_out(stage, &mut server, plan.hooks)?;
        note(&format!(
            "run {run}: all have it after {:.0} ms, longest publish {:.1} ms",
            one.arrived, one.beside.longest
        ));
        seen.push(one);
    }
    stage.close(server)?;
    stage.clear("wide")?;
    Ok(rows(plan, &seen))
}

fn fan_out(stage: &mut Stage, server: &mut Server, hooks: u32) -> crate::Result<Seen> {
    let raw = stage.raw()?;
    stage.receiver.expect(u64::from(hooks))?;
    stage.bystander.begin(Job::Watch { url: server.publish_url(UNWANTED) })?;
    thread::sleep(ALONE);
    let (url, until) = (server.publish_url(WANTED), Until::Accepted(1));
    let published = stage.publisher.does(Job::Load { url, connections: 1, until }, Some(server))?;
    let reached = stage.receiver.reached(u64::from(hooks), server)?;
    let watched = stage.bystander.enough(server)?.watched;
    stage.settle(u64::from(hooks), server)?;
    let took = reached.saturating_sub(published.first_nanos);
    // One that was under way when the event came has met it too.
    let (alone, beside): (Vec<_>, Vec<_>) = watched
        .into_iter()
        .filter(|one| one.sent_nanos < reached)
        .partition(|one| one.sent_nanos + one.took_nanos < published.first_nanos);
    Ok(Seen {
        deliveries: Pair { raw, rate: f64::from(hooks) / Duration::from_nanos(took).as_secs_f64() },
        arrived: millis(took),
        published: published.seconds * 1e3,
        alone: Bystander::of(&alone),
        beside: Bystander::of(&beside),
    })
}

impl Bystander {
    fn of(watched: &[Timed]) -> Self {
        let took: Vec<_> = watched.iter().map(|one| millis(one.took_nanos)).collect();
        Self { p99: percentile(&took, 99), longest: longest(&took) }
    }
}

fn rows(plan: &Plan, seen: &[Seen]) -> Vec<Row> {
    let what = format!("one event to {} hooks", thousands(&plan.hooks));
    let each = |figure: fn(&Seen) -> f64| seen.iter().map(figure).collect::<Vec<_>>();
    let (p99, longest) = (each(|one| one.beside.p99), each(|one| one.beside.longest));
    let p99_ratios = ratios(&p99, &each(|one| one.alone.p99));
    let longest_ratios = ratios(&longest, &each(|one| one.alone.longest));
    let pairs: Vec<_> = seen.iter().map(|one| Pair { ..one.deliveries }).collect();
    let millis = |key, label, runs: &[f64]| Row::runs(key, label, Unit::Milliseconds, runs);
    vec![
        Row::pairs("wide_deliveries", format!("{what}: deliveries"), &pairs),
        millis("wide_arrived", format!("{what}: until all have it"), &each(|one| one.arrived)),
        millis("wide_published", format!("{what}: its own publish"), &each(|one| one.published)),
        millis("wide_bystander_p99", "publishes of another type beside it, p99".into(), &p99)
            .each_over(Base::Alone, &p99_ratios),
        millis("wide_bystander_longest", "publishes of another type beside it, the longest".into(), &longest)
            .each_over(Base::Alone, &longest_ratios),
    ]
}
