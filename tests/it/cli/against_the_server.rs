//! `nyala publish` and `nyala hooks` against `nyala serve`.

use serde_json::json;

use super::{Running, Server, nyala, run, run_with_stdin};

#[test]
fn a_published_event_arrives_to_the_byte() {
    let (server, receiver) = (Server::start(), Running::listen(&[]));
    server.add(&format!("{}/cb", receiver.url), "PostDeployment");
    let payload = r#"{"b" : 1.00,"a":[12345678901234567890123], "a":null}"#;

    let published = server.run(["publish", "PostDeployment", "--data", payload]).done();

    assert!(published.stdout.starts_with("evt_"), "{published:?}");
    assert!(published.stdout.ends_with(" PostDeployment: 1 delivery\n"), "{published:?}");
    let headline = receiver.line();
    assert!(headline.contains(" POST /cb PostDeployment "), "{headline}");
    assert!(headline.ends_with(" attempt 1 -> 200"), "{headline}");
    assert_eq!(receiver.line(), payload);
}

#[test]
fn a_payload_comes_from_a_file_or_from_stdin_or_is_null() {
    let (server, receiver) = (Server::start(), Running::listen_json(&[]));
    server.add(&receiver.url, "*");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("event.json"), "{\n  \"from\": \"file\"\n}\n").unwrap();
    let publish = || {
        let mut command = nyala(["publish", "any/type ?", "--server", &server.running.url]);
        command.current_dir(folder.path());
        command
    };
    let body = || {
        let line: serde_json::Value = serde_json::from_str(&receiver.line()).unwrap();
        assert_eq!(line["headers"]["nyala-event"], "any/type ?");
        line["body"].as_str().unwrap().to_owned()
    };

    run(publish().args(["--data", "@event.json"])).done();
    assert_eq!(body(), "{\n  \"from\": \"file\"\n}\n");

    run_with_stdin(publish().args(["--data", "-"]), "[\"stdin\"]").done();
    assert_eq!(body(), "[\"stdin\"]");

    run(&mut publish()).done();
    assert_eq!(body(), "null");
}

#[test]
fn an_event_that_nobody_wants_is_a_success_with_a_hint() {
    let server = Server::start();

    let published = server.run(["publish", "PostDeployment", "--json"]).done();

    assert_eq!(published.json()["deliveries"], 0);
    assert!(published.stderr.contains("no hook wants this PostDeployment yet"), "{published:?}");
}

#[test]
fn what_failed_arrives_again_with_the_next_attempt_number() {
    let (server, receiver) = (Server::start(), Running::listen(&["--fail-first", "1"]));
    server.add(&receiver.url, "PostDeployment");

    server.run(["publish", "PostDeployment", "--data", "7"]).done();

    let (first, _, second) = (receiver.line(), receiver.line(), receiver.line());
    assert!(first.ends_with(" attempt 1 -> 500"), "{first}");
    assert!(second.ends_with(" attempt 2 -> 200"), "{second}");
}

#[test]
fn hooks_are_added_listed_shown_and_removed() {
    let server = Server::start();
    let add = ["hooks", "add", "http://127.0.0.1:1/cb", "--event", "A", "--event", "B"];

    let added = server.run(add).done();
    let again = server.run(add).done();
    let (told, secret) = added.stdout.split_once('\n').unwrap();
    assert_eq!(told, "hook 1: http://127.0.0.1:1/cb is told about A, B of any application");
    assert!(secret.starts_with("its requests are signed with whsec_"), "{added:?}");
    assert_eq!(again.stdout, format!("{told}\n"), "a secret is shown once");

    let list = server.run(["hooks", "list"]).done().stdout;
    let [header, row] = list.lines().collect::<Vec<_>>()[..] else { panic!("{list}") };
    assert!(header.starts_with("ID  STATE   URL "), "{header}");
    assert!(row.starts_with("1   active  http://127.0.0.1:1/cb  A, B    *  "), "{row}");

    let shown = server.run(["hooks", "show", "1"]).done().stdout;
    assert!(shown.lines().any(|line| line.split_whitespace().eq(["event", "A"])), "{shown}");
    assert_eq!(server.run(["hooks", "show", "1", "--json"]).done().json()["url"], "http://127.0.0.1:1/cb");

    assert_eq!(server.run(["hooks", "remove", "1"]).done().stdout, "hook 1 removed\n");
    assert_eq!(server.run(["hooks", "list", "--json"]).done().stdout, "[]\n");
}

