//! What is secret about hooks, sealed.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rusqlite::{OptionalExtension, params};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{Session, sealing};
use crate::domain::Invalid;
use crate::domain::certificate::{ClientCertificate, HookCertificates};
use crate::domain::headers::CustomHeaders;
use crate::domain::hook::{Hook, HookPatch};
use crate::domain::id::HookId;
use crate::domain::secrets::{HookKey, HookSecrets};
use crate::domain::signature::{Secret, SigningKey};
use crate::domain::time::Timestamp;
use crate::domain::url::{Credentials, HookUrl};
use crate::store::vault::{Row, random};
use crate::store::{Result, Secrets, SigningKeys, StoreError};

const SEALED: &str = "SELECT sealed FROM hook_secrets WHERE hook_id = ?1";

const KEEP: &str = "
    INSERT INTO hook_secrets (hook_id, sealed, next_end) VALUES (?1, ?2, ?3)
    ON CONFLICT DO UPDATE SET sealed = excluded.sealed, next_end = excluded.next_end";

const NO_HEADERS: &str = "UPDATE hooks SET header_names = NULL WHERE id = ?1";

const FORGET: &str = "DELETE FROM hook_secrets WHERE hook_id = ?1";

/// Hooks of which a former key no longer signs.
const ENDED: &str = "SELECT hook_id FROM hook_secrets WHERE next_end <= ?1 ORDER BY next_end LIMIT ?2";

/// Not looked at again: what does not open cannot be tidied.
const LEAVE: &str = "UPDATE hook_secrets SET next_end = NULL WHERE hook_id = ?1";

/// The row in which the secrets of a hook stand.
pub(super) fn row(hook: HookId) -> Row {
    Row { table: "hook_secrets", id: hook.0 }
}

/// What is sealed, as JSON. Fields may be added; what is missing is none.
#[derive(Serialize, Deserialize, Default)]
#[serde(default)]
struct Plain {
    #[serde(skip_serializing_if = "Option::is_none")]
    credentials: Option<PlainCredentials>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    headers: Vec<(String, String)>,
    keys: Vec<PlainKey>,
    /// In PEM, with the private key.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_certificate: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct PlainCredentials {
    username: String,
    password: String,
}

#[derive(Serialize, Deserialize)]
struct PlainKey {
    secret: String,
    /// Of ed25519, in base64.
    seed: String,
    /// In milliseconds; absent: until another takes its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<i64>,
}

/// The secrets as they are sealed.
pub(super) fn to_plain(secrets: &HookSecrets) -> Result<Zeroizing<Vec<u8>>> {
    let key = |key: &HookKey| PlainKey {
        secret: key.key.secret.text(),
        seed: BASE64_STANDARD.encode(key.key.seed),
        until: key.until.map(Timestamp::millis),
    };
    let credentials = secrets.credentials.clone();
    let plain = Plain {
        credentials: credentials.map(|Credentials { username, password }| PlainCredentials { username, password }),
        headers: secrets.headers.pairs(),
        keys: secrets.keys.iter().map(key).collect(),
        client_certificate: secrets.client_certificate.as_ref().map(|certificate| certificate.pem().to_owned()),
    };
    let json = serde_json::to_vec(&plain);
    // The error could repeat a part of what is secret.
    json.map(Zeroizing::new).map_err(|_| StoreError::Failed("a hook's secrets have no JSON form".into()))
}

