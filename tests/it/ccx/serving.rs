//! Where gRPC is served, how it is with the server, and its end.

use std::time::{Duration, Instant};

use nyala::api::ccx::proto::hook_service_client::HookServiceClient;
use nyala::api::server::GRPC_CONNECTIONS;
use nyala::clock::SystemClock;
use nyala::service::Service;
use rustls::version::TLS13;
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::{Channel, add_node, answer, grpc, grpc_house, hooks, origin, with};
use crate::binary::{Serving, nyala, run};
use crate::door::{shown, tcp, tls_house};
use crate::house::{House, within};

fn about(service: &str) -> HealthCheckRequest {
    HealthCheckRequest { service: service.into() }
}

async fn health(house: &House) -> HealthClient<Channel> {
    HealthClient::with_origin(Channel::to(house).await, origin(house))
}

#[tokio::test]
async fn it_serves_as_a_whole_and_its_service_and_knows_of_no_other() {
    let house = grpc_house().await;
    let mut health = health(&house).await;

    for service in ["", "ccx.hook.v1.HookService"] {
        let status = answer(health.check(about(service))).await.expect("an answer");
        assert_eq!(status.status(), ServingStatus::Serving, "{service}");
    }
    let unknown = answer(health.check(about("other.Service"))).await.expect_err("a refusal");
    let mut watching = answer(health.watch(about("other.Service"))).await.expect("answers");

    assert_eq!(unknown.code(), Code::NotFound);
    let told = within("an answer", watching.message()).await.expect("an answer").expect("one");
    assert_eq!(told.status(), ServingStatus::ServiceUnknown);
    let large = answer(health.check(about(&"x".repeat(5000)))).await.expect_err("a refusal");
    assert_eq!(large.code(), Code::ResourceExhausted);
    house.close().await;
}

#[tokio::test]
async fn who_watches_is_told_of_the_end_and_does_not_put_it_off() {
    let mut house = grpc_house().await;
    let mut watching = answer(health(&house).await.watch(about(""))).await.expect("answers");
    let first = within("an answer", watching.message()).await.expect("an answer").expect("one");

    let begun = Instant::now();
    house.stop().await;
    let took = begun.elapsed();

    let last = within("an answer", watching.message()).await.expect("an answer").expect("one");
    assert_eq!((first.status(), last.status()), (ServingStatus::Serving, ServingStatus::NotServing));
    assert!(within("the end", watching.message()).await.expect("an end").is_none());
    assert!(took < Duration::from_secs(4), "{took:?}");
    house.close().await;
}

#[tokio::test]
async fn who_watches_may_wait_longer_than_somebody_who_does_not_read() {
    let stall = Duration::from_millis(100);
    let mut house = House::with(|settings| {
        grpc(settings);
        settings.limits.stall_timeout = stall;
    })
    .await;
    let mut watching = answer(health(&house).await.watch(about(""))).await.expect("answers");
    within("an answer", watching.message()).await.expect("an answer");

    // Nothing is to be waited for but time: it is this that must change nothing.
    let nothing = tokio::time::timeout(10 * stall, watching.message()).await;
    house.stop().await;

    assert!(nothing.is_err(), "{nothing:?}");
    assert!(within("an answer", watching.message()).await.expect("an answer").is_some());
    house.close().await;
}

