//! The certificates of hooks: who may vouch for their servers, and what may be shown.

use rusqlite::{OptionalExtension, params};
use serde::{Deserialize, Serialize};

use super::Session;
use super::archive::Reader;
use super::rows;
use crate::domain::certificate::{About, CaCertificate, ClientCertificate, HookCertificates};
use crate::domain::hook::{HookPatch, NewHook};
use crate::domain::id::HookId;
use crate::domain::time::Timestamp;
use crate::store::{Result, StoreError};

const CA: &str = "SELECT pem FROM hook_ca_certificates WHERE hook_id = ?1";

const KEEP_CA: &str = "
    INSERT INTO hook_ca_certificates (hook_id, pem) VALUES (?1, ?2)
    ON CONFLICT DO UPDATE SET pem = excluded.pem";

const FORGET_CA: &str = "DELETE FROM hook_ca_certificates WHERE hook_id = ?1";

const SHOW: &str = "UPDATE hooks SET certificates = ?2, certificates_end = ?3 WHERE id = ?1";

/// The predicate is that of the index: without it every hook would be looked at.
const ENDING: &str = "
    SELECT id, certificates FROM hooks
    WHERE certificates_end IS NOT NULL AND removed_at IS NULL AND certificates_end <= ?1
    ORDER BY certificates_end";

/// What may be shown, as it is kept.
#[derive(Serialize, Deserialize, Default)]
#[serde(default)]
struct Kept {
    #[serde(skip_serializing_if = "Option::is_none")]
    ca_certificate: Option<KeptAbout>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_certificate: Option<KeptAbout>,
}

/// Times in milliseconds.
#[derive(Serialize, Deserialize)]
struct KeptAbout {
    subject: String,
    sha256: String,
    not_before: i64,
    not_after: i64,
}

impl From<&About> for KeptAbout {
    fn from(about: &About) -> Self {
        let (not_before, not_after) = (about.not_before.millis(), about.not_after.millis());
        Self { subject: about.subject.clone(), sha256: about.sha256.clone(), not_before, not_after }
    }
}

impl From<KeptAbout> for About {
    fn from(kept: KeptAbout) -> Self {
        let [not_before, not_after] = [kept.not_before, kept.not_after].map(Timestamp::from_millis);
        Self { subject: kept.subject, sha256: kept.sha256, not_before, not_after }
    }
}

/// What may be shown, from the column; nothing where somebody else wrote it.
pub(super) fn shown(row: &rusqlite::Row<'_>) -> rusqlite::Result<HookCertificates> {
    let kept: Kept =
        row.get::<_, Option<String>>("certificates")?.map(|json| rows::from_json(&json)).unwrap_or_default();
    Ok(HookCertificates { ca: kept.ca_certificate.map(About::from), client: kept.client_certificate.map(About::from) })
}

impl Session {
    /// Keeps what a new hook brings; its client certificate is among its secrets.
    pub(super) fn add_certificates(&self, id: HookId, new: &NewHook) -> Result<()> {
        let ca = new.ca_certificate.as_ref();
        if ca.is_none() && new.client_certificate.is_none() {
            return Ok(());
        }
        ca.map_or(Ok(()), |ca| self.set_ca(id, Some(ca)))?;
        let (ca, client) = (ca.map(about_ca), new.client_certificate.as_ref().map(about_client));
        self.show_certificates(id, &HookCertificates { ca, client })
    }

    /// Keeps what the patch says of a hook that has shown `former` until now.
    pub(super) fn change_certificates(&self, id: HookId, former: &HookCertificates, patch: &HookPatch) -> Result<()> {
        if patch.ca_certificate.is_none() && patch.client_certificate.is_none() {
            return Ok(());
        }
        let mut shown = former.clone();
        if let Some(ca) = &patch.ca_certificate {
            self.set_ca(id, ca.as_ref())?;
            shown.ca = ca.as_ref().map(about_ca);
        }
        if let Some(client) = &patch.client_certificate {
            shown.client = client.as_ref().map(about_client);
        }
        self.show_certificates(id, &shown)
    }

    /// Forgets the CA of a hook that was removed.
    pub(super) fn forget_certificates(&self, id: HookId) -> Result<()> {
        self.set_ca(id, None)
    }

    /// The only one that may vouch for the hook's server.
    ///
    /// # Errors
    /// [`StoreError::Unusable`] where it cannot be read: then nobody may.
    pub(super) fn ca_certificate(&self, id: HookId) -> Result<Option<CaCertificate>> {
        let pem: Option<String> = self.sql(CA)?.query_row([id.0], |row| row.get(0)).optional()?;
        let unusable = |invalid| StoreError::Unusable(format!("a hook's certificate is damaged: {invalid}"));
        pem.map(|pem| CaCertificate::from_stored(&pem).map_err(unusable)).transpose()
    }

    fn set_ca(&self, id: HookId, ca: Option<&CaCertificate>) -> Result<()> {
        match ca {
            Some(ca) => self.sql(KEEP_CA)?.execute(params![id.0, ca.pem()])?,
            None => self.sql(FORGET_CA)?.execute([id.0])?,
        };
        Ok(())
    }

    pub(super) fn show_certificates(&self, id: HookId, shown: &HookCertificates) -> Result<()> {
        let kept = Kept {
            ca_certificate: shown.ca.as_ref().map(KeptAbout::from),
            client_certificate: shown.client.as_ref().map(KeptAbout::from),
        };
        let end = shown.first_end().map(Timestamp::millis);
        let json = end.is_some().then(|| rows::json(&kept));
        self.sql(SHOW)?.execute(params![id.0, json, end])?;
        Ok(())
    }
}

fn about_ca(ca: &CaCertificate) -> About {
    ca.about().clone()
}

fn about_client(client: &ClientCertificate) -> About {
    client.about().clone()
}

impl Reader {
    /// Living hooks of which a certificate ends by then, the first one first.
    pub(super) fn list_certificates_ending(&self, by: Timestamp) -> Result<Vec<(HookId, HookCertificates)>> {
        let mut statement = self.sql(ENDING)?;
        let hook = |row: &rusqlite::Row<'_>| Ok((HookId(row.get("id")?), shown(row)?));
        Ok(statement.query_map([by.millis()], hook)?.collect::<rusqlite::Result<_>>()?)
    }
}
