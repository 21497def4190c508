//! The real process: how it starts, how it stops, and what it leaves behind.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use reqwest::{Client, RequestBuilder, Response};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::house::within;
use crate::receiver::{Received, Receiver, Reply, status};

/// How long a stop may take, whatever is in flight.
const STOP: Duration = Duration::from_secs(10);

/// A server process of its own; killed when it is dropped.
pub struct Process {
    child: Child,
    stdout: Option<BufReader<ChildStdout>>,
    pub url: String,
    pub client: Client,
}

impl Process {
    /// Starts a server on this database and waits until it listens.
    pub fn start(database: &Path, listen: &str) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().no_proxy().build().expect("a client");
        let mut child = serve(database, listen).spawn().expect("a process");
        let mut stdout = BufReader::new(child.stdout.take().expect("its output"));
        let mut first = String::new();
        stdout.read_line(&mut first).expect("a line");
        let mut process = Self { child, stdout: Some(stdout), url: String::new(), client };
        first.trim().strip_prefix("listening on ").expect("an address").clone_into(&mut process.url);
        process
    }

    /// Where it listens, as it can be given to `--listen`.
    pub fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    pub async fn subscribe(&self, url: &str) {
        let body = json!({"url": url, "event": "*"}).to_string();
        let request = self.client.post(format!("{}/api/hooks", self.url)).header("content-type", "application/json");
        let response = within("an answer", request.body(body).send()).await.expect("an answer");
        assert_eq!(response.status(), 201);
    }

    /// A publish, to be added to and sent.
    pub fn publishing(&self) -> RequestBuilder {
        let request = self.client.post(format!("{}/api/hooks/publish/E", self.url));
        request.header("content-type", "application/json").body("{}")
    }

    /// The id of an event that is acknowledged.
    pub async fn publish(&self) -> String {
        let response = within("an answer", self.publishing().send()).await.expect("an answer");
        id(response).await
    }

    /// Waits until so many events are kept.
    async fn published(&self, events: usize) {
        let kept = async {
            loop {
                let list = self.client.get(format!("{}/api/v1/events", self.url)).send().await.expect("an answer");
                let list: serde_json::Value = list.json().await.expect("JSON");
                if list["items"].as_array().is_some_and(|items| items.len() == events) {
                    break;
                }
            }
        };
        within(&format!("{events} events"), kept).await;
    }

    /// Stops it as a service manager does.
    pub async fn stop(self) {
        self.signal(Signal::TERM);
        assert!(self.ended().await.0.success());
    }

    pub fn kill(&mut self) {
        self.child.kill().expect("a process");
        self.child.wait().expect("an end");
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("a process");
    }

    /// Waits for its end, and says how long that took.
    pub async fn ended(mut self) -> (ExitStatus, Duration) {
        let since = Instant::now();
        // Its output ends when it does.
        let mut stdout = self.stdout.take().expect("its output");
        let reading = tokio::task::spawn_blocking(move || stdout.read_to_string(&mut String::new()));
        within("the process ends", reading).await.expect("a thread").expect("text");
        (self.child.wait().expect("an end"), since.elapsed())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn serve(database: &Path, listen: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nyala"));
    command.args(["serve", "--listen", listen, "--allow-network", "loopback", "--delivery-timeout", "60s"]);
    command.args(["--retry-schedule", "100ms,1s", "--log-level", "error"]).arg("--database").arg(database);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("NYALA_")) {
        command.env_remove(name);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    command
}

/// What a server that cannot start says on stderr.
pub fn refusal(database: &Path, listen: &str) -> String {
    let mut child = serve(database, listen).stderr(Stdio::piped()).spawn().expect("a process");
    let mut said = String::new();
    child.stderr.take().expect("its errors").read_to_string(&mut said).expect("text");
    assert_eq!(child.wait().expect("an end").code(), Some(1), "{said}");
    said
}

/// The id of an event that was published.
pub async fn id(response: Response) -> String {
    assert_eq!(response.status(), 200);
    let event: Value = response.json().await.expect("JSON");
    event["id"].as_str().expect("an id").to_owned()
}

/// A database's folder, a receiver that hangs, and a server with one attempt in flight.
async fn with_an_attempt_in_flight() -> (TempDir, Receiver, Process, String) {
    let folder = TempDir::new().expect("a folder");
    let receiver = Receiver::new().await;
    receiver.answer(|_| Reply { hang: true, ..status(200) });
    let process = Process::start(&folder.path().join("nyala.db"), "127.0.0.1:0");
    process.subscribe(&receiver.url("/cb")).await;
    let event = process.publish().await;
    receiver.wait_for(1).await;
    (folder, receiver, process, event)
}

async fn a_signal_stops_it_in_time_and_the_next_start_delivers(signal: Signal) {
    let (folder, receiver, process, event) = with_an_attempt_in_flight().await;
    process.signal(signal);
    let (ended, took) = process.ended().await;
    assert!(ended.success() && took < STOP, "{ended} after {took:?}");

    receiver.answer(|_| status(200));
    let next = Process::start(&folder.path().join("nyala.db"), "127.0.0.1:0");
    let requests = receiver.wait_for(2).await;

    let ids: Vec<_> = requests.iter().map(|request: &Received| request.header("webhook-id")).collect();
    assert_eq!(ids, [&event, &event]);
    next.signal(signal);
    let (ended, took) = next.ended().await;
    assert!(ended.success() && took < STOP / 2, "with nothing in flight: {ended} after {took:?}");
}

#[tokio::test]
async fn sigterm_stops_it_in_time_and_the_next_start_delivers_what_was_not_finished() {
    a_signal_stops_it_in_time_and_the_next_start_delivers(Signal::TERM).await;
}

#[tokio::test]
async fn sigint_stops_it_in_time_and_the_next_start_delivers_what_was_not_finished() {
    a_signal_stops_it_in_time_and_the_next_start_delivers(Signal::INT).await;
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let (_folder, _receiver, process, _) = with_an_attempt_in_flight().await;

    process.signal(Signal::TERM);
    // The second one counts only once the first was seen: the port is closed then.
    let closed = async { while process.client.get(format!("{}/healthz", process.url)).send().await.is_ok() {} };
    within("the port is closed", closed).await;
    process.signal(Signal::TERM);
    let (ended, took) = process.ended().await;

    assert!(ended.success() && took < STOP / 2, "{ended} after {took:?}");
}

#[tokio::test]
async fn a_publish_that_waits_is_answered_when_the_server_stops() {
    let (_folder, _receiver, process, _) = with_an_attempt_in_flight().await;
    let waiting = tokio::spawn(process.publishing().header("prefer", "wait=60").send());
    process.published(2).await;

    process.signal(Signal::TERM);
    let response = within("an answer", waiting).await.expect("a task").expect("an answer");

    assert!(id(response).await.starts_with("evt_"));
}

#[tokio::test]
async fn a_client_that_says_nothing_does_not_hold_up_a_stop() {
    let folder = TempDir::new().expect("a folder");
    let process = Process::start(&folder.path().join("nyala.db"), "127.0.0.1:0");
    let _silent = tokio::net::TcpStream::connect(process.address()).await.expect("a connection");
    // Accepted after the silent one.
    process.publish().await;

    process.signal(Signal::TERM);
    let (ended, took) = process.ended().await;

    assert!(ended.success() && took < STOP / 2, "{ended} after {took:?}");
}

#[tokio::test]
async fn a_second_server_on_the_same_database_is_refused() {
    let folder = TempDir::new().expect("a folder");
    let database = folder.path().join("nyala.db");
    let first = Process::start(&database, "127.0.0.1:0");

    let said = refusal(&database, "127.0.0.1:0");

    assert!(said.contains("another nyala serves") && said.contains("--database"), "{said}");
    assert!(said.contains(&database.display().to_string()) && said.lines().count() == 1, "{said}");
    first.publish().await;
}

#[tokio::test]
async fn a_port_in_use_is_refused() {
    let folder = TempDir::new().expect("a folder");
    let first = Process::start(&folder.path().join("one.db"), "127.0.0.1:0");

    let said = refusal(&folder.path().join("other.db"), first.address());

    assert!(said.contains(&format!("cannot listen on {}", first.address())) && said.contains("--listen"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(!folder.path().join("other.db").exists(), "nothing was made");
}

#[tokio::test]
async fn a_server_that_was_stopped_leaves_one_file_with_everything_in_it_but_the_key() {
    let folder = TempDir::new().expect("a folder");
    let process = Process::start(&folder.path().join("nyala.db"), "127.0.0.1:0");
    let event = process.publish().await;
    process.signal(Signal::TERM);
    assert!(process.ended().await.0.success());

    let copy = folder.path().join("copy.db");
    std::fs::copy(folder.path().join("nyala.db"), &copy).expect("a copy");
    std::fs::copy(folder.path().join("nyala.db.key"), folder.path().join("copy.db.key")).expect("a copy");
    let next = Process::start(&copy, "127.0.0.1:0");

    let response = next.client.get(format!("{}/api/v1/events/{event}", next.url)).send().await.expect("an answer");
    assert_eq!(response.status(), 200);
}
