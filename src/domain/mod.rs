//! What things are, and what follows from what: no async, no SQL, no clock.

pub mod access;
pub mod action;
pub mod address;
pub mod application;
pub mod audit;
pub mod breaker;
pub mod catalogue;
pub mod ccx;
pub mod certificate;
pub mod delivery;
pub mod event;
pub mod filter;
pub mod gate;
pub mod headers;
pub mod hook;
pub mod id;
pub mod mask;
pub mod network;
pub mod outcome;
pub mod pace;
pub mod reach;
pub mod replay;
pub mod retention;
pub mod retry;
pub mod secrets;
pub mod signature;
pub mod stride;
pub mod time;
pub mod token;
pub mod trigger;
pub mod url;
pub mod verify;
pub mod webhook;

use std::borrow::Cow;

/// A value from outside that was refused: which field, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct Invalid {
    /// The field as the sender spells it.
    pub field: Cow<'static, str>,
    /// What is wrong and the remedy, in one sentence.
    pub message: String,
}

impl Invalid {
    /// Says that `field` cannot be taken, and why.
    pub fn new(field: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

/// The longest name of an event type or an application, in bytes.
pub const MAX_NAME_BYTES: usize = 256;

/// Trims a name from outside, which may be such as that, and checks what all names have in common.
fn name(field: &'static str, text: &str, such_as: &str) -> Result<String, Invalid> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Invalid::new(field, format!("is empty: give a name such as {such_as}")));
    }
    if text.len() > MAX_NAME_BYTES {
        let message = format!("is {} bytes long: at most {MAX_NAME_BYTES} are allowed", text.len());
        return Err(Invalid::new(field, message));
    }
    if text.chars().any(char::is_control) {
        return Err(Invalid::new(field, "contains a control character: remove it"));
    }
    if matches!(text, "." | "..") {
        return Err(Invalid::new(field, "cannot be a dot segment: no URL could name it"));
    }
    Ok(text.to_owned())
}
