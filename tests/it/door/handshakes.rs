//! Certificates and handshakes.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use nyala::clock::{Clock, SystemClock};
use reqwest::{Method, Version};
use rustls::version::{TLS12, TLS13};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;

use super::{Authority, rest, tcp, tls_house};
use crate::binary::{Serving, json_lines, nyala, run};
use crate::house::within;
use crate::receiver::Receiver;

#[tokio::test]
async fn https_is_http_2_or_http_1_1_as_the_client_chooses() {
    let ((mut house, authority, _folder), receiver) = (tls_house(|_| {}).await, Receiver::new().await);
    house.subscribe(&receiver.url("/cb"), "E").await;

    for (builder, version) in
        [(authority.trusted(), Version::HTTP_2), (authority.trusted().http1_only(), Version::HTTP_11)]
    {
        house.client = builder.build().expect("a client");
        let response = house.send(Method::POST, "/api/hooks/publish/E", r#"{"over":"TLS"}"#).await;
        assert_eq!((response.version(), response.status().as_u16()), (version, 200));
    }

    assert_eq!(receiver.wait_for(2).await[1].text(), r#"{"over":"TLS"}"#);
    house.close().await;
}

#[tokio::test]
async fn tls_1_2_and_1_3_are_spoken_and_without_alpn_http_1_1_is() {
    let (house, authority, _folder) = tls_house(|_| {}).await;

    for version in [&TLS12, &TLS13] {
        let mut stream = authority.handshake(&house.url(""), &[version], &[]).await;
        assert_eq!(stream.get_ref().1.protocol_version(), Some(version.version));
        stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await.expect("sent");
        assert!(rest(&mut stream).await.starts_with("HTTP/1.1 200 OK\r\n"));
    }

    house.close().await;
}

#[tokio::test]
async fn a_handshake_that_does_not_go_on_is_cut_off() {
    let (house, _authority, _folder) =
        tls_house(|settings| settings.limits.handshake_timeout = Duration::from_millis(100)).await;

    let mut silent = tcp(&house.url("")).await;

    assert_eq!(rest(&mut silent).await, "");
    house.close().await;
}

#[tokio::test]
async fn plain_http_is_not_spoken_where_there_is_a_certificate() {
    let (house, _authority, _folder) = tls_house(|_| {}).await;

    let mut stream = tcp(&house.url("")).await;
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await.expect("sent");
    let mut answer = vec![];
    let _ = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut answer).await;

    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    house.close().await;
}

#[tokio::test]
async fn the_host_and_the_scheme_that_are_asked_for_are_those_that_an_origin_must_name() {
    let (mut house, authority, _folder) = tls_house(|_| {}).await;
    let (own, plain) = (house.url(""), house.url("").replace("https", "http"));

    for builder in [authority.trusted(), authority.trusted().http1_only()] {
        house.client = builder.build().expect("a client");
        for (origin, status) in [(own.as_str(), 200), (plain.as_str(), 403), ("https://evil.example", 403)] {
            let asked = house.client.get(house.url("/api/hooks")).header("origin", origin);
            let answer = within("an answer", asked.send()).await.expect("an answer");
            assert_eq!(answer.status(), status, "{:?} {origin}", answer.version());
        }
    }
    let mut stream = authority.handshake(&house.url(""), &[&TLS13], &[]).await;
    let asked = b"GET https://evil.example/api/hooks HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    stream.write_all(asked).await.expect("sent");
    assert!(rest(&mut stream).await.starts_with("HTTP/1.1 403 "), "the URL counts, not the header");

    house.close().await;
}

fn serve(folder: &Path, certificate: &str, key: &str) -> Command {
    let mut command = nyala(folder, &["serve", "--listen", "127.0.0.1:0", "--database", "n.db"]);
    command.args(["--tls-cert", certificate, "--tls-key", key]);
    command
}

#[test]
fn a_certificate_that_cannot_be_used_is_refused_at_the_start_with_the_reason() {
    let (authority, folder, other) = (Authority::new(), TempDir::new().unwrap(), TempDir::new().unwrap());
    authority.issue(folder.path());
    std::fs::rename(folder.path().join("nyala.key"), folder.path().join("stranger.key")).expect("moved");
    authority.issue(folder.path());
    std::fs::write(folder.path().join("broken.pem"), "-----BEGIN CERTIFICATE-----\nAAAA").expect("written");
    std::fs::write(folder.path().join("junk.pem"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        .expect("written");
    let elsewhere = other.path().join("none.pem").display().to_string();
    let table = [
        (elsewhere.as_str(), "nyala.key", ["cannot read", "--tls-cert"]),
        ("nyala.pem", elsewhere.as_str(), ["cannot read", "--tls-key"]),
        ("nyala.key", "nyala.key", ["--tls-cert", "holds no certificate"]),
        ("nyala.pem", "nyala.pem", ["--tls-key", "holds no private key"]),
        ("broken.pem", "nyala.key", ["--tls-cert", "is no PEM"]),
        ("junk.pem", "nyala.key", ["--tls-cert", "no certificate"]),
        ("nyala.pem", "stranger.key", ["stranger.key", "is not that of the certificate"]),
    ];

    for (certificate, key, words) in table {
        let output = run(&mut serve(folder.path(), certificate, key));
        let said = String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(words.iter().all(|word| said.contains(word)) && said.lines().count() == 1, "{words:?}: {said}");
        assert!(!folder.path().join("n.db").exists(), "nothing was made");
    }
}

#[test]
fn a_certificate_that_ends_soon_or_has_ended_is_warned_of() {
    let now = Duration::from_millis(SystemClock::default().now().millis().try_into().expect("a time after 1970"));
    let day = Duration::from_hours(24);
    let table = [(now + 13 * day, "expires at"), (now.saturating_sub(day), "has expired"), (now + 15 * day, "")];

    for (until, words) in table {
        let (authority, folder) = (Authority::new(), TempDir::new().expect("a folder"));
        authority.issue_until(folder.path(), until);
        let serving = Serving::start(&mut serve(folder.path(), "nyala.pem", "nyala.key"));
        assert!(serving.url.starts_with("https://127.0.0.1:"), "{}", serving.url);
        let (_, logs) = serving.stop();
        let lines = json_lines(&logs);
        let warned: Vec<_> = lines.iter().filter(|line| line["level"] == "WARN").map(|line| &line["message"]).collect();
        let told = warned.iter().all(|message| message.as_str().is_some_and(|text| text.contains(words)));
        assert!(told && warned.len() == usize::from(!words.is_empty()), "{words:?}: {warned:?}");
    }
}

#[test]
fn a_private_key_that_others_may_use_is_warned_of_and_used() {
    for (mode, warned) in [(0o600, false), (0o400, false), (0o640, true), (0o604, true)] {
        let (authority, folder) = (Authority::new(), TempDir::new().expect("a folder"));
        let key = authority.issue(folder.path()).key;
        std::fs::set_permissions(key, PermissionsExt::from_mode(mode)).expect("set");

        let (_, logs) = Serving::start(&mut serve(folder.path(), "nyala.pem", "nyala.key")).stop();

        let lines = json_lines(&logs);
        let warnings: Vec<_> = lines.iter().filter(|line| line["level"] == "WARN").collect();
        let told = format!("others may use the private key (its mode is {mode:o}): `chmod 600` it");
        assert_eq!(warnings.len(), usize::from(warned), "{warnings:?}");
        assert!(warnings.iter().all(|line| line["message"] == *told && line["key"] == "nyala.key"), "{warnings:?}");
    }
}

#[test]
fn the_command_line_trusts_whom_it_is_told_to_and_nobody_else() {
    let (authority, folder) = (Authority::new(), TempDir::new().expect("a folder"));
    authority.issue(folder.path());
    std::fs::write(folder.path().join("ca.pem"), authority.pem()).expect("written");
    std::fs::write(folder.path().join("other.pem"), Authority::new().pem()).expect("written");
    let serving = Serving::start(&mut serve(folder.path(), "nyala.pem", "nyala.key"));
    let url = serving.url.replace("127.0.0.1", "localhost");
    let list = |args: &[&str]| {
        let output = run(nyala(folder.path(), &["hooks", "list", "--json", "--server", &url]).args(args));
        (output.status.code(), output)
    };

    let (trusting, stranger, missing) =
        (list(&["--ca-cert", "ca.pem"]), list(&["--ca-cert", "other.pem"]), list(&["--ca-cert", "none.pem"]));
    let useless = list(&["--ca-cert", "nyala.key"]);
    let by_environment =
        run(nyala(folder.path(), &["hooks", "list", "--json", "--server", &url]).env("NYALA_CA_CERT", "ca.pem"));

    assert_eq!(trusting.0, Some(0), "{trusting:?}");
    assert_eq!(serde_json::from_slice::<Value>(&trusting.1.stdout).expect("JSON"), json!([]));
    assert_eq!(by_environment.status.code(), Some(0));
    assert_eq!((stranger.0, missing.0, useless.0), (Some(4), Some(2), Some(2)), "{stranger:?}");
    for (_, output) in [missing, useless] {
        assert!(String::from_utf8_lossy(&output.stderr).contains("--ca-cert"), "{output:?}");
    }
}