#[tokio::test]
async fn over_tls_nothing_but_http_2_is_spoken_with_the_certificate_of_the_http_side() {
    let (house, authority, _folder) = tls_house(grpc).await;

    let both = authority.handshake(&house.grpc_url(), &[&TLS13], &["http/1.1", "h2"]).await;
    let http = authority.handshake(&house.url(""), &[&TLS13], &["h2"]).await;
    let silent = Channel::over(authority.handshake(&house.grpc_url(), &[&TLS13], &[]).await).await;
    let mut hooks = HookServiceClient::with_origin(silent, origin(&house));
    let answered = answer(hooks.pre_add_node(add_node())).await;

    assert_eq!(both.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    assert_eq!(shown(&both), shown(&http));
    assert!(answered.is_ok_and(|answered| answered.approved), "who chooses nothing may speak HTTP/2 as well");
    house.close().await;
}

#[tokio::test]
async fn an_answer_names_its_request_as_the_caller_does() {
    let house = grpc_house().await;
    let mut hooks = hooks(&house).await;

    let named = within("an answer", hooks.pre_add_node(with(add_node(), "x-request-id", "r1"))).await;
    let unnamed = within("an answer", hooks.pre_add_node(add_node())).await.expect("an answer");

    assert_eq!(named.expect("an answer").metadata().get("x-request-id").expect("a name"), "r1");
    assert_eq!(unnamed.metadata().get("x-request-id").expect("a name").len(), 26);
    house.close().await;
}

#[tokio::test]
async fn so_many_connections_are_served_and_one_more_is_closed() {
    let house = grpc_house().await;
    let mut held = vec![];
    for _ in 0..GRPC_CONNECTIONS {
        held.push(tcp(&house.grpc_url()).await);
    }

    let mut said = vec![];
    let ended = within("an end", tcp(&house.grpc_url()).await.read_to_end(&mut said)).await;
    let http = house.get("/healthz").await.status();
    held.pop();
    let mut client = None;
    while client.is_none() {
        let stream = tcp(&house.grpc_url()).await;
        let shaking = hyper::client::conn::http2::handshake::<_, _, tonic::body::Body>(
            hyper_util::rt::TokioExecutor::new(),
            hyper_util::rt::TokioIo::new(stream),
        );
        let (send, connection) = shaking.await.expect("HTTP/2");
        let running = tokio::spawn(connection);
        let mut hooks = HookServiceClient::with_origin(Channel(send), origin(&house));
        client = answer(hooks.pre_add_node(add_node())).await.ok();
        running.abort();
    }

    assert!(ended.is_err() || said.is_empty(), "{said:?}");
    assert_eq!(http, 200, "the HTTP side has places of its own");
    house.close().await;
}

#[tokio::test]
async fn it_does_not_stand_open_to_others_over_grpc_either() {
    let folder = TempDir::new().expect("a folder");
    let house = House::new().await;
    let mut settings = house.settings().clone();
    settings.database = folder.path().join("n.db");
    settings.grpc_listen = Some(([0, 0, 0, 0], 0).into());

    let refused = Service::start(&settings, std::sync::Arc::new(SystemClock::default())).await;

    let refused = refused.err().expect("a refusal").to_string();
    assert!(refused.contains("0.0.0.0:") && refused.contains("nyala token create"), "{refused}");
    house.close().await;
}

#[tokio::test]
async fn the_second_line_says_where_grpc_is_spoken_and_a_port_that_is_taken_is_named() {
    let (folder, other) = (TempDir::new().expect("a folder"), grpc_house().await);
    let serve = |grpc: &str, database: &str| {
        nyala(folder.path(), &["serve", "--listen", "127.0.0.1:0", "--grpc-listen", grpc, "--database", database])
    };

    let serving = Serving::start(&mut serve("127.0.0.1:0", "n.db"));
    let second = serving.line();
    let taken = other.grpc_url().trim_start_matches("http://").to_owned();
    let refused = run(&mut serve(&taken, "m.db"));

    assert!(serving.url.starts_with("http://127.0.0.1:"), "{}", serving.url);
    let url = second.strip_prefix("listening for gRPC on ").unwrap_or_else(|| panic!("{second}"));
    let channel = Channel::over(tcp(url).await).await;
    let mut health = HealthClient::with_origin(channel, url.parse().expect("a URL"));
    assert!(answer(health.check(about(""))).await.is_ok());
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains(&taken) && said.contains("--grpc-listen"), "{said}");
    other.close().await;
}
