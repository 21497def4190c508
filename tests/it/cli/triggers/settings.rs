//! Triggers that are added, changed, found and removed.

use serde_json::{Value, json};

use super::super::{Server, nyala, run};
use super::{add, refused, url, words};

/// What the server says of a trigger.
fn shown(server: &Server, trigger: &str) -> Value {
    server.run(["triggers", "show", trigger, "--json"]).done().json()
}

#[test]
fn a_forge_is_given_a_url_and_told_what_to_choose_in_two_lines() {
    let server = Server::start();
    let args = ["triggers", "add", "repository", "shop-push", "--event", "GitPush", "--application", "shop"];
    let forge = ["--on", "push", "--on", "pull_request", "--scheme", "github", "--secret-env", "THE_SECRET"];

    let added = run(nyala(args).args(forge).env("NYALA_SERVER", &server.running.url).env("THE_SECRET", "12345678"));

    let trigger = shown(&server, "shop-push");
    let told = format!(
        "trigger shop-push: POST {} publishes GitPush of shop\n\
         at GitHub, choose: content type application/json, the events push, pull_request, the secret\n",
        url(&trigger)
    );
    assert_eq!(added.done().stdout, told);
    assert!(url(&trigger).starts_with(&server.running.url), "{trigger}");
    assert_eq!((&trigger["kind"], &trigger["events"]), (&json!("repository"), &json!(["push", "pull_request"])));
    assert_eq!((&trigger["scheme"], &trigger["signed"]), (&json!("github"), &json!(true)));
}

#[test]
fn a_webhook_that_anybody_may_call_is_added_with_a_warning() {
    let server = Server::start();

    let added = server.run(["triggers", "add", "webhook", "open", "--method", "put", "--rate-limit", "9"]).done();

    let trigger = shown(&server, "open");
    let [told, warning] = added.stdout.lines().collect::<Vec<_>>()[..] else { panic!("{added:?}") };
    assert_eq!(told, format!("trigger open: PUT {} publishes TriggerFired", url(&trigger)));
    assert!(warning.starts_with("whoever knows this URL can fire it: `nyala triggers change "), "{added:?}");
    assert_eq!((&trigger["method"], &trigger["rate_limit"]), (&json!("PUT"), &json!(9)));
}

#[test]
fn a_schedule_is_shown_in_words_and_with_five_firings_before_it_is_added() {
    let server = Server::start();
    let args = ["triggers", "add", "schedule", "tick", "0 12 1 1 *", "--timezone", "Asia/Kolkata", "--event", "Tick"];

    let tried = server.run([&args[..], &["--dry-run"]].concat()).done();
    assert_eq!(server.run(["triggers", "list", "--json"]).done().stdout, "[]\n");
    let added = server.run([&args[..], &["--missed", "skip", "--payload", "{\"a\" : 1.00}"]].concat()).done();

    let preview: Vec<_> = tried.stdout.lines().collect();
    assert_eq!(preview.len(), 6, "{tried:?}");
    assert!(preview[0].ends_with(", in Asia/Kolkata"), "{tried:?}");
    assert!(preview[1..].iter().all(|line| line.ends_with("-01-01T12:00:00+05:30")), "{tried:?}");
    let told = format!("trigger tick: {}, it publishes Tick", preview[0]);
    assert_eq!(added.stdout, format!("{}{told}\n", tried.stdout));
    let trigger = shown(&server, "tick");
    assert_eq!((&trigger["missed"], &trigger["payload"].to_string()), (&json!("skip"), &"{\"a\":1.00}".to_owned()));
    let list = server.run(["triggers", "list"]).done().stdout;
    let lines = words(&list);
    assert_eq!(lines[0], ["NAME", "KIND", "EVENT", "STATE", "FIRED", "BY", "NEXT", "EXECUTIONS"]);
    assert_eq!(lines[1][..4], ["tick", "scheduler", "Tick", "started"]);
    // Its next firing, by the clocks of its zone, and that it is still to come.
    assert_eq!(lines[1][lines[1].len() - 6..], ["Asia/Kolkata", preview[1].trim(), "1,", "1", "to", "do"][..]);
}

#[test]
fn a_program_that_adds_a_schedule_gets_the_trigger_alone() {
    let server = Server::start();
    let args = ["triggers", "add", "schedule", "tick", "*/10 * * * * *", "--seconds", "--json"];

    let tried = server.run([&args[..], &["--dry-run"]].concat()).done().json();
    let trigger = server.run(args).done().json();

    assert_eq!(tried["words"], trigger["schedule"]["words"]);
    assert_eq!((&trigger["seconds"], &trigger["name"]), (&json!(true), &json!("tick")));
}

#[test]
fn a_schedule_that_is_none_is_an_error_before_anything_is_kept() {
    let server = Server::start();

    for args in [&["61 * * * *"][..], &["61 * * * *", "--json"], &["@daily", "--timezone", "Mars/Base"]] {
        let ended = server.run([&["triggers", "add", "schedule", "tick"], args].concat());
        assert!(refused(&ended, 1).starts_with("nyala: the server answered 400: Bad Request: "), "{ended:?}");
    }
    assert_eq!(server.run(["triggers", "list", "--json"]).done().stdout, "[]\n");
}

