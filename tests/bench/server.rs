//! The server under test: started on a folder of its own, watched from outside, stopped cleanly.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::Failure;
use crate::process::{Process, ensure_wanted};

/// How often the server's use of the processor is looked at while it comes to rest, and how long it may take.
const REST_LOOK: Duration = Duration::from_millis(100);
const REST_LIMIT: Duration = Duration::from_secs(10);
/// What of its log is shown when it dies.
const LOG_TAIL: usize = 10;

/// A running server and its folder.
pub struct Server {
    process: Process,
    /// As in `http://127.0.0.1:8080`.
    pub url: String,
    /// From the start of the process until it said that it listens.
    pub took: Duration,
    log: PathBuf,
}

impl Server {
    /// Starts the binary that cargo built for this bench on the database in `folder`, which is made if need be, with
    /// these flags beside the usual ones.
    ///
    /// # Errors
    ///
    /// If it does not say within the limit where it listens.
    pub fn start(folder: &Path, flags: &[&str], limit: Duration) -> crate::Result<Self> {
        fs::create_dir_all(folder)?;
        let log = folder.join("server.log");
        let mut command = Command::new(env!("CARGO_BIN_EXE_nyala"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--allow-network", "loopback"]);
        command.arg("--database").arg(folder.join("nyala.db")).args(flags);
        command.current_dir(folder).stderr(File::create(&log)?);
        // What the person at this machine has set for their own server is not what is measured.
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"NYALA_")) {
            command.env_remove(name);
        }
        let begun = Instant::now();
        let process = Process::start("server", &mut command)?;
        let mut server = Self { process, url: String::new(), took: Duration::ZERO, log };
        let (said_at, line) = server.first_line(limit)?;
        server.took = said_at.duration_since(begun);
        server.url =
            line.strip_prefix("listening on ").ok_or_else(|| format!("the server said {line:?} first"))?.into();
        Ok(server)
    }

    fn first_line(&mut self, limit: Duration) -> crate::Result<(Instant, String)> {
        let line = self.process.line(limit, None);
        line.map_err(|why| with_log(&why, &self.log))
    }

    /// Where events of this type are published.
    pub fn publish_url(&self, event_type: &str) -> String {
        format!("{}/api/hooks/publish/{event_type}", self.url)
    }

    /// Where it is asked whether to go on.
    pub fn gate_url(&self, event_type: &str) -> String {
        format!("{}/api/v1/gates/{event_type}", self.url)
    }

    /// The process, for who waits for something that will not come if it ends.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// The same failure, or rather the server's own if that has ended, with the end of its log.
    pub fn explain(&mut self, failure: Failure) -> Failure {
        // A connection breaks a little earlier than the process is gone.
        thread::sleep(REST_LOOK);
        match self.process.ensure_runs() {
            Ok(()) => failure,
            Err(ended) => with_log(&ended, &self.log),
        }
    }

    /// Waits until the server has hardly used the processor for a while: outcomes are recorded, files are synced.
    /// What comes next is then not measured against work that is left over.
    pub fn rest(&self) -> crate::Result<()> {
        let end = Instant::now() + REST_LIMIT;
        let (mut before, mut quiet) = (self.ticks(), 0);
        while quiet < 2 {
            thread::sleep(REST_LOOK);
            ensure_wanted()?;
            let now = self.ticks();
            quiet = if now.saturating_sub(before) <= 1 { quiet + 1 } else { 0 };
            before = now;
            if Instant::now() > end {
                eprintln!("bench: the server did not come to rest within {} s", REST_LIMIT.as_secs());
                break;
            }
        }
        Ok(())
    }

    /// Time on the processor so far, in the kernel's ticks of mostly 10 ms; 0 where there is no `/proc`.
    fn ticks(&self) -> u64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process.id())).unwrap_or_default();
        // The second field is a name in brackets that may hold spaces; user and system time are the 14th and 15th.
        let after_name = stat.rsplit(')').next().unwrap_or_default();
        after_name.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum()
    }

    /// Memory that is resident now, in MiB; none where there is no `/proc`.
    pub fn resident_mib(&self) -> Option<f64> {
        self.memory_mib("VmRSS:")
    }

    /// Memory that was resident at most so far, in MiB; none where there is no `/proc`.
    pub fn peak_mib(&self) -> Option<f64> {
        self.memory_mib("VmHWM:")
    }

    fn memory_mib(&self, field: &str) -> Option<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix(field))?;
        let kib: u32 = line.trim().trim_end_matches(" kB").parse().ok()?;
        Some(f64::from(kib) / 1024.0)
    }

    /// Stops it with SIGTERM.
    ///
    /// # Errors
    ///
    /// If it does not end with exit code 0 within the limit.
    pub fn stop(self, limit: Duration) -> crate::Result<()> {
        let Self { process, log, .. } = self;
        process.terminate(limit).map_err(|why| with_log(&why, &log))
    }
}

/// The failure, and the last lines of the log, which is gone with its folder soon.
fn with_log(failure: &Failure, log: &Path) -> Failure {
    let log = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = log.lines().collect();
    let tail = lines[lines.len().saturating_sub(LOG_TAIL)..].join("\n");
    if tail.is_empty() {
        format!("{failure}; its log is empty").into()
    } else {
        format!("{failure}; the end of its log:\n{tail}").into()
    }
}
