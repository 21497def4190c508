//! Tokens: made, used, revoked.

use std::time::Duration;

use nyala::clock::Clock;
use nyala::domain::token::Scope;
use nyala::store::sqlite::Desk;
use nyala::store::{Revoked, Tokens, lock};
use reqwest::Method;
use rusqlite::Connection;
use serde_json::{Value, json};

use super::{closed, expiring, send, status, token};
use crate::binary::{Serving, nyala, printed, run};
use crate::house::{House, within};

/// Revokes a token and waits until the service has seen it.
pub(super) async fn revoke(house: &House, name: &str) {
    let mut desk = Desk::open(&house.database()).expect("a desk");
    let revoked = desk.revoke_token(house.clock.now(), name).expect("an answer");
    assert!(matches!(revoked, Revoked::Now(_)), "{revoked:?}");
    house.clock.advance(Duration::from_secs(1));
    // The service looks before it notes uses, and is seen to have looked by a token
    // that it can know only from there.
    let seen = token(house, &format!("after {name}"), &[Scope::Read], &[]);
    assert_eq!(status(house, &seen, Method::GET, "/api/v1/hooks", "").await, 200);
}

#[tokio::test]
async fn a_token_is_good_as_soon_as_it_is_made_and_until_it_is_revoked() {
    let house = House::new().await;
    let ops = token(&house, "ops", &[Scope::Read], &[]);
    assert_eq!(status(&house, &ops, Method::GET, "/api/v1/hooks", "").await, 200);

    revoke(&house, "ops").await;

    let refused = send(&house, &ops, Method::GET, "/api/v1/hooks", "").await;
    assert_eq!(refused.status(), 401);
    let problem: Value = refused.json().await.expect("a problem");
    assert_eq!(problem["detail"], "this token was revoked: ask for another one");
    house.close().await;
}

#[tokio::test]
async fn a_token_ends_when_its_time_is_over() {
    let house = House::new().await;
    let week = Duration::from_hours(7 * 24);
    let guest = expiring(&house, "guest", &[Scope::Read], &[], Some(week));
    assert_eq!(status(&house, &guest, Method::GET, "/api/v1/hooks", "").await, 200);

    house.clock.advance(week);

    assert_eq!(status(&house, &guest, Method::GET, "/api/v1/hooks", "").await, 401);
    house.close().await;
}

#[tokio::test]
async fn a_token_is_taken_as_the_password_of_any_user() {
    let house = House::new().await;
    let ops = token(&house, "ops", &[Scope::Read], &[]);

    for user in ["$site", "", "admin"] {
        let request = house.client.get(house.url("/api/hooks")).basic_auth(user, Some(&ops));
        assert_eq!(within("an answer", request.send()).await.expect("an answer").status(), 200, "{user}");
    }
    // A browser remembers passwords and sends them for whoever makes it ask.
    let forged =
        house.client.get(house.url("/api/hooks")).basic_auth("", Some(&ops)).header("origin", "https://evil.example");
    assert_eq!(within("an answer", forged.send()).await.expect("an answer").status(), 403);
    house.close().await;
}

