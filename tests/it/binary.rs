//! The real binary as a server: its settings, its first line, what it logs.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use serde_json::Value;

use crate::house::LIMIT;

/// The binary, in a folder of its own and without any setting from our environment.
pub fn nyala(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nyala"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("NYALA_")) {
        command.env_remove(name);
    }
    command.args(args).current_dir(folder).stdin(Stdio::null());
    command
}

/// Runs a command to its end.
pub fn run(command: &mut Command) -> Output {
    command.output().expect("the binary")
}

/// A command that must end with 0; answers what it printed.
pub fn printed(command: &mut Command) -> String {
    let output = run(command);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    String::from_utf8(output.stdout).expect("text")
}

/// A server that runs until it is stopped, or the test ends.
pub struct Serving {
    child: Child,
    logs: Option<JoinHandle<Vec<String>>>,
    lines: mpsc::Receiver<String>,
    /// Its first line on stdout, without what stands before the URL.
    pub url: String,
}

impl Serving {
    pub fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary");
        let stdout = BufReader::new(child.stdout.take().expect("stdout"));
        let stderr = BufReader::new(child.stderr.take().expect("stderr"));
        let logs = thread::spawn(move || stderr.lines().map_while(Result::ok).collect());
        let (send, lines) = mpsc::channel();
        thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
        let first = lines.recv_timeout(LIMIT);
        let mut serving = Self { child, logs: Some(logs), lines, url: String::new() };
        let first = first.unwrap_or_else(|error| panic!("no first line ({error}): {:?}", serving.end()));
        first.strip_prefix("listening on ").unwrap_or_else(|| panic!("{first}")).clone_into(&mut serving.url);
        serving
    }

    /// Its next line on stdout.
    pub fn line(&self) -> String {
        self.lines.recv_timeout(LIMIT).expect("a line")
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Stops it as a service manager does; answers how it ended and what it logged.
    pub fn stop(mut self) -> (ExitStatus, Vec<String>) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("a signal");
        let logs = self.logs.take().expect("logs").join().expect("logs");
        (self.child.wait().expect("an end"), logs)
    }

    fn end(&mut self) -> Vec<String> {
        let _ = self.child.kill();
        self.logs.take().expect("logs").join().expect("logs")
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Log lines that are JSON objects, each with its level, its message and a time.
pub fn json_lines(logs: &[String]) -> Vec<Value> {
    let parsed = |line: &String| {
        let entry: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(["level", "message", "timestamp"].iter().all(|name| entry[name].is_string()), "{line}");
        entry
    };
    logs.iter().map(parsed).collect()
}
