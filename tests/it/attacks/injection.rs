//! Text that is made to be taken for something else: a header, a line of the log.

use reqwest::{Client, Method};
use serde_json::json;

use crate::bad_input::raw::exchange;
use crate::binary::{Serving, nyala};
use crate::house::{House, within};
use crate::receiver::Receiver;

#[tokio::test]
async fn nothing_that_a_client_sends_becomes_a_header() {
    let receiver = Receiver::new().await;
    let house = House::new().await;
    house.subscribe(&receiver.url("/"), "*").await;

    for path in ["/api/hooks/publish/E%0d%0ax-injected:%201", "/api/hooks/publish/E%0ax-injected:%201"] {
        let head = format!("POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
        let answer = exchange(&house, head.as_bytes()).await;
        assert_eq!(answer.status, 400, "{path}");
        assert!(!answer.head.to_lowercase().contains("x-injected"), "{answer:?}");
    }
    let echoed = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nx-request-id: a\tb\r\n\r\n";
    assert!(!exchange(&house, echoed).await.head.contains("a\tb"), "an id with a control character is not echoed");
    for kind in ["E\r\nx-injected: 1", "E\u{2028}x-injected: 1", "E\u{85}x-injected: 1", "E x-injected: 1"] {
        house.send(Method::POST, "/api/v1/events", &json!({"type": kind}).to_string()).await;
    }
    house.publish_and_wait("Last", "{}").await;

    let injected = receiver.received().iter().any(|request| request.headers.contains_key("x-injected"));
    assert!(!injected);
    house.close().await;
}

#[tokio::test]
async fn nothing_that_a_client_sends_becomes_a_line_of_the_log() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().expect("a folder");
    let mut serve = nyala(folder.path(), &["serve", "--listen", "127.0.0.1:0", "--log-format", "human"]);
    let serving = Serving::start(serve.args(["--log-level", "debug", "--allow-network", "loopback"]));
    let client = Client::builder().no_proxy().build().expect("a client");
    let post = async |path: &str, body: String| {
        let request = client.post(format!("{}{path}", serving.url)).header("content-type", "application/json");
        within("an answer", request.body(body).send()).await.expect("an answer")
    };
    let forged = "x\nFORGED ERROR nyala: all is lost\r\u{1b}[31m\u{9b}2J";

    post("/api/v1/hooks", json!({ forged: 1 }).to_string()).await;
    post("/api/hooks", json!({"url": forged, "event": forged}).to_string()).await;
    post("/api/v1/events", json!({"type": forged, forged: 1}).to_string()).await;
    post("/api/v1/events?FORGED%0aFORGED%1b", "{}".to_owned()).await;
    post("/api/hooks/publish/%0aFORGED", "{}".to_owned()).await;
    post("/%0aFORGED%1b%5b2J", "{}".to_owned()).await;
    let (_, logs) = serving.stop();

    assert!(logs.iter().any(|line| line.contains("a request was refused")), "{logs:?}");
    for line in &logs {
        assert!(line.starts_with("20") && !line.starts_with("FORGED"), "{line:?}");
        assert!(!line.contains(['\u{1b}', '\u{9b}', '\r']), "{line:?}");
    }
}
