//! What the store promises of executions that are under way.

use std::time::Duration;

use nyala::domain::time::Timestamp;
use nyala::domain::trigger::Status;
use nyala::store::Reads;
use nyala::store::db::Db;
use tempfile::TempDir;

use super::prepared::{call, fire, with_database};
use crate::house::START;

const NOW: fn() -> Timestamp = || Timestamp::from_millis(START);

/// How many calls are due then.
async fn due(db: &Db, at: Timestamp) -> usize {
    db.look(move |archive: &dyn Reads| archive.due(at, true, 10, 1000)).await.expect("an answer").len()
}

#[tokio::test]
async fn one_alone_begins_an_execution_and_nobody_before_its_time() {
    let folder = TempDir::new().expect("a folder");
    with_database(&folder.path().join("nyala.db"), async |db| {
        let seq = fire(db, NOW(), "caller", call("POST", "http://a/")).await;

        let early = NOW().minus(Duration::from_millis(1));
        assert!(!db.write(move |store| store.begin_execution(early, seq)).await.expect("an answer"));
        let all = (0..8).map(|_| db.write(move |store| store.begin_execution(NOW(), seq)));
        let begun = futures_util::future::join_all(all).await;

        assert_eq!(begun.into_iter().filter(|begun| *begun.as_ref().expect("an answer")).count(), 1);
        assert_eq!(due(db, NOW()).await, 0);
    })
    .await;
}

#[tokio::test]
async fn what_is_given_back_is_due_then_and_is_charged_with_nothing() {
    let folder = TempDir::new().expect("a folder");
    with_database(&folder.path().join("nyala.db"), async |db| {
        let seq = fire(db, NOW(), "caller", call("POST", "http://a/")).await;
        let later = NOW().plus(Duration::from_secs(10));
        let give_back = || db.write(move |store| store.give_back_execution(later, seq, "no name server"));

        assert!(!give_back().await.expect("an answer"), "it has not begun");
        assert!(db.write(move |store| store.begin_execution(NOW(), seq)).await.expect("an answer"));
        assert!(give_back().await.expect("an answer"));

        assert_eq!((due(db, NOW()).await, due(db, later).await), (0, 1));
        let found = db.read(move |archive| archive.due(later, true, 1, 1000)).await.expect("an answer");
        let execution = &found[0].0;
        assert_eq!((execution.status, execution.errors, execution.processed_at), (Status::Scheduled, 0, None));
        assert_eq!(execution.last_error.as_deref(), Some("no name server"));
    })
    .await;
}
