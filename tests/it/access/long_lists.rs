//! Lists of which a caller may see little end soon, and go on where they ended.

use nyala::domain::token::Scope;
use rusqlite::Connection;
use serde_json::{Value, json};

use super::{hook, json, listed, token};
use crate::binary::{nyala, printed};
use crate::house::House;
use crate::receiver::Receiver;

/// What stands between the newest and what is looked for: more than one page looks through.
const BETWEEN: i64 = 50_001;

/// Puts so many rows after all others.
fn crowd(house: &House, insert: &str) {
    let conn = Connection::open(house.database()).expect("the database");
    let numbers = "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?1)";
    let made = conn.execute(&format!("{insert} {numbers} {}", select(insert)), [BETWEEN]).expect("rows");
    assert_eq!(i64::try_from(made), Ok(BETWEEN));
    conn.execute("UPDATE counter SET seq = seq + ?1", [BETWEEN]).expect("a counter");
}

fn select(insert: &str) -> &'static str {
    if insert.contains("INTO events") {
        "SELECT (SELECT seq FROM counter) + n, unhex(printf('%032x', n)), 'Often', NULL, x'7b7d', 0, 1700000000000 FROM n"
    } else {
        "SELECT (SELECT seq FROM counter) + n, (SELECT max(seq) FROM events), 1, 2, 1, 1700000000000 FROM n"
    }
}

const EVENTS: &str = "INSERT INTO events (seq, id, type, applications, payload, deliveries, published_at)";
const DELIVERIES: &str = "INSERT INTO deliveries (seq, event_seq, hook_id, state, attempts, finished_at)";

/// The items of all pages of a list, and how many pages it has.
async fn all(house: &House, token: &str, path: &str) -> (Vec<Value>, usize) {
    let (mut ids, mut next, mut pages) = (vec![], Value::Null, 0);
    loop {
        let cursor = next.as_str().map(|next| format!("&cursor={next}")).unwrap_or_default();
        let page = json(house, token, &format!("{path}{cursor}")).await;
        ids.append(&mut listed(&page, "id"));
        pages += 1;
        next = page["next"].clone();
        if next.is_null() {
            return (ids, pages);
        }
    }
}

#[tokio::test]
async fn a_rare_event_is_found_after_pages_with_none() {
    let mut house = House::new().await;
    let reader = token(&house, "reader", &[Scope::Read], &["shop"]);
    let admin = token(&house, "admin", &[Scope::Admin], &[]);
    let body = json!({"type": "Rare", "application": "shop", "payload": {}}).to_string();
    let made = super::send(&house, &admin, reqwest::Method::POST, "/api/v1/events", &body).await;
    let rare: Value = made.json().await.expect("an event");
    house.stop().await;
    crowd(&house, EVENTS);
    house.start_again().await;

    let first = json(&house, &reader, "/api/v1/events?limit=2").await;
    assert_eq!(first["items"], json!([]), "a page looks through no more");
    for (token, path) in
        [(&reader, "events?limit=2"), (&admin, "events?type=rare"), (&admin, "events?application=shop")]
    {
        let (ids, pages) = all(&house, token, &format!("/api/v1/{path}")).await;
        assert_eq!((ids, pages), (vec![rare["id"].clone()], 2), "{path}");
    }

    let folder = tempfile::tempdir().expect("a folder");
    let mut command = nyala(folder.path(), &["events", "list", "--json", "--server", &house.url("")]);
    command.env("NYALA_TOKEN", &reader);
    let list = tokio::task::spawn_blocking(move || printed(&mut command)).await.expect("a thread");
    let list: Value = serde_json::from_str(&list).expect("JSON");
    assert_eq!(listed(&list, "id"), [rare["id"].clone()]);
    house.close().await;
}

#[tokio::test]
async fn deliveries_of_few_hooks_are_found_at_once_and_of_many_after_pages_with_none() {
    let (mut house, receiver) = (House::new().await, Receiver::new().await);
    let [boss, few, many, none] = ["boss", "few", "many", "none"]
        .map(|name| token(&house, name, &[if name == "boss" { Scope::Admin } else { Scope::Subscribe }], &[]));
    // The first hook is the one with a long history.
    hook(&house, &boss, &json!({"url": receiver.url("/0"), "events": ["Other"]})).await;
    for n in 0..103 {
        let (owner, events) = if n < 2 { (&few, ["E"]) } else { (&many, [if n == 2 { "E" } else { "Other" }]) };
        hook(&house, owner, &json!({"url": receiver.url(&format!("/{n}")), "events": events})).await;
    }
    let publish = json!({"type": "E", "payload": {}}).to_string();
    for _ in 0..3 {
        super::send(&house, &boss, reqwest::Method::POST, "/api/v1/events", &publish).await;
    }
    receiver.wait_for(9).await;
    house.stop().await;
    crowd(&house, DELIVERIES);
    house.start_again().await;

    let (of_few, pages) = all(&house, &few, "/api/v1/deliveries?limit=4").await;
    assert_eq!((of_few.len(), pages), (6, 2));
    assert_eq!(all(&house, &few, "/api/v1/deliveries?limit=6").await, (of_few.clone(), 1), "the same, newest first");
    let (of_many, pages) = all(&house, &many, "/api/v1/deliveries?limit=2").await;
    assert_eq!((of_many.len(), pages), (3, 3), "one page with none, then two");
    assert_eq!(all(&house, &none, "/api/v1/deliveries?limit=2").await, (vec![], 1));
    let reference = json(&house, &boss, "/api/v1/deliveries?hook=2").await;
    let own = json(&house, &few, "/api/v1/deliveries?hook=2").await;
    assert_eq!((listed(&own, "id"), listed(&own, "id").len()), (listed(&reference, "id"), 3));
    house.close().await;
}
