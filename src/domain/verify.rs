//! Whether a request proves that it comes from where it should, and if not, why.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use data_encoding::HEXLOWER;
use ring::hmac;
use ring::signature::{ED25519, UnparsedPublicKey};

use super::Invalid;
use super::signature::{BASE64, PUBLIC_KEY_PREFIX, Scheme, Secret};
use super::time::Timestamp;

/// How far apart the sender's clock and the receiver's may be, unless told otherwise.
pub const TOLERANCE: Duration = Duration::from_mins(5);

/// The headers of Standard Webhooks 1.0, and GitHub's.
const ID: &str = "webhook-id";
const TIMESTAMP: &str = "webhook-timestamp";
const SIGNATURE: &str = "webhook-signature";
const GITHUB: &str = "x-hub-signature-256";

/// How many entries of a signature are looked at: more than any rotation needs, and
/// few enough that a stranger cannot have a large body hashed for ever.
const MAX_ENTRIES: usize = 16;

/// Numbers from here on (the year 5138) are milliseconds that somebody took for seconds.
const TOO_MANY_SECONDS: i64 = 100_000_000_000;

/// What `v1a` is checked with: the public half of an ed25519 key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// Reads `whpk_` and the base64 of 32 bytes, with or without padding.
    ///
    /// # Errors
    /// Names the field `public_key` where it is none of that.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let invalid = |why: &str| Invalid::new("public_key", format!("{why}: give whpk_ and the base64 of 32 bytes"));
        let encoded = text.trim().strip_prefix(PUBLIC_KEY_PREFIX);
        let encoded = encoded.ok_or_else(|| invalid("does not begin with whpk_"))?;
        let bytes = BASE64.decode(encoded).map_err(|_| invalid("is not base64 after whpk_"))?;
        bytes.try_into().map(Self).map_err(|bytes: Vec<u8>| invalid(&format!("has {} bytes", bytes.len())))
    }
}

/// What a request says about itself: those of its headers that matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Claim<'a> {
    id: Option<&'a [u8]>,
    timestamp: Option<&'a [u8]>,
    signature: Option<&'a [u8]>,
    github: Option<&'a [u8]>,
}

impl<'a> Claim<'a> {
    /// Picks the headers that matter, whatever the case of their names.
    ///
    /// # Errors
    /// One of them comes twice, and receivers differ in which they would take.
    pub fn read<'n>(headers: impl IntoIterator<Item = (&'n str, &'a [u8])>) -> Result<Self, Mismatch> {
        let mut claim = Self::default();
        for (name, value) in headers {
            let Some((place, name)) = claim.place(name) else { continue };
            if place.replace(value).is_some() {
                return Err(Mismatch::Repeated(name));
            }
        }
        Ok(claim)
    }

    fn place(&mut self, name: &str) -> Option<(&mut Option<&'a [u8]>, &'static str)> {
        let places = [
            (&mut self.id, ID),
            (&mut self.timestamp, TIMESTAMP),
            (&mut self.signature, SIGNATURE),
            (&mut self.github, GITHUB),
        ];
        places.into_iter().find(|(_, own)| own.eq_ignore_ascii_case(name))
    }

    /// The signatures of Standard Webhooks that somebody may have the keys for. What is
    /// not base64 fits no key.
    fn entries(&self) -> impl Iterator<Item = (Scheme, Vec<u8>)> {
        let entries = self.signature.unwrap_or_default().split(|&byte| byte == b' ');
        let known = entries.filter_map(|entry| match entry {
            [b'v', b'1', b',', signature @ ..] => Some((Scheme::V1, signature)),
            [b'v', b'1', b'a', b',', signature @ ..] => Some((Scheme::V1a, signature)),
            _ => None,
        });
        known.take(MAX_ENTRIES).map(|(scheme, text)| (scheme, BASE64_STANDARD.decode(text).unwrap_or_default()))
    }
}

/// A signature that is right, and what else it vouches for besides the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified<'a> {
    /// Which one fitted.
    pub scheme: Scheme,
    /// `webhook-id` and `webhook-timestamp`; GitHub's scheme signs neither.
    pub signed: Option<(&'a [u8], Timestamp)>,
}

/// Why a request proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// Without this header there is nothing to check.
    #[error("the header {0} is missing")]
    Missing(&'static str),
    /// A header that comes twice could be read in two ways.
    #[error("the header {0} comes twice: which of the two was signed cannot be told")]
    Repeated(&'static str),
    /// `webhook-timestamp` cannot be read.
    #[error("webhook-timestamp is not a number of seconds since 1970")]
    NoTime,
    /// A signature header of some other kind.
    #[error("webhook-signature has no entry `v1,…` or `v1a,…`, as Standard Webhooks has them")]
    NoEntry,
    /// A signature that wants another kind of key.
    #[error("it is signed with {}, which takes {} to check", .0, key_of(*.0))]
    OtherKey(Scheme),
    /// GitHub's header cannot be read.
    #[error("x-hub-signature-256 is not `sha256=` and 64 hex digits in lower case")]
    NoHex,
    /// No key fits, and which of the two reasons it is cannot be told.
    #[error("no signature fits: it was signed with another {}, or {} changed on the way", kind_of(*.0), content_of(*.0))]
    Wrong(Scheme),
    /// The signature is right, and a request of that age could be a recorded one.
    #[error("the signature fits, but the request is {} old and may be {} at most", age(*.by), age(*.tolerance))]
    TooOld {
        /// Its age.
        by: Duration,
        /// What would be accepted.
        tolerance: Duration,
    },
    /// The signature is right, and one of the two clocks is wrong.
    #[error(
        "the signature fits, but webhook-timestamp is {} ahead and may be {} at most: one of the clocks is wrong",
        age(*.by),
        age(*.tolerance)
    )]
    Ahead {
        /// How far it lies ahead.
        by: Duration,
        /// What would be accepted.
        tolerance: Duration,
    },
}

