//! A stop lets requests over TLS end, and waits for nobody who asks nothing.

use std::time::{Duration, Instant};

use reqwest::ClientBuilder;
use rustls::version::TLS13;

use super::tls_house;
use crate::house::within;
use crate::receiver::{Receiver, Reply, status};

async fn a_publish_that_waits_is_answered(builder: impl FnOnce(ClientBuilder) -> ClientBuilder) {
    let ((mut house, authority, _folder), receiver) = (tls_house(|_| {}).await, Receiver::new().await);
    receiver.answer(|_| Reply { hang: true, ..status(200) });
    house.client = builder(authority.trusted()).build().expect("a client");
    house.subscribe(&receiver.url("/cb"), "E").await;
    let request = house.client.post(house.url("/api/hooks/publish/E")).header("prefer", "wait=60").body("{}");
    let waiting = tokio::spawn(request.send());
    receiver.wait_for(1).await;

    house.stop().await;

    let response = within("an answer", waiting).await.expect("a task").expect("an answer");
    assert_eq!(response.status(), 200);
    house.close().await;
}

#[tokio::test]
async fn over_http_2_a_publish_that_waits_is_answered_when_the_server_stops() {
    a_publish_that_waits_is_answered(|builder| builder).await;
}

#[tokio::test]
async fn over_tls_and_http_1_1_a_publish_that_waits_is_answered_when_the_server_stops() {
    a_publish_that_waits_is_answered(ClientBuilder::http1_only).await;
}

#[tokio::test]
async fn clients_over_tls_that_ask_nothing_do_not_hold_up_a_stop() {
    let (house, authority, _folder) = tls_house(|_| {}).await;
    let _shaking = super::tcp(&house.url("")).await;
    let _silent = authority.handshake(&house.url(""), &[&TLS13], &["h2"]).await;
    let _other = authority.handshake(&house.url(""), &[&TLS13], &["http/1.1"]).await;
    assert_eq!(house.get("/healthz").await.status(), 200);

    let since = Instant::now();
    house.close().await;

    assert!(since.elapsed() < Duration::from_secs(5), "{:?}", since.elapsed());
}
