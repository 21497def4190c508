//! Receivers that were down: what is owed meanwhile, and how fast it goes out once they are back.

use std::thread;
use std::time::{Duration, Instant};

use super::note;
use crate::args::{FAN_OUT, Plan};
use crate::payload::EVENT_TYPE;
use crate::process::ensure_wanted;
use crate::row::{Base, Row, Unit};
use crate::server::Server;
use crate::stage::Stage;
use crate::table::thousands;
use crate::wire::Job;

/// Short waits between attempts: a delivery that failed shortly before its receiver came back would else wait for minutes,
/// and what waits by design says nothing about speed.
const RETRY_WAIT: &str = "5s";
/// More of them than there is time for while the receivers are down.
const RETRIES: usize = 60;
/// Between two looks at how many have arrived.
const LOOK: Duration = Duration::from_millis(10);
/// In hundredths, the part whose time counts: the last few may have failed shortly before and wait for their next attempt.
const MOST: u64 = 95;

/// What was seen of the drain.
struct Drain {
    rate: f64,
    last_ms: f64,
    peak_mib: Option<f64>,
}

/// Deliveries a second while a backlog drains, held against those of events that are just being published.
pub fn measure(stage: &mut Stage, plan: &Plan) -> crate::Result<Vec<Row>> {
    let waits = [RETRY_WAIT; RETRIES].join(",");
    let mut server = stage.open_with("backlog", &["--retry-schedule", &waits])?;
    let hooks = stage.subscribe(&mut server, EVENT_TYPE, FAN_OUT)?;
    stage.carry(&mut server, EVENT_TYPE, plan.fan_out_events.div_ceil(10), FAN_OUT)?;
    let before = stage.carry(&mut server, EVENT_TYPE, plan.fan_out_events, FAN_OUT)?;
    let drain = drain(stage, &mut server, plan, &hooks)?;
    let after = stage.carry(&mut server, EVENT_TYPE, plan.fan_out_events, FAN_OUT)?;
    note(&format!("drained at {:.0} deliveries/s; live before {before:.0}/s, after {after:.0}/s", drain.rate));
    stage.close(server)?;
    stage.clear("backlog")?;
    Ok(rows(plan, &drain, &[before, after]))
}

/// Publishes while every connection is refused, then gives the hooks their receiver back.
fn drain(stage: &mut Stage, server: &mut Server, plan: &Plan, hooks: &[u64]) -> crate::Result<Drain> {
    let events = plan.backlog.div_ceil(FAN_OUT);
    let owed = u64::from(events) * u64::from(FAN_OUT);
    note(&format!("publishing {owed} deliveries to receivers that refuse"));
    let refusing = |hook: &u64| (*hook, stage.receiver.refusing_url(&format!("/hook/{hook}")));
    repoint(stage, server, hooks.iter().map(refusing).collect())?;
    stage.receiver.expect(u64::MAX)?;
    let tally = stage.publish_all(server, EVENT_TYPE, events)?;
    note(&format!("published in {:.1} s; draining", tally.seconds));
    let good = |hook: &u64| (*hook, stage.receiver.url(&format!("/hook/{hook}")));
    let begun = Instant::now();
    repoint(stage, server, hooks.iter().map(good).collect())?;
    let most = (owed * MOST).div_ceil(100);
    let most_after = arrived(stage, server, begun, most)?;
    let last_after = arrived(stage, server, begun, owed)?;
    stage.settle(owed, server)?;
    let rate = f64::from(u32::try_from(most)?) / most_after.as_secs_f64();
    Ok(Drain { rate, last_ms: last_after.as_secs_f64() * 1e3, peak_mib: server.peak_mib() })
}

fn repoint(stage: &mut Stage, server: &mut Server, hooks: Vec<(u64, String)>) -> crate::Result<()> {
    let job = Job::Repoint { server: server.url.clone(), hooks };
    stage.publisher.does(job, Some(server)).map(drop)
}

/// How long after the beginning so many had arrived.
fn arrived(stage: &mut Stage, server: &mut Server, begun: Instant, count: u64) -> crate::Result<Duration> {
    loop {
        let arrived = stage.receiver.count()?;
        let after = begun.elapsed();
        if arrived >= count {
            return Ok(after);
        }
        if after > stage.limit() {
            return Err(format!(
                "{arrived} of {count} have arrived {:.0} s after the hooks were given their receiver back",
                after.as_secs_f64()
            )
            .into());
        }
        ensure_wanted()?;
        server.process().ensure_runs().map_err(|ended| server.explain(ended))?;
        thread::sleep(LOOK);
    }
}

fn rows(plan: &Plan, drain: &Drain, live: &[f64; 2]) -> Vec<Row> {
    let backlog = format!("backlog of {}", thousands(&plan.backlog));
    let live_mean = f64::midpoint(live[0], live[1]);
    let label = format!("deliveries, {FAN_OUT} hooks, before and after the backlog");
    let drained = format!("{backlog}, {FAN_OUT} hooks: drained, to {MOST} in 100");
    let mut rows = vec![
        Row::runs("backlog_live_deliveries", label, Unit::PerSecond, live),
        Row::one("backlog_drained_deliveries", drained, Unit::PerSecond, drain.rate)
            .over(Base::Live, drain.rate / live_mean),
        Row::one("backlog_last", format!("{backlog}: until the last has arrived"), Unit::Milliseconds, drain.last_ms),
    ];
    let label = format!("{backlog}: resident memory at the peak");
    rows.extend(drain.peak_mib.map(|mib| Row::one("backlog_memory_peak", label, Unit::Mebibytes, mib)));
    rows
}
