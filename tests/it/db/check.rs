//! `nyala db check`: what is wrong, and nothing else.

use std::fs::File;
use std::os::unix::fs::FileExt;

use nyala::store::vault::Key;
use serde_json::{Value, json};

use super::{Place, done, stderr, stdout};
use crate::binary::{nyala, run};
use crate::receiver::{Receiver, status};

/// A database with two events, each of two deliveries: to hook 1, which arrived, and
/// to hook 2, which are pending for an hour.
async fn busy() -> Place {
    let (place, receiver) = (Place::new(), Receiver::new().await);
    receiver.answer(|request| {
        let headers = vec![("retry-after", "3600".to_owned())];
        if request.path == "/well" { status(200) } else { crate::receiver::Reply { headers, ..status(503) } }
    });
    let server = place.serve();
    server.subscribe(&receiver.url("/well")).await;
    server.subscribe(&receiver.url("/ill")).await;
    server.publish().await;
    server.publish().await;
    receiver.wait_for(4).await;
    server.stop().await;
    place
}

#[tokio::test]
async fn a_database_with_all_kinds_of_things_in_it_is_well() {
    let place = busy().await;

    let output = place.db(&["check"]);

    done(&output);
    assert!(stdout(&output).ends_with("nyala.db is well\n"), "{output:?}");
    assert_eq!(place.json("check")["well"], json!(true));
}

#[tokio::test]
async fn each_trouble_is_named_with_what_to_do() {
    let table = [
        ("DELETE FROM hook_queues", "2 deliveries are owed that no claim would find"),
        ("UPDATE hook_queues SET due_at = due_at + 1000000", "deliveries are owed that no claim would find"),
        ("UPDATE deliveries SET due_at = NULL WHERE state = 0", "2 deliveries wait in line that stand in no line"),
        ("UPDATE hooks SET removed_at = 1 WHERE id = 2", "2 deliveries of removed hooks are owed"),
        ("DELETE FROM events WHERE seq = 1", "2 deliveries owe an event that is not theirs (the first is dlv_2)"),
        ("UPDATE events SET deliveries = 1 WHERE seq = 1", "1 delivery owes an event that is not its own (dlv_"),
        ("UPDATE deliveries SET hook_id = 77 WHERE seq = 2", "1 delivery is to a hook that is not there"),
        ("UPDATE deliveries SET state = 1 WHERE seq = 3", "1 delivery is leased without a lease"),
        (
            "UPDATE deliveries SET state = 1, lease = 1, due_at = 1, finished_at = NULL WHERE event_seq = 1",
            "1 lease is given twice",
        ),
        ("UPDATE deliveries SET finished_at = NULL WHERE seq = 2", "1 delivery is finished by half"),
        ("UPDATE counter SET seq = 2", "numbers would be given twice"),
        ("DELETE FROM counter", "numbers would be given twice"),
        (
            "INSERT INTO attempts VALUES (999, 1, 0, 0, 1, NULL, '', NULL, NULL, NULL)",
            "1 attempt is left of a delivery that is gone (dlv_999)",
        ),
        (
            "INSERT INTO gates (seq, id, type, payload, owner, state, asked_at, expires_at) VALUES (1, x'01', 'e', x'7b7d', 0, 0, 1, 2)",
            "1 gate is neither open nor closed (number 1)",
        ),
        ("UPDATE events SET gate = 77 WHERE seq = 1", "1 event is tied to a gate that is not there (number 1)"),
        ("INSERT INTO hook_filters VALUES ('e', '*', 77, 0, 0)", "1 filter is of a hook that is not there"),
        ("INSERT INTO hook_secrets VALUES (77, x'01', NULL)", "1 reference leads nowhere (table hook_secrets)"),
        ("DELETE FROM hook_secrets WHERE hook_id = 2", "1 hook has nothing to sign with (hook 2)"),
        ("UPDATE hooks SET removed_at = 1 WHERE id = 1", "1 secret is left of a removed hook (hook 1)"),
        ("UPDATE hook_secrets SET sealed = x'01' WHERE hook_id = 2", "1 sealed value does not open (of hook 2)"),
        (
            "UPDATE hook_secrets SET sealed = (SELECT sealed FROM hook_secrets AS o WHERE o.hook_id <> hook_secrets.hook_id)",
            "1 sealed value does not open (of hook 1)",
        ),
        ("UPDATE hook_secrets SET sealed = x'01'", "2 sealed values do not open (the first is of hook 1)"),
        (
            "INSERT INTO executions (seq, trigger_id, lane, status, at, due_at, errors, hops) VALUES (1, 77, 0, 0, 1, 1, 0, 0)",
            "1 execution is of a trigger that is not there (exe_1)",
        ),
        (
            "INSERT INTO executions (seq, trigger_id, lane, status, at, errors, hops) VALUES (1, 77, 0, 0, 1, 0, 0)",
            "1 execution is neither over nor to be carried out (exe_1)",
        ),
        ("INSERT INTO trigger_secrets VALUES (77, x'01')", "1 secret is left of a removed trigger (trigger 77)"),
        (
            "INSERT INTO triggers (id, revision, uuid, owner, created_at, updated_at, name, event, settings)
             VALUES (77, 1, 'u', 0, 0, 0, 'n', 'E', '{}');
             INSERT INTO trigger_secrets VALUES (77, x'01')",
            "1 sealed value does not open (of trigger 77)",
        ),
    ];
    let place = busy().await;
    let well = std::fs::read(place.database()).expect("a file");

    for (damage, what) in table {
        place.sql(&format!("PRAGMA foreign_keys = OFF; {damage}"));
        let output = place.db(&["check"]);
        assert_eq!(output.status.code(), Some(1), "{damage}: {output:?}");
        let line = stdout(&output).lines().find(|line| line.contains(what));
        let (_, remedy) =
            line.and_then(|line| line.rsplit_once(": ")).unwrap_or_else(|| panic!("{damage}: {output:?}"));
        assert!(remedy.len() > 20, "{damage}: {remedy}");
        std::fs::write(place.database(), &well).expect("written");
    }
    done(&place.db(&["check"]));
}

