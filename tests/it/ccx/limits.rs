//! How much, how long and in what shape: calls that are not as they should be.

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::join_all;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt, Full};
use nyala::api::ccx::proto::PreAddNodeRequest;
use prost::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tonic::body::Body;
use tonic::{Code, Status};
use tower_service::Service;

use super::{Channel, add_node, answer, grpc, grpc_house, hooks, subscribe, with};
use crate::door::tcp;
use crate::house::{House, within};
use crate::receiver::{Receiver, Reply, status};

/// A message with what gRPC puts before it.
fn framed(flag: u8, message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).expect("a length").to_be_bytes();
    [&[flag], &length[..], message].concat()
}

/// Posts these bytes to a method; answers the head, the body and the trailers.
async fn post(house: &House, mut channel: Channel, path: &str, kind: &str, body: Vec<u8>) -> (HeaderMap, Bytes) {
    let request = Request::post(format!("{}{path}", house.grpc_url())).header("content-type", kind);
    let request = request.header("te", "trailers").body(Body::new(Full::from(body))).expect("a request");
    let response = within("an answer", channel.call(request)).await.expect("an answer");
    let mut headers = response.headers().clone();
    headers.insert("status", response.status().as_u16().into());
    let whole = within("its end", response.into_body().collect()).await.expect("an end");
    headers.extend(whole.trailers().cloned().unwrap_or_default());
    (headers, whole.to_bytes())
}

fn code(headers: &HeaderMap) -> Code {
    Status::from_header_map(headers).expect("a status").code()
}

/// A method's answer to a message, both as protobuf.
pub async fn unary(house: &House, channel: Channel, method: &str, message: &[u8]) -> (Code, Vec<u8>) {
    let path = format!("/ccx.hook.v1.HookService/{method}");
    let (headers, body) = post(house, channel, &path, "application/grpc", framed(0, message)).await;
    (code(&headers), body.get(5..).unwrap_or_default().to_vec())
}

#[tokio::test]
async fn what_is_no_message_is_refused_and_the_connection_goes_on() {
    let house = grpc_house().await;
    let channel = Channel::to(&house).await;
    let path = "/ccx.hook.v1.HookService/PreAddNode";
    let post = |path: &'static str, body| post(&house, channel.clone(), path, "application/grpc+proto", body);

    // What does not parse is INTERNAL with gRPC (statuscodes.md), whoever is to blame.
    for (body, expected) in [
        (framed(0, b"\x0a\xff"), Code::Internal),
        (framed(0, b"\x0a\x02\xff\xfe"), Code::Internal),
        (framed(1, &add_node().encode_to_vec()), Code::Internal),
        (framed(9, b""), Code::Internal),
        (framed(0, b"abcdef")[..8].to_vec(), Code::Internal),
        (vec![], Code::Internal),
    ] {
        let (headers, _) = post(path, body.clone()).await;
        assert_eq!(code(&headers), expected, "{body:?}: {headers:?}");
    }
    for path in ["/ccx.hook.v1.HookService/PreScaleCluster", "/ccx.hook.v1.HookService", "/other.Service/A", "/"] {
        assert_eq!(code(&post(path, framed(0, b"")).await.0), Code::Unimplemented, "{path}");
    }
    assert_eq!(code(&post(path, framed(0, &add_node().encode_to_vec())).await.0), Code::Ok);
    house.close().await;
}

#[tokio::test]
async fn a_message_that_is_too_large_is_refused_and_one_that_just_fits_is_not() {
    let house = House::with(|settings| {
        grpc(settings);
        settings.max_body = 2000;
    })
    .await;
    let mut hooks = hooks(&house).await;
    let sized = |bytes: usize| PreAddNodeRequest { cluster_id: "x".repeat(bytes), ..Default::default() };
    // Three bytes say what field it is and how long, five stand before the message.
    let fits = 2000 - 3 - 5;

    let taken = answer(hooks.pre_add_node(sized(fits))).await;
    let refused = answer(hooks.pre_add_node(sized(fits + 1))).await.expect_err("a refusal");
    let huge = answer(hooks.pre_add_node(sized(3 << 20))).await.expect_err("a refusal");
    let again = answer(hooks.pre_add_node(add_node())).await;

    assert!(taken.is_ok() && again.is_ok(), "{taken:?} {again:?}");
    assert_eq!((refused.code(), huge.code()), (Code::ResourceExhausted, Code::ResourceExhausted));
    assert!(refused.message().contains("larger than 2000 bytes"), "{refused:?}");
    house.close().await;
}

