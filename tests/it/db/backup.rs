//! `nyala db backup`: a copy that a server can go on with.

use std::collections::HashSet;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use nyala::store::vault::Key;
use rusqlite::Connection;
use tokio::task::JoinSet;

use super::{Place, done, stderr, stdout};
use crate::binary::{nyala, run};
use crate::house::within;
use crate::receiver::{Receiver, Reply, status};
use crate::stop::{Process, id};

/// Publishes until the server is gone.
fn publish_all_the_time(process: &Process) -> JoinSet<()> {
    let mut publishers = JoinSet::new();
    for _ in 0..4 {
        let request = process.publishing();
        publishers.spawn(async move {
            while let Ok(response) = request.try_clone().expect("a request").send().await {
                id(response).await;
            }
        });
    }
    publishers
}

/// Where a file is that may be gone, in a folder that is there.
fn real(file: &Path) -> String {
    let folder = file.parent().expect("a folder").canonicalize().expect("a folder");
    folder.join(file.file_name().expect("a name")).display().to_string()
}

#[tokio::test]
async fn a_backup_made_under_load_is_served_with_all_that_was_acknowledged_and_owed() {
    let (place, restored, receiver) = (Place::new(), Place::new(), Receiver::new().await);
    receiver.answer(|_| Reply { hang: true, ..status(200) });
    let mut server = place.serve();
    server.subscribe(&receiver.url("/cb")).await;
    let mut owed = HashSet::new();
    for _ in 0..100 {
        owed.insert(server.publish().await);
    }
    let publishers = publish_all_the_time(&server);
    receiver.wait_for(1).await;

    let backup = {
        let database = place.database();
        let to = restored.database();
        let arguments = ["db", "backup", to.to_str().expect("text"), "--database", database.to_str().expect("text")];
        let mut command: Command = nyala(place.folder(), &arguments);
        tokio::task::spawn_blocking(move || run(&mut command)).await.expect("a thread")
    };
    done(&backup);
    std::fs::copy(place.folder().join("nyala.db.key"), restored.folder().join("nyala.db.key")).expect("a copy");
    server.kill();
    within("the publishers", publishers.join_all()).await;
    let before = receiver.received().len();
    receiver.answer(|_| status(200));

    done(&restored.db(&["check"]));
    let server = restored.serve();
    let mut count = before;
    while !owed.is_empty() {
        let requests = receiver.wait_for(count + 1).await;
        for request in &requests[count..] {
            owed.remove(request.header("webhook-id"));
        }
        count = requests.len();
    }
    server.publish().await;
    server.stop().await;
}

#[tokio::test]
async fn a_backup_is_for_its_user_alone_and_leaves_nothing_beside_it() {
    let place = Place::served().await;

    let output = place.db(&["backup", "copy.db"]);

    done(&output);
    assert!(stdout(&output).starts_with("copy.db holds "), "{output:?}");
    let note = stderr(&output).strip_prefix("nyala: the secrets in it are sealed: keep ").expect("a note, and no bar");
    assert!(note.ends_with("nyala.db.key as well, but not beside it\n"), "{output:?}");
    let copy = place.folder().join("copy.db");
    assert_eq!(std::fs::metadata(&copy).expect("a file").permissions().mode() & 0o777, 0o600);
    let files = place.files();
    assert!(files.iter().all(|name| !name.to_string_lossy().starts_with('.')), "{files:?}");
    let pragma = |name: &str| {
        let conn = Connection::open(&copy).expect("a copy");
        conn.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0)).expect("a number")
    };
    assert_eq!(pragma("auto_vacuum"), 2, "its room can be given back, too");
}

#[tokio::test]
async fn a_backup_names_the_key_that_it_needs_wherever_that_is() {
    let place = Place::served().await;
    let key_file = place.folder().join("nyala.db.key");
    let key = std::fs::read_to_string(&key_file).expect("a key");
    let other = Key::random().expect("a key").text();
    let backup = |name: &str, key: &str| {
        let arguments = ["db", "backup", name, "--database", "nyala.db"];
        let output = run(nyala(place.folder(), &arguments).env("NYALA_KEY", key));
        done(&output);
        let said = stderr(&output).strip_prefix("nyala: the secrets in it are sealed: ").expect("a note");
        said.trim().to_owned()
    };

    let in_file = backup("file.db", "");
    let another = backup("another.db", &other);
    std::fs::remove_file(&key_file).expect("removed");
    let given = backup("given.db", key.trim());
    let nowhere = backup("nowhere.db", "");

    assert_eq!(in_file, format!("keep {} as well, but not beside it", real(&key_file)));
    assert_eq!(given, "keep the NYALA_KEY that is set now as well, but not beside it");
    for (said, why) in [(another, "NYALA_KEY is not the key"), (nowhere, "the file with it is not there")] {
        assert!(said.starts_with("keep the key that the server has as well, but not beside it"), "{said}");
        assert!(said.contains(why), "{said}");
    }
}

#[test]
fn a_backup_in_which_nothing_is_sealed_needs_no_key() {
    let place = Place::new();
    let database = place.database();
    let create = ["token", "create", "ops", "--scope", "admin", "--database", database.to_str().expect("text")];
    done(&run(&mut nyala(place.folder(), &create)));

    let output = place.db(&["backup", "copy.db"]);

    done(&output);
    assert_eq!(stderr(&output), "");
}

#[tokio::test]
async fn a_backup_never_overwrites_a_file() {
    let place = Place::served().await;
    std::fs::write(place.folder().join("copy.db"), "precious").expect("written");
    let before = place.files();

    let output = place.db(&["backup", "copy.db"]);
    let itself = place.db(&["backup", "nyala.db"]);

    for output in [output, itself] {
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(stderr(&output).contains("is there already") && stderr(&output).contains("another name"), "{output:?}");
    }
    assert_eq!(std::fs::read_to_string(place.folder().join("copy.db")).expect("a file"), "precious");
    assert_eq!(place.files(), before);
    done(&place.db(&["check"]));
}

#[tokio::test]
async fn a_backup_needs_a_folder_that_is_there() {
    let place = Place::served().await;

    let output = place.db(&["backup", "missing/copy.db"]);

    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(stderr(&output).contains("missing") && stderr(&output).contains("folder"), "{output:?}");
}
