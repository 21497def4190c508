//! Certificates that a hook is given: whom it trusts, and with what it proves who
//! we are. Read and checked once, where they come in.

mod ca;
mod client;
mod pem;
mod shown;

use std::fmt;

use sha2::{Digest, Sha256};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::Invalid;
use super::time::Timestamp;

pub use ca::CaCertificate;
pub use client::ClientCertificate;
pub use shown::HookCertificates;

/// Which certificate of a hook it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CertificateField {
    /// The only one that may vouch for the hook's server.
    Ca,
    /// What we show to the hook's server.
    Client,
}

impl CertificateField {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Ca, Self::Client];

    /// How the store and the API spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ca => "ca_certificate",
            Self::Client => "client_certificate",
        }
    }

    /// Reads that spelling.
    #[must_use]
    pub fn named(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.as_str() == text)
    }

    /// A value of this field that cannot be taken.
    fn invalid(self, message: impl Into<String>) -> Invalid {
        Invalid::new(self.as_str(), message)
    }
}

impl fmt::Display for CertificateField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What may be shown of a certificate. Where there are several, the first one's name
/// and fingerprint, and the time in which all of them are valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// Whose it is, such as `CN=hooks, O=Example`.
    pub subject: String,
    /// Of the certificate as it is encoded, in lower-case hexadecimal.
    pub sha256: String,
    /// From when on it is valid.
    pub not_before: Timestamp,
    /// The last moment at which it is.
    pub not_after: Timestamp,
}

/// The longest subject that is kept, in bytes.
const MAX_SUBJECT: usize = 256;

impl About {
    /// Of these certificates, of which there is at least one.
    fn of(field: CertificateField, certificates: &[X509<'_>]) -> Result<Self, Invalid> {
        let first = certificates.first().ok_or_else(|| field.invalid("holds no certificate: give one"))?;
        let mut about = first.about();
        for other in certificates {
            let other = other.about();
            about.not_before = about.not_before.max(other.not_before);
            about.not_after = about.not_after.min(other.not_after);
        }
        Ok(about)
    }

    /// Refuses what has expired already.
    fn check_time(&self, field: CertificateField, now: Timestamp) -> Result<(), Invalid> {
        if now <= self.not_after {
            return Ok(());
        }
        let day = self.not_after.day();
        Err(field.invalid(format!("expired on {day}, it or one that came with it: give one that is valid")))
    }
}

/// A certificate that could be read.
struct X509<'a> {
    der: &'a [u8],
    parsed: X509Certificate<'a>,
}

impl<'a> X509<'a> {
    fn read(field: CertificateField, der: &'a [u8]) -> Result<Self, Invalid> {
        match X509Certificate::from_der(der) {
            Ok(([], parsed)) => Ok(Self { der, parsed }),
            _ => Err(field.invalid("holds something that is no X.509 certificate: give certificates in PEM")),
        }
    }

    fn about(&self) -> About {
        let time = |seconds: i64| Timestamp::from_millis(seconds.saturating_mul(1000));
        let validity = self.parsed.validity();
        let name = self.parsed.subject().to_string();
        let mut subject: String = name.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
        subject.truncate(subject.floor_char_boundary(MAX_SUBJECT));
        About {
            subject,
            sha256: data_encoding::HEXLOWER.encode(&Sha256::digest(self.der)),
            not_before: time(validity.not_before.timestamp()),
            not_after: time(validity.not_after.timestamp()),
        }
    }

    /// Whether it can vouch for a server: as a CA, or for the one that shows this very
    /// certificate.
    fn vouches(&self) -> bool {
        let ca = self.parsed.basic_constraints().ok().flatten().is_some_and(|constraints| constraints.value.ca);
        ca || self.parsed.subject() == self.parsed.issuer()
    }
}

/// The certificates of a hook that has any, ready for connections of its own.
#[derive(Debug, Clone)]
pub struct TlsIdentity {
    /// The only ones that may vouch for its server; `None`: those that this machine trusts.
    pub ca: Option<CaCertificate>,
    /// What we show to its server.
    pub client: Option<ClientCertificate>,
    digest: [u8; 32],
}

impl TlsIdentity {
    /// `None` where there is neither.
    #[must_use]
    pub fn of(ca: Option<CaCertificate>, client: Option<ClientCertificate>) -> Option<Self> {
        if ca.is_none() && client.is_none() {
            return None;
        }
        let texts = [ca.as_ref().map(CaCertificate::pem), client.as_ref().map(ClientCertificate::pem)];
        let parts = texts.map(|text| Sha256::digest(text.unwrap_or_default()));
        Some(Self { ca, client, digest: Sha256::digest(parts.concat()).into() })
    }

    /// The same for the same certificates, and for no others.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }
}

impl PartialEq for TlsIdentity {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Eq for TlsIdentity {}

#[cfg(test)]
mod tests;
