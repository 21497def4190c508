//! With what a hook's server knows who we are.

use std::fmt;
use std::sync::Arc;

use rustls::Error;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use zeroize::Zeroizing;

use super::pem::Sections;
use super::{About, CertificateField, X509};
use crate::domain::Invalid;
use crate::domain::time::Timestamp;

const FIELD: CertificateField = CertificateField::Client;

/// A certificate, those that lead up to its CA, and the private key to it.
#[derive(Clone)]
pub struct ClientCertificate {
    pem: Arc<Zeroizing<String>>,
    certified: Arc<CertifiedKey>,
    about: About,
}

impl ClientCertificate {
    /// Reads a chain of one to ten certificates in PEM, the own one first, none of
    /// them expired, and the private key to it.
    ///
    /// # Errors
    /// Names `client_certificate`, what is wrong with it, and the remedy. Nothing of the
    /// text is repeated.
    pub fn parse(text: &str, now: Timestamp) -> Result<Self, Invalid> {
        let certificate = Self::from_stored(text)?;
        certificate.about.check_time(FIELD, now)?;
        Ok(certificate)
    }

    /// Reads what was taken once, whatever the time is now.
    ///
    /// # Errors
    /// As [`ClientCertificate::parse`].
    pub fn from_stored(text: &str) -> Result<Self, Invalid> {
        let Sections { certificates, keys } = Sections::read(FIELD, text)?;
        let chain = certificates.iter().map(|der| X509::read(FIELD, der)).collect::<Result<Vec<_>, _>>()?;
        let about = About::of(FIELD, &chain)?;
        let certified = certified(certificates.clone(), only(keys)?)?;
        Ok(Self { pem: Arc::new(Zeroizing::new(text.to_owned())), certified: Arc::new(certified), about })
    }

    /// As it was given, with the private key: for the disk, sealed, and for nobody else.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// What may be shown of it.
    #[must_use]
    pub fn about(&self) -> &About {
        &self.about
    }

    /// As those who make connections take it.
    #[must_use]
    pub fn certified(&self) -> Arc<CertifiedKey> {
        self.certified.clone()
    }
}

fn only(keys: Vec<PrivateKeyDer<'static>>) -> Result<PrivateKeyDer<'static>, Invalid> {
    let count = keys.len();
    let mut keys = keys.into_iter();
    match (keys.next(), count) {
        (Some(key), 1) => Ok(key),
        (None, _) => Err(FIELD.invalid("holds no private key: put it into the same text, in PEM, after the chain")),
        _ => Err(FIELD.invalid(format!("holds {count} private keys: give the one to the first certificate"))),
    }
}

/// The chain and its key, if they belong together.
fn certified(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<CertifiedKey, Invalid> {
    let certified = CertifiedKey::from_der(chain, key, &ring::default_provider());
    certified.map_err(|error| match error {
        Error::InconsistentKeys(_) => FIELD.invalid(
            "holds a private key that is not to the first certificate: give those that belong together, the own \
             certificate first",
        ),
        // What it says of a key could be a part of it.
        _ => FIELD
            .invalid("holds a key that cannot be used: give one of RSA (2048 to 4096 bits), P-256, P-384 or Ed25519"),
    })
}

impl PartialEq for ClientCertificate {
    fn eq(&self, other: &Self) -> bool {
        self.pem == other.pem
    }
}

impl Eq for ClientCertificate {}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCertificate").field("about", &self.about).finish_non_exhaustive()
    }
}
