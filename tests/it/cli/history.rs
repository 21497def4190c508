//! `nyala events`, `nyala deliveries` and `nyala hooks replay` against `nyala serve`.

use serde_json::Value;

use super::{Ended, Running, Server, nyala, run};

/// The ids of a list that was printed as JSON.
fn ids(list: &Ended) -> Vec<String> {
    let items = list.json();
    items.as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

/// Waits until `nyala deliveries list` with these flags shows so many.
fn until_listed(server: &Server, flags: &[&str], count: usize) -> Vec<String> {
    for _ in 0..1000 {
        let list = server.run([&["deliveries", "list", "--json"], flags].concat()).done();
        if ids(&list).len() == count {
            return ids(&list);
        }
    }
    panic!("{count} deliveries never stood under {flags:?}");
}

/// A hook that answers with this status, and an event that was sent there.
fn scene(status: &str) -> (Server, Running, String) {
    let (server, receiver) = (Server::start(), Running::listen_json(&["--status", status]));
    server.add(&receiver.url, "*");
    let published =
        server.run(["publish", "Built", "--data", "{\"a\" : 1.0}", "--wait", "20s", "--json"]).done().json();
    let event = published["id"].as_str().unwrap().to_owned();
    (server, receiver, event)
}

#[test]
fn a_delivery_is_listed_and_shown_with_what_came_of_it() {
    let (server, _receiver, event) = scene("202");

    let list = server.run(["deliveries", "list", "--since", "1h", "--state", "delivered", "--event", &event]).done();
    let id = until_listed(&server, &["--hook", "1"], 1).remove(0);
    let shown = server.run(["deliveries", "show", &id]).done().stdout;

    let words: Vec<_> = list.stdout.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!((words[0], &words[1..4], words[6]), (id.as_str(), &["1", "delivered", "1"][..], event.as_str()));
    assert!(shown.contains("\nattempt 1  ") && shown.contains(" ms  202 Accepted\n  sent\n"), "{shown}");
    assert!(shown.contains(&format!("\n    webhook-id: {event}\n")), "{shown}");
    assert!(shown.contains("\n  answered\n    "), "{shown}");
    assert_eq!(server.run(["deliveries", "show", &id, "--json"]).done().json()["attempts"][0]["status"], 202);
    let none = server.run(["deliveries", "list", "--until", "1h"]).done();
    assert_eq!((none.stdout.as_str(), none.stderr.as_str()), ("", "nyala: there are no such deliveries\n"));
}

#[test]
fn a_list_of_deliveries_says_that_there_are_more() {
    let (server, _receiver, _) = scene("200");
    server.run(["publish", "Built"]).done();

    let list = server.run(["deliveries", "list", "--limit", "1", "--json"]).done();

    assert_eq!(ids(&list).len(), 1);
    assert_eq!(list.stderr, "nyala: there are more deliveries: raise --limit to see them\n");
}

#[test]
fn a_delivery_is_sent_again_under_the_same_webhook_id() {
    let (server, receiver, event) = scene("200");
    let old = until_listed(&server, &["--state", "delivered"], 1).remove(0);

    let again = server.run(["deliveries", "redeliver", &old]).done().stdout;

    let new = again.split_whitespace().next().unwrap();
    assert_eq!(again, format!("{new} redelivers {old} to hook 1\n"));
    let sent: Vec<Value> = (0..2).map(|_| serde_json::from_str(&receiver.line()).unwrap()).collect();
    assert!(sent.iter().all(|request| request["headers"]["webhook-id"] == event.as_str()), "{sent:?}");
    assert_eq!(sent[1]["headers"]["nyala-delivery"], new);
    let unknown = server.run(["deliveries", "redeliver", "dlv_99"]);
    assert_eq!(unknown.code, Some(1), "{unknown:?}");
    assert!(unknown.stderr.contains("no such delivery") && unknown.stderr.contains("deliveries list"), "{unknown:?}");
}

#[test]
fn events_are_listed_and_shown_with_their_payload() {
    let (server, _receiver, event) = scene("200");
    server.run(["publish", "Other"]).done();

    let list = server.run(["events", "list", "--type", "built", "--json"]).done();
    let shown = server.run(["events", "show", &event]).done().stdout;

    assert_eq!(ids(&list), std::slice::from_ref(&event));
    assert!(shown.starts_with(&format!("id            {event}\n")), "{shown}");
    assert!(shown.ends_with("\n\n{\"a\" : 1.0}\n"), "{shown}");
    assert!(server.run(["events", "list"]).done().stdout.contains(" Other "));
}

#[test]
fn what_never_arrived_is_replayed() {
    let (server, _receiver, _) = scene("500");
    until_listed(&server, &["--state", "dead"], 1);

    let counted = server.run(["hooks", "replay", "1", "--state", "dead", "--dry-run"]).done();
    let waited = server.run(["hooks", "replay", "1", "--state", "dead", "--since", "1h", "--wait"]).done();
    let begun = server.run(["hooks", "replay", "1", "--since", "1h"]).done();

    assert_eq!(counted.stdout, "hook 1: 1 delivery would be owed again\n");
    assert_eq!((waited.stdout.as_str(), waited.stderr.as_str()), ("hook 1: 1 of 1 owed again\n", ""));
    assert_eq!(begun.stdout, "replay 2 of hook 1: 1 delivery is owed again\n");
    let unknown = server.run(["hooks", "replay", "99", "--state", "dead"]);
    assert_eq!(unknown.code, Some(1), "{unknown:?}");
}

#[test]
fn what_cannot_be_asked_is_wrong_usage() {
    let wrong: [&[&str]; 8] = [
        &["deliveries", "list", "--state", "lost"],
        &["deliveries", "list", "--since", "yesterday"],
        &["deliveries", "show", "17"],
        &["deliveries", "redeliver"],
        &["events", "show", "dlv_1"],
        &["hooks", "replay", "1"],
        &["hooks", "replay", "1", "--state", "pending"],
        &["hooks", "replay", "1", "--state", "dead", "--dry-run", "--wait"],
    ];

    for args in wrong {
        let refused = run(&mut nyala(args));
        assert_eq!(refused.code, Some(2), "{args:?}: {refused:?}");
    }
}
