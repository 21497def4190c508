//! The receiver, the publisher, and what can be done with them and a server. Whatever is seen on the way is kept.

use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;

use crate::Failure;
use crate::args::{CONNECTIONS, PACE, Plan, Role};
use crate::process::Process;
use crate::server::Server;
use crate::wire::{Ask, Heard, Job, Tally, Until};

/// How long the receiver may take for an answer that it has at hand.
const AT_ONCE: Duration = Duration::from_secs(10);

/// What is seen on the way, over all servers.
#[derive(Default)]
pub struct Seen {
    /// Each R, in requests a second.
    pub raw: Vec<f64>,
    /// Resident memory of the first server just after its start, in MiB.
    pub idle_mib: Option<f64>,
    /// Resident memory of whichever server had the highest peak, in MiB.
    pub peak_mib: Option<f64>,
    /// Publishes that were answered with 503 and sent again.
    pub refused: u32,
    /// Deliveries beyond those that were owed.
    pub surplus: u32,
}

/// The helpers, and the folder for the databases, which is removed at the end.
pub struct Stage {
    receiver: Process,
    receiver_url: String,
    publisher: Process,
    folder: TempDir,
    span: Duration,
    limit: Duration,
    pub seen: Seen,
}

impl Stage {
    /// Starts the helpers.
    ///
    /// # Errors
    ///
    /// If one of them does not start, or the folder cannot be made.
    pub fn set(plan: &Plan) -> crate::Result<Self> {
        std::fs::create_dir_all(&plan.folder)?;
        let folder =
            tempfile::Builder::new().prefix("delivery-bench-").tempdir_in(std::path::absolute(&plan.folder)?)?;
        let mut receiver = Process::helper("receiver", Role::Receiver)?;
        let Heard::Listening { port } = receiver.hear(AT_ONCE, None)? else {
            return Err("the receiver did not say where it listens".into());
        };
        Ok(Self {
            receiver,
            receiver_url: format!("http://127.0.0.1:{port}"),
            publisher: Process::helper("publisher", Role::Publisher)?,
            folder,
            span: plan.span,
            limit: plan.limit,
            seen: Seen::default(),
        })
    }

    /// Where databases and other files may go.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts a server on a database of this name.
    pub fn open(&mut self, name: &str) -> crate::Result<Server> {
        let server = Server::start(&self.folder.path().join(name), self.limit)?;
        self.seen.idle_mib = self.seen.idle_mib.or_else(|| server.resident_mib());
        Ok(server)
    }

    /// Stops a server with SIGTERM.
    pub fn close(&mut self, server: Server) -> crate::Result<()> {
        self.seen.peak_mib = self.seen.peak_mib.into_iter().chain(server.peak_mib()).reduce(f64::max);
        server.stop(self.limit)
    }

    /// Removes the database of this name, whose server is closed.
    pub fn clear(&self, name: &str) -> crate::Result<()> {
        Ok(std::fs::remove_dir_all(self.folder.path().join(name))?)
    }

    /// One hook for each of so many paths of the receiver.
    pub fn subscribe(&mut self, server: &mut Server, hooks: u32) -> crate::Result<()> {
        let targets = (1..=hooks).map(|hook| format!("{}/hook/{hook}", self.receiver_url)).collect();
        self.subscribe_to(server, targets)
    }

    /// One hook, whose deliveries are read for the time at which they were sent.
    pub fn subscribe_latency(&mut self, server: &mut Server) -> crate::Result<()> {
        let targets = vec![format!("{}/latency", self.receiver_url)];
        self.subscribe_to(server, targets)
    }

    fn subscribe_to(&mut self, server: &mut Server, targets: Vec<String>) -> crate::Result<()> {
        let job = Job::Subscribe { server: server.url.clone(), targets, limit_ms: self.limit_ms() };
        self.publisher_does(&job, Some(server)).map(drop)
    }

    /// Waits until the server says that it is ready.
    pub fn ready(&mut self, server: &mut Server) -> crate::Result<()> {
        let job = Job::Ready { server: server.url.clone(), limit_ms: self.limit_ms() };
        self.publisher_does(&job, Some(server)).map(drop)
    }

    /// R: requests a second of a bare reqwest loop against the receiver.
    pub fn raw(&mut self) -> crate::Result<f64> {
        let url = format!("{}/raw", self.receiver_url);
        let tally = self.load(url, CONNECTIONS, self.for_a_span(), None)?;
        let rate = f64::from(tally.accepted) / tally.seconds;
        self.seen.raw.push(rate);
        Ok(rate)
    }

