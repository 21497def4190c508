//! What stands in a PEM text.

use rustls::pki_types::pem::{PemObject, SectionKind};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::CertificateField;
use crate::domain::Invalid;

/// The longest text, in bytes.
const MAX_BYTES: usize = 32 << 10;

/// The most certificates in one text.
const MAX_CERTIFICATES: usize = 10;

/// The parts of a text that matter here, in their order.
#[derive(Default)]
pub(super) struct Sections {
    pub(super) certificates: Vec<CertificateDer<'static>>,
    pub(super) keys: Vec<PrivateKeyDer<'static>>,
}

impl Sections {
    /// Reads a text. No error repeats any of it: it may hold a key.
    pub(super) fn read(field: CertificateField, text: &str) -> Result<Self, Invalid> {
        if text.len() > MAX_BYTES {
            return Err(field.invalid(format!("is {} bytes long: at most {MAX_BYTES} are taken", text.len())));
        }
        // As OpenSSL writes them today, and as it once did.
        if text.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----") || text.contains("Proc-Type: 4,ENCRYPTED") {
            let message = "holds a key that needs a password: give it without one, as `openssl pkey` writes it";
            return Err(field.invalid(message));
        }
        let mut sections = Self::default();
        for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(text.as_bytes()) {
            let damaged = |_| field.invalid("is damaged PEM: give the file as it was made, line breaks and all");
            match section.map_err(damaged)? {
                (SectionKind::Certificate, der) => sections.certificates.push(der.into()),
                (kind, der) => sections.keys.extend(PrivateKeyDer::from_pem(kind, der)),
            }
        }
        sections.check_count(field)?;
        Ok(sections)
    }

    fn check_count(&self, field: CertificateField) -> Result<(), Invalid> {
        let message = match self.certificates.len() {
            0 => "holds no certificate: give PEM, with -----BEGIN CERTIFICATE----- on a line of its own".to_owned(),
            1..=MAX_CERTIFICATES => return Ok(()),
            many => format!("holds {many} certificates: at most {MAX_CERTIFICATES} are taken"),
        };
        Err(field.invalid(message))
    }
}
