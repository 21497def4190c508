//! Whom to trust at the other end of a TLS connection, and what to show there.

mod reason;

use std::sync::Arc;

use rustls::client::WantsClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::SingleCertAndKey;
use rustls::{ClientConfig, ConfigBuilder, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use rustls_platform_verifier::Verifier;

use crate::domain::certificate::TlsIdentity;

pub(super) use reason::reason;

type Verifying = Arc<dyn ServerCertVerifier>;

/// How to speak TLS with servers. Each configuration remembers its sessions for
/// itself: none is taken up again by somebody else.
pub(super) struct Tls {
    /// Trusts those whom this machine trusts; read once, for it may be hundreds.
    system: Option<Verifying>,
    anyone: Verifying,
}

impl Tls {
    pub(super) fn new() -> Self {
        let provider = Arc::new(ring::default_provider());
        Self { system: system(&provider), anyone: Arc::new(AcceptAny(provider)) }
    }

    /// Trusts those whom this machine trusts, or anyone: for tests, and only for hooks
    /// that asked for it.
    pub(super) fn usual(&self, insecure_ssl: bool) -> ClientConfig {
        let trusted = if insecure_ssl { Trusted::By(self.anyone.clone()) } else { self.trusted_by_system() };
        trusted.builder().with_no_client_auth()
    }

    /// For a hook that has certificates: trusts its CA and nobody else, or, if it has
    /// none, as usual; shows its client certificate to the server that asks for one.
    pub(super) fn of(&self, identity: &TlsIdentity, insecure_ssl: bool) -> ClientConfig {
        let trusted = match &identity.ca {
            _ if insecure_ssl => Trusted::By(self.anyone.clone()),
            Some(ca) => Trusted::Roots(ca.roots()),
            None => self.trusted_by_system(),
        };
        match &identity.client {
            Some(client) => {
                let shown = SingleCertAndKey::from(client.certified());
                trusted.builder().with_client_cert_resolver(Arc::new(shown))
            }
            None => trusted.builder().with_no_client_auth(),
        }
    }

    fn trusted_by_system(&self) -> Trusted {
        self.system.clone().map_or_else(|| Trusted::Roots(RootCertStore::empty()), Trusted::By)
    }
}

/// What this machine trusts.
fn system(provider: &Arc<CryptoProvider>) -> Option<Verifying> {
    match Verifier::new(provider.clone()) {
        Ok(verifier) => Some(Arc::new(verifier)),
        Err(error) => {
            // Such a machine can still call http, and hooks that bring their CA.
            tracing::warn!(
                %error,
                "this machine trusts no certificate authorities: https hooks without a ca_certificate fail until some \
                 are installed (ca-certificates)"
            );
            None
        }
    }
}

/// Whom a connection trusts.
enum Trusted {
    By(Verifying),
    Roots(RootCertStore),
}

impl Trusted {
    fn builder(self) -> ConfigBuilder<ClientConfig, WantsClientCert> {
        let builder = ClientConfig::builder();
        match self {
            Self::By(verifying) => builder.dangerous().with_custom_certificate_verifier(verifying),
            Self::Roots(roots) => builder.with_root_certificates(roots),
        }
    }
}

/// Looks at no certificate, only at whether the other end has the key to it.
#[derive(Debug)]
struct AcceptAny(Arc<CryptoProvider>);

impl ServerCertVerifier for AcceptAny {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