#[tokio::test]
async fn who_speaks_http_at_the_door_of_grpc_is_told_or_let_go() {
    let house = grpc_house().await;

    let mut http1 = tcp(&house.grpc_url()).await;
    http1.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await.expect("sent");
    let mut said = vec![];
    let _ = within("an end", http1.read_to_end(&mut said)).await;
    let (headers, text) =
        post(&house, Channel::to(&house).await, "/api/v1/hooks", "application/json", b"{}".to_vec()).await;

    assert!(!said.starts_with(b"HTTP/1"), "{}", String::from_utf8_lossy(&said));
    assert_eq!(headers["status"], "415");
    assert!(std::str::from_utf8(&text).expect("a text").contains("--listen"), "{text:?}");
    house.close().await;
}

#[tokio::test]
async fn hundreds_of_calls_at_once_on_one_connection_are_all_answered() {
    let (house, receiver) = (grpc_house().await, Receiver::new().await);
    receiver.answer(|asked| {
        let asked: serde_json::Value = serde_json::from_slice(&asked.body).expect("JSON");
        Reply { body: serde_json::json!({"work_id": asked["cluster_id"]}).to_string().into(), ..status(200) }
    });
    subscribe(&house, &receiver.url("/"), "pre-add-node").await;
    let hooks = hooks(&house).await;

    let call = async |nth: usize| {
        let message = PreAddNodeRequest { cluster_id: nth.to_string(), ..add_node() };
        answer(hooks.clone().pre_add_node(message)).await.expect("an answer").work_id
    };
    let answered = join_all((0..300).map(call)).await;

    assert_eq!(answered, (0..300).map(|nth| nth.to_string()).collect::<Vec<_>>());
    house.close().await;
}

#[tokio::test]
async fn a_caller_hears_from_us_before_its_deadline() {
    let (house, receiver) = (grpc_house().await, Receiver::new().await);
    receiver.answer(|_| Reply { hang: true, ..status(200) });
    subscribe(&house, &receiver.url("/"), "pre-add-node").await;
    let mut hooks = hooks(&house).await;

    let begun = Instant::now();
    let answered = answer(hooks.pre_add_node(with(add_node(), "grpc-timeout", "600m"))).await;

    let took = begun.elapsed();
    assert!(!answered.expect("an answer").approved, "who is asked is silent");
    assert!(took >= Duration::from_millis(300) && took < Duration::from_millis(600), "{took:?}");
    house.close().await;
}

#[tokio::test]
async fn a_deadline_that_is_none_or_leaves_no_time_asks_nobody() {
    let (house, receiver) = (grpc_house().await, Receiver::new().await);
    subscribe(&house, &receiver.url("/"), "pre-add-node").await;
    let mut hooks = hooks(&house).await;

    for malformed in ["soon", "5", "5s", "-1S", "123456789S", ""] {
        let refused = answer(hooks.pre_add_node(with(add_node(), "grpc-timeout", malformed))).await;
        let refused = refused.expect_err("a refusal");
        assert_eq!(refused.code(), Code::InvalidArgument, "{malformed}");
        assert!(refused.message().starts_with("grpc-timeout:"), "{refused:?}");
    }
    let late = answer(hooks.pre_add_node(with(add_node(), "grpc-timeout", "0n"))).await.expect_err("a refusal");

    assert_eq!(late.code(), Code::DeadlineExceeded);
    assert!(receiver.received().is_empty());
    house.close().await;
}
