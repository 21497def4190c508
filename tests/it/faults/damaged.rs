//! A database that is damaged: refused at the start and left as it is, or
//! reported while the server runs.

use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nyala::store::StoreError;
use nyala::store::sqlite::open;
use rusqlite::Connection;
use tempfile::TempDir;

use crate::bad_input::{check_problem, whole};
use crate::delivery::publishing;
use crate::house::{House, rules, vault, within};
use crate::stop::{Process, refusal};

const PAGE: u64 = 4096;

fn log_of(database: &Path) -> PathBuf {
    format!("{}-wal", database.display()).into()
}

/// What can be read of the database and its log.
fn bytes(database: &Path) -> [Option<Vec<u8>>; 2] {
    [std::fs::read(database).ok(), std::fs::read(log_of(database)).ok()]
}

fn garbage(length: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(7);
    std::iter::repeat_with(|| random.u8(..)).take(length).collect()
}

fn overwrite(file: &Path, at: u64, bytes: &[u8]) {
    std::fs::File::options().write(true).open(file).expect("a file").write_all_at(bytes, at).expect("written");
}

fn cut(file: &Path, length: u64) {
    std::fs::File::options().write(true).open(file).expect("a file").set_len(length).expect("cut");
}

/// A database of Nyala with so many events of 10 kB in it, and its log beside it,
/// as a process leaves them that was killed.
fn killed(folder: &Path, events: u32) -> PathBuf {
    let made = folder.join("made.db");
    drop(open(&made, Arc::default(), rules(), vault()).expect("a database"));
    let conn = Connection::open(&made).expect("the database");
    let fill = "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?1)
                INSERT INTO events SELECT n, randomblob(16), 'E', NULL, zeroblob(10000), 0, 0, NULL, NULL, NULL, NULL, NULL, NULL FROM n";
    conn.execute(fill, [events]).expect("events");
    conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).expect("a checkpoint");
    conn.execute("UPDATE counter SET seq = 1000000", []).expect("something in the log");
    let database = folder.join("nyala.db");
    std::fs::copy(&made, &database).expect("a copy");
    std::fs::copy(log_of(&made), log_of(&database)).expect("a copy");
    database
}

/// Each root page in the file, by the name of what begins there.
fn roots(database: &Path) -> Vec<(String, u64)> {
    let conn = Connection::open(database.with_file_name("made.db")).expect("the database");
    let mut roots = conn.prepare("SELECT name, rootpage FROM sqlite_schema WHERE rootpage > 0").expect("a statement");
    let rows = roots.query_map([], |row| Ok((row.get(0)?, row.get::<_, u32>(1)?.into())));
    rows.expect("rows").collect::<rusqlite::Result<_>>().expect("roots")
}

/// Does the damage, and sees that the database is refused and left alone.
fn refused(folder: &Path, events: u32, what: &str, damage: impl FnOnce(&Path)) -> String {
    let database = killed(folder, events);
    damage(&database);
    let before = bytes(&database);
    let opened = open(&database, Arc::default(), rules(), vault()).map(drop);
    let Err(StoreError::Unusable(why)) = opened else { panic!("{what}: {opened:?}") };
    assert!(bytes(&database) == before, "{what}: it was changed");
    let remedies = ["from a backup", "--database", &database.display().to_string()];
    assert!(remedies.iter().all(|remedy| why.contains(remedy)), "{what}: {why}");
    for file in std::fs::read_dir(folder).expect("a folder") {
        std::fs::remove_file(file.expect("a file").path()).expect("removed");
    }
    why
}

#[test]
fn a_damaged_database_is_refused_with_what_to_do_and_left_alone() {
    let folder = TempDir::new().expect("a folder");
    // One that is read as a whole, and one that is not.
    for events in [100, 400] {
        let refused = |what: &str, damage: &dyn Fn(&Path)| refused(folder.path(), events, what, damage);
        let length = |file: &Path| std::fs::metadata(file).expect("a file").len();
        refused("a header of garbage", &|file| overwrite(file, 0, &garbage(100)));
        refused("a schema of garbage", &|file| overwrite(file, 100, &garbage(3996)));
        refused("cut in half", &|file| cut(file, length(file) / 2 / PAGE * PAGE));
        refused("cut within its first page", &|file| cut(file, 1000));
        refused("emptied, but for its log", &|file| cut(file, 0));
        refused("a log of garbage", &|file| overwrite(&log_of(file), 0, &garbage(10_000)));
        refused("a log that begins with zeros for a checksum", &|file| overwrite(&log_of(file), 24, &[0; 8]));
    }
}

#[test]
fn a_database_is_refused_whichever_of_its_tables_and_indexes_is_damaged() {
    let folder = TempDir::new().expect("a folder");
    let of_this_kind = TempDir::new().expect("a folder");
    let sound = killed(of_this_kind.path(), 1);
    // The counter stands in the log, which is sound.
    let roots: Vec<_> = roots(&sound).into_iter().filter(|(name, _)| name != "counter").collect();

    assert!(roots.len() > 20);
    for (name, root) in roots {
        let why = refused(folder.path(), 400, &name, |file| overwrite(file, (root - 1) * PAGE, &garbage(4096)));
        assert!(why.contains(&name) || name.starts_with("sqlite_sequence"), "{name}: {why}");
    }
}

#[test]
fn an_empty_file_is_a_new_database_and_an_empty_log_is_no_damage() {
    let folder = TempDir::new().expect("a folder");
    let empty = folder.path().join("empty.db");
    std::fs::write(&empty, "").expect("a file");
    let database = killed(folder.path(), 10);
    std::fs::write(log_of(&database), vec![0; 100_000]).expect("a log of zeros");

    for file in [&empty, &database] {
        assert!(open(file, Arc::default(), rules(), vault()).is_ok(), "{}", file.display());
    }
}

#[tokio::test]
async fn a_server_on_a_damaged_database_ends_with_1_and_one_line() {
    let folder = TempDir::new().expect("a folder");
    let database = folder.path().join("nyala.db");
    let mut process = Process::start(&database, "127.0.0.1:0");
    process.publish().await;
    process.kill();
    overwrite(&log_of(&database), 0, &garbage(4096));
    let before = bytes(&database);

    let said = refusal(&database, "127.0.0.1:0");

    assert!(said.contains("is damaged") && said.contains("from a backup") && said.lines().count() == 1, "{said}");
    assert!(bytes(&database) == before);
}

#[tokio::test]
async fn damage_that_is_found_at_work_is_reported_until_it_is_repaired() {
    let mut house = House::new().await;
    house.publish("E", "{}").await;
    let database = house.database();
    // Written by somebody else, so that the server reads it from the disk again.
    let conn = Connection::open(&database).expect("the database");
    conn.execute("UPDATE counter SET seq = seq + 1", []).expect("a write");
    conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).expect("a checkpoint");
    drop(conn);
    let sound = std::fs::read(&database).expect("the database");

    overwrite(&database, PAGE, &garbage(sound.len() - 4096));
    for _ in 0..3 {
        let response = within("an answer", publishing(&house, "E", "{}").send()).await.expect("an answer");
        check_problem(response, whole(503, "restore it from a backup"), "a publish").await;
    }
    assert_eq!(house.get("/healthz").await.status(), 200);
    house.stop().await;
    std::fs::write(&database, sound).expect("the backup");
    house.start_again().await;

    assert_eq!(house.json("/api/v1/events").await["items"].as_array().map(Vec::len), Some(1));
    house.publish("E", "{}").await;
    house.close().await;
}
