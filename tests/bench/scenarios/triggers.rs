//! What fires triggers: calls of a webhook a second, how late schedules fire, and how fast many do that are due at once.

use std::time::Duration;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use serde_json::json;

use super::note;
use crate::args::Plan;
use crate::row::{Pair, Row};
use crate::spread::millis;
use crate::stage::Stage;
use crate::wire::now_nanos;

/// Connections over which a webhook is called.
const CONNECTIONS: u32 = 64;
/// Schedules that fire in every second.
const EVERY_SECOND: u32 = 50;
/// Schedules that are due in one second.
const AT_ONCE: u32 = 10_000;
/// How long making those may take before they are due.
const AHEAD: Duration = Duration::from_secs(20);

/// A row of calls, three of how late firings are, and one of firings a second.
pub fn measure(stage: &mut Stage, plan: &Plan) -> crate::Result<Vec<Row>> {
    let mut rows = vec![calls(stage, plan)?];
    rows.extend(each_second(stage, plan)?);
    rows.extend(at_once(stage)?);
    Ok(rows)
}

/// Each call becomes an event to one hook before the next round: what is answered is carried out.
fn calls(stage: &mut Stage, plan: &Plan) -> crate::Result<Row> {
    let mut server = stage.open("calls")?;
    stage.subscribe_each(&mut server, [("Called".to_owned(), "/latency/called".to_owned())].into_iter())?;
    let fields = json!({ "kind": "webhook", "name": "calls", "event": "Called", "rate_limit": 1_000_000 });
    let urls = stage.add_triggers(&mut server, vec![fields.to_string()])?;
    let url = urls.into_iter().next().ok_or("a webhook has no URL")?;
    let mut pairs = vec![];
    for round in 1..=plan.runs {
        let raw = stage.raw()?;
        stage.expect(u64::MAX)?;
        let (rate, accepted) = stage.call_all(&mut server, url.clone(), CONNECTIONS)?;
        note(&format!("round {round}, calls of a webhook: {rate:.0}/s, R {raw:.0}/s"));
        stage.settle(accepted.into(), &server)?;
        pairs.push(Pair { raw, rate });
    }
    stage.close(server)?;
    stage.clear("calls")?;
    Ok(Row::pairs("calls", format!("calls of a webhook, {CONNECTIONS} connections, to one hook"), &pairs))
}

fn each_second(stage: &mut Stage, plan: &Plan) -> crate::Result<[Row; 2]> {
    note(&format!("{EVERY_SECOND} schedules in every second for {} s", plan.latency_seconds));
    let mut server = stage.open("schedules")?;
    stage.subscribe_each(&mut server, [("Tick".to_owned(), "/latency/tick".to_owned())].into_iter())?;
    let fields =
        json!({ "kind": "scheduler", "name": "tick", "event": "Tick", "cron": "* * * * * *", "seconds": true });
    let count = u64::from(EVERY_SECOND) * u64::from(plan.latency_seconds);
    stage.expect(count)?;
    stage.add_triggers(&mut server, vec![fields.to_string(); EVERY_SECOND as usize])?;
    let (_, late) = stage.firings(&mut server, count)?;
    stage.close(server)?;
    stage.clear("schedules")?;
    let late: Vec<_> = late.into_iter().map(millis).collect();
    Ok(Row::percentiles(
        "firing_late",
        &format!("a firing behind its time at {EVERY_SECOND}/s, at the receiver"),
        &late,
    ))
}

fn at_once(stage: &mut Stage) -> crate::Result<Vec<Row>> {
    note(&format!("{AT_ONCE} schedules that are due in one second"));
    let mut server = stage.open("at-once")?;
    stage.subscribe_each(&mut server, [("Tick".to_owned(), "/latency/tick".to_owned())].into_iter())?;
    let due = due();
    let cron = due.format("%-S %-M %-H %-d %-m * %Y").to_string();
    let fields = json!({ "kind": "scheduler", "name": "once", "event": "Tick", "cron": cron });
    stage.expect(AT_ONCE.into())?;
    stage.add_triggers(&mut server, vec![fields.to_string(); AT_ONCE as usize])?;
    let (reached, late) = stage.firings(&mut server, AT_ONCE.into())?;
    stage.settle(AT_ONCE.into(), &server)?;
    stage.close(server)?;
    stage.clear("at-once")?;
    let due = u64::try_from(due.timestamp_nanos_opt().unwrap_or_default())?;
    let seconds = Duration::from_nanos(reached.saturating_sub(due)).as_secs_f64();
    note(&format!("{:.0} firings/s, from their time to the last arrival", f64::from(AT_ONCE) / seconds));
    let late: Vec<_> = late.into_iter().map(millis).collect();
    Ok(Row::percentiles("firing_burst", &format!("one of {AT_ONCE} that are due at once behind its time"), &late)
        .into())
}

/// A whole second that lies far enough ahead.
fn due() -> DateTime<Utc> {
    let now = DateTime::from_timestamp_nanos(i64::try_from(now_nanos()).unwrap_or(i64::MAX));
    let ahead = TimeDelta::from_std(AHEAD).unwrap_or_default();
    now.trunc_subsecs(0) + ahead
}
