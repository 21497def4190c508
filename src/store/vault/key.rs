//! A key, and where randomness comes from.

use std::fmt;

use data_encoding::{BASE64, BASE64_NOPAD, HEXLOWER, HEXLOWER_PERMISSIVE};
use ring::rand::{SecureRandom, SystemRandom};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::domain::Invalid;
use crate::store::{Result, StoreError};

/// Bytes of a key.
const BYTES: usize = 32;

/// What secrets are sealed with. Never shown, but by [`Key::text`].
#[derive(Clone)]
pub struct Key(Zeroizing<[u8; BYTES]>);

impl Key {
    /// A new one.
    ///
    /// # Errors
    /// The system has no randomness to give.
    pub fn random() -> Result<Self> {
        random().map(|bytes| Self(Zeroizing::new(bytes)))
    }

    /// Reads a key: 32 bytes in base64 or hexadecimal digits.
    ///
    /// # Errors
    /// Names `NYALA_KEY`, where such a text comes from. The text itself is never
    /// repeated.
    pub fn parse(text: &str) -> std::result::Result<Self, Invalid> {
        let text = text.trim();
        let bytes = if text.len() == 2 * BYTES {
            HEXLOWER_PERMISSIVE.decode(text.as_bytes())
        } else {
            // People cut the `=` off the end of what they copy; it says nothing.
            BASE64_NOPAD.decode(text.trim_end_matches('=').as_bytes())
        };
        let bytes = bytes.map(Zeroizing::new).ok();
        let key = bytes.and_then(|bytes| <[u8; BYTES]>::try_from(bytes.as_slice()).ok());
        let remedy = "is not 32 bytes in base64 or hexadecimal digits: give such as `openssl rand -base64 32` prints";
        key.map(|key| Self(Zeroizing::new(key))).ok_or_else(|| Invalid::new("NYALA_KEY", remedy))
    }

    /// The key itself, as [`Key::parse`] reads it: for its file and its owner.
    #[must_use]
    pub fn text(&self) -> Zeroizing<String> {
        Zeroizing::new(BASE64.encode(self.bytes()))
    }

    /// Tells it from others, and tells nothing else about it.
    #[must_use]
    pub fn id(&self) -> KeyId {
        let digest = Sha256::digest(self.bytes());
        let mut id = [0; KeyId::BYTES];
        id.copy_from_slice(&digest[..KeyId::BYTES]);
        KeyId(id)
    }

    pub(super) fn bytes(&self) -> &[u8; BYTES] {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.id())
    }
}

/// The name of a key: the beginning of its SHA-256.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyId(pub(in crate::store) [u8; Self::BYTES]);

impl KeyId {
    pub(in crate::store) const BYTES: usize = 8;
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Bytes that nobody can guess.
///
/// # Errors
/// The system has none to give.
pub fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    let filled = SystemRandom::new().fill(&mut bytes);
    filled.map_err(|_| StoreError::Failed("the system gives no random numbers".into()))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_in_any_of_its_spellings() {
        let key = Key::random().unwrap();
        let hex = HEXLOWER.encode(key.bytes());

        for text in [key.text().to_string(), key.text().trim_end_matches('=').to_owned(), hex.to_uppercase(), hex] {
            assert_eq!(Key::parse(&format!(" {text}\n")).unwrap().id(), key.id(), "{text}");
        }
    }

    #[test]
    fn what_is_no_key_is_refused_and_not_repeated() {
        let long = BASE64.encode(&[7; 33]);
        for text in ["", "secret", &"xy".repeat(32), &long, &BASE64.encode(&[7; 16])] {
            let error = Key::parse(text).unwrap_err().to_string();
            assert!(error.starts_with("NYALA_KEY: is not 32 bytes"), "{error}");
            assert!(text.is_empty() || !error.contains(text), "{error}");
        }
    }

    #[test]
    fn a_key_is_shown_by_its_id_alone() {
        let key = Key::random().unwrap();

        assert_eq!(format!("{key:?}"), format!("Key({})", key.id()));
    }
}
