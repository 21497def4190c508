//! The key that CDS signs with, which is derived from names.

mod known;
mod payload;

use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ring::hmac::{HMAC_SHA256, Key};
use ring::pbkdf2::{self, PBKDF2_HMAC_SHA512};

use super::hmac::Signature;
use super::refusal::NotProven;
use super::secret::TriggerSecret;
use crate::domain::time::Timestamp;
use known::KnownKeys;

/// How often the hash is taken. With the bytes below, a derivation takes some milliseconds.
const ROUNDS: NonZeroU32 = NonZeroU32::new(4096).unwrap();

/// How long the key is before it is written in base64.
const KEY_BYTES: usize = 128;

/// Whose webhook it is, in CDS's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CdsNames {
    /// The key of its project.
    pub project: String,
    /// The name of the server that has the repository.
    pub vcs_server: String,
    /// The repository, in the case in which it is signed; `None`: the body tells it.
    pub repository: Option<String>,
    /// The workflow, where it is one's webhook and not a repository's.
    pub workflow: Option<String>,
}

impl CdsNames {
    fn password(&self, repository: &str, uuid: &str) -> String {
        let names = [Some(self.project.as_str()), Some(&self.vcs_server), Some(repository), self.workflow.as_deref()];
        let names: Vec<_> = names.into_iter().flatten().chain([uuid]).collect();
        names.join("-")
    }
}

/// The keys of one trigger. Deriving one is slow on purpose, so they are remembered; the
/// names that a stranger makes up are rationed.
pub(super) struct CdsKeys {
    names: CdsNames,
    salt: TriggerSecret,
    uuid: String,
    configured: OnceLock<Key>,
    told: Mutex<KnownKeys>,
}

impl CdsKeys {
    /// Derives nothing yet.
    pub(super) fn new(names: CdsNames, salt: TriggerSecret, uuid: &str) -> Self {
        Self { names, salt, uuid: uuid.to_owned(), configured: OnceLock::new(), told: Mutex::default() }
    }

    /// Checks a signature of the body with the key of its repository.
    pub(super) fn verify(&self, signature: Signature, body: &[u8], now: Timestamp) -> Result<(), NotProven> {
        if let Some(repository) = &self.names.repository {
            return signature.check(self.configured.get_or_init(|| self.derive(repository)), body);
        }
        let repository = payload::repository(body).ok_or(NotProven::NoRepository)?;
        signature.check(&self.key(&repository, now)?, body)?;
        self.told().proven(&repository);
        Ok(())
    }

    fn key(&self, repository: &str, now: Timestamp) -> Result<Key, NotProven> {
        // No lock is held meanwhile: those whose keys are known need not wait.
        if let Some(key) = self.told().find(repository) {
            return Ok(key);
        }
        self.told().afford(now).map_err(NotProven::Busy)?;
        let key = self.derive(repository);
        self.told().keep(repository, &key);
        Ok(key)
    }

    fn told(&self) -> MutexGuard<'_, KnownKeys> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// CDS takes the text for the key, not what it stands for.
    fn derive(&self, repository: &str) -> Key {
        let password = self.names.password(repository, &self.uuid);
        let mut bytes = [0; KEY_BYTES];
        pbkdf2::derive(PBKDF2_HMAC_SHA512, ROUNDS, self.salt.bytes(), password.as_bytes(), &mut bytes);
        Key::new(HMAC_SHA256, BASE64_STANDARD.encode(bytes).as_bytes())
    }
}
