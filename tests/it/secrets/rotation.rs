//! Another key for what is sealed: beside a server, after a crash, by hand.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use reqwest::Method;
use rusqlite::Connection;
use serde_json::{Value, json};

use super::{fields, is_v1, subscribed, text, v1};
use crate::binary::{nyala, run};
use crate::house::{House, within};
use crate::receiver::Receiver;

fn key_file(database: &Path) -> PathBuf {
    format!("{}.key", database.display()).into()
}

fn key(database: &Path) -> String {
    std::fs::read_to_string(key_file(database)).expect("a key")
}

fn rotate(database: &Path) -> Command {
    let folder = database.parent().expect("a folder");
    nyala(folder, &["key", "rotate", "--database", database.to_str().expect("text")])
}

/// Rotates without being in the way of a house that runs in this process.
async fn rotated(database: &Path) -> Output {
    let mut command = rotate(database);
    let output = tokio::task::spawn_blocking(move || run(&mut command)).await.expect("a thread");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    output
}

fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).expect("text")
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).expect("text")
}

async fn secret(house: &House, hook: &Value) -> Value {
    house.json(&v1(hook, "/secret")).await["secret"].clone()
}

#[tokio::test]
async fn a_key_is_rotated_beside_a_server_which_goes_on_with_the_new_one() {
    let (mut house, receiver) = (House::new().await, Receiver::new().await);
    let hook = subscribed(&house, &fields(&receiver.url("/"))).await;
    let before = key(&house.database());

    let output = rotated(&house.database()).await;
    let later = subscribed(&house, &fields(&receiver.url("/later"))).await;

    let after = key(&house.database());
    assert!(stdout(&output).starts_with("the secrets of 1 hook are sealed with a new key, in "), "{output:?}");
    assert!(stderr(&output).contains("make a new backup"), "{output:?}");
    assert!(after.lines().count() == 1 && after != before);
    for _ in 0..2 {
        for hook in [&hook, &later] {
            assert_eq!(secret(&house, hook).await, hook["secret"]);
        }
        house.stop().await;
        house.start_again().await;
    }
    let audit = house.json("/api/v1/audit?action=key.rotated").await;
    assert_eq!(
        (audit["items"].as_array().map(Vec::len), &audit["items"][0]["actor"]["name"]),
        (Some(1), &json!("command line"))
    );
    house.publish_and_wait("E", "{}").await;
    let requests = receiver.wait_for(2).await;
    assert!(requests.iter().all(|request| [&hook, &later].iter().any(|hook| is_v1(request, 0, text(&hook["secret"])))));
    house.close().await;
}

#[tokio::test]
async fn a_server_that_has_not_heard_of_the_new_key_yet_reads_and_writes_with_it() {
    let house = House::new().await;
    let hook = subscribed(&house, &fields("http://127.0.0.1:9/")).await;

    rotated(&house.database()).await;
    assert_eq!(secret(&house, &hook).await, hook["secret"], "by reading first");
    rotated(&house.database()).await;
    let new = super::rotated(&house, &hook).await;
    rotated(&house.database()).await;

    assert_eq!(secret(&house, &hook).await, new["secret"]);
    house.close().await;
}

#[tokio::test]
async fn a_crash_at_any_point_of_a_rotation_leaves_a_database_that_opens() {
    let mut house = House::new().await;
    let mut hooks = vec![];
    for n in 0..3 {
        hooks.push(subscribed(&house, &fields(&format!("http://127.0.0.1:9/{n}"))).await);
    }
    house.stop().await;
    let database = house.database();
    let (former, before) = (key(&database), std::fs::read(&database).expect("the database"));
    rotated(&database).await;
    let (new, after) = (key(&database), std::fs::read(&database).expect("the database"));
    let half = "ATTACH ?1 AS before";
    let undo = "UPDATE hook_secrets SET sealed = (SELECT b.sealed FROM before.hook_secrets AS b WHERE b.hook_id = 2) WHERE hook_id = 2";

    // Before the first step, after some, and after the last.
    for point in 0..3 {
        std::fs::write(&database, if point == 0 { &before } else { &after }).expect("written");
        std::fs::write(key_file(&database), format!("{new}{former}")).expect("written");
        if point == 1 {
            let copy = database.with_file_name("before.db");
            std::fs::write(&copy, &before).expect("written");
            let conn = Connection::open(&database).expect("the database");
            conn.execute(half, [copy.to_str().expect("text")]).expect("both");
            assert_eq!(conn.execute(undo, []).expect("a change"), 1);
        }
        house.start_again().await;
        for hook in &hooks {
            assert_eq!(secret(&house, hook).await, hook["secret"], "{point}");
        }
        rotated(&database).await;
        assert_eq!(key(&database).lines().count(), 1);
        assert_eq!(secret(&house, &hooks[1]).await, hooks[1]["secret"], "{point}");
        house.stop().await;
    }
    house.close().await;
}

