//! Client commands against what is no Nyala server, or none that can answer right now.

use std::net::TcpListener;

use super::scripted::{header, scripted};
use super::{LIMIT, nyala, run, run_with_stdin};

const KEPT: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n\
                    {\"id\":\"evt_1\",\"type\":\"A\",\"deliveries\":2  }\n";

#[test]
fn a_payload_that_is_not_json_is_refused_before_it_is_sent() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    server.set_nonblocking(true).unwrap();
    let url = format!("http://{}", server.local_addr().unwrap());

    for (data, place) in [("{\"a\":}", "line 1 column 6"), ("", "line 1 column 0"), ("{} {}", "line 1 column 4")] {
        let refused = run(&mut nyala(["publish", "A", "--server", &url, "--data", data]));
        assert_eq!(refused.code, Some(2), "{refused:?}");
        assert!(refused.stderr.contains(place), "{refused:?}");
    }
    let refused = run_with_stdin(&mut nyala(["publish", "A", "--server", &url, "--data", "-"]), "[1,\n2");
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("stdin is not JSON") && refused.stderr.contains("line 2"), "{refused:?}");

    assert!(server.accept().is_err(), "somebody connected");
}

#[test]
fn a_server_that_is_not_there_is_said_with_what_to_do() {
    // Port 1 belongs to a service that nobody has run for decades.
    let server = ["--server", "http://127.0.0.1:1"];

    for args in [vec!["publish", "A", "--timeout", "300ms"], vec!["hooks", "list"], vec!["hooks", "remove", "1", "2"]] {
        let failed = run(nyala(args).args(server));
        assert_eq!(failed.code, Some(4), "{failed:?}");
        assert!(failed.stderr.contains("cannot reach http://127.0.0.1:1: connection refused"), "{failed:?}");
        assert!(failed.stderr.contains("Start it with `nyala serve`, or name another with --server"), "{failed:?}");
        assert_eq!(failed.stdout, "");
    }
}

#[test]
fn a_publish_is_tried_again_under_the_same_key_until_the_server_has_it() {
    let busy = "HTTP/1.1 503 Service Unavailable\r\nretry-after: 0\r\nconnection: close\r\n\
                content-length: 0\r\n\r\n";
    let (url, requests) = scripted([busy, "", KEPT]);

    let published = run(&mut nyala(["publish", "A", "--server", &url, "--data", "{\"a\": 1}", "--wait", "1500ms"]));

    assert_eq!(published.code, Some(0), "{published:?}");
    assert_eq!(published.stdout, "evt_1 A: 2 deliveries\n");
    assert!(published.stderr.contains("503 Service Unavailable; trying again for up to 30s"), "{published:?}");
    let requests: Vec<_> = (0..3).map(|_| requests.recv_timeout(LIMIT).unwrap()).collect();
    let keys: Vec<_> = requests.iter().map(|request| header(request, "idempotency-key").unwrap()).collect();
    assert_eq!(keys[0].len(), 26);
    assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
    assert!(requests.iter().all(|request| request.ends_with("\r\n\r\n{\"a\": 1}")), "{requests:?}");
    assert_eq!(header(&requests[0], "prefer"), Some("wait=2"));
}

#[test]
fn a_server_that_wants_more_time_than_there_is_ends_it_at_once() {
    let (url, _requests) = scripted(["HTTP/1.1 429 Too Many Requests\r\nretry-after: 3600\r\n\
         content-type: application/problem+json\r\n\r\n\
         {\"title\":\"Too many\",\"status\":429,\"detail\":\"slow\"}"]);

    let failed = run(&mut nyala(["publish", "A", "--server", &url, "--idempotency-key", "build 7"]));

    assert_eq!(failed.code, Some(1), "{failed:?}");
    assert!(failed.stderr.contains("the server answered 429: Too many: slow"), "{failed:?}");
    assert!(failed.stderr.contains("--idempotency-key 'build 7'"), "{failed:?}");
}

#[test]
fn an_error_is_told_in_the_servers_words_and_cannot_drive_a_terminal() {
    let (url, _requests) = scripted(["HTTP/1.1 400 Bad Request\r\ncontent-type: application/problem+json\r\n\r\n\
         {\"title\":\"Bad Request\",\"status\":400,\"detail\":\"no \\u001b[2J\",\
         \"errors\":[{\"field\":\"event\",\"message\":\"is wrong\"}]}"]);

    let failed = run(&mut nyala(["publish", "A", "--server", &url]));

    assert_eq!(failed.code, Some(1), "{failed:?}");
    assert_eq!(failed.stderr, "nyala: the server answered 400: Bad Request: no \\u001b[2J\n  event: is wrong\n");
}

