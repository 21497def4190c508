//! SQLite signs the contract; and what only a file can do wrong.

use std::cell::OnceCell;
use std::path::PathBuf;
use std::sync::Arc;

use nyala::store::sqlite::{Readers, SCHEMA_VERSION, open};
use nyala::store::targets::Targets;
use nyala::store::{Backend, Reads, Result, StoreError};
use rusqlite::Connection;
use tempfile::TempDir;

use super::Subject;
use crate::house::{rules, vault};

/// A SQLite file in a folder of its own.
pub struct Sqlite {
    folder: TempDir,
    readers: OnceCell<Readers>,
}

impl Sqlite {
    pub fn new() -> Self {
        Self { folder: TempDir::new().expect("a folder for the database"), readers: OnceCell::new() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("nyala.db")
    }
}

impl Subject for Sqlite {
    fn open(&self, targets: Arc<Targets>) -> Result<Box<dyn Backend>> {
        Ok(Box::new(open(&self.path(), targets, rules(), vault())?))
    }

    fn archive(&self) -> Box<dyn Reads> {
        let readers = self.readers.get_or_init(|| Readers::open(&self.path()).expect("readers"));
        Box::new(readers.get().expect("a reader"))
    }

    fn anew(&self) -> Box<dyn Subject> {
        Box::new(Self::new())
    }
}

/// Why the file cannot be opened.
fn refusal(file: &Sqlite) -> String {
    match file.open(Arc::default()) {
        Err(StoreError::Unusable(why)) => why,
        Err(other) => panic!("another error: {other}"),
        Ok(_) => panic!("it was opened"),
    }
}

fn version(file: &Sqlite) -> i32 {
    let conn = Connection::open(file.path()).expect("the database");
    conn.query_row("PRAGMA user_version", [], |row| row.get(0)).expect("a version")
}

#[test]
fn a_database_from_a_newer_version_is_refused_and_left_alone() {
    let file = Sqlite::new();
    drop(file.open(Arc::default()));
    let conn = Connection::open(file.path()).expect("the database");
    conn.pragma_update(None, "user_version", SCHEMA_VERSION + 1).expect("a newer version");
    drop(conn);

    let why = refusal(&file);

    assert!(why.contains("newer Nyala") && why.contains("--database"), "{why}");
    assert!(why.contains(&file.path().display().to_string()), "{why}");
    assert_eq!(version(&file), SCHEMA_VERSION + 1);
}

#[test]
fn a_file_that_is_no_database_is_refused_with_what_to_do_and_left_alone() {
    let file = Sqlite::new();
    let text = "Dear diary, today I deployed on a Friday. ".repeat(100);
    std::fs::write(file.path(), &text).expect("a file");

    let why = refusal(&file);

    assert!(why.contains("is a database of Nyala") && why.contains("--database"), "{why}");
    assert!(why.contains(&file.path().display().to_string()), "{why}");
    assert_eq!(std::fs::read_to_string(file.path()).expect("the file"), text);
}

#[test]
fn a_database_of_somebody_else_is_refused_and_left_alone() {
    let file = Sqlite::new();
    let conn = Connection::open(file.path()).expect("a database");
    conn.execute_batch("CREATE TABLE hooks (theirs TEXT); INSERT INTO hooks VALUES ('kept');").expect("a table");
    drop(conn);

    let why = refusal(&file);

    assert!(why.contains("--database"), "{why}");
    let conn = Connection::open(file.path()).expect("the database");
    let tables = conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0)).expect("a count");
    assert_eq!((tables, version(&file)), (1, 0));
}

#[test]
fn a_folder_that_is_not_there_is_refused_with_what_to_do() {
    let file = Sqlite::new();
    let missing = file.path().join("nyala.db");

    match open(&missing, Arc::default(), rules(), vault()).map(drop) {
        Err(StoreError::Unusable(why)) => assert!(why.contains("--database"), "{why}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn opening_again_changes_nothing() {
    let file = Sqlite::new();
    drop(file.open(Arc::default()));
    let schema = || {
        let conn = Connection::open(file.path()).expect("the database");
        let mut statement = conn.prepare("SELECT sql FROM sqlite_schema ORDER BY name").expect("a statement");
        let rows = statement.query_map([], |row| row.get::<_, Option<String>>(0)).expect("rows");
        rows.collect::<rusqlite::Result<Vec<_>>>().expect("a schema")
    };
    let before = schema();

    drop(file.open(Arc::default()));

    assert_eq!(schema(), before);
    assert_eq!(version(&file), SCHEMA_VERSION);
}
