//! A client that has no proto: it asks the server for it.

use std::time::Duration;

use nyala::domain::token::Scope;
use prost::Message;
use prost_reflect::prost_types::{FileDescriptorProto, FileDescriptorSet};
use prost_reflect::{DescriptorPool, DynamicMessage, Value};
use tonic::Code;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_reflection::pb::v1::{ServerReflectionRequest, ServerReflectionResponse};
use tonic_reflection::pb::v1alpha;
use tonic_reflection::pb::v1alpha::server_reflection_response::MessageResponse as Former;

use super::{Channel, answer, by, grpc, grpc_house, origin};
use crate::access::{closed, token};
use crate::door::tls_house;
use crate::house::{House, within};

fn asking(what: MessageRequest) -> ServerReflectionRequest {
    ServerReflectionRequest { host: String::new(), message_request: Some(what) }
}

fn list() -> ServerReflectionRequest {
    asking(MessageRequest::ListServices(String::new()))
}

/// What one question is answered.
async fn told(house: &House, channel: Channel, what: MessageRequest) -> MessageResponse {
    let mut client = ServerReflectionClient::with_origin(channel, origin(house));
    let questions = futures_util::stream::iter([asking(what)]);
    let mut answers = answer(client.server_reflection_info(questions)).await.expect("answers");
    let ServerReflectionResponse { message_response, .. } =
        within("an answer", answers.message()).await.expect("an answer").expect("one");
    message_response.expect("one")
}

fn services(told: MessageResponse) -> Vec<String> {
    let MessageResponse::ListServicesResponse(list) = told else { panic!("no list: {told:?}") };
    list.service.into_iter().map(|service| service.name).collect()
}

async fn described(house: &House, channel: Channel) -> DescriptorPool {
    let symbol = MessageRequest::FileContainingSymbol("ccx.hook.v1.HookService".into());
    let MessageResponse::FileDescriptorResponse(files) = told(house, channel, symbol).await else { panic!("no file") };
    let file = files.file_descriptor_proto.into_iter();
    let file = file.map(|file| FileDescriptorProto::decode(file.as_slice()).expect("a file")).collect();
    DescriptorPool::from_file_descriptor_set(FileDescriptorSet { file }).expect("a pool")
}

#[tokio::test]
async fn the_services_are_listed_and_described_over_tls_too() {
    let (house, authority, _folder) = tls_house(grpc).await;

    let channel = Channel::over_tls(&house, &authority).await;
    let listed = services(told(&house, channel.clone(), MessageRequest::ListServices(String::new())).await);
    let pool = described(&house, channel).await;

    assert_eq!(listed, ["ccx.hook.v1.HookService", "grpc.health.v1.Health"]);
    let service = pool.get_service_by_name("ccx.hook.v1.HookService").expect("the service");
    assert_eq!(service.methods().len(), 8);
    house.close().await;
}

#[tokio::test]
async fn the_former_version_of_reflection_answers_as_well() {
    let house = grpc_house().await;
    let mut client = v1alpha::server_reflection_client::ServerReflectionClient::with_origin(
        Channel::to(&house).await,
        origin(&house),
    );

    let list = v1alpha::server_reflection_request::MessageRequest::ListServices(String::new());
    let question = v1alpha::ServerReflectionRequest { host: String::new(), message_request: Some(list) };
    let asked = client.server_reflection_info(futures_util::stream::iter([question]));
    let mut answers = answer(asked).await.expect("answers");
    let told = within("an answer", answers.message()).await.expect("an answer").expect("one");

    let Some(Former::ListServicesResponse(list)) = told.message_response else { panic!("no list: {told:?}") };
    assert_eq!(list.service[0].name, "ccx.hook.v1.HookService");
    house.close().await;
}

#[tokio::test]
async fn what_is_described_is_enough_to_call() {
    let house = grpc_house().await;
    let channel = Channel::to(&house).await;
    let pool = described(&house, channel.clone()).await;
    let service = pool.get_service_by_name("ccx.hook.v1.HookService").expect("the service");
    let method = service.methods().find(|method| method.name() == "PreAddNode").expect("the method");

    let mut message = DynamicMessage::new(method.input());
    message.set_field_by_name("cluster_id", Value::String("1".into()));
    message.set_field_by_name("node_count", Value::I32(2));
    let answered = super::limits::unary(&house, channel, "PreAddNode", &message.encode_to_vec()).await;

    let (status, message) = answered;
    assert_eq!(status, Code::Ok);
    let answered = DynamicMessage::decode(method.output(), message.as_slice()).expect("an answer");
    assert_eq!(answered.get_field_by_name("approved").as_deref(), Some(&Value::Bool(true)));
    house.close().await;
}

#[tokio::test]
async fn reflection_is_for_who_has_a_token_whatever_its_scope() {
    let house = grpc_house().await;
    let reader = token(&house, "reader", &[Scope::Read], &[]);
    closed(&house).await;
    let mut client = ServerReflectionClient::with_origin(Channel::to(&house).await, origin(&house));

    let ask = |client: &mut ServerReflectionClient<Channel>, token: &str| {
        let mut client = client.clone();
        let request = by(token, futures_util::stream::iter([list()]));
        async move { answer(client.server_reflection_info(request)).await }
    };
    let stranger = ask(&mut client, "nyala_no").await;
    let mut known = ask(&mut client, &reader).await.expect("answers");

    assert_eq!(stranger.err().map(|status| status.code()), Some(Code::Unauthenticated));
    assert!(within("an answer", known.message()).await.expect("an answer").is_some());
    house.close().await;
}

#[tokio::test]
async fn a_stop_waits_for_nobody_who_goes_on_asking() {
    let mut house = grpc_house().await;
    let mut client = ServerReflectionClient::with_origin(Channel::to(&house).await, origin(&house));
    let endless = futures_util::StreamExt::chain(futures_util::stream::iter([list()]), futures_util::stream::pending());
    let mut answers = answer(client.server_reflection_info(endless)).await.expect("answers");
    assert!(within("an answer", answers.message()).await.expect("an answer").is_some());

    let begun = std::time::Instant::now();
    house.stop().await;

    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    house.close().await;
}
