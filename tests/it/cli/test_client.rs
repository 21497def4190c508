//! `nyala test-client` against `nyala local-server` that calls `nyala mock-hooks`: CCX's hooks, tried out as
//! its documentation does (specs/ccx.md, C.6). What the answers mean is checked in ccx/.

use std::convert::Infallible;
use std::net::TcpListener;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::local_server::Local;
use super::{Ended, Running, nyala, run, run_with_stdin};
use crate::door::Authority;

/// The message of CCX's documentation.
const NODE: &str = r#"{"clusterId":"1","cloud":"c1","nodeCount":1,"instanceType":"i1","authId":"a1"}"#;

fn mock(args: &[&str]) -> Running {
    Running::start(nyala(["mock-hooks", "--listen", "127.0.0.1:0"]).args(args))
}

/// Calls a server with these arguments.
fn call(url: &str, args: &[&str]) -> Ended {
    run(nyala(["test-client", "--server", url]).args(args))
}

/// An address where nobody listens.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// That it ended with this code and said all of these.
fn check(ended: &Ended, code: i32, says: &[&str]) {
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(code), ""), "{ended:?}");
    assert!(says.iter().all(|says| ended.stderr.contains(says)), "want {says:?}: {ended:?}");
}

/// C-01.
#[test]
fn the_example_of_the_documentation_is_asked_and_approved() {
    let mock = mock(&[]);
    let local = Local::start("myserver", &mock.url);

    let answer = call(&local.grpc, &["add_node", NODE]).done();
    let from_stdin = run_with_stdin(&mut nyala(["test-client", "--server", &local.grpc, "PreAddNode", "-"]), NODE);

    let asked = r#"pre-add-node {"cluster_id":"1","cloud":"c1","node_count":1,"instance_type":"i1","auth_id":"a1"}"#;
    assert_eq!((mock.line().as_str(), mock.line().as_str()), (asked, asked));
    assert_eq!(answer.stdout, "{\"approved\":true,\"workId\":\"work-1\"}\n");
    assert_eq!(from_stdin.done().json(), json!({"approved": true, "workId": "work-2"}));
}

