//! The private key is in no file and in no log; and the command line, which is where
//! it comes from.

use std::fs;
use std::path::Path;

use reqwest::Client;
use rusqlite::Connection;
use serde_json::{Value, json};

use super::authority::LATER;
use super::{Stage, patched, reason, subscribed};
use crate::binary::{Serving, nyala, run};
use crate::house::{House, within};
use crate::secrets::at_rest::stand_nowhere;

fn serve(folder: &Path) -> Serving {
    let args = ["serve", "--listen", "127.0.0.1:0", "--allow-network", "loopback", "--log-level", "trace"];
    Serving::start(nyala(folder, &args).args(["--database", "n.db"]))
}

async fn post(url: String, body: &Value) -> u16 {
    let client = Client::builder().no_proxy().build().expect("a client");
    let request = client.post(url).header("content-type", "application/json").header("prefer", "wait=20");
    within("an answer", request.body(body.to_string()).send()).await.expect("an answer").status().as_u16()
}

#[tokio::test]
async fn a_private_key_stands_in_no_file_and_no_log() {
    let (stage, folder) = (Stage::new().await, tempfile::tempdir().expect("a folder"));
    let (taken, refused) = (stage.client(), stage.clients.client("nyala", 2024));
    let secrets = [taken.secrets(), refused.secrets()].concat();
    let serving = serve(folder.path());

    let hooks = format!("{}/api/hooks", serving.url);
    assert_eq!(post(hooks.clone(), &stage.fields(&taken)).await, 201);
    assert_eq!(post(hooks, &stage.fields(&refused)).await, 400);
    assert_eq!(post(format!("{}/api/hooks/publish/E", serving.url), &json!({})).await, 200);
    stand_nowhere(folder.path(), &secrets);
    let (_, logs) = serving.stop();

    assert_eq!(stage.receiver.received().len(), 1);
    stand_nowhere(folder.path(), &secrets);
    let logs = logs.join("\n");
    assert!(logs.contains("arrived"), "{logs}");
    let found = secrets.iter().find(|secret| logs.as_bytes().windows(secret.len()).any(|window| window == &secret[..]));
    assert!(found.is_none() && !logs.contains("PRIVATE KEY"), "{logs}");
}

#[tokio::test]
async fn a_hook_whose_ca_cannot_be_read_gets_nothing_rather_than_trust_others() {
    let (mut house, stage) = (House::new().await, Stage::new().await);
    let hook = subscribed(&house, &stage.fields(&stage.client())).await;
    house.stop().await;
    let conn = Connection::open(house.database()).expect("the database");
    conn.execute("UPDATE hook_ca_certificates SET pem = 'nonsense'", []).expect("a change");
    house.start_again().await;

    house.publish("E", "{}").await;
    let page = house.until("/api/v1/deliveries", |page| page["items"][0]["attempt_count"] == 1).await;

    let delivery = page["items"][0]["id"].as_str().expect("an id");
    let delivery = house.json(&format!("/api/v1/deliveries/{delivery}")).await;
    let said = delivery["attempts"][0]["reason"].as_str().expect("a reason");
    assert!(said.contains("certificate is damaged"), "{said}");
    assert_eq!(stage.receiver.received().len(), 0);
    patched(&house, &hook, &json!({"ca_certificate": stage.servers.pem()})).await;
    house.publish_and_wait("E", "{}").await;
    assert_eq!(stage.receiver.received().len(), 1);
    house.close().await;
}

#[tokio::test]
async fn a_removed_hooks_certificates_go_with_it() {
    let (house, stage) = (House::new().await, Stage::new().await);
    let client = stage.client();
    let hook = subscribed(&house, &stage.fields(&client)).await;

    house.client.delete(house.url(&format!("/api/hooks/{}", hook["id"]))).send().await.expect("an answer");

    let conn = Connection::open(house.database()).expect("the database");
    let left = "SELECT (SELECT count(*) FROM hook_ca_certificates) + (SELECT count(*) FROM hook_secrets)";
    assert_eq!(conn.query_row(left, [], |row| row.get::<_, i64>(0)).expect("a count"), 0);
    house.close().await;
}

#[tokio::test]
async fn the_command_line_gives_shows_and_takes_away_certificates() {
    let (house, stage) = (House::new().await, Stage::new().await);
    let folder = tempfile::tempdir().expect("a folder");
    let client = stage.clients.client("from a file", LATER);
    let files =
        [("ca.pem", stage.servers.pem()), ("own.pem", client.certificate.clone()), ("key.pem", client.key.clone())];
    for (name, text) in files {
        fs::write(folder.path().join(name), text.trim_end()).expect("a file");
    }
    let (server, url) = (house.url(""), stage.receiver.url("/cb"));
    let hooks = async |args: &[&str]| {
        let mut command = nyala(folder.path(), &["hooks", "--server", &server]);
        command.args(args);
        tokio::task::spawn_blocking(move || run(&mut command)).await.expect("an end")
    };

    let given = ["--ca-certificate", "ca.pem", "--client-certificate", "own.pem", "--client-certificate", "key.pem"];
    let added = hooks(&[&["add", &url, "--event", "E"], &given[..]].concat()).await;
    assert_eq!(added.status.code(), Some(0), "{added:?}");
    house.publish_and_wait("E", "{}").await;
    assert_eq!(stage.receiver.received().len(), 1);
    let shown = String::from_utf8(hooks(&["show", "1"]).await.stdout).expect("text");
    assert!(shown.contains("CN=from a file") && shown.contains("CN=Servers") && !shown.contains("PRIVATE"), "{shown}");

    assert_eq!(hooks(&["change", "1", "--no-client-certificate"]).await.status.code(), Some(0));
    house.publish_and_wait("E", "{}").await;
    assert!(reason(&house, &json!({"id": 1})).await.contains("client_certificate"));

    for wrong in [&["--ca-certificate", "none.pem"][..], &["--ca-certificate", "ca.pem", "--no-ca-certificate"]] {
        let refused = hooks(&[&["change", "1"], wrong].concat()).await;
        assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    }
    house.close().await;
}
