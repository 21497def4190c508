//! What a hook signs with, as JSON.

use serde::Serialize;

use crate::domain::time::Timestamp;
use crate::store::SigningKeys;

/// What a hook signs with, for those who may know.
#[derive(Serialize)]
pub(in crate::api) struct SecretView {
    secret: String,
    public_key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    former: Option<FormerView>,
}

#[derive(Serialize)]
struct FormerView {
    until: Timestamp,
}

impl From<SigningKeys> for SecretView {
    fn from(keys: SigningKeys) -> Self {
        Self {
            secret: keys.current.secret.text(),
            public_key: keys.current.public_key(),
            former: keys.former_until.map(|until| FormerView { until }),
        }
    }
}
