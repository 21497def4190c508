//! Processes that never outlive the bench, and that are heard line by line and within a limit.

use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, setrlimit};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::signal::unix::{SignalKind, signal};

use crate::Failure;
use crate::args::Role;

/// Between two looks at what else may have happened while a line is awaited.
const LOOK_AROUND: Duration = Duration::from_millis(50);
/// How long a process that has closed its stdout may take to be gone.
const LAST_BREATH: Duration = Duration::from_secs(2);

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Makes Ctrl-C and SIGTERM end the bench as any failure does: with its processes and its files gone.
pub fn heed_signals() -> crate::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let (mut interrupt, mut terminate) = {
        let _inside = runtime.enter();
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
    };
    thread::spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => (),
                _ = terminate.recv() => (),
            }
        });
        INTERRUPTED.store(true, Ordering::SeqCst);
    });
    Ok(())
}

/// Fails once the bench has been told to stop.
pub fn ensure_wanted() -> crate::Result<()> {
    if INTERRUPTED.load(Ordering::SeqCst) { Err("interrupted".into()) } else { Ok(()) }
}

/// Lets this process open as many files as the system allows it. Only the helpers do: what a limit does to the server is
/// part of what is measured.
pub fn raise_file_limit() -> crate::Result<()> {
    let maximum = getrlimit(Resource::Nofile).maximum;
    Ok(setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?)
}

/// A process, killed on drop, with the lines of its stdout and when each was read.
pub struct Process {
    name: &'static str,
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<(Instant, String)>,
}

impl Process {
    /// Starts the command with its stdin and stdout held here.
    ///
    /// # Errors
    ///
    /// If it cannot be started.
    pub fn start(name: &'static str, command: &mut Command) -> crate::Result<Self> {
        let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = spawned.map_err(|why| format!("the {name} did not start: {why}"))?;
        let (sender, lines) = mpsc::channel();
        if let Some(stdout) = child.stdout.take() {
            // Reads on to the end even when nobody listens, so that a full pipe never holds the process up.
            thread::spawn(move || {
                for line in BufReader::new(stdout).lines().map_while(io::Result::ok) {
                    let _ = sender.send((Instant::now(), line));
                }
            });
        }
        let stdin = child.stdin.take();
        Ok(Self { name, child, stdin, lines })
    }

    /// Starts the bench itself again, as one of its helpers.
    pub fn helper(name: &'static str, role: Role) -> crate::Result<Self> {
        let role = role.to_possible_value().ok_or("a role without a name")?;
        Self::start(name, Command::new(std::env::current_exe()?).arg("--role").arg(role.get_name()))
    }

    /// Writes one value as one line to its stdin.
    pub fn say(&mut self, value: &impl Serialize) -> crate::Result<()> {
        let mut line = serde_json::to_vec(value)?;
        line.push(b'\n');
        let stdin = self.stdin.as_mut().ok_or("its stdin is closed")?;
        stdin.write_all(&line).map_err(|why| format!("the {} no longer listens: {why}", self.name).into())
    }

    /// The next line of its stdout, as a value. `watched` is a process without which the line would never come.
    pub fn hear<T: DeserializeOwned>(&mut self, limit: Duration, watched: Option<&mut Process>) -> crate::Result<T> {
        let (_, line) = self.line(limit, watched)?;
        serde_json::from_str(&line).map_err(|why| format!("the {} said {line:?}: {why}", self.name).into())
    }

    /// The next line of its stdout, and when it was read.
    ///
    /// # Errors
    ///
    /// If the limit passes, if this process or the watched one ends, or if the bench is told to stop.
    pub fn line(&mut self, limit: Duration, mut watched: Option<&mut Process>) -> crate::Result<(Instant, String)> {
        let end = Instant::now() + limit;
        while Instant::now() < end {
            match self.lines.recv_timeout(LOOK_AROUND) {
                Ok(line) => return Ok(line),
                Err(RecvTimeoutError::Disconnected) => return Err(self.last_words()),
                Err(RecvTimeoutError::Timeout) => ensure_wanted()?,
            }
            if let Some(watched) = watched.as_deref_mut() {
                watched.ensure_runs()?;
            }
        }
        Err(format!("the {} said nothing for {} s", self.name, limit.as_secs_f64()).into())
    }

    /// Fails if the process has ended.
    pub fn ensure_runs(&mut self) -> crate::Result<()> {
        match self.child.try_wait()? {
            Some(status) => Err(format!("the {} ended ({status})", self.name).into()),
            None => Ok(()),
        }
    }

    /// What to say of a process whose stdout has ended.
    fn last_words(&mut self) -> Failure {
        let ended = self.ended_within(LAST_BREATH).and_then(|()| self.ensure_runs());
        ended.err().unwrap_or_else(|| format!("the {} closed its stdout", self.name).into())
    }

    /// Sends SIGTERM and waits until the process has ended with exit code 0.
    ///
    /// # Errors
    ///
    /// If it ends in another way, or not within the limit.
    pub fn terminate(mut self, limit: Duration) -> crate::Result<()> {
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        self.ended_within(limit)?;
        match self.child.try_wait()? {
            Some(status) if status.success() => Ok(()),
            Some(status) => Err(format!("the {} ended badly after SIGTERM ({status})", self.name).into()),
            None => Err(format!("the {} was still there {} s after SIGTERM", self.name, limit.as_secs_f64()).into()),
        }
    }

    /// Waits for its end, but no longer than this.
    fn ended_within(&mut self, limit: Duration) -> crate::Result<()> {
        let end = Instant::now() + limit;
        while self.child.try_wait()?.is_none() && Instant::now() < end {
            ensure_wanted()?;
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// The id under which the system knows it.
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
