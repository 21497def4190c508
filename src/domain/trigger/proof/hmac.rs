//! An HMAC in a header: how it is made, and whether one fits.

use base64::Engine;
use data_encoding::HEXLOWER_PERMISSIVE;
use http::{HeaderMap, HeaderName};
use ring::hmac::{self, HMAC_SHA1_FOR_LEGACY_USE_ONLY, HMAC_SHA256, HMAC_SHA512, Key};

use super::refusal::{Name, NotProven};
use crate::domain::signature::BASE64;
use crate::domain::time::Timestamp;
use crate::domain::verify::TOLERANCE;

/// Numbers from here on (the year 5138) are milliseconds that somebody took for seconds.
const TOO_MANY_SECONDS: i64 = 100_000_000_000;

/// The hash below the HMAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Algorithm {
    /// For senders that know no other.
    Sha1,
    /// What most take.
    #[default]
    Sha256,
    /// The longest.
    Sha512,
}

impl Algorithm {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::Sha1, Self::Sha256, Self::Sha512];

    /// How JSON spells it, and how it stands before a signature: `sha256=…`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// Reads that spelling.
    #[must_use]
    pub fn named(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == text)
    }

    fn of_ring(self) -> hmac::Algorithm {
        match self {
            Self::Sha1 => HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => HMAC_SHA256,
            Self::Sha512 => HMAC_SHA512,
        }
    }

    fn bytes(self) -> usize {
        self.of_ring().digest_algorithm().output_len()
    }
}

/// How a signature is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// In either case.
    Hex,
    /// Of RFC 4648, 4; with or without padding.
    Base64,
}

impl Encoding {
    /// All there are.
    pub const ALL: [Self; 2] = [Self::Hex, Self::Base64];

    /// How JSON spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hex => "hex",
            Self::Base64 => "base64",
        }
    }

    /// Reads that spelling.
    #[must_use]
    pub fn named(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|encoding| encoding.as_str() == text)
    }

    fn decode(self, text: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Hex => HEXLOWER_PERMISSIVE.decode(text).ok(),
            Self::Base64 => BASE64.decode(text).ok(),
        }
    }
}

/// An HMAC of a sender's own making. The key is the secret's bytes; what is signed is
/// the body alone, or, where a header tells the time, that header's value to the byte,
/// a full stop and the body.
///
/// The signature is all that its header holds, but for the algorithm's name and `=`
/// before it. (So Stripe's `t=…,v1=…` in one header does not fit, nor what Slack signs,
/// `v0:…:…`.)
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HmacSettings {
    /// Which header holds the signature.
    pub header: HeaderName,
    /// The hash.
    pub algorithm: Algorithm,
    /// How the signature is written; `None`: one way or the other, which its length tells.
    pub encoding: Option<Encoding>,
    /// Which header tells when it was signed, in seconds since 1970. It may be five
    /// minutes off; within these a request can be sent twice.
    pub timestamp_header: Option<HeaderName>,
}

impl Default for HmacSettings {
    fn default() -> Self {
        Self {
            header: HeaderName::from_static("x-signature"),
            algorithm: Algorithm::default(),
            encoding: None,
            timestamp_header: None,
        }
    }
}

impl HmacSettings {
    /// Checks a request that came `now`, and answers when it was signed, if that is signed
    /// too. A right signature is said to be right even where its time is not.
    pub(super) fn verify(
        &self,
        key: &[u8],
        headers: &HeaderMap,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Option<Timestamp>, NotProven> {
        let name = || self.header.to_string().into();
        let signature = Signature::read(headers, name(), self.algorithm, self.encoding)?;
        let key = Key::new(self.algorithm.of_ring(), key);
        let Some(header) = &self.timestamp_header else {
            return signature.check(&key, body).map(|()| None);
        };
        let header: Name = header.to_string().into();
        let timestamp = needed(headers, &header)?;
        let seconds = seconds(timestamp).ok_or_else(|| NotProven::NoTime(header.clone()))?;
        signature.check(&key, &[timestamp, body].join(&b'.'))?;
        let at = Timestamp::from_millis(seconds.saturating_mul(1000));
        punctual(header, at, now).map(|()| Some(at))
    }
}

/// A signature that was read, and not yet checked.
pub(super) struct Signature {
    header: Name,
    bytes: Vec<u8>,
}

impl Signature {
    /// Reads the one that a header holds.
    pub(super) fn read(
        headers: &HeaderMap,
        header: Name,
        algorithm: Algorithm,
        encoding: Option<Encoding>,
    ) -> Result<Self, NotProven> {
        let value = needed(headers, &header)?;
        let prefix = value.strip_prefix(algorithm.as_str().as_bytes()).and_then(|rest| rest.strip_prefix(b"="));
        let text = prefix.unwrap_or(value);
        let allowed = Encoding::ALL.into_iter().filter(|own| encoding.is_none_or(|only| only == *own));
        let mut decoded = allowed.filter_map(|encoding| encoding.decode(text));
        match decoded.find(|bytes| bytes.len() == algorithm.bytes()) {
            Some(bytes) => Ok(Self { header, bytes }),
            None => Err(NotProven::Unreadable { header, wanted: wanted(algorithm, encoding) }),
        }
    }

    /// Whether it is that of `signed`. How long it takes says nothing about the key.
    pub(super) fn check(self, key: &Key, signed: &[u8]) -> Result<(), NotProven> {
        hmac::verify(key, signed, &self.bytes).map_err(|_| NotProven::Wrong(self.header))
    }
}

fn wanted(algorithm: Algorithm, encoding: Option<Encoding>) -> String {
    let encoding = encoding.map_or("hex or base64", Encoding::as_str);
    let (bytes, prefix) = (algorithm.bytes(), algorithm.as_str());
    format!("the {encoding} of {bytes} bytes, with or without `{prefix}=` before it")
}

/// The one value of a header, if it is there.
pub(super) fn one<'a>(headers: &'a HeaderMap, name: &Name) -> Result<Option<&'a [u8]>, NotProven> {
    let mut values = headers.get_all(name.as_ref()).iter();
    match (values.next(), values.next()) {
        (_, Some(_)) => Err(NotProven::Repeated(name.clone())),
        (value, None) => Ok(value.map(http::HeaderValue::as_bytes)),
    }
}

/// The one value of a header that must be there.
pub(super) fn needed<'a>(headers: &'a HeaderMap, name: &Name) -> Result<&'a [u8], NotProven> {
    one(headers, name)?.ok_or_else(|| NotProven::Missing(name.clone()))
}

fn seconds(timestamp: &[u8]) -> Option<i64> {
    // Digits alone: what else `parse` takes, such as a sign, no sender writes.
    let digits = Some(timestamp).filter(|text| text.iter().all(u8::is_ascii_digit))?;
    str::from_utf8(digits).ok()?.parse().ok().filter(|seconds| *seconds < TOO_MANY_SECONDS)
}

fn punctual(header: Name, at: Timestamp, now: Timestamp) -> Result<(), NotProven> {
    let by = std::time::Duration::from_secs(now.seconds().abs_diff(at.seconds()));
    match by > TOLERANCE {
        false => Ok(()),
        true if at < now => Err(NotProven::TooOld { header, by, tolerance: TOLERANCE }),
        true => Err(NotProven::Ahead { header, by, tolerance: TOLERANCE }),
    }
}