#[test]
fn a_hook_is_changed_paused_and_found_by_its_state() {
    let server = Server::start();
    server.add("http://127.0.0.1:1/cb", "A");

    let change =
        ["hooks", "change", "1", "--event", "B", "--order", "hook", "--max-in-flight", "3", "--rate-limit", "9"];
    server.run(change).done();
    let hook = server.run(["hooks", "show", "1", "--json"]).done().json();
    assert_eq!((&hook["events"], &hook["order"]), (&json!(["B"]), &json!("hook")));
    assert_eq!((&hook["max_in_flight"], &hook["rate_limit"]), (&json!(3), &json!(9)));
    server.run(["hooks", "change", "1", "--rate-limit", "default"]).done();
    assert_eq!(server.run(["hooks", "show", "1", "--json"]).done().json()["rate_limit"], json!(null));

    server.run(["hooks", "pause", "1"]).done();
    assert!(server.run(["hooks", "list", "--state", "paused"]).done().stdout.contains("\n1   paused  "));
    assert_eq!(server.run(["hooks", "list", "--state", "active", "--json"]).done().stdout, "[]\n");
    assert_eq!(server.run(["hooks", "resume", "1", "--wait"]).done().stdout, "hook 1 is resumed and owed nothing\n");

    for wrong in [
        &["hooks", "change", "1"][..],
        &["hooks", "change", "1", "--order", "fifo"],
        &["hooks", "list", "--state", "dead"],
    ] {
        assert_eq!(run(&mut nyala(wrong)).code, Some(2), "{wrong:?}");
    }
}

#[test]
fn an_empty_description_takes_the_description_away() {
    let server = Server::start();
    server.add("http://127.0.0.1:1/cb", "A");
    let describe = |text: &str| {
        let changed = server.run(["hooks", "change", "1", "--description", text, "--json"]).done();
        changed.json()["description"].clone()
    };

    assert_eq!(describe("the shop"), json!("the shop"));
    assert_eq!(describe(""), json!(null));
}

#[test]
fn the_help_of_a_change_names_no_defaults_because_it_keeps_what_is_there() {
    let [add, change] = ["add", "change"].map(|action| run(&mut nyala(["hooks", action, "--help"])).done().stdout);
    let options = |help: &str| help.split_once("\nServer:").unwrap().0.to_owned();

    assert!(options(&add).contains("[default: "), "{add}");
    assert!(!options(&change).contains("[default: "), "{change}");
    assert!(change.contains("what is not named stays as it is"), "{change}");
    for option in ["--order", "--signature", "--header"] {
        let text = change.split_once(&format!("{option} <")).unwrap().1.split("\n\n").next().unwrap();
        assert!(text.contains("from now on"), "{text}");
    }
}

#[test]
fn a_hooks_secret_is_shown_rotated_and_given() {
    let server = Server::start();
    let given = "whsec_QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB";
    let add = ["hooks", "add", "http://127.0.0.1:1/cb", "--event", "A", "--signature", "v1a", "--json"];
    let hook = server.run(add).done().json();

    let shown = server.run(["hooks", "secret", "1"]).done();
    let rotated = server.run(["hooks", "rotate-secret", "1"]).done();
    let url = &server.running.url;
    let from_environment =
        run(nyala(["hooks", "rotate-secret", "1", "--server", url]).env("NYALA_HOOK_SECRET", given)).done();
    let as_json = server.run(["hooks", "secret", "1", "--json"]).done().json();

    assert_eq!(hook["signatures"], json!(["v1a"]));
    assert_eq!(shown.stdout.trim(), hook["secret"].as_str().unwrap());
    assert!(shown.stderr.contains("whpk_") && !shown.stderr.contains("former"), "{shown:?}");
    assert!(rotated.stdout.starts_with("whsec_") && rotated.stdout != shown.stdout, "{rotated:?}");
    assert!(rotated.stderr.contains("the former secret signs beside it until "), "{rotated:?}");
    assert_eq!((from_environment.stdout.trim(), as_json["secret"].as_str().unwrap()), (given, given));
    let wrong = server.run(["hooks", "rotate-secret", "1", "--secret", "SECRET"]);
    assert_eq!(wrong.code, Some(1));
    assert!(wrong.stderr.contains("give whsec_") && !wrong.stderr.contains("SECRET"), "{wrong:?}");
}

#[test]
fn a_hooks_headers_are_given_replaced_and_taken_away() {
    let (server, receiver) = (Server::start(), Running::listen_json(&[]));
    let headers = || server.run(["hooks", "show", "1", "--json"]).done().json()["headers"].clone();
    let change = |args: &[&str]| server.run([&["hooks", "change", "1"], args].concat());

    let add = ["hooks", "add", &receiver.url, "--event", "A", "--header", "X-Api-Key: a:b", "--header", "x-b:2"];
    server.run(add).done();
    server.run(["publish", "A", "--data", "1"]).done();
    let line: serde_json::Value = serde_json::from_str(&receiver.line()).unwrap();
    assert_eq!((&line["headers"]["x-api-key"], &line["headers"]["x-b"]), (&json!("a:b"), &json!("2")));
    assert_eq!(headers(), json!({"x-api-key": "***", "x-b": "***"}));
    change(&["--header", "x-b: ***"]).done();
    assert_eq!(headers(), json!({"x-b": "***"}));
    change(&["--no-headers"]).done();
    assert_eq!(headers(), json!({}));

    for wrong in [&["--header", "SECRET"][..], &["--header", "x: SECRET", "--no-headers"], &["--signature", "v2"]] {
        let refused = change(wrong);
        assert_eq!(refused.code, Some(2), "{refused:?}");
        assert!(!refused.stderr.contains("SECRET"), "{refused:?}");
    }
}

