//! `nyala db stats`: how much there is.

use serde_json::json;

use super::{Place, done, stdout};
use crate::receiver::{Receiver, status};

#[tokio::test]
async fn stats_count_everything_that_is_kept() {
    let (place, receiver) = (Place::new(), Receiver::new().await);
    receiver.answer(|request| status(if request.path == "/well" { 200 } else { 500 }));
    let server = place.serve();
    server.subscribe(&receiver.url("/well")).await;
    server.subscribe(&receiver.url("/ill")).await;
    server.publish().await;
    server.publish().await;
    // Two that arrive, and two of three attempts each.
    receiver.wait_for(2 + 2 * 3).await;
    server.stop().await;
    place.sql(
        "UPDATE hooks SET paused_at = 1 WHERE url LIKE '%/ill';
         UPDATE events SET published_at = 1700000000000 WHERE seq = 1;
         UPDATE deliveries SET state = 0, due_at = 5, finished_at = NULL WHERE seq = 3;
         INSERT INTO hooks SELECT 3, owner, dialect, url, url_key || 3, filter, 0, NULL, 0, 0, 1, NULL, NULL, 'none', NULL, NULL, '[]', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
         FROM hooks WHERE id = 1;",
    );

    let stats = place.json("stats");

    assert_eq!(stats["schema"], nyala::store::sqlite::SCHEMA_VERSION);
    assert_eq!(stats["hooks"], json!({"living": 2, "paused": 1, "removed": 1}));
    assert_eq!(stats["events"], 2);
    let by_state = json!({"all": 4, "owed": 1, "pending": 1, "leased": 0, "delivered": 2, "dead": 1, "cancelled": 0});
    assert_eq!(stats["deliveries"], by_state);
    assert_eq!(stats["attempts"], 6, "first ones that arrived are part of their delivery");
    assert_eq!(stats["oldest_event"], "2023-11-14T22:13:20.000Z");
    assert_eq!(stats["oldest_owed"], "2023-11-14T22:13:20.000Z");
    let length = std::fs::metadata(place.database()).expect("a file").len();
    assert_eq!(stats["bytes"]["file"], length);
    assert_eq!(stats["bytes"]["log"], 0);
    let bytes = |name: &str| stats["bytes"][name].as_u64().expect("a number");
    assert_eq!(bytes("used") + bytes("free"), length);
}

#[tokio::test]
async fn stats_for_people_have_a_line_for_each_number() {
    let place = Place::served().await;

    let output = place.db(&["stats"]);

    done(&output);
    for name in ["database", "file", "log", "hooks", "events", "deliveries", "pending", "dead", "owed", "attempts"] {
        let has = |line: &str| line.trim_start().starts_with(name);
        assert!(stdout(&output).lines().any(has), "{name}: {}", stdout(&output));
    }
    assert!(stdout(&output).contains("oldest owed   -\n"), "{}", stdout(&output));
}
