//! A server that has used up its file descriptors: its own trouble, held against nobody.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Instant;

use reqwest::Client;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::house::{LIMIT, within};
use crate::receiver::Receiver;

/// Enough to start and to serve a few clients.
const DESCRIPTORS: usize = 48;

/// A server that may have few files open; killed when it is dropped.
struct Poor {
    child: Child,
    logs: mpsc::Receiver<String>,
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
        let (tell, logs) = mpsc::channel();
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

    /// Waits until it has said so.
    async fn said(self, what: &'static str) -> Self {
        let waiting = tokio::task::spawn_blocking(move || {
            while !self.logs.recv_timeout(LIMIT).expect("a line").contains(what) {}
            self
        });
        within(what, waiting).await.expect("a thread")
    }
}

impl Drop for Poor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Until then the log is open a second time, and a descriptor would come free. On a
/// small disk it never becomes so long.
async fn the_log_is_long(folder: &TempDir) {
    let (log, since) = (folder.path().join("nyala.db-wal"), Instant::now());
    while std::fs::metadata(&log).expect("the log").len() < 44 << 20 && since.elapsed() < LIMIT * 2 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_server_without_descriptors_blames_no_hook_and_delivers_once_it_has_some() {
    let (folder, receiver) = (TempDir::new().expect("a folder"), Receiver::new().await);
    let server = Poor::start(&folder);
    let hook = server.post("/api/hooks", &json!({"url": receiver.url("/cb"), "event": "E"})).await;
    the_log_is_long(&folder).await;
    let mut idle = vec![];
    let used_up = async {
        while server.open_files() < DESCRIPTORS {
            idle.push(TcpStream::connect(&server.address).await.expect("a connection"));
            tokio::task::yield_now().await;
        }
    };
    within("all descriptors are used", used_up).await;
    // Should one come free after all, one of these takes it.
    for _ in 0..DESCRIPTORS {
        idle.push(TcpStream::connect(&server.address).await.expect("a connection"));
    }

    // Over the connection that is there already.
    server.post("/api/hooks/publish/E", &json!({})).await;
    let server = server.said("nobody is charged").await;
    drop(idle);

    let requests = receiver.wait_for(1).await;
    assert_eq!(requests[0].header("nyala-attempt"), "1", "what could not be sent was no attempt");
    let shown = server.client.get(format!("http://{}/api/v1/hooks/{}", server.address, hook["id"]));
    let shown: Value = within("an answer", shown.send()).await.expect("an answer").json().await.expect("JSON");
    assert_eq!((&shown["state"], &shown["failures"]), (&json!("active"), &json!(0)));
}