#[test]
fn a_list_ends_where_it_was_told_to_and_says_that_there_is_more() {
    let server = Server::start();
    for port in 1..=3 {
        server.add(&format!("http://127.0.0.1:{port}/"), "A");
    }
    let ids = |list: &super::Ended| -> Vec<_> {
        list.json().as_array().unwrap().iter().map(|hook| hook["id"].as_u64().unwrap()).collect()
    };

    let two = server.run(["hooks", "list", "--limit", "2", "--json"]).done();
    assert_eq!(ids(&two).len(), 2);
    assert!(two.stderr.contains("there are more hooks"), "{two:?}");

    let all = server.run(["hooks", "list", "--json"]).done();
    assert_eq!(ids(&all).len(), 3);
    assert_eq!(all.stderr, "");
}

#[test]
fn the_same_url_for_other_events_is_refused_with_a_way_out() {
    let server = Server::start();
    server.add("http://127.0.0.1:1/cb", "A");

    let refused = server.run(["hooks", "add", "http://127.0.0.1:1/cb", "--event", "B"]);

    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.starts_with("nyala: the server answered 409: "), "{refused:?}");
    assert!(refused.stderr.contains(" as hook 1, "), "{refused:?}");
    assert!(refused.stderr.contains("nyala hooks remove ID"), "{refused:?}");
}

#[test]
fn a_url_that_cannot_be_called_is_refused_by_name() {
    let server = Server::start();

    let refused = server.run(["hooks", "add", "ftp://example.com", "--event", "A"]);

    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.starts_with("nyala: the server answered 400: Bad Request: url: "), "{refused:?}");
}

#[test]
fn what_is_wrong_is_told_once() {
    let server = Server::start();
    let publish = |data| server.run(["publish", "A", "--idempotency-key", "build 7", "--data", data]);
    publish("1").done();

    let bad = server.run(["hooks", "add", "ftp://example.com", "--event", "A"]);
    let forbidden = server.run(["hooks", "add", "http://10.0.0.1/", "--event", "A"]);
    let reused = publish("2");

    for (refused, status, what) in [
        (bad, "400", "url: "),
        (forbidden, "422", "url: "),
        (reused, "422", "was used for another body within 24 hours"),
    ] {
        assert!(refused.stderr.starts_with(&format!("nyala: the server answered {status}: ")), "{refused:?}");
        assert_eq!(refused.stderr.matches(what).count(), 1, "{refused:?}");
        assert_eq!(refused.stderr.lines().count(), 1, "{refused:?}");
    }
}

#[test]
fn a_hook_that_is_not_there_is_named_and_the_others_still_go() {
    let server = Server::start();
    let first = server.add("http://127.0.0.1:1/", "A");
    let second = server.add("http://127.0.0.1:2/", "A");

    let removed = server.run(["hooks", "remove", &first, "999", &second]);

    assert_eq!(removed.code, Some(1), "{removed:?}");
    assert_eq!(removed.stdout, format!("hook {first} removed\nhook {second} removed\n"));
    assert!(removed.stderr.contains("hook 999 is not removed: "), "{removed:?}");
}

#[test]
fn a_certificate_that_is_not_checked_is_warned_of() {
    let server = Server::start();

    let added = server.run(["hooks", "add", "https://127.0.0.1:1/", "--event", "A", "--insecure-ssl", "--json"]);

    assert!(added.stderr.contains("warning: with --insecure-ssl"), "{added:?}");
    assert_eq!(added.done().json()["insecure_ssl"], true);
}

#[test]
fn whether_a_certificate_is_checked_can_be_changed_back_and_forth() {
    let server = Server::start();
    server.add("https://127.0.0.1:1/", "A");
    let change = |args: &[&str]| server.run([&["hooks", "change", "1", "--json"], args].concat());

    let unchecked = change(&["--insecure-ssl"]).done();
    let untouched = change(&["--description", "x"]).done();
    let checked = change(&["--no-insecure-ssl"]).done();
    let both = change(&["--insecure-ssl", "--no-insecure-ssl"]);

    assert!(unchecked.stderr.contains("warning: with --insecure-ssl"), "{unchecked:?}");
    assert!(checked.stderr.is_empty(), "{checked:?}");
    let states = [unchecked, untouched, checked].map(|changed| changed.json()["insecure_ssl"].as_bool());
    assert_eq!(states, [Some(true), Some(true), Some(false)]);
    assert_eq!(both.code, Some(2), "{both:?}");
}
