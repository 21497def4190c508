//! Nothing that is secret stands on the disk, but for the key.

use std::path::Path;
use std::process::Command;

use reqwest::Method;
use rusqlite::Connection;
use serde_json::{Value, json};

use super::{bytes, is_v1, patch, rotated, subscribed, text, v1};
use crate::binary::{nyala, run};
use crate::house::House;
use crate::receiver::{Receiver, status};

/// Requires that none of these stands in any file of the folder, in any spelling.
pub fn stand_nowhere(folder: &Path, secrets: &[Vec<u8>]) {
    let files: Vec<_> = std::fs::read_dir(folder).expect("a folder").map(|file| file.expect("a file").path()).collect();
    assert!(files.len() > 1, "{files:?}");
    for file in files {
        let content = std::fs::read(&file).expect("a file");
        // A log is made long with zeros.
        let content = &content[..content.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)];
        for secret in secrets {
            let found = content.windows(secret.len()).any(|window| window == secret);
            assert!(!found, "{} in {}", String::from_utf8_lossy(secret), file.display());
        }
    }
}

/// A signing secret as text and as bytes.
fn spellings(secret: &Value) -> [Vec<u8>; 2] {
    [text(secret)["whsec_".len()..].into(), bytes(text(secret), "whsec_")]
}

#[tokio::test]
async fn secrets_are_kept_sealed_whatever_happens_to_a_hook() {
    let (mut house, receiver) = (House::new().await, Receiver::new().await);
    receiver.answer(|request| status(if request.path == "/broken" { 500 } else { 200 }));
    let mut secrets: Vec<Vec<u8>> = ["s3cr3tuser", "s3cr3tword", "s3cr3tkey", "s3cr3tother"].map(Into::into).into();
    let mut hooks = vec![];
    for path in ["/broken", "/works", "/removed"] {
        let url = receiver.url(path).replacen("://", "://s3cr3tuser:s3cr3tword@", 1);
        let hook = subscribed(&house, &json!({"url": url, "event": "E", "headers": {"x-api-key": "s3cr3tkey"}})).await;
        secrets.extend(spellings(&hook["secret"]));
        secrets.extend(spellings(&rotated(&house, &hook).await["secret"]));
        hooks.push(hook);
    }
    house.publish_and_wait("E", "{}").await;
    let other = json!({"url": receiver.url("/moved"), "headers": {"x-other": "s3cr3tother"}}).to_string();
    assert_eq!(house.send(Method::PATCH, &v1(&hooks[1], ""), &other).await.status(), 200);
    house.send(Method::DELETE, &v1(&hooks[2], ""), "").await;

    let folder = house.database().parent().expect("a folder").to_owned();
    stand_nowhere(&folder, &secrets);
    let mut backup: Command = nyala(&folder, &["db", "backup", "copy.db", "--database", "nyala.db"]);
    assert_eq!(run(&mut backup).status.code(), Some(0));
    stand_nowhere(&folder, &secrets);
    house.stop().await;
    stand_nowhere(&folder, &secrets);
    house.close().await;
}

#[tokio::test]
async fn a_removed_hooks_secrets_go_at_once() {
    let house = House::new().await;
    let hook = subscribed(&house, &json!({"url": "http://127.0.0.1:9/", "event": "E"})).await;
    let conn = Connection::open(house.database()).expect("the database");
    let sealed: Vec<u8> = conn.query_row("SELECT sealed FROM hook_secrets", [], |row| row.get(0)).expect("a row");

    house.send(Method::DELETE, &v1(&hook, ""), "").await;
    conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).expect("a checkpoint");

    let rows: i64 = conn.query_row("SELECT count(*) FROM hook_secrets", [], |row| row.get(0)).expect("a count");
    assert_eq!((rows, house.get(&v1(&hook, "/secret")).await.status().as_u16()), (0, 404));
    stand_nowhere(house.database().parent().expect("a folder"), &[sealed]);
    house.close().await;
}

#[tokio::test]
async fn what_is_sealed_opens_in_its_own_row_alone_and_harms_no_other_hook() {
    let (mut house, receiver) = (House::new().await, Receiver::new().await);
    let [moved, sound] = ["/moved", "/sound"].map(|path| json!({"url": receiver.url(path), "event": "E"}));
    let (moved, _) = (subscribed(&house, &moved).await, subscribed(&house, &sound).await);
    house.stop().await;
    let swap = "UPDATE hook_secrets SET sealed = (SELECT sealed FROM hook_secrets WHERE hook_id = 2) WHERE hook_id = 1";
    Connection::open(house.database()).expect("the database").execute(swap, []).expect("a change");
    house.start_again().await;

    house.publish_and_wait("E", "{}").await;

    let paths: Vec<_> = receiver.received().into_iter().map(|request| request.path).collect();
    assert_eq!(paths, ["/sound"]);
    let failed = house.until("/api/v1/deliveries?hook=1", |page| page["items"][0]["attempt_count"] == 1).await;
    let attempt = house.json(&format!("/api/v1/deliveries/{}", text(&failed["items"][0]["id"]))).await;
    assert!(attempt["attempts"][0]["reason"].to_string().contains("does not open"), "{attempt}");
    assert_eq!(house.get(&v1(&moved, "/secret")).await.status(), 503);
    assert_eq!(house.send(Method::DELETE, &v1(&moved, ""), "").await.status(), 204);
    house.close().await;
}

#[tokio::test]
async fn a_hook_whose_secrets_do_not_open_gets_new_ones_by_a_rotation() {
    let (mut house, receiver) = (House::new().await, Receiver::new().await);
    let fields = json!({"url": receiver.url("/"), "event": "E", "headers": {"X-Token": "lost"}});
    let hook = subscribed(&house, &fields).await;
    house.stop().await;
    let damage = "UPDATE hook_secrets SET sealed = zeroblob(80)";
    let damaged = Connection::open(house.database()).expect("the database").execute(damage, []).expect("a change");
    house.start_again().await;
    let before = patch(&house, &hook, &json!({"headers": {"X-Token": "new"}})).await.status();

    let secret = rotated(&house, &hook).await;
    let shown = house.json(&v1(&hook, "")).await;
    let after = patch(&house, &hook, &json!({"headers": {"X-Token": "new"}})).await.status();
    house.publish_and_wait("E", "{}").await;

    assert_eq!((damaged, before.as_u16(), after.as_u16()), (1, 503, 200));
    assert!(secret["secret"].is_string() && secret["secret"] != hook["secret"], "{secret}");
    assert_eq!(shown["headers"], json!({}), "what is lost is not shown: {shown}");
    let request = receiver.wait_for(1).await.remove(0);
    assert_eq!(request.headers["x-token"], "new");
    assert!(is_v1(&request, 0, text(&secret["secret"])));
    house.close().await;
}