/// The secrets from what was sealed.
pub(super) fn from_plain(plain: &[u8]) -> Result<HookSecrets> {
    let unreadable = || StoreError::Unusable("a hook's secrets open, but are none that this version knows".into());
    let plain: Plain = serde_json::from_slice(plain).map_err(|_| unreadable())?;
    let key = |key: &PlainKey| {
        let seed = BASE64_STANDARD.decode(&key.seed).ok()?.try_into().ok()?;
        let key_itself = SigningKey { secret: Secret::parse(&key.secret).ok()?, seed };
        Some(HookKey { key: key_itself, until: key.until.map(Timestamp::from_millis) })
    };
    let credentials = plain.credentials;
    let client_certificate = plain.client_certificate.as_deref().map(ClientCertificate::from_stored).transpose();
    Ok(HookSecrets {
        credentials: credentials.map(|PlainCredentials { username, password }| Credentials { username, password }),
        headers: CustomHeaders::trusted(&plain.headers),
        keys: plain.keys.iter().map(key).collect::<Option<_>>().ok_or_else(unreadable)?,
        client_certificate: client_certificate.map_err(|_| unreadable())?,
    })
}

/// A new signing key, with this secret if one is given.
pub(super) fn signing_key(secret: Option<&Secret>) -> Result<SigningKey> {
    let secret = match secret {
        Some(given) => given.clone(),
        None => Secret::from_bytes(random()?),
    };
    Ok(SigningKey { secret, seed: random()? })
}

impl Session {
    /// All that is secret about a hook; nothing, if that is nowhere.
    pub(super) fn secrets_of(&self, hook: HookId) -> Result<HookSecrets> {
        let sealed = self.sql(SEALED)?.query_row([hook.0], |row| row.get::<_, Vec<u8>>(0)).optional()?;
        match sealed {
            Some(sealed) => from_plain(&self.vault.open(row(hook), &sealed)?),
            None => Ok(HookSecrets::default()),
        }
    }

    /// Seals what is secret about a hook in place of what was; that is written over.
    pub(super) fn keep_secrets(&self, hook: HookId, secrets: &HookSecrets) -> Result<()> {
        // Somebody may have given the database another key.
        sealing::unlock(&self.conn, &self.vault)?;
        let sealed = self.vault.seal(row(hook), &to_plain(secrets)?)?;
        let next_end = secrets.next_end().map(Timestamp::millis);
        self.overwriting(|session| Ok(session.sql(KEEP)?.execute(params![hook.0, sealed, next_end])?))?;
        Ok(())
    }

    /// Removes what is secret about a hook, and writes over where it stood.
    pub(super) fn forget_secrets(&self, hook: HookId) -> Result<()> {
        self.overwriting(|session| Ok(session.sql(FORGET)?.execute([hook.0])?))?;
        Ok(())
    }

    /// The hook's secrets as they will be; `None` if they stay. Who sends back the
    /// URL as it is shown means to keep what is not shown.
    pub(super) fn patched_secrets(
        &self,
        hook: &Hook,
        old_url: &HookUrl,
        patch: &HookPatch,
    ) -> Result<std::result::Result<Option<HookSecrets>, Invalid>> {
        if let Err(invalid) = headers_stay(hook, old_url, patch) {
            return Ok(Err(invalid));
        }
        let credentials = patch.url.as_ref().map(|(_, credentials)| credentials);
        let credentials = credentials.filter(|credentials| credentials.is_some() || hook.url != *old_url);
        if credentials.is_none() && patch.headers.is_none() && patch.client_certificate.is_none() {
            return Ok(Ok(None));
        }
        let mut secrets = self.secrets_of(hook.id)?;
        if let Some(credentials) = credentials {
            secrets.credentials.clone_from(credentials);
        }
        if let Some(certificate) = &patch.client_certificate {
            secrets.client_certificate.clone_from(certificate);
        }
        if let Some(headers) = &patch.headers {
            match headers.instead_of(&secrets.headers) {
                Ok(headers) => secrets.headers = headers,
                Err(invalid) => return Ok(Err(invalid)),
            }
        }
        Ok(secrets.check().map(|()| Some(secrets)))
    }

    /// Does something after which nothing of what it removes is left in the pages of
    /// the database. All else is spared the cost.
    pub(super) fn overwriting<T>(&self, act: impl FnOnce(&Self) -> Result<T>) -> Result<T> {
        self.conn.pragma_update(None, "secure_delete", true)?;
        let done = act(self);
        self.conn.pragma_update(None, "secure_delete", false)?;
        done
    }

