//! Triggers that fire, and what is shown of that.

use serde_json::Value;

use super::super::scripted::scripted;
use super::super::{Ended, Running, Server, nyala, run, run_with_stdin};
use super::{add, call, refused, until_done, url, words};

/// Where a trigger is called while nothing is carried out, and what came in since.
fn held(server: &Server) -> Value {
    server.run(["triggers", "maintenance", "on"]).done();
    let trigger = add(server, &["webhook", "called"]);
    assert!(call(&trigger, "", "{}").starts_with("HTTP/1.1 200 "));
    trigger
}

#[test]
fn a_call_of_a_webhook_arrives_at_the_hooks_that_want_it_and_is_shown_with_what_came_of_it() {
    let (server, receiver) = (Server::start(), Running::listen_json(&[]));
    server.add(&receiver.url, "Deployed");
    let trigger = add(&server, &["webhook", "from ci", "--event", "Deployed", "--value", "stage=eu=1"]);

    call(&trigger, "content-type: application/json\r\nx-build: 7\r\n", r#"{"version":"1.2"}"#);

    let sent: Value = serde_json::from_str(&receiver.line()).unwrap();
    let payload: Value = serde_json::from_str(sent["body"].as_str().unwrap()).unwrap();
    assert_eq!((&payload["version"], &payload["stage"]), (&"1.2".into(), &"eu=1".into()));
    let done = until_done(&server, "from ci");
    let (id, event) = (done["id"].as_str().unwrap(), done["events"][0].as_str().unwrap());
    let list = server.run(["triggers", "executions", "from ci"]).done().stdout;
    let [header, row] = &words(&list)[..] else { panic!("{list}") };
    assert_eq!(header, &["ID", "WHEN", "STATUS", "RESULT", "EVENTS", "ERROR"]);
    assert_eq!((row[0], &row[2..]), (id, &["DONE", "published", event, "-"][..]));
    let one = server.run(["triggers", "executions", "from ci", id]).done().stdout;
    assert!(one.starts_with(&format!("id            {id}\n")), "{one}");
    assert!(one.contains("\n\ncame in  POST  17 bytes\n  headers\n"), "{one}");
    assert!(one.contains("\n    x-build: 7\n") && one.contains("\n  body\n    {\"version\":\"1.2\"}\n"), "{one}");
    assert!(one.contains(&format!("\n\ncame out  {event} Deployed  1 delivery\n  payload\n    {{")), "{one}");
    let whole = server.run(["triggers", "executions", "from ci", id, "--json"]).done().json();
    assert_eq!(whole["request"]["body"], r#"{"version":"1.2"}"#);
}

#[test]
fn an_event_names_the_execution_that_published_it() {
    let server = Server::start();
    let trigger = add(&server, &["webhook", "called"]);
    call(&trigger, "", "{}");
    let done = until_done(&server, "called");
    let (id, event) = (done["id"].as_str().unwrap(), done["events"][0].as_str().unwrap());

    let list = server.run(["events", "list"]).done().stdout;
    let shown = server.run(["events", "show", event]).done().stdout;

    let lines = words(&list);
    assert_eq!((lines[0].last(), lines[1].last()), (Some(&"EXECUTION"), Some(&id)));
    assert!(words(&shown).contains(&vec!["execution", id]), "{shown}");
}

#[test]
fn a_trigger_is_fired_by_hand_with_what_it_is_to_have_come_in() {
    let server = Server::start();
    let trigger = add(&server, &["webhook", "called"]);
    let uuid = trigger["uuid"].as_str().unwrap();

    let fired = server.run(["triggers", "fire", "called", "--data", "{\"a\":1}", "--header", "X-Build: 7"]).done();

    let id = until_done(&server, uuid)["id"].as_str().unwrap().to_owned();
    assert_eq!(fired.stdout, format!("trigger called is fired as {id}\n"));
    assert_eq!(fired.stderr, format!("nyala: `nyala triggers executions {uuid} {id}` shows what came of it\n"));
    let whole = server.run(["triggers", "executions", uuid, &id, "--json"]).done().json();
    assert_eq!(whole["request"]["body"], "{\"a\":1}");
    let headers = whole["request"]["headers"].as_array().unwrap();
    assert!(headers.contains(&serde_json::json!(["x-build", "7"])), "{headers:?}");
}

#[test]
fn a_trigger_that_is_stopped_skips_what_fires_it_until_it_is_started() {
    let server = Server::start();
    add(&server, &["webhook", "called"]);

    let stopped = server.run(["triggers", "stop", "called"]).done();
    let fired = server.run(["triggers", "fire", "called"]).done();
    let done = until_done(&server, "called");
    let listed = server.run(["triggers", "list", "--stopped", "--json"]).done().json();
    let started = server.run(["triggers", "start", "called"]).done();

    assert_eq!(stopped.stdout, "trigger called is stopped: what fires it is skipped\n");
    assert!(fired.stderr.starts_with("nyala: the trigger is stopped: this is kept as skipped"), "{fired:?}");
    assert_eq!((&done["result"], &done["events"]), (&"skipped".into(), &serde_json::json!([])));
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert_eq!(started.stdout, "trigger called is started\n");
    assert_eq!(server.run(["triggers", "list", "--stopped", "--json"]).done().stdout, "[]\n");
    assert_eq!(server.run(["triggers", "list", "--started", "--json"]).done().json()[0]["name"], "called");
}

#[test]
fn while_maintenance_is_on_all_that_shows_a_trigger_says_so() {
    let server = Server::start();
    assert_eq!(server.run(["triggers", "maintenance"]).done().stdout, "maintenance is off\n");
    held(&server);

    let commands: [&[&str]; 4] = [&["list"], &["show", "called"], &["fire", "called"], &["executions", "called"]];
    let said = |ended: &Ended| ended.stderr.contains("nyala: maintenance is on: what fires triggers is kept");

    for command in commands {
        let ended = server.run([&["triggers"], command].concat()).done();
        assert!(said(&ended), "{ended:?}");
        // On stderr, so that a program reads the rest all the same.
        server.run([&["triggers"], command, &["--json"]].concat()).done().json();
    }
    let on = server.run(["triggers", "maintenance"]).done().stdout;
    assert!(on.starts_with("maintenance is on since 20"), "{on}");
    assert_eq!(server.run(["triggers", "maintenance", "off"]).done().stdout, "maintenance is off\n");
    assert!(commands.iter().all(|command| !said(&server.run([&["triggers"], *command].concat()).done())));
}

#[test]
fn only_an_admin_turns_maintenance_on() {
    let server = Server::start();
    let token = server.new_token("ci", "publish", &[]);
    let with_token =
        |args: &[&str]| run(nyala(args).env("NYALA_SERVER", &server.running.url).env("NYALA_TOKEN", &token));

    let refusal = with_token(&["triggers", "maintenance", "on"]);

    assert!(refused(&refusal, 1).contains("the server answered 403: "), "{refusal:?}");
    assert_eq!(with_token(&["triggers", "maintenance", "--json"]).done().json()["enabled"], false);
}

#[test]
fn an_execution_that_is_not_over_is_stopped_and_publishes_nothing() {
    let server = Server::start();
    held(&server);
    let list = server.run(["triggers", "executions", "called", "--json"]).done().json();
    let id = list[0]["id"].as_str().unwrap();

    let stopped = server.run(["triggers", "executions", "called", "--stop", id]).done();
    let again = server.run(["triggers", "executions", "called", "--stop", id]);
    let unknown = server.run(["triggers", "executions", "called", "--stop", "exe_999"]);
    server.run(["triggers", "maintenance", "off"]).done();

    assert_eq!(stopped.stdout, format!("{id} of trigger called is stopped: it publishes nothing\n"));
    assert!(refused(&again, 1).contains("the server answered 409: "), "{again:?}");
    assert!(refused(&unknown, 1).contains("shows which there are."), "{unknown:?}");
    assert_eq!(until_done(&server, "called")["id"], id);
    assert_eq!(server.run(["events", "list", "--json"]).done().stdout, "[]\n");
}

#[test]
fn all_executions_are_removed_only_where_somebody_says_yes() {
    let server = Server::start();
    held(&server);
    let remove = |more: &[&str]| {
        let mut command = nyala(["triggers", "executions", "called", "--remove-all"]);
        command.args(more).env("NYALA_SERVER", &server.running.url);
        command
    };
    let count = || server.run(["triggers", "executions", "called", "--json"]).done().json().as_array().unwrap().len();

    let (no, nobody) = (run_with_stdin(&mut remove(&[]), "n\n"), run(&mut remove(&[])));
    assert!(refused(&no, 1).starts_with("Remove all executions of trigger called? [y/N] "), "{no:?}");
    assert!(refused(&nobody, 2).contains("Give --yes"), "{nobody:?}");
    assert_eq!(count(), 1);

    let yes = run_with_stdin(&mut remove(&[]), "y\n").done();
    assert_eq!((yes.stdout.as_str(), count()), ("all executions of trigger called removed\n", 0));

    server.run(["triggers", "fire", "called"]).done();
    assert_eq!(run(&mut remove(&["--yes", "--json"])).done().json(), serde_json::json!({"removed": "all"}));
    let none = server.run(["triggers", "executions", "called"]).done();
    assert_eq!((none.stdout.as_str(), none.stderr.lines().next()), ("", Some("nyala: trigger called has not fired")));
}

#[test]
fn nothing_from_outside_drives_a_terminal() {
    let server = Server::start();
    let trigger = add(&server, &["webhook", "called"]);
    call(&trigger, "", "\u{1b}[2Jhello\r\n\u{7}");
    let id = until_done(&server, "called")["id"].as_str().unwrap().to_owned();
    let list = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{\"next\":null,\"items\":[{\"name\":\"\\u001b[2J\",\
        \"uuid\":\"\\u0007\",\"url\":\"http://a/\\u009b\",\"event\":\"\\u202e\",\"state\":\"\\u001b\"}]}";
    let (hostile, _requests) = scripted([list]);

    let one = server.run(["triggers", "executions", "called", &id]).done().stdout;
    let listed = run(&mut nyala(["triggers", "list", "--server", &hostile])).done().stdout;

    assert!(one.contains("\n  body\n    \\u001b[2Jhello\\r\n    \\u0007\n"), "{one}");
    assert!(listed.contains("\\u001b[2J") && listed.contains("\\u009b") && listed.contains("\\u202e"), "{listed}");
    let drives = |text: &str| text.contains(['\u{1b}', '\u{7}', '\u{9b}', '\u{202e}', '\r']);
    assert!(!drives(&one) && !drives(&listed), "{one}{listed}");
}

#[test]
fn what_came_in_is_shown_also_to_who_may_not_read_events() {
    let server = Server::start();
    let token = server.new_token("ci", "publish", &[]);
    let with_token =
        |args: &[&str]| run(nyala(args).env("NYALA_SERVER", &server.running.url).env("NYALA_TOKEN", &token));
    let trigger = with_token(&["triggers", "add", "webhook", "called", "--json"]).done().json();
    assert!(url(&trigger).contains("/webhook/"));
    with_token(&["triggers", "fire", "called", "--data", "[7]"]).done();
    let done = (0..1000).map(|_| with_token(&["triggers", "executions", "called", "--json"]).done().json());
    let done = done.map(|list| list[0].clone()).find(|execution| execution["status"] == "DONE").unwrap();

    let one = with_token(&["triggers", "executions", "called", done["id"].as_str().unwrap()]).done().stdout;

    assert!(one.contains("\n  body\n    [7]\n"), "{one}");
    let event = done["events"][0].as_str().unwrap();
    assert!(one.contains(&format!("\ncame out  {event}  (the server answered 403: ")), "{one}");
}
