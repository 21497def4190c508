//! The `last_*` fields: what came of the latest delivery, in .NET's words.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::TcpSocket;

use super::{again, list};
use crate::house::House;
use crate::receiver::{Receiver, Reply, status};

/// The names of statuses that a receiver may answer with, but for 410, which
/// removes the hook.
const NAMES: [(u16, &str); 42] = [
    (200, "OK"),
    (201, "Created"),
    (202, "Accepted"),
    (203, "NonAuthoritativeInformation"),
    (204, "NoContent"),
    (205, "ResetContent"),
    (206, "PartialContent"),
    (300, "Ambiguous"),
    (301, "Moved"),
    (302, "Redirect"),
    (303, "RedirectMethod"),
    (304, "NotModified"),
    (307, "TemporaryRedirect"),
    (308, "308"),
    (400, "BadRequest"),
    (401, "Unauthorized"),
    (402, "PaymentRequired"),
    (403, "Forbidden"),
    (404, "NotFound"),
    (405, "MethodNotAllowed"),
    (406, "NotAcceptable"),
    (407, "ProxyAuthenticationRequired"),
    (408, "RequestTimeout"),
    (409, "Conflict"),
    (411, "LengthRequired"),
    (412, "PreconditionFailed"),
    (413, "RequestEntityTooLarge"),
    (414, "RequestUriTooLong"),
    (415, "UnsupportedMediaType"),
    (416, "RequestedRangeNotSatisfiable"),
    (417, "ExpectationFailed"),
    (418, "418"),
    (422, "422"),
    (426, "UpgradeRequired"),
    (428, "428"),
    (429, "429"),
    (500, "InternalServerError"),
    (501, "NotImplemented"),
    (502, "BadGateway"),
    (503, "ServiceUnavailable"),
    (504, "GatewayTimeout"),
    (505, "HttpVersionNotSupported"),
];

/// A house with one hook for `E` at this URL.
async fn house_with(url: &str) -> (House, Value) {
    let house = House::with(|settings| settings.policy.timeout = Duration::from_millis(300)).await;
    let hook = house.subscribe(url, "E").await;
    (house, hook)
}

// K-25
#[tokio::test]
async fn every_status_is_told_by_the_name_that_dot_net_gives_it() {
    let (house, receiver) = (House::new().await, Receiver::new().await);
    receiver.answer(|request| status(request.path[1..].parse().expect("a status")));
    for (code, _) in NAMES {
        house.subscribe(&receiver.url(&format!("/{code}")), "E").await;
    }

    house.publish_and_wait("E", "{}").await;

    let told: Vec<_> = list(&house).await.iter().map(|hook| hook["last_status"].clone()).collect();
    assert_eq!(told, NAMES.map(|(_, name)| name));
    house.close().await;
}

// K-25
#[tokio::test]
async fn an_answer_is_told_with_its_status_and_reason_and_time_and_what_was_sent() {
    let receiver = Receiver::new().await;
    let (house, hook) = house_with(&receiver.url("/cb")).await;

    for (code, name, usual) in [
        (404, "NotFound", "Not Found"),
        (500, "InternalServerError", "Internal Server Error"),
        (201, "Created", "Created"),
    ] {
        receiver.answer(move |_| status(code));
        house.publish_and_wait("E", &format!("{{\"n\" : {code}}}")).await;
        let hook = again(&house, &hook).await;
        assert_eq!((&hook["last_status"], &hook["last_reason"]), (&json!(name), &json!(usual)));
        assert_eq!(hook["last_context"], format!("{{\"n\" : {code}}}"));
        assert_eq!(hook["last_datetime"], "2023-11-14T22:13:20Z");
        assert_eq!(list(&house).await, [hook]);
    }

    house.close().await;
}

// K-25
#[tokio::test]
async fn a_reason_of_the_receivers_own_is_copied() {
    let receiver = Receiver::new().await;
    let (house, hook) = house_with(&receiver.url("/cb")).await;

    for (code, reason) in [(500, "Kaput, call Robin"), (202, "In the queue"), (200, "")] {
        receiver.answer(move |_| Reply { reason: Some(reason), ..status(code) });
        house.publish_and_wait("E", "{}").await;
        assert_eq!(again(&house, &hook).await["last_reason"], reason);
    }

    house.close().await;
}

