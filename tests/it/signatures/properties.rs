//! What holds for any key, any request and any change to it.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use nyala::domain::signature::{Scheme, Secret, Signer, SigningKey};
use nyala::domain::time::Timestamp;
use nyala::domain::verify::{Claim, Mismatch, PublicKey, TOLERANCE, Verifier};
use proptest::collection::{SizeRange, vec};
use proptest::prelude::*;
use proptest::sample::Index;

/// A signed request: what went in, and the headers that came out.
#[derive(Debug, Clone)]
struct Signed {
    keys: Vec<SigningKey>,
    now: Timestamp,
    id: Vec<u8>,
    timestamp: Vec<u8>,
    body: Vec<u8>,
    webhook: Vec<u8>,
    github: Vec<u8>,
}

impl Signed {
    fn webhook(&self, verifier: &Verifier) -> Result<Scheme, Mismatch> {
        let names = ["webhook-id", "webhook-timestamp", "webhook-signature"];
        let values = [&self.id, &self.timestamp, &self.webhook].map(Vec::as_slice);
        let claim = Claim::read(names.into_iter().zip(values))?;
        verifier.verify(&claim, &self.body, self.now, TOLERANCE).map(|verified| verified.scheme)
    }

    fn github(&self, verifier: &Verifier) -> Result<Scheme, Mismatch> {
        let claim = Claim::read([("x-hub-signature-256", self.github.as_slice())])?;
        verifier.verify(&claim, &self.body, self.now, TOLERANCE).map(|verified| verified.scheme)
    }

    /// What a receiver with all the secrets, or all the public keys, checks with.
    fn verifiers(&self) -> [Verifier; 2] {
        [secrets(&self.keys), public_keys(&self.keys)]
    }
}

fn secrets(keys: &[SigningKey]) -> Verifier {
    Verifier::new(&keys.iter().map(|key| key.secret.clone()).collect::<Vec<_>>(), &[])
}

fn public_keys(keys: &[SigningKey]) -> Verifier {
    Verifier::new(&[], &keys.iter().map(|key| PublicKey::parse(&key.public_key()).unwrap()).collect::<Vec<_>>())
}

fn bytes(size: impl Into<SizeRange>) -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), size)
}

fn key() -> impl Strategy<Value = SigningKey> {
    let secret =
        bytes(24..=64).prop_map(|bytes| Secret::parse(&format!("whsec_{}", BASE64_STANDARD.encode(bytes))).unwrap());
    (secret, any::<[u8; 32]>()).prop_map(|(secret, seed)| SigningKey { secret, seed })
}

fn signed(keys: impl Strategy<Value = Vec<SigningKey>>) -> impl Strategy<Value = Signed> {
    let request = ("[a-zA-Z0-9_-]{1,40}", 0..4_000_000_000_i64, bytes(0..600));
    (keys, request).prop_map(|(keys, (id, timestamp, body))| {
        let signatures = Signer::new(&keys, &Scheme::ALL).sign(&id, timestamp, &body);
        Signed {
            keys,
            now: Timestamp::from_millis(timestamp * 1000),
            id: id.into(),
            timestamp: timestamp.to_string().into(),
            body,
            webhook: signatures.webhook.unwrap().into(),
            github: signatures.github.unwrap().into(),
        }
    })
}

/// The headers that matter, and one that does not.
const KNOWN: [&str; 5] = ["webhook-id", "webhook-timestamp", "webhook-signature", "x-hub-signature-256", "host"];

/// What stands in such headers, or nearly so.
fn value() -> impl Strategy<Value = Vec<u8>> {
    let entries = "((v1|v1a|v2),[A-Za-z0-9+/]{43}= ?){0,4}";
    let texts = prop_oneof![entries, "v1a,[A-Za-z0-9+/]{86}==", "sha256=[0-9a-f]{64}", "[0-9]{1,24}"];
    prop_oneof![3 => texts.prop_map(String::into_bytes), 1 => bytes(0..80)]
}