    /// Gives a hook whose secrets do not open none in their place: what they were is lost.
    fn begin_anew(&self, hook: Hook, why: &str) -> Result<()> {
        let id = hook.id;
        self.keep_secrets(id, &HookSecrets::default())?;
        self.sql(NO_HEADERS)?.execute([id.0])?;
        self.show_certificates(id, &HookCertificates { client: None, ..hook.certificates })?;
        tracing::error!(
            hook = id.0,
            why,
            "a hook's secrets did not open and it was given new ones: its credentials, headers and client certificate \
             are lost, set them again"
        );
        Ok(())
    }

    /// Changes what is secret about a living hook.
    fn change_secrets(
        &mut self,
        now: Timestamp,
        id: HookId,
        change: impl FnOnce(&mut HookSecrets),
    ) -> Result<Option<SigningKeys>> {
        if self.hook_by_id(id)?.is_none() {
            return Ok(None);
        }
        let mut secrets = self.secrets_of(id)?;
        change(&mut secrets);
        self.keep_secrets(id, &secrets)?;
        self.stage_anew(id)?;
        self.batch.rows += 1;
        Ok(signing_keys(now, secrets))
    }
}

impl Secrets for Session {
    fn signing_keys(&mut self, now: Timestamp, id: HookId) -> Result<Option<SigningKeys>> {
        if self.hook_by_id(id)?.is_none() {
            return Ok(None);
        }
        Ok(signing_keys(now, self.secrets_of(id)?))
    }

    fn rotate_secret(
        &mut self,
        now: Timestamp,
        id: HookId,
        secret: Option<&Secret>,
        overlap: Duration,
    ) -> Result<Option<SigningKeys>> {
        let key = signing_key(secret)?;
        if let Some(hook) = self.hook_by_id(id)?
            && let Err(StoreError::Unusable(why)) = self.secrets_of(id)
        {
            self.begin_anew(hook, &why)?;
        }
        self.change_secrets(now, id, |secrets| secrets.rotate(now, key, overlap))
    }

    fn forget_former(&mut self, now: Timestamp, limit: usize) -> Result<usize> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut statement = self.sql(ENDED)?;
        let ended = statement.query_map([now.millis(), limit], |row| row.get(0).map(HookId))?;
        let ended: Vec<_> = ended.collect::<rusqlite::Result<_>>()?;
        drop(statement);
        for &hook in &ended {
            match self.change_secrets(now, hook, |secrets| secrets.forget_former(now)) {
                Err(error @ StoreError::Unusable(_)) => {
                    tracing::error!(hook = hook.0, %error, "a former secret cannot be forgotten");
                    self.sql(LEAVE)?.execute([hook.0])?;
                }
                done => drop(done?),
            }
        }
        Ok(ended.len())
    }
}

/// Another receiver must not be sent what was meant for the one before, which the API
/// shows to nobody.
fn headers_stay(hook: &Hook, old_url: &HookUrl, patch: &HookPatch) -> std::result::Result<(), Invalid> {
    let anew = patch.headers.as_ref().is_some_and(|headers| !headers.keep_any());
    if hook.header_names.is_empty() || anew || hook.url.has_origin_of(old_url) {
        return Ok(());
    }
    let message = "were meant for the host of the old URL: give them anew for the new one, or {} for none";
    Err(Invalid::new("headers", message))
}

fn signing_keys(now: Timestamp, secrets: HookSecrets) -> Option<SigningKeys> {
    let former_until = secrets.last_end(now);
    let count = secrets.keys.iter().filter(|key| key.until.is_none_or(|until| until > now)).count();
    secrets.keys.into_iter().next().map(|newest| SigningKeys { current: newest.key, former_until, count })
}
