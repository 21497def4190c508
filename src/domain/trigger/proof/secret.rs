//! What a trigger and those who fire it share.

use std::fmt;
use std::ops::RangeInclusive;

use super::Proof;
use crate::domain::Invalid;
use crate::domain::signature::{SECRET_PREFIX, Secret};

/// How many bytes a secret may have that is no `whsec_…`.
const BYTES: RangeInclusive<usize> = 8..=512;

/// The secret of a trigger: a text, whose bytes are the key. Only where
/// `webhook-signature` is checked is it `whsec_` and the key in base64.
#[derive(Clone, PartialEq, Eq)]
pub struct TriggerSecret(String);

impl TriggerSecret {
    /// Reads a secret from outside, for a trigger that is proven so; `None`: that is seen
    /// from each request.
    ///
    /// # Errors
    /// Names the field `secret`. The text itself is never repeated.
    pub fn parse(text: &str, proof: Option<&Proof>) -> Result<Self, Invalid> {
        // GitLab's own secret tokens begin otherwise, so this one lost a part.
        let signing_token = proof == Some(&Proof::Gitlab) && text.trim().starts_with(SECRET_PREFIX);
        if signing_token || proof == Some(&Proof::StandardWebhooks) {
            return Secret::parse(text).map(|secret| Self(secret.text()));
        }
        if !BYTES.contains(&text.len()) {
            return Err(invalid(&format!("has {} bytes", text.len()), "give 8 to 512"));
        }
        if text.trim() != text {
            return Err(invalid("begins or ends with blanks or a line break", "leave them out on both sides"));
        }
        Ok(Self(text.to_owned()))
    }

    /// Takes what [`TriggerSecret::text`] gave before, from the store.
    #[must_use]
    pub fn trusted(text: String) -> Self {
        Self(text)
    }

    /// The secret itself: for its owner and for the disk, never for a log.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

fn invalid(why: &str, remedy: &str) -> Invalid {
    Invalid::new("secret", format!("{why}: {remedy}"))
}

impl fmt::Debug for TriggerSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TriggerSecret(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNING: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    #[test]
    fn a_secret_is_any_text_or_a_key_where_the_proof_wants_one() {
        let long = "ü".repeat(256);
        for text in ["It's a Secret", "12345678", &long, SIGNING, "whsec_no base64"] {
            for proof in [None, Some(&Proof::Github), Some(&Proof::Bitbucket)] {
                assert_eq!(TriggerSecret::parse(text, proof).unwrap().text(), text);
            }
        }

        for proof in [Proof::StandardWebhooks, Proof::Gitlab] {
            assert_eq!(TriggerSecret::parse(&format!(" {SIGNING}\n"), Some(&proof)).unwrap().text(), SIGNING);
        }
        assert!(TriggerSecret::parse("a secret token", Some(&Proof::Gitlab)).is_ok());
    }

    #[test]
    fn what_is_no_secret_is_refused_without_being_repeated() {
        let long = "HIDDEN".repeat(86);
        let cases = [
            ("", None, "has 0 bytes"),
            ("HIDDEN7", Some(Proof::Github), "has 7 bytes"),
            (&long, Some(Proof::Gitea), "has 516 bytes"),
            ("HIDDEN HIDDEN\n", None, "begins or ends with blanks"),
            ("\u{a0}HIDDEN HIDDEN", Some(Proof::Bitbucket), "begins or ends with blanks"),
            ("HIDDEN HIDDEN", Some(Proof::StandardWebhooks), "does not begin with whsec_"),
            ("whsec_HIDDEN!", Some(Proof::Gitlab), "is not base64"),
        ];

        for (text, proof, why) in cases {
            let refused = TriggerSecret::parse(text, proof.as_ref()).unwrap_err();
            assert_eq!(refused.field, "secret");
            assert!(refused.message.starts_with(why) && refused.message.contains(": "), "{refused}");
            assert!(!refused.message.contains("HIDDEN"), "{refused}");
        }
    }

    #[test]
    fn no_secret_is_shown_by_mistake() {
        assert_eq!(format!("{:?}", TriggerSecret::trusted("HIDDEN".to_owned())), "TriggerSecret(***)");
    }
}