#[tokio::test]
async fn secrets_whose_key_is_not_there_are_told_and_are_no_success() {
    let place = busy().await;
    let key = std::fs::read_to_string(place.folder().join("nyala.db.key")).expect("a key");
    done(&place.db(&["backup", "copy.db"]));
    std::fs::remove_file(place.folder().join("nyala.db.key")).expect("removed");
    let database = ["db", "check", "--database", "copy.db"];
    let check_with = |key: &str| run(nyala(place.folder(), &database).env("NYALA_KEY", key));

    let without = run(&mut nyala(place.folder(), &database));
    let as_json = run(&mut nyala(place.folder(), &[database.as_slice(), &["--json"]].concat()));
    let wrong = check_with(&key.trim().chars().rev().collect::<String>());
    let foreign = check_with(Key::random().expect("a key").text().as_str());
    let with = check_with(key.trim());

    for (checked, why) in [(&without, "copy.db.key back"), (&foreign, "NYALA_KEY is not the key")] {
        assert_eq!(checked.status.code(), Some(1), "{checked:?}");
        assert!(stdout(checked).starts_with("the secrets were not looked at ("), "{checked:?}");
        assert!(stdout(checked).contains(why), "{checked:?}");
        assert!(stderr(checked).starts_with("nyala: there is trouble with "), "{checked:?}");
    }
    let found: Value = serde_json::from_slice(&as_json.stdout).expect("JSON");
    assert_eq!((as_json.status.code(), &found["well"]), (Some(1), &json!(false)));
    assert_eq!(wrong.status.code(), Some(2), "{wrong:?}");
    done(&with);
    assert_eq!(stderr(&with), "");
}

#[tokio::test]
async fn what_waits_for_a_paused_hook_or_behind_a_probe_is_no_trouble() {
    let place = busy().await;
    place.sql("UPDATE hook_queues SET due_at = due_at + 90000000, not_before = due_at + 90000000");
    done(&place.db(&["check"]));

    place.sql("UPDATE hook_queues SET not_before = 0; UPDATE hooks SET paused_at = 1");
    done(&place.db(&["check"]));
}

#[tokio::test]
async fn a_file_that_is_damaged_is_said_to_be() {
    let place = busy().await;
    let file = File::options().write(true).open(place.database()).expect("a file");
    let length = file.metadata().expect("a file").len();
    (1..length / 4096).for_each(|page| file.write_all_at(&[0xEE; 64], page * 4096).expect("written"));

    let output = place.db(&["check"]);
    let found = place.json("check");

    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(stdout(&output).contains("the file is damaged"), "{output:?}");
    assert!(stderr(&output).starts_with("nyala: there "), "{output:?}");
    let first: &Value = &found["troubles"][0];
    assert!(first["remedy"].as_str().is_some_and(|remedy| remedy.contains("backup")), "{first}");
}
