//! The key of secrets, where it is given from outside.

use std::env::{self, VarError};

use super::ConfigError;
use crate::store::vault::Key;

/// The one name under which it is looked for: flags are shown to everybody on the
/// machine, and files with settings are passed around.
const NAME: &str = "NYALA_KEY";

/// The key from the environment; `None` where there is none, or an empty one.
///
/// # Errors
/// It is no key. It is not repeated.
pub fn key() -> Result<Option<Key>, ConfigError> {
    let text = match env::var(NAME) {
        Ok(text) if text.trim().is_empty() => return Ok(None),
        Ok(text) => zeroize::Zeroizing::new(text),
        Err(VarError::NotPresent) => return Ok(None),
        Err(VarError::NotUnicode(_)) => zeroize::Zeroizing::default(),
    };
    Key::parse(&text).map(Some).map_err(|invalid| ConfigError(invalid.to_string()))
}
