//! A real private CA, and servers that ask for what it issued.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, date_time_ymd,
};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};

/// Long after any of this runs.
pub const LATER: i32 = 2090;

/// Before any of this runs, and after the day at which houses believe to be: what ends
/// then is taken at the door, and refused by whoever checks it in a handshake.
pub const ENDED: i32 = 2025;

/// A CA.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and the key to it, in PEM.
pub struct Issued {
    pub certificate: String,
    pub key: String,
}

/// Names may be DNS names and addresses.
pub fn params(subject: &str, names: &[&str], until: i32) -> CertificateParams {
    let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("names");
    params.distinguished_name.push(DnType::CommonName, subject);
    params.not_before = date_time_ymd(2023, 1, 1);
    params.not_after = date_time_ymd(until, 1, 1);
    params
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let mut params = params(name, &[], LATER);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a CA"))
    }

    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for a server with these names, until the first day of a year.
    pub fn server(&self, names: &[&str], until: i32) -> Issued {
        self.issue(params("server", names, until), ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// A certificate for a client.
    pub fn client(&self, name: &str, until: i32) -> Issued {
        self.issue(params(name, &[], until), ExtendedKeyUsagePurpose::ClientAuth)
    }

    fn issue(&self, mut params: CertificateParams, purpose: ExtendedKeyUsagePurpose) -> Issued {
        params.extended_key_usages = vec![purpose];
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.0).expect("a certificate").pem();
        Issued { certificate, key: key.serialize_pem() }
    }
}

impl Issued {
    /// One that signed itself.
    pub fn self_signed(is_ca: IsCa) -> Self {
        let mut params = params("alone", &["127.0.0.1"], LATER);
        params.is_ca = is_ca;
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate").pem();
        Self { certificate, key: key.serialize_pem() }
    }

    /// Both in one text, as `client_certificate` takes them.
    pub fn pem(&self) -> String {
        format!("{}{}", self.certificate, self.key)
    }

    pub fn der(&self) -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(self.certificate.as_bytes()).expect("a certificate")
    }

    /// What must be nowhere: a part of the key in PEM, and as it is encoded.
    pub fn secrets(&self) -> [Vec<u8>; 2] {
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).expect("a key");
        let line = self.key.lines().nth(1).expect("a line of base64");
        // Behind what all keys of a kind begin with.
        [line.as_bytes()[line.len() - 20..].to_vec(), key.secret_der()[40..60].to_vec()]
    }

    /// A server that shows this, and asks its clients for nothing.
    pub fn serving(&self) -> ServerConfig {
        let builder = ServerConfig::builder().with_no_client_auth();
        builder.with_single_cert(vec![self.der()], self.key()).expect("a TLS configuration")
    }

    /// A server that shows this, and lets nobody in who has no certificate of this CA's.
    pub fn demanding(&self, ca: &Authority) -> ServerConfig {
        self.demanding_by(ca, tokio_rustls::rustls::ALL_VERSIONS)
    }

    pub fn demanding_by(&self, ca: &Authority, versions: &[&'static SupportedProtocolVersion]) -> ServerConfig {
        let verifier = WebPkiClientVerifier::builder(Arc::new(roots(ca))).build().expect("a verifier");
        let builder = ServerConfig::builder_with_protocol_versions(versions).with_client_cert_verifier(verifier);
        builder.with_single_cert(vec![self.der()], self.key()).expect("a TLS configuration")
    }

    /// A server that shows this, and lets in who has a certificate of this CA's or none.
    pub fn asking(&self, ca: &Authority) -> ServerConfig {
        let verifier = WebPkiClientVerifier::builder(Arc::new(roots(ca))).allow_unauthenticated();
        let builder = ServerConfig::builder().with_client_cert_verifier(verifier.build().expect("a verifier"));
        builder.with_single_cert(vec![self.der()], self.key()).expect("a TLS configuration")
    }

    fn key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::from_pem_slice(self.key.as_bytes()).expect("a key")
    }
}

fn roots(ca: &Authority) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca.pem().as_bytes()).expect("a CA")).expect("a CA");
    roots
}
