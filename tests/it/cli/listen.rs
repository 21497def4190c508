//! `nyala listen`, by itself.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;

use nyala::clock::{Clock, SystemClock};
use nyala::domain::signature::{Scheme, Secret, Signer, SigningKey};
use serde_json::Value;

use super::{Running, exchange, nyala, run, run_with_stdin};

/// Sends one request and gives the status line of the answer.
fn post(url: &str, path: &str, body: &str) -> String {
    let length = body.len();
    let head = format!("POST {path} HTTP/1.1\r\nhost: a\r\nconnection: close");
    let answer = exchange(url, format!("{head}\r\ncontent-length: {length}\r\n\r\n{body}").as_bytes());
    answer.lines().next().unwrap().to_owned()
}

#[test]
fn the_receiver_answers_as_it_was_told_to() {
    let receiver = Running::listen(&["--status", "202", "--fail-first", "2", "--delay", "1ms"]);

    let answers: Vec<_> = (0..3).map(|_| post(&receiver.url, "/", "{}")).collect();

    let statuses: Vec<_> = answers.iter().map(|line| line.split(' ').nth(1).unwrap()).collect();
    assert_eq!(statuses, ["500", "500", "202"]);
}

#[test]
fn a_hostile_sender_does_not_drive_the_terminal() {
    let receiver = Running::listen(&[]);

    post(&receiver.url, "/x", "\u{1b}[2Jgone\r\nand \u{9b}more");

    let headline = receiver.line();
    assert!(headline.ends_with(" POST /x -> 200"), "{headline}");
    assert_eq!(receiver.line(), r"\u001b[2Jgone\r\nand \u009bmore");
}

#[test]
fn json_has_one_object_a_request_and_stdout_nothing_else() {
    let receiver = Running::listen_json(&["--status", "204"]);

    post(&receiver.url, "/a?b=c", "{\n\"a\": 1.0}");
    post(&receiver.url, "/", "not JSON");

    let line = || serde_json::from_str::<Value>(&receiver.line()).unwrap();
    let (first, second) = (line(), line());
    assert_eq!((&first["method"], &first["path"]), (&"POST".into(), &"/a?b=c".into()));
    assert_eq!((&first["body"], &first["status"]), (&"{\n\"a\": 1.0}".into(), &204.into()));
    assert_eq!(first["headers"]["host"], "a");
    assert!(first["time"].is_string());
    assert_eq!(second["body"], "not JSON");
}

/// The key that the receiver is told, and a request that it signs now.
fn signed(byte: u8, body: &str) -> String {
    let key = SigningKey { secret: Secret::from_bytes([byte; 32]), seed: [byte; 32] };
    let now = SystemClock::default().now().seconds();
    let signed = Signer::new(&[key], &Scheme::ALL).sign("evt_1", now, body.as_bytes());
    let (webhook, length) = (signed.webhook.unwrap(), body.len());
    let head =
        format!("POST /x HTTP/1.1\r\nhost: a\r\nconnection: close\r\nwebhook-id: evt_1\r\nwebhook-timestamp: {now}");
    format!("{head}\r\nwebhook-signature: {webhook}\r\ncontent-length: {length}\r\n\r\n{body}")
}

fn send(url: &str, request: &str) -> String {
    exchange(url, request.as_bytes()).split(' ').nth(1).unwrap().to_owned()
}

#[test]
fn with_a_key_each_signature_is_judged_and_a_wrong_one_answered_401() {
    let key = SigningKey { secret: Secret::from_bytes([1; 32]), seed: [1; 32] };
    for (name, value) in [("--secret", key.secret.text()), ("--public-key", key.public_key())] {
        let receiver = Running::listen(&["--status", "202", "--fail-first", "1", name, &value]);

        let requests = [signed(2, "{}"), signed(1, "{}"), signed(1, "{}"), signed(1, "{}").replace("{}", "[]")];
        let answers = requests.map(|request| send(&receiver.url, &request));

        assert_eq!(answers, ["401", "500", "202", "401"]);
        let headlines = [(); 4].map(|()| (receiver.line(), receiver.line()).0);
        assert!(headlines[0].contains(" POST /x signature WRONG: no signature fits"), "{headlines:?}");
        assert!(headlines[1].ends_with(" POST /x signature right -> 500"), "{headlines:?}");
        assert!(headlines[2].ends_with(" POST /x signature right -> 202"), "{headlines:?}");
        assert!(headlines[3].ends_with("changed on the way -> 401"), "{headlines:?}");
    }
}

