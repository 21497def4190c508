//! How a request that fires a trigger proves that it comes from where it should.
//!
//! (A `Scheme` is the outgoing half: how what is sent from here is signed.)

mod authenticator;
mod cds;
mod fields;
mod hmac;
mod refusal;
mod secret;
mod sensitive;
#[cfg(test)]
mod tests;

use http::HeaderMap;
use serde::{Deserialize, Serialize};

pub use authenticator::{Authenticator, Proven};
pub use cds::CdsNames;
pub use fields::ProofFields;
pub use hmac::{Algorithm, Encoding, HmacSettings};
pub use refusal::{Fault, NotProven};
pub use secret::TriggerSecret;
pub use sensitive::sensitive;

/// How the senders of a trigger prove who they are, without the secret. All is over the
/// body to the byte.
///
/// JSON has it flat, as [`ProofFields`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "ProofFields", into = "ProofFields")]
pub enum Proof {
    /// `X-Hub-Signature-256`: hex of HMAC-SHA256. The one of SHA-1 beside it does not count.
    Github,
    /// `X-Gitlab-Token`: the secret itself. From GitLab 19 on a signing token (`whsec_…`)
    /// besides, which signs as Standard Webhooks do.
    Gitlab,
    /// `X-Hub-Signature`: hex of HMAC-SHA256, from the server and the cloud alike.
    Bitbucket,
    /// `X-Gitea-Signature`, `X-Forgejo-Signature` or `X-Hub-Signature-256`: the first that
    /// is there, hex of HMAC-SHA256.
    Gitea,
    /// Standard Webhooks 1.0: `webhook-id`, `webhook-timestamp` and `webhook-signature`.
    StandardWebhooks,
    /// An HMAC in a header of the sender's choice.
    Hmac(HmacSettings),
    /// What CDS signs with: a key that is derived from names.
    Cds(CdsNames),
}

impl Proof {
    /// How JSON, the store and the wire spell each of them.
    pub const NAMES: [&'static str; 7] = ["github", "gitlab", "bitbucket", "gitea", "standard-webhooks", "hmac", "cds"];

    /// How JSON, the store and the wire spell it.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Github => "github",
            Self::Gitlab => "gitlab",
            Self::Bitbucket => "bitbucket",
            Self::Gitea => "gitea",
            Self::StandardWebhooks => "standard-webhooks",
            Self::Hmac(_) => "hmac",
            Self::Cds(_) => "cds",
        }
    }

    /// Which one a request seems to bring, where its trigger names none. Whichever a sender
    /// takes, it needs the secret; but one that signs in two ways can be replayed in the
    /// way that tells no time, so a trigger had better name the one that it wants.
    #[must_use]
    pub fn recognise(headers: &HeaderMap) -> Option<Self> {
        let has = |name: &str| headers.contains_key(name);
        let family = |prefix: &str| headers.keys().any(|name| name.as_str().starts_with(prefix));
        match () {
            // First, because these two send GitHub's headers as well.
            () if family("x-gitea-") || family("x-forgejo-") => Some(Self::Gitea),
            () if has("x-github-event") => Some(Self::Github),
            () if has("x-gitlab-event") => Some(Self::Gitlab),
            () if has("x-event-key") => Some(Self::Bitbucket),
            () if has("webhook-signature") => Some(Self::StandardWebhooks),
            () if has("x-hub-signature-256") => Some(Self::Github),
            () => None,
        }
    }
}
