//! Databases of versions that kept user info as it was, and signed nothing.

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use serde_json::Value;

use super::at_rest::stand_nowhere;
use super::{is_v1, text};
use crate::house::House;
use crate::receiver::Receiver;

const OLDER: [&str; 2] = [
    include_str!("../../../src/store/sqlite/schema/0001_start.sql"),
    include_str!("../../../src/store/sqlite/schema/0002_engine.sql"),
];

/// Many hooks had user info once; what they left stands in pages that are free now.
const HOOKS: &str = "
    PRAGMA application_id = 0x4e59414c;
    PRAGMA user_version = 2;
    WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 300)
    INSERT INTO hooks (owner, dialect, url, url_key, filter, insecure_ssl, created_at, updated_at, removed_at)
    SELECT 0, 'kudu', '<receiver>' || n, '<receiver>' || n, '[[\"E\",\"*\"]]', 0, 0, 0, iif(n > 2, 1, NULL) FROM n;
    INSERT INTO hook_filters VALUES ('e', '*', 1), ('e', '*', 2);
    INSERT INTO hook_credentials SELECT id, 's3cr3tuser', 's3cr3tword' || hex(zeroblob(100)) FROM hooks;
    UPDATE hook_credentials SET password = 's3cr3tword';
    DELETE FROM hook_credentials WHERE hook_id > 1;";

/// A database as a version that was killed left it, with its log.
fn older(database: &Path, receiver: &Receiver) {
    let conn = Connection::open(database).expect("a database");
    let wal = "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA page_size;";
    conn.execute_batch(wal).expect("a log");
    for sql in OLDER {
        conn.execute_batch(sql).expect("a schema");
    }
    conn.execute_batch(&HOOKS.replace("<receiver>", &receiver.url("/"))).expect("hooks");
    let copies = ["", "-wal"].map(|suffix| (path(database, suffix), path(database, &format!("{suffix}.copy"))));
    for (from, to) in &copies {
        std::fs::copy(from, to).expect("a copy");
    }
    drop(conn);
    for (to, from) in &copies {
        std::fs::rename(from, to).expect("a move");
    }
}

fn path(database: &Path, suffix: &str) -> PathBuf {
    format!("{}{suffix}", database.display()).into()
}

#[tokio::test]
async fn what_an_older_version_kept_is_sealed_and_nothing_of_it_is_left() {
    let (mut house, receiver) = (House::new().await, Receiver::new().await);
    house.stop().await;
    for suffix in ["", "-wal", ".key"] {
        let _ = std::fs::remove_file(path(&house.database(), suffix));
    }
    older(&house.database(), &receiver);
    let log = std::fs::read(path(&house.database(), "-wal")).expect("a log");
    assert!(log.windows(10).any(|window| window == b"s3cr3tword"), "there is something to be wiped");

    house.start_again().await;

    stand_nowhere(house.database().parent().expect("a folder"), &[b"s3cr3tuser".into(), b"s3cr3tword".into()]);
    let secrets: Vec<Value> =
        vec![house.json("/api/v1/hooks/1/secret").await, house.json("/api/v1/hooks/2/secret").await];
    house.publish_and_wait("E", "{}").await;
    let mut requests = receiver.wait_for(2).await;
    requests.sort_by_key(|request| request.path.clone());
    for (request, secret) in requests.iter().zip(&secrets) {
        assert!(is_v1(request, 0, text(&secret["secret"])));
    }
    let authorization = [requests[0].header("authorization"), requests[1].header("authorization")];
    assert_eq!(authorization, ["Basic czNjcjN0dXNlcjpzM2NyM3R3b3Jk", ""]);
    house.close().await;
}
