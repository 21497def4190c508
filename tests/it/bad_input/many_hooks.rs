//! A hundred thousand hooks.

use std::collections::BTreeSet;
use std::sync::Arc;

use nyala::domain::filter::Filter;
use nyala::domain::gate::Gating;
use nyala::domain::headers::GivenHeaders;
use nyala::domain::hook::{Dialect, NewHook, Order, Owner};
use nyala::domain::pace::Limits;
use nyala::domain::signature::Scheme;
use nyala::domain::time::Timestamp;
use nyala::domain::url::HookUrl;
use nyala::store::db::Db;
use nyala::store::room::Room;
use nyala::store::vault::Vault;
use serde_json::Value;

use super::close_in_order;
use crate::house::{House, START, rules};

const MANY: u32 = 100_000;

/// Enough that their list does not fit into the buffers of a connection.
const ENOUGH: u32 = 40_000;

/// Hooks that are added in one transaction.
const STEP: u32 = 5_000;

#[tokio::test]
async fn a_hundred_thousand_hooks_are_listed_each_exactly_once() {
    let mut house = House::new().await;
    house.stop().await;
    add_hooks(&house, MANY).await;
    house.start_again().await;

    let whole_list = house.json("/api/hooks").await;
    let paged = all_pages(&house).await;

    let everyone: Vec<_> = (1..=u64::from(MANY)).collect();
    assert_eq!(ids(&whole_list), everyone);
    assert_eq!(paged, everyone);
    close_in_order(house).await;
}

#[tokio::test]
async fn a_list_that_is_being_streamed_stays_whole_while_hooks_come_and_go() {
    let mut house = House::new().await;
    house.stop().await;
    add_hooks(&house, ENOUGH).await;
    house.start_again().await;

    let mut streaming = house.get("/api/hooks").await;
    let mut list = streaming.chunk().await.expect("a chunk").expect("a chunk").to_vec();
    for id in [1, 600, ENOUGH] {
        house.client.delete(house.url(&format!("/hooks/{id}"))).send().await.expect("an answer");
    }
    house.subscribe("http://127.0.0.1:9/late", "E").await;
    while let Some(chunk) = streaming.chunk().await.expect("a chunk") {
        list.extend(chunk);
    }

    let ids = ids(&serde_json::from_slice(&list).expect("one JSON array"));
    let distinct: BTreeSet<_> = ids.iter().copied().collect();
    assert_eq!(distinct.len(), ids.len(), "each once");
    let stayed = (2..u64::from(ENOUGH)).filter(|&id| id != 600);
    assert_eq!(stayed.filter(|id| !distinct.contains(id)).count(), 0, "all that stayed are there");
    close_in_order(house).await;
}

/// Adds them to the house's database while no service has it.
async fn add_hooks(house: &House, count: u32) {
    let vault = Arc::new(Vault::beside(&house.database()));
    let (db, _handover) = Db::open(&house.database(), Arc::new(Room::new(1)), rules(), vault).expect("the database");
    for first in (1..=count).step_by(STEP as usize) {
        let added = db.write(move |store| {
            for n in first..first + STEP {
                store.add(Timestamp::from_millis(START), &hook(n))?;
            }
            Ok(())
        });
        added.await.expect("added");
    }
    tokio::task::spawn_blocking(move || db.close()).await.expect("closed");
}

fn hook(n: u32) -> NewHook {
    let (url, credentials) = HookUrl::parse(&format!("http://127.0.0.1:9/{n}")).expect("a URL");
    NewHook {
        owner: Owner::ADMIN,
        dialect: Dialect::Kudu,
        webhook: None,
        concerns: vec![],
        url,
        credentials,
        filter: Filter::product(&[format!("Event{}", n % 1000)], &[]).expect("a filter"),
        insecure_ssl: false,
        gating: Gating::default(),
        description: None,
        limits: Limits::default(),
        order: Order::None,
        secret: None,
        signatures: vec![Scheme::V1],
        headers: GivenHeaders::default(),
        ca_certificate: None,
        client_certificate: None,
    }
}

async fn all_pages(house: &House) -> Vec<u64> {
    let mut path = "/api/v1/hooks?limit=1000".to_owned();
    let mut all = vec![];
    loop {
        let page = house.json(&path).await;
        all.extend(ids(&page["items"]));
        match page["next"].as_str() {
            Some(cursor) => path = format!("/api/v1/hooks?limit=1000&cursor={cursor}"),
            None => return all,
        }
    }
}

fn ids(list: &Value) -> Vec<u64> {
    let hooks = list.as_array().expect("a list").iter();
    hooks.map(|hook| hook["id"].as_u64().expect("a number")).collect()
}
