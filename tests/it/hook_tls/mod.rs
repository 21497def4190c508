//! Hooks with a private CA and a client certificate: what is taken, shown and sent.

mod authority;
mod connections;
mod expiry;
mod fields;
mod kept;
mod servers;

use reqwest::{Method, Response};
use rustls::crypto::ring;
use serde_json::{Value, json};

use crate::house::House;
use crate::receiver::Receiver;
use authority::{Authority, Issued, LATER};

/// Two CAs that do not know of each other, and a server of the first one's that
/// demands a certificate of the second one's.
struct Stage {
    servers: Authority,
    clients: Authority,
    receiver: Receiver,
}

impl Stage {
    async fn new() -> Self {
        let _ = ring::default_provider().install_default();
        let (servers, clients) = (Authority::new("Servers"), Authority::new("Clients"));
        let receiver = Receiver::over_tls(servers.server(&["127.0.0.1"], LATER).demanding(&clients)).await;
        Self { servers, clients, receiver }
    }

    fn client(&self) -> Issued {
        self.clients.client("nyala", LATER)
    }

    /// What a hook needs to be let in.
    fn fields(&self, client: &Issued) -> Value {
        json!({
            "url": self.receiver.url("/cb"),
            "event": "E",
            "ca_certificate": self.servers.pem(),
            "client_certificate": client.pem(),
        })
    }
}

/// Subscribes with these fields; answers the hook.
async fn subscribed(house: &House, fields: &Value) -> Value {
    let response = house.send(Method::POST, "/api/hooks", &fields.to_string()).await;
    let status = response.status();
    let hook = response.json().await.expect("JSON");
    assert_eq!(status, 201, "{hook}");
    hook
}

async fn patch(house: &House, hook: &Value, fields: &Value) -> Response {
    house.send(Method::PATCH, &format!("/api/v1/hooks/{}", hook["id"]), &fields.to_string()).await
}

/// Changes a hook; answers it.
async fn patched(house: &House, hook: &Value, fields: &Value) -> Value {
    let response = patch(house, hook, fields).await;
    assert_eq!(response.status(), 200);
    response.json().await.expect("a hook")
}

/// The reason of the hook's latest attempt, which has failed.
async fn reason(house: &House, hook: &Value) -> String {
    let hook = house.json(&format!("/api/hooks/{}", hook["id"])).await;
    assert_eq!(hook["last_status"], "Failure", "{hook}");
    hook["last_reason"].as_str().expect("a reason").to_owned()
}
