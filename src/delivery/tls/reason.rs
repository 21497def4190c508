//! Why nothing came of a TLS connection, in words that name the remedy.

use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, Error, InvalidMessage};

use crate::domain::certificate::TlsIdentity;
use crate::domain::time::Timestamp;

/// So many of a server's names are repeated at most.
const NAMES: usize = 5;

/// Why nothing came of a connection with this identity.
pub(in crate::delivery) fn reason(error: &Error, identity: Option<&TlsIdentity>) -> String {
    match error {
        Error::InvalidCertificate(why) => unfit(why, identity.is_some_and(|identity| identity.ca.is_some())),
        Error::AlertReceived(alert) => said(*alert, identity.is_some_and(|identity| identity.client.is_some())),
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            "the server does not speak TLS there: check the URL's port, or call it by http".to_owned()
        }
        error => format!("TLS: {error}"),
    }
}

/// Why the server's certificate was not taken.
fn unfit(why: &CertificateError, own_ca: bool) -> String {
    let certificate = "the server's certificate";
    match why {
        CertificateError::UnknownIssuer | CertificateError::BadSignature if own_ca => format!(
            "{certificate} is not signed by the hook's ca_certificate, the only one that counts for it: give the CA that \
             signed it, and have the server send what lies between"
        ),
        CertificateError::UnknownIssuer => format!(
            "{certificate} is signed by nobody whom this machine trusts: give the hook its CA as ca_certificate"
        ),
        CertificateError::ExpiredContext { not_after, .. } => {
            format!("{certificate} expired on {}: the server needs a new one", day(*not_after))
        }
        CertificateError::NotValidYetContext { not_before, .. } => format!(
            "{certificate} is not valid before {}: wait, or check the clocks of both machines",
            day(*not_before)
        ),
        CertificateError::NotValidForNameContext { expected, presented } => {
            let names: Vec<_> = presented.iter().take(NAMES).map(String::as_str).collect();
            let more = if presented.len() > NAMES { ", …" } else { "" };
            let names = if names.is_empty() { "no name".to_owned() } else { names.join(", ") + more };
            let expected = expected.to_str();
            format!("{certificate} is for {names}, not for {expected}: call the server by a name of its certificate")
        }
        CertificateError::Other(other) if other.to_string() == "CaUsedAsEndEntity" => format!(
            "{certificate} is that of a CA: give the server one of its own, such as `openssl req -x509 -addext \
             basicConstraints=CA:FALSE` makes"
        ),
        why => format!("{certificate} cannot be taken: {why}"),
    }
}

/// What the server said before it closed the connection.
fn said(alert: AlertDescription, shown: bool) -> String {
    use AlertDescription as A;
    let why = match alert {
        A::CertificateRequired if !shown => return WANTED.to_owned(),
        // All that TLS 1.2 has for it; it may mean something else.
        A::HandshakeFailure if !shown => {
            return format!(
                "the server refuses the handshake: it may speak no TLS that is in use today, or {}",
                "want a client certificate: give the hook one as client_certificate"
            );
        }
        A::UnknownCA => "it does not trust the CA that signed it: give one that it trusts, with the chain up to its CA",
        A::CertificateExpired => "it has expired: give a new one",
        A::CertificateRevoked => "it was revoked: give a new one",
        A::BadCertificate
        | A::UnsupportedCertificate
        | A::CertificateUnknown
        | A::CertificateRequired
        | A::AccessDenied
        | A::DecryptError => "give one that it takes",
        alert => return format!("the server refuses TLS ({alert:?})"),
    };
    if !shown {
        return format!("the server refuses TLS ({alert:?})");
    }
    format!("the server refuses the hook's client_certificate ({alert:?}): {why}")
}

/// What a server wants that asks for a certificate and is shown none.
const WANTED: &str = "the server wants a client certificate: give the hook one as client_certificate";

fn day(time: UnixTime) -> String {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    Timestamp::from_millis(seconds.saturating_mul(1000)).day()
}