#[tokio::test]
async fn wrong_tokens_are_answered_later_and_later_and_right_ones_at_once() {
    let house = House::new().await;
    let right = token(&house, "ops", &[Scope::Read], &[]);
    closed(&house).await;
    for _ in 0..5 {
        assert_eq!(status(&house, "nyala_wrong", Method::GET, "/api/v1/hooks", "").await, 401);
    }

    let request = house.client.get(house.url("/api/v1/hooks")).bearer_auth("nyala_wrong").send();
    let slowed = tokio::spawn(request);
    for _ in 0..3 {
        assert_eq!(status(&house, &right, Method::GET, "/api/v1/hooks", "").await, 200);
    }
    assert!(!slowed.is_finished(), "nothing but the clock answers it");
    let answer = async {
        while !slowed.is_finished() {
            house.clock.advance(Duration::from_millis(100));
            tokio::task::yield_now().await;
        }
        slowed.await.expect("a task").expect("an answer")
    };
    assert_eq!(within("the late answer", answer).await.status(), 401);

    // The rest of the budget: who goes on is not looked at any more.
    let flood = (0..40).map(|_| house.client.get(house.url("/api/v1/hooks")).bearer_auth("nyala_wrong").send());
    let flood: Vec<_> = flood.map(tokio::spawn).collect();
    let mut refused = 0;
    for request in flood {
        let request = async {
            while !request.is_finished() {
                house.clock.advance(Duration::from_millis(10));
                tokio::task::yield_now().await;
            }
            request.await.expect("a task").expect("an answer")
        };
        let answer = within("an answer", request).await;
        if answer.status() == 429 {
            refused += 1;
            assert!(answer.headers().contains_key("retry-after"));
        }
    }
    assert!(refused > 0, "none of forty at once was refused");
    house.close().await;
}

#[tokio::test]
async fn after_too_many_wrong_tokens_the_database_is_not_asked_about_another() {
    let house = House::new().await;
    let right = token(&house, "ops", &[Scope::Read], &[]);
    closed(&house).await;
    let wrong = || tokio::spawn(house.client.get(house.url("/api/v1/hooks")).bearer_auth("nyala_wrong").send());
    let flood: Vec<_> = (0..16).map(|_| wrong()).collect();
    let ended = async {
        while flood.iter().filter(|wrong| wrong.is_finished()).count() < 6 {
            tokio::task::yield_now().await;
        }
    };
    within("five are answered, ten wait, one is refused", ended).await;

    let fresh = token(&house, "fresh", &[Scope::Read], &[]);
    assert_eq!(status(&house, &fresh, Method::GET, "/api/v1/hooks", "").await, 429, "it takes a look to know it");
    assert_eq!(status(&house, &right, Method::GET, "/api/v1/hooks", "").await, 200);

    let seen = async {
        while status(&house, &fresh, Method::GET, "/api/v1/hooks", "").await != 200 {
            house.clock.advance(Duration::from_millis(250));
        }
    };
    within("the next look by the clock", seen).await;
    house.clock.advance(Duration::from_secs(20));
    for wrong in flood {
        within("an answer", wrong).await.expect("a task").expect("an answer");
    }
    house.close().await;
}

#[tokio::test]
async fn nothing_of_a_token_is_in_the_database_but_its_hash_and_its_last_use() {
    let mut house = House::new().await;
    let ops = token(&house, "ops", &[Scope::Read], &[]);
    assert_eq!(status(&house, &ops, Method::GET, "/api/v1/hooks", "").await, 200);
    let now = house.clock.now().millis();

    house.stop().await;

    let conn = Connection::open(house.database()).expect("the database");
    let used: Option<i64> =
        conn.query_row("SELECT last_used_at FROM tokens WHERE name = 'ops'", [], |row| row.get(0)).expect("a row");
    assert_eq!(used, Some(now));
    drop(conn);
    let bytes = std::fs::read(house.database()).expect("the file");
    let secret = ops.strip_prefix("nyala_").expect("a prefix").as_bytes();
    assert!(!bytes.windows(secret.len()).any(|window| window == secret));
    house.close().await;
}

#[test]
fn a_token_is_printed_alone_and_once_and_listed_without_its_secret() {
    let folder = tempfile::tempdir().expect("a folder");
    let create = ["token", "create", "ci", "--scope", "publish", "--application", "shop", "--expires", "90d"];

    let token = printed(&mut nyala(folder.path(), &create));

    let secret = token.strip_suffix('\n').and_then(|line| line.strip_prefix("nyala_")).expect("a token");
    assert!(secret.len() == 43 && !secret.contains(char::is_whitespace), "{token:?}");
    let list: Value =
        serde_json::from_str(&printed(&mut nyala(folder.path(), &["token", "list", "--json"]))).expect("JSON");
    assert_eq!(list[0]["name"], "ci");
    assert_eq!((&list[0]["scopes"], &list[0]["applications"]), (&json!(["publish"]), &json!(["shop"])));
    assert_eq!((&list[0]["state"], &list[0]["last_used_at"]), (&json!("active"), &Value::Null));
    assert!(!list.to_string().contains(secret));
    let again = run(&mut nyala(folder.path(), &create));
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&again.stderr).contains("there is a token ci already"), "{again:?}");
}

