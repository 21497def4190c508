//! What is seen on the way, whatever is being measured.

use crate::args::CONNECTIONS;
use crate::crew::Publisher;
use crate::row::{Row, Unit};
use crate::server::Server;

/// What is seen on the way, over all servers.
#[derive(Default)]
pub struct Seen {
    /// Each R, in requests a second.
    pub raw: Vec<f64>,
    /// Resident memory of the first server just after its start, in MiB.
    pub idle_mib: Option<f64>,
    /// Resident memory of whichever server had the highest peak, in MiB.
    pub peak_mib: Option<f64>,
    /// Deliveries beyond those that were owed.
    pub surplus: u32,
}

impl Seen {
    /// Keeps the peak of a server that is about to end, if it is the highest so far.
    pub fn note_peak(&mut self, server: &Server) {
        self.peak_mib = self.peak_mib.into_iter().chain(server.peak_mib()).reduce(f64::max);
    }

    /// The row of R, if there was any.
    pub fn raw_row(&self) -> Option<Row> {
        let label = format!("R: bare reqwest loop, {CONNECTIONS} connections");
        (!self.raw.is_empty()).then(|| Row::runs("raw", label, Unit::PerSecond, &self.raw))
    }

    /// The rows of memory, and of what should be nothing.
    pub fn rows(&self, publishers: [&Publisher; 2]) -> Vec<Row> {
        let mebibytes = |key, label: &str, mib| Row::one(key, label.into(), Unit::Mebibytes, mib);
        let count = |key, label: &str, number: u32| Row::one(key, label.into(), Unit::Count, f64::from(number));
        let idle = self.idle_mib.map(|mib| mebibytes("memory_idle", "resident memory just after the start", mib));
        let peak = self.peak_mib.map(|mib| mebibytes("memory_peak", "resident memory at the peak of all servers", mib));
        let refused = publishers.map(|publisher| publisher.refused).iter().sum();
        let counts = [
            count("publishes_refused", "publishes refused with 503 and sent again", refused),
            count("deliveries_surplus", "deliveries beyond those owed", self.surplus),
        ];
        idle.into_iter().chain(peak).chain(counts).collect()
    }
}
