//! The database has reached its limit.

use reqwest::Response;
use rusqlite::Connection;

use crate::bad_input::{check_problem, whole};
use crate::delivery::{attempted, count, publishing, until_count};
use crate::house::{House, LIMIT, within};
use crate::receiver::{Receiver, Reply, status};

const MIB: u64 = 1 << 20;

async fn house() -> House {
    House::with(|settings| settings.database_limit = Some(4 * MIB)).await
}

/// Another process at the same file: the limit is not its own.
fn somebody_else(house: &House) -> Connection {
    let conn = Connection::open(house.database()).expect("the database");
    conn.busy_timeout(LIMIT).expect("a timeout");
    conn
}

async fn publish_large(house: &House) -> Response {
    let payload = format!("\"{}\"", "x".repeat(100 << 10));
    within("an answer", publishing(house, "E", &payload).send()).await.expect("an answer")
}

/// Publishes until there is no room; answers how many were kept, and the refusal.
async fn fill(house: &House) -> (usize, Response) {
    for kept in 0..100 {
        let response = publish_large(house).await;
        if response.status() != 200 {
            return (kept, response);
        }
    }
    panic!("there was room for 10 MiB");
}

#[tokio::test]
async fn a_full_database_refuses_publishes_and_delivers_what_it_has() {
    let (house, receiver) = (house().await, Receiver::new().await);
    house.subscribe(&receiver.url("/cb"), "*").await;

    let (kept, refusal) = fill(&house).await;

    assert!((25..40).contains(&kept), "{kept} of 100 KiB in 4 MiB");
    assert_eq!(refusal.headers()["retry-after"], "30");
    check_problem(refusal, whole(503, "raise --database-limit"), "a publish").await;
    until_count(&house, "state=delivered", kept).await;
    assert_eq!(receiver.received().len(), kept);
    assert_eq!(house.get("/readyz").await.status(), 200, "what makes room can be written");
    assert!(std::fs::metadata(house.database()).expect("the file").len() <= 4 * MIB);
    house.close().await;
}

#[tokio::test]
async fn a_full_database_takes_publishes_again_once_old_events_are_removed() {
    let (house, receiver) = (house().await, Receiver::new().await);
    house.subscribe(&receiver.url("/cb"), "*").await;
    let (kept, _) = fill(&house).await;
    until_count(&house, "state=delivered", kept).await;

    let other = somebody_else(&house);
    other.execute_batch("DELETE FROM events; DELETE FROM deliveries; DELETE FROM attempts;").expect("room");
    let (kept_again, _) = fill(&house).await;

    assert!(kept_again + 1 >= kept, "{kept_again} after {kept}");
    until_count(&house, "state=delivered", kept_again).await;
    assert_eq!(receiver.received().len(), kept + kept_again);
    house.close().await;
}

#[tokio::test]
async fn an_outcome_for_which_there_is_no_room_is_kept_and_recorded_once_there_is() {
    let (house, receiver) = (house().await, Receiver::new().await);
    house.subscribe(&receiver.url("/cb"), "E").await;
    let filling = somebody_else(&house);
    filling.execute_batch("CREATE TABLE ballast (bytes BLOB)").expect("a table");
    let filling = std::sync::Mutex::new(filling);
    receiver.answer(move |_| {
        // The file is full by the time that the attempt ends.
        let filling = filling.lock().expect("the connection");
        filling.execute("INSERT INTO ballast VALUES (zeroblob(5000000))", []).expect("no limit of its own");
        Reply { body: vec![b'x'; 4 << 10].into(), ..status(200) }
    });

    let event = house.publish("E", "{}").await;
    receiver.wait_for(1).await;
    for _ in 0..20 {
        check_problem(publish_large(&house).await, whole(503, "--database-limit"), "a publish").await;
    }
    let unrecorded = count(&house, "state=leased").await;
    somebody_else(&house).execute_batch("DROP TABLE ballast").expect("room");

    assert_eq!(unrecorded, 1, "it cannot be on record");
    assert_eq!(attempted(&house, &event, 1).await["state"], "delivered");
    assert_eq!(receiver.received().len(), 1, "once is enough");
    receiver.answer(|_| status(200));
    assert_eq!(publish_large(&house).await.status(), 200);
    until_count(&house, "state=delivered", 2).await;
    house.close().await;
}