#[tokio::test]
async fn rotations_that_are_killed_lose_nothing() {
    let house = House::new().await;
    let mut hooks = vec![];
    for n in 0..40 {
        hooks.push(subscribed(&house, &fields(&format!("http://127.0.0.1:9/{n}"))).await);
    }
    let seed = fastrand::u64(..);
    println!("the kills come at moments from seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);

    for _ in 0..20 {
        let mut rotation =
            rotate(&house.database()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a process");
        let looks = random.u32(0..4000);
        let ended = tokio::task::spawn_blocking(move || {
            // It runs while it is looked at, so this is some moment of its work.
            for _ in 0..looks {
                if rotation.try_wait().expect("a process").is_some() {
                    break;
                }
                std::thread::yield_now();
            }
            let _ = rotation.kill();
            rotation.wait()
        });
        within("its end", ended).await.expect("a thread").expect("an end");
        let hook = &hooks[random.usize(..hooks.len())];
        assert_eq!(secret(&house, hook).await, hook["secret"]);
    }
    rotated(&house.database()).await;

    for hook in &hooks {
        assert_eq!(secret(&house, hook).await, hook["secret"]);
    }
    house.close().await;
}

#[tokio::test]
async fn a_key_from_the_environment_is_rotated_while_no_server_runs_and_printed_alone() {
    let former = nyala::store::vault::Key::random().expect("a key");
    let mut house = House::with(|settings| settings.key = Some(former.clone())).await;
    let hook = subscribed(&house, &fields("http://127.0.0.1:9/")).await;
    let database = house.database();
    let with = |key: &str| {
        let mut command = rotate(&database);
        run(command.env("NYALA_KEY", key))
    };

    let running = with(&former.text());
    house.stop().await;
    let other = with(&"ab".repeat(32));
    let done = with(&former.text());
    let again = with(&former.text());

    assert_eq!((running.status.code(), stdout(&running)), (Some(1), ""), "{running:?}");
    assert!(stderr(&running).contains("stop that one"), "{running:?}");
    for refused in [other, again] {
        assert_eq!((refused.status.code(), stdout(&refused)), (Some(2), ""), "{refused:?}");
        assert!(stderr(&refused).contains("NYALA_KEY is not the key"), "{refused:?}");
    }
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    assert!(stderr(&done).contains("set NYALA_KEY to it") && !stderr(&done).contains(stdout(&done).trim()), "{done:?}");
    assert!(!key_file(&database).exists());
    house.set_key(stdout(&done));
    house.start_again().await;
    assert_eq!(secret(&house, &hook).await, hook["secret"]);
    house.close().await;
}

#[tokio::test]
async fn what_cannot_be_rotated_is_refused_and_left_as_it_is() {
    let mut house = House::new().await;
    let hook = subscribed(&house, &fields("http://127.0.0.1:9/")).await;
    house.stop().await;
    let database = house.database();
    let former = key(&database);
    let absent = database.with_file_name("absent.db");

    std::fs::write(key_file(&database), format!("{}\n", "ab".repeat(32))).expect("written");
    let foreign = run(&mut rotate(&database));
    std::fs::remove_file(key_file(&database)).expect("removed");
    let missing = run(&mut rotate(&database));
    let nothing = run(&mut rotate(&absent));

    for (output, remedy) in [(foreign, "put back the key file"), (missing, "back from where"), (nothing, "--database")]
    {
        assert_eq!((output.status.code(), stdout(&output)), (Some(2), ""), "{output:?}");
        assert!(stderr(&output).contains(remedy), "{output:?}");
    }
    assert!(!absent.exists() && !key_file(&database).exists());
    std::fs::write(key_file(&database), former).expect("written");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(key_file(&database), mode).expect("set");
    house.start_again().await;
    assert_eq!(house.send(Method::GET, &v1(&hook, "/secret"), "").await.status(), 200);
    house.close().await;
}

#[tokio::test]
async fn a_rotation_by_an_administrator_leaves_the_key_to_whom_it_was() {
    let mut house = House::new().await;
    house.stop().await;
    let database = house.database();
    let other = (4711, 4712);
    if std::os::unix::fs::chown(key_file(&database), Some(other.0), Some(other.1)).is_err() {
        assert!(std::env::var_os("NYALA_TEST_ALL").is_none(), "only root can give files away");
        println!("skipped: only root can give files away");
        return house.close().await;
    }

    rotated(&database).await;

    let now = std::fs::metadata(key_file(&database)).expect("a key");
    assert_eq!((now.uid(), now.gid(), now.mode() & 0o777), (other.0, other.1, 0o600));
    house.close().await;
}

#[tokio::test]
async fn a_rotation_beside_a_server_does_not_wait_for_who_reads_nor_keep_others_from_writing() {
    let house = House::new().await;
    let hook = subscribed(&house, &fields("http://127.0.0.1:9/")).await;
    let reader = Connection::open(house.database()).expect("the database");
    reader.execute_batch("BEGIN; SELECT count(*) FROM hooks;").expect("a snapshot");
    let read: i64 = reader.query_row("SELECT count(*) FROM hooks", [], |row| row.get(0)).expect("a count");

    let began = std::time::Instant::now();
    within("a rotation", rotated(&house.database())).await;
    let took = began.elapsed();

    assert!(took < std::time::Duration::from_secs(10), "it waited for the reader: {took:?}");
    assert_eq!((read, secret(&house, &hook).await), (1, hook["secret"].clone()));
    drop(reader);
    house.close().await;
}

#[tokio::test]
async fn secrets_that_change_while_the_key_does_are_the_changed_ones_afterwards() {
    let house = House::new().await;
    let mut hooks = vec![];
    for n in 0..250 {
        hooks.push(subscribed(&house, &fields(&format!("http://127.0.0.1:9/{n}"))).await);
    }

    let database = house.database();
    let rotation = tokio::spawn(async move { rotated(&database).await });
    let mut changed = 0;
    while !rotation.is_finished() {
        let hook = &mut hooks[changed % 250];
        hook["secret"] = super::rotated(&house, hook).await["secret"].clone();
        changed += 1;
    }

    rotation.await.expect("rotated");
    assert!(changed > 0, "none changed meanwhile");
    for hook in &hooks {
        assert_eq!(secret(&house, hook).await, hook["secret"]);
    }
    house.close().await;
}
