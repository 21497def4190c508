//! `nyala gate`, `nyala gates` and `nyala mock-hooks` against `nyala serve`.

use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc::Receiver;

use serde_json::{Value, json};

use super::{Ended, LIMIT, Running, Server, exchange, lines, nyala, run};

fn mock(args: &[&str]) -> Running {
    Running::start(nyala(["mock-hooks", "--listen", "127.0.0.1:0"]).args(args))
}

/// A server at this address, over the database in this folder.
fn serve(address: &str, folder: &Path) -> Running {
    let mut command = nyala(["serve", "--listen", address, "--allow-network", "loopback", "--database"]);
    Running::start(command.arg(folder.join("nyala.db")).stderr(Stdio::null()))
}

/// A gate that somebody waits for.
struct Waited {
    child: Child,
    stdout: Receiver<String>,
    stderr: Receiver<String>,
    id: String,
}

impl Waited {
    /// Asks, and returns when it is said who is waited for.
    fn start(server: &Server, wait: &str) -> Self {
        let mut command = nyala(["gate", "pre-deploy", "--wait", wait, "--server", &server.running.url]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (stdout, stderr) = (lines(child.stdout.take().unwrap()), lines(child.stderr.take().unwrap()));
        let told = stderr.recv_timeout(LIMIT).expect("a line in time");
        let id = told.split_whitespace().find(|word| word.starts_with("gate_")).unwrap_or_else(|| panic!("{told}"));
        let id = id.to_owned();
        Self { child, stdout, stderr, id }
    }

    fn end(mut self) -> Ended {
        let code = self.child.wait().unwrap().code();
        let all = |lines: Receiver<String>| lines.iter().map(|line| line + "\n").collect();
        Ended { code, stdout: all(self.stdout), stderr: all(self.stderr) }
    }
}

#[test]
fn a_gate_that_all_approve_is_a_yes_and_gives_each_its_work_back_afterwards() {
    let (server, first, second) = (Server::start(), mock(&[]), mock(&[]));
    for (url, name) in [(&first.url, "first"), (&second.url, "second")] {
        let url = format!("{url}/{name}");
        server.run(["hooks", "add", &url, "--event", "pre-deploy", "--event", "post-deploy"]).done();
    }
    exchange(&second.url, b"POST /pre-x HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");

    let yes = server.run(["gate", "pre-deploy", "--data", "{\"v\" : 1.0}"]).done();
    let id = yes.stdout.trim();
    server.run(["publish", "post-deploy", "--data", "{\"ok\":true}", "--gate", id, "--wait", "20s"]).done();

    assert!(yes.stdout.starts_with("gate_") && yes.stderr.is_empty(), "{yes:?}");
    assert_eq!(first.line(), "pre-deploy {\"v\" : 1.0}");
    assert_eq!([second.line(), second.line()], ["pre-x", "pre-deploy {\"v\" : 1.0}"]);
    let after = [&first, &second].map(|mock| mock.line().strip_prefix("post-deploy ").unwrap().to_owned());
    let works = after.map(|body| serde_json::from_str::<Value>(&body).unwrap()["work_id"].clone());
    assert_eq!(works, ["work-1", "work-2"]);
}

#[test]
fn a_gate_that_one_refuses_is_a_no_with_its_reason() {
    let (server, kind, strict) = (Server::start(), mock(&[]), mock(&["--deny"]));
    server.add(&kind.url, "pre-deploy");
    server.add(&strict.url, "pre-deploy");

    let no = server.run(["gate", "pre-deploy"]);
    let as_json = server.run(["gate", "pre-deploy", "--json"]);

    assert_eq!(no.code, Some(3), "{no:?}");
    let (id, lines) = (no.stdout.trim(), no.stderr.lines().collect::<Vec<_>>());
    assert_eq!(lines[0], format!("nyala: pre-deploy is refused ({id})"));
    assert_eq!(lines[1..], ["  hook 2 refused: nyala mock-hooks was started with --deny"]);
    assert_eq!((as_json.code, &as_json.json()["decisions"][0]["work_id"]), (Some(3), &json!("work-2")), "{as_json:?}");
}

#[test]
fn what_nobody_is_asked_about_may_go_on() {
    let server = Server::start();

    let yes = server.run(["gate", "pre-deploy"]).done();

    assert!(yes.stdout.starts_with("gate_"), "{yes:?}");
    assert!(yes.stderr.contains("no hook is asked about pre-deploy"), "{yes:?}");
}

#[test]
fn what_nobody_is_asked_about_may_not_go_on_where_a_hook_is_required() {
    let server = Server::start();

    let no = server.run(["gate", "pre-deploy", "--require-hook"]);

    assert_eq!(no.code, Some(3), "{no:?}");
    assert!(no.stderr.contains("no hook is asked about pre-deploy"), "{no:?}");
}

#[test]
fn silence_means_what_the_hook_says() {
    let server = Server::start();
    server.add("http://127.0.0.1:1/", "pre-deploy");

    let denied = server.run(["gate", "pre-deploy"]);
    server.run(["hooks", "change", "1", "--on-silence", "allow"]).done();
    let allowed = server.run(["gate", "pre-deploy"]).done();

    assert_eq!(denied.code, Some(3), "{denied:?}");
    assert!(denied.stderr.contains("\n  hook 1 is silent: "), "{denied:?}");
    assert!(allowed.stderr.contains("hook 1 is silent: ") && allowed.stderr.contains("stops nothing"), "{allowed:?}");
}

#[test]
fn asking_twice_with_the_same_key_asks_nobody_twice() {
    let (server, mock) = (Server::start(), mock(&[]));
    server.add(&mock.url, "*");
    server.run(["hooks", "change", "1", "--gate", "true"]).done();

    let gates = [(); 2].map(|()| server.run(["gate", "pre-deploy", "--idempotency-key", "build 7"]).done().stdout);
    let other = server.run(["gate", "pre-deploy", "--idempotency-key", "build 7", "--data", "{\"a\":1}"]);
    server.run(["gate", "pre-other"]).done();

    assert_eq!(gates[0], gates[1]);
    assert_eq!([mock.line(), mock.line()], ["pre-deploy {}", "pre-other {}"]);
    assert_eq!(other.code, Some(1), "{other:?}");
}

#[test]
fn a_person_approves_what_is_waited_for() {
    let (server, receiver) = (Server::start(), Running::listen(&["--status", "202"]));
    server.add(&receiver.url, "pre-deploy");
    let waited = Waited::start(&server, "10m");
    let id = waited.id.clone();

    let open = server.run(["gates", "list", "--state", "open"]).done().stdout;
    let approved = server.run(["gates", "approve", &id, "--reason", "looks good"]).done();
    let again = server.run(["gates", "refuse", &id]);
    let ended = waited.end();

    assert!(open.lines().nth(1).unwrap().starts_with(&format!("{id}  open   pre-deploy  ")), "{open}");
    assert_eq!(approved.stdout, format!("{id} is approved\n"));
    assert_eq!((again.code, ended.code), (Some(1), Some(0)), "{again:?} {ended:?}");
    assert!(again.stderr.contains(&format!("`nyala gates show {id}`")), "{again:?}");
    assert_eq!(ended.stdout, format!("{id}\n"));
}

#[test]
fn a_person_refuses_what_is_waited_for_and_says_why() {
    let (server, receiver) = (Server::start(), Running::listen(&["--status", "202"]));
    server.add(&receiver.url, "pre-deploy");
    let waited = Waited::start(&server, "10m");

    server.run(["gates", "refuse", &waited.id, "--reason", "change freeze"]).done();
    let ended = waited.end();

    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert_eq!(ended.stderr.matches("change freeze").count(), 1, "{ended:?}");
}

#[test]
fn a_hook_that_takes_its_time_decides_with_its_token() {
    let (server, receiver) = (Server::start(), Running::listen_json(&["--status", "202"]));
    server.add(&receiver.url, "pre-deploy");
    let waited = Waited::start(&server, "10m");

    let request: Value = serde_json::from_str(&receiver.line()).unwrap();
    let token = request["headers"]["nyala-gate-token"].as_str().unwrap();
    let body = json!({"token": token, "approved": false, "reason": "not on Fridays"}).to_string();
    let (path, length) = (format!("/api/v1/gates/{}/decisions", waited.id), body.len());
    let head = "HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length";
    let answer = exchange(&server.running.url, format!("POST {path} {head}: {length}\r\n\r\n{body}").as_bytes());
    let ended = waited.end();

    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(request["headers"]["nyala-gate"], ended.stdout.trim());
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.stderr.contains("hook 1 refused: not on Fridays"), "{ended:?}");
}

