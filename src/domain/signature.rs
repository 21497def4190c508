//! How a request proves that it comes from here: Standard Webhooks 1.0 (`v1`
//! and `v1a`), and what receivers of GitHub's webhooks know.

use std::fmt;

use base64::alphabet;
use base64::engine::{DecodePaddingMode, Engine, GeneralPurpose, GeneralPurposeConfig};
use base64::prelude::BASE64_STANDARD;
use data_encoding::HEXLOWER;
use ring::hmac::{self, HMAC_SHA256};
use ring::signature::{Ed25519KeyPair, KeyPair};

use super::Invalid;

/// What secrets begin with, so that nobody mistakes them for something else.
pub const SECRET_PREFIX: &str = "whsec_";
/// What public keys begin with.
pub const PUBLIC_KEY_PREFIX: &str = "whpk_";

/// How many bytes a secret may have, as the specification says.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// People cut the `=` off the end of what they copy; it says nothing.
pub(super) const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What a hook and its receiver share.
///
/// Kept as it was given, because GitHub's receivers take the text for the key.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    text: String,
    bytes: Vec<u8>,
}

impl Secret {
    /// Reads a secret from outside: `whsec_` and the base64 of 24 to 64 bytes, with
    /// or without padding.
    ///
    /// # Errors
    /// Names the field `secret` where it is none of that. The text itself is never
    /// repeated.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let text = text.trim();
        let encoded = text.strip_prefix(SECRET_PREFIX).ok_or_else(|| invalid("does not begin with whsec_"))?;
        let bytes = BASE64.decode(encoded).map_err(|_| invalid("is not base64 after whsec_"))?;
        if !SECRET_BYTES.contains(&bytes.len()) {
            return Err(invalid(&format!("has {} bytes", bytes.len())));
        }
        Ok(Self { text: text.to_owned(), bytes })
    }

    /// A new secret of random bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        let text = format!("{SECRET_PREFIX}{}", BASE64_STANDARD.encode(bytes));
        Self { text, bytes: bytes.to_vec() }
    }

    /// The secret itself, `whsec_…`: for its owner and for the disk, never for a log.
    #[must_use]
    pub fn text(&self) -> String {
        self.text.clone()
    }

    /// The key of `v1`.
    pub(super) fn v1(&self) -> hmac::Key {
        hmac::Key::new(HMAC_SHA256, &self.bytes)
    }

    /// The key of GitHub's scheme, whose receivers know no base64.
    pub(super) fn github(&self) -> hmac::Key {
        hmac::Key::new(HMAC_SHA256, self.text.as_bytes())
    }
}

fn invalid(why: &str) -> Invalid {
    let remedy = "give whsec_ and the base64 of 24 to 64 random bytes, such as `openssl rand -base64 32` prints";
    Invalid::new("secret", format!("{why}: {remedy}"))
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

/// What one hook signs with; during a rotation it has two of these.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKey {
    /// For `v1` and GitHub's scheme: the receiver has it too.
    pub secret: Secret,
    /// For `v1a`: the seed of an ed25519 key (RFC 8032), whose public half the
    /// receiver has.
    pub seed: [u8; 32],
}

impl SigningKey {
    /// What the receiver checks `v1a` with: `whpk_` and base64.
    #[must_use]
    pub fn public_key(&self) -> String {
        format!("{PUBLIC_KEY_PREFIX}{}", BASE64_STANDARD.encode(self.pair().public_key()))
    }

    fn pair(&self) -> Ed25519KeyPair {
        Ed25519KeyPair::from_seed_unchecked(&self.seed).expect("any 32 bytes are a seed")
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(***)")
    }
}

/// A way to sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// HMAC-SHA256 of Standard Webhooks, in `webhook-signature`.
    V1,
    /// Ed25519 of Standard Webhooks, beside it.
    V1a,
    /// HMAC-SHA256 of the body alone, in `x-hub-signature-256`.
    Github,
}

impl Scheme {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::V1, Self::V1a, Self::Github];

    /// How the store, the API and the wire spell it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V1a => "v1a",
            Self::Github => "github",
        }
    }

    /// Reads that spelling.
    #[must_use]
    pub fn named(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scheme| scheme.as_str() == text)
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Signs what one hook is sent. Its keys are prepared once, because every attempt
/// needs them.
pub struct Signer {
    v1: Vec<hmac::Key>,
    v1a: Vec<Ed25519KeyPair>,
    github: Option<hmac::Key>,
}

/// What the headers of one attempt say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Signatures {
    /// For `webhook-signature`: `v1,…` and `v1a,…`, newest key first, a space between.
    pub webhook: Option<String>,
    /// For `x-hub-signature-256`: `sha256=` and hex. There is room for one, so it is the
    /// newest key's.
    pub github: Option<String>,
}

