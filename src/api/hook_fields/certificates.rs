//! The fields of a hook that are certificates.

use serde_json::Value;

use super::{Field, text};
use crate::domain::Invalid;
use crate::domain::certificate::{CaCertificate, CertificateField, ClientCertificate};
use crate::domain::time::Timestamp;

pub(super) const CA_CERTIFICATE: Field = Field { name: CertificateField::Ca.as_str(), aliases: &[] };
pub(super) const CLIENT_CERTIFICATE: Field = Field { name: CertificateField::Client.as_str(), aliases: &[] };

/// Who alone may vouch for the hook's server, or null for whom this machine trusts.
pub(super) fn ca_certificate(value: &Value, now: Timestamp) -> Result<Option<CaCertificate>, Invalid> {
    if value.is_null() {
        return Ok(None);
    }
    CaCertificate::parse(&text(&CA_CERTIFICATE, value)?, now).map(Some)
}

/// What is shown to the hook's server, or null for nothing.
pub(super) fn client_certificate(value: &Value, now: Timestamp) -> Result<Option<ClientCertificate>, Invalid> {
    if value.is_null() {
        return Ok(None);
    }
    ClientCertificate::parse(&text(&CLIENT_CERTIFICATE, value)?, now).map(Some)
}