#[test]
fn what_nobody_decides_in_time_is_a_no() {
    let (server, receiver) = (Server::start(), Running::listen(&["--status", "202"]));
    server.add(&receiver.url, "pre-deploy");

    let asked = ["gate", "pre-deploy", "--timeout", "500ms"];
    let (at_once, waited) = (server.run(asked), server.run([&asked[..], &["--wait", "1s"]].concat()));

    for ended in [at_once, waited] {
        assert_eq!(ended.code, Some(3), "{ended:?}");
        assert!(ended.stderr.contains("pre-deploy was not decided in time"), "{ended:?}");
        assert!(ended.stderr.contains("\n  hook 1 is "), "{ended:?}");
    }
}

#[test]
fn a_gate_is_listed_and_shown_with_its_decisions_and_all_that_followed() {
    let (server, mock) = (Server::start(), mock(&["--deny"]));
    server.run(["hooks", "add", &mock.url, "--event", "*", "--application", "shop", "--gate", "true"]).done();
    let no = server.run(["gate", "deploy", "--application", "shop", "--data", "{\n \"v\": 1.0}"]);
    let id = no.stdout.trim();
    let published = ["publish", "deployed", "--application", "shop", "--gate", id, "--wait", "20s", "--json"];
    let event = server.run(published).done().json()["id"].as_str().unwrap().to_owned();

    let list = |args: &[&str]| server.run([&["gates", "list", "--json"], args].concat()).done().json();
    let shown = server.run(["gates", "show", id]).done().stdout;
    let as_json = server.run(["gates", "show", id, "--json"]).done().json();

    let found = list(&["--state", "refused", "--event", "deploy", "--application", "shop", "--since", "1h"]);
    assert_eq!(found[0]["id"], id);
    for other in [["--state", "open"], ["--event", "pre-x"], ["--application", "blog"], ["--until", "1h"]] {
        assert_eq!(list(&other), json!([]), "{other:?}");
    }
    let lines: Vec<_> = shown.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    assert!(lines.contains(&"state refused".to_owned()), "{shown}");
    assert!(
        lines.iter().any(|line| line.starts_with("1 refused nyala mock-hooks was started with --deny work-1 200 ")),
        "{shown}"
    );
    assert!(lines.iter().any(|line| line.contains(" published ") && line.contains(&event)), "{shown}");
    assert!(lines.iter().any(|line| line.contains(" delivered ") && line.contains("hook 1")), "{shown}");
    assert!(shown.ends_with("\n\n{\n \"v\": 1.0}\n"), "{shown}");
    assert_eq!(as_json["payload"]["v"].to_string(), "1.0");
}

