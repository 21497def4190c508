//! What the bench and its helpers say to each other over stdin and stdout: one JSON value a line.

use std::io::{self, Write};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// What the publisher is told.
#[derive(Serialize, Deserialize)]
pub enum Word {
    /// Do this within the limit. Answered with one `Result<Tally, String>`.
    Do { job: Job, limit_ms: u64 },
    /// Ends a `Job::Watch`, which then answers.
    Enough,
}

/// What the publisher is asked to do next.
#[derive(Serialize, Deserialize)]
pub enum Job {
    /// Each connection posts the plain payload to `url`, one request after the other.
    Load { url: String, connections: u32, until: Until },
    /// Stamped payloads go to each of `urls` in turn and on schedule, whether or not the earlier ones have been answered.
    Paced { urls: Vec<String>, per_second: u32, count: u32 },
    /// The plain payload goes to `url` again and again, one after the other, each timed, until it is enough.
    Watch { url: String },
    /// Asks at the gate at `url` on schedule, whether or not the earlier ones have been answered. Watched is what was
    /// added to the slowest receiver's own time.
    Asks { url: String, per_second: u32, count: u32 },
    /// Makes these hooks.
    Subscribe { server: String, hooks: Vec<NewHook> },
    /// Makes triggers with these fields.
    Triggers { server: String, triggers: Vec<String> },
    /// Gives each of these hooks its new URL.
    Repoint { server: String, hooks: Vec<(u64, String)> },
    /// Wait until the server says that it is ready.
    Ready { server: String },
}

/// A hook to be made.
#[derive(Serialize, Deserialize)]
pub struct NewHook {
    pub event_type: String,
    pub url: String,
}

/// When a load is over.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub enum Until {
    /// This many were accepted.
    Accepted(u32),
    /// This much time has passed.
    Millis(u64),
}

/// What came of a job.
#[derive(Default, Serialize, Deserialize)]
pub struct Tally {
    /// Requests that were answered with 200.
    pub accepted: u32,
    /// Requests that were answered with 503 and sent again.
    pub refused: u32,
    /// From the first request sent to the last one answered.
    pub seconds: f64,
    /// When the first request was sent, in nanoseconds since 1970.
    pub first_nanos: u64,
    /// Each request of a watch.
    pub watched: Vec<Timed>,
    /// The ids of the hooks that were made, in the order in which they were asked for.
    pub hooks: Vec<u64>,
    /// Where the triggers are called that were made, if they are.
    pub urls: Vec<String>,
}

/// When a request was sent, in nanoseconds since 1970, and how long its answer took.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub struct Timed {
    pub sent_nanos: u64,
    pub took_nanos: u64,
}

/// What the receiver is asked.
#[derive(Serialize, Deserialize)]
pub enum Ask {
    /// Count from nothing, forget latencies, and say `Reached` at this count. Answered with `Ready`.
    Expect(u64),
    /// Answered with `Count`.
    Count,
    /// Answered with `Latencies`.
    Latencies,
}

/// What the receiver says.
#[derive(Serialize, Deserialize)]
pub enum Heard {
    /// It answers at `port`, and nobody does at `refusing`.
    Listening {
        port: u16,
        refusing: u16,
    },
    Ready,
    /// The expected count was reached, at this many nanoseconds since 1970.
    Reached {
        at_nanos: u64,
    },
    Count(u64),
    /// From just before the publish to the receiver having the whole body.
    Latencies(Vec<u64>),
}

/// The time that all processes on this machine share, in nanoseconds since 1970.
pub fn now_nanos() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// Writes one value as one line to stdout, at once.
pub fn say(value: &impl Serialize) -> crate::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    let mut out = io::stdout().lock();
    out.write_all(&line)?;
    Ok(out.flush()?)
}
