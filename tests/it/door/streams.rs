//! Many requests at once on one connection over HTTP/2, and many such connections.

use nyala::domain::token::Scope;
use reqwest::{Method, Version};
use rustls::version::TLS13;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::frames::{HEADERS, PREFACE, RST_STREAM, SETTINGS, data, frame, get, next_of, publish, whole_frame};
use super::{Authority, tls_house};
use crate::access::{closed, token};
use crate::house::{House, within};

/// `:status: 200` in the table that all have (RFC 7541, appendix A), as an index.
const OK: u8 = 0x80 | 8;

#[tokio::test]
async fn one_request_too_many_on_a_connection_is_refused_and_the_others_go_on() {
    let (house, authority, _folder) = tls_house(|_| {}).await;
    let mut client = authority.handshake(&house.url(""), &[&TLS13], &["h2"]).await;

    // 32 whose bodies are on their way, and one more: streams have odd numbers.
    let begun = (0..=32).flat_map(|nth| publish(2 * nth + 1)).collect::<Vec<_>>();
    client.write_all(&[PREFACE, &frame(SETTINGS, 0, 0, &[]), &begun].concat()).await.expect("sent");
    let told = next_of(SETTINGS, 0, &mut client).await;
    let (kind, on, refused) = loop {
        let next = whole_frame(&mut client).await;
        if next.1 != 0 {
            break next;
        }
    };
    let other = house.send(Method::POST, "/api/hooks/publish/E", "1").await;
    client.write_all(&data(1, b"1", true)).await.expect("sent");
    let first = next_of(HEADERS, 1, &mut client).await;
    client.write_all(&get(67, "/healthz")).await.expect("sent");
    let next = next_of(HEADERS, 67, &mut client).await;

    assert!(told.chunks(6).any(|setting| setting == [0, 3, 0, 0, 0, 32]), "no MAX_CONCURRENT_STREAMS: {told:?}");
    assert_eq!((kind, on, refused), (RST_STREAM, 65, vec![0, 0, 0, 7]), "REFUSED_STREAM");
    assert_eq!((other.status().as_u16(), first[0], next[0]), (200, OK, OK));
    house.close().await;
}

/// What the house chooses for a client that speaks both, and the connection.
async fn chosen(house: &House, authority: &Authority) -> (Vec<u8>, TlsStream<TcpStream>) {
    let stream = authority.handshake(&house.url(""), &[&TLS13], &["h2", "http/1.1"]).await;
    (stream.get_ref().1.alpn_protocol().expect("one of them").to_vec(), stream)
}

#[tokio::test]
async fn http_2_is_offered_to_so_many_at_once_and_the_others_speak_http_1_1() {
    let (mut house, authority, _folder) = tls_house(|settings| settings.limits.max_http2 = 1).await;

    let (first, held) = chosen(&house, &authority).await;
    let (second, _other) = chosen(&house, &authority).await;
    house.client = authority.trusted().build().expect("a client");
    let served = house.get("/healthz").await;
    drop(held);
    let again = async { while chosen(&house, &authority).await.0 != b"h2" {} };

    assert_eq!((first.as_slice(), second.as_slice()), (&b"h2"[..], &b"http/1.1"[..]));
    assert_eq!((served.version(), served.status().as_u16()), (Version::HTTP_11, 200));
    within("HTTP/2 is offered again", again).await;
    house.close().await;
}

#[tokio::test]
async fn a_refusal_comes_once_a_client_has_sent_its_body() {
    let (house, authority, _folder) = tls_house(|_| {}).await;
    token(&house, "admin", &[Scope::Admin], &[]);
    closed(&house).await;
    let mut client = authority.handshake(&house.url(""), &[&TLS13], &["h2"]).await;

    // Nobody needs the body to refuse this; whoever asks next is answered first, even so.
    let asked = [PREFACE, &frame(SETTINGS, 0, 0, &[]), &publish(1), &get(3, "/healthz")].concat();
    client.write_all(&asked).await.expect("sent");
    let first = answered(&mut client).await;
    client.write_all(&data(1, b"1", true)).await.expect("sent");
    let second = answered(&mut client).await;

    assert_eq!((first, second), (3, 1));
    house.close().await;
}

/// The stream of the next answer.
async fn answered(client: &mut TlsStream<TcpStream>) -> u32 {
    loop {
        let (kind, on, _) = whole_frame(client).await;
        if kind == HEADERS {
            return on;
        }
    }
}
