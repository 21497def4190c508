//! Bodies: how large one may be, and all together.

use std::convert::Infallible;
use std::time::Duration;

use futures_util::stream;
use nyala::config::Settings;
use reqwest::{Body, Method};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{PACE, problem, rest, tcp, tls_house};
use crate::house::{House, within};

const PUBLISH: &str = "POST /api/hooks/publish/E HTTP/1.1\r\nhost: localhost\r\n";

#[tokio::test]
async fn a_client_that_sends_all_of_a_body_that_is_too_large_still_reads_why() {
    let house = House::with(|settings| settings.max_body = 1000).await;
    // More than the buffers between us hold: it still sends when the answer is there.
    let size = 7 << 20;

    for head in [format!("content-length: {size}\r\n\r\n"), format!("transfer-encoding: chunked\r\n\r\n{size:x}\r\n")] {
        let mut stream = tcp(&house.url("")).await;
        stream.write_all(format!("{PUBLISH}{head}").as_bytes()).await.expect("sent");
        stream.write_all(&vec![b' '; size]).await.expect("sent to the end");
        let problem = problem(&rest(&mut stream).await, 413);
        assert!(problem["detail"].as_str().expect("a detail").contains("--max-body"), "{problem}");
    }

    house.close().await;
}

#[tokio::test]
async fn a_client_that_asks_first_is_refused_before_it_sends() {
    let house = House::with(|settings| settings.max_body = 1000).await;
    let mut stream = tcp(&house.url("")).await;

    let head = format!("{PUBLISH}expect: 100-continue\r\ncontent-length: 1001\r\n\r\n");
    stream.write_all(head.as_bytes()).await.expect("sent");

    problem(&rest(&mut stream).await, 413);
    house.close().await;
}

#[tokio::test]
async fn over_http_2_a_body_that_is_too_large_is_refused_and_the_connection_goes_on() {
    let (house, _authority, _folder) = tls_house(|settings| settings.max_body = 1000).await;

    let refused = house.send(Method::POST, "/api/hooks/publish/E", &" ".repeat(300_000)).await;
    let taken = house.send(Method::POST, "/api/hooks/publish/E", "1").await;

    assert_eq!((refused.status().as_u16(), taken.status().as_u16()), (413, 200));
    house.close().await;
}

#[tokio::test]
async fn large_bodies_that_come_in_at_once_wait_and_are_refused_while_small_ones_pass() {
    let house = House::with(|settings| {
        settings.limits.max_bodies = 200_000;
        settings.limits.room_timeout = Duration::from_millis(100);
    })
    .await;
    let large = format!("[{}1]", " ".repeat(100_000));
    let mut first = tcp(&house.url("")).await;
    let head = format!("{PUBLISH}connection: close\r\ncontent-length: {}\r\n\r\n", large.len());
    first.write_all(head.as_bytes()).await.expect("sent");
    let (most, last) = large.as_bytes().split_at(large.len() - 1);
    first.write_all(most).await.expect("sent");

    let refused = async {
        loop {
            let response = house.send(Method::POST, "/api/hooks/publish/E", &large).await;
            if response.status() == 503 {
                return response;
            }
        }
    };
    let refused = within("there is no room", refused).await;
    let small = house.send(Method::POST, "/api/hooks/publish/E", "1").await;

    assert_eq!((&refused.headers()["retry-after"], small.status().as_u16()), (&"1".parse().expect("a header"), 200));
    first.write_all(last).await.expect("sent");
    let mut answer = String::new();
    within("an answer", first.read_to_string(&mut answer)).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert_eq!(house.send(Method::POST, "/api/hooks/publish/E", &large).await.status(), 200);
    house.close().await;
}

#[tokio::test]
async fn a_length_that_is_only_announced_takes_no_room() {
    let house = House::with(|settings| settings.limits.max_bodies = 200_000).await;
    let mut liars = vec![];
    for _ in 0..20 {
        let mut liar = tcp(&house.url("")).await;
        liar.write_all(format!("{PUBLISH}content-length: 1000000\r\n\r\n[").as_bytes()).await.expect("sent");
        liars.push(liar);
    }

    let large = format!("[{}1]", " ".repeat(100_000));
    let response = house.send(Method::POST, "/api/hooks/publish/E", &large).await;

    assert_eq!(response.status(), 200);
    drop(liars);
    house.close().await;
}

#[tokio::test]
async fn a_body_that_goes_on_coming_is_answered_with_408_all_the_same() {
    let short = |settings: &mut Settings| settings.limits.body_timeout = Duration::from_millis(300);
    let (mut tls, authority, _folder) = tls_house(short).await;
    let plain = House::with(short).await;
    let over_http_1_1 = authority.trusted().http1_only().build().expect("a client");
    let over_http_2 = std::mem::replace(&mut tls.client, over_http_1_1.clone());

    for (house, client) in [(&plain, &plain.client), (&tls, &over_http_1_1), (&tls, &over_http_2)] {
        // A byte now and then, for ever: what such a client does.
        let drops = stream::unfold(tokio::time::interval(PACE), |mut tick| async {
            tick.tick().await;
            Some((Ok::<_, Infallible>(" "), tick))
        });
        let request = client.post(house.url("/api/hooks/publish/E")).body(Body::wrap_stream(drops));
        let response = within("an answer", request.send()).await.expect("an answer");
        assert_eq!(response.status(), 408, "{:?}", response.version());
    }

    plain.close().await;
    tls.close().await;
}
