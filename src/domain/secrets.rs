//! What is secret about a hook: with what it signs, and what else its requests
//! carry that proves who we are.

use std::time::Duration;

use super::Invalid;
use super::certificate::ClientCertificate;
use super::headers::CustomHeaders;
use super::signature::{Scheme, Signatures, Signer, SigningKey};
use super::time::Timestamp;
use super::url::Credentials;

/// So many keys sign beside each other at most: each makes every request longer.
pub const MAX_KEYS: usize = 10;

/// A key, and how long it signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookKey {
    /// The key.
    pub key: SigningKey,
    /// `None`: until another takes its place.
    pub until: Option<Timestamp>,
}

/// All that is secret about a hook.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HookSecrets {
    /// What stood in the URL as user info.
    pub credentials: Option<Credentials>,
    /// What its owner wants its requests to carry.
    pub headers: CustomHeaders,
    /// The newest first, which has no end.
    pub keys: Vec<HookKey>,
    /// What we show to its server, with the private key.
    pub client_certificate: Option<ClientCertificate>,
}

impl HookSecrets {
    /// Those of a new hook.
    ///
    /// # Errors
    /// As [`HookSecrets::check`].
    pub fn new(credentials: Option<Credentials>, headers: CustomHeaders, key: SigningKey) -> Result<Self, Invalid> {
        let keys = vec![HookKey { key, until: None }];
        let secrets = Self { credentials, headers, keys, client_certificate: None };
        secrets.check()?;
        Ok(secrets)
    }

    /// What its parts for themselves cannot tell.
    ///
    /// # Errors
    /// Names `headers`, if both they and the URL say what `Authorization` is to be.
    pub fn check(&self) -> Result<(), Invalid> {
        if self.credentials.is_some() && self.headers.names().any(|name| name == "authorization") {
            let message =
                "cannot hold authorization: the user info of the URL becomes that header; leave one of them out";
            return Err(Invalid::new("headers", message));
        }
        Ok(())
    }

    /// Signs with `key` from now on, and with those before for a while beside it.
    /// Whoever asks again with the key that is in use changes nothing.
    pub fn rotate(&mut self, now: Timestamp, key: SigningKey, overlap: Duration) {
        if self.keys.first().is_some_and(|newest| newest.key.secret == key.secret) {
            return;
        }
        if let Some(newest) = self.keys.first_mut() {
            newest.until = Some(now.plus(overlap));
        }
        self.keys.retain(|former| former.key.secret != key.secret);
        self.keys.insert(0, HookKey { key, until: None });
        self.keys.truncate(MAX_KEYS);
        self.forget_former(now);
    }

    /// Forgets the keys that no longer sign.
    pub fn forget_former(&mut self, now: Timestamp) {
        self.keys.retain(|key| key.until.is_none_or(|until| until > now));
    }

    /// When the first of the former keys no longer signs.
    #[must_use]
    pub fn next_end(&self) -> Option<Timestamp> {
        self.keys.iter().filter_map(|key| key.until).min()
    }

    /// When the last of those that still sign no longer does.
    #[must_use]
    pub fn last_end(&self, now: Timestamp) -> Option<Timestamp> {
        self.keys.iter().filter_map(|key| key.until).filter(|until| *until > now).max()
    }
}

/// Signs what a hook is sent: with its key, and with former ones until their end.
#[derive(Debug, Default)]
pub struct Signing {
    current: Option<Signer>,
    former: Vec<(Timestamp, Signer)>,
}

impl Signing {
    /// Prepares these keys for these schemes.
    #[must_use]
    pub fn new(keys: &[HookKey], schemes: &[Scheme]) -> Self {
        // GitHub's header has room for one signature: it is the newest key's.
        let several: Vec<_> = schemes.iter().copied().filter(|scheme| *scheme != Scheme::Github).collect();
        let signer = |key: &HookKey, schemes| Signer::new(std::slice::from_ref(&key.key), schemes);
        let current = keys.iter().find(|key| key.until.is_none()).map(|key| signer(key, schemes));
        let former = keys.iter().filter_map(|key| Some((key.until?, signer(key, &several)))).collect();
        Self { current, former }
    }

    /// Signs a body that is sent now as `webhook-id`.
    #[must_use]
    pub fn sign(&self, id: &str, now: Timestamp, body: &[u8]) -> Signatures {
        let mut all = self.current.as_ref().map(|signer| signer.sign(id, now.seconds(), body)).unwrap_or_default();
        for (_, signer) in self.former.iter().filter(|(until, _)| *until > now) {
            let former = signer.sign(id, now.seconds(), body).webhook;
            all.webhook = match (all.webhook, former) {
                (Some(newer), Some(older)) => Some(format!("{newer} {older}")),
                (newer, older) => newer.or(older),
            };
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::signature::Secret;

    const DAY: Duration = Duration::from_hours(24);

    fn key(byte: u8) -> SigningKey {
        SigningKey { secret: Secret::from_bytes([byte; 32]), seed: [byte; 32] }
    }

    fn secrets() -> HookSecrets {
        HookSecrets::new(None, CustomHeaders::default(), key(1)).unwrap()
    }

    fn after(hours: u64) -> Timestamp {
        Timestamp::EPOCH.plus(Duration::from_hours(hours))
    }

    fn signatures(secrets: &HookSecrets, now: Timestamp) -> Vec<String> {
        let signatures = Signing::new(&secrets.keys, &Scheme::ALL).sign("evt_1", now, b"{}");
        signatures.webhook.unwrap().split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn a_former_key_signs_beside_the_new_one_until_its_end_and_not_after() {
        let mut secrets = secrets();
        let before = signatures(&secrets, after(1));
        secrets.rotate(after(0), key(2), DAY);

        let during = signatures(&secrets, after(1));
        let at_the_end = signatures(&secrets, after(24));

        assert_eq!((before.len(), during.len(), at_the_end.len()), (2, 4, 2));
        assert_eq!(during[2..], before[..], "the newest comes first");
        assert_eq!((secrets.next_end(), secrets.last_end(after(23))), (Some(after(24)), Some(after(24))));
        assert_eq!(secrets.last_end(after(24)), None);
    }

    #[test]
    fn without_an_overlap_the_former_key_signs_no_more() {
        let mut secrets = secrets();

        secrets.rotate(after(0), key(2), Duration::ZERO);

        assert_eq!(secrets.keys, [HookKey { key: key(2), until: None }]);
    }

    #[test]
    fn only_a_few_keys_are_kept_and_none_twice() {
        let mut secrets = secrets();
        for byte in [2, 2, 3, 4, 5, 4].into_iter().chain(6..14) {
            secrets.rotate(after(0), key(byte), DAY);
        }

        let kept: Vec<_> = secrets.keys.iter().map(|key| key.key.seed[0]).collect();
        assert_eq!(kept, [13, 12, 11, 10, 9, 8, 7, 6, 4, 5]);
        assert!(secrets.keys[0].until.is_none() && secrets.keys[1..].iter().all(|key| key.until.is_some()));
    }

    #[test]
    fn github_has_the_newest_signature_alone() {
        let mut secrets = secrets();
        secrets.rotate(after(0), key(2), DAY);

        let both = Signing::new(&secrets.keys, &[Scheme::Github]).sign("evt_1", after(1), b"{}");
        let new = Signer::new(&[key(2)], &[Scheme::Github]).sign("evt_1", after(1).seconds(), b"{}");

        assert_eq!(both, new);
    }
}
