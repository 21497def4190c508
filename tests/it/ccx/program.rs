//! A program in another language (client.py) that calls the real binary.

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use nyala::domain::ccx;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::binary::{Serving, nyala, printed};
use crate::door::Authority;
use crate::house::within;
use crate::receiver::{Received, Receiver, Reply, status};

const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/ccx/client.py");

/// What runs the program; nothing, said aloud, where this machine has not got it.
pub fn python() -> Option<OsString> {
    let python = std::env::var_os("NYALA_TEST_PYTHON").unwrap_or_else(|| "python3".into());
    let needs = "import google.protobuf, grpc, grpc_health, grpc_reflection";
    let why = match Command::new(&python).args(["-c", needs]).output() {
        Ok(tried) if tried.status.success() => return Some(python),
        Ok(tried) => String::from_utf8_lossy(&tried.stderr).lines().last().unwrap_or_default().to_owned(),
        Err(error) => error.to_string(),
    };
    let test = std::thread::current().name().unwrap_or_default().to_owned();
    let python = python.display();
    let why = format!("{python}: {why}: name one with tests/it/ccx/requirements.txt in NYALA_TEST_PYTHON");
    assert!(std::env::var_os("NYALA_TEST_ALL").is_none(), "{why}");
    // Not `eprintln`, which is kept back where a test succeeds.
    std::io::stderr().write_all(format!("SKIPPED {test}: {why}\n").as_bytes()).expect("stderr");
    None
}

/// A server, and whom its hooks call.
pub struct Site {
    python: OsString,
    folder: TempDir,
    serving: Serving,
    /// Where it speaks gRPC.
    address: String,
    pub receiver: Receiver,
}

impl Site {
    /// Serves with these further options.
    pub async fn start(python: OsString, folder: TempDir, options: &[&str]) -> Self {
        let serve = ["serve", "--listen", "127.0.0.1:0", "--grpc-listen", "127.0.0.1:0", "--database", "n.db"];
        let serve = [&serve[..], &["--allow-network", "loopback", "--max-body", "2KiB"], options].concat();
        let serving = Serving::start(&mut nyala(folder.path(), &serve));
        let second = serving.line();
        let (_, address) = second.split_once("://").unwrap_or_else(|| panic!("{second}"));
        let (address, receiver) = (address.to_owned(), Receiver::new().await);
        receiver.answer(answer);
        Self { python, folder, serving, address, receiver }
    }

    /// The same over TLS; writes who vouches for it to `authority.pem`.
    pub async fn over_tls(python: OsString, folder: TempDir, authority: &Authority) -> Self {
        let files = authority.issue(folder.path());
        std::fs::write(folder.path().join("authority.pem"), authority.pem()).expect("written");
        let [certificate, key] = [&files.certificate, &files.key].map(|path| path.to_str().expect("text").to_owned());
        Self::start(python, folder, &["--tls-cert", &certificate, "--tls-key", &key]).await
    }

    /// Adds a hook for all of CCX's events.
    pub async fn subscribe(&self, client: &reqwest::Client, token: &str) {
        let hook = json!({"url": self.receiver.url("/cb"), "events": ccx::ALL.map(|hook| hook.name)});
        let request = client.post(format!("{}/api/v1/hooks", self.serving.url)).bearer_auth(token).json(&hook);
        let response = within("an answer", request.send()).await.expect("an answer");
        assert_eq!(response.status(), 201);
    }

    /// Runs the program; answers what it saw.
    pub async fn run(&self, options: &[&str], calls: &[Value]) -> Vec<Value> {
        let mut command = Command::new(&self.python);
        command.arg(PROGRAM).arg(&self.address).args(options).current_dir(self.folder.path());
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program");
        let mut stdin = child.stdin.take().expect("stdin");
        // Who is not let in reads none, and says so.
        let _ = calls.iter().try_for_each(|call| writeln!(stdin, "{call}"));
        drop(stdin);
        let ended = tokio::task::spawn_blocking(|| child.wait_with_output());
        let output = within("the program's end", ended).await.expect("its end").expect("its output");
        assert!(output.status.success(), "{output:?}");
        let stdout = String::from_utf8(output.stdout).expect("text");
        stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }
}

/// Approves all but `refused`, says nothing about `hanging`, and knows whose a cluster is.
fn answer(asked: &Received) -> Reply {
    let body: Value = serde_json::from_slice(&asked.body).expect("JSON");
    let work = format!("work-of-{}", asked.header("nyala-event"));
    let says = json!({
        "approved": body["cluster_id"] != "refused", "work_id": work,
        "user_id": "u1", "project_id": "p1", "organisation_id": "o1",
    });
    Reply { hang: body["cluster_id"] == "hanging", body: says.to_string().into(), ..status(200) }
}

/// Makes a token in the database of a site.
pub fn token(folder: &Path, name: &str, scope: &str) -> String {
    let create = ["token", "create", name, "--scope", scope, "--database", "n.db"];
    printed(&mut nyala(folder, &create)).trim().to_owned()
}
