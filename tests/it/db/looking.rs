//! What every command does with what is no database of ours, and leaves behind.

use nyala::store::sqlite::SCHEMA_VERSION;
use rusqlite::Connection;

use super::{Place, done, stderr};
use crate::binary::{nyala, run};

const COMMANDS: [&[&str]; 3] = [&["check"], &["stats"], &["backup", "copy.db"]];

/// The schema that the first release made.
const FIRST: &str = include_str!("../../../src/store/sqlite/schema/0001_start.sql");

fn refused_by_all(place: &Place, words: &[&str]) {
    let before = place.files();
    for command in COMMANDS {
        let output = place.db(command);
        assert_eq!(output.status.code(), Some(2), "{command:?}: {output:?}");
        let said = stderr(&output);
        assert!(words.iter().all(|word| said.contains(word)), "{command:?}: {said}");
        assert!(said.contains("nyala.db"), "{command:?}: {said}");
    }
    assert_eq!(place.files(), before, "looking makes no files");
}

#[test]
fn where_there_is_no_database_none_is_made() {
    let place = Place::new();

    refused_by_all(&place, &["No such file", "--database"]);
}

#[test]
fn what_is_no_database_is_refused_and_left_alone() {
    let place = Place::new();
    let text = "Dear diary, today I looked at a file. ".repeat(100);
    std::fs::write(place.database(), &text).expect("a file");

    refused_by_all(&place, &["not a database", "--database"]);

    assert_eq!(std::fs::read_to_string(place.database()).expect("a file"), text);
    std::fs::write(place.database(), "").expect("a file");
    refused_by_all(&place, &["is empty", "--database"]);
    std::fs::remove_file(place.database()).expect("removed");
    std::fs::create_dir(place.database()).expect("a folder");
    refused_by_all(&place, &["is no file", "--database"]);
}

#[test]
fn a_database_of_somebody_else_is_refused() {
    let place = Place::new();
    place.sql("CREATE TABLE hooks (theirs TEXT)");

    refused_by_all(&place, &["another program", "--database"]);
}

#[tokio::test]
async fn a_database_from_a_newer_version_is_refused() {
    let place = Place::served().await;
    place.sql(&format!("PRAGMA user_version = {}", SCHEMA_VERSION + 1));

    refused_by_all(&place, &["newer Nyala", "run that version"]);
}

#[test]
fn a_database_from_an_older_version_can_be_copied_before_it_is_brought_up_to_date() {
    let place = Place::new();
    place.sql("PRAGMA auto_vacuum = INCREMENTAL");
    place.sql(&format!(
        "PRAGMA journal_mode = WAL; {FIRST}; PRAGMA application_id = 0x4e59414c; PRAGMA user_version = 1"
    ));

    for command in ["check", "stats"] {
        let output = place.db(&[command]);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(stderr(&output).contains("older Nyala"), "{output:?}");
    }
    done(&place.db(&["backup", "copy.db"]));
    let copy = Connection::open(place.folder().join("copy.db")).expect("a copy");
    assert_eq!(copy.query_row("PRAGMA user_version", [], |row| row.get::<_, i32>(0)), Ok(1));
}

#[tokio::test]
async fn looking_at_a_database_that_nobody_serves_leaves_no_files() {
    let place = Place::served().await;
    let before = place.files();

    done(&place.db(&["check"]));
    done(&place.db(&["stats"]));

    assert_eq!(place.files(), before);
}

#[tokio::test]
async fn looking_beside_a_server_takes_nothing_from_it() {
    let place = Place::new();
    let server = place.serve();
    server.publish().await;
    let before = place.files();

    done(&place.db(&["check"]));
    done(&place.db(&["stats"]));

    assert_eq!(place.files(), before, "the log and the lock are still there");
    server.publish().await;
    assert_eq!(place.json("stats")["events"], 2);
    server.stop().await;
}

#[tokio::test]
async fn what_a_killed_server_left_in_its_log_is_seen() {
    let place = Place::new();
    let mut server = place.serve();
    server.publish().await;
    server.kill();

    done(&place.db(&["check"]));
    assert_eq!(place.json("stats")["events"], 1);

    let server = place.serve();
    server.publish().await;
    assert_eq!(place.json("stats")["events"], 2);
    server.stop().await;
}

#[tokio::test]
async fn the_database_is_found_as_serve_finds_it() {
    let place = Place::served().await;
    std::fs::create_dir(place.folder().join("data")).expect("a folder");
    std::fs::write(place.folder().join("n.toml"), "database = 'nyala.db'\nworkers = 99\n").expect("written");
    let stats = |args: &[&str], variable: Option<(&str, &str)>| {
        run(nyala(place.folder(), &[&["db"], args, &["stats"]].concat()).envs(variable))
    };

    done(&stats(&["--config", "n.toml"], None));
    done(&stats(&[], Some(("NYALA_DATABASE", "nyala.db"))));
    done(&stats(&[], Some(("NYALA_CONFIG", "n.toml"))));
    assert!(stderr(&stats(&[], None)).contains("data/nyala.db"));
    std::fs::rename(place.database(), place.folder().join("data/nyala.db")).expect("renamed");
    done(&stats(&[], None));
}
