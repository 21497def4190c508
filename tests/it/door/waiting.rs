//! How long a client is waited for, whatever it keeps us waiting with.

use std::time::Duration;

use nyala::config::Settings;
use reqwest::Version;
use rustls::version::TLS13;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::frames::{HEADERS, PREFACE, RST_STREAM, SETTINGS, frame, get, no_window, whole_frame};
use super::{PACE, problem, rest, tcp, tls_house};
use crate::house::{House, within};
use crate::receiver::{Receiver, Reply, status};

/// Short enough for a test, and long enough for what must not be cut off.
const SHORT: Duration = Duration::from_millis(300);

const HEALTHY: &[u8] = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n";

/// One answer without a body that is read, on a connection that stays.
async fn ask(stream: &mut (impl AsyncReadExt + AsyncWriteExt + Unpin)) {
    stream.write_all(HEALTHY).await.expect("sent");
    let (mut answer, end) = (vec![], b"{\"status\":\"ok\"}");
    while !answer.ends_with(end) {
        let read = within("an answer", stream.read_buf(&mut answer)).await.expect("an answer");
        assert!(read > 0, "{}", String::from_utf8_lossy(&answer));
    }
}

/// Over and over, until a connection finds a slot.
async fn until_there_is_a_slot(house: &House) {
    let asking = async {
        let request = || house.client.get(house.url("/healthz")).send();
        while !request().await.is_ok_and(|response| response.status() == 200) {}
    };
    within("a slot", asking).await;
}

fn one_connection(settings: &mut Settings) {
    settings.limits.max_connections = 1;
}

#[tokio::test]
async fn a_head_that_does_not_end_is_answered_with_408() {
    let house = House::with(|settings| settings.limits.head_timeout = SHORT).await;
    let (mut first, mut later) = (tcp(&house.url("")).await, tcp(&house.url("")).await);

    ask(&mut later).await;
    for stream in [&mut first, &mut later] {
        stream.write_all(b"GET /healthz HTTP/1.1\r\nx:").await.expect("sent");
        let problem = problem(&rest(stream).await, 408);
        assert!(problem["detail"].as_str().expect("a detail").contains("send them faster"), "{problem}");
    }

    house.close().await;
}

#[tokio::test]
async fn a_client_that_says_nothing_is_left_without_a_word() {
    let house = House::with(|settings| settings.limits.head_timeout = SHORT).await;

    let mut silent = tcp(&house.url("")).await;

    assert_eq!(rest(&mut silent).await, "");
    house.close().await;
}

#[tokio::test]
async fn a_connection_on_which_nothing_more_is_asked_is_closed() {
    let house = House::with(|settings| settings.limits.idle_timeout = SHORT).await;
    let mut stream = tcp(&house.url("")).await;

    for _ in 0..3 {
        ask(&mut stream).await;
    }

    assert_eq!(rest(&mut stream).await, "");
    house.close().await;
}

/// A receiver that answers no sooner than a publish stops waiting for it.
async fn a_request_takes_long(house: House) {
    let receiver = Receiver::new().await;
    receiver.answer(|_| Reply { hang: true, ..status(200) });
    house.subscribe(&receiver.url("/cb"), "E").await;
    let request = house.client.post(house.url("/api/hooks/publish/E")).header("prefer", "wait=2").body("{}");

    let answered = within("an answer", request.send()).await.expect("an answer");

    assert_eq!(answered.status(), 200);
    house.close().await;
}

#[tokio::test]
async fn a_request_may_take_longer_than_an_idle_connection_is_kept() {
    a_request_takes_long(House::with(|settings| settings.limits.idle_timeout = SHORT).await).await;
}

#[tokio::test]
async fn over_http_2_a_request_may_take_longer_than_an_idle_connection_is_kept() {
    let (house, _authority, _folder) = tls_house(|settings| settings.limits.idle_timeout = SHORT).await;
    a_request_takes_long(house).await;
}

#[tokio::test]
async fn a_body_that_does_not_end_is_answered_with_408() {
    let house = House::with(|settings| settings.limits.body_timeout = SHORT).await;
    let mut stream = tcp(&house.url("")).await;

    let head = b"POST /api/hooks/publish/E HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100000\r\n\r\n[1,";
    stream.write_all(head).await.expect("sent");

    let problem = problem(&rest(&mut stream).await, 408);
    assert!(problem["detail"].as_str().expect("a detail").contains("the body did not arrive"), "{problem}");
    house.close().await;
}