#[test]
fn either_secret_of_a_rotation_is_right_at_the_receiver() {
    let secrets = [1, 2].map(|byte| Secret::from_bytes([byte; 32]).text());
    let receiver = Running::listen(&["--secret", &secrets[0], "--secret", &secrets[1]]);

    let answers = [1, 2, 3].map(|byte| send(&receiver.url, &signed(byte, "")));

    assert_eq!(answers, ["200", "200", "401"]);
}

#[test]
fn json_says_whether_the_signature_is_right_and_can_be_verified_later() {
    let secret = Secret::from_bytes([1; 32]).text();
    let mut command = nyala(["listen", "--listen", "127.0.0.1:0", "--json"]);
    let receiver = Running::start_json(command.env("NYALA_SECRET", &secret));

    send(&receiver.url, &signed(1, "{\n\"\u{9b}\": 1.0}"));
    post(&receiver.url, "/", "");

    let (right, wrong) = (receiver.line(), receiver.line());
    let [right_line, wrong_line] = [&right, &wrong].map(|line| serde_json::from_str::<Value>(line).unwrap());
    assert_eq!((&right_line["signature"], &right_line["status"]), (&"right".into(), &200.into()));
    assert_eq!(wrong_line["signature"]["wrong"], "the header webhook-signature is missing");
    assert_eq!(wrong_line["status"], 401);
    let again = run_with_stdin(nyala(["verify"]).env("NYALA_SECRET", &secret), &right);
    assert_eq!(again.code, Some(0), "{again:?}");
}

#[test]
fn json_keeps_a_payload_that_is_no_text() {
    let receiver = Running::listen_json(&[]);
    let mut stream = TcpStream::connect(receiver.url.strip_prefix("http://").unwrap()).unwrap();

    stream.write_all(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n\xff\xfe").unwrap();

    let line: Value = serde_json::from_str(&receiver.line()).unwrap();
    assert_eq!((&line["body"], &line["body_base64"]), (&"\u{fffd}\u{fffd}".into(), &"//4=".into()));
    assert_eq!(line.get("signature"), None);
}

#[test]
fn a_key_that_is_none_starts_no_receiver() {
    let refused = run(&mut nyala(["listen", "--listen", "127.0.0.1:0", "--secret", "hunter2"]));

    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("--secret: does not begin with whsec_"), "{refused:?}");
    assert!(!refused.stderr.contains("hunter2"), "{refused:?}");
}

#[test]
fn a_payload_that_is_too_large_is_not_read() {
    let receiver = Running::listen(&[]);
    let mut stream = TcpStream::connect(receiver.url.strip_prefix("http://").unwrap()).unwrap();

    stream.write_all(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 8388609\r\n\r\n").unwrap();

    let headline = receiver.line();
    assert!(headline.ends_with(" POST / -> 413"), "{headline}");
}

#[test]
fn the_receiver_stops_cleanly_when_it_is_asked_to() {
    let receiver = Running::listen(&[]);
    post(&receiver.url, "/", "{}");

    let ended = receiver.stop();

    assert_eq!(ended.code(), Some(0));
}

#[test]
fn the_receiver_stops_quietly_when_nobody_reads_it_any_more() {
    let mut command = nyala(["listen", "--listen", "127.0.0.1:0"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = [0; 64];
    let length = child.stdout.as_mut().unwrap().read(&mut first).unwrap();
    let first = String::from_utf8_lossy(&first[..length]).trim().to_owned();
    drop(child.stdout.take());

    let url = first.strip_prefix("listening on http://").unwrap();
    let mut stream = TcpStream::connect(url).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();

    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&ended.stderr), "");
}

#[test]
fn an_address_that_is_taken_is_said_to_be() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();

    let refused = run(&mut nyala(["listen", "--listen", &address]));

    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains(&format!("cannot listen on {address}: somebody else")), "{refused:?}");
}

#[test]
fn a_status_that_ends_no_request_is_wrong_usage() {
    for status in ["199", "600", "ok"] {
        assert_eq!(run(&mut nyala(["listen", "--status", status])).code, Some(2));
    }
}
