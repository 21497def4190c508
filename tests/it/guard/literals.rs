//! Addresses in URLs, in every spelling.

use nyala::domain::reach::Reach;
use nyala::domain::url::HookUrl;
use reqwest::Method;
use serde_json::{Value, json};

use super::{ask_for_hook, networks};
use crate::house::House;

/// Hosts and what must be thought of them; see the head of the file.
const HOSTS: &str = include_str!("../../../data/hook-hosts.tsv");

fn table() -> Vec<(&'static str, &'static str)> {
    let rows = HOSTS.lines().filter(|line| !line.is_empty() && !line.starts_with("# "));
    let table: Vec<_> = rows.map(|row| row.split_once('\t').expect("two columns")).collect();
    assert!(table.len() > 200, "{}", table.len());
    table
}

/// Hosts that are refused when nothing private is allowed, and what the refusal calls them.
fn forbidden() -> impl Iterator<Item = (&'static str, &'static str)> {
    table().into_iter().filter(|(_, what)| !["public", "name", "malformed"].contains(what))
}

#[tokio::test]
async fn a_url_to_where_hooks_may_not_point_is_refused_at_once_in_every_spelling() {
    let house = House::with(|settings| settings.allow_network = vec![]).await;

    for (host, what) in table() {
        for scheme in ["http", "https"] {
            let fields = json!({"url": format!("{scheme}://{host}:8080/x?y"), "event": "E", "insecure_ssl": true});
            let (status, body) = ask_for_hook(&house, "/api/v1/hooks", fields).await;
            let expected = match what {
                "public" | "name" => 201,
                "malformed" => 400,
                _ => 422,
            };
            assert_eq!(status, expected, "{host}: {body}");
            if status != 201 {
                assert_eq!(body["errors"][0]["field"], "url", "{host}: {body}");
            }
            if status == 422 {
                let message = body["errors"][0]["message"].as_str().expect("a text");
                assert!(
                    message.contains(what) && message.contains("allow it with --allow-network "),
                    "{host}: {message}"
                );
            }
        }
    }

    house.close().await;
}

#[tokio::test]
async fn an_attempt_at_a_hook_from_laxer_times_is_refused_in_every_spelling() {
    let mut house = House::with(|settings| {
        settings.allow_network = networks(&["0.0.0.0/0", "::/0"]);
        settings.policy.workers_per_hook = 1;
    })
    .await;
    let mut hooks = vec![];
    for (n, (host, what)) in forbidden().enumerate() {
        // Should the table be wrong, nothing must leave this machine because of it.
        let (url, _) = HookUrl::parse(&format!("http://{host}:9/")).expect("a URL");
        assert!(Reach::default().admit(&url).is_err(), "{host} is open");
        let scheme = if n % 2 == 0 { "http" } else { "https" };
        let fields = json!({"url": format!("{scheme}://{host}:9/"), "event": "E", "insecure_ssl": n % 4 == 1});
        let (status, hook) = ask_for_hook(&house, "/api/v1/hooks", fields).await;
        assert_eq!(status, 201, "{host}: {hook}");
        hooks.push((host, what, hook["id"].clone()));
    }

    house.stop().await;
    house.change(|settings| settings.allow_network = vec![]);
    house.start_again().await;
    let published = house.publish_and_wait("E", "{}").await;

    assert_eq!(published["deliveries"], hooks.len());
    for (host, what, id) in hooks {
        let hook = house.json(&format!("/api/v1/hooks/{id}")).await;
        assert_eq!(hook["last_status"], "Failure", "{host}: {hook}");
        let reason = hook["last_reason"].as_str().expect("a text");
        assert!(reason.contains(what) && reason.contains("allow it with --allow-network "), "{host}: {reason}");
    }
    house.close().await;
}

#[tokio::test]
async fn what_the_refusal_advises_is_what_opens_it() {
    let house = House::with(|settings| settings.allow_network = vec![]).await;
    let mut advised: Vec<Value> = vec![];
    for (host, _) in forbidden() {
        let fields = json!({"url": format!("http://{host}/"), "event": "E"});
        let (_, body) = ask_for_hook(&house, "/api/hooks", fields.clone()).await;
        let message = body["errors"][0]["message"].as_str().expect("a text").to_owned();
        let (_, networks) = message.split_once("--allow-network ").expect("advice");
        let network = networks.split(" or ").last().expect("a network");
        advised.push(json!({"fields": fields, "network": network}));
    }
    house.close().await;

    let all: Vec<_> = advised.iter().map(|advice| advice["network"].as_str().expect("a text")).collect();
    let house = House::with(|settings| settings.allow_network = networks(&all)).await;
    for advice in &advised {
        let response = house.send(Method::POST, "/api/v1/hooks", &advice["fields"].to_string()).await;
        assert_eq!(response.status(), 201, "{advice}");
    }
    house.close().await;
}
