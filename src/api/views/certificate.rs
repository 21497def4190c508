//! A hook's certificate, as JSON: never the key to it.

use serde::Serialize;

use crate::domain::certificate::About;
use crate::domain::time::Timestamp;

/// What may be shown of a certificate.
#[derive(Serialize)]
pub(super) struct CertificateView {
    subject: String,
    not_after: Timestamp,
    sha256: String,
}

impl From<About> for CertificateView {
    fn from(about: About) -> Self {
        Self { subject: about.subject, not_after: about.not_after, sha256: about.sha256 }
    }
}
