//! The helper processes as the bench sees them: publishers that do jobs, and the receiver that counts.

use std::time::Duration;

use crate::Failure;
use crate::args::Role;
use crate::process::Process;
use crate::server::Server;
use crate::wire::{Ask, Heard, Job, Tally, Word};

/// How long a helper may take for an answer that it has at hand.
const AT_ONCE: Duration = Duration::from_secs(10);

/// A publisher.
pub struct Publisher {
    process: Process,
    limit: Duration,
    /// Publishes that were answered with 503 and sent again, so far.
    pub refused: u32,
}

impl Publisher {
    /// Starts one that may take so long for a job.
    pub fn start(limit: Duration) -> crate::Result<Self> {
        Ok(Self { process: Process::helper("publisher", Role::Publisher)?, limit, refused: 0 })
    }

    /// Does one job. `server` is the one without which it could not be done.
    pub fn does(&mut self, job: Job, server: Option<&mut Server>) -> crate::Result<Tally> {
        self.begin(job)?;
        self.ends(server)
    }

    /// Begins a job that is awaited later.
    pub fn begin(&mut self, job: Job) -> crate::Result<()> {
        let limit_ms = u64::try_from(self.limit.as_millis()).unwrap_or(u64::MAX);
        self.process.say(&Word::Do { job, limit_ms })
    }

    /// Ends a watch and hears what it saw.
    pub fn enough(&mut self, server: &mut Server) -> crate::Result<Tally> {
        self.process.say(&Word::Enough)?;
        self.ends(Some(server))
    }

    fn ends(&mut self, mut server: Option<&mut Server>) -> crate::Result<Tally> {
        let watched = server.as_deref_mut().map(Server::process);
        // The publisher keeps the limit itself and then says more about it than silence does.
        let heard = self.process.hear::<Result<Tally, String>>(self.limit + AT_ONCE, watched);
        let done = heard.and_then(|tally| tally.map_err(Failure::from));
        let tally = done.map_err(|failure| match server {
            Some(server) => server.explain(failure),
            None => failure,
        })?;
        self.refused += tally.refused;
        Ok(tally)
    }
}

/// The receiver.
pub struct Receiver {
    process: Process,
    port: u16,
    refusing: u16,
    limit: Duration,
}

impl Receiver {
    /// Starts it; what is expected of it may take so long to arrive.
    pub fn start(limit: Duration) -> crate::Result<Self> {
        let mut process = Process::helper("receiver", Role::Receiver)?;
        match process.hear(AT_ONCE, None)? {
            Heard::Listening { port, refusing } => Ok(Self { process, port, refusing, limit }),
            _ => Err("the receiver did not say where it listens".into()),
        }
    }

    /// This path of the receiver.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The same path where every connection is refused.
    pub fn refusing_url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.refusing)
    }

    /// Counts from nothing from now on, up to so many.
    pub fn expect(&mut self, owed: u64) -> crate::Result<()> {
        match self.ask(&Ask::Expect(owed))? {
            Heard::Ready => Ok(()),
            _ => Err("the receiver did not get ready".into()),
        }
    }

    /// How many have arrived.
    pub fn count(&mut self) -> crate::Result<u64> {
        match self.ask(&Ask::Count)? {
            Heard::Count(count) => Ok(count),
            _ => Err("the receiver did not say how many deliveries it has".into()),
        }
    }

    /// Nanoseconds from the publish to the arrival of each that was stamped.
    pub fn latencies(&mut self) -> crate::Result<Vec<u64>> {
        match self.ask(&Ask::Latencies)? {
            Heard::Latencies(latencies) => Ok(latencies),
            _ => Err("the receiver did not say how long the events took".into()),
        }
    }

    /// Waits for the last of the expected ones: when it arrived, in nanoseconds since 1970.
    pub fn reached(&mut self, owed: u64, server: &mut Server) -> crate::Result<u64> {
        match self.process.hear(self.limit, Some(server.process())) {
            Ok(Heard::Reached { at_nanos }) => Ok(at_nanos),
            Ok(_) => Err("the receiver spoke of something else than its count".into()),
            Err(failure) => {
                let count = self.count()?;
                Err(server.explain(format!("{count} of {owed} deliveries have arrived, then: {failure}").into()))
            }
        }
    }

    fn ask(&mut self, ask: &Ask) -> crate::Result<Heard> {
        self.process.say(ask)?;
        self.process.hear(AT_ONCE, None)
    }
}