proptest! {
    #[test]
    fn any_one_key_of_a_rotation_verifies_any_request(signed in signed(vec(key(), 1..4))) {
        for key in signed.keys.chunks(1) {
            prop_assert_eq!(signed.webhook(&secrets(key)), Ok(Scheme::V1));
            prop_assert_eq!(signed.webhook(&public_keys(key)), Ok(Scheme::V1a));
        }
        prop_assert_eq!(signed.github(&secrets(&signed.keys[..1])), Ok(Scheme::Github));
    }

    #[test]
    fn another_key_verifies_nothing(signed in signed(vec(key(), 1..4)), others in vec(key(), 1..4)) {
        prop_assert_eq!(signed.webhook(&secrets(&others)), Err(Mismatch::Wrong(Scheme::V1)));
        prop_assert_eq!(signed.webhook(&public_keys(&others)), Err(Mismatch::Wrong(Scheme::V1a)));
        prop_assert_eq!(signed.github(&secrets(&others)), Err(Mismatch::Wrong(Scheme::Github)));
    }

    #[test]
    fn a_flipped_bit_in_what_is_signed_is_noticed(signed in signed(vec(key(), 1..3)), at in any::<Index>(), bit in 0..8_u32) {
        let mut flipped = signed.clone();
        let mut parts: Vec<_> = [&mut flipped.id, &mut flipped.timestamp, &mut flipped.body].into_iter().flatten().collect();
        let at = at.index(parts.len());
        *parts[at] ^= 1 << bit;

        for verifier in signed.verifiers() {
            prop_assert!(flipped.webhook(&verifier).is_err());
        }
        let same_body = flipped.body == signed.body;
        prop_assert_eq!(flipped.github(&secrets(&signed.keys)).is_ok(), same_body);
    }

    #[test]
    fn a_time_that_is_written_otherwise_is_not_what_was_signed(signed in signed(vec(key(), 1))) {
        for front in [&b"0"[..], b"+", b" "] {
            let timestamp = [front, &signed.timestamp].concat();
            let changed = Signed { timestamp, ..signed.clone() };
            for verifier in signed.verifiers() {
                prop_assert!(changed.webhook(&verifier).is_err());
            }
        }
    }

    #[test]
    fn a_changed_byte_in_a_signature_is_noticed(signed in signed(vec(key(), 1)), at in any::<Index>(), to in any::<u8>()) {
        let change = |bytes: &[u8]| {
            let mut changed = bytes.to_vec();
            changed[at.index(bytes.len())] = to;
            changed
        };
        let both = String::from_utf8(signed.webhook.clone()).unwrap();
        for (entry, verifier) in both.split(' ').zip(signed.verifiers()) {
            let changed = Signed { webhook: change(entry.as_bytes()), ..signed.clone() };
            prop_assert_eq!(changed.webhook(&verifier).is_ok(), changed.webhook == entry.as_bytes());
        }
        let changed = Signed { github: change(&signed.github), ..signed.clone() };
        prop_assert_eq!(changed.github(&secrets(&signed.keys)).is_ok(), changed.github == signed.github);
    }

    #[test]
    fn nothing_that_a_stranger_sends_is_taken_for_right_or_panics(
        names in vec(0..KNOWN.len(), 0..6),
        values in vec(value(), 6),
        body in bytes(0..80),
        now in any::<i64>(),
        tolerance in any::<u64>(),
    ) {
        let headers = names.iter().zip(&values).map(|(&name, value)| (KNOWN[name], value.as_slice()));
        let keys = [SigningKey { secret: Secret::from_bytes([7; 32]), seed: [7; 32] }];
        for verifier in [secrets(&keys), public_keys(&keys), Verifier::new(&[], &[])] {
            let why = Claim::read(headers.clone()).and_then(|claim| {
                verifier.verify(&claim, &body, Timestamp::from_millis(now), Duration::from_secs(tolerance)).map(drop)
            });
            prop_assert!(!why.unwrap_err().to_string().is_empty());
        }
    }
}
