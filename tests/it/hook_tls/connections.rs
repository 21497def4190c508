//! Who shares a connection, and who does not.

use std::collections::HashSet;

use rustls::crypto::ring;
use serde_json::json;

use super::authority::{Authority, LATER};
use super::{Stage, patched, reason, subscribed};
use crate::house::House;
use crate::receiver::{Received, Receiver};

/// The connections over which requests to this path came.
fn connections(received: &[Received], path: &str) -> HashSet<usize> {
    received.iter().filter(|request| request.path == path).map(|request| request.connection).collect()
}

#[tokio::test]
async fn hooks_with_other_certificates_never_share_a_connection_and_those_with_the_same_do() {
    let _ = ring::default_provider().install_default();
    let (house, ca) = (House::new().await, Authority::new("Both"));
    let receiver = Receiver::over_tls(ca.server(&["127.0.0.1"], LATER).asking(&ca)).await;
    let (first, second) = (ca.client("first", LATER).pem(), ca.client("second", LATER).pem());
    let ways = [("/none", None), ("/first", Some(&first)), ("/second", Some(&second)), ("/first", Some(&first))];
    for (n, (path, client)) in ways.into_iter().enumerate() {
        let event = format!("E{n}");
        let fields = json!({"url": receiver.url(path), "event": event, "ca_certificate": ca.pem(), "client_certificate": client});
        let fields = fields.to_string();
        assert_eq!(house.send(reqwest::Method::POST, "/api/v1/hooks", &fields).await.status(), 201);
    }

    // One after the other, so that one connection would do for all.
    for _ in 0..3 {
        for n in 0..ways.len() {
            house.publish_and_wait(&format!("E{n}"), "{}").await;
        }
    }

    let all = receiver.wait_for(12).await;
    let (none, first, second) = (connections(&all, "/none"), connections(&all, "/first"), connections(&all, "/second"));
    assert!(none.is_disjoint(&first) && first.is_disjoint(&second) && second.is_disjoint(&none), "{all:?}");
    assert_eq!((none.len(), first.len(), second.len()), (1, 1, 1), "connections are kept");
    for request in &all {
        assert_eq!(request.client_certificate.is_none(), request.path == "/none");
    }
    house.close().await;
}

#[tokio::test]
async fn another_certificate_counts_from_the_next_attempt() {
    let (house, stage) = (House::new().await, Stage::new().await);
    let (one, two) = (stage.client(), stage.client());
    let hook = subscribed(&house, &stage.fields(&one)).await;
    house.publish_and_wait("E", "{}").await;

    patched(&house, &hook, &json!({"client_certificate": two.pem()})).await;
    house.publish_and_wait("E", "{}").await;
    patched(&house, &hook, &json!({"client_certificate": null})).await;
    house.publish_and_wait("E", "{}").await;

    let shown: Vec<_> = stage.receiver.wait_for(2).await.into_iter().map(|one| one.client_certificate).collect();
    assert_eq!(shown, [Some(one.der().to_vec().into()), Some(two.der().to_vec().into())]);
    assert!(reason(&house, &hook).await.contains("give the hook one as client_certificate"));
    house.close().await;
}

#[tokio::test]
async fn another_ca_counts_from_the_next_attempt_and_the_former_no_longer() {
    let (house, stage) = (House::new().await, Stage::new().await);
    let hook = subscribed(&house, &stage.fields(&stage.client())).await;
    house.publish_and_wait("E", "{}").await;

    patched(&house, &hook, &json!({"ca_certificate": Authority::new("Strangers").pem()})).await;
    house.publish_and_wait("E", "{}").await;

    assert!(reason(&house, &hook).await.contains("not signed by the hook's ca_certificate"));
    let both = format!("{}{}", Authority::new("Strangers").pem(), stage.servers.pem());
    patched(&house, &hook, &json!({"ca_certificate": both})).await;
    house.publish_and_wait("E", "{}").await;
    assert_eq!(stage.receiver.received().len(), 2);
    house.close().await;
}

#[tokio::test]
async fn certificates_are_there_again_after_a_restart() {
    let (mut house, stage) = (House::new().await, Stage::new().await);
    subscribed(&house, &stage.fields(&stage.client())).await;

    house.stop().await;
    house.start_again().await;
    house.publish_and_wait("E", "{}").await;

    assert_eq!(stage.receiver.received().len(), 1);
    house.close().await;
}