    /// Publishes a second at so many connections, for the usual time.
    pub fn publish(&mut self, server: &mut Server, connections: u32) -> crate::Result<f64> {
        let tally = self.load(server.publish_url(), connections, self.for_a_span(), Some(server))?;
        Ok(f64::from(tally.accepted) / tally.seconds)
    }

    /// Publishes so many events, each owed to so many hooks: deliveries a second, from the first publish to the
    /// receiver having counted the last delivery.
    pub fn carry(&mut self, server: &mut Server, events: u32, hooks: u32) -> crate::Result<f64> {
        let owed = u64::from(events) * u64::from(hooks);
        self.expect(owed)?;
        let tally = self.load(server.publish_url(), CONNECTIONS, Until::Accepted(events), Some(server))?;
        let reached = self.reached(owed, server)?;
        self.settle(owed, server)?;
        let seconds = Duration::from_nanos(reached.saturating_sub(tally.first_nanos)).as_secs_f64();
        Ok(f64::from(events) * f64::from(hooks) / seconds)
    }

    /// Publishes so many events on schedule: nanoseconds from each publish to its arrival.
    pub fn latencies(&mut self, server: &mut Server, events: u32) -> crate::Result<Vec<u64>> {
        self.expect(u64::from(events))?;
        let (url, limit_ms) = (server.publish_url(), self.limit_ms());
        self.publisher_does(&Job::Paced { url, per_second: PACE, count: events, limit_ms }, Some(server))?;
        self.reached(u64::from(events), server)?;
        let Heard::Latencies(latencies) = self.ask(&Ask::Latencies)? else {
            return Err("the receiver did not say how long the events took".into());
        };
        self.settle(u64::from(events), server)?;
        Ok(latencies)
    }

    fn for_a_span(&self) -> Until {
        Until::Millis(u64::try_from(self.span.as_millis()).unwrap_or(u64::MAX))
    }

    fn limit_ms(&self) -> u64 {
        u64::try_from(self.limit.as_millis()).unwrap_or(u64::MAX)
    }

    fn load(
        &mut self,
        url: String,
        connections: u32,
        until: Until,
        server: Option<&mut Server>,
    ) -> crate::Result<Tally> {
        let job = Job::Load { url, connections, until, limit_ms: self.limit_ms() };
        self.publisher_does(&job, server)
    }

    fn publisher_does(&mut self, job: &Job, mut server: Option<&mut Server>) -> crate::Result<Tally> {
        self.publisher.say(job)?;
        // The publisher keeps the limit itself and then says more about it than silence does.
        let watched = server.as_deref_mut().map(Server::process);
        let heard = self.publisher.hear::<Result<Tally, String>>(self.limit + AT_ONCE, watched);
        let done = heard.and_then(|tally| tally.map_err(Failure::from));
        let tally = done.map_err(|failure| match server {
            Some(server) => server.explain(failure),
            None => failure,
        })?;
        self.seen.refused += tally.refused;
        Ok(tally)
    }

    fn ask(&mut self, ask: &Ask) -> crate::Result<Heard> {
        self.receiver.say(ask)?;
        self.receiver.hear(AT_ONCE, None)
    }

    fn expect(&mut self, owed: u64) -> crate::Result<()> {
        match self.ask(&Ask::Expect(owed))? {
            Heard::Ready => Ok(()),
            _ => Err("the receiver did not get ready".into()),
        }
    }

    fn count(&mut self) -> crate::Result<u64> {
        match self.ask(&Ask::Count)? {
            Heard::Count(count) => Ok(count),
            _ => Err("the receiver did not say how many deliveries it has".into()),
        }
    }

    /// Waits for the last of the deliveries: when it arrived.
    fn reached(&mut self, owed: u64, server: &mut Server) -> crate::Result<u64> {
        match self.receiver.hear(self.limit, Some(server.process())) {
            Ok(Heard::Reached { at_nanos }) => Ok(at_nanos),
            Ok(_) => Err("the receiver spoke of something else than its count".into()),
            Err(failure) => {
                let count = self.count()?;
                Err(server.explain(format!("{count} of {owed} deliveries have arrived, then: {failure}").into()))
            }
        }
    }

    /// Lets the server finish what it does after a delivery, and counts what it delivered beyond what it owed.
    fn settle(&mut self, owed: u64, server: &mut Server) -> crate::Result<()> {
        server.rest()?;
        let surplus = self.count()?.saturating_sub(owed);
        self.seen.surplus += u32::try_from(surplus)?;
        Ok(())
    }
}
