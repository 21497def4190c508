//! What hooks sign with, for those who may know.

use std::time::Duration;

use super::Result;
use crate::domain::id::HookId;
use crate::domain::signature::{Secret, SigningKey};
use crate::domain::time::Timestamp;

/// What a hook signs with.
#[derive(Debug, Clone)]
pub struct SigningKeys {
    /// The newest, which signs from now on.
    pub current: SigningKey,
    /// Until when a former one signs beside it; `None` if none does.
    pub former_until: Option<Timestamp>,
    /// How many sign, this one included.
    pub count: usize,
}

/// What hooks sign with. Read in writing transactions, too: nobody gives the
/// database another key meanwhile.
pub trait Secrets {
    /// What the hook signs with. `None` if there is no such hook.
    ///
    /// # Errors
    /// What is sealed does not open, or trouble of the database.
    fn signing_keys(&mut self, now: Timestamp, id: HookId) -> Result<Option<SigningKeys>>;

    /// Gives the hook this secret, or a new one; the one that it has signs beside it
    /// for as long as `overlap`. `None` if there is no such hook.
    ///
    /// # Errors
    /// As [`Secrets::signing_keys`].
    fn rotate_secret(
        &mut self,
        now: Timestamp,
        id: HookId,
        secret: Option<&Secret>,
        overlap: Duration,
    ) -> Result<Option<SigningKeys>>;

    /// Forgets former secrets that no longer sign, of at most `limit` hooks; answers
    /// of how many.
    ///
    /// # Errors
    /// Trouble of the database.
    fn forget_former(&mut self, now: Timestamp, limit: usize) -> Result<usize>;
}
