//! Who may vouch for a hook's server.

use rustls::RootCertStore;

use super::pem::Sections;
use super::{About, CertificateField, X509};
use crate::domain::Invalid;
use crate::domain::time::Timestamp;

const FIELD: CertificateField = CertificateField::Ca;

/// The only certificates that may vouch for a hook's server.
#[derive(Debug, Clone)]
pub struct CaCertificate {
    pem: String,
    roots: RootCertStore,
    about: About,
}

impl CaCertificate {
    /// Reads one to ten certificates in PEM, none of them expired.
    ///
    /// # Errors
    /// Names `ca_certificate`, what is wrong with it, and the remedy.
    pub fn parse(text: &str, now: Timestamp) -> Result<Self, Invalid> {
        let certificate = Self::from_stored(text)?;
        certificate.about.check_time(FIELD, now)?;
        Ok(certificate)
    }

    /// Reads what was taken once, whatever the time is now.
    ///
    /// # Errors
    /// As [`CaCertificate::parse`].
    pub fn from_stored(text: &str) -> Result<Self, Invalid> {
        let sections = Sections::read(FIELD, text)?;
        if !sections.keys.is_empty() {
            let message = "holds a private key: keep the CA's key to yourself, and give the certificate alone";
            return Err(FIELD.invalid(message));
        }
        let mut roots = RootCertStore::empty();
        let mut certificates = vec![];
        for der in &sections.certificates {
            let certificate = X509::read(FIELD, der)?;
            check(&certificate)?;
            roots.add(der.clone()).map_err(|error| FIELD.invalid(format!("cannot be used ({error}): give another")))?;
            certificates.push(certificate);
        }
        let about = About::of(FIELD, &certificates)?;
        Ok(Self { pem: text.to_owned(), roots, about })
    }

    /// As it was given.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// What may be shown of it.
    #[must_use]
    pub fn about(&self) -> &About {
        &self.about
    }

    /// As those who check servers take it.
    #[must_use]
    pub fn roots(&self) -> RootCertStore {
        self.roots.clone()
    }
}

/// A server's own certificate is trusted only if it signed itself: any other is
/// followed up to whoever signed it, whom we would not know.
fn check(certificate: &X509<'_>) -> Result<(), Invalid> {
    if certificate.vouches() {
        return Ok(());
    }
    let (whose, by) = (certificate.about().subject, certificate.parsed.issuer().to_string());
    let by: String = by.chars().filter(|c| !c.is_control()).take(256).collect();
    Err(FIELD.invalid(format!("holds a certificate that vouches for no server ({whose}): give that of its CA ({by})")))
}
