//! The command line, as scripts and people use it: the real binary, its output, its exit codes.

mod actions;
mod against_others;
mod against_the_server;
mod gate;
mod gates;
mod gates_at_work;
mod help;
mod history;
mod listen;
mod local_server;
mod mock_hooks;
mod scripted;
mod test_client;
mod tokens;
mod triggers;
mod verify;

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

/// How long a line or an end may take before a test gives up.
const LIMIT: Duration = Duration::from_secs(20);

/// The binary, without what the environment says about servers.
fn nyala<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nyala"));
    for name in ["NYALA_SERVER", "NYALA_TOKEN", "NYALA_CONFIG", "NYALA_LISTEN", "NYALA_SECRET", "NYALA_GRPC_SERVER"] {
        command.env_remove(name);
    }
    command.args(args).stdin(Stdio::null());
    command
}

/// What a command that ended had to say.
#[derive(Debug)]
struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Ended {
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The result of a command that did what it was asked to.
    fn done(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }
}

fn run(command: &mut Command) -> Ended {
    let output = command.output().unwrap();
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn run_with_stdin(command: &mut Command, stdin: &str) -> Ended {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Sends what may be a request, and gives all that comes back until the other side closes.
fn exchange(url: &str, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(url.strip_prefix("http://").unwrap()).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    stream.write_all(request).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// The lines of an output, as they come.
fn lines(output: impl Read + Send + 'static) -> Receiver<String> {
    let (send, lines) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            // Read to its end: a pipe that nobody reads breaks.
            let _ = send.send(line);
        }
    });
    lines
}

/// A command that goes on until it is told to stop, or the test ends.
struct Running {
    child: Child,
    lines: Receiver<String>,
    /// Where it listens, from its first line.
    url: String,
}

impl Running {
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = lines(child.stdout.take().unwrap());
        let mut running = Self { child, lines, url: String::new() };
        let first = running.line();
        first.strip_prefix("listening on ").unwrap_or_else(|| panic!("{first}")).clone_into(&mut running.url);
        running
    }

    fn listen(args: &[&str]) -> Self {
        Self::start(nyala(["listen", "--listen", "127.0.0.1:0"]).args(args))
    }

    /// The same with `--json`, where stdout is for the requests alone.
    fn listen_json(args: &[&str]) -> Self {
        Self::start_json(nyala(["listen", "--listen", "127.0.0.1:0", "--json"]).args(args))
    }

    fn start_json(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (stdout, stderr) = (lines(child.stdout.take().unwrap()), lines(child.stderr.take().unwrap()));
        let first = stderr.recv_timeout(LIMIT).expect("a line in time");
        let url = first.strip_prefix("nyala: listening on ").unwrap_or_else(|| panic!("{first}")).to_owned();
        Self { child, lines: stdout, url }
    }

    fn line(&self) -> String {
        self.lines.recv_timeout(LIMIT).expect("a line in time")
    }

    fn stop(mut self) -> ExitStatus {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        // Its output ends when it does.
        while self.lines.recv_timeout(LIMIT).is_ok() {}
        self.child.wait().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server of our own, with nothing in it.
struct Server {
    running: Running,
    folder: TempDir,
}

impl Server {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = nyala(["serve", "--listen", "127.0.0.1:0", "--allow-network", "loopback"]);
        command.args(["--retry-schedule", "50ms,50ms,50ms"]);
        command.arg("--database").arg(folder.path().join("nyala.db")).stderr(Stdio::null());
        Self { running: Running::start(&mut command), folder }
    }

    /// `nyala token` on this server's database.
    fn token(&self, args: &[&str]) -> Ended {
        let database = self.folder.path().join("nyala.db");
        run(nyala(["token"]).args(args).env("NYALA_DATABASE", database))
    }

    /// Makes a token, for these applications if there are any.
    fn new_token(&self, name: &str, scope: &str, applications: &[&str]) -> String {
        let mut args = vec!["create", name, "--scope", scope];
        args.extend(applications.iter().flat_map(|application| ["--application", *application]));
        self.token(&args).done().stdout.trim().to_owned()
    }

    /// A client command against this server.
    fn run<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Ended {
        run(nyala(args).env("NYALA_SERVER", &self.running.url))
    }

    /// Adds a hook and gives its number.
    fn add(&self, url: &str, event: &str) -> String {
        let hook = self.run(["hooks", "add", url, "--event", event, "--json"]).done().json();
        hook["id"].as_u64().unwrap().to_string()
    }
}
