//! Seals what is secret, before it is written anywhere.
//!
//! XChaCha20-Poly1305, under a key that is not in the database. A sealed value is
//! a byte that names this layout, the id of its key, a random nonce, and the
//! cipher text with its tag. It is bound to its row: moved to another one, it does
//! not open.

mod key;
mod key_file;

use std::fmt;
use std::path::Path;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use super::{Result, StoreError};

pub use key::{Key, KeyId, random};
pub use key_file::KeyFile;

/// The layout of sealed values.
const VERSION: u8 = 1;

/// Bytes of a nonce: so many that random ones never meet.
const NONCE: usize = 24;

/// Where a sealed value stands, and the only place where it opens.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) table: &'static str,
    pub(super) id: i64,
}

/// The keys of one database, in memory.
pub struct Vault {
    source: Source,
    keys: RwLock<Keys>,
}

/// Where its keys come from.
enum Source {
    /// Whoever started us gave the one key.
    Given,
    /// A file, which may change while we run.
    File(KeyFile),
}

#[derive(Default)]
struct Keys {
    /// What is sealed from now on is sealed with this one.
    current: Option<KeyId>,
    all: Vec<Key>,
}

impl Keys {
    fn get(&self, id: KeyId) -> Option<&Key> {
        self.all.iter().find(|key| key.id() == id)
    }
}

impl Vault {
    /// A vault with this key and no other.
    #[must_use]
    pub fn given(key: Key) -> Self {
        Self { source: Source::Given, keys: RwLock::new(Keys { current: None, all: vec![key] }) }
    }

    /// A vault with these keys; the first is current.
    pub(super) fn of(keys: Vec<Key>) -> Self {
        let current = keys.first().map(Key::id);
        Self { source: Source::Given, keys: RwLock::new(Keys { current, all: keys }) }
    }

    /// The vault of the database at this path, whose key is in the file beside it.
    #[must_use]
    pub fn beside(database: &Path) -> Self {
        Self { source: Source::File(KeyFile::beside(database)), keys: RwLock::default() }
    }

    /// The key file, if the keys are in one.
    #[must_use]
    pub fn file(&self) -> Option<&KeyFile> {
        match &self.source {
            Source::Given => None,
            Source::File(file) => Some(file),
        }
    }

    /// The key for a database in which nothing is sealed yet; made, if there is
    /// none. When this returns, it is on disk.
    pub(super) fn begin(&self) -> Result<KeyId> {
        if let Source::File(file) = &self.source {
            let found = file.read()?;
            let all = if found.is_empty() { vec![file.make()?] } else { found };
            self.write().all = all;
        }
        let mut keys = self.write();
        let first = keys.all.first().map(Key::id);
        keys.current = first;
        first.ok_or_else(|| StoreError::Failed("there is no key to seal secrets with".into()))
    }

    /// From now on seals with this key, which is the one that the database names.
    ///
    /// # Errors
    /// It is not to be had: what is missing, and what to do.
    pub(super) fn unlock(&self, id: KeyId) -> Result<()> {
        if self.read().current == Some(id) {
            return Ok(());
        }
        self.fetch(id)?;
        self.write().current = Some(id);
        Ok(())
    }

    /// The key with which it seals.
    pub(super) fn current(&self) -> Option<KeyId> {
        self.read().current
    }

    /// Sees to it that the key is in memory: it may be newer than what the file
    /// held when it was last read.
    fn fetch(&self, id: KeyId) -> Result<()> {
        if self.read().get(id).is_some() {
            return Ok(());
        }
        let Source::File(file) = &self.source else {
            return Err(StoreError::Unusable(format!(
                "NYALA_KEY is not the key that the secrets in this database are sealed with (that one's id is {id}): \
                 set the right one, or unset NYALA_KEY if the key is in the file beside the database"
            )));
        };
        let found = file.read()?;
        let missing = match (found.is_empty(), found.iter().any(|key| key.id() == id)) {
            (true, _) => file.missing(id),
            (false, false) => file.foreign(id),
            (false, true) => {
                let mut keys = self.write();
                let new = found.into_iter().filter(|key| keys.get(key.id()).is_none()).collect::<Vec<_>>();
                keys.all.extend(new);
                return Ok(());
            }
        };
        Err(missing)
    }

    /// Seals a value for this row, with the current key.
    pub(super) fn seal(&self, row: Row, plain: &[u8]) -> Result<Vec<u8>> {
        let keys = self.read();
        let key = keys.current.and_then(|id| keys.get(id));
        seal(key.ok_or_else(|| StoreError::Failed("the vault is not unlocked".into()))?, row, plain)
    }

    /// Opens a value that was sealed for this row.
    ///
    /// # Errors
    /// Its key is not to be had, or it was changed or moved.
    pub(super) fn open(&self, row: Row, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let id = key_of(sealed).ok_or_else(|| damaged(row))?;
        self.fetch(id)?;
        let keys = self.read();
        open(keys.get(id).ok_or_else(|| damaged(row))?, row, sealed)
    }

    fn read(&self) -> RwLockReadGuard<'_, Keys> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Keys> {
        self.keys.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault(***)")
    }
}

/// Which key a sealed value needs; `None` if it is none of ours.
fn key_of(sealed: &[u8]) -> Option<KeyId> {
    let (version, rest) = sealed.split_first()?;
    let id = rest.first_chunk::<{ KeyId::BYTES }>()?;
    (*version == VERSION).then_some(KeyId(*id))
}

/// What a value is bound to: its layout and key, and its row.
fn bound_to(header: &[u8], row: Row) -> Vec<u8> {
    [header, row.table.as_bytes(), &[0], &row.id.to_be_bytes()].concat()
}

fn seal(key: &Key, row: Row, plain: &[u8]) -> Result<Vec<u8>> {
    let mut sealed = vec![VERSION];
    sealed.extend(key.id().0);
    let aad = bound_to(&sealed, row);
    let nonce = random::<NONCE>()?;
    let cipher = XChaCha20Poly1305::new(key.bytes().into());
    let text = cipher.encrypt(&XNonce::from(nonce), Payload { msg: plain, aad: &aad });
    sealed.extend(nonce);
    sealed.extend(text.map_err(|_| StoreError::Failed("a secret is too long to be sealed".into()))?);
    Ok(sealed)
}

fn open(key: &Key, row: Row, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
    let split = sealed.split_at_checked(1 + KeyId::BYTES);
    let parts = split.and_then(|(header, rest)| Some((header, rest.split_first_chunk::<NONCE>()?)));
    let (header, (nonce, text)) = parts.ok_or_else(|| damaged(row))?;
    let cipher = XChaCha20Poly1305::new(key.bytes().into());
    let plain = cipher.decrypt(&XNonce::from(*nonce), Payload { msg: text, aad: &bound_to(header, row) });
    plain.map(Zeroizing::new).map_err(|_| damaged(row))
}

fn damaged(row: Row) -> StoreError {
    let Row { table, id } = row;
    StoreError::Unusable(format!(
        "what is sealed in row {id} of {table} does not open: it was changed by somebody else; put back a backup of \
         the database, or remove that hook or trigger and add it again"
    ))
}