#[tokio::test]
async fn times_have_no_more_decimals_than_they_need() {
    let receiver = Receiver::new().await;
    let (house, hook) = house_with(&receiver.url("/cb")).await;

    for (millis, time) in [
        (7, "2023-11-14T22:13:20.007Z"),
        (113, "2023-11-14T22:13:20.12Z"),
        (380, "2023-11-14T22:13:20.5Z"),
        (500, "2023-11-14T22:13:21Z"),
    ] {
        house.clock.advance(Duration::from_millis(millis));
        house.publish_and_wait("E", "{}").await;
        assert_eq!(again(&house, &hook).await["last_datetime"], time);
    }

    house.close().await;
}

// K-26
#[tokio::test]
async fn a_refused_connection_is_a_failure_with_a_reason() {
    // Bound but not listening: nobody else gets the port, and nobody answers.
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(([127, 0, 0, 1], 0).into()).expect("a port");
    let address = socket.local_addr().expect("an address");
    let (house, hook) = house_with(&format!("http://{address}/cb")).await;

    house.publish_and_wait("E", "{}").await;

    let hook = again(&house, &hook).await;
    assert_eq!((&hook["last_status"], &hook["last_context"]), (&json!("Failure"), &json!("{}")));
    assert!(hook["last_reason"].as_str().is_some_and(|reason| reason.contains("refused")), "{hook}");
    assert_eq!(hook["last_datetime"], "2023-11-14T22:13:20Z");
    house.close().await;
}

// K-27
#[tokio::test]
async fn a_receiver_that_hangs_is_a_failure_once_its_time_is_over() {
    let receiver = Receiver::new().await;
    receiver.answer(|_| Reply { hang: true, ..status(200) });
    let (house, hook) = house_with(&receiver.url("/cb")).await;

    house.publish_and_wait("E", "{}").await;

    let hook = again(&house, &hook).await;
    assert_eq!(hook["last_status"], "Failure");
    assert!(hook["last_reason"].as_str().is_some_and(|reason| reason.contains("300ms")), "{hook}");
    house.close().await;
}

#[tokio::test]
async fn a_retry_tells_its_own_result_and_time() {
    let receiver = Receiver::new().await;
    receiver.answer(|_| status(503));
    let (house, hook) = house_with(&receiver.url("/cb")).await;
    house.publish_and_wait("E", "{}").await;
    assert_eq!(again(&house, &hook).await["last_status"], "ServiceUnavailable");

    receiver.answer(|_| status(204));
    house.clock.advance(Duration::from_mins(1));
    receiver.wait_for(2).await;

    let path = super::path_of(&hook);
    let hook = house.until(&path, |hook| hook["last_status"] == "NoContent").await;
    assert_eq!((&hook["last_reason"], &hook["last_datetime"]), (&json!("No Content"), &json!("2023-11-14T22:14:20Z")));
    house.close().await;
}

#[tokio::test]
async fn a_hook_that_an_event_passes_by_keeps_its_last_result() {
    let receiver = Receiver::new().await;
    let (house, hook) = house_with(&receiver.url("/e")).await;
    house.subscribe(&receiver.url("/f"), "F").await;
    house.publish_and_wait("E", "1").await;
    let before = again(&house, &hook).await;

    house.clock.advance(Duration::from_secs(1));
    house.publish_and_wait("F", "2").await;

    assert_eq!(again(&house, &hook).await, before);
    house.close().await;
}

#[tokio::test]
async fn the_context_is_cut_at_four_kibibytes_and_never_within_a_character() {
    let receiver = Receiver::new().await;
    let (house, hook) = house_with(&receiver.url("/cb")).await;

    for letter in ["x", "ä", "€", "😀"] {
        for before in 4090..4096 {
            let text = format!("\"{}{}\"", " ".repeat(before), letter.repeat(1000));
            house.publish_and_wait("E", &text).await;
            let context = again(&house, &hook).await["last_context"].clone();
            assert_eq!(context, text[..text.floor_char_boundary(4096)], "{before} {letter}");
        }
    }

    house.close().await;
}

#[tokio::test]
async fn a_context_of_exactly_four_kibibytes_is_whole() {
    let receiver = Receiver::new().await;
    let (house, hook) = house_with(&receiver.url("/cb")).await;
    let text = format!("\"{}\"", "x".repeat(4094));

    house.publish_and_wait("E", &text).await;

    assert_eq!(again(&house, &hook).await["last_context"], text);
    house.close().await;
}
