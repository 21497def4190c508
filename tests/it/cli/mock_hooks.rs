//! `nyala mock-hooks`, by itself: what CCX's hooks and other gates call while somebody tries them out.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Running, exchange, nyala, run};

const NAMES: [&str; 8] = [
    "pre-create-cluster",
    "pre-add-node",
    "pre-remove-node",
    "pre-delete-cluster",
    "post-create-cluster",
    "post-add-node",
    "post-remove-node",
    "post-delete-cluster",
];

fn mock(args: &[&str]) -> Running {
    Running::start(nyala(["mock-hooks", "--listen", "127.0.0.1:0"]).args(args))
}

/// The status line and the body of the answer to a request with these further headers.
fn ask(url: &str, path: &str, headers: &str, body: &[u8]) -> (String, String) {
    let length = body.len();
    let head = format!("POST {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{headers}content-length: {length}");
    let answer = exchange(url, &[head.as_bytes(), b"\r\n\r\n", body].concat());
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.lines().next().unwrap().to_owned(), body.to_owned())
}

/// What the hook of this name is answered.
fn answer(mock: &Running, name: &str) -> Value {
    let (status, body) = ask(&mock.url, &format!("/hooks/{name}"), "", b"{}");
    assert_eq!(status, "HTTP/1.1 200 OK");
    serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}"))
}

#[test]
fn each_hook_of_ccx_is_approved_and_given_work_as_its_kind_wants_it() {
    let mock = mock(&[]);

    let answers = NAMES.map(|name| answer(&mock, name));

    let approved = |work: &str| json!({ "approved": true, "work_id": work });
    let expected = [approved("work-1"), approved("work-2"), json!({"work_id": "work-3"}), json!({"work_id": "work-4"})];
    assert_eq!(answers[..4], expected);
    assert_eq!(answers[4..], [json!({}), json!({}), json!({}), json!({})]);
}

#[test]
fn who_denies_gives_a_reason_and_denies_only_what_can_be_denied() {
    let mock = mock(&["--deny"]);

    let answers = ["pre-create-cluster", "pre-add-node", "pre-deploy"].map(|name| answer(&mock, name));
    let others = ["pre-remove-node", "pre-delete-cluster", "post-add-node"].map(|name| answer(&mock, name));

    for answer in answers {
        assert_eq!(answer["approved"], false, "{answer}");
        assert!(answer["reason"].as_str().unwrap().contains("--deny"), "{answer}");
    }
    assert!(others.iter().all(|answer| answer.get("approved").is_none()), "{others:?}");
}

#[test]
fn a_request_is_printed_with_its_name_and_its_payload_to_the_byte() {
    let mock = mock(&[]);
    let body = r#"{"cluster_id":"1","cloud":"c1","node_count":1, "b" : 1.00,"a":12345678901234567890123}"#;

    ask(&mock.url, "/some/where/pre-add-node/?x=1", "", body.as_bytes());
    ask(&mock.url, "/hook", "nyala-event: PostDeployment\r\n", b"{}");
    ask(&mock.url, "/a%20gate", "", b"");
    ask(&mock.url, "/", "", b"7");

    assert_eq!(mock.line(), format!("pre-add-node {body}"));
    assert_eq!([(); 3].map(|()| mock.line()), ["PostDeployment {}", "a gate", "/ 7"]);
}