#[test]
fn what_is_not_named_in_a_change_stays_as_it_is() {
    let server = Server::start();
    add(&server, &["webhook", "w", "--event", "A", "--application", "shop", "--value", "k=v", "--rate-limit", "9"]);
    add(&server, &["schedule", "s", "@daily", "--timezone", "Asia/Kolkata", "--payload", "{}"]);
    let change = |args: &[&str]| server.run([&["triggers", "change"], args].concat()).done().stdout;

    change(&["w", "--name", "v", "--event", "B", "--method", "GET"]);
    let changed = shown(&server, "v");
    assert_eq!((&changed["event"], &changed["method"]), (&json!("B"), &json!("GET")));
    assert_eq!((&changed["applications"], &changed["values"]), (&json!(["shop"]), &json!({"k": "v"})));
    change(&["v", "--no-applications", "--no-values", "--rate-limit", "default"]);
    let taken = shown(&server, "v");
    assert_eq!((&taken["applications"], taken.get("values"), taken.get("rate_limit")), (&json!([]), None, None));

    let told = change(&["s", "--cron", "@hourly", "--no-payload"]);
    assert_eq!(told.lines().count(), 7, "the schedule in words, five firings, and the trigger: {told}");
    let changed = shown(&server, "s");
    assert_eq!((&changed["timezone"], changed.get("payload")), (&json!("Asia/Kolkata"), None));
    let astray = server.run(["triggers", "change", "s", "--method", "GET"]);
    assert!(refused(&astray, 1).contains("method: is no field of a scheduler trigger"), "{astray:?}");
    let nothing = server.run(["triggers", "change", "s"]);
    assert!(refused(&nothing, 2).contains("nothing is to change"), "{nothing:?}");
}

#[test]
fn the_help_of_a_change_names_no_defaults_because_it_keeps_what_is_there() {
    let help = run(&mut nyala(["triggers", "change", "--help"])).done().stdout;
    let options = help.split_once("\nServer:").unwrap().0;

    assert!(options.contains("what is not named stays as it is") && options.contains("--cron"), "{help}");
    assert!(!options.contains("[default: "), "{help}");
}

#[test]
fn a_trigger_is_named_by_its_uuid_or_by_a_name_that_no_other_has() {
    let server = Server::start();
    let [first, second] = ["one", "two"].map(|event| add(&server, &["webhook", "twin", "--event", event]));
    add(&server, &["webhook", "twin of them", "--event", "three"]);
    let uuid = |trigger: &Value| trigger["uuid"].as_str().unwrap().to_owned();

    let ambiguous = server.run(["triggers", "show", "twin"]);
    let unknown = server.run(["triggers", "remove", "Twin"]);

    let told = refused(&ambiguous, 1);
    assert!(told.starts_with("nyala: 2 triggers are called twin:\n"), "{told}");
    assert!(told.contains(&uuid(&first)) && told.contains(&uuid(&second)), "{told}");
    assert!(refused(&unknown, 1).contains("`nyala triggers list` shows which there are."), "{unknown:?}");
    assert_eq!(shown(&server, &uuid(&second))["event"], "two");
    assert_eq!(shown(&server, "twin of them")["event"], "three");
    assert_eq!(server.run(["triggers", "remove", &uuid(&first)]).done().stdout, "trigger twin removed\n");
    assert_eq!(shown(&server, "twin")["event"], "two");
    let removed = server.run(["triggers", "remove", "twin", "--json"]).done().json();
    assert_eq!(removed, json!({ "removed": uuid(&second) }));
}

#[test]
fn a_list_of_triggers_is_of_one_kind_and_as_long_as_it_was_told() {
    let server = Server::start();
    let none = server.run(["triggers", "list"]).done();
    assert_eq!(none.stderr, "nyala: there are no triggers yet: `nyala triggers add` adds one\n");
    add(&server, &["webhook", "w"]);
    add(&server, &["repository", "r"]);
    add(&server, &["schedule", "s", "@daily"]);

    let of_kind = server.run(["triggers", "list", "--kind", "repository", "--json"]).done().json();
    let two = server.run(["triggers", "list", "--limit", "2", "--json"]).done();

    assert_eq!((of_kind.as_array().unwrap().len(), &of_kind[0]["name"]), (1, &json!("r")));
    assert_eq!(two.json().as_array().unwrap().len(), 2);
    assert_eq!(two.stderr, "nyala: there are more triggers: raise --limit to see them\n");
}

#[test]
fn what_cannot_be_asked_is_wrong_usage() {
    let wrong: [&[&str]; 18] = [
        &["list", "--kind", "poller"],
        &["list", "--stopped", "--started"],
        &["add", "webhook"],
        &["add", "outgoing", "x"],
        &["add", "webhook", "x", "--method", "PATCH"],
        &["add", "webhook", "x", "--scheme", "GitHub"],
        &["add", "webhook", "x", "--value", "novalue"],
        &["add", "webhook", "x", "--rate-limit", "fast"],
        &["add", "schedule", "x", "@daily", "--missed", "never"],
        &["add", "schedule", "x", "@daily", "--payload", "{"],
        &["change", "x", "--no-secret", "--secret-generate"],
        &["fire", "x", "--data", "{"],
        &["fire", "x", "--header", "no colon"],
        &["show", ".."],
        &["executions", "x", "17"],
        &["executions", "x", "--yes"],
        &["executions", "x", "exe_1", "--remove-all"],
        &["maintenance", "maybe"],
    ];

    for args in wrong {
        let ended = run(nyala(["triggers"]).args(args).args(["--server", "http://127.0.0.1:1"]));
        refused(&ended, 2);
    }
}

#[test]
fn a_server_that_is_not_there_is_said_to_be() {
    for args in [&["list"][..], &["show", "x"], &["add", "schedule", "x", "@daily"], &["maintenance"]] {
        let ended = run(nyala(["triggers"]).args(args).args(["--server", "http://127.0.0.1:1"]));
        assert!(refused(&ended, 4).contains("cannot reach http://127.0.0.1:1: "), "{ended:?}");
    }
}
