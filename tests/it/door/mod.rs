//! The door: TLS, and how much and how long a client may.

mod answers;
mod bodies;
mod connections;
mod frames;
mod handshakes;
mod heads;
mod reload;
mod security_headers;
mod stop;
mod streams;
mod waiting;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use nyala::api::server::TlsFiles;
use nyala::config::Settings;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use reqwest::{Certificate, ClientBuilder};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::house::{House, within};

/// How often a slow client sends or takes something.
pub const PACE: Duration = Duration::from_millis(20);

/// An authority of our own, whom nobody else trusts.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(vec![]).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // Not rcgen's usual name: some take a certificate whose issuer has its own name for one that signed itself.
        params.distinguished_name.push(DnType::CommonName, "an authority");
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(params, key).expect("a certificate"))
    }

    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// Writes a certificate for this machine, and its key.
    pub fn issue(&self, folder: &Path) -> TlsFiles {
        self.issue_until(folder, Duration::from_hours(24 * 365 * 100))
    }

    /// The same, for so long after 1970.
    pub fn issue_until(&self, folder: &Path, until: Duration) -> TlsFiles {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned()]).expect("names");
        params.not_before = date_time_ymd(1970, 1, 1);
        params.not_after = date_time_ymd(1970, 1, 1) + until;
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        let files = TlsFiles { certificate: folder.join("nyala.pem"), key: folder.join("nyala.key") };
        std::fs::write(&files.certificate, certificate.pem() + &self.pem()).expect("written");
        std::fs::write(&files.key, key.serialize_pem()).expect("written");
        std::fs::set_permissions(&files.key, PermissionsExt::from_mode(0o600)).expect("set");
        files
    }

    /// An HTTP client that trusts us and nobody else.
    pub fn trusted(&self) -> ClientBuilder {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let ours = Certificate::from_pem(self.pem().as_bytes()).expect("a certificate");
        reqwest::Client::builder().no_proxy().tls_certs_only([ours])
    }

    /// A handshake with whoever listens there.
    pub async fn handshake(
        &self,
        url: &str,
        versions: &[&'static SupportedProtocolVersion],
        alpn: &[&str],
    ) -> TlsStream<TcpStream> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).expect("a root");
        let config = ClientConfig::builder_with_protocol_versions(versions);
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        let stream = tcp(url).await;
        let name = ServerName::try_from("localhost").expect("a name");
        let connecting = TlsConnector::from(Arc::new(config)).connect(name, stream);
        within("a handshake", connecting).await.expect("a handshake")
    }
}

/// A house that is served over TLS.
pub async fn tls_house(change: impl FnOnce(&mut Settings)) -> (House, Authority, TempDir) {
    let (authority, folder) = (Authority::new(), TempDir::new().expect("a folder"));
    let files = authority.issue(folder.path());
    let mut house = House::with(|settings| {
        settings.tls = Some(files);
        change(settings);
    })
    .await;
    house.client = authority.trusted().build().expect("a client");
    (house, authority, folder)
}

/// The certificate that a server showed.
pub fn shown(stream: &TlsStream<TcpStream>) -> CertificateDer<'static> {
    stream.get_ref().1.peer_certificates().expect("a certificate")[0].clone().into_owned()
}

/// A bare connection.
pub async fn tcp(url: &str) -> TcpStream {
    let (_, address) = url.split_once("://").expect("a URL");
    within("a connection", TcpStream::connect(address)).await.expect("a connection")
}

/// Sends this now and then, for as long as anybody takes it: what a slow client does,
/// nothing here waits for the time to pass.
pub async fn drip(stream: &mut (impl AsyncWrite + Unpin), pace: Duration, bytes: &[u8]) {
    let mut tick = tokio::time::interval(pace);
    while stream.write_all(bytes).await.is_ok() {
        tick.tick().await;
    }
    std::future::pending::<()>().await;
}

/// Whatever comes until the other end closes.
pub async fn rest(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut bytes = vec![];
    within("the end", stream.read_to_end(&mut bytes)).await.expect("an end in order");
    String::from_utf8(bytes).expect("text")
}

/// A last answer with a problem document: answers the document.
pub fn problem(answer: &str, status: u16) -> Value {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer:?}"));
    let head = head.to_lowercase();
    assert!(head.starts_with(&format!("http/1.1 {status} ")), "{head}");
    for line in ["content-type: application/problem+json", "connection: close", "x-content-type-options: nosniff"] {
        assert!(head.lines().any(|header| header == line), "no {line}: {head}");
    }
    let problem: Value = serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {body:?}"));
    assert_eq!(problem["status"], status);
    assert!(problem["title"].is_string() && problem["detail"].is_string(), "{problem}");
    problem
}
