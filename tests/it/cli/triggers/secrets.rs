//! The secrets of triggers: where they come from, and where they are never seen.

use std::io::Write;
use std::process::Stdio;

use nyala::clock::{Clock, SystemClock};
use serde_json::Value;
use standardwebhooks::Webhook;

use super::super::{Server, nyala, run, run_with_stdin};
use super::{add, call, refused};

const SECRET: &str = "correct horse battery staple";

/// Whether a call with this secret fires the trigger, as GitLab sends it.
fn opens(trigger: &Value, secret: &str) -> bool {
    let answer = call(trigger, &format!("x-gitlab-event: Push Hook\r\nx-gitlab-token: {secret}\r\n"), "{}");
    let (status, _) = answer.split_once("\r\n").unwrap();
    assert!(["HTTP/1.1 200 OK", "HTTP/1.1 403 Forbidden"].contains(&status), "{answer}");
    status.contains("200")
}

#[test]
fn a_secret_comes_from_a_file_from_stdin_or_from_the_environment() {
    let server = Server::start();
    let file = server.folder.path().join("secret");
    std::fs::write(&file, format!("{SECRET}\n")).unwrap();
    let command = |source: &[&str]| {
        let mut command = nyala(["triggers", "add", "webhook", "called", "--scheme", "gitlab", "--json"]);
        command.args(source).env("NYALA_SERVER", &server.running.url).env("THE_SECRET", SECRET);
        command
    };

    let added = [
        run(&mut command(&["--secret-file", file.to_str().unwrap()])),
        run_with_stdin(&mut command(&["--secret-file", "-"]), &format!("{SECRET}\r\n")),
        run(&mut command(&["--secret-env", "THE_SECRET"])),
    ];

    for ended in added {
        assert!(!ended.stdout.contains(SECRET) && !ended.stderr.contains(SECRET), "{ended:?}");
        let trigger = ended.done().json();
        assert!(opens(&trigger, SECRET) && !opens(&trigger, "another secret"), "{trigger}");
    }
}

#[test]
fn a_secret_that_is_made_is_printed_once_and_good() {
    let server = Server::start();
    let args = ["triggers", "add", "webhook", "plain", "--scheme", "gitlab", "--secret-generate"];

    let told = server.run(args).done();
    let standard = add(&server, &["webhook", "std", "--scheme", "standard-webhooks", "--secret-generate"]);

    let secret = told.stdout.lines().last().unwrap().strip_prefix("the secret, which is not shown again: ").unwrap();
    let shown = server.run(["triggers", "show", "plain", "--json"]).done();
    assert!(opens(&shown.json(), secret) && !shown.stdout.contains(secret), "{shown:?}");
    let signing = Webhook::new(standard["secret"].as_str().unwrap()).unwrap();
    let now = SystemClock::default().now().seconds();
    let signature = signing.sign("msg_1", now, b"{}").unwrap();
    let signed = |signature: &str| {
        let headers = format!("webhook-id: msg_1\r\nwebhook-timestamp: {now}\r\nwebhook-signature: {signature}\r\n");
        call(&standard, &headers, "{}")
    };
    assert!(signed(&signature).starts_with("HTTP/1.1 200 "), "{}", signed(&signature));
    assert!(signed("v1,AAAA").starts_with("HTTP/1.1 403 "), "{}", signed("v1,AAAA"));
}

#[test]
fn a_secret_is_changed_made_anew_and_taken_away() {
    let server = Server::start();
    let trigger = add(&server, &["webhook", "called", "--scheme", "gitlab", "--secret-generate"]);
    let first = trigger["secret"].as_str().unwrap();
    let change = |args: &[&str]| server.run([&["triggers", "change", "called"], args].concat());

    let second = change(&["--secret-generate", "--json"]).done().json()["secret"].as_str().unwrap().to_owned();
    assert!(!opens(&trigger, first) && opens(&trigger, &second));

    change(&["--scheme", "standard-webhooks", "--secret-generate"]).done();
    let kept = change(&["--secret-generate", "--json"]).done().json();
    assert!(kept["secret"].as_str().unwrap().starts_with("whsec_"), "{kept}");
    let without = change(&["--scheme", "github"]);
    assert!(refused(&without, 1).contains("secret: is missing: give it anew"), "{without:?}");

    let open = change(&["--no-secret"]).done();
    assert!(open.stdout.contains("\nwhoever knows this URL can fire it: "), "{open:?}");
    assert!(opens(&trigger, "anything at all"));
}

#[test]
fn a_secret_is_no_argument_and_is_repeated_nowhere() {
    let server = Server::start();
    let hidden = "HIDDEN-HIDDEN";
    let file = server.folder.path().join("secret");
    std::fs::write(&file, "HIDDEN").unwrap();
    let file = file.to_str().unwrap();
    let add = |more: &[&str]| server.run([&["triggers", "add", "webhook", "called"], more].concat());

    // Too short, and no `whsec_…`, for the server.
    for (args, code) in [
        (&["--secret", hidden][..], 2),
        (&["--secret=HIDDEN-HIDDEN"], 2),
        (&["--secret-env", hidden], 2),
        (&["--secret-env", "HIDDEN", "--secret-generate"], 2),
        (&["--secret-file", "/no/such/file"], 2),
        (&["--secret-file", "/dev/null"], 2),
        (&["--secret-file", file], 1),
        (&["--secret-file", file, "--scheme", "standard-webhooks"], 1),
    ] {
        let ended = add(args);
        assert!(!refused(&ended, code).contains("HIDDEN"), "{ended:?}");
    }
    assert_eq!(server.run(["triggers", "list", "--json"]).done().stdout, "[]\n");
}

#[test]
#[cfg(target_os = "linux")]
fn a_secret_is_not_seen_in_the_list_of_processes() {
    let server = Server::start();
    let mut command = nyala(["triggers", "add", "webhook", "called", "--secret-file", "-"]);
    command.env("NYALA_SERVER", &server.running.url).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(SECRET.as_bytes()).unwrap();

    // It waits for the end of what comes in. While it is being started it has no arguments yet.
    let read = |what: &str| std::fs::read(format!("/proc/{}/{what}", child.id())).unwrap();
    let arguments = (0..100_000).map(|_| read("cmdline")).find(|bytes| !bytes.is_empty()).expect("a command");
    let seen = [arguments, read("environ")];

    drop(stdin);
    let ended = child.wait_with_output().unwrap();
    assert!(ended.status.success(), "{ended:?}");
    let [arguments, environment] = seen.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(arguments.contains("--secret-file\0-\0"), "{arguments}");
    assert!(!arguments.contains(SECRET) && !environment.contains(SECRET));
    assert!(!String::from_utf8_lossy(&ended.stdout).contains(SECRET), "{ended:?}");
}
