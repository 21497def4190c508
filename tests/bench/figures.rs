//! What was measured, and the rows that it makes.

use std::time::Duration;

use crate::args::{CONNECTIONS, FAN_OUT, PACE, Plan};
use crate::row::{Pair, Row, Unit};
use crate::stage::Seen;

/// Everything that was measured. Times that were left out are empty.
pub struct Figures {
    pub seen: Seen,
    pub sync_ms: Vec<f64>,
    /// Publishes a second, by number of connections.
    pub unwanted: Vec<(u32, Vec<Pair>)>,
    /// Events a second.
    pub end_to_end: Vec<Pair>,
    /// Deliveries a second.
    pub fan_out: Vec<Pair>,
    pub latency_nanos: Vec<u64>,
    pub start_empty_ms: Vec<f64>,
    pub start_finished_ms: Vec<f64>,
}

impl Figures {
    /// All rows, in the order in which they are shown.
    pub fn rows(&self, plan: &Plan) -> Vec<Row> {
        let mut rows = vec![Row::runs(
            "raw",
            format!("R: bare reqwest loop, {CONNECTIONS} connections"),
            Unit::PerSecond,
            &self.seen.raw,
        )];
        rows.extend(self.unwanted_rows());
        rows.extend(self.delivery_rows());
        rows.extend(self.latency_rows());
        rows.extend(Row::percentiles("disk_sync", "write 8 KiB and fdatasync", &self.sync_ms));
        rows.extend(self.memory_rows());
        rows.extend(self.start_rows(plan));
        rows.extend(self.count_rows());
        rows
    }

    fn unwanted_rows(&self) -> impl Iterator<Item = Row> {
        self.unwanted.iter().map(|(connections, pairs)| {
            let label = format!("publishes nobody wants, connections: {connections}");
            Row::pairs(format!("publish_unwanted_{connections}_connections"), label, pairs)
        })
    }

    fn delivery_rows(&self) -> [Row; 2] {
        let end_to_end = format!("events end to end, {CONNECTIONS} connections, 1 hook");
        let fan_out = format!("deliveries, {CONNECTIONS} connections, {FAN_OUT} hooks");
        [
            Row::pairs("end_to_end_events".into(), end_to_end, &self.end_to_end),
            Row::pairs(format!("fan_out_{FAN_OUT}_deliveries"), fan_out, &self.fan_out),
        ]
    }

    fn latency_rows(&self) -> [Row; 2] {
        let millis: Vec<_> =
            self.latency_nanos.iter().map(|nanos| Duration::from_nanos(*nanos).as_secs_f64() * 1e3).collect();
        Row::percentiles("latency", &format!("publish to receiver at {PACE} events/s"), &millis)
    }

    fn memory_rows(&self) -> Vec<Row> {
        let mebibytes = |key, label: &str, mib| Row::one(key, label.into(), Unit::Mebibytes, mib);
        let idle = self.seen.idle_mib.map(|mib| mebibytes("memory_idle", "resident memory just after the start", mib));
        let peak = self.seen.peak_mib.map(|mib| mebibytes("memory_peak", "resident memory at the peak", mib));
        idle.into_iter().chain(peak).collect()
    }

    fn start_rows(&self, plan: &Plan) -> Vec<Row> {
        let Some(finished) = plan.finished else { return Vec::new() };
        let label = "start on a database of finished deliveries";
        vec![
            Row::runs("start_empty", "start without a database".into(), Unit::Milliseconds, &self.start_empty_ms),
            Row::runs("start_finished", label.into(), Unit::Milliseconds, &self.start_finished_ms),
            Row::one("start_finished_deliveries", "finished deliveries in it".into(), Unit::Count, f64::from(finished)),
        ]
    }

    fn count_rows(&self) -> [Row; 2] {
        let refused = "publishes refused with 503 and sent again";
        [
            Row::one("publishes_refused", refused.into(), Unit::Count, f64::from(self.seen.refused)),
            Row::one(
                "deliveries_surplus",
                "deliveries beyond those owed".into(),
                Unit::Count,
                f64::from(self.seen.surplus),
            ),
        ]
    }
}