/// C-02 and C-03.
#[test]
fn a_no_is_an_answer_where_something_new_is_wanted_and_nothing_elsewhere() {
    let mock = mock(&["--deny"]);
    let local = Local::start("myserver", &mock.url);
    let answer = |method: &str| call(&local.grpc, &[method, r#"{"clusterId":"1"}"#]).done().json();

    assert_eq!(answer("create_cluster")["approved"], false);
    assert_eq!(answer("add-node"), json!({"approved": false, "workId": "work-2"}));
    assert_eq!(answer("RemoveNode"), json!({"workId": "work-3"}));
    assert_eq!(answer("pre_delete_cluster"), json!({"workId": "work-4"}));
}

/// C-04.
#[test]
fn what_is_told_afterwards_carries_what_was_answered_before() {
    let mock = mock(&[]);
    let local = Local::start("myserver", &mock.url);

    let asked = call(&local.grpc, &["remove_node", r#"{"clusterId":"1","nodeId":"n1"}"#]).done().json();
    let told = call(&local.grpc, &["post_remove_node", r#"{"clusterId":"1","nodeId":"n1"}"#]).done().json();

    assert_eq!((asked, told), (json!({"workId": "work-1"}), json!({})));
    assert_eq!(mock.line(), r#"pre-remove-node {"cluster_id":"1","node_id":"n1","auth_id":""}"#);
    assert_eq!(mock.line(), r#"post-remove-node {"cluster_id":"1","node_id":"n1","work_id":"work-1"}"#);
}

/// C-05.
#[test]
fn where_the_mock_is_down_what_is_new_is_refused_and_all_else_goes_on() {
    let local = Local::start("myserver", &nobody());
    let answer = |method: &str| call(&local.grpc, &[method, r#"{"clusterId":"1"}"#]).done().json();

    let answers = ["create_cluster", "add_node", "remove_node", "delete_cluster", "post_create_cluster"].map(answer);

    assert_eq!((&answers[0]["approved"], &answers[1]["approved"]), (&json!(false), &json!(false)));
    assert_eq!(answers[2..], [json!({"workId": ""}), json!({"workId": ""}), json!({})]);
}

/// C-08.
#[test]
fn what_is_no_call_is_wrong_usage_with_what_would_be_one() {
    let wrong = |args: &[&str], says: &[&str]| check(&call("http://127.0.0.1:1", args), 2, says);

    wrong(&["scale_cluster", "{}"], &["scale_cluster", "pre_add_node", "post_delete_cluster"]);
    wrong(&["add_node", "{\"clusterId\":"], &["the message is not JSON: EOF", "line 1 column 13", "Quote it"]);
    wrong(&["add_node", ""], &["the message is not JSON", "Give {}"]);
    wrong(&["add_node", "[]"], &["the message is no JSON object", r#"{"clusterId":"1"}"#]);
    wrong(&["add_node", r#"{"nodeId":"1"}"#], &["nodeId", "is no field of PreAddNodeRequest", "clusterId, cloud,"]);
    wrong(&["add_node", r#"{"nodeCount":"many"}"#], &["the message's nodeCount"]);
    wrong(&["add_node", "@/no/such/file"], &["cannot open /no/such/file"]);
    wrong(&["add_node", "{}", "--timeout", "2m"], &["at most 1m"]);
    wrong(&["add_node"], &["<JSON>"]);
    check(&call("ftp://a", &["add_node", "{}"]), 2, &["http:// or https://", "http://127.0.0.1:19785"]);
    for args in [&["add_node", ""][..], &["add_node", "@/no/such/file"]] {
        assert!(!call("http://127.0.0.1:1", args).stderr.contains("--data"), "it has no such option");
    }
}

#[test]
fn where_nobody_speaks_grpc_it_says_why_and_ends_with_4() {
    let local = Local::start("myserver", &nobody());
    let http1 = mock(&[]);

    let absent = nobody();
    check(
        &call(&absent, &["add_node", "{}"]),
        4,
        &["cannot reach", &absent, "connection refused", "local-server NAME"],
    );
    for url in [&http1.url, &local.running.url, &local.grpc.replace("http", "https")] {
        let ended = call(url, &["add_node", "{}"]);
        check(&ended, 4, &["cannot reach", url, "Does a server speak gRPC there", "NYALA_GRPC_SERVER"]);
        assert!(!ended.stderr.contains("error sending request"), "{ended:?}");
    }
}

#[test]
fn an_address_that_is_set_to_nothing_is_the_usual_one() {
    let unset = run(nyala(["test-client", "add_node", "{}"]).env("NYALA_GRPC_SERVER", ""));

    // Somebody may be there.
    assert!(unset.code == Some(0) || unset.stderr.contains("http://127.0.0.1:19785"), "{unset:?}");
}

#[test]
fn over_tls_it_takes_who_vouches_for_the_server() {
    let (folder, authority) = (TempDir::new().unwrap(), Authority::new());
    let files = authority.issue(folder.path());
    std::fs::write(folder.path().join("authority.pem"), authority.pem()).unwrap();
    let tls = [files.certificate.to_str().unwrap(), "--tls-key", files.key.to_str().unwrap()];
    let mock = mock(&[]);
    let local = Local::start_with("myserver", &mock.url, &[&["--tls-cert"], &tls[..]].concat());
    let vouched = folder.path().join("authority.pem");
    let vouched = ["add_node", "{}", "--ca-cert", vouched.to_str().unwrap()];

    let answer = call(&local.grpc, &vouched).done().json();

    assert_eq!(answer["approved"], true);
    check(&call(&local.grpc, &["add_node", "{}"]), 4, &["invalid peer certificate", "--ca-cert"]);
    check(&call(&local.grpc.replace("https", "http"), &["add_node", "{}"]), 4, &["over TLS where it says https://"]);
    let http = call(&local.running.url, &vouched);
    check(&http, 1, &["404", "not with gRPC", "--grpc-listen"]);
}

#[test]
fn a_token_that_is_missing_wrong_or_too_little_is_no_server_that_is_away() {
    let mock = mock(&[]);
    let local = Local::start("myserver", &mock.url);
    let [publisher, reader] = ["publish", "read"].map(|scope| local.new_token(scope));
    local.until_closed();
    let by =
        |token: &str| run(nyala(["test-client", "--server", &local.grpc, "add_node", NODE]).env("NYALA_TOKEN", token));

    check(&by(""), 1, &["Unauthenticated: this needs a token", "NYALA_TOKEN"]);
    check(&by("nyala_wrong"), 1, &["Unauthenticated: ", "NYALA_TOKEN"]);
    check(&by(&reader), 1, &["PermissionDenied: ", "scope publish", "nyala token list"]);
    assert_eq!(by(&publisher).done().json()["approved"], Value::Bool(true));
    assert_eq!(by(&format!("{publisher}\n")).done().json()["approved"], Value::Bool(true));
}

#[test]
fn what_the_server_answers_with_an_error_is_told_in_its_words() {
    let mock = mock(&[]);
    let local = Local::start_with("myserver", &mock.url, &["--max-body", "1KiB"]);
    let large = format!(r#"{{"clusterId":"{}"}}"#, "x".repeat(2000));

    let soon = ["add_node", "{}", "--timeout", "0s"];

    check(&call(&local.grpc, &["add_node", &large]), 1, &["ResourceExhausted: ", "larger than 1024 bytes"]);
    check(&call(&local.grpc, &soon), 1, &["DeadlineExceeded: ", "leaves no time"]);
}

#[test]
fn a_mock_that_is_slow_is_waited_for_no_longer_than_the_timeout() {
    let mock = mock(&["--delay", "1min"]);
    let local = Local::start("myserver", &mock.url);
    let began = std::time::Instant::now();

    let answer = call(&local.grpc, &["add_node", "{}", "--timeout", "500ms"]).done().json();

    assert_eq!(answer["approved"], false);
    assert!(began.elapsed() < std::time::Duration::from_secs(10), "{:?}", began.elapsed());
}

/// Answers every call over gRPC with these headers, and with these after the body.
async fn serve(
    headers: &'static [(&'static str, &'static str)],
    after: &'static [(&'static str, &'static str)],
) -> String {
    let map = |pairs: &[(&'static str, &str)]| {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect::<HeaderMap>()
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let answer = service_fn(|_: Request<Incoming>| async move {
            let body = Full::<Bytes>::default().with_trailers(std::future::ready(Some(Ok(map(after)))));
            let mut response = Response::new(body);
            *response.headers_mut() = map(headers);
            Ok::<_, Infallible>(response)
        });
        let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        server.serve_connection(TokioIo::new(stream), answer).await
    });
    url
}

#[tokio::test]
async fn an_answer_that_is_not_as_it_should_be_is_a_failure_and_no_crash() {
    let grpc = ("content-type", "application/grpc");
    let broken = ("grpc-status-details-bin", "!");
    let cases: [(&[_], &[_], &str); 5] = [
        (&[grpc, ("grpc-status", "9"), ("grpc-message", "a%1b[2Jb"), broken], &[], "FailedPrecondition: a\\u001b[2Jb"),
        (&[grpc], &[("grpc-status", "9"), ("grpc-message", "no"), broken], "FailedPrecondition: no"),
        (&[grpc], &[("grpc-status", "0")], "Internal: "),
        (&[grpc], &[], "Unknown: "),
        (&[("content-type", "text/html")], &[], "200 OK (text/html), not with gRPC"),
    ];

    for (headers, after, says) in cases {
        let url = serve(headers.to_vec().leak(), after.to_vec().leak()).await;
        let called = tokio::task::spawn_blocking(move || call(&url, &["add_node", "{}"]));
        check(&called.await.unwrap(), 1, &[says]);
    }
}