#[tokio::test]
async fn a_client_that_does_not_read_its_answers_loses_its_connection() {
    let house = House::with(|settings| {
        one_connection(settings);
        settings.limits.stall_timeout = SHORT;
    })
    .await;
    let mut stalled = tcp(&house.url("")).await;

    // More answers than any buffer between us holds; none of them is read.
    let sending = async { while stalled.write_all(&HEALTHY.repeat(1000)).await.is_ok() {} };
    within("the connection is closed", sending).await;

    until_there_is_a_slot(&house).await;
    house.close().await;
}

#[tokio::test]
async fn a_client_that_reads_a_byte_now_and_then_loses_its_connection_too() {
    let house = House::with(|settings| {
        one_connection(settings);
        settings.limits.stall_timeout = SHORT;
    })
    .await;
    let (mut read, mut write) = tcp(&house.url("")).await.into_split();

    let sending = async { while write.write_all(&HEALTHY.repeat(1000)).await.is_ok() {} };
    let reading = async {
        let mut tick = tokio::time::interval(PACE);
        while read.read_u8().await.is_ok() {
            tick.tick().await;
        }
    };
    // What came before the end can still be read for long.
    let closed = async {
        tokio::select! { () = sending => {}, () = reading => {} }
    };
    within("the connection is closed", closed).await;

    until_there_is_a_slot(&house).await;
    house.close().await;
}

#[tokio::test]
async fn a_client_over_http_2_that_asks_nothing_is_closed_as_well() {
    let (mut house, authority, _folder) = tls_house(|settings| {
        settings.limits.head_timeout = SHORT;
        settings.limits.idle_timeout = SHORT;
        settings.limits.max_connections = 2;
    })
    .await;

    let mut silent = authority.handshake(&house.url(""), &[&TLS13], &["h2"]).await;
    let asked = house.get("/healthz").await;

    assert_eq!(asked.version(), Version::HTTP_2);
    let mut bytes = vec![];
    let _ = within("the silent one is closed", silent.read_to_end(&mut bytes)).await;
    // Its pool still holds the other one, which no longer takes a slot.
    let idle = std::mem::replace(&mut house.client, authority.trusted().build().expect("a client"));
    let _others = [tcp(&house.url("")).await];
    until_there_is_a_slot(&house).await;
    drop(idle);
    house.close().await;
}

#[tokio::test]
async fn over_http_2_an_answer_that_its_client_does_not_read_is_given_up() {
    is_given_up(|settings| settings.limits.stream_timeout = SHORT).await;
}

#[tokio::test]
async fn over_http_2_an_answer_that_goes_no_further_is_given_up_sooner() {
    is_given_up(|settings| settings.limits.stall_timeout = SHORT).await;
}

async fn is_given_up(change: impl FnOnce(&mut Settings)) {
    let (house, authority, _folder) = tls_house(change).await;
    let mut stream = authority.handshake(&house.url(""), &[&TLS13], &["h2"]).await;

    stream.write_all(&[PREFACE, &no_window(), &get(1, "/healthz")].concat()).await.expect("sent");
    let mut kinds = vec![];
    while kinds.last() != Some(&RST_STREAM) {
        let (kind, on, _) = whole_frame(&mut stream).await;
        kinds.extend((on == 1).then_some(kind));
    }

    assert_eq!(kinds, [HEADERS, RST_STREAM]);
    house.close().await;
}

#[tokio::test]
async fn over_http_2_connect_is_refused_with_400() {
    let (house, authority, _folder) = tls_house(|_| {}).await;
    let mut stream = authority.handshake(&house.url(""), &[&TLS13], &["h2"]).await;

    // HEADERS: CONNECT n, and no more.
    let headers = frame(HEADERS, 5, 1, b"\x02\x07CONNECT\x01\x01n");
    let asked = [PREFACE, &frame(SETTINGS, 0, 0, &[]), &headers].concat();
    stream.write_all(&asked).await.expect("sent");
    let (mut status, mut body) = (None, vec![]);
    while body.is_empty() {
        match whole_frame(&mut stream).await {
            (1, 1, payload) => status = payload.first().copied(),
            (0, 1, payload) => body = payload,
            (kind, on, _) => assert!(on == 0 && kind != 7, "{kind} on {on}"),
        }
    }

    // 12 is `:status: 400` in the table that all have (RFC 7541, appendix A).
    assert_eq!(status, Some(0x80 | 0x0c));
    assert!(String::from_utf8_lossy(&body).contains("names no path"), "{body:?}");
    house.close().await;
}