#[test]
fn what_is_asked_as_a_gate_is_answered_as_one_whatever_its_name() {
    let mock = mock(&[]);
    let asked = |headers: &str| ask(&mock.url, "/cb", headers, b"{}").1;

    assert_eq!(asked("nyala-event: deploy\r\nnyala-gate: gate_1\r\n"), r#"{"approved":true,"work_id":"work-1"}"#);
    assert_eq!(asked("nyala-event: deploy\r\n"), "{}");
    assert_eq!(asked("nyala-event: PRE-Deploy\r\n"), r#"{"approved":true,"work_id":"work-2"}"#);
}

#[test]
fn broken_input_is_printed_harmlessly_and_does_not_end_the_mock() {
    let mock = mock(&[]);

    ask(&mock.url, "/pre-add-node", "", b"\x1b[2J{\"broken\r\n\xff");
    ask(&mock.url, "/x", "nyala-event: \u{9b}\t\u{202e}x\r\n", b"[]");
    assert!(exchange(&mock.url, b"\x00\x01 no HTTP\r\n\r\n").starts_with("HTTP/1.1 400 "));
    let stream = TcpStream::connect(mock.url.strip_prefix("http://").unwrap()).unwrap();
    (&stream).write_all(b"POST /cut HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n{").unwrap();
    drop(stream);
    let large = b"POST /pre-add-node HTTP/1.1\r\nhost: a\r\ncontent-length: 8388609\r\n\r\n";
    assert!(exchange(&mock.url, large).starts_with("HTTP/1.1 413 "));
    ask(&mock.url, "/pre-add-node", "", b"{}");

    assert_eq!(mock.line(), "pre-add-node \\u001b[2J{\"broken\\r\\n\u{fffd}");
    assert_eq!(mock.line(), "\\u009b\t\\u202ex []");
    assert_eq!(mock.line(), "pre-add-node -> 413, the payload is too large");
    assert_eq!(mock.line(), "pre-add-node {}");
}

#[test]
fn json_has_the_request_its_hook_and_the_answer() {
    let mock = Running::start_json(&mut nyala(["mock-hooks", "--listen", "127.0.0.1:0", "--json", "--deny"]));

    ask(&mock.url, "/pre-deploy?a=b", "nyala-gate-token: t\r\n", b"{\"n\": 1.0}");

    let line: Value = serde_json::from_str(&mock.line()).unwrap();
    assert_eq!((&line["hook"], &line["path"]), (&json!("pre-deploy"), &json!("/pre-deploy?a=b")));
    assert_eq!((&line["body"], &line["status"]), (&json!("{\"n\": 1.0}"), &json!(200)));
    assert_eq!((&line["answer"]["approved"], &line["answer"]["work_id"]), (&json!(false), &json!("work-1")));
    assert_eq!(line["headers"]["nyala-gate-token"], "t");
}

#[test]
fn an_answer_comes_after_the_delay_and_not_before() {
    let mock = mock(&["--delay", "300ms"]);
    let start = Instant::now();

    answer(&mock, "pre-deploy");

    assert!(start.elapsed() >= Duration::from_millis(300));
}

#[test]
fn what_the_mock_cannot_do_is_wrong_usage_and_a_taken_address_is_said() {
    for wrong in [["--delay", "soon"], ["--listen", "here"]] {
        assert_eq!(run(nyala(["mock-hooks"]).args(wrong)).code, Some(2));
    }
    let first = mock(&[]);
    let address = first.url.strip_prefix("http://").unwrap();

    let taken = run(&mut nyala(["mock-hooks", "--listen", address]));

    assert_eq!(taken.code, Some(1), "{taken:?}");
    assert!(taken.stderr.contains("somebody else listens there already"), "{taken:?}");
    assert_eq!(first.stop().code(), Some(0));
}

#[test]
fn who_answers_later_prints_what_it_takes_to_decide() {
    let mock = mock(&["--later"]);
    let asked = "nyala-event: pre-deploy\r\nnyala-gate: gate_1\r\nnyala-gate-token: decide_x\r\n";

    let (status, body) = ask(&mock.url, "/", asked, b"{}");
    let (told, _) = ask(&mock.url, "/post-deploy", "", b"{}");

    assert_eq!((status.as_str(), body.as_str()), ("HTTP/1.1 202 Accepted", r#"{"work_id":"work-1"}"#));
    assert_eq!(told, "HTTP/1.1 200 OK");
    assert_eq!(mock.line(), "pre-deploy {}");
    assert_eq!(mock.line(), r#"  POST /api/v1/gates/gate_1/decisions {"token":"decide_x","approved":true}"#);
}