#[test]
fn tokens_that_make_no_sense_are_refused_before_anything_is_made() {
    let folder = tempfile::tempdir().expect("a folder");
    let table: [(&[&str], &str); 6] = [
        (&["a"], "--scope"),
        (&["a", "--scope", "root"], "is none of read, publish, subscribe, admin"),
        (&["", "--scope", "read"], "name: is empty"),
        (&["a\nb", "--scope", "read"], "name: contains a control character"),
        (&["a", "--scope", "read", "--application", "*"], "application: is *"),
        (&["a", "--scope", "read", "--expires", "0s"], "--expires"),
    ];
    for (args, why) in table {
        let ended = run(nyala(folder.path(), &["token", "create"]).args(args));
        assert_eq!(ended.status.code(), Some(2), "{args:?}");
        assert!(String::from_utf8_lossy(&ended.stderr).contains(why), "{args:?}: {ended:?}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0);
}

#[test]
fn a_running_server_closes_within_a_second_and_takes_the_token_from_the_environment() {
    let folder = tempfile::tempdir().expect("a folder");
    let serving = Serving::start(&mut nyala(folder.path(), &["serve", "--listen", "127.0.0.1:0"]));
    let hooks = |token: &str| {
        let mut command = nyala(folder.path(), &["hooks", "list", "--json", "--server", &serving.url]);
        run(command.env("NYALA_TOKEN", token)).status.code()
    };
    assert_eq!(hooks(""), Some(0), "open");

    let token = printed(&mut nyala(folder.path(), &["token", "create", "ops", "--scope", "read"]));

    assert_eq!(hooks(&token), Some(0));
    let closes = std::time::Instant::now();
    while hooks("") == Some(0) {
        assert!(closes.elapsed() < crate::house::LIMIT, "it stays open");
    }
    assert_eq!(printed(&mut nyala(folder.path(), &["token", "revoke", "ops"])), "token ops revoked\n");
    while hooks(&token) == Some(0) {
        assert!(closes.elapsed() < crate::house::LIMIT, "the token stays good");
    }
}

#[test]
fn where_there_is_no_database_tokens_are_not_listed_nor_revoked_and_none_is_made() {
    let folder = tempfile::tempdir().expect("a folder");

    for args in [&["token", "list"][..], &["token", "revoke", "ops"], &["token", "list", "--database", "misspelt.db"]] {
        let ended = run(&mut nyala(folder.path(), args));
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(2), "{args:?}: {said}");
        assert!(said.contains("there is no database at") && said.contains("--database"), "{args:?}: {said}");
    }

    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0, "nothing is left behind");
}

#[tokio::test]
async fn a_server_starts_though_somebody_has_its_lock_for_a_moment_and_a_desk_leaves_it_alone() {
    let mut house = House::new().await;
    house.stop().await;
    let path = lock::path_of(&house.database());
    std::fs::remove_file(&path).expect("the lock's file");

    Desk::open(&house.database()).expect("a desk");
    let touched = path.exists();
    let held = lock::take(&house.database()).expect("a file").expect("the lock");
    tokio::join!(house.start_again(), async {
        // The server has found it taken.
        tokio::task::yield_now().await;
        drop(held);
    });

    assert!(!touched, "the schema is as it should be: no lock is needed");
    assert_eq!(house.get("/readyz").await.status(), 200);
    house.close().await;
}
