//! The key of secrets: made once, kept for its owner alone, and asked for.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nyala::store::sqlite::open;
use nyala::store::vault::{Key, Vault};
use nyala::store::{Result, StoreError};
use tempfile::TempDir;

use crate::house::rules;

fn key_of(database: &Path) -> PathBuf {
    format!("{}.key", database.display()).into()
}

fn opened(database: &Path, vault: Vault) -> Result<()> {
    open(database, Arc::default(), rules(), Arc::new(vault)).map(drop)
}

/// A database with its key, and what is in the file of the key.
fn made(folder: &TempDir) -> (PathBuf, String) {
    let database = folder.path().join("nyala.db");
    opened(&database, Vault::beside(&database)).expect("a database");
    let key = std::fs::read_to_string(key_of(&database)).expect("a key");
    (database, key)
}

/// Why the database cannot be opened; it is left as it is.
fn refusal(database: &Path, vault: Vault) -> String {
    let before = std::fs::read(database).expect("the database");
    let refused = opened(database, vault);
    assert!(std::fs::read(database).expect("the database") == before, "it was changed");
    match refused {
        Err(StoreError::Unusable(why)) => why,
        other => panic!("{other:?}"),
    }
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

#[test]
fn the_first_start_makes_a_key_for_its_user_alone_and_later_ones_take_it() {
    let folder = folder();
    let (database, key) = made(&folder);

    opened(&database, Vault::beside(&database)).expect("a database");

    assert_eq!(std::fs::read_to_string(key_of(&database)).expect("a key"), key);
    assert_eq!(std::fs::metadata(key_of(&database)).expect("a key").permissions().mode() & 0o777, 0o600);
    let names = std::fs::read_dir(folder.path()).expect("a folder").map(|file| file.expect("a file").file_name());
    assert!(names.into_iter().all(|name| name.to_string_lossy().starts_with("nyala.db")), "nothing is left beside it");
}

#[test]
fn without_its_key_a_database_is_refused_and_no_other_key_is_made() {
    let folder = folder();
    let (database, key) = made(&folder);
    let other = Key::random().expect("a key");

    std::fs::remove_file(key_of(&database)).expect("removed");
    let missing = refusal(&database, Vault::beside(&database));
    let given = refusal(&database, Vault::given(other.clone()));
    assert!(!key_of(&database).exists());
    std::fs::write(key_of(&database), other.text().as_str()).expect("written");
    std::fs::set_permissions(key_of(&database), PermissionsExt::from_mode(0o600)).expect("set");
    let foreign = refusal(&database, Vault::beside(&database));

    let id = Key::parse(&key).expect("a key").id().to_string();
    for (why, remedy) in [(missing, "put "), (given, "unset NYALA_KEY"), (foreign, "put back the key file")] {
        assert!(why.contains(&id) && why.contains(remedy) && why.contains("NYALA_KEY"), "{why}");
        assert!(!why.contains(key.trim()), "{why}");
    }
    opened(&database, Vault::given(Key::parse(&key).expect("a key"))).expect("the key by another way");
}

#[test]
fn a_key_file_that_others_may_use_or_that_holds_no_key_is_refused() {
    let folder = folder();
    let (database, key) = made(&folder);
    let file = key_of(&database);
    let mode = |mode| std::fs::set_permissions(&file, PermissionsExt::from_mode(mode)).expect("set");

    for open_to in [0o640, 0o604, 0o660] {
        mode(open_to);
        let why = refusal(&database, Vault::beside(&database));
        assert!(why.contains("chmod 600") && why.contains(&file.display().to_string()), "{why}");
    }
    mode(0o600);
    for garbage in ["", "\n", "SECRET", &format!("{key}SECRET\n"), &key[..20]] {
        std::fs::write(&file, garbage).expect("written");
        let why = refusal(&database, Vault::beside(&database));
        assert!(why.contains("put it back") && !why.contains("SECRET") && !why.contains(&key[..20]), "{why}");
    }
    std::fs::write(&file, &key).expect("written");
    opened(&database, Vault::beside(&database)).expect("a database");
}
