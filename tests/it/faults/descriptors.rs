//! A server that has used up its file descriptors: its own trouble, held against nobody.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use reqwest::Client;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::sync::mpsc::{self, UnboundedReceiver};

use crate::house::within;
use crate::receiver::{Receiver, Reply, status};

/// Enough to start and to serve a few clients.
const DESCRIPTORS: usize = 48;

/// A server that may have few files open; killed when it is dropped.
struct Poor {
    child: Child,
    logs: UnboundedReceiver<String>,
    address: String,
    client: Client,
}

impl Poor {
    fn start(folder: &TempDir) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut command = Command::new("sh");
        let limited = format!("ulimit -n {DESCRIPTORS} && exec \"$@\"");
        command.args(["-c", &limited, "sh", env!("CARGO_BIN_EXE_nyala"), "serve", "--listen", "127.0.0.1:0"]);
        command.args(["--allow-network", "loopback", "--log-level", "warn", "--log-format", "human", "--database"]);
        command.arg(folder.path().join("nyala.db")).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("a shell");
        let mut first = String::new();
        BufReader::new(child.stdout.take().expect("stdout")).read_line(&mut first).expect("a line");
        let address = first.trim().strip_prefix("listening on http://").expect("an address").to_owned();
        let (tell, logs) = mpsc::unbounded_channel();
        let stderr = BufReader::new(child.stderr.take().expect("stderr"));
        std::thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| tell.send(line)));
        let client = Client::builder().no_proxy().build().expect("a client");
        Self { child, logs, address, client }
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        let request = self.client.post(format!("http://{}{path}", self.address));
        let request = request.header("content-type", "application/json").body(body.to_string());
        let response = within("an answer", request.send()).await.expect("an answer");
        assert!(response.status().is_success(), "{path}: {}", response.status());
        response.json().await.expect("JSON")
    }

    fn open_files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).expect("its files").count()
    }

    /// Waits until no descriptor is left.
    async fn used_up(&self) {
        let used_up = async {
            while self.open_files() < DESCRIPTORS {
                tokio::task::yield_now().await;
            }
        };
        within("all descriptors are used", used_up).await;
    }

    /// Waits until it has said so.
    async fn says(&mut self, what: &str) {
        while !self.logs.recv().await.expect("a line").contains(what) {}
    }
}

impl Drop for Poor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Publishes until an attempt finds no descriptor; answers how many events that took.
///
/// One comes free now and then, as when the log has its length, and whoever waits to be
/// let in gets it a moment later only: an attempt that comes in between is made.
async fn publish_until_short(server: &mut Poor, receiver: &Receiver) -> usize {
    for events in 1.. {
        server.used_up().await;
        // Over the connection that is there already.
        server.post("/api/hooks/publish/E", &json!({})).await;
        tokio::select! {
            () = server.says("nobody is charged") => return events,
            _ = receiver.wait_for(events) => {}
        }
    }
    unreachable!("events are not counted to their end")
}

#[tokio::test]
async fn a_server_without_descriptors_blames_no_hook_and_delivers_once_it_has_some() {
    let (folder, receiver) = (TempDir::new().expect("a folder"), Receiver::new().await);
    // Each attempt needs a connection of its own.
    receiver.answer(|_| Reply { headers: vec![("connection", "close".to_owned())], ..status(200) });
    let mut server = Poor::start(&folder);
    let hook = server.post("/api/hooks", &json!({"url": receiver.url("/cb"), "event": "E"})).await;
    let mut idle = vec![];
    // As many again, for what comes free; no more, or there would be no room to wait in.
    for _ in 0..2 * DESCRIPTORS {
        idle.push(TcpStream::connect(&server.address).await.expect("a connection"));
    }

    let events = publish_until_short(&mut server, &receiver).await;
    drop(idle);

    let requests = receiver.wait_for(events).await;
    let attempts: Vec<_> = requests.iter().map(|request| request.header("nyala-attempt")).collect();
    assert!(attempts.iter().all(|attempt| *attempt == "1"), "what could not be sent was no attempt: {attempts:?}");
    let shown = server.client.get(format!("http://{}/api/v1/hooks/{}", server.address, hook["id"]));
    let shown: Value = within("an answer", shown.send()).await.expect("an answer").json().await.expect("JSON");
    assert_eq!((&shown["state"], &shown["failures"]), (&json!("active"), &json!(0)));
}