#[test]
fn a_site_that_is_not_nyala_is_said_to_be_none() {
    let page = "HTTP/1.1 404 Not Found\r\ncontent-type: text/html\r\n\r\n<html>";
    let fine = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n<html>";
    let moved = "HTTP/1.1 301 Moved Permanently\r\nlocation: https://example.com/\r\n\
                 connection: close\r\ncontent-length: 0\r\n\r\n";
    let (url, _requests) = scripted([page, fine, moved]);

    for told in ["It is not a Nyala server", "It is not a Nyala server", "sends us on to https://example.com/"] {
        let failed = run(&mut nyala(["publish", "A", "--server", &url]));
        assert_eq!(failed.code, Some(1), "{failed:?}");
        assert!(failed.stderr.contains(told), "{failed:?}");
        assert_eq!(failed.stdout, "");
    }
}

#[test]
fn the_token_is_sent_and_never_shown() {
    let (url, requests) = scripted([KEPT]);

    let published = run(nyala(["publish", "A"]).env("NYALA_SERVER", &url).env("NYALA_TOKEN", "s3cret\n"));
    let help = run(nyala(["publish", "--help"]).env("NYALA_TOKEN", "s3cret"));

    assert_eq!(published.code, Some(0), "{published:?}");
    assert_eq!(header(&requests.recv_timeout(LIMIT).unwrap(), "authorization"), Some("Bearer s3cret"));
    for ended in [published, help] {
        assert!(!format!("{ended:?}").contains("s3cret"), "{ended:?}");
    }
}

#[test]
fn a_proxy_is_not_asked_for_what_runs_beside_us() {
    let (url, requests) = scripted([KEPT]);

    let published = run(
        nyala(["publish", "a/b", "--application", "x&y", "--server", &url]).env("http_proxy", "http://127.0.0.1:1")
    );

    assert_eq!(published.code, Some(0), "{published:?}");
    let request = requests.recv_timeout(LIMIT).unwrap();
    assert!(request.starts_with("POST /api/hooks/publish/a%2Fb?application=x%26y HTTP/1.1"), "{request}");
}

#[test]
fn what_cannot_be_used_is_wrong_usage() {
    let wrong: [&[&str]; 8] = [
        &["publish", "A", "--server", "ftp://example.com"],
        &["publish", "A", "--server", "http://user:word@127.0.0.1:1"],
        &["publish", "A", "--token", "two\nlines"],
        &["publish", "A", "--wait", "61s"],
        &["publish", ".."],
        &["publish", "A", "--application", ""],
        &["hooks", "add", "http://127.0.0.1:1/"],
        &["hooks", "remove", "one"],
    ];

    for args in wrong {
        let refused = run(&mut nyala(args));
        assert_eq!(refused.code, Some(2), "{args:?}: {refused:?}");
        assert!(!refused.stderr.contains("word@"), "{refused:?}");
    }
}

#[test]
fn a_resume_that_waits_ends_when_the_hook_is_owed_nothing() {
    let resumed = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{\"id\":7}";
    let owed = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{\"id\":7,\"owed\":3}";
    let none = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{\"id\":7,\"owed\":0}";
    let (url, requests) = scripted([resumed, owed, none, resumed, resumed]);

    let waited = run(&mut nyala(["hooks", "resume", "7", "--wait", "--server", &url]));
    let unknown = run(&mut nyala(["hooks", "resume", "7", "--wait", "--server", &url]));

    assert_eq!((waited.code, waited.stdout.as_str()), (Some(0), "hook 7 is resumed and owed nothing\n"), "{waited:?}");
    assert_eq!(unknown.code, Some(1), "{unknown:?}");
    assert!(unknown.stderr.contains("deliveries list --hook 7 --state pending"), "{unknown:?}");
    let asked: Vec<_> = (0..3).map(|_| requests.recv_timeout(LIMIT).unwrap()).collect();
    assert!(asked[0].starts_with("POST /api/v1/hooks/7/resume "), "{asked:?}");
    assert!(asked[1..].iter().all(|request| request.starts_with("GET /api/v1/hooks/7 ")), "{asked:?}");
}

#[test]
fn a_hook_is_paused_and_tested_as_it_is_told() {
    let paused = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{\"id\":7}";
    let tested = "HTTP/1.1 201 Created\r\ncontent-type: application/json\r\n\r\n\
                  {\"event\":\"evt_1\",\"delivery\":\"dlv_2\"}";
    let (url, requests) = scripted([paused, tested]);

    let pause = run(&mut nyala(["hooks", "pause", "7", "--server", &url])).done();
    let test = run(&mut nyala(["hooks", "test", "7", "--server", &url])).done();

    assert_eq!(pause.stdout, "hook 7 is paused: what happens meanwhile waits\n");
    assert_eq!(test.stdout, "hook 7 is sent evt_1 as dlv_2\n");
    for path in ["POST /api/v1/hooks/7/pause ", "POST /api/v1/hooks/7/test "] {
        let request = requests.recv_timeout(LIMIT).unwrap();
        assert!(request.starts_with(path), "{request}");
    }
}
