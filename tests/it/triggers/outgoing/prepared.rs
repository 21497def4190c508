//! Triggers that call, put into a database that no server has.

use std::path::Path;
use std::sync::Arc;

use nyala::clock::Clock;
use nyala::domain::event::EventType;
use nyala::domain::hook::Owner;
use nyala::domain::id::Seq;
use nyala::domain::time::Timestamp;
use nyala::domain::trigger::{NewTrigger, OutgoingCall, Settings, Trigger};
use nyala::store::Firing;
use nyala::store::db::Db;
use nyala::store::room::Room;
use nyala::store::vault::Vault;
use serde_json::Value;

use crate::house::{House, rules};
use crate::receiver::Receiver;

/// What their events are.
pub const EVENT: &str = "Called";

/// A call without a body.
pub fn call(method: &str, url: &str) -> OutgoingCall {
    OutgoingCall { method: method.into(), url: url.into(), ..OutgoingCall::default() }
}

/// A trigger that calls, known by its name.
pub async fn add(db: &Db, now: Timestamp, name: &str, call: OutgoingCall, stopped: bool) -> Trigger {
    let new = NewTrigger {
        uuid: name.to_owned(),
        name: name.to_owned(),
        event_type: EventType::parse(EVENT).expect("a type"),
        applications: vec![],
        settings: Settings::Outgoing(call),
        secret: None,
        task: None,
        owner: Owner::ADMIN,
        stopped,
    };
    let added = db.write(move |store| store.add_trigger(now, &new)).await;
    added.expect("a trigger").expect("a new one")
}

/// Something that fires a trigger which calls.
pub fn firing(trigger: &Trigger) -> Firing {
    Firing { trigger: trigger.id, calls: true, incoming: None, key: None, hops: 0 }
}

/// Adds such a trigger and fires it then.
pub async fn fire(db: &Db, at: Timestamp, name: &str, call: OutgoingCall) -> Seq {
    let trigger = add(db, at, name, call, false).await;
    db.fire(at, firing(&trigger), |_| {}).await.expect("a database").expect("an execution").seq
}

/// Does something with a database that no server has.
pub async fn with_database<T>(path: &Path, act: impl AsyncFnOnce(&Db) -> T) -> T {
    let vault = Arc::new(Vault::beside(path));
    let (db, _handover) = Db::open(path, Arc::new(Room::new(1)), rules(), vault).expect("a database");
    let done = act(&db).await;
    tokio::task::spawn_blocking(move || db.close()).await.expect("a closed database");
    done
}

/// Stops a house, does something with its database, and starts it again.
pub async fn prepare<T>(house: &mut House, act: impl AsyncFnOnce(&Db, Timestamp) -> T) -> T {
    house.stop().await;
    let now = house.clock.now();
    let done = with_database(&house.database(), async |db| act(db, now).await).await;
    house.start_again().await;
    done
}

/// A house in which these have been fired, and this one hears what comes of them.
pub async fn house_that_calls(hook: Option<&Receiver>, calls: &[(&str, OutgoingCall)]) -> House {
    let mut house = House::new().await;
    if let Some(hook) = hook {
        house.subscribe(&hook.url("/hook"), EVENT).await;
    }
    prepare(&mut house, async |db, now| {
        for (name, call) in calls {
            fire(db, now, name, call.clone()).await;
        }
    })
    .await;
    house
}

/// The only execution of a trigger.
pub async fn latest(house: &House, name: &str) -> Value {
    house.json(&format!("/api/v1/triggers/{name}/executions")).await["items"][0].clone()
}

/// The only execution of a trigger, once it is over for good.
pub async fn until_done(house: &House, name: &str) -> Value {
    let over = |list: &Value| list["items"][0]["status"] == "DONE" && list["items"][0]["due_at"].is_null();
    house.until(&format!("/api/v1/triggers/{name}/executions"), over).await["items"][0].clone()
}
