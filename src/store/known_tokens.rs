//! All tokens in memory, as they stood on disk a moment ago: who asks is looked up
//! with every request.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use subtle::ConstantTimeEq;
use tokio::sync::{Mutex, watch};

use super::Result;
use super::db::Db;
use crate::clock::Clock;
use crate::domain::access::Caller;
use crate::domain::id::TokenId;
use crate::domain::time::Timestamp;
use crate::domain::token::{Token, TokenHash};

/// How often the database is asked whether a token was made or revoked.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// How often it is written down when tokens were last used.
const NOTE_EVERY: Duration = Duration::from_mins(1);

/// A token, and who comes with it.
#[derive(Debug)]
pub struct KnownToken {
    /// As it stands on disk.
    pub token: Token,
    /// Who comes with it.
    pub caller: Arc<Caller>,
    /// When it was last used, in milliseconds, if that is not on disk yet; else 0.
    used: AtomicI64,
}

impl KnownToken {
    /// Somebody came with it.
    pub fn used(&self, now: Timestamp) {
        self.used.store(now.millis(), Ordering::Relaxed);
    }
}

#[derive(Debug, Default)]
struct Known {
    /// The state of the database that this is of.
    changes: i64,
    /// By the first bytes of their hashes: what time a look-up takes tells nothing of
    /// the rest, and of these nothing that would help to find a token.
    by_prefix: HashMap<[u8; 8], Arc<KnownToken>>,
    /// The same ones, by their numbers.
    by_id: HashMap<TokenId, Arc<KnownToken>>,
}

/// The tokens that were ever made.
pub struct KnownTokens {
    known: RwLock<Known>,
    /// How many looks have begun.
    looks: AtomicU64,
    /// Held while the database is asked: which look was the last to end, and how.
    looked: Mutex<(u64, Result<()>)>,
    db: Db,
}

impl KnownTokens {
    /// All tokens of a database.
    ///
    /// # Errors
    /// Trouble of the database.
    pub async fn of(db: Db) -> Result<Self> {
        let known = Self { known: RwLock::default(), looks: AtomicU64::new(0), looked: Mutex::new((0, Ok(()))), db };
        known.look_again().await?;
        Ok(known)
    }

    /// Whether no token was ever made: anybody may come in.
    #[must_use]
    pub fn are_none(&self) -> bool {
        self.known().by_prefix.is_empty()
    }

    /// The token of this hash, whatever its state.
    #[must_use]
    pub fn find(&self, hash: &TokenHash) -> Option<Arc<KnownToken>> {
        let found = self.known().by_prefix.get(&prefix(hash)).cloned()?;
        bool::from(found.token.hash.0.ct_eq(&hash.0)).then_some(found)
    }

    /// What people call a token.
    #[must_use]
    pub fn name(&self, id: TokenId) -> Option<String> {
        self.known().by_id.get(&id).map(|known| known.token.name.clone())
    }

    /// Asks the database whether a token was made or revoked. Who asks at the same
    /// time shares a look that begins after that.
    ///
    /// # Errors
    /// Trouble of the database: what was known stays.
    pub async fn look(&self) -> Result<()> {
        let asked = self.looks.load(Ordering::SeqCst);
        let mut looked = self.looked.lock().await;
        if looked.0 <= asked {
            let look = self.looks.fetch_add(1, Ordering::SeqCst) + 1;
            *looked = (look, self.look_once().await);
        }
        looked.1.clone()
    }

    async fn look_once(&self) -> Result<()> {
        let before = self.known().changes;
        if self.db.look(|archive| archive.token_changes()).await? != before {
            self.look_again().await?;
        }
        Ok(())
    }

    async fn look_again(&self) -> Result<()> {
        // The count first: a change between the two readings is found at the next look.
        let (changes, tokens) = self.db.look(|archive| Ok((archive.token_changes()?, archive.known_tokens()?))).await?;
        let used: HashMap<_, _> = self.take_used().into_iter().collect();
        let known = |token: Token| {
            let used = used.get(&token.id).map_or(0, |at| at.millis());
            let caller = Arc::new(Caller::from(&token));
            Arc::new(KnownToken { token, caller, used: AtomicI64::new(used) })
        };
        let all: Vec<_> = tokens.into_iter().map(known).collect();
        let by_prefix = all.iter().map(|known| (prefix(&known.token.hash), known.clone())).collect();
        let by_id = all.into_iter().map(|known| (known.token.id, known)).collect();
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Known { changes, by_prefix, by_id };
        Ok(())
    }

    /// Which tokens were used since this was last asked, and when.
    fn take_used(&self) -> Vec<(TokenId, Timestamp)> {
        let known = self.known();
        let used = known.by_prefix.values().map(|known| (known.token.id, known.used.swap(0, Ordering::Relaxed)));
        used.filter(|(_, at)| *at != 0).map(|(id, at)| (id, Timestamp::from_millis(at))).collect()
    }

    async fn note_uses(&self) -> Result<()> {
        let used = self.take_used();
        if used.is_empty() {
            return Ok(());
        }
        self.db.write(move |store| store.tokens_used(&used)).await
    }

    /// Keeps what is known up to date until `stop` says so.
    pub async fn watch(self: Arc<Self>, clock: Arc<dyn Clock>, mut stop: watch::Receiver<bool>) {
        let mut note_at = clock.elapsed() + NOTE_EVERY;
        while !*stop.borrow() {
            tokio::select! {
                () = clock.sleep(LOOK_EVERY) => {}
                // An error means that whoever could stop us is gone.
                changed = stop.changed() => if changed.is_err() { break },
            }
            if let Err(error) = self.look().await {
                tracing::error!(%error, "whether tokens were made or revoked cannot be seen; trying again");
            }
            if clock.elapsed() >= note_at || *stop.borrow() {
                note_at = clock.elapsed() + NOTE_EVERY;
                if let Err(error) = self.note_uses().await {
                    tracing::warn!(%error, "when tokens were last used is not written down");
                }
            }
        }
    }

    fn known(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }
}

fn prefix(hash: &TokenHash) -> [u8; 8] {
    let mut prefix = [0; 8];
    prefix.copy_from_slice(&hash.0[..8]);
    prefix
}
