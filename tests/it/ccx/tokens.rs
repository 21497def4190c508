//! Who may call.

use nyala::domain::token::Scope;
use serde_json::json;
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use super::{Channel, add_node, answer, by, grpc, grpc_house, hooks, origin, with};
use crate::access::{closed, hook, token};
use crate::door::tls_house;
use crate::receiver::Receiver;
use nyala::api::ccx::proto::hook_service_client::HookServiceClient;

fn refusal<T: std::fmt::Debug>(answered: Result<T, Status>) -> (Code, String) {
    let status = answered.expect_err("a refusal");
    (status.code(), status.message().to_owned())
}

#[tokio::test]
async fn calls_are_for_who_may_publish() {
    let (house, authority, _folder) = tls_house(grpc).await;
    let publisher = token(&house, "ccx", &[Scope::Publish], &[]);
    let others = [Scope::Read, Scope::Subscribe].map(|scope| token(&house, scope.as_str(), &[scope], &[]));
    closed(&house).await;
    let channel = Channel::over_tls(&house, &authority).await;
    let mut hooks = HookServiceClient::with_origin(channel, origin(&house));

    let without = refusal(answer(hooks.pre_add_node(add_node())).await);
    let wrong = refusal(answer(hooks.pre_add_node(by("nyala_wrong", add_node()))).await);
    let garbled = refusal(answer(hooks.pre_add_node(with(add_node(), "authorization", "!"))).await);
    let allowed = answer(hooks.pre_add_node(by(&publisher, add_node()))).await;

    assert_eq!(without.0, Code::Unauthenticated);
    assert!(without.1.contains("Authorization: Bearer TOKEN"), "{}", without.1);
    assert_eq!((wrong.0, garbled.0), (Code::Unauthenticated, Code::Unauthenticated));
    assert!(allowed.is_ok_and(|answered| answered.approved));
    for token in others {
        let refused = refusal(answer(hooks.pre_add_node(by(&token, add_node()))).await);
        assert_eq!(refused.0, Code::PermissionDenied);
        assert!(refused.1.contains("scope publish"), "{}", refused.1);
    }
    house.close().await;
}

#[tokio::test]
async fn health_is_for_anybody_and_what_else_there_is_for_nobody_unknown() {
    let house = grpc_house().await;
    let reader = token(&house, "reader", &[Scope::Read], &[]);
    closed(&house).await;
    let channel = Channel::to(&house).await;
    let mut health = HealthClient::with_origin(channel.clone(), origin(&house));
    let mut unknown = tonic::client::Grpc::with_origin(channel, origin(&house));

    let alive = answer(health.check(HealthCheckRequest::default())).await;
    let mut call = async |request: tonic::Request<HealthCheckRequest>| {
        let codec = tonic_prost::ProstCodec::<HealthCheckRequest, HealthCheckRequest>::default();
        unknown.ready().await.expect("a connection");
        refusal(answer(unknown.unary(request, "/other.Service/Call".parse().expect("a path"), codec)).await).0
    };

    assert!(alive.is_ok());
    assert_eq!(call(tonic::Request::new(HealthCheckRequest::default())).await, Code::Unauthenticated);
    assert_eq!(call(by(&reader, HealthCheckRequest::default())).await, Code::Unimplemented);
    house.close().await;
}

#[tokio::test]
async fn wrong_tokens_are_slowed_down_as_they_are_over_http() {
    let house = grpc_house().await;
    let publisher = token(&house, "ccx", &[Scope::Publish], &[]);
    closed(&house).await;
    let mut hooks = hooks(&house).await;

    // Over both doors: it is one address. A wrong one is answered a second later than the last.
    for _ in 0..3 {
        refusal(answer(hooks.pre_add_node(by("nyala_wrong", add_node()))).await);
        let answered = crate::access::send(&house, "nyala_wrong", reqwest::Method::GET, "/api/v1/hooks", "").await;
        assert_eq!(answered.status(), 401);
        house.clock.advance(std::time::Duration::from_secs(1));
    }
    let waiting = (0..16).map(|_| {
        let mut hooks = hooks.clone();
        async move { answer(hooks.pre_add_node(by("nyala_wrong", add_node()))).await }
    });
    let mut waiting: Vec<_> = waiting.map(|call| tokio::spawn(call)).collect();
    let refused = loop {
        let (ended, _, others) = futures_util::future::select_all(waiting).await;
        waiting = others;
        match refusal(ended.expect("an end")) {
            (Code::ResourceExhausted, why) => break why,
            (code, _) => assert_eq!(code, Code::Unauthenticated),
        }
    };
    let good = answer(hooks.pre_add_node(by(&publisher, add_node()))).await;

    assert!(refused.contains("too many wrong tokens"), "{refused}");
    assert!(good.is_ok(), "who has a good one is not slowed down: {good:?}");
    waiting.iter().for_each(tokio::task::JoinHandle::abort);
    house.close().await;
}

#[tokio::test]
async fn without_tokens_only_a_loopback_name_is_answered() {
    let house = grpc_house().await;
    let channel = Channel::to(&house).await;
    let port = origin(&house).port_u16().expect("a port");
    let named = |name: &str| format!("http://{name}:{port}").parse().expect("a URL");

    for (name, proxied, expected) in [
        ("localhost", false, None),
        ("127.0.0.1", false, None),
        ("rebound.example", false, Some(Code::PermissionDenied)),
        ("localhost", true, Some(Code::PermissionDenied)),
    ] {
        let mut hooks = HookServiceClient::with_origin(channel.clone(), named(name));
        let request =
            if proxied { with(add_node(), "x-forwarded-for", "203.0.113.7") } else { tonic::Request::new(add_node()) };
        let answered = answer(hooks.pre_add_node(request)).await;
        assert_eq!(answered.err().map(|status| status.code()), expected, "{name}");
    }
    house.close().await;
}

#[tokio::test]
async fn a_call_concerns_the_applications_in_its_metadata_and_is_asked_once_a_key() {
    let (house, receiver) = (grpc_house().await, Receiver::new().await);
    let bound = token(&house, "ccx", &[Scope::Publish], &["a"]);
    let admin = token(&house, "admin", &[Scope::Admin], &[]);
    closed(&house).await;
    let fields = json!({"url": receiver.url("/"), "event": "pre-add-node", "applications": ["b"]});
    hook(&house, &admin, &fields).await;
    let mut hooks = hooks(&house).await;
    let about = |token: &str, application: &str| {
        let mut request = by(token, add_node());
        request.metadata_mut().insert("nyala-application", application.parse().expect("a value"));
        request.metadata_mut().insert("idempotency-key", "k".parse().expect("a value"));
        request
    };

    let beyond = refusal(answer(hooks.pre_add_node(about(&bound, "b"))).await).0;
    let own = answer(hooks.pre_add_node(about(&bound, "a"))).await;
    let asked =
        [answer(hooks.pre_add_node(about(&admin, "b"))).await, answer(hooks.pre_add_node(about(&admin, "b"))).await];

    assert_eq!((beyond, own.is_ok()), (Code::PermissionDenied, true));
    assert!(asked.iter().all(Result::is_ok), "{asked:?}");
    assert_eq!(receiver.received().len(), 1);
    house.close().await;
}
