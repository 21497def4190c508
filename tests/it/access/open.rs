//! A server that no token was ever made for.

use std::net::SocketAddr;
use std::process::Command;

use nyala::domain::token::Scope;
use reqwest::header::{HOST, ORIGIN};

use super::{closed, token};
use crate::binary::nyala;
use crate::house::{House, within};

/// Asks for the hooks as a browser would whom a page made do it; the status.
async fn asked_by(house: &House, host: &str, origin: Option<&str>) -> u16 {
    let mut request = house.client.get(house.url("/api/v1/hooks")).header(HOST, host);
    if let Some(origin) = origin {
        request = request.header(ORIGIN, origin);
    }
    within("an answer", request.send()).await.expect("an answer").status().as_u16()
}

fn port(house: &House) -> u16 {
    let address: SocketAddr = house.url("").trim_start_matches("http://").parse().expect("an address");
    address.port()
}

#[tokio::test]
async fn a_name_that_was_made_to_resolve_to_loopback_reaches_nothing() {
    let house = House::new().await;
    let port = port(&house);

    for host in ["localhost", "127.0.0.1", "[::1]", "nyala.localhost"] {
        assert_eq!(asked_by(&house, &format!("{host}:{port}"), None).await, 200, "{host}");
    }
    for host in ["rebound.example", "127.0.0.1.rebound.example", "localhost.rebound.example", "0.0.0.0", "192.168.1.1"]
    {
        assert_eq!(asked_by(&house, &format!("{host}:{port}"), None).await, 403, "{host}");
    }
    house.close().await;
}

#[tokio::test]
async fn a_page_of_another_site_cannot_drive_it() {
    let house = House::new().await;
    let own = format!("localhost:{}", port(&house));

    assert_eq!(asked_by(&house, &own, Some(&format!("http://{own}"))).await, 200);
    for origin in ["https://evil.example", "null", "http://localhost", "http://localhost:1", "file://"] {
        assert_eq!(asked_by(&house, &own, Some(origin)).await, 403, "{origin}");
    }
    // What a form can send without asking first, which is where forging begins.
    let forged = house.client.post(house.url("/api/hooks/publish/E")).header(ORIGIN, "https://evil.example");
    let forged = forged.header("content-type", "text/plain").body("{}");
    assert_eq!(within("an answer", forged.send()).await.expect("an answer").status(), 403);
    assert_eq!(house.json("/api/v1/events").await["items"], serde_json::json!([]));
    house.close().await;
}

#[tokio::test]
async fn the_first_token_closes_it_and_its_revocation_does_not_open_it_again() {
    let mut house = House::new().await;
    assert_eq!(house.get("/api/v1/hooks").await.status(), 200);

    let first = token(&house, "first", &[Scope::Admin], &[]);
    closed(&house).await;
    super::tokens::revoke(&house, "first").await;

    assert_eq!(house.get("/api/v1/hooks").await.status(), 401);
    assert_eq!(super::status(&house, &first, reqwest::Method::GET, "/api/v1/hooks", "").await, 401);
    house.stop().await;
    house.start_again().await;
    assert_eq!(house.get("/api/v1/hooks").await.status(), 401);
    house.close().await;
}

#[test]
fn it_does_not_listen_to_other_machines_and_says_how_to_make_a_token() {
    let folder = tempfile::tempdir().expect("a folder");
    let serve = |listen: &str| -> Command { nyala(folder.path(), &["serve", "--listen", listen]) };

    for listen in ["0.0.0.0:0", "[::]:0"] {
        let ended = serve(listen).output().expect("ended");
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(ended.status.code(), Some(1), "{said}");
        assert!(said.contains("nyala token create NAME --scope admin --database"), "{said}");
        assert_eq!(ended.stdout, b"", "it never listened");
    }
}

#[test]
fn with_a_token_it_listens_to_anybody() {
    let folder = tempfile::tempdir().expect("a folder");
    let made = nyala(folder.path(), &["token", "create", "ops", "--scope", "admin"]).output().expect("ended");
    assert!(made.status.success(), "{made:?}");

    let serving = crate::binary::Serving::start(&mut nyala(folder.path(), &["serve", "--listen", "0.0.0.0:0"]));

    assert!(serving.url.starts_with("http://0.0.0.0:"), "{}", serving.url);
}

#[tokio::test]
async fn nobody_whom_a_proxy_speaks_for_is_let_in() {
    let house = House::new().await;

    for name in ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"] {
        let request = house.client.get(house.url("/api/v1/hooks")).header(name, "203.0.113.7");
        assert_eq!(within("an answer", request.send()).await.expect("an answer").status(), 403, "{name}");
    }
    house.close().await;
}