impl Signer {
    /// Signs in each of `schemes` with each of `keys`, newest first.
    #[must_use]
    pub fn new(keys: &[SigningKey], schemes: &[Scheme]) -> Self {
        let wanted = |scheme| if schemes.contains(&scheme) { keys } else { &[] };
        Self {
            v1: wanted(Scheme::V1).iter().map(|key| key.secret.v1()).collect(),
            v1a: wanted(Scheme::V1a).iter().map(SigningKey::pair).collect(),
            github: wanted(Scheme::Github).first().map(|key| key.secret.github()),
        }
    }

    /// Signs a body that is sent as `webhook-id` at `webhook-timestamp` (seconds since
    /// 1970). The id must have no `.` in it: that is what parts the three.
    #[must_use]
    pub fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> Signatures {
        let head = format!("{id}.{timestamp}.");
        let mut all: Vec<_> = self.v1.iter().map(|key| entry(Scheme::V1, tag(key, &head, body).as_ref())).collect();
        if !self.v1a.is_empty() {
            // Ed25519 reads what it signs twice, so it wants it in one piece.
            let signed = [head.as_bytes(), body].concat();
            all.extend(self.v1a.iter().map(|pair| entry(Scheme::V1a, pair.sign(&signed).as_ref())));
        }
        Signatures {
            webhook: (!all.is_empty()).then(|| all.join(" ")),
            github: self
                .github
                .as_ref()
                .map(|key| format!("sha256={}", HEXLOWER.encode(hmac::sign(key, body).as_ref()))),
        }
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer(***)")
    }
}

fn tag(key: &hmac::Key, head: &str, body: &[u8]) -> hmac::Tag {
    let mut context = hmac::Context::with_key(key);
    context.update(head.as_bytes());
    context.update(body);
    context.sign()
}

fn entry(scheme: Scheme, signature: &[u8]) -> String {
    format!("{scheme},{}", BASE64_STANDARD.encode(signature))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_kept_as_it_was_given() {
        let padded = Secret::from_bytes([0xff; 32]).text();
        let bare = padded.trim_end_matches('=');

        for text in [&padded, bare] {
            let secret = Secret::parse(&format!(" {text}\n")).unwrap();
            assert_eq!(secret.text(), text);
            assert_eq!(secret.bytes, [0xff; 32]);
        }
    }

    #[test]
    fn what_is_no_secret_is_refused_without_being_repeated() {
        let encoded = |count| format!("whsec_{}", BASE64_STANDARD.encode(vec![0x2a; count]));
        let bare = encoded(32).replace("whsec_", "");
        let cases = [
            ("", "does not begin with whsec_"),
            (&bare, "does not begin with whsec_"),
            ("WHSEC_KioqKioqKioqKioqKioqKioqKioqKioq", "does not begin with whsec_"),
            ("whsec_", "has 0 bytes"),
            (&encoded(23), "has 23 bytes"),
            (&encoded(65), "has 65 bytes"),
            ("whsec_KioqKioqKioqKioqKioqKioqKioqKi-_", "is not base64"),
            ("whsec_KioqKioqKioqKioqKioq KioqKioqKioq", "is not base64"),
        ];

        for (text, why) in cases {
            let refused = Secret::parse(text).unwrap_err();
            assert_eq!(refused.field, "secret");
            assert!(refused.message.starts_with(why), "{text}: {refused}");
            assert!(!refused.message.contains("Kioq"), "{refused}");
        }
    }

    #[test]
    fn no_key_is_shown_by_mistake() {
        let key = SigningKey { secret: Secret::from_bytes([1; 32]), seed: [1; 32] };
        let signer = Signer::new(std::slice::from_ref(&key), &Scheme::ALL);

        let shown = format!("{key:?} {:?} {signer:?}", key.secret);

        assert_eq!(shown, "SigningKey(***) Secret(***) Signer(***)");
    }

    #[test]
    fn only_the_schemes_that_are_asked_for_are_signed_in() {
        let key = SigningKey { secret: Secret::from_bytes([1; 32]), seed: [1; 32] };
        let sign = |keys: &[SigningKey], schemes: &[Scheme]| Signer::new(keys, schemes).sign("evt_1", 1, b"{}");

        assert_eq!(sign(std::slice::from_ref(&key), &[]), Signatures::default());
        assert_eq!(sign(&[], &Scheme::ALL), Signatures::default());
        assert_eq!(sign(std::slice::from_ref(&key), &[Scheme::Github]).webhook, None);
        assert_eq!(sign(&[key], &[Scheme::V1]).github, None);
        assert_eq!(Scheme::ALL.map(|scheme| Scheme::named(scheme.as_str())), Scheme::ALL.map(Some));
    }
}
