//! `nyala db`: the database looked at beside a server, after one, and without one.

mod backup;
mod check;
mod looking;
mod stats;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Output;

use rusqlite::Connection;
use serde_json::Value;
use tempfile::TempDir;

use crate::binary::{nyala, run};
use crate::stop::Process;

/// A folder with a place for a database in it.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn folder(&self) -> &Path {
        self.0.path()
    }

    fn database(&self) -> PathBuf {
        self.folder().join("nyala.db")
    }

    fn serve(&self) -> Process {
        Process::start(&self.database(), "127.0.0.1:0")
    }

    /// A database that a server made and left in order.
    async fn served() -> Self {
        let place = Self::new();
        place.serve().stop().await;
        place
    }

    fn sql(&self, sql: &str) {
        Connection::open(self.database()).expect("the database").execute_batch(sql).expect("what was asked");
    }

    fn files(&self) -> BTreeSet<OsString> {
        let entries = std::fs::read_dir(self.folder()).expect("a folder");
        entries.map(|entry| entry.expect("an entry").file_name()).collect()
    }

    /// Runs `nyala db` on the database.
    fn db(&self, args: &[&str]) -> Output {
        let database = self.database();
        let all = [&["db"], args, &["--database", database.to_str().expect("text")]].concat();
        run(&mut nyala(self.folder(), &all))
    }

    fn json(&self, command: &str) -> Value {
        let output = self.db(&[command, "--json"]);
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
    }
}

fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).expect("text")
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).expect("text")
}

/// How a command ended that was to do what it was asked to.
fn done(output: &Output) {
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}