fn key_of(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::V1 | Scheme::Github => "the secret (whsec_…)",
        Scheme::V1a => "the public key (whpk_…)",
    }
}

fn kind_of(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::V1 | Scheme::Github => "secret",
        Scheme::V1a => "key",
    }
}

fn content_of(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::V1 | Scheme::V1a => "the body, webhook-id or webhook-timestamp was",
        Scheme::Github => "the body was",
    }
}

fn age(duration: Duration) -> humantime::FormattedDuration {
    humantime::format_duration(duration)
}

/// Checks requests against all the keys that a receiver has: any that fits will do, as
/// it must during a rotation.
pub struct Verifier {
    v1: Vec<hmac::Key>,
    github: Vec<hmac::Key>,
    v1a: Vec<PublicKey>,
}

impl Verifier {
    /// Prepares the keys.
    #[must_use]
    pub fn new(secrets: &[Secret], public_keys: &[PublicKey]) -> Self {
        Self {
            v1: secrets.iter().map(Secret::v1).collect(),
            github: secrets.iter().map(Secret::github).collect(),
            v1a: public_keys.to_vec(),
        }
    }

    /// Checks a request that came `now`. GitHub's header counts only where Standard
    /// Webhooks has nothing that these keys could check. A right signature is said to be
    /// right even where its time is not.
    ///
    /// # Errors
    /// Why the request proves nothing.
    pub fn verify<'a>(
        &self,
        claim: &Claim<'a>,
        body: &[u8],
        now: Timestamp,
        tolerance: Duration,
    ) -> Result<Verified<'a>, Mismatch> {
        let found: Vec<_> = claim.entries().collect();
        let Some(checked) = found.iter().map(|(scheme, _)| *scheme).find(|scheme| self.has_key(*scheme)) else {
            return self.without_standard(claim, found.first().map(|(scheme, _)| *scheme), body);
        };
        let id = claim.id.ok_or(Mismatch::Missing(ID))?;
        let timestamp = claim.timestamp.ok_or(Mismatch::Missing(TIMESTAMP))?;
        let seconds = seconds(timestamp)?;
        // As it stands in the header: a time that is merely written otherwise was not signed.
        let signed = [id, timestamp, body].join(&b'.');
        let fitting = found.iter().find(|(scheme, signature)| self.fits(*scheme, &signed, signature));
        let (scheme, _) = fitting.ok_or(Mismatch::Wrong(checked))?;
        punctual(seconds, now.seconds(), tolerance)?;
        let at = Timestamp::from_millis(seconds.saturating_mul(1000));
        Ok(Verified { scheme: *scheme, signed: Some((id, at)) })
    }

    fn without_standard(
        &self,
        claim: &Claim<'_>,
        found: Option<Scheme>,
        body: &[u8],
    ) -> Result<Verified<'static>, Mismatch> {
        match (claim.github, found) {
            (Some(header), _) if self.has_key(Scheme::Github) => self.hub(header, body),
            (_, Some(scheme)) => Err(Mismatch::OtherKey(scheme)),
            (_, None) if claim.signature.is_some() => Err(Mismatch::NoEntry),
            (Some(_), None) => Err(Mismatch::OtherKey(Scheme::Github)),
            (None, None) => Err(Mismatch::Missing(SIGNATURE)),
        }
    }

    fn has_key(&self, scheme: Scheme) -> bool {
        match scheme {
            Scheme::V1 => !self.v1.is_empty(),
            Scheme::V1a => !self.v1a.is_empty(),
            Scheme::Github => !self.github.is_empty(),
        }
    }

    fn hub(&self, header: &[u8], body: &[u8]) -> Result<Verified<'static>, Mismatch> {
        let hex = header.strip_prefix(b"sha256=").ok_or(Mismatch::NoHex)?;
        let signature = HEXLOWER.decode(hex).map_err(|_| Mismatch::NoHex)?;
        if signature.len() != 32 {
            return Err(Mismatch::NoHex);
        }
        let fits = self.fits(Scheme::Github, body, &signature);
        let verified = Verified { scheme: Scheme::Github, signed: None };
        fits.then_some(verified).ok_or(Mismatch::Wrong(Scheme::Github))
    }

    /// How long it takes says nothing about the keys.
    fn fits(&self, scheme: Scheme, signed: &[u8], signature: &[u8]) -> bool {
        let hmac = |key| hmac::verify(key, signed, signature).is_ok();
        let ed25519 = |key: &PublicKey| UnparsedPublicKey::new(&ED25519, key.0).verify(signed, signature).is_ok();
        match scheme {
            Scheme::V1 => self.v1.iter().any(hmac),
            Scheme::V1a => self.v1a.iter().any(ed25519),
            Scheme::Github => self.github.iter().any(hmac),
        }
    }
}

fn seconds(timestamp: &[u8]) -> Result<i64, Mismatch> {
    // Digits alone: what else `parse` takes, such as a sign, no sender writes.
    let digits = Some(timestamp).filter(|text| text.iter().all(u8::is_ascii_digit));
    let number = digits.and_then(|digits| str::from_utf8(digits).ok()?.parse().ok());
    number.filter(|seconds| *seconds < TOO_MANY_SECONDS).ok_or(Mismatch::NoTime)
}

fn punctual(seconds: i64, now: i64, tolerance: Duration) -> Result<(), Mismatch> {
    let by = Duration::from_secs(now.abs_diff(seconds));
    match by > tolerance {
        false => Ok(()),
        true if seconds < now => Err(Mismatch::TooOld { by, tolerance }),
        true => Err(Mismatch::Ahead { by, tolerance }),
    }
}
