//! The helpers, and what can be done with them and a server. Whatever is seen on the way is kept.

use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;

use crate::args::{CONNECTIONS, Plan};
use crate::crew::{Publisher, Receiver};
use crate::seen::Seen;
use crate::server::Server;
use crate::wire::{Job, NewHook, Tally, Until};

/// The helpers, and the folder for the databases, which is removed at the end.
pub struct Stage {
    pub receiver: Receiver,
    pub publisher: Publisher,
    /// Publishes something else meanwhile.
    pub bystander: Publisher,
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
        Ok(Self {
            receiver: Receiver::start(plan.limit)?,
            publisher: Publisher::start(plan.limit)?,
            bystander: Publisher::start(plan.limit)?,
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
        self.open_with(name, &[])
    }

    /// Starts a server on a database of this name with more flags than usual.
    pub fn open_with(&mut self, name: &str, flags: &[&str]) -> crate::Result<Server> {
        let server = Server::start(&self.folder.path().join(name), flags, self.limit)?;
        self.seen.idle_mib = self.seen.idle_mib.or_else(|| server.resident_mib());
        Ok(server)
    }

    /// Stops a server with SIGTERM.
    pub fn close(&mut self, server: Server) -> crate::Result<()> {
        self.seen.note_peak(&server);
        server.stop(self.limit)
    }

    /// Kills a server and removes its database, both of which are in a state that takes long to leave in good order.
    pub fn abandon(&mut self, server: Server, name: &str) -> crate::Result<()> {
        self.seen.note_peak(&server);
        drop(server);
        self.clear(name)
    }

    /// Removes the database of this name, whose server is closed.
    pub fn clear(&self, name: &str) -> crate::Result<()> {
        Ok(std::fs::remove_dir_all(self.folder.path().join(name))?)
    }

    /// One hook for each of so many paths of the receiver: their ids.
    pub fn subscribe(&mut self, server: &mut Server, event_type: &str, hooks: u32) -> crate::Result<Vec<u64>> {
        let paths = (1..=hooks).map(|hook| (event_type.to_owned(), format!("/hook/{event_type}/{hook}")));
        self.subscribe_each(server, paths)
    }

    /// A hook for each of these event types and paths of the receiver: their ids.
    pub fn subscribe_each(
        &mut self,
        server: &mut Server,
        hooks: impl Iterator<Item = (String, String)>,
    ) -> crate::Result<Vec<u64>> {
        let hook = |(event_type, path): (String, String)| NewHook { event_type, url: self.receiver.url(&path) };
        let job = Job::Subscribe { server: server.url.clone(), hooks: hooks.map(hook).collect() };
        Ok(self.publisher.does(job, Some(server))?.hooks)
    }

    /// Makes triggers with these fields: where those are called that are.
    pub fn add_triggers(&mut self, server: &mut Server, triggers: Vec<String>) -> crate::Result<Vec<String>> {
        let job = Job::Triggers { server: server.url.clone(), triggers };
        Ok(self.publisher.does(job, Some(server))?.urls)
    }

    /// Calls of a trigger a second at so many connections, for the usual time.
    pub fn call_all(&mut self, server: &mut Server, url: String, connections: u32) -> crate::Result<(f64, u32)> {
        let tally = self.publisher.does(Job::Load { url, connections, until: self.for_a_span() }, Some(server))?;
        Ok((f64::from(tally.accepted) / tally.seconds, tally.accepted))
    }

    /// Waits for so many firings of schedules: when the last one arrived, in nanoseconds since 1970, and nanoseconds
    /// from the time of each to its arrival.
    pub fn firings(&mut self, server: &mut Server, count: u64) -> crate::Result<(u64, Vec<u64>)> {
        let reached = self.receiver.reached(count, server)?;
        Ok((reached, self.receiver.latencies()?))
    }

    /// The receiver counts from nothing, up to so many.
    pub fn expect(&mut self, count: u64) -> crate::Result<()> {
        self.receiver.expect(count)
    }

    /// Waits until the server says that it is ready.
    pub fn ready(&mut self, server: &mut Server) -> crate::Result<()> {
        let job = Job::Ready { server: server.url.clone() };
        self.publisher.does(job, Some(server)).map(drop)
    }

    /// R: requests a second of a bare reqwest loop against the receiver.
    pub fn raw(&mut self) -> crate::Result<f64> {
        let job = Job::Load { url: self.receiver.url("/raw"), connections: CONNECTIONS, until: self.for_a_span() };
        let tally = self.publisher.does(job, None)?;
        let rate = f64::from(tally.accepted) / tally.seconds;
        self.seen.raw.push(rate);
        Ok(rate)
    }

    /// Publishes a second at so many connections, for the usual time.
    pub fn publish(&mut self, server: &mut Server, event_type: &str, connections: u32) -> crate::Result<f64> {
        let job = Job::Load { url: server.publish_url(event_type), connections, until: self.for_a_span() };
        let tally = self.publisher.does(job, Some(server))?;
        Ok(f64::from(tally.accepted) / tally.seconds)
    }

    /// Publishes so many events as fast as they are taken.
    pub fn publish_all(&mut self, server: &mut Server, event_type: &str, events: u32) -> crate::Result<Tally> {
        let (url, until) = (server.publish_url(event_type), Until::Accepted(events));
        self.publisher.does(Job::Load { url, connections: CONNECTIONS, until }, Some(server))
    }

    /// Publishes so many events, each owed to so many hooks: deliveries a second, from the first publish to the
    /// receiver having counted the last delivery.
    pub fn carry(&mut self, server: &mut Server, event_type: &str, events: u32, hooks: u32) -> crate::Result<f64> {
        let owed = u64::from(events) * u64::from(hooks);
        self.receiver.expect(owed)?;
        let tally = self.publish_all(server, event_type, events)?;
        let reached = self.receiver.reached(owed, server)?;
        self.settle(owed, server)?;
        let seconds = Duration::from_nanos(reached.saturating_sub(tally.first_nanos)).as_secs_f64();
        Ok(f64::from(events) * f64::from(hooks) / seconds)
    }

    /// Publishes so many events on schedule, of each of these types in turn, each owed to so many hooks that are read
    /// for the time of sending: nanoseconds from each publish to its arrivals.
    pub fn latencies(&mut self, server: &mut Server, types: &[String], paced: Paced) -> crate::Result<Vec<u64>> {
        let owed = u64::from(paced.count) * u64::from(paced.hooks);
        self.receiver.expect(owed)?;
        let urls = types.iter().map(|event_type| server.publish_url(event_type)).collect();
        let job = Job::Paced { urls, per_second: paced.per_second, count: paced.count };
        self.publisher.does(job, Some(server))?;
        self.receiver.reached(owed, server)?;
        self.receiver.latencies()
    }

    /// Asks so often on schedule: nanoseconds that each took beyond the slowest receiver's own time.
    pub fn asks(
        &mut self,
        server: &mut Server,
        event_type: &str,
        per_second: u32,
        count: u32,
    ) -> crate::Result<Vec<u64>> {
        let job = Job::Asks { url: server.gate_url(event_type), per_second, count };
        let tally = self.publisher.does(job, Some(server))?;
        Ok(tally.watched.into_iter().map(|timed| timed.took_nanos).collect())
    }

    /// Asks a second, as fast as they are answered, for the usual time.
    pub fn ask_all(&mut self, server: &mut Server, event_type: &str) -> crate::Result<f64> {
        let (url, until) = (server.gate_url(event_type), self.for_a_span());
        let tally = self.publisher.does(Job::Load { url, connections: CONNECTIONS, until }, Some(server))?;
        Ok(f64::from(tally.accepted) / tally.seconds)
    }

    /// Lets the server finish what it does after a delivery, and counts what it delivered beyond what it owed.
    pub fn settle(&mut self, owed: u64, server: &Server) -> crate::Result<()> {
        server.rest()?;
        let surplus = self.receiver.count()?.saturating_sub(owed);
        self.seen.surplus += u32::try_from(surplus)?;
        Ok(())
    }

    /// The longest that anything may take.
    pub fn limit(&self) -> Duration {
        self.limit
    }

    fn for_a_span(&self) -> Until {
        Until::Millis(u64::try_from(self.span.as_millis()).unwrap_or(u64::MAX))
    }
}

/// Events on schedule.
#[derive(Clone, Copy)]
pub struct Paced {
    pub per_second: u32,
    pub count: u32,
    /// Hooks that each of them reaches.
    pub hooks: u32,
}
