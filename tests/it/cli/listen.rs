//! `nyala listen`, by itself.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;

use serde_json::Value;

use super::{LIMIT, Running, nyala, run};

/// Sends one request and gives the status line of the answer.
fn post(url: &str, path: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(url.strip_prefix("http://").unwrap()).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    let length = body.len();
    let head = format!("POST {path} HTTP/1.1\r\nhost: a\r\nconnection: close");
    write!(stream, "{head}\r\ncontent-length: {length}\r\n\r\n{body}").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
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
fn json_has_one_object_a_request() {
    let receiver = Running::listen(&["--json", "--status", "204"]);

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
