//! The server's certificate and key: read from files, and read again when asked.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{Error, ServerConfig};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::domain::time::Timestamp;

/// HTTP/2 as it is named in a handshake.
pub(super) const H2: &[u8] = b"h2";

/// HTTP/1.1 likewise.
const HTTP_1_1: &[u8] = b"http/1.1";

/// A certificate that ends sooner than this is warned of.
const NOTICE: Duration = Duration::from_hours(14 * 24);

/// Where the certificate and its key are.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// The certificate in PEM, then those that vouch for it.
    pub certificate: PathBuf,
    /// Its private key in PEM.
    pub key: PathBuf,
}

/// Why a certificate cannot be used, and the remedy.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {path} for --{flag} ({error}): check that it is there and that this user may read it")]
    Unreadable {
        /// Which setting names it.
        flag: &'static str,
        /// The file.
        path: String,
        /// What the system says.
        error: std::io::Error,
    },
    /// A file is no PEM, or holds something else.
    #[error("{path} for --{flag} {problem}")]
    Useless {
        /// Which setting names it.
        flag: &'static str,
        /// The file.
        path: String,
        /// What is wrong with it, and the remedy.
        problem: String,
    },
    /// The key belongs to something else.
    #[error(
        "the key in {key} is not that of the certificate in {certificate}: give --tls-cert and --tls-key that belong together, the server's own certificate first"
    )]
    Strangers {
        /// The file with the certificate.
        certificate: String,
        /// The file with the key.
        key: String,
    },
}

/// The certificate in use. Handshakes that begin after a reload get the new one.
pub struct Tls {
    files: TlsFiles,
    offers: watch::Sender<Offers>,
}

/// What a handshake offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Offer {
    Both,
    Http1,
    Http2,
}

/// The same certificate in each offer.
struct Offers {
    both: Arc<ServerConfig>,
    http1: Arc<ServerConfig>,
    http2: Arc<ServerConfig>,
}

impl Offers {
    fn of(config: &ServerConfig) -> Self {
        let offer = |names: &[&[u8]]| {
            let mut config = config.clone();
            config.alpn_protocols = names.iter().map(|name| name.to_vec()).collect();
            Arc::new(config)
        };
        Self { both: offer(&[H2, HTTP_1_1]), http1: offer(&[HTTP_1_1]), http2: offer(&[H2]) }
    }
}

impl Tls {
    /// Reads the files, and warns of a certificate that ends soon or has ended.
    ///
    /// # Errors
    /// Names the file that cannot be used and says why.
    pub fn load(files: TlsFiles, now: Timestamp) -> Result<Self, TlsError> {
        let offers = Offers::of(&read(&files, now)?);
        Ok(Self { files, offers: watch::Sender::new(offers) })
    }

    /// Reads the files again. Keeps what it has where they cannot be used, and logs why.
    pub fn reload(&self, now: Timestamp) {
        match read(&self.files, now) {
            Ok(config) => {
                self.offers.send_replace(Offers::of(&config));
                tracing::info!(certificate = %self.files.certificate.display(), "the certificate was read again");
            }
            Err(error) => tracing::error!(%error, "the certificate stays as it was"),
        }
    }

    /// For one handshake.
    pub(super) fn acceptor(&self, offer: Offer) -> TlsAcceptor {
        let offers = self.offers.borrow();
        let config = match offer {
            Offer::Both => &offers.both,
            Offer::Http1 => &offers.http1,
            Offer::Http2 => &offers.http2,
        };
        TlsAcceptor::from(config.clone())
    }
}

fn read(files: &TlsFiles, now: Timestamp) -> Result<ServerConfig, TlsError> {
    let (path, certificates) = ("tls-cert", certificates(&files.certificate)?);
    let useless = |problem: &str| useless(path, &files.certificate, problem);
    let own = certificates.first().ok_or_else(|| {
        useless("holds no certificate: give a PEM file with the server's certificate and those that vouch for it")
    })?;
    let (_, own) = X509Certificate::from_der(own)
        .map_err(|_| useless("holds something that is no certificate: give a PEM file with X.509 certificates"))?;
    let time = |seconds: i64| Timestamp::from_millis(seconds.saturating_mul(1000));
    let validity = own.validity();
    if let Some(notice) = notice(time(validity.not_before.timestamp()), time(validity.not_after.timestamp()), now) {
        tracing::warn!(certificate = %files.certificate.display(), "{notice}");
    }
    let key = key(&files.key)?;
    if let Some(mode) = mode_for_others(&files.key) {
        let key = files.key.display();
        tracing::warn!(%key, "others may use the private key (its mode is {mode:o}): `chmod 600` it");
    }
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(certificates, key));
    config.map_err(|error| {
        let (certificate, key) = (files.certificate.display().to_string(), files.key.display().to_string());
        match error {
            Error::InconsistentKeys(_) => TlsError::Strangers { certificate, key },
            error => useless(&format!("cannot be used with {key}: {error}")),
        }
    })
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = text("tls-cert", path)?;
    let all: Result<_, _> = CertificateDer::pem_slice_iter(&text).collect();
    all.map_err(|error| useless("tls-cert", path, &format!("is no PEM: {error}")))
}

fn key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let text = text("tls-key", path)?;
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| {
        let problem = match error {
            pem::Error::NoItemsFound => {
                "holds no private key: give a PEM file with one that needs no password".to_owned()
            }
            error => format!("is no PEM: {error}"),
        };
        useless("tls-key", path, &problem)
    })
}

/// The mode of a file that is not for its owner alone. It is not refused, unlike the file
/// that holds the key of secrets: we did not make it, and others may have to share it.
fn mode_for_others(path: &Path) -> Option<u32> {
    let mode = std::fs::metadata(path).ok()?.permissions().mode() & 0o777;
    (mode & 0o077 != 0).then_some(mode)
}

fn text(flag: &'static str, path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|error| TlsError::Unreadable { flag, path: path.display().to_string(), error })
}

fn useless(flag: &'static str, path: &Path, problem: &str) -> TlsError {
    TlsError::Useless { flag, path: path.display().to_string(), problem: problem.to_owned() }
}

/// What is to be said of a certificate's time.
fn notice(from: Timestamp, until: Timestamp, now: Timestamp) -> Option<String> {
    if now > until {
        return Some(format!("the certificate has expired at {}: clients refuse it", until.rfc3339()));
    }
    if now < from {
        return Some(format!("the certificate is valid only from {}: clients refuse it", from.rfc3339()));
    }
    (until.since(now) < NOTICE)
        .then(|| format!("the certificate expires at {}: replace it and send SIGHUP", until.rfc3339()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_spoken_of_when_its_time_is_short_or_not_now() {
        let day = |day: i64| Timestamp::from_millis(day * 24 * 3_600_000);
        let about = |now| notice(day(100), day(200), day(now)).unwrap_or_default();

        assert!(about(99).contains("valid only from 1970-04-11T"), "{}", about(99));
        assert_eq!((about(100), about(186)), (String::new(), String::new()));
        assert!(about(187).contains("expires at 1970-07-20T"), "{}", about(187));
        assert!(about(201).contains("has expired"), "{}", about(201));
    }
}
