//! What is shown of a hook's certificates, and what is to be said about them.

use std::time::Duration;

use super::{About, CertificateField};
use crate::domain::time::Timestamp;

const DAY: Duration = Duration::from_hours(24);

/// So long before its end a certificate is spoken of.
const NOTICE: Duration = Duration::from_hours(30 * 24);

/// What may be shown of a hook's certificates.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HookCertificates {
    /// Of those that may vouch for its server.
    pub ca: Option<About>,
    /// Of that which we show.
    pub client: Option<About>,
}

impl HookCertificates {
    /// Those that there are.
    pub fn iter(&self) -> impl Iterator<Item = (CertificateField, &About)> {
        let all = [(CertificateField::Ca, &self.ca), (CertificateField::Client, &self.client)];
        all.into_iter().filter_map(|(field, about)| Some((field, about.as_ref()?)))
    }

    /// When the first of them ends.
    #[must_use]
    pub fn first_end(&self) -> Option<Timestamp> {
        self.iter().map(|(_, about)| about.not_after).min()
    }

    /// What their owner should know: which of them end soon or have ended, which are
    /// not valid yet, and which have no effect on how this hook is called.
    #[must_use]
    pub fn warnings(&self, now: Timestamp, https: bool, insecure_ssl: bool) -> Vec<String> {
        let of_time = self.iter().filter_map(|(field, about)| about.warning(field, now));
        let of_use = self.iter().filter_map(|(field, _)| unused(field, https, insecure_ssl));
        of_time.chain(of_use).collect()
    }
}

impl About {
    fn warning(&self, field: CertificateField, now: Timestamp) -> Option<String> {
        let (from, until) = (self.not_before.day(), self.not_after.day());
        if now < self.not_before {
            return Some(format!("{field} is not valid before {from}: until then it may be refused"));
        }
        if now > self.not_after {
            return Some(format!("{field} expired on {until}: {}", remedy(field)));
        }
        let left = self.not_after.since(now);
        let days = match left.as_secs() / DAY.as_secs() {
            0 => "within a day".to_owned(),
            1 => "in 1 day".to_owned(),
            days => format!("in {days} days"),
        };
        (left <= NOTICE).then(|| format!("{field} expires {days}, on {until}: {}", remedy(field)))
    }
}

fn remedy(field: CertificateField) -> &'static str {
    match field {
        CertificateField::Ca => "give the hook the CA's next one, beside this one while both are in use",
        CertificateField::Client => "give the hook a new one",
    }
}

/// Why a certificate makes no difference, if so.
fn unused(field: CertificateField, https: bool, insecure_ssl: bool) -> Option<String> {
    if !https {
        return Some(format!("{field} has no effect, because the URL is http: make it https"));
    }
    let ignored = insecure_ssl && field == CertificateField::Ca;
    ignored.then(|| format!("{field} has no effect, because insecure_ssl accepts any certificate: turn that off"))
}
