//! Where hooks may point: what is refused at once, and what at every attempt.

mod dns;
mod https;
mod literals;
mod looking_up;
mod names;
mod subscribing;

use std::net::SocketAddr;

use nyala::config::Settings;
use nyala::domain::network::Network;
use reqwest::Method;
use serde_json::{Value, json};

use crate::house::House;
use crate::receiver::{Receiver, Reply, status};

/// The loopback address that stands for a public one here: nothing else is allowed
/// in these houses, and no test may call the internet.
const PUBLIC: [u8; 4] = [127, 0, 0, 2];

fn networks(texts: &[&str]) -> Vec<Network> {
    texts.iter().map(|text| text.parse().expect("a network")).collect()
}

/// A house whose hooks may point to [`PUBLIC`] and nowhere else in it, and which asks
/// this name server.
async fn house_asking(server: SocketAddr) -> House {
    house_asking_with(server, |_| {}).await
}

async fn house_asking_with(server: SocketAddr, change: impl FnOnce(&mut Settings)) -> House {
    let settings = |settings: &mut Settings| {
        settings.allow_network = networks(&["127.0.0.2/32"]);
        settings.name_servers = vec![server];
        change(settings);
    };
    House::with(settings).await
}

/// A receiver at the public address and one inside, on the same port. Both ask for a
/// new connection each time.
async fn outside_and_inside() -> (Receiver, Receiver, u16) {
    loop {
        let outside = Receiver::at((PUBLIC, 0).into()).await.expect("a port");
        let port = outside.address().port();
        // Somebody else may have that port there.
        if let Ok(inside) = Receiver::at(([127, 0, 0, 1], port).into()).await {
            let once = |status| Reply { headers: vec![("connection", "close".to_owned())], ..status };
            outside.answer(move |_| once(status(200)));
            inside.answer(move |_| once(status(200)));
            return (outside, inside, port);
        }
    }
}

/// Asks for a hook; answers the status and what came back.
async fn ask_for_hook(house: &House, path: &str, fields: Value) -> (u16, Value) {
    let response = house.send(Method::POST, path, &fields.to_string()).await;
    (response.status().as_u16(), response.json().await.expect("JSON"))
}

/// The attempts of a hook's latest delivery: each outcome, and its reason.
async fn attempts(house: &House, hook: &Value) -> Vec<(String, String)> {
    let page = house.json(&format!("/api/v1/deliveries?hook={}", hook["id"])).await;
    let delivery = page["items"][0]["id"].as_str().expect("a delivery").to_owned();
    let delivery = house.json(&format!("/api/v1/deliveries/{delivery}")).await;
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let attempts = delivery["attempts"].as_array().expect("attempts").iter();
    attempts.map(|attempt| (text(&attempt["outcome"]), text(&attempt["reason"]))).collect()
}

/// The latest attempt.
async fn latest(house: &House, hook: &Value) -> (String, String) {
    attempts(house, hook).await.pop().expect("an attempt")
}

fn fields(url: &str) -> Value {
    json!({"url": url, "event": "E"})
}
