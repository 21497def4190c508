//! The user info of a URL stands in no log: the real binary, with all that it
//! can be made to say.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use reqwest::Response;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use super::secrets::{locked, says_nothing};
use super::{fields, send};
use crate::house::within;
use crate::receiver::{Receiver, status};

/// `nyala serve` that logs everything, to a file.
struct Logged {
    child: Child,
    url: String,
    folder: TempDir,
}

impl Logged {
    async fn start() -> Self {
        let folder = TempDir::new().expect("a folder");
        let log = File::create(folder.path().join("log")).expect("a log");
        let mut command = Command::new(env!("CARGO_BIN_EXE_nyala"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--allow-network", "loopback", "--log-level", "trace"]);
        command.arg("--database").arg(folder.path().join("nyala.db")).env_clear();
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().expect("a process");
        let stdout = child.stdout.take().expect("its output");
        let mut logged = Self { child, url: String::new(), folder };
        logged.url =
            within("the service starts", tokio::task::spawn_blocking(|| address(stdout))).await.expect("a line");
        logged
    }

    async fn post(&self, path: &str, body: &Value) -> Response {
        let request = reqwest::Client::new().post(format!("{}{path}", self.url)).header("prefer", "wait=60");
        send(request.body(body.to_string())).await
    }

    /// Stops as SIGTERM does; answers what was logged.
    async fn stop(mut self) -> String {
        kill_process(Pid::from_child(&self.child), Signal::TERM).expect("a signal");
        let ended = async {
            while self.child.try_wait().expect("its end").is_none() {
                tokio::task::yield_now().await;
            }
        };
        within("the service stops", ended).await;
        fs::read_to_string(self.folder.path().join("log")).expect("the log")
    }
}

impl Drop for Logged {
    fn drop(&mut self) {
        // Ended already, unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The first line says where it listens.
fn address(stdout: ChildStdout) -> String {
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line).expect("a line");
    line.trim().strip_prefix("listening on ").expect("an address").to_owned()
}

#[tokio::test]
async fn no_line_of_the_log_shows_user_info() {
    let (service, receiver) = (Logged::start().await, Receiver::new().await);
    receiver.answer(|request| status(if request.path == "/broken" { 500 } else { 200 }));

    for url in [receiver.url("/works"), receiver.url("/broken")] {
        let subscribed = service.post("/api/hooks", &fields(&locked(&url), "E")).await;
        assert_eq!(subscribed.status(), 201);
    }
    let refused = service.post("/api/hooks", &fields(&locked("http://example.com:99999/"), "E")).await;
    assert_eq!(refused.status(), 400);
    service.post("/api/hooks/publish/E", &Value::Null).await;

    let log = service.stop().await;
    for said in ["arrived", "did not arrive", "a request was refused"] {
        assert!(log.contains(said), "{said} is not in the log: {log}");
    }
    says_nothing(&log);
}