#[test]
fn a_hook_shows_that_it_is_asked() {
    let server = Server::start();
    let hook = || server.run(["hooks", "show", "1", "--json"]).done().json();
    let change = |args: &[&str]| server.run([&["hooks", "change", "1"], args].concat()).done();

    server
        .run(["hooks", "add", "http://127.0.0.1:1/", "--event", "deploy", "--gate", "true", "--on-silence", "allow"])
        .done();
    let shown = server.run(["hooks", "show", "1"]).done().stdout;
    assert!(shown.lines().any(|line| line.split_whitespace().eq(["gate", "true"])), "{shown}");
    assert!(shown.lines().any(|line| line.split_whitespace().eq(["on_silence", "allow"])), "{shown}");

    change(&["--gate", "auto"]);
    assert_eq!(hook().get("on_silence"), None);
    change(&["--event", "pre-deploy", "--on-silence", "deny"]);
    assert_eq!((&hook()["gate"], &hook()["on_silence"]), (&json!(null), &json!("deny")));
    assert_eq!(hook()["asked_for"], json!(["pre-deploy"]));
    change(&["--gate", "false"]);
    assert_ne!(hook().get("gate"), Some(&json!(true)));
}

#[test]
fn only_an_admin_decides_and_who_may_publish_may_ask() {
    let (server, receiver) = (Server::start(), Running::listen(&["--status", "202"]));
    let [publisher, admin] = ["publish", "admin"].map(|scope| server.new_token(scope, scope, &[]));
    let run = |token: &str, args: &[&str]| server.run([args, &["--token", token]].concat());
    run(&admin, &["hooks", "add", &receiver.url, "--event", "pre-deploy"]).done();

    let asked = run(&publisher, &["gate", "pre-deploy", "--timeout", "300ms"]);
    let id = asked.stdout.trim();
    let shown = run(&publisher, &["gates", "show", id]);
    let decided = run(&publisher, &["gates", "approve", id]);

    assert_eq!(asked.code, Some(3), "{asked:?}");
    assert_eq!(shown.code, Some(0), "{shown:?}");
    assert_eq!(decided.code, Some(1), "{decided:?}");
    assert!(decided.stderr.contains("the server answered 403: "), "{decided:?}");
}

#[test]
fn a_server_that_dies_in_the_middle_of_asking_has_not_said_yes() {
    let (folder, slow) = (tempfile::tempdir().unwrap(), mock(&["--delay", "1h"]));
    let server = serve("127.0.0.1:0", folder.path());
    let url = server.url.clone();
    run(&mut nyala(["hooks", "add", &slow.url, "--event", "pre-deploy", "--server", &url])).done();
    let mut command = nyala(["gate", "pre-deploy", "--timeout", "20s", "--server", &url]);
    let asking = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();

    assert_eq!(slow.line(), "pre-deploy {}");
    drop(server);
    let _again = serve(url.strip_prefix("http://").unwrap(), folder.path());
    let ended = asking.wait_with_output().unwrap();

    let stderr = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(3), "{stderr}");
    assert!(stderr.contains("trying again") && stderr.contains("hook 1 is "), "{stderr}");
    assert!(ended.stdout.starts_with(b"gate_"), "{ended:?}");
}
