//! The process is killed while triggers are fired.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::house::{check_database, within};
use crate::stop::Process;
use nyala::clock::{Clock, SystemClock};

/// Calls that are made at a time.
const CALLERS: usize = 32;

async fn get(process: &Process, path: &str) -> Value {
    let request = process.client.get(format!("{}{path}", process.url));
    within("an answer", request.send()).await.expect("an answer").json().await.expect("JSON")
}

async fn trigger(process: &Process, fields: &Value) -> String {
    let request = process.client.post(format!("{}/api/v1/triggers", process.url)).json(fields);
    let made: Value = within("an answer", request.send()).await.expect("an answer").json().await.expect("JSON");
    made["uuid"].as_str().expect("a uuid").to_owned()
}

/// Fires until the server is gone; answers what was acknowledged.
fn fire_until_gone(process: &Process, uuid: &str, round: usize) -> JoinSet<Vec<String>> {
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let (client, url) = (process.client.clone(), format!("{}/webhook/{uuid}", process.url));
        callers.spawn(async move {
            let mut acknowledged = vec![];
            for number in 0.. {
                let name = format!("{round}-{caller}-{number}");
                let sent = client.post(&url).json(&json!({ "name": name })).send().await;
                match sent {
                    Ok(answer) if answer.status() == 200 => acknowledged.push(name),
                    Ok(answer) => panic!("{}", answer.status()),
                    Err(_) => break,
                }
            }
            acknowledged
        });
    }
    callers
}

/// How often each name was published, by all events of this type.
async fn published(process: &Process, event: &str) -> HashMap<String, usize> {
    let (mut names, mut query) = (HashMap::new(), String::new());
    loop {
        let list = get(process, &format!("/api/v1/events?type={event}&limit=1000{query}")).await;
        for item in list["items"].as_array().expect("a list") {
            let whole = get(process, &format!("/api/v1/events/{}", item["id"].as_str().expect("an id"))).await;
            *names.entry(whole["payload"]["name"].as_str().expect("a name").to_owned()).or_default() += 1;
        }
        let Some(next) = list["next"].as_str() else { return names };
        query = format!("&cursor={next}");
    }
}

#[tokio::test]
async fn every_call_that_was_acknowledged_is_published_once_however_often_the_process_dies() {
    let folder = TempDir::new().expect("a folder");
    let database = folder.path().join("nyala.db");
    let (mut acknowledged, mut uuid) = (HashSet::new(), String::new());

    for round in 0..3 {
        let mut process = Process::start(&database, "127.0.0.1:0");
        if round == 0 {
            uuid = trigger(&process, &json!({"kind": "webhook", "name": "t", "event": "Called"})).await;
            trigger(&process, &json!({
                "kind": "scheduler", "name": "s", "cron": "* * * * * *", "seconds": true, "missed": "all", "event": "Tick",
                "payload": {"name": "tick"},
            }))
            .await;
        }
        let callers = fire_until_gone(&process, &uuid, round);
        let some = async {
            let (path, enough) = ("/api/v1/events?type=Called&limit=1000", Some(100 * (round + 1)));
            while get(&process, path).await["items"].as_array().map(Vec::len) < enough {}
        };
        within("some calls", some).await;
        process.kill();
        for names in callers.join_all().await {
            acknowledged.extend(names);
        }
        process.ended().await;
    }

    let process = Process::start(&database, "127.0.0.1:0");
    let quiet = async { while get(&process, &format!("/api/v1/triggers/{uuid}")).await["executions"]["todo"] != 0 {} };
    within("all is carried out", quiet).await;
    let names = published(&process, "Called").await;
    let ticks = get(&process, "/api/v1/events?type=Tick&limit=1000").await;
    process.stop().await;

    let lost: Vec<_> = acknowledged.iter().filter(|name| !names.contains_key(*name)).collect();
    let twice: Vec<_> = names.iter().filter(|(_, count)| **count > 1).collect();
    assert!(lost.is_empty() && twice.is_empty(), "lost {lost:?}, twice {twice:?}");
    let ticks: Vec<_> = ticks["items"].as_array().expect("a list").iter().map(|item| &item["execution"]).collect();
    assert_eq!(ticks.len(), ticks.iter().collect::<HashSet<_>>().len(), "each firing happens once");
    assert!(acknowledged.len() >= 300, "{}", acknowledged.len());
    check_database(&database, SystemClock::default().now());
}
