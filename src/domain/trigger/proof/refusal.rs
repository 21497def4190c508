//! Why a request proves nothing: never the secret, never what would have been right.

use std::borrow::Cow;
use std::time::Duration;

use crate::domain::verify::Mismatch;

/// The name of a header.
pub(super) type Name = Cow<'static, str>;

/// Of what kind a refusal is, which settles how it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The request brings no proof.
    Missing,
    /// It brings one that is not right.
    Wrong,
    /// It was right once, or will be: the request may be a recorded one.
    Untimely,
    /// It was not looked at: so much would have cost too much.
    Busy,
}

/// Why a request does not fire its trigger.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotProven {
    /// The trigger does not say how it is proven, and no header does.
    #[error("no header tells how the request is signed: send a signature, or name the trigger's scheme")]
    Unrecognised,
    /// Without this header there is nothing to check.
    #[error("the header {0} is missing")]
    Missing(Name),
    /// Only the signature that GitHub keeps for old receivers.
    #[error("x-hub-signature is SHA-1, which does not count: x-hub-signature-256 is missing")]
    Sha1Only,
    /// A header that comes twice could be read in two ways.
    #[error("the header {0} comes twice: which of the two counts cannot be told")]
    Repeated(Name),
    /// A header that is no signature.
    #[error("{header} is not {wanted}")]
    Unreadable {
        /// Which one.
        header: Name,
        /// What it should be.
        wanted: String,
    },
    /// A header that is no time.
    #[error("{0} is not a number of seconds since 1970")]
    NoTime(Name),
    /// `webhook-id` cannot be told from what is signed after it.
    #[error("webhook-id has a full stop or a letter beyond ASCII in it, which Standard Webhooks do not allow")]
    NoId,
    /// The signature does not fit, and which of the two reasons it is cannot be told.
    #[error("{0} does not fit: it was made with another secret, or the body was changed on the way")]
    Wrong(Name),
    /// `X-Gitlab-Token` is another one.
    #[error("x-gitlab-token is not the trigger's secret")]
    OtherToken,
    /// It is signed with a key that the trigger does not have.
    #[error("webhook-signature is checked with a secret that begins with whsec_, and the trigger's does not")]
    OtherSecret,
    /// The key of CDS cannot be derived.
    #[error("the body does not tell which repository it is about: give the trigger a `repository`")]
    NoRepository,
    /// What Standard Webhooks say.
    #[error(transparent)]
    Standard(#[from] Mismatch),
    /// The signature is right, and a request of that age could be a recorded one.
    #[error("the signature fits, but {header} is {} old and may be {} at most", age(*.by), age(*.tolerance))]
    TooOld {
        /// Which header tells the time.
        header: Name,
        /// Its age.
        by: Duration,
        /// What would be accepted.
        tolerance: Duration,
    },
    /// The signature is right, and one of the two clocks is wrong.
    #[error(
        "the signature fits, but {header} is {} ahead and may be {} at most: one of the clocks is wrong",
        age(*.by),
        age(*.tolerance)
    )]
    Ahead {
        /// Which header tells the time.
        header: Name,
        /// How far it lies ahead.
        by: Duration,
        /// What would be accepted.
        tolerance: Duration,
    },
    /// Each repository that was never seen before costs a derived key.
    #[error("too many repositories were named of late: send it again in {}, or give the trigger a `repository`", age(*.0))]
    Busy(Duration),
}

impl NotProven {
    /// Of what kind it is.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::Unrecognised | Self::Missing(_) | Self::Sha1Only | Self::Standard(Mismatch::Missing(_)) => {
                Fault::Missing
            }
            Self::TooOld { .. }
            | Self::Ahead { .. }
            | Self::Standard(Mismatch::TooOld { .. } | Mismatch::Ahead { .. }) => Fault::Untimely,
            Self::Busy(_) => Fault::Busy,
            _ => Fault::Wrong,
        }
    }
}

fn age(duration: Duration) -> humantime::FormattedDuration {
    humantime::format_duration(duration)
}
