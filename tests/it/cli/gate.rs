//! `nyala gate`: what it asks, what it makes of the answers, how it ends.

use super::scripted::{header, scripted};
use super::{Ended, LIMIT, nyala, run, run_with_stdin};

const YES: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n\
    {\"id\":\"gate_1\",\"state\":\"approved\",\"approved\":true,\
    \"decisions\":[{\"hook\":1,\"state\":\"approved\",\"approved\":true}]}";
const NO: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n\
    {\"id\":\"gate_1\",\"state\":\"refused\",\"approved\":false,\"decisions\":[\
    {\"hook\":1,\"state\":\"approved\",\"approved\":true,\"reason\":\"why not\"},\
    {\"hook\":2,\"state\":\"refused\",\"approved\":false,\"reason\":\"freeze \\u001b[2J\"}]}";
const EXPIRED: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n\
    {\"id\":\"gate_1\",\"state\":\"expired\",\"approved\":false,\"reason\":\"its time was up\",\
    \"decisions\":[{\"hook\":2,\"state\":\"pending\",\"approved\":null}]}";
const OPEN: &str = "HTTP/1.1 202 Accepted\r\ncontent-type: application/json\r\n\r\n\
    {\"id\":\"gate_1\",\"state\":\"open\",\"approved\":false,\"expires_at\":\"2026-01-31T23:59:59Z\",\
    \"decisions\":[{\"hook\":2,\"state\":\"pending\",\"approved\":null}]}";

fn gate(url: &str, args: &[&str]) -> Ended {
    run(nyala(["gate", "pre-deploy", "--server", url]).args(args))
}

#[test]
fn a_yes_ends_with_0_and_prints_the_gates_id_alone() {
    let (url, requests) = scripted([YES]);

    let yes = gate(&url, &["--data", "{\"v\" : 1.0}", "--application", "shop", "--timeout", "1m"]);

    assert_eq!((yes.code, yes.stdout.as_str(), yes.stderr.as_str()), (Some(0), "gate_1\n", ""), "{yes:?}");
    let request = requests.recv_timeout(LIMIT).unwrap();
    assert!(request.starts_with("POST /api/v1/gates/pre-deploy?application=shop&timeout=1m HTTP/1.1"), "{request}");
    assert_eq!(header(&request, "prefer"), None);
    assert!(request.ends_with("\r\n\r\n{\"v\" : 1.0}"), "{request}");
}

#[test]
fn a_no_ends_with_3_and_says_which_hook_and_why() {
    let (url, _requests) = scripted([NO, NO, EXPIRED]);

    let refused = gate(&url, &[]);
    let as_json = gate(&url, &["--json"]);
    let expired = gate(&url, &[]);

    assert_eq!((refused.code, refused.stdout.as_str()), (Some(3), "gate_1\n"), "{refused:?}");
    assert_eq!(refused.stderr, "nyala: pre-deploy is refused (gate_1)\n  hook 2 refused: freeze \\u001b[2J\n");
    assert_eq!((as_json.code, as_json.json()["state"].as_str()), (Some(3), Some("refused")));
    assert_eq!((expired.code, expired.stdout.as_str()), (Some(3), "gate_1\n"), "{expired:?}");
    assert!(expired.stderr.contains("not decided in time"), "{expired:?}");
    assert!(expired.stderr.contains("\n  its time was up\n  hook 2 is pending\nGive --wait"), "{expired:?}");
}

#[test]
fn it_is_asked_again_under_the_same_key_when_the_server_is_busy_or_cut_off() {
    let busy = "HTTP/1.1 503 Service Unavailable\r\nretry-after: 0\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    let (url, requests) = scripted([busy, "", YES]);

    let yes = gate(&url, &[]);

    assert_eq!((yes.code, yes.stdout.as_str()), (Some(0), "gate_1\n"), "{yes:?}");
    assert!(yes.stderr.contains("503 Service Unavailable; trying again for up to "), "{yes:?}");
    let requests: Vec<_> = (0..3).map(|_| requests.recv_timeout(LIMIT).unwrap()).collect();
    let keys: Vec<_> = requests.iter().map(|request| header(request, "idempotency-key").unwrap()).collect();
    assert!(keys[0].len() == 26 && keys.iter().all(|key| *key == keys[0]), "{keys:?}");
    assert!(requests.iter().all(|request| request.ends_with("\r\n\r\n{}")), "{requests:?}");
}

#[test]
fn a_wait_looks_until_the_gate_is_decided_whatever_becomes_of_a_connection() {
    let (url, requests) = scripted([OPEN, OPEN, "", NO]);

    let refused = gate(&url, &["--wait", "90s", "--idempotency-key", "build 7"]);

    assert_eq!((refused.code, refused.stdout.as_str()), (Some(3), "gate_1\n"), "{refused:?}");
    assert!(refused.stderr.contains("gate_1 waits until 2026-01-31T23:59:59Z for hook 2"), "{refused:?}");
    assert!(refused.stderr.contains("hook 2 refused: freeze"), "{refused:?}");
    let requests: Vec<_> = (0..4).map(|_| requests.recv_timeout(LIMIT).unwrap()).collect();
    assert!(requests[0].starts_with("POST /api/v1/gates/pre-deploy?timeout=10s&expires=1m%2030s "), "{requests:?}");
    let asked = ["prefer", "idempotency-key"].map(|name| header(&requests[0], name));
    assert_eq!(asked, [Some("respond-async"), Some("build 7")]);
    for request in &requests[1..] {
        assert!(request.starts_with("GET /api/v1/gates/gate_1 "), "{request}");
        assert_eq!(header(request, "prefer"), Some("wait=60"));
    }
}

#[test]
fn what_is_decided_at_once_is_not_waited_for() {
    let (url, _requests) = scripted([YES]);

    let yes = gate(&url, &["--wait", "1h"]);

    assert_eq!((yes.code, yes.stdout.as_str(), yes.stderr.as_str()), (Some(0), "gate_1\n", ""), "{yes:?}");
}

#[test]
fn what_is_open_without_a_wait_is_neither_yes_nor_no() {
    let (url, _requests) = scripted([OPEN; 9]);

    let open = gate(&url, &[]);

    assert_eq!(open.code, Some(1), "{open:?}");
    assert!(open.stderr.contains("gate_1 is not decided yet. Give --wait"), "{open:?}");
}

#[test]
fn what_a_stopping_server_left_open_is_looked_at_once_more() {
    let (url, requests) = scripted([OPEN, EXPIRED]);

    let expired = gate(&url, &[]);

    assert_eq!((expired.code, expired.stdout.as_str()), (Some(3), "gate_1\n"), "{expired:?}");
    assert!(requests.iter().take(2).last().unwrap().starts_with("GET /api/v1/gates/gate_1 "));
}

#[test]
fn a_server_that_is_no_nyala_never_says_yes() {
    let page = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n<html>";
    let other = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{\"approved\":true}";
    let odd = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n\
               {\"id\":\"gate_1\",\"state\":\"approved\",\"approved\":\"yes\"}";
    let (url, _requests) = scripted([page, other, odd]);

    for _ in 0..3 {
        let failed = gate(&url, &[]);
        assert_eq!((failed.code, failed.stdout.as_str()), (Some(1), ""), "{failed:?}");
        assert!(failed.stderr.contains("It is not a Nyala server"), "{failed:?}");
    }
}

#[test]
fn a_server_that_wants_more_time_than_there_is_leaves_the_key_behind() {
    let (url, _requests) = scripted(["HTTP/1.1 429 Too Many Requests\r\nretry-after: 3600\r\n\
         content-type: application/problem+json\r\n\r\n\
         {\"title\":\"Too many\",\"status\":429,\"detail\":\"slow\"}"]);

    let failed = gate(&url, &["--idempotency-key", "build 7"]);

    assert_eq!(failed.code, Some(1), "{failed:?}");
    assert!(failed.stderr.contains("have nobody asked twice, give --idempotency-key 'build 7'"), "{failed:?}");
}

#[test]
fn what_cannot_be_asked_is_wrong_usage_and_nothing_is_sent() {
    let wrong: [&[&str]; 10] = [
        &["--timeout", "61s"],
        &["--timeout", "0s"],
        &["--wait", "0s"],
        &["--wait", "8days"],
        &["--data", "[1]"],
        &["--data", "7"],
        &["--data", "{\"a\":}"],
        &["--data", "@/no/such/file"],
        &["--application", ""],
        &["--idempotency-key", "é"],
    ];

    for args in wrong {
        // Port 1: whoever sent something would end with 4.
        let refused = gate("http://127.0.0.1:1", args);
        assert_eq!((refused.code, refused.stdout.as_str()), (Some(2), ""), "{args:?}: {refused:?}");
    }
    let refused = run_with_stdin(&mut nyala(["gate", "pre-deploy", "--data", "-"]), "no JSON");
    assert!(refused.code == Some(2) && refused.stderr.contains("stdin is not JSON"), "{refused:?}");
    assert_eq!(run(&mut nyala(["gate", ".."])).code, Some(2));
    assert_eq!(run(&mut nyala(["gate"])).code, Some(2));
}

#[test]
fn the_help_says_what_each_exit_code_means() {
    for command in [&["--help"][..], &["gate", "--help"]] {
        let help = run(&mut nyala(command)).done().stdout;
        let (_, codes) = help.split_once("Exit codes:\n").unwrap_or_else(|| panic!("{help}"));
        let numbers: Vec<_> =
            codes.lines().map_while(|line| line.trim_start().split("  ").next()?.parse::<u8>().ok()).collect();
        assert_eq!(numbers, [0, 1, 2, 3, 4], "{codes}");
    }
}
