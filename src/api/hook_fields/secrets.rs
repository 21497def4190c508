//! The fields of a hook that are secret, or say how it signs.

use serde_json::{Map, Value};

use super::{Field, text};
use crate::domain::Invalid;
use crate::domain::headers::{CustomHeaders, GivenHeaders};
use crate::domain::secrets::HookSecrets;
use crate::domain::signature::{Scheme, Secret};
use crate::domain::url::Credentials;

pub(super) const SECRET: Field = Field { name: "secret", aliases: &[] };
pub(super) const SIGNATURES: Field = Field { name: "signatures", aliases: &[] };
pub(super) const HEADERS: Field = Field { name: "headers", aliases: &[] };

/// A secret, or null for one that is made.
pub(super) fn secret(value: &Value) -> Result<Option<Secret>, Invalid> {
    if value.is_null() {
        return Ok(None);
    }
    Secret::parse(&text(&SECRET, value)?).map(Some)
}

/// A secret in an object that may hold nothing else.
pub(in crate::api) fn secret_alone(object: &Map<String, Value>) -> Result<Option<Secret>, Invalid> {
    if let Some(other) = object.keys().find(|name| *name != SECRET.name) {
        return Err(Invalid::new(other.clone(), "is not known here: there is secret, and nothing else"));
    }
    object.get(SECRET.name).map_or(Ok(None), secret)
}

/// A secret where none can be taken.
pub(super) fn no_secret(value: Option<&Value>) -> Result<(), Invalid> {
    let remedy = "cannot be changed like other fields: POST it to /api/v1/hooks/{id}/secret/rotate, so that the former \
                  one goes on signing for a while";
    value.map_or(Ok(()), |_| Err(Invalid::new(SECRET.name, remedy)))
}

/// Ways to sign, each once, or null for the usual one.
pub(super) fn signatures(value: &Value) -> Result<Vec<Scheme>, Invalid> {
    let wrong = || Invalid::new(SIGNATURES.name, "is no list of these: v1, v1a, github; give at least one");
    let names = match value {
        Value::Null => return Ok(vec![Scheme::V1]),
        Value::Array(names) => names.as_slice(),
        one => std::slice::from_ref(one),
    };
    let mut schemes = vec![];
    for name in names {
        let scheme = name.as_str().and_then(Scheme::named).ok_or_else(wrong)?;
        if !schemes.contains(&scheme) {
            schemes.push(scheme);
        }
    }
    if schemes.is_empty() { Err(wrong()) } else { Ok(schemes) }
}

/// An object of names and values, or null for none.
pub(super) fn headers(value: &Value) -> Result<GivenHeaders, Invalid> {
    let Value::Object(headers) = value else {
        let wrong =
            || Invalid::new(HEADERS.name, "is no object: give names and values, such as {\"x-api-key\": \"…\"}");
        return if value.is_null() { Ok(GivenHeaders::default()) } else { Err(wrong()) };
    };
    let pair = |(name, value): (&String, &Value)| Ok((name.clone(), text(&HEADERS, value)?));
    headers.iter().map(pair).collect::<Result<_, _>>().map(GivenHeaders::new)
}

/// What a new hook's headers and its URL cannot tell for themselves.
pub(super) fn check_new(given: &GivenHeaders, credentials: Option<&Credentials>) -> Result<(), Invalid> {
    let headers = given.instead_of(&CustomHeaders::default())?;
    HookSecrets { credentials: credentials.cloned(), headers, ..HookSecrets::default() }.check()
}
