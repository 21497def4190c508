//! The keys of repositories that bodies told, and how many more may be derived.
//!
//! A body is not to be trusted before its signature is right, and its key is needed for
//! that. So each name that turns out wrong uses up a part of an allowance; one that turns
//! out right gives it back, and is the last to be forgotten.

use std::time::Duration;

use ring::hmac::Key;

use crate::domain::time::Timestamp;

/// How many keys are remembered: more repositories than one webhook serves, a few hundred
/// bytes each.
const MOST: usize = 256;

/// How many wrong names may come at once, and how soon each is forgiven. So a stranger who
/// knows a trigger's address can have one key derived in a second: some five milliseconds
/// of one processor.
const AT_ONCE: u32 = 16;
const EACH: Duration = Duration::from_secs(1);

struct Known {
    repository: String,
    key: Key,
    proven: bool,
}

/// Those of one trigger, the least lately used first.
pub(super) struct KnownKeys {
    known: Vec<Known>,
    /// When the whole allowance will be there again.
    whole_at: Timestamp,
}

impl Default for KnownKeys {
    fn default() -> Self {
        Self { known: vec![], whole_at: Timestamp::EPOCH }
    }
}

impl KnownKeys {
    /// The key of a repository, if it is known.
    pub(super) fn find(&mut self, repository: &str) -> Option<Key> {
        let place = self.place(repository)?;
        self.known[place..].rotate_left(1);
        self.known.last().map(|known| known.key.clone())
    }

    /// Takes what one derivation costs; else says how long to wait.
    pub(super) fn afford(&mut self, now: Timestamp) -> Result<(), Duration> {
        let latest = now.plus(EACH * AT_ONCE);
        // Clamped for good: a clock that was put back must not shut the door for as long.
        self.whole_at = self.whole_at.clamp(now, latest);
        let next = self.whole_at.plus(EACH);
        if next > latest {
            return Err(next.since(latest));
        }
        self.whole_at = next;
        Ok(())
    }

    /// Remembers a key. A name that was never right makes room first.
    pub(super) fn keep(&mut self, repository: &str, key: &Key) {
        if self.place(repository).is_some() {
            return;
        }
        if self.known.len() >= MOST {
            let place = self.known.iter().position(|known| !known.proven).unwrap_or(0);
            self.known.remove(place);
        }
        self.known.push(Known { repository: repository.to_owned(), key: key.clone(), proven: false });
    }

    /// A signature was right: such names cost nothing.
    pub(super) fn proven(&mut self, repository: &str) {
        let known = self.known.iter_mut().find(|known| known.repository == repository && !known.proven);
        if let Some(known) = known {
            known.proven = true;
            self.whole_at = self.whole_at.minus(EACH);
        }
    }

    fn place(&self, repository: &str) -> Option<usize> {
        self.known.iter().position(|known| known.repository == repository)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::hmac::{HMAC_SHA256, sign};

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(1_780_000_000_000 + millis)
    }

    fn key(name: &str) -> Key {
        Key::new(HMAC_SHA256, name.as_bytes())
    }

    #[test]
    fn wrong_names_are_rationed() {
        let mut keys = KnownKeys::default();

        let at_once = (0..100).filter(|_| keys.afford(at(0)).is_ok()).count();
        let in_a_minute = (1..=6000).filter(|n| keys.afford(at(n * 10)).is_ok()).count();

        assert_eq!((at_once, in_a_minute), (16, 60));
        assert_eq!(keys.afford(at(60_400)), Err(Duration::from_millis(600)));
        assert_eq!(keys.afford(at(61_000)), Ok(()));
    }

    #[test]
    fn right_names_cost_nothing() {
        let mut keys = KnownKeys::default();

        for name in (0..200).map(|n| format!("acme/{n}")) {
            assert_eq!(keys.afford(at(0)), Ok(()));
            keys.keep(&name, &key(&name));
            keys.proven(&name);
            keys.proven(&name);
        }

        assert_eq!((0..100).filter(|_| keys.afford(at(0)).is_ok()).count(), 16, "and save nothing up");
    }

    #[test]
    fn a_clock_that_is_put_back_does_not_shut_the_door() {
        let mut keys = KnownKeys::default();
        (0..16).for_each(|_| keys.afford(at(86_400_000)).unwrap());

        assert_eq!(keys.afford(at(0)), Err(EACH));
        assert_eq!(keys.afford(at(1000)), Ok(()));
    }

    #[test]
    fn names_that_were_never_right_make_room_first() {
        let mut keys = KnownKeys::default();
        for name in ["acme/shop", "acme/till"] {
            keys.keep(name, &key(name));
            keys.proven(name);
        }

        for name in (0..1000).map(|n| format!("evil/{n}")) {
            keys.keep(&name, &key(&name));
        }

        assert_eq!(keys.known.len(), MOST);
        let same = |found: Option<Key>, name| sign(&found.unwrap(), b"x").as_ref() == sign(&key(name), b"x").as_ref();
        assert!(same(keys.find("acme/shop"), "acme/shop") && same(keys.find("acme/till"), "acme/till"));
        assert!(same(keys.find("evil/999"), "evil/999") && keys.find("evil/0").is_none());
    }
}
