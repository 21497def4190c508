//! `nyala gates`, and what other commands say about gates, to a server that only answers as told.

use serde_json::{Value, json};

use super::scripted::scripted;
use super::{Ended, LIMIT, nyala, run};

const ID: &str = "gate_01ARZ3NDEKTSV4RRFFQ69G5FAV";
const DECIDED: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n\
    {\"id\":\"gate_01ARZ3NDEKTSV4RRFFQ69G5FAV\",\"state\":\"refused\",\"approved\":false}";

fn against(url: &str, args: &[&str]) -> Ended {
    run(nyala(args).args(["--server", url]))
}

fn body(request: &str) -> Value {
    serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap()
}

#[test]
fn a_decision_is_sent_with_its_reason_or_without_one() {
    let (url, requests) = scripted([DECIDED, DECIDED]);

    let refused = against(&url, &["gates", "refuse", ID, "--reason", "no \"deploys\" today"]).done();
    against(&url, &["gates", "approve", ID]).done();

    assert_eq!(refused.stdout, format!("{ID} is refused\n"));
    let requests = [(); 2].map(|()| requests.recv_timeout(LIMIT).unwrap());
    assert!(requests[0].starts_with(&format!("POST /api/v1/gates/{ID}/refuse ")), "{requests:?}");
    assert!(requests[1].starts_with(&format!("POST /api/v1/gates/{ID}/approve ")), "{requests:?}");
    assert_eq!(requests.map(|request| body(&request)), [json!({"reason": "no \"deploys\" today"}), json!({})]);
}

#[test]
fn a_gate_that_is_decided_or_unknown_is_told_with_a_way_on() {
    let closed = "HTTP/1.1 409 Conflict\r\ncontent-type: application/problem+json\r\n\r\n\
                  {\"title\":\"Conflict\",\"status\":409,\"detail\":\"it is approved already\"}";
    let unknown = "HTTP/1.1 404 Not Found\r\ncontent-type: application/problem+json\r\n\r\n\
                   {\"title\":\"Not Found\",\"status\":404}";
    let (url, _requests) = scripted([closed, unknown]);

    for told in [&format!("it is approved already. `nyala gates show {ID}`")[..], "`nyala gates list --state open`"] {
        let failed = against(&url, &["gates", "approve", ID]);
        assert_eq!((failed.code, failed.stdout.as_str()), (Some(1), ""), "{failed:?}");
        assert!(failed.stderr.contains(told), "{failed:?}");
    }
}

#[test]
fn a_list_of_gates_names_what_it_wants() {
    let none = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{\"items\":[],\"next\":null}";
    let (url, requests) = scripted([none]);

    let args = ["gates", "list", "--state", "open", "--event", "pre-deploy", "--application", "shop", "--since"];
    let list = against(&url, &[&args[..], &["2026-01-31T00:00:00Z", "--limit", "3"]].concat()).done();

    assert_eq!((list.stdout.as_str(), list.stderr.as_str()), ("", "nyala: there are no such gates\n"));
    let request = requests.recv_timeout(LIMIT).unwrap();
    let line = request.lines().next().unwrap();
    assert!(line.contains("/api/v1/gates?state=open&event=pre-deploy&application=shop&since=2026-01-31T"), "{line}");
    assert!(line.contains("&limit=3 "), "{line}");
}

#[test]
fn an_event_is_published_for_its_gate() {
    let kept = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{\"id\":\"evt_1\",\"deliveries\":2}";
    let (url, requests) = scripted([kept]);

    against(&url, &["publish", "post-deploy", "--gate", ID]).done();

    let request = requests.recv_timeout(LIMIT).unwrap();
    assert!(request.starts_with(&format!("POST /api/hooks/publish/post-deploy?gate={ID} ")), "{request}");
}

#[test]
fn a_hook_says_whether_it_is_asked_and_what_its_silence_means() {
    let hook = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{\"id\":1}";
    let (url, requests) = scripted([hook; 4]);

    against(&url, &["hooks", "add", "http://a/", "--event", "deploy", "--gate", "true", "--on-silence", "allow"])
        .done();
    against(&url, &["hooks", "add", "http://a/", "--event", "deploy"]).done();
    against(&url, &["hooks", "change", "1", "--gate", "false", "--on-silence", "deny"]).done();
    against(&url, &["hooks", "change", "1", "--gate", "auto"]).done();

    let bodies = [(); 4].map(|()| body(&requests.recv_timeout(LIMIT).unwrap()));
    assert_eq!((&bodies[0]["gate"], &bodies[0]["on_silence"]), (&json!(true), &json!("allow")));
    assert_eq!((bodies[1].get("gate"), bodies[1].get("on_silence")), (None, None));
    assert_eq!(bodies[2], json!({"gate": false, "on_silence": "deny"}));
    assert_eq!(bodies[3], json!({"gate": null}));
}

#[test]
fn what_names_no_gate_is_wrong_usage() {
    let wrong: [&[&str]; 8] = [
        &["gates", "show", "evt_01ARZ3NDEKTSV4RRFFQ69G5FAV"],
        &["gates", "approve"],
        &["gates", "refuse", "7"],
        &["gates", "list", "--state", "closed"],
        &["gates", "list", "--since", "soon"],
        &["publish", "A", "--gate", "7"],
        &["hooks", "add", "http://a/", "--event", "A", "--gate", "maybe"],
        &["hooks", "change", "1", "--on-silence", "true"],
    ];

    for args in wrong {
        assert_eq!(against("http://127.0.0.1:1", args).code, Some(2), "{args:?}");
    }
}

#[test]
fn a_server_that_is_not_there_is_said_to_be() {
    for args in [&["gates", "list"][..], &["gates", "show", ID], &["gates", "approve", ID]] {
        let failed = against("http://127.0.0.1:1", args);
        assert_eq!((failed.code, failed.stdout.as_str()), (Some(4), ""), "{failed:?}");
    }
}
